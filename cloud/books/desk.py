"""The desk: what was asked for on the command line, done in the store."""

import getpass
import os
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from cloud.books.adding import Hand, added, put_on_shelf, said_on
from cloud.books.comparison import Complete
from cloud.books.importing import Wish, imported
from cloud.books.kinds import KINDS, PLANOGRAM, REGISTER, SHELF, Column, Kind
from cloud.books.lanes import doubted, paused, resumed
from cloud.books.listing import listed, showed
from cloud.books.removal import cleared, removed
from cloud.books.template import template
from cloud.clock import now_ms
from cloud.config import load
from cloud.errors import ConfigError, StartError
from cloud.fleet import Register
from cloud.sale_day import zone_of
from cloud.store import BUSY, Store, fleet

Say = Callable[[str], None]


async def kept(arguments: Namespace, say: Say, note: Say) -> int:
    """One command of the books; the exit status.

    Raises:
        ConfigError: what was asked for cannot be; nothing was written.
        StartError: the database is not to be had.
    """
    if arguments.deed == "import" and arguments.template:
        say(template(_columns(KINDS[arguments.command])))
        return 0
    config = load(arguments.config)
    store = await Store.open(config.database)
    try:
        await done(store, arguments, say, note)
    except BUSY as error:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        raise StartError(
            f"database {store.address}: {said}; nothing was written: try again"
        ) from error
    finally:
        await store.close()
    return 0


async def done(store: Store, arguments: Namespace, say: Say, note: Say) -> None:
    """One command, in a store that is open.

    Raises:
        ConfigError: what was asked for cannot be; nothing was written.
    """
    kind, told = KINDS[arguments.command], vars(arguments)
    operator = told.get("operator")
    now = now_ms()
    hand = Hand(told.get("who") or login(), now, datetime.fromtimestamp(now / 1000, _zone()).date())
    match arguments.deed:
        case "list":
            names = ("operator", "register", "planogram")
            where = {name: told[name] for name in names if told.get(name)}
            await listed(store, kind, where, say, as_json=arguments.json)
        case "show":
            await showed(store, kind, arguments.id, operator, say, as_json=arguments.json)
        case "add":
            await _add(store, kind, arguments, hand, say, note)
        case "set":
            what = said_on(arguments, SHELF.columns)
            await put_on_shelf(store, what, hand, say, operator)
        case "remove" if told.get("slot"):
            begin = told.get("valid_from")
            await cleared(store, arguments.id, arguments.slot, begin, operator, hand, say)
        case "remove":
            await removed(store, kind, arguments.id, operator, hand, say)
        case "pause" | "resume" | "restored":
            await _lane(store, arguments, hand, say)
        case "import":
            async with _completing(kind) as complete:
                await imported(store, _wish(kind, arguments, hand, complete), say, note)


async def _lane(store: Store, arguments: Namespace, hand: Hand, say: Say) -> None:
    match arguments.deed:
        case "pause":
            await paused(store, arguments.id, arguments.reason, hand.now_ms, say)
        case "resume":
            await resumed(store, arguments.id, hand.now_ms, say)
        case "restored":
            await doubted(store, arguments.id, hand.who, hand.now_ms, say)


async def _add(  # noqa: PLR0917, all that a command has
    store: Store, kind: Kind, arguments: Namespace, hand: Hand, say: Say, note: Say
) -> None:
    told = said_on(arguments, kind.columns)
    if kind is not REGISTER:
        await added(store, kind, told, hand, say)
        return
    from cloud.books import settings  # noqa: PLC0415, all providers are loaded for it

    in_file = settings.named_in(arguments.settings) if arguments.settings else None
    provider = told.get("provider") or in_file or await _provider_of(store, arguments.id)
    from_file = settings.from_file(arguments.settings, provider) if arguments.settings else {}
    said = {**from_file, **settings.from_pairs(arguments.set, provider)}
    told["provider"] = provider
    told["settings"] = said | dict.fromkeys(arguments.unset)
    told.pop("policies", None)
    async with _completing(kind) as complete:
        register = await added(store, kind, told, hand, say, complete)
    if isinstance(register, Register):
        for line in settings.unreadable(register):
            note(line)


async def _provider_of(store: Store, name: str) -> str:
    async with store.reading() as connection:
        register = await fleet.get(connection, Register, name)
    if register is None:
        raise ConfigError(f"register {name} is new: say --provider, and its settings with --set")
    return register.provider


def _wish(kind: Kind, arguments: Namespace, hand: Hand, complete: Complete | None) -> Wish:
    if arguments.file is None:
        raise ConfigError("say which file to import, or --template for an example of one")
    return Wish(
        arguments.file,
        SHELF if kind is PLANOGRAM else kind,
        _columns(kind),
        vars(arguments).get("operator"),
        arguments.dry_run,
        hand.who,
        hand.now_ms,
        complete,
    )


def _columns(kind: Kind) -> tuple[Column, ...]:
    """Of a file of that kind."""
    if kind is PLANOGRAM:
        return SHELF.columns
    if kind is not REGISTER:
        return kind.columns
    from cloud.books.settings import columns  # noqa: PLC0415, all providers are loaded for it

    return (*kind.columns, *columns())


@asynccontextmanager
async def _completing(kind: Kind) -> AsyncIterator[Complete | None]:
    """How a value of a file is finished and checked further."""
    if kind is not REGISTER:
        yield None
        return
    import aiohttp  # noqa: PLC0415, for registers alone

    from cloud.books.settings import opening  # noqa: PLC0415, all providers are loaded for it

    async with aiohttp.ClientSession() as http:
        yield opening(http)


def login() -> str:
    """Who is logged in; a container may have a number without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _zone() -> Any:  # noqa: ANN401, any zone
    """Where a day begins, if nobody says a day."""
    return zone_of("Europe/Moscow") or UTC

"""What was asked at the desk by command line, as values; runs it and tells what became of it."""

import argparse
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
import sqlalchemy as sa

from cloud.clock import now_ms
from cloud.config import Config, load
from cloud.desk import attention, balance, bulk, checking, showing
from cloud.desk.bulk import Wanted, requeue_all
from cloud.desk.finding import find
from cloud.desk.orders import Correct, Decision, Order, Requeue, Resolve, Return, decide
from cloud.desk.settled import By
from cloud.desk.story import story
from cloud.desk.the_day import the_day
from cloud.desk.words import kopecks
from cloud.errors import ConfigError
from cloud.store import Store
from cloud.store.attention import CAUSES, has_sold
from cloud.store.refusal import refused
from cloud.store.sites import Sites

O = TypeVar("O", bound=Order)  # noqa: E741, the one letter that an order has


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _json(told: object) -> None:
    _say(msgspec.json.encode(told).decode())


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Store]:
    """The store, for as long as a command takes; what the database refuses is told in words."""
    store = await Store.open(config.database)
    try:
        yield store
    except sa.exc.SQLAlchemyError as error:
        raise refused(store.address, error) from error
    finally:
        await store.close()


async def _show(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    async with _opened(config) as store, store.reading() as connection:
        told = await story(connection, await find(connection, arguments.sale))
    if arguments.json:
        _json(told)
    else:
        _say(*showing.lines(told, config.receipt_page(told.token), now_ms()))
    return 0


async def _attention(arguments: argparse.Namespace) -> int:
    if arguments.cause not in {None, *CAUSES}:
        raise ConfigError(f"--cause: expected one of {', '.join(CAUSES)}, not {arguments.cause!r}")
    async with _opened(load(arguments.config)) as store, store.reading() as connection:
        found = await attention.look(
            connection,
            now_ms(),
            machine=arguments.machine,
            cause=arguments.cause,
            everything=arguments.all,
        )
        name = arguments.machine
        known = name is None or await has_sold(connection, name)
    nobody = f"no machine has sold under the name {name!r}"
    if arguments.json:
        if not known:
            _note(nobody)
        _json(found)
    elif known:
        _say(*attention.lines(found))
    else:
        _say(*attention.lines(found, nobody))
    return 0


async def _requeue(arguments: argparse.Namespace) -> int:
    amount = None if arguments.amount is None else kopecks(arguments.amount)
    order = _order(Requeue, arguments, amount=amount)
    if (arguments.sale is None) == (arguments.cause is None):
        raise ConfigError("requeue: name one SALE, or with --cause all that need a hand for it")
    if arguments.sale is not None:
        if arguments.machine is not None:
            raise ConfigError("--machine is for many at once, with --cause")
        return await _decide(arguments, order)
    if arguments.purpose is not None:
        raise ConfigError("--purpose is of one sale: name it")
    wanted = Wanted(
        cause=arguments.cause,
        machine=arguments.machine,
        answers=order.answers,
        register=order.register,
        dry_run=order.dry_run,
    )
    async with _opened(load(arguments.config)) as store:
        tally = await requeue_all(store, Sites(), wanted, By(arguments.who, now_ms()), _note)
    _say(*bulk.lines(wanted, tally))
    return int(tally.left > 0)


async def _resolve(arguments: argparse.Namespace) -> int:
    return await _decide(arguments, _order(Resolve, arguments))


async def _return(arguments: argparse.Namespace) -> int:
    return await _decide(arguments, _order(Return, arguments))


async def _correct(arguments: argparse.Namespace) -> int:
    return await _decide(arguments, _order(Correct, arguments))


def _order(kind: type[O], arguments: argparse.Namespace, **told: object) -> O:
    """What was written, checked as the API checks its bodies."""
    written = {name: getattr(arguments, name) for name in kind.__struct_fields__} | told
    try:
        return msgspec.convert(written, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        option = where.rstrip("`").replace("_", "-")
        raise ConfigError(f"--{option}: {what}" if option else what) from error


async def _decide(arguments: argparse.Namespace, order: Decision) -> int:
    by = By(arguments.who, now_ms())
    async with _opened(load(arguments.config)) as store:
        settled = await decide(store, Sites(), arguments.sale, order, by)
    tried = "tried only, nothing is changed: " if settled.dry_run else ""
    _say(f"{settled.sale_id}: {tried}{settled.told}")
    return int(isinstance(order, Requeue) and not settled.goes_on)


async def _check(arguments: argparse.Namespace) -> int:
    async with _opened(load(arguments.config)) as store, store.reading() as connection:
        wanted = await checking.registers(connection, arguments.register)
    async with aiohttp.ClientSession() as http:
        found = await checking.check(http, wanted)
    if arguments.json:
        _json(found)
    else:
        _say(*checking.lines(found))
    return checking.status(found)


async def _reconcile(arguments: argparse.Namespace) -> int:
    async with _opened(load(arguments.config)) as store, aiohttp.ClientSession() as http:
        day = await the_day(
            *(store, arguments.day, arguments.operator, http if arguments.ask else None, _note),
            now_ms=now_ms(),
        )
    if arguments.json:
        _json({"unexplained": day.unexplained, **msgspec.structs.asdict(day)})
    else:
        _say(*balance.lines(day, everything=arguments.all))
    return int(day.unexplained > 0)


RUN: Final[Mapping[str, Callable[[argparse.Namespace], Coroutine[Any, Any, int]]]] = {
    "show": _show,
    "attention": _attention,
    "requeue": _requeue,
    "resolve": _resolve,
    "return": _return,
    "correct": _correct,
    "check": _check,
    "reconcile": _reconcile,
}
"""Each command by its name."""

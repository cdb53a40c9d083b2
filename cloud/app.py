"""The application: link, inbox, lanes, replies and pages, joined. Decides nothing itself."""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

import aiohttp
import sqlalchemy as sa
import structlog
from aiohttp import web

from cloud.bell import Bell
from cloud.config import Config
from cloud.errors import ConfigError
from cloud.fiscalizer import Fiscalizer
from cloud.inbox import SUBSCRIPTIONS, Inbox
from cloud.listening import listening
from cloud.placer import Placer
from cloud.replies import Replies
from cloud.roles import ON_THE_LINK, ROLES, Role
from cloud.seat import seat
from cloud.store import BUSY, Store, alone
from cloud.store.address import address
from cloud.store.refusal import refused
from cloud.store.ringing import ringing
from cloud.store.schema import lane
from cloud.web.api import Api
from cloud.web.buyer import Buyer
from cloud.web.cabinet import Cabinet
from cloud.web.health import Health
from cloud.web.hooks import Hooks
from edge.wire import CLOUD_STATE, CloudState, encode
from edge.wire.link import Connected, Incoming, Link, LinkLostError

log = structlog.get_logger(__name__)


async def serve(config: Config, roles: Sequence[Role] = ROLES) -> None:
    """Run until cancelled.

    Raises:
        ConfigError: a secret or certificate file cannot be read, or SQLite is to be shared.
        StartError: the database or a port is not to be had.
    """
    if address(config.database).file is not None and set(roles) != set(ROLES):
        raise ConfigError(
            "--role: on SQLite one process has all roles, and nobody could have the others;"
            " leave --role out, or set `database` to a PostgreSQL"
        )
    api = Api.word(config)
    with alone(config.database):
        store = await Store.open(config.database)
        try:
            if store.address.file is not None:
                with _starting(store):
                    await _vacate(store)
            await _serve(config, store, frozenset(roles), api)
        finally:
            await store.close()


@contextmanager
def _starting(store: Store) -> Iterator[None]:
    """A database that goes away while this starts is not to be had; once it serves, it waits."""
    try:
        yield
    except BUSY as error:
        raise refused(store.address, error) from error


async def _vacate(store: Store) -> None:
    """Nobody else serves this file: what a killed process held is free at once."""
    async with store.transaction() as connection:
        await connection.execute(sa.update(lane).values(lease_until=0))


async def _serve(config: Config, store: Store, roles: frozenset[Role], word: str | None) -> None:
    due, news, stuck = Bell(), Bell(), Bell()
    owner = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        )
        await stack.enter_async_context(ringing(store, {"due": due, "news": news}))
        fiscalizer = Fiscalizer(store, http, owner, due, news)
        link = _link(config) if roles & ON_THE_LINK else None
        health = Health(store, link, owner)
        if "web" in roles:
            with _starting(store):
                await fiscalizer.look()
            public = [
                *Buyer(store, news).routes(),
                *Hooks(store, fiscalizer.opened, due, news).routes(),
                *health.routes(),
            ]
            cabinet = [*Cabinet(config, store, news).routes(), *health.routes()]
            if word is not None:
                cabinet += Api(store, word, due, news).routes()
            await stack.enter_async_context(listening("listen", config.listen, _app(public)))
            await stack.enter_async_context(listening("cabinet", config.cabinet, _app(cabinet)))
        log.info("serving", roles=",".join(sorted(roles)), owner=owner)
        async with asyncio.TaskGroup() as group:
            works = "fiscalizer" in roles
            if works or "web" in roles:
                group.create_task(fiscalizer.run(work=works), name="lanes")
            if link is not None:
                speaking = _speak(config, store, link, roles, owner, (due, news, stuck))
                group.create_task(speaking, name="link")


async def _speak(  # noqa: PLR0917, it joins all of them
    config: Config,
    store: Store,
    link: Link,
    roles: frozenset[Role],
    owner: str,
    bells: tuple[Bell, Bell, Bell],
) -> None:
    """The roles that have the broker, once this process has the seat."""
    due, news, stuck = bells
    async with seat(store, "link", owner) as kept:
        inbox = Inbox(store, link, due, news, stuck)
        try:
            link.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(_until(kept), name="seat")
                group.create_task(_follow_link(link, inbox, news, owner), name="hearing")
                if "inbox" in roles:
                    group.create_task(inbox.run(), name="inbox")
                    group.create_task(Placer(store, due, stuck).run(), name="placer")
                if "replies" in roles:
                    group.create_task(Replies(config, store, link, news).run(), name="replies")
        finally:
            await _say_goodbye(link)


async def _until(kept: "asyncio.Task[None]") -> None:
    await kept


async def _follow_link(link: Link, inbox: Inbox, news: Bell, owner: str) -> None:
    async for happening in link:
        match happening:
            case Connected():
                birth = encode(CloudState(online=True, instance=owner))
                link.publish(CLOUD_STATE, birth, 1, retain=True)
                news.ring()
            case Incoming():
                inbox.take(happening)


async def _say_goodbye(link: Link) -> None:
    if link.connected:
        told = link.publish(CLOUD_STATE, encode(CloudState(online=False)), 1, retain=True)
        try:
            async with asyncio.timeout(1):
                await told
        except (TimeoutError, LinkLostError) as error:
            log.debug("the broker did not hear the goodbye", reason=str(error))
    await link.stop()


def _link(config: Config) -> Link:
    try:
        return Link(
            config.broker,
            client_id="chekomat-cloud",
            subscriptions=SUBSCRIPTIONS,
            will=(CLOUD_STATE, encode(CloudState(online=False))),
        )
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"broker: {error}") from error


def _app(routes: Sequence[web.RouteDef]) -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    return app

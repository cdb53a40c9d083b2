"""The application: link, inbox, lanes, replies and pages, joined. Decides nothing itself."""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web

from cloud.bell import Bell
from cloud.config import Config, Register
from cloud.errors import ConfigError
from cloud.fiscalizer import Fiscalizer
from cloud.inbox import SUBSCRIPTIONS, Inbox
from cloud.listening import listening
from cloud.providers import Provider
from cloud.providers.cloudkassir import CloudKassir
from cloud.replies import Replies
from cloud.store import Store, alone, receipts
from cloud.web.buyer import Buyer
from cloud.web.cabinet import Cabinet
from cloud.web.health import Health
from cloud.web.hooks import Hooks
from edge.wire import CLOUD_STATE, CloudState, encode
from edge.wire.link import Connected, Incoming, Link, LinkLostError

log = structlog.get_logger(__name__)


async def serve(config: Config) -> None:
    """Run until cancelled.

    Raises:
        ConfigError: a secret or certificate file cannot be read.
        StartError: the database or a port is not to be had.
    """
    link = _link(config)
    database = Path(config.database)
    with alone(database):
        store = await Store.open(database)
        await _serve(config, link, store)


async def _serve(config: Config, link: Link, store: Store) -> None:
    due, news = Bell(), Bell()
    owner = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
    try:
        async with aiohttp.ClientSession() as http:
            providers = _providers(config, http)
            await _check_registers(config, store)
            inbox = Inbox(config, store, link, due, news)
            health = Health(store, link)
            public = [
                *Buyer(config, store, news).routes(),
                *Hooks(store, providers, news).routes(),
                *health.routes(),
            ]
            cabinet = [*Cabinet(config, store, news).routes(), *health.routes()]
            async with (
                listening("listen", config.listen, _app(public)),
                listening("cabinet", config.cabinet, _app(cabinet)),
            ):
                log.info("serving", listen=config.listen, cabinet=config.cabinet)
                link.start()
                async with asyncio.TaskGroup() as group:
                    group.create_task(_follow_link(link, inbox, news, owner), name="link")
                    group.create_task(inbox.run(), name="inbox")
                    lanes = Fiscalizer(store, providers, owner, due, news)
                    group.create_task(lanes.run(), name="lanes")
                    group.create_task(Replies(config, store, link, news).run(), name="replies")
    finally:
        await _say_goodbye(link)
        await store.close()


async def _check_registers(config: Config, store: Store) -> None:
    """A register that was renamed or taken away must not take its receipts along."""
    async with store.reading() as connection:
        in_use = await receipts.registers_in_use(connection)
    for register, count in in_use:
        if register not in config.registers:
            raise ConfigError(
                f"registers.{register}: missing, and {count} receipts still wait for it;"
                " put it back until they are issued"
            )


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


def _providers(config: Config, http: aiohttp.ClientSession) -> Mapping[str, Provider]:
    return {
        name: CloudKassir(
            http, register.url, register.public_id, _secret(name, register), register.timeout_s
        )
        for name, register in config.registers.items()
    }


def _secret(name: str, register: Register) -> str:
    try:
        return register.secret()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ConfigError(
            f"registers.{name}.secret_file: {register.secret_file} cannot be read: {reason}"
        ) from error


def _app(routes: Sequence[web.RouteDef]) -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    return app

"""A till to test a provider at: a receipt, its emulator on loopback, whatever answers oddly.

It knows no provider: a test brings the emulator and the client of its own. A conftest of tests that
speak TLS imports `every_line_is_closed`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from parts import until

from cloud.emulators.frame import Emulator
from cloud.outcome import Accepted, Outcome, Unsent
from cloud.providers import Attempt, Notice, Provider
from cloud.receipt import Purpose, Receipt, Subject, Taxation
from cloud.vat import VatRate

INN = "7708806062"
MACHINE = "vm-000123"
KEY = "0193a5d2-7c1e-7b54-9d0e-000000000001"

RECEIPT = Receipt(
    sale_id=KEY,
    purpose=Purpose.INCOME,
    inn=INN,
    taxation=Taxation.USN_INCOME,
    machine=MACHINE,
    address="г. Москва, ул. Примерная, д. 1",
    place="ТЦ «Ромашка», 1 этаж",
    name="Капучино 200 мл",
    subject=Subject.GOODS,
    vat=VatRate.VAT_22,
    amount=12010,
    cash=0,
    cashless=12010,
    sold_at="2026-11-23T18:42:10",
    zone=2,
    sender="checks@coffee.example",
)


@pytest.fixture(autouse=True)
async def every_line_is_closed() -> AsyncIterator[None]:
    """A goodbye over TLS may take longer than its test; cut off by the loop's end, it fails another's."""
    yield
    # All that a loop listens to in the end is its own pipe.
    listened_to = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]  # noqa: SLF001, nobody else knows of a handshake
    await until(lambda: len(listened_to) == 1)


Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


def an_attempt(
    provider: Provider, receipt: Receipt = RECEIPT, key: str = KEY, provider_id: str | None = None
) -> Attempt:
    """The receipt under a key, composed by the provider."""
    return Attempt(key, provider.compose(receipt, key), provider_id)


@dataclass(frozen=True)
class Till:
    """An emulator being served, its control API and its ledger."""

    url: str
    http: aiohttp.ClientSession
    tls: ssl.SSLContext | None = None

    async def fault(self, name: str, times: int = 1) -> None:
        """Let it happen to the next requests for a receipt."""
        await self.control({"fault": name, "times": times})

    async def control(self, order: Mapping[str, object]) -> None:
        async with self.http.post(
            f"{self.url}/control", json=order, ssl=self.tls or True
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def ledger(self) -> list[dict[str, Any]]:
        """Every document ever made: the judge."""
        async with self.http.get(f"{self.url}/ledger", ssl=self.tls or True) as answer:
            told: list[dict[str, Any]] = await answer.json()
            return told

    async def keys(self) -> list[str]:
        return [document["key"] for document in await self.ledger()]

    async def tags(self) -> dict[str, Any]:
        """The tags of the only document."""
        (document,) = await self.ledger()
        tags: dict[str, Any] = document["tags"]
        return tags


@asynccontextmanager
async def a_till(emulator: Emulator, shown: ssl.SSLContext | None = None) -> AsyncIterator[Till]:
    """Serve an emulator; with its `tls`, `shown` is what the control API is called with."""
    async with aiohttp.ClientSession() as http, _listening(emulator.app(), emulator.tls) as url:
        yield Till(url, http, shown)


@asynccontextmanager
async def a_server(answer: Answering) -> AsyncIterator[str]:
    """Something that answers on loopback, and is no emulator: its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with _listening(app, None) as url:
        yield url


@dataclass
class Hook:
    """Where pushes arrive. `refuse` is how many are answered 500 at first."""

    url: str = ""
    answer: str = '{"code":0}'
    refuse: int = 0
    heard: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.heard.append((await request.read(), request.headers.copy()))
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=500)
        return web.Response(text=self.answer)

    async def notice(self, provider: Provider, number: int = 0) -> Notice | None:
        """What the provider's client reads in the push of that number, once it has come."""
        async with asyncio.timeout(10):
            while len(self.heard) <= number:
                await asyncio.sleep(0.005)
        return provider.notice(*self.heard[number])


@asynccontextmanager
async def a_hook() -> AsyncIterator[Hook]:
    """A listener for pushes."""
    hook = Hook()
    async with a_server(hook.take) as url:
        hook.url = url
        yield hook


async def settled(provider: Provider, attempt: Attempt) -> Outcome:
    """Submit, then ask until it is more than accepted. No wait is waited for."""
    outcome = await provider.submit(attempt)
    async with asyncio.timeout(10):
        while isinstance(outcome, Accepted):
            known = Attempt(attempt.key, attempt.body, outcome.provider_id)
            asked = await provider.ask(known)
            assert not isinstance(asked, Unsent), asked
            outcome = asked
            await asyncio.sleep(0.005)
    return outcome


@asynccontextmanager
async def _listening(app: web.Application, tls: ssl.SSLContext | None) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()

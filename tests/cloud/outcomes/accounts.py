"""Accounts: a rented register of each kind, whole but for the provider's own machines.

The provider's emulator on loopback with its ledger, the register and its settings in the fleet, our
client of it, its pushes to a real hook, and a lane to work its queue. Nobody waits: what is due
later is made due in the store.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler
from kinds import KINDS, Place, write_secrets
from shop import (
    MACHINE,
    MACHINE_AT_WORK,
    NOW,
    OPERATOR,
    PRODUCTS,
    SHELVES,
    a_sale,
    arrival,
    now_ms,
    rows,
    stock,
    write,
)
from till import Till

from cloud import registers
from cloud.bell import Bell
from cloud.emulators.frame import Emulator
from cloud.fleet import Planogram, Policies, Register
from cloud.intake import place
from cloud.lane import Lane
from cloud.providers import Provider
from cloud.receipt import Purpose
from cloud.registers import Opened
from cloud.store import Store, fleet, placing, returns, sales
from cloud.store.schema import attempt, history, lane, receipt
from cloud.store.sites import Sites
from cloud.web.hooks import Hooks
from edge.wire import Sale, Tender

CASH, CARD = 10000, 2010
CAME_BACK: Final = "2026-11-24T09:00:00"
COMMON: Final = {"timeout_s": 5.0, "rate_per_s": 10_000}
"""In every register's settings: the pace is not what is looked at here."""


@dataclass(frozen=True)
class Pushed:
    """One push as it came, and the status that it was answered with."""

    body: bytes
    headers: Mapping[str, str]
    status: int


def _tells(header: str) -> bool:
    """Whether a header is the provider's, and not HTTP's."""
    return header.lower().startswith(("x-", "content-hmac", "content-type"))


@dataclass
class Hook:
    """Our hook: where it is, and each push that it was sent, with what it answered."""

    url: str
    heard: list[Pushed] = field(default_factory=list)

    @web.middleware
    async def listen(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.read()
        answer = await handler(request)
        told = {name: value for name, value in request.headers.items() if _tells(name)}
        self.heard.append(Pushed(body, told, answer.status))
        return answer


@dataclass
class Rented:
    """A register at work in a store, and its provider's ledger."""

    kind: str
    store: Store
    till: Till
    emulator: Emulator
    hook: Hook
    due: Bell
    news: Bell
    opened: Opened
    sites: Sites = field(default_factory=Sites)

    async def sell(self, *told: Sale, late: bool = False) -> None:
        """Sales come in, as the inbox takes them; late ones get a correction."""
        async with self.store.transaction() as connection:
            site = await self.sites.of(connection, MACHINE)
            assert site is not None
            machine = msgspec.structs.replace(site.machine, policies=Policies(late="correction"))
            site = msgspec.structs.replace(site, machine=machine) if late else site
            when = NOW + timedelta(days=2 if late else 0)
            arrivals = [arrival(each, place(each, site, when)) for each in told]
            await sales.keep(connection, arrivals, now_ms())

    async def take_back(self, sale_id: str) -> None:
        """The goods of an issued sale came back."""
        async with self.store.transaction() as connection:
            found = await placing.issued(connection, sale_id)
            assert found is not None
            await returns.ask(connection, found, CAME_BACK, "test", now_ms())

    async def fault(self, name: str, times: int = 1) -> None:
        await self.till.fault(name, times)

    async def push(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Push something to our hook, whoever signed it; the status of its answer."""
        async with self.till.http.post(self.hook.url, data=body, headers=headers) as answer:
            return answer.status

    async def states(self) -> list[str]:
        return [row.state for row in await rows(self.store, sa.select(receipt.c.state))]

    async def path(self, sale_id: str, purpose: Purpose = Purpose.INCOME) -> list[str]:
        """The states that a receipt went through, without the first."""
        of_it = (history.c.sale_id == sale_id, history.c.purpose == purpose.value)
        query = sa.select(history.c.state).where(*of_it).order_by(history.c.id)
        return [row.state for row in await rows(self.store, query)][1:]

    async def pause(self) -> str | None:
        """Why the lane is paused."""
        found = await rows(self.store, sa.select(lane.c.pause))
        return found[0].pause if found else None

    @asynccontextmanager
    async def at_work(
        self, provider: Provider | None = None, owner: str = "one"
    ) -> AsyncIterator["asyncio.Task[None]"]:
        """A process that works the lane until the block ends."""
        opened = Opened(self.opened.register, self.opened.account, provider or self.opened.provider)
        work = Lane(self.store, opened, owner, self.due, self.news, stop_s=0.1)
        task = asyncio.ensure_future(work.run())
        try:
            yield task
        finally:
            # Who writes is not cut off amid a statement: that is not what is looked at here.
            async with self.store.transaction():
                task.cancel()
            await asyncio.wait([task])

    async def until(
        self, there: Callable[[], Awaitable[bool]], *, due: bool = False, hurry: bool = False
    ) -> None:
        """Work until it is so. All is `due`, if it says so; in a `hurry` no pause is kept either."""
        async with self.at_work() as task, asyncio.timeout(20):
            while not await there():
                assert not task.done(), task
                if due or hurry:
                    await write(self.store, sa.update(receipt).values(next_at=0))
                if hurry:
                    await write(self.store, sa.update(lane).values(hold_until=0))
                self.due.ring()
                await asyncio.sleep(0.005)

    async def turns(self, count: int) -> None:
        """Work in a hurry for so many looks at it."""
        left = iter(range(count))

        async def over() -> bool:
            return next(left, None) is None

        await self.until(over, hurry=True)

    async def age(self, by_s: float) -> None:
        """It was all sent so much earlier."""
        by_ms = round(1000 * by_s)
        earlier = {
            "first_sent_at": attempt.c.first_sent_at - by_ms,
            "first_sent_boottime": attempt.c.first_sent_boottime - by_ms,
        }
        await write(self.store, sa.update(attempt).values(earlier))

    async def settle(self, *wanted: str) -> None:
        """Work in a hurry until every receipt is in one of these states."""

        async def there() -> bool:
            return set(await self.states()) <= set(wanted)

        await self.until(there, hurry=True)


def sale_of(number: int) -> Sale:
    """A sale that was paid for partly in coins."""
    paid = (Tender(by="cash", amount=CASH), Tender(by="cashless-1", amount=CARD))
    return a_sale(number, tenders=paid)


def fleet_of(kind: str, at: Place) -> Sequence[fleet.Thing]:
    """One machine that sells one thing at a register of this kind."""
    rented = Register(
        id="main",
        operator="coffee",
        provider=KINDS[kind].provider,  # type: ignore[arg-type]
        settings={**COMMON, **KINDS[kind].settings(at)},
    )
    hot = Planogram(id="hot", operator="coffee")
    return [OPERATOR, rented, hot, PRODUCTS[0], SHELVES[0], MACHINE_AT_WORK]


@asynccontextmanager
async def rented(kind: str, store: Store, folder: Path, *, pushes: bool) -> AsyncIterator[Rented]:
    """Rent a register; without `pushes` its provider has to be asked."""
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        opened, due, news = dict[str, Opened](), Bell(), Bell()
        hook = Hook("")
        if pushes:
            app = web.Application(middlewares=[hook.listen])
            app.add_routes(Hooks(store, opened, due, news).routes())
            hooks = await stack.enter_async_context(TestServer(app))
            hook.url = str(hooks.make_url("/hook/main"))
        write_secrets(folder)
        at = Place(folder, hook.url)
        emulator = KINDS[kind].emulator(at)
        server = await stack.enter_async_context(TestServer(emulator.app()))
        at = Place(folder, hook.url, str(server.make_url("")).rstrip("/"))
        await stock(store, *fleet_of(kind, at))
        async with store.reading() as connection:
            register = await fleet.get(connection, Register, "main")
        assert register is not None
        opened["main"] = registers.opened(register, http)
        yield Rented(kind, store, Till(at.url, http), emulator, hook, due, news, opened["main"])

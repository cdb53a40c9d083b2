"""Never two, never none: the whole fiscaliser on a real store, the emulator's ledger as judge.

Time is not waited for: what is due later is made due in the store, what was sent long ago is given
its age there.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiohttp import web
from parts import free_port, until
from shop import (
    SECRET,
    Register,
    a_register,
    a_sale,
    a_server,
    eventually,
    id_of,
    incidents,
    now_ms,
    placed,
    rows,
    sell,
    states,
    the_receipt,
    write,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from cloud.bell import Bell
from cloud.emulators.faults import Fault
from cloud.fiscalizer import Fiscalizer
from cloud.outcome import Outcome
from cloud.providers import Provider
from cloud.providers.cloudkassir import CloudKassir
from cloud.receipt import Receipt
from cloud.store import Store, sales
from cloud.store.schema import lane, receipt

KEY = id_of(1)
HOUR_MS = 3_600_000
FORGOTTEN = "the answer was lost, and the provider no longer remembers the key"


class Through:
    """A provider that passes everything on; what differs is written in a subclass."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner
        self.memory_s = inner.memory_s
        self.sent: list[tuple[str, str]] = []

    def compose(self, told: Receipt) -> str:
        return self.inner.compose(told)

    async def submit(self, key: str, body: str) -> Outcome:
        self.sent.append((key, body))
        return await self.inner.submit(key, body)

    async def ask(self, provider_id: str) -> Outcome:
        return await self.inner.ask(provider_id)

    notice = CloudKassir.notice


async def aged(store: Store, by_ms: int = HOUR_MS) -> None:
    """It was all sent so much earlier."""
    earlier = receipt.c.first_sent_at - by_ms
    await write(store, sa.update(receipt).values(first_sent_at=earlier))


async def expire_leases(store: Store) -> None:
    await write(store, sa.update(lane).values(lease_until=0))


async def becomes(store: Store, *wanted: str) -> None:
    """Wait until every receipt is in one of these states, with nobody's help."""

    async def there() -> bool:
        return set((await states(store)).values()) <= set(wanted)

    await eventually(there)


# One document a sale, whatever the provider does. ------------------------------------------------

GOOD_FAULTS = [fault.value for fault in Fault if fault is not Fault.REFUSE]


@pytest.mark.parametrize("fault", GOOD_FAULTS)
async def test_a_fault_ends_in_one_document_by_push_or_by_asking(
    store: Store, register: Register, fault: str
) -> None:
    await sell(store, a_sale())
    await register.fault(fault)
    await register.settle(store, "issued")
    (document,) = await register.ledger()
    row = await the_receipt(store)
    assert (row.fd, row.total, document["key"]) == (document["fd"], 12010, KEY)
    assert await incidents(store) == []


@pytest.mark.parametrize("fault", GOOD_FAULTS)
async def test_a_fault_ends_in_one_document_by_asking_alone(
    store: Store, mute: Register, fault: str
) -> None:
    await sell(store, a_sale())
    await mute.fault(fault, times=3)
    await mute.settle(store, "issued")
    assert await mute.keys() == [KEY]


async def test_a_refusal_stands_in_attention_with_its_reason(
    store: Store, register: Register
) -> None:
    await sell(store, a_sale())
    await register.fault("refuse")
    await register.settle(store, "attention")
    assert (await the_receipt(store)).error == "code 27: Некорректные данные"
    assert await register.ledger() == []


async def test_one_refusal_holds_up_no_other_sale(store: Store, register: Register) -> None:
    await sell(store, *(a_sale(number) for number in range(1, 6)))
    await register.fault("refuse")
    await register.settle(store, "issued", "attention")
    assert sorted((await states(store)).values()) == ["attention", *["issued"] * 4]
    assert len(set(await register.keys())) == 4 == len(await register.ledger())


async def test_many_sales_under_all_faults_are_one_document_each(
    store: Store, register: Register
) -> None:
    numbers = range(1, 19)
    await sell(store, *(a_sale(number) for number in numbers))
    for fault in GOOD_FAULTS:
        await register.fault(fault, times=2)
    await register.settle(store, "issued")
    assert sorted(await register.keys()) == [id_of(number) for number in numbers]
    assert await incidents(store) == []


async def test_a_good_sale_is_issued_with_nobodys_help(store: Store, register: Register) -> None:
    async with register.at_work(store):
        heard = register.news.listen()
        await sell(store, a_sale())
        register.due.ring()
        await becomes(store, "issued")
        assert heard.is_set()
    assert (await the_receipt(store)).rev == 1


async def test_what_another_process_put_into_the_lane_is_found_without_a_ring(
    store: Store, register: Register
) -> None:
    async with register.at_work(store):
        await eventually(lambda: rows(store, sa.select(lane)))
        await sell(store, a_sale())
        await becomes(store, "issued")


async def test_a_secret_that_is_wrong_sends_nothing_until_it_is_right(
    store: Store, register: Register
) -> None:
    await sell(store, a_sale())
    async with register.at_work(store, register.client(secret="guessed")):

        async def refused() -> bool:
            return (await the_receipt(store)).error is not None

        await eventually(refused)
    row = await the_receipt(store)
    assert (row.state, row.first_sent_at) == ("waiting", None)
    assert row.error == "401: the provider does not know public_id and secret"
    assert await register.ledger() == []
    await register.settle(store, "issued")
    assert await register.keys() == [KEY]


async def test_a_provider_that_is_down_is_waited_for(store: Store) -> None:
    await sell(store, a_sale())
    port = free_port()
    async with a_register(store, pushes=True) as other:
        away = CloudKassir(other.http, f"http://127.0.0.1:{port}", "demo", "x", 5)
        async with other.at_work(store, away):

            async def tried() -> bool:
                return (await the_receipt(store)).tries == 1

            await eventually(tried)
    assert (await the_receipt(store)).error.startswith("no connection: ")
    async with a_register(store, pushes=True, port=port) as back:
        await back.settle(store, "issued")
        assert await back.keys() == [KEY]


# What the provider forgets. ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "documents"),
    [("drop_after_store", 1), ("5xx_after_store", 1), ("drop_before_store", 0), ("5xx", 0)],
)
async def test_what_may_have_arrived_is_never_sent_after_the_provider_forgot(
    store: Store, mute: Register, fault: str, documents: int
) -> None:
    await sell(store, a_sale())
    await mute.fault(fault)
    async with mute.at_work(store):
        await becomes(store, "unknown")
    await aged(store)
    await mute.control({"forget": True})
    await mute.settle(store, "attention")
    assert len(await mute.ledger()) == documents
    row = await the_receipt(store)
    assert row.error.startswith(FORGOTTEN)
    assert row.rev == 1


async def test_a_provider_with_no_memory_is_sent_everything_once(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale())
    await mute.fault("5xx_after_store")
    mute.provider.memory_s = 0.0
    await mute.settle(store, "attention")
    assert await mute.keys() == [KEY]


async def test_within_its_memory_it_is_repeated_and_a_minute_before_the_end_no_more(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await mute.fault("drop_after_store", times=2)
    async with mute.at_work(store):
        await becomes(store, "unknown")
    for number, age_s in ((1, 3530), (2, 3541)):
        sent = now_ms() - 1000 * age_s
        of_this = sa.update(receipt).where(receipt.c.sale_id == id_of(number))
        await write(store, of_this.values(first_sent_at=sent))
    await mute.settle(store, "issued", "attention")
    assert await states(store) == {id_of(1): "issued", id_of(2): "attention"}
    assert sorted(await mute.keys()) == [id_of(1), id_of(2)]


async def test_a_push_ends_the_wait_for_a_person(store: Store) -> None:
    async with a_register(store, pushes=True, delay_s=0.5) as late:
        await sell(store, a_sale())
        await late.fault("drop_after_store")
        async with late.at_work(store):
            await becomes(store, "unknown")
        await aged(store)
        await late.settle(store, "attention")
        await becomes(store, "issued")
        row = await the_receipt(store)
        assert (row.rev, await late.keys()) == (2, [KEY])
    assert await incidents(store) == []


async def test_a_request_that_a_crash_may_have_sent_is_never_sent_after_an_outage(
    store: Store, mute: Register
) -> None:
    """The process dies while it sends; the next finds the provider away for longer than an hour."""
    await sell(store, a_sale())
    async with mute.at_work(store, Stuck(mute.provider)):
        await eventually(mute.ledger)
    assert (await the_receipt(store)).state == "submitted"
    await expire_leases(store)
    away = CloudKassir(mute.http, f"http://127.0.0.1:{free_port()}", "demo", "x", 5)
    async with mute.at_work(store, away, "two"):

        async def tried() -> bool:
            return (await the_receipt(store)).error is not None

        await eventually(tried)
    await aged(store)
    await mute.control({"forget": True})
    await mute.settle(store, "attention")
    assert await mute.keys() == [KEY]


class Stuck(Through):
    """Sends, and never comes back with the answer."""

    async def submit(self, key: str, body: str) -> Outcome:
        await super().submit(key, body)
        await asyncio.Event().wait()
        raise AssertionError


# Power cuts between each two steps. --------------------------------------------------------------


class PowerCutError(Exception):
    """The process is gone."""


class Power:
    """Goes after so many steps, and does not come back."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.gone = False

    def step(self) -> None:
        if self.left == 0:
            self.gone = True
            raise PowerCutError
        self.left -= 1


class PoweredStore(Store):
    """Power may go before a transaction, before its commit, and after it."""

    def __init__(self, inner: Store, power: Power) -> None:
        self._inner = inner
        self._power = power

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        self._power.step()
        async with self._inner.transaction() as connection:
            yield connection
            self._power.step()
        self._power.step()


class PoweredProvider(Through):
    """Power may go before a request leaves, and after its answer came."""

    def __init__(self, inner: Provider, power: Power) -> None:
        super().__init__(inner)
        self._power = power

    async def submit(self, key: str, body: str) -> Outcome:
        self._power.step()
        told = await super().submit(key, body)
        self._power.step()
        return told

    async def ask(self, provider_id: str) -> Outcome:
        self._power.step()
        told = await super().ask(provider_id)
        self._power.step()
        return told


async def work_until_the_power_goes(store: Store, mute: Register, steps: int) -> bool:
    """Did it go before the receipt was issued?"""
    power = Power(steps)
    provider = PoweredProvider(mute.provider, power)
    async with mute.at_work(PoweredStore(store, power), provider) as working, asyncio.timeout(10):
        while not working.done() and (await states(store))[KEY] != "issued":
            await write(store, sa.update(receipt).values(next_at=0))
            mute.due.ring()
            await asyncio.sleep(0)
    if not working.cancelled():
        working.exception()
    return power.gone


@pytest.mark.parametrize("fault", [None, "drop_after_store"])
async def test_power_may_go_between_any_two_steps(store: Store, fault: str | None) -> None:
    went = []
    for steps in range(100):
        async with a_register(store, pushes=False) as mute:
            for table in reversed(receipt.metadata.sorted_tables):
                await write(store, sa.delete(table))
            await sell(store, a_sale())
            if fault:
                await mute.fault(fault)
            gone = await work_until_the_power_goes(store, mute, steps)
            went.append((await states(store))[KEY])
            await expire_leases(store)
            async with mute.at_work(store, owner="the next"):
                await hurry_until_issued(store, mute)
            assert await mute.keys() == [KEY], f"after {steps} steps"
            assert await incidents(store) == []
        if not gone:
            break
    # It was cut in every state there is on the way, and the last time not at all.
    assert set(went) >= {"waiting", "submitted", "accepted", "issued"}
    assert not gone
    assert (steps > 10, went[-1]) == (True, "issued")


async def hurry_until_issued(store: Store, mute: Register) -> None:
    async with asyncio.timeout(10):
        while (await states(store))[KEY] != "issued":
            await write(store, sa.update(receipt).values(next_at=0))
            mute.due.ring()
            await asyncio.sleep(0.001)


async def test_a_repeated_request_is_the_stored_one_even_if_the_code_has_changed(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale())
    await mute.fault("drop_after_store")
    async with mute.at_work(store):
        await becomes(store, "unknown")

    class Newer(Through):
        def compose(self, told: Receipt) -> str:
            raise AssertionError(told)

    newer = Newer(mute.provider)
    async with mute.at_work(store, newer, "one"):
        await hurry_until_issued(store, mute)
    first = mute.provider.compose(placed(a_sale()).disposition.receipt)  # type: ignore[union-attr]
    assert newer.sent[0] == (KEY, first)
    assert await mute.keys() == [KEY]


# Two processes. ----------------------------------------------------------------------------------


class Held(Through):
    """Holds the answer back until it is let go."""

    def __init__(self, inner: Provider) -> None:
        super().__init__(inner)
        self.answered, self.let_go = asyncio.Event(), asyncio.Event()

    async def submit(self, key: str, body: str) -> Outcome:
        told = await super().submit(key, body)
        self.answered.set()
        await self.let_go.wait()
        return told


async def test_a_process_whose_lease_ran_out_writes_nothing(store: Store, mute: Register) -> None:
    await sell(store, a_sale())
    slow = Held(mute.provider)
    async with mute.at_work(store, slow, "slow") as working:
        await slow.answered.wait()
        await expire_leases(store)
        async with mute.at_work(store, owner="quick"):
            await hurry_until_issued(store, mute)
            before = await the_receipt(store)
            fences = await rows(store, sa.select(lane.c.owner, lane.c.fence))
            assert [tuple(row) for row in fences] == [("quick", 2)]
            with capture_logs() as told:
                slow.let_go.set()
                await until(lambda: told)
            assert told[0]["event"] == "lane lost"
            assert not working.done()
        assert await the_receipt(store) == before
    assert await mute.keys() == [KEY]


async def test_a_process_that_ends_lets_its_lane_go_at_once(
    store: Store, register: Register
) -> None:
    async with register.at_work(store, owner="one"):
        await eventually(lambda: rows(store, sa.select(lane)))
    await sell(store, a_sale())
    async with register.at_work(store, owner="two"):
        await becomes(store, "issued")


async def test_a_process_that_ends_while_its_first_receipt_is_asked_for_lets_its_lane_go(
    store: Store, register: Register
) -> None:
    asked = asyncio.Event()

    async def never(_request: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(3600)
        return web.Response()

    await sell(store, a_sale())
    async with a_server(never) as url:
        silent = CloudKassir(register.http, url, "demo", SECRET, 12)
        async with register.at_work(store, silent), asyncio.timeout(10):
            await asked.wait()
    ((until_ms,),) = await rows(store, sa.select(lane.c.lease_until))
    assert until_ms == 0


async def test_a_process_that_ends_while_another_writes_leaves_its_lane_to_run_out(
    store: Store, register: Register, database: Path
) -> None:
    async with register.at_work(store) as task:
        await eventually(lambda: rows(store, sa.select(lane)))
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            task.cancel()
            await asyncio.wait([task])
    assert task.cancelled()
    ((until_ms,),) = await rows(store, sa.select(lane.c.lease_until))
    assert until_ms > 0


async def test_two_processes_at_once_make_one_document_a_sale(
    store: Store, register: Register
) -> None:
    numbers = range(1, 21)
    await sell(store, *(a_sale(number) for number in numbers))
    async with register.at_work(store, owner="one"), register.at_work(store, owner="two"):
        await becomes(store, "issued")
    assert sorted(await register.keys()) == [id_of(number) for number in numbers]


async def test_a_lane_that_is_stuck_holds_up_no_other(store: Store, register: Register) -> None:
    async with store.transaction() as connection:
        await sales.keep(connection, placed(a_sale(1), "stuck"), now_ms())
        await sales.keep(connection, placed(a_sale(2), "main"), now_ms())
    lanes: dict[str, Provider] = {"stuck": Stuck(register.provider), "main": register.provider}
    working = asyncio.ensure_future(Fiscalizer(store, lanes, "one", Bell(), Bell()).run())

    async def there() -> bool:
        return await states(store) == {id_of(1): "submitted", id_of(2): "issued"}

    # The push of the first comes to the other register's address, and is not believed.
    await eventually(there)
    assert not working.done()
    working.cancel()
    await asyncio.wait([working])


async def test_a_document_that_was_given_to_two_sales_stops_no_lane(
    store: Store, mute: Register
) -> None:
    """A provider that mixes receipts up: nobody sees another's document as his own."""

    class Mixed(Through):
        async def ask(self, provider_id: str) -> Outcome:
            (document, *_) = await mute.ledger()
            assert provider_id
            return await super().ask(document["id"])

    await sell(store, a_sale(1), a_sale(2))
    async with mute.at_work(store, Mixed(mute.provider)) as working:

        async def there() -> bool:
            await write(store, sa.update(receipt).values(next_at=0))
            mute.due.ring()
            return set((await states(store)).values()) == {"issued", "attention"}

        await eventually(there)
        assert not working.done()
    assert await incidents(store) == ["document of another sale"]

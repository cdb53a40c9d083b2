"""Never two, never none: a lane on a real store, the emulator's ledger as judge.

Time is not waited for: what is due later is made due in the store, what was sent long ago is given
its age there.
"""

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa
from aiohttp import web
from parts import free_port, until
from postgres import Cluster
from shop import (
    SETTINGS,
    Account,
    Register,
    a_document,
    a_fleet,
    a_register,
    a_sale,
    a_server,
    eventually,
    hear,
    hurry,
    id_of,
    incidents,
    leave,
    now_ms,
    placed,
    rows,
    sell,
    states,
    stock,
    stocked,
    the_receipt,
    write,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from cloud.breaker import FAILURES, Circuit
from cloud.clock import SinceBoot, since_boot
from cloud.emulators.faults import Fault
from cloud.errors import DecisionError
from cloud.fiscalization import State
from cloud.lane import PATIENT, UNWRITTEN, Lane, _slept
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.providers import Attempt, Finding, Notice, Provider
from cloud.receipt import Purpose, Receipt
from cloud.registers import Opened
from cloud.retry import SCHEDULES
from cloud.store import Store, claims, decisions, lanes, placing, receipts, returns, sales
from cloud.store.lanes import LEASE_MS
from cloud.store.schema import attempt as attempts
from cloud.store.schema import lane, receipt, reply

KEY = id_of(1)
HOUR_MS = 3_600_000
FORGOTTEN = "the answer was lost, and the provider can no longer be asked"


class Through:
    """A provider that passes everything on; what differs is written in a subclass."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner
        self.memory_s = inner.memory_s
        self.by_key = inner.by_key
        self.knows_repeats = inner.knows_repeats
        self.sent: list[tuple[str, str]] = []

    def compose(self, told: Receipt, key: str) -> str:
        return self.inner.compose(told, key)

    async def submit(self, attempt: Attempt) -> Outcome:
        self.sent.append((attempt.key, attempt.body))
        return await self.inner.submit(attempt)

    async def ask(self, attempt: Attempt) -> Outcome:
        return await self.inner.ask(attempt)

    async def check(self) -> Sequence[Finding]:
        return await self.inner.check()

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        return self.inner.notice(body, headers)


class Once(Through):
    """Is heard of once for each key: what comes of it stays as it is, however long nobody looks."""

    async def submit(self, attempt: Attempt) -> Outcome:
        if any(attempt.key == key for key, _ in self.sent):
            await asyncio.Event().wait()
        return await super().submit(attempt)

    async def ask(self, attempt: Attempt) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError(attempt)


async def aged(store: Store, by_ms: int = HOUR_MS) -> None:
    """It was all sent so much earlier."""
    earlier = attempts.c.first_sent_at - by_ms
    await write(store, sa.update(attempts).values(first_sent_at=earlier))


async def expire_leases(store: Store) -> None:
    """The time that a lease lasts is over, and so is what it was the answer's time."""
    await write(store, sa.update(lane).values(lease_until=0))
    await hurry(store)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unknown stays it until the test makes it due: nobody's look is too late for it."""
    monkeypatch.setitem(SCHEDULES, State.UNKNOWN, (3600,))  # type: ignore[arg-type]


async def revisions(store: Store) -> list[int]:
    """What machines have to be told, by sale."""
    return [row.rev for row in await rows(store, sa.select(reply).order_by(reply.c.sale_id))]


async def becomes(store: Store, *wanted: str) -> None:
    """Wait until every receipt is in one of these states, with nobody's help."""

    async def there() -> bool:
        return set((await states(store)).values()) <= set(wanted)

    await eventually(there)


# One document a sale, whatever the provider does. ------------------------------------------------

HELD = {Fault.AUTH, Fault.BUSY, Fault.NO_REGISTER}
"""The register takes nothing for a while."""
DEAD = {Fault.REFUSE, Fault.EXPIRE, Fault.FAIL}
GOOD_FAULTS = [fault.value for fault in Fault if fault not in {*DEAD, Fault.LOSE}]


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
        await until(heard.is_set)  # it is written down before it is rung
    assert await revisions(store) == [1]


async def test_what_another_process_put_into_the_lane_is_found_without_a_ring(
    store: Store, register: Register
) -> None:
    await stocked(store)
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
    assert (await the_receipt(store)).state == "waiting"
    ((left_at,),) = await rows(store, sa.select(attempts.c.first_sent_at))
    assert left_at is None
    ((pause, reason),) = await rows(store, sa.select(lane.c.pause, lane.c.reason))
    assert pause == "auth"
    assert "401" in reason
    assert await register.ledger() == []
    await register.settle(store, "issued")
    assert await register.keys() == [KEY]


async def test_a_provider_that_is_down_is_waited_for(store: Store) -> None:
    await sell(store, a_sale())
    port = free_port()
    async with a_register(store, pushes=True) as other:
        away = other.client(url=f"http://127.0.0.1:{port}")
        async with other.at_work(store, away):

            async def tried() -> bool:
                return (await the_receipt(store)).tries >= 1

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
    async with mute.at_work(store, Once(mute.client())):
        await becomes(store, "unknown")
    await aged(store)
    await mute.control({"forget": True})
    await mute.settle(store, "attention")
    assert len(await mute.ledger()) == documents
    assert (await the_receipt(store)).error.startswith(FORGOTTEN)
    assert await revisions(store) == [1]


async def test_a_provider_with_no_memory_is_sent_everything_once(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale())
    await mute.fault("5xx_after_store")
    forgetful = Through(mute.client())
    forgetful.memory_s = 0.0
    await mute.settle(store, "attention", provider=forgetful)
    assert await mute.keys() == [KEY]


async def test_within_its_memory_it_is_repeated_and_five_minutes_before_the_end_no_more(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await mute.fault("drop_after_store", times=2)
    async with mute.at_work(store, Once(mute.client())):
        await becomes(store, "unknown")
    for number, age_s in ((1, 3290), (2, 3301)):
        sent = now_ms() - 1000 * age_s
        of_this = sa.update(attempts).where(attempts.c.sale_id == id_of(number))
        await write(store, of_this.values(first_sent_at=sent))
    await mute.settle(store, "issued", "attention")
    assert await states(store) == {id_of(1): "issued", id_of(2): "attention"}
    assert sorted(await mute.keys()) == [id_of(1), id_of(2)]


async def test_a_push_ends_the_wait_for_a_person(store: Store) -> None:
    async with a_register(store, pushes=True) as late:
        late.hears.clear()
        await sell(store, a_sale())
        await late.fault("drop_after_store")
        async with late.at_work(store, Once(late.client())):
            await becomes(store, "unknown")
        await aged(store)
        await late.settle(store, "attention")
        late.hears.set()
        await becomes(store, "issued")
        assert (await revisions(store), await late.keys()) == ([2], [KEY])
    assert await incidents(store) == []


async def test_a_request_that_a_crash_may_have_sent_is_never_sent_after_an_outage(
    store: Store, mute: Register
) -> None:
    """The process dies while it sends; the next finds the provider away for longer than an hour."""
    await sell(store, a_sale())
    async with mute.at_work(store, Stuck(mute.client())):
        await eventually(mute.ledger)
    assert (await the_receipt(store)).state == "submitted"
    await expire_leases(store)
    away = mute.client(url=f"http://127.0.0.1:{free_port()}")
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

    async def submit(self, attempt: Attempt) -> Outcome:
        await super().submit(attempt)
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
        if self.gone or self.left == 0:
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
    """Power may go before a request leaves, and after its answer came: then nothing is heard."""

    def __init__(self, inner: Provider, power: Power) -> None:
        super().__init__(inner)
        self._power = power

    async def submit(self, attempt: Attempt) -> Outcome:
        await self._stand()
        told = await super().submit(attempt)
        await self._stand()
        return told

    async def ask(self, attempt: Attempt) -> Outcome:
        await self._stand()
        told = await super().ask(attempt)
        await self._stand()
        return told

    async def _stand(self) -> None:
        """A call that lost its power never ends; what it would have said is not heard."""
        try:
            self._power.step()
        except PowerCutError:
            await asyncio.Event().wait()


async def work_until_the_power_goes(store: Store, mute: Register, steps: int, key: str) -> bool:
    """Did it go before the receipt was issued?"""
    power = Power(steps)
    provider = PoweredProvider(mute.client(), power)
    async with mute.at_work(PoweredStore(store, power), provider) as working, asyncio.timeout(10):
        while not working.done() and not power.gone and (await states(store))[key] != "issued":
            await hurry(store)
            mute.due.ring()
            await asyncio.sleep(0)
    if not working.cancelled():
        working.exception()
    return power.gone


@pytest.mark.parametrize("fault", [None, "drop_after_store"])
async def test_power_may_go_between_any_two_steps(store: Store, fault: str | None) -> None:
    went = []
    for steps in range(100):
        key = id_of(steps + 1)
        async with a_register(store, pushes=False) as mute:
            await sell(store, a_sale(steps + 1))
            if fault:
                await mute.fault(fault)
            gone = await work_until_the_power_goes(store, mute, steps, key)
            went.append((await states(store))[key])
            await expire_leases(store)
            async with mute.at_work(store, owner=f"the next {steps}"):
                await hurry_until_issued(store, mute, key)
            assert await mute.keys() == [key], f"after {steps} steps"
            assert await incidents(store) == []
        if not gone:
            break
    # It was cut in every state there is on the way, and the last time not at all.
    assert set(went) >= {"waiting", "submitted", "accepted", "issued"}
    assert not gone
    assert (steps > 10, went[-1]) == (True, "issued")


async def hurry_until_issued(store: Store, mute: Register, key: str = KEY) -> None:
    async with asyncio.timeout(10):
        while (await states(store))[key] != "issued":
            await hurry(store)
            mute.due.ring()
            await asyncio.sleep(0.001)


async def test_a_repeated_request_is_the_stored_one_even_if_the_code_has_changed(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale())
    await mute.fault("drop_after_store")
    async with mute.at_work(store, Once(mute.client())):
        await becomes(store, "unknown")

    class Newer(Through):
        def compose(self, told: Receipt, key: str) -> str:
            raise AssertionError(told, key)

    newer = Newer(mute.client())
    async with mute.at_work(store, newer, "one"):
        await hurry_until_issued(store, mute)
    first = mute.client().compose(placed(a_sale()).disposition.receipt, KEY)  # type: ignore[union-attr]
    assert newer.sent[0] == (KEY, first)
    assert await mute.keys() == [KEY]


async def test_a_receipt_that_cannot_be_written_is_a_persons_and_holds_up_no_other(
    store: Store, mute: Register
) -> None:
    class Picky(Through):
        def compose(self, told: Receipt, key: str) -> str:
            if key == id_of(1):
                raise ValueError("the mark is no mark")
            return super().compose(told, key)

    await sell(store, a_sale(1), a_sale(2))
    await mute.settle(store, "issued", "attention", provider=Picky(mute.client()))
    assert await states(store) == {id_of(1): "attention", id_of(2): "issued"}
    said = "it cannot be written for the provider: the mark is no mark"
    assert (await the_receipt(store)).error == said
    assert await revisions(store) == [1, 1]


# Two processes. ----------------------------------------------------------------------------------


class Held(Through):
    """Holds the answer back until it is let go."""

    def __init__(self, inner: Provider) -> None:
        super().__init__(inner)
        self.answered, self.let_go = asyncio.Event(), asyncio.Event()

    async def submit(self, attempt: Attempt) -> Outcome:
        told = await super().submit(attempt)
        self.answered.set()
        await self.let_go.wait()
        return told


async def test_a_process_whose_lease_ran_out_writes_nothing(store: Store, mute: Register) -> None:
    await sell(store, a_sale())
    slow = Held(mute.client())
    async with mute.at_work(store, slow, "slow") as working:
        await slow.answered.wait()
        # Its lease ran out, and another was there before it looked.
        taken = {"owner": "quick", "fence": lane.c.fence + 1, "lease_until": now_ms() + 15_000}
        await write(store, sa.update(lane).values(taken))
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


@pytest.mark.usefixtures("patient")
async def test_what_was_said_to_a_process_before_it_lost_its_lane_kills_no_key(
    store: Store, mute: Register
) -> None:
    """It stood still; another went on, and left. Then it has the lane again, and its old answer."""
    await sell(store, a_sale())
    await mute.fault("refuse")
    slow = Held(mute.client())
    async with mute.at_work(store, slow, "slow"):
        await slow.answered.wait()
        taken = {"owner": "quick", "fence": lane.c.fence + 1, "lease_until": now_ms() + 15_000}
        # What it was refused for was of that moment.
        await mute.control({"forget": True})
        with capture_logs() as told:
            await write(store, sa.update(lane).values(taken))
            async with mute.at_work(store, owner="quick"):
                await hurry(store)
                await eventually(mute.ledger)
                await until(lambda: "lane lost" in {each["event"] for each in told})
        slow.let_go.set()
        await becomes(store, "issued")
    assert await mute.keys() == [KEY]


@pytest.mark.usefixtures("patient")
async def test_a_process_that_ends_leaves_a_persons_pause_as_it_is(
    store: Store, mute: Register
) -> None:
    """It was said while the process waited for its last answer."""
    await sell(store, a_sale())
    slow = Held(Failing(mute.client(), Unsent("no network")))
    async with mute.at_work(store, slow, stop_s=10) as working:
        await slow.answered.wait()
        await holds(store, PAUSED)
        working.cancel()
        slow.let_go.set()
        await asyncio.wait([working])
    assert (await the_receipt(store)).error == "no network"
    async with store.reading() as connection:
        assert await lanes.circuit(connection, "main") == PAUSED


@pytest.mark.usefixtures("patient")
async def test_a_process_that_ends_lets_its_lane_go_at_once(
    store: Store, register: Register
) -> None:
    await stocked(store)
    # Its lane is in the store before its turn is over: that has its time as well.
    async with register.at_work(store, owner="one", stop_s=10):
        await eventually(lambda: rows(store, sa.select(lane)))
    await sell(store, a_sale())
    # Sooner than a lease ends by itself.
    async with register.at_work(store, owner="two"), asyncio.timeout(LEASE_MS / 1500):
        await becomes(store, "issued")


@pytest.mark.usefixtures("patient")
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
        silent = register.client(timeout_s=12, url=url)
        async with register.at_work(store, silent), asyncio.timeout(10):
            await asked.wait()
    ((until_ms,),) = await rows(store, sa.select(lane.c.lease_until))
    assert until_ms == 0


class DyingStore(Store):
    """Its server goes away amid a transaction."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.entered, self.goes = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        self.entered.set()
        await self.goes.wait()
        async with self._inner.transaction() as connection:
            yield connection
            raise sa.exc.OperationalError("COMMIT", {}, OSError("the server is gone"))


@pytest.mark.parametrize("late", [False, True])
async def test_a_turn_that_fails_while_its_process_ends_is_told_in_one_line(
    store: Store, register: Register, *, late: bool
) -> None:
    await sell(store, a_sale())
    dying, unheard = DyingStore(store), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: unheard.append(told))
    with capture_logs() as logs:
        async with register.at_work(dying) as task, asyncio.timeout(10):
            await dying.entered.wait()
            task.cancel()
            await (asyncio.wait([task]) if late else asyncio.sleep(0))
            dying.goes.set()
            await asyncio.wait([task])
            await until(lambda: logs)
    gc.collect()
    assert unheard == []
    assert [each["event"] for each in logs] == ["the last turn failed"]


async def test_a_process_that_ends_while_another_writes_leaves_its_lane_to_run_out(
    sqlite_store: Store, sqlite_database: str
) -> None:
    async with (
        a_register(sqlite_store, pushes=False) as register,
        register.at_work(sqlite_store) as task,
    ):
        await stocked(sqlite_store)
        await eventually(lambda: rows(sqlite_store, sa.select(lane)))
        with closing(sqlite3.connect(sqlite_database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            task.cancel()
            await asyncio.wait([task])
    assert task.cancelled()
    ((until_ms,),) = await rows(sqlite_store, sa.select(lane.c.lease_until))
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
    other = Account(id="stuck", operator="coffee", provider="cloudkassir", settings=SETTINGS)
    await stock(store, *a_fleet(other))
    async with store.transaction() as connection:
        both = [placed(a_sale(1), "stuck"), placed(a_sale(2), "main")]
        await sales.keep(connection, both, now_ms())
    main = register.opened()
    stuck = Opened(other, main.account, Stuck(register.client()))
    lanes = [Lane(store, each, "one", register.due, register.news) for each in (stuck, main)]
    working = [asyncio.ensure_future(each.run()) for each in lanes]

    async def there() -> bool:
        return await states(store) == {id_of(1): "submitted", id_of(2): "issued"}

    # The push of the first comes to the other register's address, and is not believed.
    await eventually(there)
    assert not any(each.done() for each in working)
    for each in working:
        each.cancel()
    await asyncio.wait(working)


async def test_a_document_that_was_given_to_two_sales_stops_no_lane(
    store: Store, mute: Register
) -> None:
    """A provider that mixes receipts up, with no label beside: nobody sees another's document as his."""

    class Mixed(Through):
        async def ask(self, attempt: Attempt) -> Outcome:
            (document, *_) = await mute.ledger()
            other = replace(attempt, key=document["key"], provider_id=document["id"])
            return await super().ask(other)

    await sell(store, a_sale(1), a_sale(2))
    async with mute.at_work(store, Mixed(mute.client())) as working:

        async def there() -> bool:
            await hurry(store)
            mute.due.ring()
            return set((await states(store)).values()) == {"issued", "attention"}

        await eventually(there)
        assert not working.done()
    assert await incidents(store) == ["document of another sale"]


async def test_a_receipt_that_the_provider_has_accepted_and_lost_is_an_incident_and_asked_anew(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale())
    await mute.fault("lose")
    await mute.settle(store, "issued")
    assert await mute.keys() == [KEY]
    assert await incidents(store) == ["lost by the provider"]


@pytest.mark.usefixtures("unhurried")
async def test_a_provider_that_lost_many_is_not_taken_for_one_that_is_away(
    store: Store, mute: Register
) -> None:
    many = range(1, FAILURES + 2)
    await sell(store, *map(a_sale, many))
    await mute.fault("lose", len(many))

    async def all_are(state: str) -> bool:
        return set((await states(store)).values()) == {state}

    async with mute.at_work(store, poll_s=(3600,)):
        await eventually(lambda: all_are("accepted"))
        await hurry(store)
        mute.due.ring()
        await eventually(lambda: all_are("unknown"))
        (circuit,) = await rows(store, sa.select(lane.c.failures, lane.c.hold_until))
    assert tuple(circuit) == (0, 0)


# Hints: somebody says that there is news. --------------------------------------------------------


class Telling(Through):
    """A provider that remembers for ever, and tells what it was asked for."""

    def __init__(self, inner: Provider) -> None:
        super().__init__(inner)
        self.memory_s = float("inf")
        self.asked: list[str] = []

    async def ask(self, attempt: Attempt) -> Outcome:
        self.asked.append(attempt.key)
        return await super().ask(attempt)


async def said(store: Store, *outcomes: Outcome) -> None:
    """What the provider said of the first sale's key, once it was with it."""
    for outcome in outcomes:
        await hear(store, outcome)


async def hint(store: Store, *keys: str) -> None:
    async with store.transaction() as connection:
        for key in keys:
            assert await receipts.hint(connection, key, "main", None, now_ms())


async def holds(store: Store, circuit: Circuit) -> None:
    async with store.transaction() as connection:
        await lanes.set_circuit(connection, "main", circuit, now_ms())


async def happened(store: Store, *kinds: str) -> None:
    """Wait until all this has happened, and nothing else."""

    async def there() -> bool:
        return sorted(await incidents(store)) == sorted(kinds)

    await eventually(there)


async def accepted(store: Store, mute: Register, *numbers: int) -> None:
    """Sales whose receipts the provider has, and has recorded; we do not know it yet."""
    await sell(store, *(a_sale(number) for number in numbers))
    async with mute.at_work(store, poll_s=(3600,)):
        await becomes(store, "accepted")
    await until(lambda: len(mute.emulator.drive.documents()) == len(numbers))


PAUSED = Circuit(pause=Pause.BY_HAND, reason="the drive is being replaced")
EXPIRED = Dead("it expired in the queue", again=True)


async def test_a_hint_of_a_dead_key_makes_a_second_document_seen(
    store: Store, mute: Register
) -> None:
    await accepted(store, mute, 1)
    await said(store, EXPIRED)
    telling = Telling(mute.client())
    async with mute.at_work(store, telling):
        await hurry_until_issued(store, mute)
        await hint(store, KEY)
        await happened(store, "duplicate receipt")
    # It is asked for, and never sent again: both documents were there before.
    assert ([key for key, _ in telling.sent], telling.asked.count(KEY)) == ([f"{KEY}-1"], 1)
    assert await mute.keys() == [KEY, f"{KEY}-1"]


async def test_a_hint_of_a_dead_key_comes_before_the_next_one_leaves(
    store: Store, mute: Register
) -> None:
    await accepted(store, mute, 1)
    await said(store, EXPIRED)
    await hint(store, KEY)
    # A person holds the register: nothing leaves, and what there is is still asked for.
    await holds(store, PAUSED)
    async with mute.at_work(store):
        await becomes(store, "issued")
    assert await incidents(store) == ["recorded after all"]
    assert await mute.keys() == [KEY]


async def test_a_late_hint_ends_the_wait_for_a_person(store: Store, mute: Register) -> None:
    await accepted(store, mute, 1)
    await said(store, Unknown("look for it", final=True))
    await hint(store, KEY)
    telling = Telling(mute.client())
    async with mute.at_work(store, telling):
        await becomes(store, "issued")
    assert (await mute.keys(), telling.sent, await incidents(store)) == ([KEY], [], [])


async def test_a_flood_of_hints_starves_nothing_that_is_waited_for(
    store: Store, mute: Register
) -> None:
    numbers = range(1, 31)
    await accepted(store, mute, *numbers)
    for number in numbers[:-1]:
        await hear(store, Unknown("look for it", final=True), id_of(number))
    await hint(store, *(id_of(number) for number in numbers))
    await hurry(store)
    telling = Telling(mute.client())
    async with mute.at_work(store, telling, rate_per_s=2):
        await until(lambda: id_of(30) in telling.asked)
    assert telling.asked[0] == id_of(30)


async def test_a_hint_that_nobody_can_be_asked_about_is_heard_and_changes_nothing(
    store: Store, mute: Register
) -> None:
    """It has no number of the provider's, and this one is not asked by the key."""
    await sell(store, a_sale())
    await leave(store)
    await said(store, Unknown("look for it", final=True))
    await hint(store, KEY)
    telling = Telling(mute.client())
    async with mute.at_work(store, telling):
        await eventually(lambda: nobody_hints(store))
    row = await the_receipt(store)
    assert (row.state, row.error) == ("attention", "look for it")
    assert (telling.sent, telling.asked) == ([], [])


async def nobody_hints(store: Store) -> bool:
    return not await rows(store, sa.select(attempts.c.key).where(attempts.c.hinted))


# What one receipt fails at. ----------------------------------------------------------------------


@pytest.mark.parametrize("knows_repeats", [True, False])
async def test_a_refused_repetition_tells_of_the_first_request_only_where_repeats_are_known(
    store: Store, mute: Register, *, knows_repeats: bool
) -> None:
    await sell(store, a_sale())
    await mute.fault("drop_before_store")
    await mute.fault("refuse")
    provider = Through(mute.client())
    provider.knows_repeats = knows_repeats
    await mute.settle(store, "attention", provider=provider)
    ((verdict,),) = await rows(store, sa.select(attempts.c.verdict))
    assert verdict == ("dead" if knows_repeats else None)
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(store.transaction())
        if not knows_repeats:
            stack.enter_context(pytest.raises(DecisionError, match="resolve"))
        key = await decisions.requeue(connection, KEY, Purpose.INCOME, "olga", now_ms())
        assert key == f"{KEY}-1"


class Failing(Through):
    """Something is always said of one key; others pass. Or of all of them."""

    def __init__(self, inner: Provider, outcome: Outcome, key: str = "") -> None:
        super().__init__(inner)
        self.outcome, self.key = outcome, key

    async def submit(self, attempt: Attempt) -> Outcome:
        if self.key in {attempt.key, ""}:
            self.sent.append((attempt.key, attempt.body))
            return self.outcome
        return await super().submit(attempt)

    def tries(self) -> int:
        return len(self.sent)


NO_REGISTER = Unsent("code 15: no cash register takes cash", Pause.NO_REGISTER)


async def test_one_receipt_that_the_register_cannot_take_is_a_persons_and_holds_up_no_other(
    store: Store, mute: Register
) -> None:
    await sell(store, *(a_sale(number) for number in range(1, 5)))
    await mute.settle(
        store, "issued", "attention", provider=Failing(mute.client(), NO_REGISTER, KEY)
    )
    assert sorted((await states(store)).values()) == ["attention", *["issued"] * 3]
    row = await the_receipt(store)
    assert (row.state, row.error) == ("attention", NO_REGISTER.reason)


async def test_a_register_that_takes_nothing_makes_no_receipt_a_persons(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale(1), a_sale(2))
    failing = Failing(mute.client(), NO_REGISTER)

    async def tried() -> bool:
        await hurry(store)
        await write(store, sa.update(lane).values(hold_until=0))
        mute.due.ring()
        return failing.tries() >= 8

    async with mute.at_work(store, failing):
        await eventually(tried)
    assert {key for key, _ in failing.sent} == {id_of(1), id_of(2)}
    assert set((await states(store)).values()) <= {"waiting", "submitted"}


class Deaf(Through):
    """One key's questions are always answered so; it is sent, and all others pass."""

    def __init__(self, inner: Provider, outcome: Outcome, key: str) -> None:
        super().__init__(inner)
        self.outcome, self.key, self.asked = outcome, key, 0

    async def ask(self, attempt: Attempt) -> Outcome:
        if attempt.key != self.key:
            return await super().ask(attempt)
        self.asked += 1
        return self.outcome


async def test_what_was_accepted_is_not_dead_because_no_register_is_found_to_ask_about_it(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale(1))
    deaf = Deaf(mute.client(), NO_REGISTER, KEY)
    async with mute.at_work(store, deaf):
        await becomes(store, "accepted")

        async def asked(times: int, *others: str) -> bool:
            await hurry(store)
            await write(store, sa.update(lane).values(hold_until=0))
            mute.due.ring()
            there = await states(store)
            issued = all(there[each] == "issued" for each in others)
            return deaf.asked >= times and issued

        await eventually(partial(asked, 1))
        # The register takes another one, and then the first is asked about again.
        await sell(store, a_sale(2))
        await eventually(partial(asked, 1, id_of(2)))
        await eventually(partial(asked, deaf.asked + 2))
    assert (await the_receipt(store)).state == "accepted"
    verdicts = await rows(store, sa.select(attempts.c.verdict).where(attempts.c.key == KEY))
    assert verdicts == [(None,)]


@pytest.mark.parametrize("pause", [Pause.NO_REGISTER, Pause.BILLING, Pause.DRIVE])
async def test_a_question_that_the_register_is_said_to_be_at_fault_for_holds_up_nothing(
    store: Store, mute: Register, pause: Pause
) -> None:
    await sell(store, a_sale(1))
    deaf = Deaf(mute.client(), Unsent("asking failed: code 7", pause), KEY)

    async def asked() -> bool:
        await hurry(store)
        mute.due.ring()
        return deaf.asked >= 1

    async with mute.at_work(store, deaf):
        await eventually(asked)
        await sell(store, a_sale(2))

        async def sold() -> bool:
            await hurry(store)
            mute.due.ring()
            return (await states(store))[id_of(2)] == "issued"

        await eventually(sold)
    assert (await states(store))[KEY] == "accepted"


async def test_what_may_have_arrived_is_not_dead_because_the_register_cannot_take_it_any_more(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale())
    await leave(store)
    await said(store, Unknown("time-out"))
    await write(store, sa.update(receipt).values(error=NO_REGISTER.reason, next_at=0))
    failing = Failing(mute.client(), NO_REGISTER)
    failing.knows_repeats = False
    async with mute.at_work(store, failing):
        await becomes(store, "attention")
    ((verdict,),) = await rows(store, sa.select(attempts.c.verdict))
    assert verdict is None


async def test_one_receipt_that_always_fails_opens_the_circuit_for_nobody_else(
    store: Store, mute: Register
) -> None:
    await sell(store, a_sale(1))
    failing = Failing(mute.client(), Unknown("500: the provider trips over it"), KEY)

    async def tried() -> bool:
        await hurry(store)
        mute.due.ring()
        return failing.tries() >= 2 * FAILURES

    async with mute.at_work(store, failing):
        await eventually(tried)
        # A buyer comes, and nobody ends a hold for him.
        await sell(store, a_sale(2))
        mute.due.ring()

        async def there() -> bool:
            return (await states(store))[id_of(2)] in {"accepted", "issued"}

        await eventually(there)
        assert await rows(store, sa.select(lane.c.hold_until)) == [(0,)]


@pytest.mark.usefixtures("unhurried")
async def test_five_receipts_that_fail_open_the_circuit(
    store: Store, mute: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.breaker.OPEN_S", (3600,))  # it is looked at while it is open
    await sell(store, *(a_sale(number) for number in range(1, FAILURES + 1)))
    failing = Failing(mute.client(), Unknown("500"))
    async with mute.at_work(store, failing):

        async def opened() -> bool:
            told = await rows(store, sa.select(lane.c.failures, lane.c.hold_until))
            return bool(told and told[0].failures >= FAILURES and told[0].hold_until > now_ms())

        await eventually(opened)
    assert failing.tries() == FAILURES


# What is said that cannot be. --------------------------------------------------------------------


class Absurd(Through):
    """Tells of documents that cannot be for one key."""

    def __init__(self, inner: Provider, **told: object) -> None:
        super().__init__(inner)
        self.told = told

    async def ask(self, attempt: Attempt) -> Outcome:
        outcome = await super().ask(attempt)
        if attempt.key == KEY and isinstance(outcome, Done):
            return replace(outcome, document=replace(outcome.document, **self.told))  # type: ignore[arg-type]
        return outcome


@pytest.mark.parametrize("told", [{"fd": 10**19}, {"fp": 2**32}, {"total": 10**15}, {"fd": 2**40}])
async def test_a_document_that_cannot_be_is_a_persons_and_its_lane_goes_on(
    store: Store, mute: Register, told: dict[str, int]
) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await mute.settle(store, "issued", "attention", provider=Absurd(mute.client(), **told))
    assert await states(store) == {id_of(1): "attention", id_of(2): "issued"}


async def test_an_outcome_that_cannot_be_written_is_a_persons_and_its_lane_goes_on(
    store: Store, mute: Register
) -> None:
    """As if our own code could not write what it read."""
    await sell(store, a_sale(1), a_sale(2))
    with capture_logs() as logged:
        broken = Absurd(mute.client(), at=object())
        await mute.settle(store, "issued", "attention", provider=broken)
    assert await states(store) == {id_of(1): "attention", id_of(2): "issued"}
    assert (await the_receipt(store)).error == UNWRITTEN
    assert "a turn failed" in [each["event"] for each in logged]


@pytest.mark.needs("postgres")
async def test_two_registers_told_of_one_document_at_one_moment_stop_no_lane(
    postgres_store: Store, postgres: Cluster
) -> None:
    store = postgres_store
    side = Account(id="side", operator="coffee", provider="cloudkassir", settings=SETTINGS)
    await stock(store, *a_fleet(side))
    async with store.transaction() as connection:
        await sales.keep(connection, [placed(a_sale(1)), placed(a_sale(2), "side")], now_ms())
    await leave(store, "side")
    async with a_register(store, pushes=False) as mute, mute.at_work(store, poll_s=(3600,)):
        await eventually(lambda: is_in(store, KEY, "accepted"))
        await until(mute.emulator.drive.documents)
        document = mute.emulator.drive.documents()[0]
        told = a_document(document.fd, document.told.total, document.fn)
        async with store.transaction() as connection:
            taken = [receipts.Told(id_of(2), Done(told), "side")]
            await receipts.record(connection, taken, "push", now_ms())
            await write(store, sa.update(receipt).where(receipt.c.sale_id == KEY).values(next_at=0))
            mute.due.ring()
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            await until(lambda: postgres.execute(waiting) == [(1,)])
        # The lane's own write meets the document that is another's by now.
        await eventually(lambda: is_in(store, KEY, "attention"))
    assert await incidents(store) == ["document of another sale"]


async def is_in(store: Store, key: str, state: str) -> bool:
    return (await states(store))[key] == state


# Held by a person, or by a clock. ----------------------------------------------------------------


async def test_a_register_that_a_person_holds_is_sent_nothing_and_still_asked(
    store: Store, mute: Register
) -> None:
    """The one that may be repeated is longer overdue; there is room for one at a time."""
    await accepted(store, mute, 1)
    await sell(store, a_sale(2), a_sale(3))
    of_two = [receipts.Told(id_of(2), Unknown("time-out"), "main")]
    await leave(store)
    async with store.transaction() as connection:
        await receipts.record(connection, of_two, "lane", now_ms() - 60_000)
        await receipts.record(
            connection, [receipts.Told(id_of(3), Unsent("no network"), "main")], "lane", now_ms()
        )
    await write(store, sa.update(receipt).where(receipt.c.sale_id == KEY).values(next_at=1000))
    await write(store, sa.update(receipt).where(receipt.c.sale_id != KEY).values(next_at=0))
    await holds(store, PAUSED)
    telling = Telling(mute.client())
    async with mute.at_work(store, telling, rate_per_s=1):
        await eventually(lambda: is_in(store, KEY, "issued"))
    assert (telling.sent, telling.asked) == ([], [KEY])
    assert await states(store) == {KEY: "issued", id_of(2): "unknown", id_of(3): "waiting"}


async def test_a_clock_that_was_a_day_ahead_and_is_set_right_gives_nothing_up(
    store: Store, mute: Register
) -> None:
    await accepted(store, mute, 1)
    await aged(store, -24 * HOUR_MS)
    await write(store, sa.update(receipt).values(next_at=receipt.c.next_at + 24 * HOUR_MS))
    async with mute.at_work(store):
        await becomes(store, "issued")
    assert await mute.keys() == [KEY]


@pytest.mark.parametrize("what", ["sale", "requeued", "returned"])
async def test_what_a_process_whose_clock_is_ahead_puts_into_a_lane_is_due_at_once(
    store: Store, mute: Register, what: str
) -> None:
    """A lane goes by the server's clock; the buyer does not wait for half an hour."""
    ahead = now_ms() + HOUR_MS // 2
    await stocked(store)
    async with store.transaction() as connection:
        at = ahead if what == "sale" else now_ms()
        await sales.keep(connection, [placed(a_sale())], at)
    key = KEY
    if what == "requeued":
        await leave(store)
        await said(store, Dead("code 13"))
        async with store.transaction() as connection:
            key = await decisions.requeue(connection, KEY, Purpose.INCOME, "olga", ahead)
    if what == "returned":
        await mute.settle(store, "issued")
        async with store.transaction() as connection:
            found = await placing.issued(connection, KEY)
            assert found is not None
            await returns.ask(connection, found, "2026-11-23T18:50:00", "olga", ahead)
        key = f"{KEY}-r"
    async with mute.at_work(store):

        async def recorded() -> bool:
            return key in await mute.keys()

        await eventually(recorded)


def test_a_process_that_slept_for_longer_than_a_lease_knows_it() -> None:
    then = SinceBoot("one", 1000)
    assert not _slept(then, then)
    assert not _slept(then, SinceBoot("one", 1000 + LEASE_MS))
    assert _slept(then, SinceBoot("one", 1001 + LEASE_MS))
    assert _slept(then, SinceBoot("another", 1001))


async def test_a_process_that_slept_behind_its_intent_sends_nothing(
    store: Store, mute: Register
) -> None:
    """Another may have gone on with it since, and the provider may have forgotten the key."""
    await sell(store, a_sale())
    async with store.transaction() as connection:
        (job,) = await claims.to_send(connection, "main", now_ms(), 1, live_first=True)
    through = Through(mute.client())
    body = through.compose(job.receipt, job.key)
    working = Lane(store, mute.opened(through), "one", mute.due, mute.news)
    now = since_boot()
    for then in (SinceBoot(now.boot_id, now.ms - LEASE_MS - 1), SinceBoot("another", now.ms), now):
        assert through.sent == []
        with capture_logs() as logged:
            await working._call(replace(job, body=body), "submit", then)  # noqa: SLF001, who sleeps is told by the kernel's clock alone
    assert logged == []
    assert through.sent == [(KEY, body)]


async def test_a_server_clock_that_was_set_back_makes_no_other_computer_send_again(
    store: Store, mute: Register
) -> None:
    """Sent 75 minutes ago elsewhere; the server's clock, set back by half an hour, says 45."""
    await sell(store, a_sale())
    async with mute.at_work(store, Stuck(mute.client())):
        await eventually(mute.ledger)
    elsewhere = {"first_sent_at": now_ms() - 45 * 60_000, "first_sent_boot": "elsewhere"}
    await write(store, sa.update(attempts).values(elsewhere))
    await write(store, sa.update(lane).values(latest_at=now_ms() + HOUR_MS // 2))
    await expire_leases(store)
    await mute.control({"forget": True})
    await mute.settle(store, "attention", "issued")
    assert await mute.keys() == [KEY]


class Looking(Through):
    """Can be asked by the key, and has forgotten all of them."""

    def __init__(self, inner: Provider) -> None:
        super().__init__(inner)
        self.by_key, self.memory_s = True, 3300.0
        self.questions = 0
        self.outcome = Unsent("there is no such receipt")

    async def ask(self, _attempt: Attempt) -> Outcome:
        self.questions += 1
        return self.outcome


async def test_what_a_crash_may_have_sent_and_nobody_knows_any_more_is_not_sent_again(
    store: Store, mute: Register
) -> None:
    """The process dies while it sends; the next comes when the key may be forgotten."""
    await sell(store, a_sale())
    async with mute.at_work(store, Stuck(mute.client())):
        await eventually(mute.ledger)
    assert (await the_receipt(store)).state == "submitted"
    await expire_leases(store)
    await aged(store)
    await mute.control({"forget": True})
    looking = Looking(mute.client())
    async with mute.at_work(store, looking, "two"):

        async def asked() -> bool:
            await hurry(store)
            mute.due.ring()
            return looking.questions > 1 or bool(looking.sent)

        await eventually(asked)
    assert looking.sent == []
    assert await mute.keys() == [KEY]
    assert (await the_receipt(store)).state == "unknown"


async def test_a_provider_that_knows_us_no_more_is_left_alone_though_a_crash_was_before(
    store: Store, mute: Register
) -> None:
    """The first answer says of what may have left that it is unknown; the next one pauses."""
    await sell(store, a_sale())
    async with mute.at_work(store, Stuck(mute.client())):
        await eventually(mute.ledger)
    await expire_leases(store)
    await aged(store)
    looking = Looking(mute.client())
    looking.outcome = Unsent("your password is old", Pause.AUTH)
    async with mute.at_work(store, looking, "two"):

        async def paused() -> bool:
            await hurry(store)
            mute.due.ring()
            async with store.reading() as connection:
                return (await lanes.circuit(connection, "main")).pause is Pause.AUTH

        await eventually(paused)
    assert (looking.questions, looking.sent) == (2, [])
    assert (await the_receipt(store)).state == "unknown"


class Ignorant(Through):
    """Knows nothing of what it is asked for."""

    def __init__(self, inner: Provider, outcome: Outcome) -> None:
        super().__init__(inner)
        self.outcome = outcome
        self.questions = 0

    async def ask(self, _attempt: Attempt) -> Outcome:
        self.questions += 1
        return self.outcome


@pytest.mark.parametrize(
    ("outcome", "unasked"),
    [
        (Unknown("nothing is known of it"), False),
        (Unsent("there is no such receipt", absent=True), False),
        (Unknown("not understood", unasked=True), True),
    ],
    ids=["unknown", "absent", "unasked"],
)
async def test_what_may_not_be_sent_again_and_nobody_knows_is_a_person_s_after_hours_of_asking(
    store: Store, register: Register, outcome: Outcome, *, unasked: bool
) -> None:
    """A question that nobody answered tells nothing, however often it is put."""
    await sell(store, a_sale())
    await leave(store)
    await hear(store, Accepted("sc_1"), KEY)
    await hear(store, Unknown("it said that it does not know it"), KEY)
    await aged(store, 24 * HOUR_MS)
    provider = Ignorant(register.client(), outcome)

    async def asks(times: int, tries: int) -> bool:
        # Each time: what the question before brought may be written down after this.
        await write(store, sa.update(receipt).values(tries=tries, next_at=0))
        register.due.ring()
        return provider.questions >= times or not await is_in(store, KEY, "unknown")

    async with register.at_work(store, provider):
        for tries in (0, PATIENT - 2, PATIENT):
            few = provider.questions + 3
            await eventually(partial(asks, few if tries < PATIENT or unasked else 1000, tries))
            person = tries == PATIENT and not unasked
            assert await states(store) == {KEY: "attention" if person else "unknown"}
    assert provider.sent == []

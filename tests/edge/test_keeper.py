"""The keeper: of every approval a sale or a question, never both, never neither."""

import asyncio
import itertools
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import msgspec
import pytest
from parts import until
from specimens import BOOT, StillClock

from edge.clock import Moment
from edge.keeper import Concluded, Keeper
from edge.storage import disk as disk_module
from edge.storage.disk import Disk
from edge.storage.outbox import OpenSale, Outbox
from edge.wire import Ack, Sale
from mdb import event
from mdb.context import Context
from mdb.event import Confidence, Kind, Tender

EPOCH = "7f3a9c1e"
READER, OTHER, GATEWAY = 0x10, 0x60, 0x18
APPROVED = event.VendApproved(1.0, READER, "0001", 12510, "RUB")
CARD = (Tender("cashless-1", 12510),)
UNHEARD = (Tender("cashless-1", None),)
SOLD = event.Sale(2.0, READER, "0001", Kind.PAID, 12510, "RUB", CARD)
SOLD_BLIND = event.Sale(2.0, READER, None, Kind.PAID, None, None, UNHEARD)
PRESUMED = event.Sale(2.0, READER, "0001", Kind.PAID, 12510, "RUB", CARD, Confidence.PRESUMED)
OTHER_ITEM = event.Sale(2.0, READER, "0009", Kind.PAID, None, None, UNHEARD)
IN_CASH = event.Sale(2.0, READER, "0002", Kind.PAID, 500, "RUB", (Tender("cash", 500),))
REPORTED = event.Sale(2.0, GATEWAY, "0001", Kind.PAID, 12510, "RUB", CARD)
RETURNED = event.Return(2.0, READER, "0001", 500, "RUB", CARD)
FAILED = event.VendFailed(2.0, READER, "0001", 12510, "RUB")
FAILED_BLIND = event.VendFailed(2.0, READER, None, None, None)
OTHER_FAILED = event.VendFailed(2.0, READER, "0009", None, None)
DENIED = event.VendDenied(2.0, READER, None)
CANCELLED = event.VendCancelled(2.0, READER, "0001")
UNCERTAIN = event.VendUncertain(2.0, READER, "0001", 12510, "RUB")
BEGAN = event.SessionBegan(3.0, READER)
REQUESTED = event.VendRequested(3.0, READER, "0002", 100, "RUB")
RESET = event.PeripheralReset(3.0, READER)
BUS_RESET = event.BusReset(3.0, 0)
ELSEWHERE = event.SessionBegan(3.0, OTHER)


class Bench:
    """A keeper with a real outbox, and what it told."""

    def __init__(self, outbox: Outbox, disk: Disk, clock: StillClock, boot: str = BOOT) -> None:
        self.outbox, self.disk, self.clock, self.boot = outbox, disk, clock, boot
        self.kept = list[tuple[Sale, OpenSale]]()
        self.unkept = list[Concluded]()
        self.incidents = self.mended = 0
        self.chance = (2 * number.to_bytes(10, "big") for number in itertools.count(1))
        self.keeper = Keeper(
            machine="vm-1",
            outbox=outbox,
            disk=disk,
            chance=lambda size: next(self.chance)[-size:],
            now=self.now,
            on_kept=lambda sale, kept: self.kept.append((sale, kept)),
            on_unkept=self.unkept.append,
            on_incident=self._asked,
            on_mended=self._mended,
        )

    def now(self) -> Moment:
        moment = self.clock.now()
        return Moment(moment.unix_ms, moment.boottime_ms, self.boot, moment.quality)

    def hear(self, *told: event.Event | dict[int, Context]) -> None:
        for each in told:
            self.keeper.take(Concluded(each, self.now(), self.now()))

    def _asked(self) -> None:
        self.incidents += 1

    def _mended(self) -> None:
        self.mended += 1

    @property
    def amounts(self) -> list[int | None]:
        return [
            msgspec.json.decode(each.body)["amount"] for each in self.outbox.open_sales(0, 1000)
        ]

    @property
    def asked(self) -> list[tuple[str | None, int | None]]:
        incidents = reversed(self.outbox.notes.incidents(100))
        return [(each.item, each.amount) for each in incidents if each.kind == "outcome_unknown"]


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(disk_module, "RETRY_S", 0.01)
    used = Disk()
    yield used
    used.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    task = asyncio.create_task(bench.keeper.run())
    try:
        yield bench
        await bench.keeper.drain(10)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


STORIES: dict[str, tuple[Sequence[event.Event], list[int | None], list[int | None]]] = {
    "sold": ([APPROVED, SOLD], [12510], []),
    "presumed": ([APPROVED, PRESUMED], [12510], []),
    "failed": ([APPROVED, FAILED], [], []),
    "cancelled": ([APPROVED, CANCELLED], [], []),
    "uncertain": ([APPROVED, UNCERTAIN], [], [12510]),
    "uncertain and nothing known before": ([UNCERTAIN], [], [12510]),
    "a session began": ([APPROVED, BEGAN], [], [12510]),
    "another request": ([APPROVED, REQUESTED], [], [12510]),
    "the reader was reset": ([APPROVED, RESET], [], [12510]),
    "sold, and the next": ([APPROVED, SOLD, BEGAN, APPROVED, SOLD], [12510, 12510], []),
    "approved twice": ([APPROVED, APPROVED, SOLD], [12510], [12510]),
    "something in cash between": ([APPROVED, IN_CASH, SOLD], [500, 12510], []),
    "something in cash, and no end": ([APPROVED, IN_CASH, BEGAN], [500], [12510]),
    "sold as a gateway reported it": ([APPROVED, REPORTED, BEGAN], [12510], []),
    "reported, and its reader uncertain": ([APPROVED, REPORTED, UNCERTAIN], [12510], []),
    "a return between": ([APPROVED, RETURNED], [500], [12510]),
    "elsewhere": ([APPROVED, ELSEWHERE, SOLD], [12510], []),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_an_approval_ends_as_a_sale_a_question_or_is_called_off(
    file: Path,
    disk: Disk,
    clock: StillClock,
    story: tuple[Sequence[event.Event], list[int | None], list[int | None]],
) -> None:
    heard, sold, asked = story
    with closing(Outbox(file, EPOCH)) as outbox:
        async with running(Bench(outbox, disk, clock)) as bench:
            bench.hear(*heard)
        assert bench.amounts == sold
        assert [amount for _, amount in bench.asked] == asked
        assert bench.incidents == len(asked)
        assert len(bench.kept) == len(sold)
        assert outbox.memory.intents() == {}


RESTARTED: dict[str, tuple[Sequence[event.Event], list[int | None], int]] = {
    "sold": ([SOLD], [12510], 0),
    "sold, and the amount was told before": ([SOLD_BLIND], [12510], 0),
    "sold, and another item": ([OTHER_ITEM], [None], 1),
    "failed": ([FAILED], [], 0),
    "cancelled": ([CANCELLED], [], 0),
    "a vend that nobody heard begin failed": ([FAILED_BLIND], [], 1),
    "another item failed": ([OTHER_FAILED], [], 1),
    "the next was denied": ([DENIED], [], 1),
    "uncertain": ([UNCERTAIN], [], 1),
    "a session began": ([BEGAN], [], 1),
    "another request": ([REQUESTED], [], 1),
    "the next is approved": ([APPROVED, SOLD], [12510], 1),
    "the reader was reset": ([RESET], [], 1),
    "the bus was reset": ([BUS_RESET], [], 1),
    "the bus was reset twice": ([BUS_RESET, RESET, BEGAN], [], 1),
    "sold in cash meanwhile": ([IN_CASH, SOLD_BLIND], [500, 12510], 0),
    "sold in cash, and no end": ([IN_CASH, BEGAN], [500], 1),
    "reported": ([REPORTED, BEGAN], [12510], 0),
}
ANOTHER_BOOT = "11111111-8d0f-4f4b-9d51-1f6f7c0f2a11"


@pytest.mark.parametrize("restart", ["same boot", "other boot", "too old"])
@pytest.mark.parametrize("story", RESTARTED.values(), ids=RESTARTED)
async def test_an_approval_that_a_restart_cut_off_is_a_sale_or_a_question(
    file: Path,
    disk: Disk,
    clock: StillClock,
    story: tuple[Sequence[event.Event], list[int | None], int],
    restart: str,
) -> None:
    heard, sold, asked = story
    outbox = Outbox(file, EPOCH)
    async with running(Bench(outbox, disk, clock)) as before:
        before.hear(APPROVED)
    outbox.close()
    clock.seconds += 301 if restart == "too old" else 3
    boot = ANOTHER_BOOT if restart == "other boot" else BOOT
    with closing(Outbox(file, EPOCH)) as outbox:
        async with running(Bench(outbox, disk, clock, boot)) as bench:
            if restart != "same boot":
                await until(lambda: bench.incidents)
                assert bench.asked == [("0001", 12510)]
            bench.hear(*heard)
        if restart == "same boot":
            assert (bench.amounts, len(bench.asked)) == (sold, asked)
        else:
            assert bench.asked[0] == ("0001", 12510)
            assert len(bench.asked) == 1 + (UNCERTAIN in heard)
            assert len(bench.amounts) == len(sold)
        assert outbox.memory.intents() == {}


async def test_an_approval_whose_end_never_comes_is_asked_of_after_five_minutes(
    file: Path, disk: Disk, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.keeper.LOOK_S", 0.01)
    with closing(Outbox(file, EPOCH)) as outbox:
        async with running(Bench(outbox, disk, clock)) as bench:
            bench.hear(APPROVED)
            await until(lambda: bench.keeper.waiting == 0)
            assert outbox.memory.intents().keys() == {READER}
            clock.seconds += 299
            await asyncio.sleep(0.05)
            assert bench.incidents == 0
            clock.seconds += 2
            await until(lambda: bench.incidents == 1)
        assert bench.asked == [("0001", 12510)]


class Refusal:
    """A disk that takes nothing for a while; a stand-in for the card, not for our code."""

    def __init__(self, outbox: Outbox) -> None:
        self.error: sqlite3.Error | None = None
        run = outbox._file.run  # noqa: SLF001
        self.times = 0

        def refuse(query: str, **values: object) -> sqlite3.Cursor:
            error = self.error  # read once: this is the disk's thread, and another may relent
            if error is not None and query.startswith("put"):
                self.times += 1
                self.error = self._next
                raise error
            return run(query, **values)

        self._next: sqlite3.Error | None = None
        outbox._file.run = refuse  # type: ignore[method-assign]  # noqa: SLF001

    def refuse(self) -> None:
        self.error = self._next = sqlite3.OperationalError("database or disk is full")

    def fail_once(self, error: sqlite3.Error) -> None:
        self.error = error

    def relent(self) -> None:
        self.error = self._next = None


async def test_what_comes_while_the_disk_refuses_is_kept_in_its_order(
    file: Path, disk: Disk, clock: StillClock
) -> None:
    """Also where the approval has become old meanwhile: its end waits behind it."""
    with closing(Outbox(file, EPOCH)) as outbox:
        card = Refusal(outbox)
        async with running(Bench(outbox, disk, clock)) as bench:
            bench.hear(APPROVED)
            await until(lambda: bench.keeper.waiting == 0)
            card.refuse()
            bench.hear(IN_CASH, SOLD, {READER: Context()}, IN_CASH)
            await until(lambda: card.times > 2)
            assert (bench.keeper.waiting, bench.keeper.sales_waiting) == (4, 3)
            assert disk.refusing
            clock.seconds += 1000
            card.relent()
            await until(lambda: bench.keeper.waiting == 0)
            assert bench.keeper.sales_waiting == 0
        assert not disk.refusing
        assert bench.amounts == [500, 12510, 500]
        assert [sale.seq for sale, _ in bench.kept] == [1, 2, 3]
        assert bench.asked == []


async def test_a_sale_that_is_not_on_the_disk_after_a_second_is_told_of(
    file: Path, disk: Disk, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_s = 0.05
    monkeypatch.setattr("edge.keeper.UNKEPT_S", wait_s)
    with closing(Outbox(file, EPOCH)) as outbox:
        card = Refusal(outbox)
        async with running(Bench(outbox, disk, clock)) as bench:
            bench.hear(SOLD)
            await until(lambda: bench.kept)
            told = len(bench.unkept)  # none, but where this disk itself took so long
            await asyncio.sleep(wait_s)  # its own wait began before, and is over
            assert len(bench.unkept) == told
            card.refuse()
            bench.hear(IN_CASH, BEGAN, RETURNED, SOLD)
            await until(lambda: len(bench.unkept) == told + 3)
            assert [each.what for each in bench.unkept[told:]] == [IN_CASH, RETURNED, SOLD]
            card.relent()
            await until(lambda: len(bench.kept) == 4)
        await asyncio.sleep(wait_s)
        assert len(bench.unkept) == told + 3


async def test_what_was_given_up_is_not_told_of_any_more(
    file: Path, disk: Disk, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The screen is closed by then."""
    wait_s = 0.05
    monkeypatch.setattr("edge.keeper.UNKEPT_S", wait_s)
    with closing(Outbox(file, EPOCH)) as outbox:
        card = Refusal(outbox)
        async with running(Bench(outbox, disk, clock)) as bench:
            card.refuse()
            bench.hear(IN_CASH, SOLD)
            await bench.keeper.drain(0)
            told = len(bench.unkept)  # none, but where this machine stood still meanwhile
            await asyncio.sleep(wait_s)
            assert (len(bench.unkept), bench.keeper.sales_waiting) == (told, 0)
            card.relent()


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.DatabaseError("database disk image is malformed"),
        sqlite3.IntegrityError("a gap in the sequence"),
    ],
)
@pytest.mark.parametrize("heard", [[SOLD], [APPROVED, SOLD], [UNCERTAIN, SOLD]])
async def test_damage_that_is_found_meanwhile_is_mended_and_everything_kept(
    file: Path, disk: Disk, clock: StillClock, error: sqlite3.Error, heard: list[event.Event]
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        async with running(Bench(outbox, disk, clock)) as bench:
            bench.hear(SOLD)
            await until(lambda: bench.kept)
            Refusal(outbox).fail_once(error)
            bench.hear(*heard)
        assert outbox.epoch != EPOCH
        assert outbox.salvaged is not None
        assert str(error) in outbox.salvaged
        assert (bench.mended, outbox.last_place, outbox.next_seq) == (1, 2, 2)
        old, new = (msgspec.json.decode(each.body) for each in outbox.open_sales(0, 9))
        assert (old["epoch"], old["seq"]) == (EPOCH, 1)
        assert (new["epoch"], new["seq"]) == (outbox.epoch, 1)
        assert bench.kept[1][0].sale_id == new["sale_id"]
        assert len(bench.asked) == (UNCERTAIN in heard)


async def test_an_outbox_that_is_deleted_meanwhile_is_there_again_with_all_that_was_kept(
    file: Path, disk: Disk, clock: StillClock
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        async with running(Bench(outbox, disk, clock)) as bench:
            bench.hear(SOLD)
            await until(lambda: bench.kept)
            for each in file.parent.iterdir():
                each.unlink()
            bench.hear(SOLD)
            await until(lambda: len(bench.kept) == 2)
        assert (bench.mended, outbox.last_place, outbox.next_seq) == (1, 2, 2)
    with closing(Outbox(file, EPOCH)) as again:
        assert [each.body for each in again.open_sales(0, 9)] == [
            kept.body for _, kept in bench.kept
        ]


async def test_an_old_card_that_was_put_back_gives_no_number_twice(
    file: Path, disk: Disk, clock: StillClock
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        async with running(Bench(outbox, disk, clock)) as bench:
            bench.hear(SOLD)
            await until(lambda: bench.kept)
            assert not outbox.knows(Ack(epoch=EPOCH, upto=2, time=""))
            await bench.keeper.doubt("the cloud has a number that was never given here")
            first = outbox.epoch
            await bench.keeper.doubt("and again")
            bench.hear(SOLD)
        assert (outbox.epoch, bench.mended) == (first, 1)
        assert first != EPOCH
        assert [msgspec.json.decode(each.body)["seq"] for each in outbox.open_sales(0, 9)] == [1, 1]


async def test_a_card_beyond_help_is_given_up_with_all_that_waits_in_the_log(
    file: Path, disk: Disk, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(file, EPOCH)
    bench = Bench(outbox, disk, clock)
    mended = list[str]()

    def broken(*_: object, **__: object) -> sqlite3.Cursor:
        raise sqlite3.DatabaseError("database disk image is malformed")

    def mend(epoch: str, reason: str) -> None:
        mended.append(epoch + reason)

    outbox._file.run, outbox.mend = broken, mend  # type: ignore[method-assign]  # noqa: SLF001
    bench.hear(SOLD, IN_CASH)
    with pytest.raises(sqlite3.DatabaseError):
        await asyncio.wait_for(bench.keeper.run(), 10)
    assert len(mended) == 3
    assert caplog.text.count("not kept: Concluded(what=Sale(") == 2
    bench.hear(RETURNED)
    caplog.clear()
    await asyncio.wait_for(bench.keeper.drain(3600), 10)
    assert [(record.levelname, record.message[:32]) for record in caplog.records] == [
        ("CRITICAL", "not kept: Concluded(what=Return("),
    ]
    assert bench.keeper.waiting == 0
    outbox.close()


async def test_what_waits_where_nobody_keeps_it_any_more_is_in_the_log(
    file: Path, disk: Disk, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        bench = Bench(outbox, disk, clock)
        task = asyncio.create_task(bench.keeper.run())
        bench.hear(SOLD)
        await until(lambda: bench.kept)
        await asyncio.wait_for(bench.keeper.drain(0), 10)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        bench.hear(SOLD, IN_CASH)
        assert caplog.text.count("not kept: ") == 0
        await asyncio.wait_for(bench.keeper.drain(3600), 10)
        assert caplog.text.count("not kept: ") == 2


async def test_a_keeper_that_never_began_names_what_it_was_given(
    file: Path, disk: Disk, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        bench = Bench(outbox, disk, clock)
        bench.hear(SOLD)
        await asyncio.wait_for(bench.keeper.drain(0), 10)
        assert caplog.text.count("not kept: ") == 1


async def test_damage_that_others_find_is_mended_here_once_for_all_of_them(
    file: Path, disk: Disk, clock: StillClock
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        async with running(Bench(outbox, disk, clock)) as bench:
            bench.hear(SOLD)
            await until(lambda: bench.kept)
            damaged = outbox._file  # noqa: SLF001, it is another when it was mended
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = "SQLITE_IOERR_READ"

            def reading() -> int:
                if outbox._file is damaged:  # noqa: SLF001
                    raise error
                return outbox.pending()[0]

            found = [disk.insist(reading) for _ in range(3)]
            assert await asyncio.wait_for(asyncio.gather(*found), 10) == [1, 1, 1]
        assert bench.mended == 1
        assert "disk I/O error" in (outbox.salvaged or "")
        assert len(list(file.parent.glob("*.damaged-*.sqlite"))) == 1


async def test_told_to_stop_it_keeps_what_it_has_and_names_what_it_cannot(
    file: Path, disk: Disk, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        bench = Bench(outbox, disk, clock)
        async with running(bench):
            bench.hear(*[SOLD] * 20)
        assert len(bench.amounts) == 20
        card = Refusal(outbox)
        card.refuse()
        bench.hear(SOLD, IN_CASH)
        task = asyncio.create_task(bench.keeper.run())
        await until(lambda: card.times)
        with caplog.at_level(logging.CRITICAL):
            await bench.keeper.drain(0.05)
        assert [record.message.count("not kept: ") for record in caplog.records[-2:]] == [1, 1]
        assert "'cash'" in caplog.text
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_the_machine_s_own_clock_said_is_kept_beside_what_is_right(
    file: Path, disk: Disk, clock: StillClock
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        async with running(Bench(outbox, disk, clock)) as bench:
            raw = Moment(5, 7, BOOT, "unsynced")
            right = Moment(1_795_448_530_512, 7, BOOT, "corrected")
            bench.keeper.take(Concluded(SOLD, raw, right))
        sale = bench.kept[0][0]
        assert (sale.sold_at, sale.wall) == (right.iso, raw.iso)
        assert (sale.clock, sale.boottime_ms) == ("corrected", 7)

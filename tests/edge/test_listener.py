"""The listener on traces of a bus, under a clock that goes on only when it is told to."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from parts import until
from specimens import StillClock

from edge.buyer.event import Buying
from edge.keeper import Concluded
from edge.listener import CASH_S, DEAD_S, SILENCE_S, Ears, Listener, Pulse
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.timeline import Timeline
from mdb import Signal, Sniffer, event, read_trace
from mdb.context import Context
from mdb.scaling import Scaling
from mdb.sniffer import Heard

TRACES = Path(__file__).parents[1] / "traces"
READER = 0x10
SPOKEN_AT_START = ["0.1 > 11 00 02 00 00 00 13", "0.11 < 01 01 16 43 0A 02 0A 09 7A", "0.12 > 00"]
CARD_SALE = [
    *("1.0 > 13 00 04 B0 00 05 CC", "1.1 < 05 04 B0 B9", "1.2 > 00"),
    *("5.0 > 13 02 00 05 1A", "5.1 < 00"),
]
POLL = ["6.0 > 12 12", "6.005 < 00", "6.1 > 12 12", "6.105 < 00"]
"""The second one shows that the first was only that."""


def spoken(trace: str) -> list[str]:
    return (TRACES / f"{trace}.mdb").read_text("utf-8").splitlines()


class Bus:
    """A tap that gives what the test says, and ends when it says so."""

    def __init__(self) -> None:
        self._signals: asyncio.Queue[Signal | None] = asyncio.Queue()

    def say(self, lines: list[str]) -> int:
        """How many signals it was."""
        signals = list(read_trace(lines))
        for signal in signals:
            self._signals.put_nowait(signal)
        return len(signals)

    def end(self) -> None:
        self._signals.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Signal]:
        while (signal := await self._signals.get()) is not None:
            yield signal


class Machine:
    """A listener, and whoever is told."""

    def __init__(self, folder: Path, known: dict[int, Context] | None = None) -> None:
        self.bus = Bus()
        self.clock = StillClock()
        self.outbox = Outbox(folder / "outbox.sqlite", "7f3a9c1e")
        self.disk = Disk()
        self.concluded: list[Concluded] = []
        self.buying: list[Buying] = []
        self.pulses: list[Pulse] = []
        self.heard: list[Heard] = []
        self.listener = Listener(
            tap=self.bus,
            vmc_only=False,
            known=known or {},
            clock=self.clock,
            timeline=Timeline(self.clock, self.outbox, self.disk),
            ears=Ears(
                self.concluded.append, self.buying.append, self.pulses.append, self.heard.append
            ),
        )

    @property
    def sales(self) -> list[event.Sale]:
        return [each.what for each in self.concluded if isinstance(each.what, event.Sale)]

    @property
    def contexts(self) -> list[Concluded]:
        return [each for each in self.concluded if not isinstance(each.what, event.Event)]

    @asynccontextmanager
    async def hearing(self) -> AsyncIterator["Machine"]:
        tasks = [
            asyncio.create_task(self.listener.run()),
            asyncio.create_task(self.listener.mind_silence()),
        ]
        try:
            yield self
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def hear(self, lines: list[str]) -> None:
        """Say it, and wait until it was heard."""
        before = self.listener.signals
        said = self.bus.say(lines)
        await until(lambda: self.listener.signals == before + said)

    async def mind(self) -> None:
        """Wait until silence was minded once more."""
        self.clock.seconds += 0.001
        now = self.clock.seconds
        await until(lambda: self.listener.looked_at >= now)

    def close(self) -> None:
        self.disk.close()
        self.outbox.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    opened = Machine(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is minded every few milliseconds; how long it lasted is the still clock's word."""
    monkeypatch.setattr("edge.listener.SILENCE_S", 0.005)


async def test_what_is_concluded_goes_to_the_keeper_and_a_buyer_s_steps_to_the_stage(
    machine: Machine,
) -> None:
    async with machine.hearing():
        await machine.hear(spoken("ap113-single-vend"))
        machine.bus.end()
        await until(lambda: machine.pulses)
    kinds = [type(each.what) for each in machine.concluded if isinstance(each.what, event.Event)]
    assert kinds == [
        event.SessionBegan,
        event.VendRequested,
        event.VendApproved,
        event.Sale,
        event.SessionEnded,
    ]
    assert [(each.item, each.amount) for each in machine.sales] == [("0001", 12510)]
    assert machine.buying == [Buying(now=True), Buying(now=True, again=True), Buying(now=False)]


@pytest.mark.parametrize(
    ("trace", "last"),
    [
        ("denied", event.VendDenied),
        ("cancelled", event.VendCancelled),
        ("failure", event.VendFailed),
    ],
)
async def test_a_buyer_who_gets_nothing_has_gone_and_the_keeper_is_told_why(
    machine: Machine, trace: str, last: type[event.Event]
) -> None:
    async with machine.hearing():
        await machine.hear(spoken(trace))
        machine.bus.end()
        await until(lambda: machine.pulses)
    assert machine.buying[0] == Buying(now=True)
    assert machine.buying[-1] == Buying(now=False)
    assert last in {type(each.what) for each in machine.concluded}
    assert machine.sales == []


async def test_who_pays_at_one_reader_is_buying_though_the_other_was_asked_in_vain(
    machine: Machine,
) -> None:
    """An always idle VMC asks both readers, and takes its request back from the slower one."""
    async with machine.hearing():
        await machine.hear(
            [
                *(
                    "1.0 > 13 00 04 B0 00 05 CC",
                    "1.01 < 00",
                    "1.1 > 63 00 04 B0 00 05 1C",
                    "1.11 < 00",
                ),
                *("2.0 > 62 62", "2.01 < 05 04 B0 B9", "2.02 > 00"),
                *("2.1 > 13 01 14", "2.11 < 06 06", "2.12 > 00"),
            ]
        )
        assert event.VendCancelled in {type(each.what) for each in machine.concluded}
        assert machine.buying[-1] == Buying(now=True)
        await machine.hear(["9.0 > 63 02 00 05 6A", "9.01 < 00", "9.1 > 63 04 67"])
        await machine.hear(["9.11 < 07 07", "9.12 > 00", "12.0 > 62 62", "12.01 < 00"])
    assert machine.buying[-1] == Buying(now=False)


async def test_a_sale_at_one_reader_is_nobody_s_at_the_other_any_more(machine: Machine) -> None:
    """What took the request back from the other was not heard."""
    async with machine.hearing():
        await machine.hear([*SPOKEN_AT_START, "1.5 > 63 00 04 B0 00 05 1C", "1.51 < 00"])
        await machine.hear([*CARD_SALE, *POLL, "7.0 > 13 04 17", "7.1 < 07 07", "7.2 > 00"])
        await machine.hear(["12.0 > 12 12", "12.01 < 00"])
    assert len(machine.sales) == 1
    assert machine.buying[-1] == Buying(now=False)
    assert not machine.listener.buying


async def test_at_a_bus_that_is_reset_nobody_is_buying(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {0x08: CHANGER})
    async with machine.hearing():
        await machine.hear([*COIN, "1.1 > 13 00 04 B0 00 05 CC", "1.11 < 00", "1.2 > 0B 0B"])
        assert machine.listener.buying
        await machine.hear(["2.0 > BREAK", "2.5 > 0B 0B"])
    machine.close()
    assert machine.buying[-1] == Buying(now=False)
    assert not machine.listener.buying


async def test_who_was_buying_when_the_bus_fell_silent_holds_nobody_up_later(
    quick: None,  # noqa: ARG001
    machine: Machine,
) -> None:
    """The end of it was not heard; another, at the other reader, has gone since."""
    async with machine.hearing():
        await machine.hear([*BEGIN, "1.0 > 12 12", "1.01 < 00"])
        assert machine.listener.buying
        machine.clock.seconds += DEAD_S + 1
        await machine.mind()
        assert machine.pulses == ["silent"]
        assert not machine.listener.buying
        await machine.hear(["50.0 > 63 00 04 B0 00 05 1C", "50.01 < 00", *NEXT_GONE])
    assert machine.buying[-1] == Buying(now=False)


async def test_a_reader_that_does_not_answer_keeps_nobody_buying_for_ever(machine: Machine) -> None:
    async with machine.hearing():
        await machine.hear(
            ["1.0 > 13 00 04 B0 00 05 CC", "1.1 > 63 00 04 B0 00 05 1C", "1.11 < 00"]
        )
        await machine.hear(["2.0 > 62 62", "2.01 < 06 06", "2.02 > 00"])
        assert machine.buying[-1] == Buying(now=True)
        await machine.hear(["7.0 > 10 10", "8.0 > 62 62", "8.01 < 00"])
    assert machine.buying[-1] == Buying(now=False)


COIN = ["1.0 > 0B 0B", "1.01 < 52 0C 5E", "1.02 > 00"]
COIN_BACK = ["3.0 > 0D 12 1F", "3.01 < 00", "3.1 > 0B 0B", "3.11 < 00"]
CASH_SALE = ["3.0 > 13 05 00 0A 00 05 27", "3.01 < 00", "5.0 > 12 12", "5.01 < 00"]
CHANGER = Context(reader_level=3, scaling=Scaling(1, 2, "RUB"), credits=(1, 5, 10))


async def test_whoever_puts_in_coins_is_buying_until_a_minute_after_the_last(
    quick: None,  # noqa: ARG001
    machine: Machine,
) -> None:
    async with machine.hearing():
        await machine.hear(COIN)
        assert machine.buying == [Buying(now=True)]
        machine.clock.seconds += CASH_S - 1
        await machine.mind()
        assert machine.buying == [Buying(now=True)]
        await machine.hear(["2.0 > 0B 0B", "2.01 < 52 0D 5F", "2.02 > 00"])
        machine.clock.seconds += CASH_S - 1
        await machine.mind()
        assert machine.buying == [Buying(now=True)] * 2
        machine.clock.seconds += 1
        await machine.mind()
    assert machine.buying == [*[Buying(now=True)] * 2, Buying(now=False)]


async def test_whose_coins_are_given_back_is_not_buying_any_more(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {0x08: CHANGER})
    async with machine.hearing():
        await machine.hear([*COIN, *COIN_BACK])
    machine.close()
    assert machine.buying == [Buying(now=True), Buying(now=False)]
    assert not machine.listener.buying


async def test_whose_coins_are_spent_is_not_said_to_be_gone_before_his_sale_is_shown(
    quick: None,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    """The sale has to be on the disk first; one that is never shown ends it all the same."""
    reader = Context(3, 1, Scaling(1, 2, "RUB"), features=8)
    machine = Machine(tmp_path, {0x08: CHANGER, READER: reader})
    async with machine.hearing():
        await machine.hear([*COIN, *CASH_SALE])
        assert len(machine.sales) == 1
        assert machine.buying == [Buying(now=True)]
        assert not machine.listener.buying
        machine.clock.seconds += CASH_S
        await machine.mind()
    machine.close()
    assert machine.buying == [Buying(now=True), Buying(now=False)]


BEGIN = ["0.5 > 12 12", "0.51 < 03 27 10 3A", "0.52 > 00"]
NEXT_GONE = ["51.0 > 62 62", "51.01 < 06 06", "51.02 > 00", "52.0 > 62 62", "52.01 < 00"]
NEXT = ["9.0 > 13 00 04 B0 00 05 CC", "9.01 < 00"]
CHOICES = {
    "in the session that a card began": ([*BEGIN, *CARD_SALE, *POLL, *NEXT], True),
    "said to be complete": (
        [*BEGIN, *CARD_SALE, *POLL, "7.0 > 13 04 17", "7.1 < 00", *NEXT],
        False,
    ),
    "cut short by a RESET": ([*BEGIN, *CARD_SALE, *POLL, "7.0 > 10 10", "7.1 < 00", *NEXT], False),
    "cut short by a reset of the bus": ([*BEGIN, *CARD_SALE, *POLL, "7.0 > BREAK", *NEXT], False),
    "ended by the reader": (
        [*BEGIN, *CARD_SALE, *POLL, "7.0 > 12 12", "7.1 < 07 07", "7.2 > 00", *NEXT],
        False,
    ),
    "where the reader has begun anew": (
        [*BEGIN, *CARD_SALE, *POLL, "7.0 > 12 12", "7.1 < 00 00", "7.2 > 00", *NEXT],
        False,
    ),
    "where no card said whose it is": ([*CARD_SALE, *POLL, *NEXT], False),
}


@pytest.mark.parametrize(("said", "again"), CHOICES.values(), ids=CHOICES)
async def test_who_chooses_again_is_the_same_buyer_while_the_session_lasts(
    machine: Machine,
    said: list[str],
    again: bool,  # noqa: FBT001
) -> None:
    async with machine.hearing():
        await machine.hear([*SPOKEN_AT_START, *said])
    assert len(machine.sales) == 1
    assert machine.buying[-1] == Buying(now=True, again=again)


async def test_each_conclusion_has_the_time_it_was_heard_at(machine: Machine) -> None:
    async with machine.hearing():
        machine.clock.seconds = 2000.0
        await machine.hear([*SPOKEN_AT_START, *CARD_SALE])
        machine.clock.seconds = 2500.0
        machine.listener.stop()
    ((sale, raw, moment),) = [
        (each.what, each.raw, each.moment)
        for each in machine.concluded
        if isinstance(each.what, event.Sale)
    ]
    assert sale.at == 5.0  # the tap's own clock, of the command that concluded it
    assert raw == moment
    assert raw.boottime_ms == 2_500_000


@pytest.mark.usefixtures("quick")
async def test_a_bus_that_is_silent_for_half_a_minute_is_told_once_and_again_when_it_is_back(
    machine: Machine,
) -> None:
    async with machine.hearing():
        await machine.hear(POLL)
        await machine.mind()
        machine.clock.seconds += DEAD_S - 1
        await machine.mind()
        assert machine.pulses == []
        machine.clock.seconds += 2
        for _ in range(3):
            await machine.mind()
        assert machine.pulses == ["silent"]
        await machine.hear(POLL)
        for _ in range(3):
            await machine.mind()
        assert machine.pulses == ["silent", "ok"]
        machine.clock.seconds += DEAD_S + 1
        await machine.mind()
    assert machine.pulses == ["silent", "ok", "silent"]


@pytest.mark.usefixtures("quick")
async def test_a_bus_that_never_said_a_word_is_silent_too(machine: Machine) -> None:
    async with machine.hearing():
        machine.clock.seconds += DEAD_S + 1
        await machine.mind()
    assert (machine.pulses, machine.listener.signals) == (["silent"], 0)


@pytest.mark.usefixtures("quick")
async def test_a_tap_that_has_ended_is_told_once_and_is_not_called_silent(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    async with machine.hearing():
        await machine.hear(spoken("ap113-single-vend"))
        machine.bus.end()
        await until(lambda: machine.pulses)
        machine.clock.seconds += 10 * DEAD_S
        await machine.mind()
        await machine.mind()
    assert machine.pulses == ["ended"]
    assert machine.listener.pulse == "ended"
    assert "the tap has ended" in caplog.text


async def test_a_tap_that_ends_in_the_middle_gives_what_it_had_told(machine: Machine) -> None:
    async with machine.hearing():
        await machine.hear([*SPOKEN_AT_START, *CARD_SALE])
        assert machine.sales == []  # a cash part may come
        machine.bus.end()
        await until(lambda: machine.pulses)
    assert [each.item for each in machine.sales] == ["0005"]


@pytest.mark.usefixtures("quick")
async def test_a_sale_that_waits_for_more_of_the_bus_does_not_wait_for_ever(
    machine: Machine,
) -> None:
    async with machine.hearing():
        await machine.hear([*SPOKEN_AT_START, *CARD_SALE])
        await machine.mind()
        assert machine.sales == []
        machine.clock.seconds += DEAD_S
        await machine.mind()
        assert [each.item for each in machine.sales] == ["0005"]


async def test_told_to_stop_it_concludes_what_only_waits_and_nothing_twice(
    machine: Machine,
) -> None:
    async with machine.hearing():
        await machine.hear([*SPOKEN_AT_START, *CARD_SALE])
        assert machine.sales == []
    machine.listener.stop()
    machine.listener.stop()
    assert [(each.item, each.amount) for each in machine.sales] == [("0005", 12000)]


async def test_what_a_peripheral_told_of_its_money_is_handed_over_once(machine: Machine) -> None:
    async with machine.hearing():
        for _ in range(3):
            await machine.hear([*SPOKEN_AT_START, *POLL])
    (told,) = machine.contexts
    assert told.what == {READER: machine.listener.context[READER]}
    assert isinstance(told.what[READER], Context)
    assert told.what[READER].scaling is not None
    assert told.what[READER].scaling.currency == "RUB"


async def test_what_was_known_before_the_start_is_not_handed_over_but_used(
    machine: Machine, tmp_path: Path
) -> None:
    async with machine.hearing():
        await machine.hear([*SPOKEN_AT_START, *CARD_SALE])
    (tmp_path / "after").mkdir()
    after = Machine(tmp_path / "after", dict(machine.listener.context))
    async with after.hearing():
        await after.hear([*SPOKEN_AT_START, *POLL, *CARD_SALE])
        after.listener.stop()
    after.close()
    assert after.contexts == []
    assert [each.currency for each in after.sales] == ["RUB"]


async def test_a_recorder_gets_every_signal_until_it_is_taken_away(machine: Machine) -> None:
    taken: list[Signal] = []
    async with machine.hearing():
        await machine.hear(SPOKEN_AT_START)
        machine.listener.record(taken.append)
        await machine.hear(CARD_SALE)
        machine.listener.record(None)
        await machine.hear(POLL)
    assert taken == list(read_trace(CARD_SALE))


async def test_whoever_listens_along_hears_the_whole_conversation(machine: Machine) -> None:
    async with machine.hearing():
        await machine.hear(spoken("two-equal-vends"))
        machine.bus.end()
        await until(lambda: machine.pulses)
    sniffer = Sniffer()
    signals = read_trace(spoken("two-equal-vends"))
    said = [heard for signal in signals for heard in sniffer.listen(signal)]
    assert machine.heard == [*said, *sniffer.flush()]
    assert len(machine.sales) == 2


async def test_blocks_that_make_no_sense_are_counted_and_are_no_conclusion(
    machine: Machine,
) -> None:
    """A wrong checksum: noise on the wire."""
    async with machine.hearing():
        await machine.hear(["1.0 > 12 13", "1.1 > 13 00 04 B0 00 05 AA", *POLL])
        await machine.hear([*SPOKEN_AT_START, *CARD_SALE])
        machine.listener.stop()
    assert machine.listener.faults >= 1
    assert not {event.BusFault} & {type(each.what) for each in machine.concluded}
    assert [each.item for each in machine.sales] == ["0005"]


async def test_it_waits_for_nobody(machine: Machine) -> None:
    """The disk is busy for as long as the test wants; all of a trace is heard meanwhile."""
    busy = threading.Event()
    machine.disk.later(busy.wait)
    async with machine.hearing():
        try:
            await machine.hear(spoken("two-equal-vends"))
            machine.listener.stop()
            assert len(machine.sales) == 2
        finally:
            busy.set()


def test_half_a_second_is_longer_than_a_vmc_keeps_quiet() -> None:
    assert 0.2 < SILENCE_S < DEAD_S


async def test_how_much_is_said_on_the_bus_is_known_after_ten_seconds(machine: Machine) -> None:
    async with machine.hearing():
        await machine.hear(["0.1 > 12 12", "0.11 < 00"])
        assert machine.listener.per_second is None
        machine.clock.seconds += 10
        await machine.mind()
        assert machine.listener.per_second == pytest.approx(0.3, abs=0.01)
        machine.clock.seconds += 10
        await machine.mind()
        assert machine.listener.per_second == 0

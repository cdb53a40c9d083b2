import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from boards.thermal import Tcp, Thermal, Tty, switched_on
from parts import until
from specimens import FISCAL, StillClock, read, receipt, sale

from edge.config.printers import SerialPrinter
from edge.printers import Printer, PrinterLostError, escpos
from edge.printers.device import Device
from edge.printers.file import FilePrinter
from edge.printers.network import open_network
from edge.printers.paper import Roll
from edge.printers.print_queue import MOST, PrintQueue
from edge.printers.profiles import PROFILES, Profile
from edge.printers.serial_port import open_serial
from edge.printers.slip import COPY, EARLIER, OURS, Slip, render, slip_of
from edge.printers.status import SILENT, Status
from edge.printers.usb import open_usb
from edge.wire import Shown

QUICK = replace(PROFILES["generic-58"], settle_s=0.06)
EPSON = replace(PROFILES["epson-tm"], settle_s=0.06)
MUTE = replace(PROFILES["pos-5890-clones"], settle_s=0.06)
NAME = "1-usb"


def slip(number: int = 12345, rev: int = 1) -> Slip:
    made = slip_of(sale(number), receipt(sale(number), rev), "Капучино")
    assert made is not None
    return made


@dataclass
class Told:
    """What the queue said, and the clock it went by."""

    clock: StillClock = field(default_factory=StillClock)
    shown: list[Shown] = field(default_factory=list)
    words: list[tuple[str, str]] = field(default_factory=list)

    @property
    def reasons(self) -> list[str]:
        return [each.reason for each in self.shown]

    @property
    def dropped(self) -> list[str]:
        return [news for _, news in self.words if news.startswith("dropped")]


@dataclass
class Wired:
    """A printer on a real seam, and the queue before it."""

    printer: Thermal
    cable: Tty | Tcp
    device: Device
    queue: PrintQueue
    told: Told

    async def whole(self, slips: int) -> None:
        """Wait until so many came out from head to end; a printer may be slower than its word."""
        ends = (escpos.CUT, escpos.feed_lines(4))
        await until(lambda: sum(each.endswith(ends) for each in self.printer.sheets) >= slips)

    @property
    def texts(self) -> list[list[str]]:
        return [self.printer.roll(number).text for number in range(len(self.printer.sheets))]


def reached(kind: str, cable: Tty | Tcp, profile: Profile, answer_s: float) -> Device:
    if isinstance(cable, Tcp):
        port = partial(open_network, "127.0.0.1", cable.port)
        return Device(profile, port, hold=False, answer_s=answer_s, stall_s=5.0)
    path = str(cable.path)
    opened = partial(open_usb, path)
    if kind == "serial":
        opened = partial(open_serial, SerialPrinter(port=path))
    return Device(profile, opened, answer_s=answer_s, stall_s=5.0)


@asynccontextmanager
async def running(printers: dict[str, Printer], told: Told) -> AsyncIterator[PrintQueue]:
    queue = PrintQueue(
        printers,
        told.clock,
        told.shown.append,
        lambda name, news: told.words.append((name, news)),
        poll_s=0.02,
    )
    task = asyncio.create_task(queue.run())
    try:
        yield queue
        assert not task.done(), "nothing ends the queue but its end"
    finally:
        task.cancel()
        await asyncio.wait([task])
        await queue.close()


Wire = Callable[..., AbstractAsyncContextManager[Wired]]


@pytest.fixture(params=["usb", "serial", "network"])
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Wire:
    """Something to switch a printer on with, over each seam."""

    @asynccontextmanager
    async def switch(profile: Profile = QUICK, answer_s: float = 5.0) -> AsyncIterator[Wired]:
        board = Thermal(profile)
        cable: Tty | Tcp = Tcp(board) if request.param == "network" else Tty(board, tmp_path / "lp")
        told = Told()
        with switched_on(cable):
            device = reached(request.param, cable, profile, answer_s)
            async with running({NAME: device}, told) as queue:
                yield Wired(board, cable, device, queue, told)

    return switch


async def test_a_slip_is_printed_and_the_evidence_is_of_its_bytes(wire: Wire) -> None:
    async with wire() as w:
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.told.shown)
        await w.whole(1)
        assert w.told.reasons == ["printed"]
        assert w.queue.status == "ready"
        assert w.printer.sheets == [render(slip(), QUICK)]
        assert read(w.printer.roll(0).picture) == FISCAL
        (shown,) = w.told.shown
        assert (shown.sale_id, shown.rev, shown.on) == (sale(12345).sale_id, 1, "paper")
        assert shown.display == NAME
        assert shown.shown_at == shown.hidden_at == w.told.clock.now().iso
        assert shown.frame_sha256 == sha256(w.printer.sheets[0]).hexdigest()
        assert w.told.words == [(NAME, "ready")]


async def test_slips_come_out_one_after_another(wire: Wire) -> None:
    async with wire() as w:
        for number in (1, 2, 3):
            w.queue.offer(slip(number), w.told.clock.seconds)
        await until(lambda: len(w.told.shown) == 3)
        await w.whole(3)
        assert [shown.sale_id for shown in w.told.shown] == [sale(n).sale_id for n in (1, 2, 3)]
        assert [read(w.printer.roll(n).picture) for n in range(3)] == [
            slip(n).qr for n in (1, 2, 3)
        ]


async def test_the_same_receipt_again_is_nothing_new_and_a_newer_one_is(wire: Wire) -> None:
    async with wire() as w:
        w.queue.offer(slip(), w.told.clock.seconds)
        w.queue.offer(slip(), w.told.clock.seconds)
        w.queue.offer(slip(rev=2), w.told.clock.seconds)
        await until(lambda: len(w.told.shown) == 2)
        w.queue.offer(slip(), w.told.clock.seconds)
        w.queue.offer(slip(777), w.told.clock.seconds)
        await until(lambda: len(w.told.shown) == 3)
        assert [shown.rev for shown in w.told.shown] == [1, 2, 1]
        assert w.told.shown[2].sale_id == sale(777).sale_id


async def test_a_reprint_says_that_it_is_a_copy(wire: Wire) -> None:
    async with wire() as w:
        w.queue.offer(slip(), w.told.clock.seconds)
        w.queue.reprint(slip())
        await until(lambda: len(w.told.shown) == 2)
        await w.whole(2)
        assert [COPY in text for text in w.texts] == [False, True]


@pytest.mark.parametrize(
    ("trouble", "word"),
    [("has_paper", "paper_out"), ("cover_open", "cover_open"), ("jammed", "offline")],
)
async def test_a_printer_in_trouble_is_reported_and_printed_on_when_it_is_soon_ready(
    wire: Wire, trouble: str, word: str
) -> None:
    async with wire() as w:
        setattr(w.printer, trouble, trouble != "has_paper")
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.queue.status == word)
        w.told.clock.seconds += 119
        asked = len(w.printer.asked)
        await until(lambda: len(w.printer.asked) > asked + 8)
        assert not w.printer.printed
        assert not w.printer.waiting
        setattr(w.printer, trouble, trouble == "has_paper")
        await until(lambda: w.told.shown)
        await w.whole(1)
        assert w.told.reasons == ["printed"]
        assert COPY not in w.texts[0]  # nothing of it was sent before
        assert (NAME, word) in w.told.words
        assert w.told.words[-1] == (NAME, "ready")


async def test_a_slip_that_waited_until_another_had_bought_is_not_called_theirs(
    wire: Wire,
) -> None:
    async with wire() as w:
        w.printer.has_paper = False
        w.queue.sold(w.told.clock.seconds)
        w.queue.offer(slip(1), w.told.clock.seconds)
        await until(lambda: w.queue.status == "paper_out")
        w.told.clock.seconds += 30
        w.queue.sold(w.told.clock.seconds)
        w.queue.offer(slip(2), w.told.clock.seconds)
        w.queue.sold(w.told.clock.seconds - 30)  # one that the disk took late was sold before
        w.printer.has_paper = True
        await until(lambda: len(w.told.shown) == 2)
        await w.whole(2)
        assert [(EARLIER in text, OURS in text) for text in w.texts] == [
            (True, False),
            (False, True),
        ]


async def test_when_paper_returns_yesterdays_slips_are_not_printed(wire: Wire) -> None:
    async with wire() as w:
        w.printer.has_paper = False
        for number in range(1, 6):
            w.queue.offer(slip(number), w.told.clock.seconds)
        await until(lambda: w.queue.status == "paper_out")
        w.told.clock.seconds += 121
        await until(lambda: len(w.told.dropped) == 5)
        assert w.told.dropped[0] == (
            f"dropped the slip of sale {sale(1).sale_id}: paper_out for 120 s"
        )
        w.printer.has_paper = True
        await until(lambda: w.queue.status == "ready")
        w.queue.offer(slip(6), w.told.clock.seconds)
        await until(lambda: w.told.shown)
        await w.whole(1)
        assert [read(w.printer.roll(n).picture) for n in range(len(w.printer.sheets))] == [
            slip(6).qr
        ]
        assert [shown.sale_id for shown in w.told.shown] == [sale(6).sale_id]


async def test_paper_that_ends_in_the_middle_makes_the_retry_a_copy(wire: Wire) -> None:
    async with wire() as w:
        w.printer.paper_for = 3000
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.told.shown)
        assert w.told.reasons == ["printed_unconfirmed"]
        assert w.queue.status == "paper_out"
        w.printer.waiting.clear()  # the technician opens it, and it forgets
        w.printer.has_paper = True
        await until(lambda: len(w.told.shown) == 2)
        await w.whole(1)
        assert w.told.reasons[1] == "printed"
        assert w.printer.roll(1).text[0] == COPY
        first, second = (shown.frame_sha256 for shown in w.told.shown)
        assert first != second == sha256(w.printer.sheets[1]).hexdigest()


async def test_a_printer_that_can_forgets_the_other_half_and_prints_only_the_copy(
    wire: Wire,
) -> None:
    async with wire(EPSON) as w:
        w.printer.paper_for = 3000
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.told.shown and not w.printer.waiting)
        w.printer.has_paper = True
        await until(lambda: len(w.told.shown) == 2)
        await w.whole(1)
        assert len(w.printer.sheets[0]) == 3000
        assert w.printer.roll(1).text[0] == COPY
        assert len(w.printer.sheets) == 2


async def test_half_a_slip_of_a_buyer_who_has_gone_is_not_finished_later(wire: Wire) -> None:
    async with wire(EPSON) as w:
        w.printer.paper_for = 3000
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.told.shown and not w.printer.waiting)
        w.told.clock.seconds += 121
        await until(lambda: w.told.dropped)
        w.printer.has_paper = True
        await until(lambda: w.queue.status == "ready")
        assert len(w.printer.printed) == 3000


async def test_a_silent_printer_is_unknown_and_gets_nothing(wire: Wire) -> None:
    async with wire(answer_s=0.05) as w:
        w.printer.silent = True
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: len(w.printer.asked) > 5 and w.queue.status == "unknown")
        w.told.clock.seconds += 121
        await until(lambda: w.told.dropped)
        assert "unknown for 120 s" in w.told.dropped[0]
        assert not w.printer.printed
        assert not w.told.shown


async def test_a_printer_that_falls_silent_while_it_prints_gets_a_copy_when_it_speaks(
    wire: Wire,
) -> None:
    async with wire(answer_s=0.3) as w:
        take = w.printer.take

        def and_be_silent(received: bytes) -> bytes:
            answers = take(received)
            w.printer.silent = w.printer.silent or bool(w.printer.printed)
            return answers

        w.printer.take = and_be_silent  # type: ignore[method-assign]
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.told.shown)
        assert w.told.reasons == ["printed_unconfirmed"]
        assert w.queue.status == "unknown"
        w.device._answer_s = 5.0  # noqa: SLF001, it may be slow to speak, and is not silent
        w.printer.take, w.printer.silent = take, False  # type: ignore[method-assign]
        await until(lambda: len(w.told.shown) == 2)
        await w.whole(2)
        assert w.told.reasons == ["printed_unconfirmed", "printed"]
        assert [COPY in text for text in w.texts] == [False, True]


async def test_a_cable_pulled_in_the_middle_makes_the_retry_a_copy(wire: Wire) -> None:
    async with wire() as w:
        w.printer.cable_for = 4000
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.told.shown and w.queue.status == "offline")
        assert w.told.reasons == ["printed_unconfirmed"]
        w.cable.plug()
        await until(lambda: len(w.told.shown) == 2)
        await w.whole(1)
        assert w.told.reasons[1] == "printed"
        assert w.printer.roll(len(w.printer.sheets) - 1).text[0] == COPY


async def test_a_copy_that_fails_too_is_given_up_and_the_next_slip_is_printed(wire: Wire) -> None:
    async with wire() as w:
        w.printer.cable_for = 4000
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.told.shown and w.queue.status == "offline")
        w.printer.cable_for = 4000
        w.cable.plug()
        await until(lambda: w.told.dropped)
        assert "copy" in w.told.dropped[0]
        assert w.told.reasons == ["printed_unconfirmed"] * 2
        w.cable.plug()
        w.queue.offer(slip(7), w.told.clock.seconds)
        await until(lambda: len(w.told.shown) == 3)
        await w.whole(1)
        assert w.told.shown[2].sale_id == sale(7).sale_id
        assert COPY not in w.printer.roll(len(w.printer.sheets) - 1).text


async def test_a_printer_that_is_plugged_in_late_is_offline_until_then(wire: Wire) -> None:
    async with wire() as w:
        w.cable.unplug()
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.queue.status == "offline")
        w.cable.plug()
        await until(lambda: w.told.shown)
        await w.whole(1)
        assert w.told.reasons == ["printed"]
        assert COPY not in w.texts[0]


async def test_a_printer_that_cannot_tell_prints_unasked_and_the_evidence_says_so(
    wire: Wire,
) -> None:
    async with wire(MUTE) as w:
        w.printer.silent = True
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.told.shown and bytes(w.printer.printed) == render(slip(), MUTE))
        assert w.told.reasons == ["printed_unconfirmed"]
        assert w.printer.asked == []
        assert w.queue.status == "unknown"
        assert w.told.words == []  # which is no news


async def test_one_that_cannot_tell_and_is_away_is_offline_and_then_printed_on(wire: Wire) -> None:
    async with wire(MUTE) as w:
        w.cable.unplug()
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.queue.status == "offline")
        assert not w.told.shown
        w.cable.plug()
        await until(lambda: w.told.shown and w.queue.status == "unknown")
        await w.whole(1)
        assert w.told.reasons == ["printed_unconfirmed"]
        assert COPY not in w.texts[0]


async def test_more_slips_than_anybody_waits_for_push_out_the_oldest(wire: Wire) -> None:
    async with wire() as w:
        w.printer.has_paper = False
        await until(lambda: w.queue.status == "paper_out")
        for number in range(1, MOST + 3):
            w.queue.offer(slip(number), w.told.clock.seconds)
        assert [sale(1).sale_id in w.told.dropped[0], sale(2).sale_id in w.told.dropped[1]] == [
            True,
            True,
        ]
        w.printer.has_paper = True
        await until(lambda: len(w.told.shown) == MOST)
        assert w.told.shown[0].sale_id == sale(3).sale_id


async def test_a_queue_that_ends_in_the_middle_of_a_slip_says_that_it_may_be_on_paper(
    wire: Wire,
) -> None:
    async with wire(replace(QUICK, settle_s=60.0)) as w:
        w.queue.offer(slip(), w.told.clock.seconds)
        await until(lambda: w.printer.printed)
        told = w.told
    assert told.reasons == ["printed_unconfirmed"]


async def test_a_code_that_fits_no_paper_is_dropped_and_the_next_slip_printed(wire: Wire) -> None:
    async with wire(replace(QUICK, dots=240)) as w:
        w.queue.offer(replace(slip(), qr="https://chek.example/" + "a" * 600), w.told.clock.seconds)
        w.queue.offer(slip(2), w.told.clock.seconds)
        await until(lambda: w.told.shown)
        assert [shown.sale_id for shown in w.told.shown] == [sale(2).sale_id]
        assert "cannot be printed here" in w.told.dropped[0]


async def test_a_printer_that_is_silent_from_the_start_is_told_too(wire: Wire) -> None:
    async with wire(answer_s=0.05) as w:
        assert w.queue.status == "unknown"
        assert w.told.words == []
        w.printer.silent = True
        await until(lambda: w.told.words)
        assert w.told.words[-1] in {(NAME, "unknown"), (NAME, "ready")}
        await until(lambda: w.told.words[-1] == (NAME, "unknown"))


async def test_every_printer_prints_and_the_status_is_of_the_first_in_trouble(
    tmp_path: Path,
) -> None:
    (tmp_path / "second").touch()
    told = Told()
    printers: dict[str, Printer] = {
        "1-file": FilePrinter(tmp_path / "first", QUICK),
        "2-file": FilePrinter(tmp_path / "second", QUICK),
    }
    async with running(printers, told) as queue:
        queue.offer(slip(), told.clock.seconds)
        await until(lambda: told.shown and queue.status == "offline")
        (tmp_path / "second").unlink()
        await until(lambda: len(told.shown) == 2)
        assert [shown.display for shown in told.shown] == ["1-file", "2-file"]
        assert queue.status == "ready"


async def test_a_machine_without_a_printer_says_none_and_minds_no_slip() -> None:
    told = Told()
    async with running({}, told) as queue:
        queue.offer(slip(), told.clock.seconds)
        assert queue.status == "none"
    assert not told.shown


async def test_a_printer_too_busy_to_answer_while_it_prints_is_believed_at_the_end(
    tmp_path: Path,
) -> None:
    class Busy(FilePrinter):
        silences = 0

        async def send(self, commands: bytes) -> None:
            await super().send(commands)
            self.silences = 2

        async def status(self) -> Status:
            self.silences -= 1
            return SILENT if self.silences >= 0 else await super().status()

    told = Told()
    async with running({"1-file": Busy(tmp_path, QUICK)}, told) as queue:
        queue.offer(slip(), told.clock.seconds)
        await until(lambda: told.shown)
    assert told.reasons == ["printed"]


async def test_a_slip_cut_short_by_a_printer_that_is_well_again_is_printed_as_a_copy(
    tmp_path: Path,
) -> None:
    class Stumbling(FilePrinter):
        stumbles = True

        async def send(self, commands: bytes) -> None:
            if self.stumbles:
                self.stumbles = False
                raise PrinterLostError("the printer takes no more", 4096)
            await super().send(commands)

    told = Told()
    async with running({"1-file": Stumbling(tmp_path, QUICK)}, told) as queue:
        queue.offer(slip(), told.clock.seconds)
        await until(lambda: len(told.shown) == 2)
    assert told.reasons == ["printed_unconfirmed", "printed"]
    roll = Roll(QUICK)
    roll.print((tmp_path / "0001.escpos").read_bytes())
    assert roll.text[0] == COPY


async def test_a_driver_that_only_makes_mistakes_keeps_no_slip_for_ever(tmp_path: Path) -> None:
    class Broken(FilePrinter):
        async def status(self) -> Status:
            raise RuntimeError("a driver's mistake")

    told = Told()
    async with running({"1-file": Broken(tmp_path, QUICK)}, told) as queue:
        queue.offer(slip(), told.clock.seconds)
        await until(lambda: queue.status == "unknown" and told.words)
        told.clock.seconds += 121
        await until(lambda: told.dropped)


async def test_who_listens_badly_does_not_end_the_printing(tmp_path: Path) -> None:
    heard = list[str]()

    def badly(*said: object) -> None:
        heard.append(type(said[-1]).__name__)
        raise RuntimeError("a listener's mistake")

    printer, clock = FilePrinter(tmp_path, QUICK), StillClock()
    queue = PrintQueue({"1-file": printer}, clock, badly, badly, poll_s=0.02)
    task = asyncio.create_task(queue.run())
    for number in (1, 2):
        queue.offer(slip(number), clock.seconds)
        await until(lambda number=number: heard.count("Shown") == number)
    assert not task.done()
    assert heard == ["str", "Shown", "Shown"]
    task.cancel()
    await asyncio.wait([task])
    await queue.close()


async def test_a_drivers_mistake_ends_nothing(tmp_path: Path) -> None:
    class Broken(FilePrinter):
        async def status(self) -> Status:
            if not (tmp_path / "mended").exists():
                raise RuntimeError("a driver's mistake")
            return await super().status()

    told = Told()
    async with running({"1-file": Broken(tmp_path, QUICK)}, told) as queue:
        queue.offer(slip(), told.clock.seconds)
        await asyncio.sleep(0)
        (tmp_path / "mended").touch()
        await until(lambda: told.shown)
        assert told.reasons == ["printed"]


async def test_a_buyer_s_patience_began_with_the_sale_and_not_with_the_receipt(wire: Wire) -> None:
    async with wire() as w:
        w.printer.has_paper = False
        w.queue.offer(slip(), w.told.clock.seconds - 100)
        await until(lambda: w.queue.status == "paper_out")
        w.told.clock.seconds += 21
        await until(lambda: w.told.dropped)

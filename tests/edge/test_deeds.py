"""Deeds on a real outbox, stage and print queue; the printer prints into files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from parts import until
from PIL import Image
from specimens import BOOT, StillClock, read, receipt, sale

from edge.buyer.event import Buying, Sold, Tick
from edge.buyer.picture import Picture
from edge.buyer.policy import Policy
from edge.commands import NotDoneError
from edge.deeds import MachineDeeds
from edge.displays import Painted
from edge.printers import Printer
from edge.printers.file import FilePrinter
from edge.printers.print_queue import PrintQueue
from edge.printers.profiles import PROFILES
from edge.printers.slip import COPY, slip_of
from edge.stage import Stage
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.wire import Shown

POLICY = Policy(link="https://chek.example/r/")
LINES = [f"line {number}" for number in range(100)]


class Screen:
    """A display that is seen at once."""

    panel = None

    def __init__(self) -> None:
        self.pictures: list[Picture] = []

    def show(self, picture: Picture, painted: Painted) -> None:
        self.pictures.append(picture)
        painted("0" * 64)

    @property
    def last(self) -> Picture:
        return self.pictures[-1]

    def close(self) -> None:
        """It is only a list."""


class Machine:
    """A machine with a screen and a printer; without its bus and its link."""

    def __init__(self, folder: Path, printers: dict[str, Printer]) -> None:
        self.slips = folder / "slips"
        self.outbox = Outbox(folder / "outbox.sqlite", "7f3a9c1e")
        self.disk = Disk()
        self.clock = StillClock()
        self.screen = Screen()
        self.shown: list[Shown] = []
        self.stage = Stage({"screen": self.screen}, POLICY, {}, self.clock, self.shown.append)
        self.printing = PrintQueue(printers, self.clock, self.shown.append, lambda *_: None)
        self.stops = 0
        self.buying = False
        self.deeds = MachineDeeds(
            outbox=self.outbox,
            disk=self.disk,
            stage=self.stage,
            printing=self.printing,
            slip=lambda sold, told: slip_of(sold, told, "Капучино"),
            last_lines=lambda count: LINES[-count:],
            stop=self.stop,
            buying=lambda: self.buying,
        )

    def stop(self) -> None:
        self.stops += 1

    def sell(self, seq: int, *, status: str | None = "issued", **changes: object) -> str:
        """A sale of this boot, with its receipt if it has a status; its id."""
        sold = sale(seq, boot_id=BOOT, boottime_ms=round(1000 * self.clock.seconds), **changes)
        self.outbox.put(sold)
        if status is not None:
            self.outbox.put_receipt(receipt(sold, status=status))
        return sold.sale_id

    def pass_time(self, seconds: float) -> None:
        self.clock.seconds += seconds
        self.stage.happen(Tick())

    def close(self) -> None:
        self.disk.close()
        self.outbox.close()


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    profile = replace(PROFILES["generic-58"], settle_s=0.05)
    opened = Machine(tmp_path, {"1-file": FilePrinter(tmp_path / "slips", profile)})
    printing = asyncio.create_task(opened.printing.run())
    await until(lambda: opened.printing.status == "ready")
    yield opened
    printing.cancel()
    with suppress(asyncio.CancelledError):
        await printing
    opened.close()


async def test_a_text_is_on_the_screen_for_its_time_while_nobody_is_buying(
    machine: Machine,
) -> None:
    assert await machine.deeds.show_text("Сдачи нет", 90) == "shown for 90 s while nobody is buying"
    assert machine.screen.last.kind == "notice"
    assert "Сдачи нет" in str(machine.screen.last)
    machine.stage.happen(Buying(True))
    assert machine.screen.last.kind == "idle"
    machine.stage.happen(Buying(False))
    assert machine.screen.last.kind == "notice"
    machine.pass_time(91)
    assert machine.screen.last.kind == "idle"


async def test_a_text_waits_behind_a_receipt_and_an_empty_one_takes_it_back(
    machine: Machine,
) -> None:
    sold = sale(1, boot_id=BOOT)
    machine.stage.happen(Sold(sold))
    await machine.deeds.show_text("Сдачи нет", 900)
    assert machine.screen.last.kind == "making"
    machine.pass_time(POLICY.patience_s + POLICY.show_s)
    machine.pass_time(POLICY.show_s)
    assert machine.screen.last.kind == "notice"
    assert await machine.deeds.show_text("", 1) == "taken back"
    assert machine.screen.last.kind == "idle"


async def test_a_text_of_which_nothing_can_be_read_is_refused(machine: Machine) -> None:
    with pytest.raises(NotDoneError, match="nothing to read"):
        await machine.deeds.show_text("\x1b \u202e", 60)
    assert machine.screen.last.kind == "idle"


async def test_the_last_receipt_is_shown_again_as_what_it_is(machine: Machine) -> None:
    machine.sell(1)
    sale_id = machine.sell(2)
    told = await machine.deeds.show_last()
    assert told == f"the receipt of {sale_id} is shown as soon as nobody is buying"
    picture = machine.screen.last
    assert (picture.kind, picture.sale_id) == ("ready", sale_id)
    assert picture.code is not None
    assert picture.code.text == receipt(sale(2)).qr
    assert "Чек за покупку" in picture.title  # not as if it were the one of who stands there


async def test_it_is_not_shown_to_somebody_who_is_buying(machine: Machine) -> None:
    machine.sell(1)
    machine.stage.happen(Buying(True))
    await machine.deeds.show_last()
    assert machine.screen.last.kind == "idle"
    machine.stage.happen(Buying(False))
    assert machine.screen.last.kind == "ready"


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (None, "not here yet"),
        ("pending", "pending"),
        ("refused", "refused"),
        ("returned", "returned"),
    ],
)
async def test_a_receipt_that_is_not_issued_is_neither_shown_nor_printed(
    machine: Machine, status: str | None, why: str
) -> None:
    sale_id = machine.sell(1, status=status)
    for deed in (
        machine.deeds.show_last(),
        machine.deeds.reprint(None),
        machine.deeds.reprint(sale_id),
    ):
        with pytest.raises(NotDoneError, match=f"the receipt of {sale_id} is {why}"):
            await deed
    assert machine.screen.last.kind == "idle"
    assert list(machine.slips.glob("[0-9]*.png")) == []


async def test_without_a_sale_there_is_nothing_to_show_or_print(machine: Machine) -> None:
    with pytest.raises(NotDoneError, match="this machine has no sale yet"):
        await machine.deeds.show_last()
    with pytest.raises(NotDoneError, match="this machine has no sale yet"):
        await machine.deeds.reprint(None)
    with pytest.raises(NotDoneError, match=f"this machine has no sale {sale(9).sale_id}"):
        await machine.deeds.reprint(sale(9).sale_id)


@pytest.mark.parametrize("named", [True, False])
async def test_a_slip_is_printed_again_and_marked_as_a_copy(
    machine: Machine, *, named: bool
) -> None:
    first, last = machine.sell(1), machine.sell(2)
    told = await machine.deeds.reprint(first if named else None)
    wanted = first if named else last
    assert told == f"a copy of {wanted} is with the printer, which is ready"
    await until(lambda: list(machine.slips.glob("[0-9]*.escpos")))
    (paper,), (commands,) = machine.slips.glob("[0-9]*.png"), machine.slips.glob("[0-9]*.escpos")
    with Image.open(paper) as picture:
        assert read(picture) == receipt(sale(1 if named else 2)).qr
    printed = commands.read_bytes()
    assert COPY.encode("cp866") in printed
    assert "Капучино".encode("cp866") in printed
    await until(lambda: [each.sale_id for each in machine.shown if each.on == "paper"] == [wanted])


async def test_every_command_prints_its_own_copy(machine: Machine) -> None:
    machine.sell(1)
    await machine.deeds.reprint(None)
    await machine.deeds.reprint(None)
    await until(lambda: len(list(machine.slips.glob("[0-9]*.escpos"))) == 2)


async def test_a_machine_without_a_printer_says_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {})
    machine.sell(1)
    with pytest.raises(NotDoneError, match="this machine has no printer"):
        await machine.deeds.reprint(None)
    machine.close()


async def test_a_receipt_without_a_code_is_not_printed(machine: Machine) -> None:
    sold = sale(1)
    machine.outbox.put(sold)
    machine.outbox.put_receipt(receipt(sold, qr=None))
    with pytest.raises(NotDoneError, match=f"nothing is printed of {sold.sale_id}"):
        await machine.deeds.reprint(None)


async def test_the_last_lines_of_the_log_and_the_end_of_the_process(machine: Machine) -> None:
    assert await machine.deeds.logs(2) == "line 98\nline 99"
    await machine.deeds.restart()
    assert machine.stops == 1


async def test_no_restart_comes_between_a_buyer_s_money_and_his_product(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.deeds.LOOK_S", 0.001)
    machine.buying = True
    restarting = asyncio.create_task(machine.deeds.restart())
    done, _ = await asyncio.wait([restarting], timeout=0.05)
    assert (done, machine.stops) == (set(), 0)
    machine.buying = False
    await restarting
    assert machine.stops == 1


async def test_a_machine_that_is_never_free_is_restarted_all_the_same(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.deeds.LOOK_S", 0.001)
    monkeypatch.setattr("edge.deeds.PATIENCE_S", 0.02)
    machine.buying = True
    await machine.deeds.restart()
    assert machine.stops == 1

import os
import select
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from boards.thermal import Tcp, Thermal, Tty, switched_on
from parts import until
from specimens import FISCAL, read, receipt, sale

from edge.config.printers import SerialPrinter
from edge.printers import PrinterLostError, escpos
from edge.printers.device import Device
from edge.printers.network import open_network
from edge.printers.profiles import PROFILES
from edge.printers.serial_port import open_serial
from edge.printers.slip import render, slip_of
from edge.printers.status import ABSENT, READY, SILENT
from edge.printers.usb import open_usb

P58 = PROFILES["generic-58"]
SLIP = slip_of(sale(12345), receipt(sale(12345)), "Капучино")
assert SLIP is not None
COMMANDS = render(SLIP, P58)
Wired = tuple[Device, Thermal, Tty | Tcp]


@pytest.fixture(params=["usb", "serial", "network"])
def wired(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wired]:
    """A printer that is switched on, and our side of it."""
    cable: Tty | Tcp = (
        Tcp(Thermal()) if request.param == "network" else Tty(Thermal(), tmp_path / "lp")
    )
    with switched_on(cable) as printer:
        yield device(request.param, cable), printer, cable


def device(kind: str, cable: Tty | Tcp, answer_s: float = 5.0, stall_s: float = 10.0) -> Device:
    if isinstance(cable, Tcp):
        opened = partial(open_network, "127.0.0.1", cable.port)
        return Device(P58, opened, hold=False, answer_s=answer_s, stall_s=stall_s)
    path = str(cable.path)
    opened = (
        partial(open_usb, path) if kind == "usb" else partial(open_serial, SerialPrinter(port=path))
    )
    return Device(P58, opened, answer_s=answer_s, stall_s=stall_s)


async def test_a_printer_is_asked_four_questions_and_answers(wired: Wired) -> None:
    ours, printer, _ = wired
    assert await ours.status() == READY
    assert printer.asked == [1, 2, 3, 4]
    printer.nearly_out = True
    assert await ours.status() == replace(READY, paper="low")
    printer.has_paper = False
    assert (await ours.status()).word == "paper_out"
    printer.has_paper, printer.cover_open = True, True
    assert (await ours.status()).word == "cover_open"
    printer.cover_open, printer.jammed = False, True
    assert (await ours.status()).word == "offline"
    await ours.close()


async def test_a_slip_arrives_whole_and_its_code_is_read_off_the_paper(wired: Wired) -> None:
    ours, printer, _ = wired
    await ours.send(COMMANDS)
    await until(lambda: bytes(printer.printed) == COMMANDS)
    assert read(printer.roll(0).picture) == FISCAL
    await ours.close()


async def test_a_slow_printer_gets_everything_too(wired: Wired) -> None:
    ours, printer, _ = wired
    printer.memory, printer.bytes_a_turn = 512, 100
    await ours.send(COMMANDS)
    await until(lambda: bytes(printer.printed) == COMMANDS)
    await ours.close()


async def test_a_printer_that_is_away_is_offline_and_comes_back_by_itself(wired: Wired) -> None:
    ours, printer, cable = wired
    assert await ours.status() == READY
    cable.unplug()
    assert await ours.status() == ABSENT
    with pytest.raises(PrinterLostError) as lost:
        await ours.send(COMMANDS)
    assert lost.value.sent == 0
    cable.plug()
    assert await ours.status() == READY
    await ours.send(COMMANDS)
    await until(lambda: bytes(printer.printed) == COMMANDS)
    await ours.close()


async def test_a_cable_pulled_in_the_middle_is_a_loss_that_says_so(wired: Wired) -> None:
    ours, printer, cable = wired
    printer.cable_for = 3000
    with pytest.raises(PrinterLostError) as lost:
        await ours.send(COMMANDS * 30)  # more than any kernel keeps for it
    assert lost.value.sent < len(COMMANDS * 30)
    assert await ours.status() == ABSENT
    cable.plug()
    assert await ours.status() == READY
    await ours.close()


async def test_silence_is_unknown_and_an_answer_ends_it(wired: Wired) -> None:
    _, printer, cable = wired
    ours = device("usb", cable, answer_s=0.05)
    printer.silent = True
    assert await ours.status() == SILENT
    await until(lambda: printer.asked)  # it may be slower than our patience
    assert set(printer.asked) == {1}  # one silence is enough
    await ours.close()


async def test_a_printer_out_of_paper_with_a_full_memory_takes_no_more(tmp_path: Path) -> None:
    cable = Tty(Thermal(), tmp_path / "lp")
    with switched_on(cable) as printer:
        printer.has_paper, printer.memory = False, 256
        ours = device("serial", cable, stall_s=0.1)
        with pytest.raises(PrinterLostError, match="takes no more") as lost:
            await ours.send(COMMANDS * 30)
        assert 0 < lost.value.sent < len(COMMANDS) * 30
        await ours.close()


async def test_an_answer_that_comes_late_answers_no_later_question(tmp_path: Path) -> None:
    cable = Tty(Thermal(), tmp_path / "lp")
    with switched_on(cable) as printer:
        ours = device("usb", cable)
        assert await ours.status() == READY
        cable.say(b"\x72\x72")  # a word of yesterday: paper is out
        line = os.open(cable.path, os.O_RDWR | os.O_NOCTTY)
        assert select.select([line], [], [], 10)[0]  # the kernel hands it over in its own time
        os.close(line)
        assert await ours.status() == READY
        assert printer.asked == [1, 2, 3, 4] * 2
        await ours.close()


async def test_more_than_one_byte_is_no_answer(tmp_path: Path) -> None:
    class Talkative(Thermal):
        def take(self, received: bytes) -> bytes:
            return super().take(received) * 2

    cable = Tty(Talkative(), tmp_path / "lp")
    with switched_on(cable):
        ours = device("usb", cable)
        assert await ours.status() == SILENT
        await ours.close()


async def test_the_printer_forgets_half_a_slip_when_it_is_told(wired: Wired) -> None:
    ours, printer, _ = wired
    printer.has_paper = False
    await ours.send(COMMANDS)
    await until(lambda: len(printer.waiting) == len(COMMANDS))
    await ours.send(escpos.CLEAR)
    await until(lambda: not printer.waiting)
    await ours.close()


async def test_why_a_printer_is_away_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cable = Tty(Thermal(), tmp_path / "lp")
    ours = device("usb", cable)
    for _ in range(3):
        assert await ours.status() == ABSENT
    assert [record.message for record in caplog.records] == [
        "the printer is away: No such file or directory"
    ]
    with switched_on(cable):
        assert await ours.status() == READY
    assert await ours.status() == ABSENT
    assert len(caplog.records) == 2
    await ours.close()


async def test_a_network_printer_is_let_go_of_after_each_call() -> None:
    cable = Tcp(Thermal())
    with switched_on(cable) as printer:
        ours = device("network", cable)
        assert await ours.status() == READY
        await until(lambda: cable.is_free)
        await ours.send(COMMANDS)
        await until(lambda: cable.is_free and bytes(printer.printed) == COMMANDS)
        await ours.close()

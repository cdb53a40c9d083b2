from pathlib import Path

import pytest
from PIL import Image
from specimens import FISCAL, read, receipt, sale

from edge.printers import PrinterLostError
from edge.printers.file import FilePrinter
from edge.printers.profiles import PROFILES
from edge.printers.slip import render, slip_of

P58 = PROFILES["generic-58"]
SLIP = slip_of(sale(12345), receipt(sale(12345)), "Капучино")
assert SLIP is not None
COMMANDS = render(SLIP, P58)


async def test_each_slip_is_its_bytes_and_its_picture(tmp_path: Path) -> None:
    printer = FilePrinter(tmp_path / "slips" / "here", P58)
    assert (await printer.status()).word == "ready"
    await printer.send(COMMANDS)
    await printer.send(COMMANDS)
    folder = tmp_path / "slips" / "here"
    assert sorted(file.name for file in folder.iterdir()) == [
        *("0001.escpos", "0001.png"),
        *("0002.escpos", "0002.png"),
    ]
    assert (folder / "0002.escpos").read_bytes() == COMMANDS
    with Image.open(folder / "0001.png") as paper:
        assert read(paper) == FISCAL
    await printer.close()


async def test_the_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    await FilePrinter(tmp_path, P58).send(COMMANDS)
    (tmp_path / "notes.escpos").touch()
    (tmp_path / "10007.escpos").touch()
    await FilePrinter(tmp_path, P58).send(COMMANDS)
    assert (tmp_path / "10008.png").exists()


async def test_a_folder_that_cannot_be_is_a_printer_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "slips").touch()
    printer = FilePrinter(tmp_path / "slips", P58)
    assert (await printer.status()).word == "offline"
    with pytest.raises(PrinterLostError, match="slips") as lost:
        await printer.send(COMMANDS)
    assert lost.value.sent == 0
    (tmp_path / "slips").unlink()
    await printer.send(COMMANDS)


async def test_bytes_of_another_printer_leave_no_file(tmp_path: Path) -> None:
    printer = FilePrinter(tmp_path, P58)
    with pytest.raises(PrinterLostError, match="no such command"):
        await printer.send(b"\x1bp\x00")
    assert not any(tmp_path.glob("*"))  # noqa: ASYNC240

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from boards.thermal import Tcp, Thermal, Tty, switched_on
from parts import ROOT, free_port, until

from edge.config.printers import (
    FilePrinter,
    NetworkPrinter,
    PrinterTable,
    SerialPrinter,
    UsbPrinter,
)
from edge.errors import ConfigError
from edge.printers.opening import open_printer, open_printers, profile_of
from edge.printers.profiles import PROFILES

TABLES: list[PrinterTable] = [
    UsbPrinter(device="/nowhere/lp0"),
    SerialPrinter(port="/nowhere/ttyUSB0"),
    NetworkPrinter(host="127.0.0.1", port=free_port()),
]


@pytest.mark.parametrize("table", TABLES, ids=["usb", "serial", "network"])
async def test_a_printer_that_is_absent_opens_and_is_offline(table: PrinterTable) -> None:
    printer = open_printer(table)
    assert (await printer.status()).word == "offline"
    await printer.close()


async def test_each_kind_opens_its_device(tmp_path: Path) -> None:
    path = tmp_path / "lp"
    with switched_on(Tty(Thermal(), path)):
        for table in (UsbPrinter(device=str(path)), SerialPrinter(port=str(path))):
            printer = open_printer(table)
            assert (await printer.status()).word == "ready"
            await printer.close()
    cable = Tcp(Thermal())
    with switched_on(cable):
        printer = open_printer(NetworkPrinter(host="127.0.0.1", port=cable.port))
        assert (await printer.status()).word == "ready"
        await until(lambda: cable.is_free)  # for other programs
        await printer.close()
    printer = open_printer(FilePrinter(folder=str(tmp_path / "slips")))
    assert (await printer.status()).word == "ready"
    await printer.close()


async def test_printers_are_named_by_place_and_kind(tmp_path: Path) -> None:
    printers = open_printers([FilePrinter(folder=str(tmp_path)), UsbPrinter()])
    assert list(printers) == ["1-file", "2-usb"]
    for printer in printers.values():
        await printer.close()
    assert open_printers([]) == {}


def test_a_table_says_what_this_printer_has_otherwise() -> None:
    table = UsbPrinter(
        profile="pos-5890-clones", code_page=46, status=True, ttl_s=30, header=("А",)
    )
    assert profile_of(table) == replace(
        PROFILES["pos-5890-clones"], code_page=46, has_status=True, ttl_s=30, header=("А",)
    )
    assert profile_of(UsbPrinter(code_page=0)).code_page == 0
    assert profile_of(UsbPrinter(dots=400, dots_per_mm=8.2)) == replace(
        PROFILES["generic-58"], dots=400, dots_per_mm=8.2
    )
    assert not profile_of(UsbPrinter(status=False)).has_status
    assert profile_of(UsbPrinter()) == PROFILES["generic-58"]


def test_a_code_that_cannot_have_20_mm_is_refused_with_the_reason() -> None:
    with pytest.raises(ConfigError, match=r"^dots: a code of 20 mm .* prints 180; use wider paper"):
        open_printer(UsbPrinter(dots=180))
    with pytest.raises(ConfigError, match=r"^printer\[1\]\.dots: "):
        open_printers([UsbPrinter(), UsbPrinter(dots_per_mm=24)])


def test_a_native_code_is_only_for_a_printer_that_is_known_to_have_one() -> None:
    with pytest.raises(ConfigError, match=r"^native: generic-58 has no QR code of its own"):
        open_printer(UsbPrinter(native=True))
    assert profile_of(UsbPrinter(native=True, profile="epson-tm")).native
    assert not profile_of(UsbPrinter(profile="epson-tm")).native


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "usb", "profile": "epson-t88"},
        {"kind": "usb", "code_page": 256},
        {"kind": "usb", "ttl_s": 0},
        {"kind": "serial"},
        {"kind": "serial", "port": "/dev/ttyUSB0", "baud": 9601},
        {"kind": "network", "host": ""},
        {"kind": "network", "host": "10.0.0.5", "port": 0},
        {"kind": "file"},
        {"kind": "lpt"},
        {"kind": "usb", "paper": 58},
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, PrinterTable)


@pytest.mark.parametrize("kind", [UsbPrinter, SerialPrinter, NetworkPrinter, FilePrinter])
def test_every_key_is_explained_to_the_operator(kind: type[msgspec.Struct]) -> None:
    properties = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
    del properties["kind"]
    for key, described in properties.items():
        assert described["description"].endswith("."), key
        assert "default" in described or described["examples"], key


def test_opening_imports_nothing_that_a_printer_does_not_need() -> None:
    asked = (
        "import sys\n"
        "import edge.printers.opening as o\n"
        "from edge.config.printers import UsbPrinter\n"
        "o.open_printer(UsbPrinter())\n"
        "print([each for each in ('serial', 'aiohttp') if each in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"

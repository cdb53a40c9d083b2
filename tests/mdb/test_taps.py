import asyncio
import gzip
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from mdb import Sale, Signal, Sniffer, read_trace
from mdb.taps import Tap, open_tap
from mdb.taps.replay import Replay
from mdb.taps.virtual import VirtualMachine

AP113 = Path(__file__).parents[1] / "traces" / "ap113-single-vend.mdb"


async def listen(tap: Tap) -> list[Signal]:
    return [signal async for signal in tap]


async def test_a_replay_is_the_file_once_and_in_order() -> None:
    expected = list(read_trace(AP113.read_text("utf-8").splitlines()))
    assert await listen(open_tap(f"replay:{AP113}?pace=0")) == expected


async def test_a_replay_takes_a_compressed_capture_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "bus.mdb.gz"
    file.write_bytes(gzip.compress(AP113.read_bytes()))
    expected = list(read_trace(AP113.read_text("utf-8").splitlines()))
    assert await listen(open_tap(f"replay:{file}?pace=0")) == expected


async def test_a_replay_keeps_the_file_s_pace(tmp_path: Path) -> None:
    file = tmp_path / "short.mdb"
    file.write_text("100.0 < 00\n130.0 < 00\n", "utf-8")
    clock = asyncio.get_running_loop().time
    started = clock()
    assert len(await listen(open_tap(f"replay:{file}?pace=300"))) == 2
    assert 0.095 <= clock() - started < 30


async def test_the_virtual_machine_s_ledger_is_what_is_heard() -> None:
    machine = open_tap("virtual:0001=12000,0a02=9000")
    assert isinstance(machine, VirtualMachine)
    for item, by in [("0001", "cashless"), ("0a02", "cash"), ("0001", "cashless")]:
        machine.press(item, by)
    sniffer, sold = Sniffer(), list[Sale]()
    async for signal in machine:
        sold += [event for event in sniffer.feed(signal) if isinstance(event, Sale)]
        if len(sold) == 3:
            break
    assert [(each.item, each.amount, each.currency) for each in sold] == [
        (vend.item, vend.price, "RUB") for vend in machine.ledger
    ]
    assert [each.tenders[0].by for each in sold] == ["cashless-1", "cash", "cashless-1"]


def test_an_item_the_machine_has_not_cannot_be_pressed() -> None:
    with pytest.raises(KeyError, match="0002"):
        VirtualMachine({"0001": 12000}).press("0002")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("serial:/dev/ttyACM0", "no tap is called 'serial'; known are .* and qibixx:PORT"),
        ("lines:?baud=9600", "lines: '\\?baud=9600' makes no sense; expected a port"),
        ("uart:/dev/a,/dev/a", "uart: '/dev/a,/dev/a' makes no sense; expected the port"),
        ("qibixx:", "qibixx: no port is named; expected"),
        (f"lines:{AP113}", "is no serial port; expected a device"),
        (f"uart:{AP113}", "is no serial port; expected a device"),
        (f"qibixx:{AP113}", "is no serial port; expected a device"),
        ("", "no tap is called ''"),
        ("virtual:", "'' is no item and price"),
        ("virtual:1=12000", "'1=12000' is no item and price"),
        ("virtual:zzzz=12000", "'zzzz=12000' is no item and price"),
        ("virtual:0001=12005", "kopecks in tens"),
        ("virtual:0001=120.00", "kopecks in tens"),
        ("virtual:0001=12000,0002", "'0002' is no item and price"),
        ("virtual:0001=655350", "655350 does not fit the bus"),
        (f"replay:{AP113}?pace=fast", "pace 'fast' makes no sense; expected how many times"),
        (f"replay:{AP113}?pace=-1", "pace '-1' makes no sense; .* 0 for at once"),
        (f"replay:{AP113}?pace=nan", "pace 'nan' makes no sense"),
        (f"replay:{AP113}?pace=", "pace '' makes no sense"),
    ],
)
def test_a_name_that_makes_no_sense_is_refused(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        open_tap(name)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_tap(f"replay:{tmp_path / 'none.mdb'}")


@pytest.mark.parametrize("scheme", ["lines", "uart", "qibixx"])
def test_a_port_that_is_not_there_is_refused(scheme: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no port '.*ttyACM7'.*plugged in"):
        open_tap(f"{scheme}:{tmp_path / 'ttyACM7'}")


@pytest.mark.parametrize("scheme", ["lines", "uart", "qibixx"])
def test_a_port_is_opened_by_the_tap_of_its_device(scheme: str) -> None:
    end, other = pty.openpty()
    tap = open_tap(f"{scheme}:{os.ttyname(other)}")
    os.close(end)
    os.close(other)
    assert type(tap).__module__ == f"mdb.taps.{scheme}"
    assert tap.vmc_only == (scheme == "uart")


def test_what_is_in_memory_or_in_a_file_has_both_lines() -> None:
    assert not open_tap(f"replay:{AP113}").vmc_only
    assert not open_tap("virtual:0001=12000").vmc_only


WITHOUT_PYSERIAL = """\
import sys
sys.modules["serial"] = None
import mdb, mdb.__main__
from mdb.taps import open_tap
open_tap("virtual:0001=12000")
try:
    open_tap("qibixx:/dev/ttyACM0")
except ValueError as error:
    print(error)
"""


def test_only_a_port_needs_pyserial_and_says_so() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYSERIAL], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "qibixx: needs pyserial, which is not installed: pip install pyserial\n"


def test_a_replay_without_a_pace_is_at_its_own() -> None:
    assert isinstance(open_tap(f"replay:{AP113}"), Replay)

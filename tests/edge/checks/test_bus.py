"""Real taps: boards on pseudo-terminals, captures, a machine in memory, and nobody at all."""

import asyncio
from pathlib import Path

import pytest
from boards.microcontroller import Microcontroller
from boards.outlet import Socket
from parts import ROOT

from edge.checks import NOTHING, as_is
from edge.checks.agent import STOPPED, Agent
from edge.checks.bus import Hearing, Voice, check, hear, judge
from edge.technician.status import BusStatus, Peripheral, Status
from mdb.scaling import Scaling
from mdb.taps import open_tap

AP113 = ROOT / "tests/traces/ap113-single-vend.mdb"
WELL = Hearing(
    "qibixx:/p", 5.0, bytes=2000, polls=200, exchanges=210, voices=(Voice("cashless 1", 200, 200),)
)


def changed(**changes: object) -> Hearing:
    return Hearing(**({each: getattr(WELL, each) for each in Hearing.__slots__} | changes))  # type: ignore[arg-type]


async def test_a_capture_is_heard_to_its_end_and_put_into_words() -> None:
    found = await check(f"replay:{AP113}?pace=0", STOPPED, 60)
    assert (found.name, found.state) == ("bus", "ok")
    assert "there are: cashless 1" in found.found.en
    assert "1 sales (125.10" in found.found.en


async def test_a_machine_in_memory_says_that_it_is_one() -> None:
    for listen_s in (2, 20):  # again, where this machine stood still for all of it
        found = await check("virtual:0001=12000", STOPPED, listen_s)
        if found.state == "ok":
            break
    assert found.state == "ok"
    assert found.found.en.startswith("a machine in memory; ")
    assert "counts in 0.10 RUB" in found.found.en


async def test_a_board_is_heard_while_it_prints(tmp_path: Path) -> None:
    socket = Socket(tmp_path / "port")
    socket.plug()
    said = [line for line in AP113.read_text("utf-8").splitlines() if line[:1].isdigit()]

    async def play() -> None:
        while True:
            await Microcontroller(socket).prints(said)
            await asyncio.sleep(0.02)

    playing = asyncio.create_task(play())
    heard = await hear("lines:x", open_tap(f"lines:{socket.path}"), 3.0)
    playing.cancel()
    await asyncio.wait([playing])
    assert heard.bytes
    assert heard.exchanges
    assert not socket.is_open
    socket.close()


async def test_a_port_that_says_nothing_is_silence_with_what_to_check(tmp_path: Path) -> None:
    socket = Socket(tmp_path / "port")
    socket.plug()
    found = await check(f"lines:{socket.path}", STOPPED, 0.2)
    socket.close()
    assert found.state == "fail"
    assert "nothing heard" in found.found.en
    assert "is the machine on" in found.advice.en
    assert "python -m mdb wiring lines" in found.advice.en


async def test_a_port_that_is_unplugged_meanwhile_is_told(tmp_path: Path) -> None:
    socket = Socket(tmp_path / "port")
    socket.plug()
    tap = open_tap(f"lines:{socket.path}")

    async def unplug() -> None:
        await socket.opened()
        socket.unplug()

    pulling = asyncio.create_task(unplug())
    heard = await hear("lines:x", tap, 3.0)
    await pulling
    assert "is lost" in heard.told[0]
    assert judge(heard).state == "fail"


async def test_a_tap_that_cannot_be_opened_fails() -> None:
    found = await check("qibixx:/dev/none", STOPPED, 1)
    assert found.state == "fail"
    assert "there is no port '/dev/none'" in found.found.en


@pytest.mark.parametrize(
    ("heard", "state", "told", "advice"),
    [
        (WELL, "ok", "400 B/s, 200 polls in 5 s; there are: cashless 1", "switch it off and on"),
        (
            changed(voices=(Voice("cashless 1", 9, 9, Scaling(10, 2, "RUB")),)),
            "ok",
            "cashless 1 counts in 0.10 RUB",
            "",
        ),
        (changed(voices=(Voice("changer", 9, 0),)), "ok", "asked in vain: coin changer", ""),
        (changed(vmc_only=True), "ok", "the VMC speaks to cashless 1", ""),
        (changed(doubt=as_is("only the VMC is heard")), "fail", "only the VMC", "wiring qibixx"),
        (changed(faults=100), "warn", "100 blocks broken", "ground"),
        (changed(faults=3), "ok", "3 blocks broken", ""),
        (changed(told=("/p is lost",)), "warn", "/p is lost", "wiring"),
    ],
)
def test_what_was_heard_is_judged(heard: Hearing, state: str, told: str, advice: str) -> None:
    found = judge(heard)
    assert found.state == state
    assert told in found.found.en
    assert advice in found.advice.en


@pytest.mark.parametrize(
    ("bus", "state", "told"),
    [
        (
            BusStatus(
                last_byte_s=0.1,
                bytes_per_s=400,
                peripherals=(Peripheral(address=16, name="cashless 1"),),
            ),
            "ok",
            "400 B/s; cashless 1",
        ),
        (BusStatus(tap="qibixx:/p", last_byte_s=90.0), "fail", "nothing for 1 min 30 s"),
        (BusStatus(tap="qibixx:/p"), "fail", "nothing since it started"),
        (BusStatus(tap="qibixx:/p", alive=False), "fail", "lost its tap qibixx:/p"),
    ],
)
async def test_a_running_agent_is_asked_what_it_hears(
    bus: BusStatus, state: str, told: str
) -> None:
    found = await check("qibixx:/none", Agent(runs=True, status=Status(bus=bus)))
    assert found.state == state
    assert told in found.found.en


async def test_a_running_agent_that_cannot_be_asked_is_not_disturbed() -> None:
    assert (await check("qibixx:/none", Agent(runs=True))).state == "skipped"


ANSWERED, SWAPPED = "> 12 12\n< 00", "< 12 12\n> 00"
VMC_ALONE, DEVICE_ALONE = "> 12 12", "< 01 02 03"


def polled(file: Path, turn: str) -> str:
    """A capture of two hundred such turns; as a tap that plays it at once."""
    said = [f"{number / 10:.2f} {line}" for number, line in enumerate(turn.split("\n") * 200)]
    file.write_text("\n".join(said) + "\n", "utf-8")
    return f"replay:{file}?pace=0"


@pytest.mark.parametrize(
    ("turn", "russian", "english"),
    [
        (VMC_ALONE, "контакт 4, Master Receive", "pin 4"),
        (DEVICE_ALONE, "контакт 5, Master Transmit", "pin 5"),
        (SWAPPED, "не перепутаны ли контакты 4 и 5", "are pins 4 and 5 swapped"),
    ],
)
async def test_a_doubt_of_the_wires_is_the_same_in_both_languages(
    tmp_path: Path, turn: str, russian: str, english: str
) -> None:
    found = await check(polled(tmp_path / "x.mdb", turn), STOPPED, 60)
    assert found.state == "fail"
    assert russian in found.found.ru
    assert english in found.found.en


async def test_wires_that_are_well_are_not_doubted(tmp_path: Path) -> None:
    name = polled(tmp_path / "x.mdb", ANSWERED)
    assert (await hear(name, open_tap(name), 60)).doubt == NOTHING

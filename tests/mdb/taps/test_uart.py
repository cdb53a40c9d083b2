import logging
import os
import pty
import re
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boards.listener import TRACES, concluded, listening, signals_of, words
from boards.outlet import Socket
from boards.uart import Bus, marked
from parts import until

from mdb import Signal
from mdb.byte import BYTE_S, Break, BusByte, Line
from mdb.taps import uart, weave
from mdb.taps.port import Pass
from mdb.taps.uart import CMSPAR, Uart, mark_the_ninth_bit, ninth_bit_marked, stamped
from mdb.trace import parse_line


def signals(*lines: str) -> list[Signal]:
    return [each for line in lines for each in parse_line(f"1.0 {line}") or []]


@pytest.fixture
def bus(socket: Socket, second_socket: Socket) -> Iterator[Bus]:
    made = Bus(socket, second_socket)
    made.plug()
    yield made
    made.close()


def tap_of(bus: Bus) -> Uart:
    return Uart.open(",".join(str(each.path) for each in bus.sockets.values()))


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
async def test_two_ports_hear_what_the_file_says(
    trace: Path, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = signals_of(trace)
    async with listening(tap_of(bus)) as heard:
        await bus.opened()
        with monkeypatch.context() as patch:
            patch.setattr(weave, "QUIET_S", 3600)  # this machine may stand still within a block
            await bus.carries(told)
        await until(lambda: len(heard) == len(told))
    assert words(heard) == words(told)
    assert concluded(heard) == concluded(told)
    assert [each.at for each in heard] == sorted(each.at for each in heard)


async def test_a_turn_read_in_one_go_is_put_in_order(bus: Bus) -> None:
    told = signals("> 12 12", "< 05 00 96 9B", "> 00", "> 13 02 00 0A 1F", "< 00")
    async with listening(tap_of(bus)) as heard:
        await bus.opened()
        for each in told:
            assert isinstance(each, BusByte)
            bus.put(each.line, marked(each.value, mode=each.mode))
        await until(lambda: len(heard) == len(told))
    assert words(heard) == ">12 <050096 >ACK >1302000a <ACK"


async def test_with_one_port_only_the_vmc_is_heard(socket: Socket) -> None:
    told = signals("> 12 12", "< 00", "> 13 02 FF 00 14", "< 00", "> 12 12", "< 07 07", "> 00")
    bus = Bus(socket)
    bus.plug()
    tap = tap_of(bus)
    assert tap.vmc_only
    async with listening(tap) as heard:
        await bus.opened()
        await bus.carries(told)
        await until(lambda: len(heard) == 10)
    assert [each for each in heard if isinstance(each, BusByte) and each.line is not Line.VMC] == []
    assert words(heard[:-1]) == ">12 >1302ff00 >12"


def test_with_two_ports_both_are_heard(bus: Bus) -> None:
    assert not tap_of(bus).vmc_only


@pytest.mark.parametrize("ports", [1, 2])
async def test_a_break_is_told_from_an_ack_by_time(
    ports: int, socket: Socket, second_socket: Socket
) -> None:
    bus = Bus(*[socket, second_socket][:ports])
    bus.plug()
    told = [*signals("> 12 12", "< 00"), Break(2.0), *signals("> 10 10", "< 00", "> 00 00")]
    async with listening(tap_of(bus)) as heard:
        await bus.opened()
        await bus.carries(told)
        await until(lambda: len(heard) == len(told) - 2 * (ports == 1))
    assert words(heard) == (">12 <ACK >BREAK >10 <ACK >00" if ports == 2 else ">12 >BREAK >10 >00")


async def test_half_a_block_before_a_loss_is_not_glued_to_what_comes_after(bus: Bus) -> None:
    vend = signals("> 13 00 00 96 00 0A B3")
    async with listening(tap_of(bus)) as heard:
        await bus.opened()
        await bus.carries([*signals("> 12 12", "< 00"), *vend[:4]])
        await until(lambda: len(heard) == 7)
        for each in bus.sockets.values():
            each.unplug()
        bus.plug()
        await bus.opened()
        await bus.carries([*vend[4:], *signals("< 00", "> 12 12", "< 00")])
        await until(lambda: len(heard) == 10)
    assert words(heard) == ">12 <ACK >!13000096 >12 <ACK"
    assert [each.at for each in heard] == sorted(each.at for each in heard)


async def test_an_escape_cut_by_a_loss_says_nothing(socket: Socket) -> None:
    bus = Bus(socket)
    bus.plug()
    async with listening(tap_of(bus)) as heard:
        await bus.opened()
        bus.put(Line.VMC, marked(0x12, mode=True) + b"\xff\x00")
        await until(lambda: heard)
        socket.unplug()
        bus.plug()
        await bus.opened()
        await bus.carries(signals("> 10 10"))
        await until(lambda: len(heard) == 3)
    assert words(heard) == ">!12 >10"


WAITING = {
    "a turn": (">12 <ACK", False, b"\xff\x00\x12\x12", b"\xff\x00\x00"),
    "perhaps a break, with its turn": (
        ">12 <ACK >!00",
        False,
        b"\xff\x00\x12\x12\xff\x00\x00",
        b"\xff\x00\x00",
    ),
    "perhaps a break": (">12 >!00", True, b"\xff\x00\x12\x12\xff\x00\x00", b""),
}


@pytest.mark.parametrize(("told", "vmc_only", "vmc", "answer"), WAITING.values(), ids=WAITING)
def test_what_waited_when_the_ports_were_lost_is_handed_over(
    told: str, vmc: bytes, answer: bytes, *, vmc_only: bool
) -> None:
    bus = uart.Bus(vmc_only=vmc_only)
    heard = bus.feed(Pass(1.0, (vmc,) if vmc_only else (vmc, answer)))
    assert words([*heard, *bus.flush()]) == told


def test_no_break_is_heard_while_somebody_answers() -> None:
    bus = uart.Bus(vmc_only=False)
    damaged_ack, just_reset = b"\xff\x00\x00", b"\x00\xff\x00\x00"
    read = [(b"\xff\x00\x12\x12", b""), (damaged_ack, b""), (b"", just_reset), (b"", b"")]
    heard = [each for at, data in enumerate(read, 1) for each in bus.feed(Pass(float(at), data))]
    assert [each for each in heard if isinstance(each, Break)] == []


@pytest.mark.parametrize("stem", ["two-equal-vends", "two-readers", "free-media"])
async def test_with_one_port_the_same_is_concluded_as_from_the_vmc_s_lines_of_the_file(
    stem: str, socket: Socket
) -> None:
    (trace,) = [each for each in TRACES if each.stem == stem]
    told = [each for each in signals_of(trace) if isinstance(each, Break) or each.line is Line.VMC]
    bus = Bus(socket)
    bus.plug()
    async with listening(tap_of(bus)) as heard:
        await bus.opened()
        await bus.carries(signals_of(trace))
        await until(lambda: len(heard) == len(told))
    assert concluded(heard, vmc_only=True) == concluded(told, vmc_only=True)


def test_the_last_byte_of_a_read_ended_when_it_was_read() -> None:
    first, second = stamped([(0x12, True), (0x12, False)], Line.VMC, 10.0)
    assert (first.at, second.at) == pytest.approx((10 - 2 * BYTE_S, 10 - BYTE_S))


FLAGS = {
    **{name: (0, getattr(termios, name), True) for name in ("INPCK", "PARMRK")},
    **{
        name: (0, getattr(termios, name), False)
        for name in ("IGNPAR", "ISTRIP", "IGNBRK", "BRKINT", "INLCR", "IGNCR", "ICRNL", "IXON")
    },
    "OPOST": (1, termios.OPOST, False),
    **{name: (2, getattr(termios, name), True) for name in ("CS8", "PARENB", "CREAD", "CLOCAL")},
    "CMSPAR": (2, CMSPAR, True),
    **{name: (2, getattr(termios, name), False) for name in ("PARODD", "CSTOPB", "CRTSCTS")},
    **{name: (3, getattr(termios, name), False) for name in ("ICANON", "ECHO", "ISIG", "IEXTEN")},
}


@pytest.mark.parametrize("before", [0, 0o37777777])
@pytest.mark.parametrize(("where", "flag", "is_set"), FLAGS.values(), ids=FLAGS)
def test_a_port_is_set_so_that_the_ninth_bit_is_marked(
    where: int, flag: int, before: int, *, is_set: bool
) -> None:
    flags = ninth_bit_marked([before, before, before, before, 13, 13, [b"\x00"] * 32])
    assert bool(flags[where] & flag) is is_set


def test_the_speed_is_kept_and_the_given_list_too() -> None:
    before: list[Any] = [0, 0, 0, 0, 13, 13, [b"\x00"] * 32]
    after = ninth_bit_marked(before)
    assert after[4:6] == [13, 13]
    assert (after[6][termios.VMIN], after[6][termios.VTIME]) == (1, 0)
    assert before[6] == [b"\x00"] * 32


def test_the_kernel_keeps_what_a_terminal_without_parity_can(
    caplog: pytest.LogCaptureFixture,
) -> None:
    end, other = pty.openpty()
    with caplog.at_level(logging.WARNING):
        mark_the_ninth_bit(other)
    kept = termios.tcgetattr(other)
    os.close(end)
    os.close(other)
    assert kept[0] == termios.INPCK | termios.PARMRK
    assert (kept[1], kept[3]) == (0, 0)
    assert kept[2] & CMSPAR
    assert "no space parity" in caplog.text  # PARENB is not for a pseudo-terminal


async def test_pyserial_has_not_the_last_word(socket: Socket) -> None:
    socket.plug()
    async with listening(Uart.open(str(socket.path))):
        await socket.opened()
        flags = termios.tcgetattr(socket.end)
    assert flags[0] == termios.INPCK | termios.PARMRK
    assert flags[4] == termios.B9600


@pytest.mark.parametrize("address", ["", ",", "a,", ",b", "a,b,c", "a,a"])
def test_an_address_that_makes_no_sense_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"uart: {address!r} makes no sense; expected")):
        Uart.open(address)


def test_a_second_port_that_is_not_there_is_told(socket: Socket, tmp_path: Path) -> None:
    socket.plug()
    with pytest.raises(FileNotFoundError, match="none"):
        Uart.open(f"{socket.path},{tmp_path / 'none'}")

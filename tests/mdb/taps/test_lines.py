import re
from pathlib import Path

import pytest
from boards.listener import TRACES, concluded, listening, signals_of, words
from boards.microcontroller import Microcontroller
from boards.outlet import Socket
from parts import until

from mdb.taps.lines import Lines
from mdb.trace import Transcript

POLLED = "> 12 12", "< 00"


def explicit(trace: Path) -> list[str]:
    """Every line with its mode bits told."""
    lines = []
    for line in printed(trace):
        at, who, *values = line.split()
        marked = 0 if who == ">" and len(values) > 1 else len(values) - 1
        if values == ["BREAK"]:
            lines.append(line)
            continue
        stars = [f"{each}{'*' * (index == marked)}" for index, each in enumerate(values)]
        if who == ">" and len(values) == 1:
            stars = values
        lines.append(f"{at} {who * 2} {' '.join(stars)}")
    return lines


def printed(trace: Path) -> list[str]:
    transcript = Transcript()
    lines = [line for each in signals_of(trace) for line in transcript.feed(each)]
    return lines + transcript.flush()


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
async def test_what_a_microcontroller_prints_means_what_the_file_means(
    trace: Path, socket: Socket
) -> None:
    told = signals_of(trace)
    socket.plug()
    async with listening(Lines.open(str(socket.path))) as heard:
        await Microcontroller(socket).prints(printed(trace))
        await until(lambda: len(heard) == len(told))
    assert words(heard) == words(told)
    assert concluded(heard) == concluded(told)
    assert [each.at for each in heard] == sorted(each.at for each in heard)


async def test_the_form_with_mode_bits_is_read_as_well(socket: Socket) -> None:
    (trace,) = [each for each in TRACES if each.stem == "two-readers"]
    told = signals_of(trace)
    socket.plug()
    async with listening(Lines.open(str(socket.path))) as heard:
        await Microcontroller(socket, end="\n").prints(explicit(trace))
        await until(lambda: len(heard) == len(told))
    assert words(heard) == words(told)


async def test_noise_between_lines_costs_no_line(socket: Socket) -> None:
    socket.plug()
    tap = Lines.open(f"{socket.path}?baud=57600")
    async with listening(tap) as heard:
        board = Microcontroller(socket)
        await socket.opened()
        await board.says("2 12\r\n")  # cut at its beginning
        await board.says("\xff\xfe\0\0" + "x" * 1000 + "\n# it started\n")
        await board.prints([f"1 {POLLED[0]}", f"1 {POLLED[1]}"])
        await board.says("3.0 > 13 00 0\n\0\0")
        await board.prints([f"1 {POLLED[0]}"])
        await until(lambda: len(heard) == 5)
    assert words(heard) == ">12 <ACK >12"
    assert tap.unreadable == 3


async def test_a_block_cut_by_a_loss_is_a_fault_and_the_next_one_is_whole(socket: Socket) -> None:
    socket.plug()
    async with listening(Lines.open(str(socket.path))) as heard:
        board = Microcontroller(socket)
        await board.prints(["1 >> 13* 00 00 96"])
        await board.says("1.0 > 12 1")
        await until(lambda: len(heard) == 4)
        socket.unplug()
        socket.plug()
        await socket.opened()
        board = Microcontroller(socket, started=0.0)  # its clock starts again
        await board.prints(["1 >> 00 0A B3", "1 < 00", "1 > 12 12", "1 < 00"])
        await until(lambda: len(heard) == 7)
    assert words(heard) == ">!13000096 >12 <ACK"
    assert [each.at for each in heard] == sorted(each.at for each in heard)
    assert heard[-1].at - heard[0].at < 60


async def test_half_a_line_before_a_loss_is_not_the_beginning_of_the_next(socket: Socket) -> None:
    socket.plug()
    tap = Lines.open(str(socket.path))
    async with listening(tap) as heard:
        board = Microcontroller(socket)
        await board.says("\n1.0 > 13 00 0")
        await board.prints(["1 garbage"])  # on the same line, and read by now
        await board.says("1.0 > 13 0")
        await until(lambda: tap.unreadable)
        socket.unplug()
        socket.plug()
        await board.prints(["1 > 12 12"])
        await until(lambda: len(heard) == 2)
    assert words(heard) == ">12"


async def test_a_bus_reset_is_printed_too(socket: Socket) -> None:
    socket.plug()
    async with listening(Lines.open(str(socket.path))) as heard:
        await Microcontroller(socket).prints(["1 > BREAK", "1 > 10 10"])
        await until(lambda: len(heard) == 3)
    assert words(heard) == ">BREAK >10"


def test_it_hears_both_lines(socket: Socket) -> None:
    socket.plug()
    assert not Lines.open(str(socket.path)).vmc_only


@pytest.mark.parametrize(
    "address", ["", "?baud=9600", "tty?baud=fast", "tty?baud=0", "tty?baud=", "tty?speed=9600"]
)
def test_an_address_that_makes_no_sense_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"lines: {address!r} makes no sense; expected")):
        Lines.open(address)

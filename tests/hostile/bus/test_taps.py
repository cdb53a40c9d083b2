"""A device that prints or sends anything: the tap goes on, and what it keeps is bounded."""

import asyncio
import os
import tracemalloc
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from boards.outlet import Socket
from hostile.bus import speech
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mdb.byte import Signal
from mdb.qibixx import Order, parse
from mdb.sniffer import Sniffer
from mdb.taps import open_tap
from mdb.taps.linewise import LONGEST, Linewise
from mdb.taps.port import Pass
from mdb.taps.uart import Bus
from mdb.trace import parse_line

TEXTS = [each.read_bytes() for each in speech.TRACES]
LAST = b"\n\n9.0 > BREAK\n"
CLOSE = b"\xff\x00\x10\x10"

fragments = st.lists(
    st.one_of(
        st.sampled_from(TEXTS).map(lambda text: text[:400]),
        st.binary(max_size=80),
        st.sampled_from(
            [
                *(b"x,ACK\n", b"v,4.0.2.0,30ff6d06\n", b'x,ERR,"busy"\n', b"\0\0", b"\r"),
                *(b"x,00,99999999999999999999,10,\n", b"x,00,0,13,0200\n", b"x,80,1,0\n"),
                *(
                    b"x,00,5,\xd9\xa3\xd9\xa3,\n",
                    b"9" * 400 + b" > 12 12\n",
                    b"1.0 > " + b"0 " * 500,
                ),
                *(b"\xff\x00", b"\xff\xff", b"\xff\x00\x00" * 30, b"A" * 5000),
            ]
        ),
    ),
    max_size=6,
)


@pytest.mark.parametrize("scheme", ["qibixx", "lines", "uart"])
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=fragments)
def test_a_tap_outlives_whatever_its_device_says(
    scheme: str, said: list[bytes], tmp_path: Path
) -> None:
    asyncio.run(_outlive(scheme, said, tmp_path))


async def _outlive(scheme: str, said: list[bytes], folder: Path) -> None:
    socket = Socket(folder / "port")
    socket.plug()
    heard: list[Signal] = []
    sniffer = Sniffer()

    async def listen() -> None:
        async for signal in open_tap(f"{scheme}:{socket.path}"):
            heard.append(signal)
            sniffer.listen(signal)

    listening = asyncio.create_task(listen())
    try:
        await socket.opened()
        for each in said:
            os.write(socket.end, each[:2000])
            await asyncio.sleep(0)
        os.write(socket.end, {"uart": CLOSE}.get(scheme, LAST))
        await asyncio.sleep(0.03)
        assert not listening.done(), listening
        assert all(one.at <= two.at for one, two in pairwise(heard))
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        socket.close()


def test_lines_without_an_end_are_not_kept() -> None:
    text = Linewise()
    tracemalloc.start()
    try:
        told = [line for _ in range(2000) for line in text.feed(b"x,00,0006528766," * 256)]
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert told == []
    assert kept < 100_000
    assert text.feed(b"\n1.0 > 12 12\n") == ["", "1.0 > 12 12"]


def test_a_port_that_never_falls_silent_is_not_kept() -> None:
    for data in (
        (b"\x55" * 4096, b"\x55" * 4096),
        (b"\xff\x00\x00" * 1365, b""),
        (b"", b"\x01" * 4096),
    ):
        bus = Bus(vmc_only=False)
        given = sum(len(bus.feed(Pass(10 + 0.01 * each, data))) for each in range(8))
        assert given + len(bus.flush()) >= 8 * 1000
        assert len(bus.flush()) == 0


@given(
    tick=st.integers(0, 10**20 - 1) | st.sampled_from([0, 10**10, 2**64]),
    status=st.integers(0, 255),
    data=st.binary(max_size=100),
)
def test_a_counter_that_says_anything_gives_every_line_once(
    tick: int, status: int, data: bytes
) -> None:
    order, given = Order(), []
    lines = [
        f"x,{status:02x},{each % 10**20},{data.hex()}" for each in (tick, 5, tick + 7, 3, 10**19)
    ]
    sniffed = [each for line in lines if (each := parse(line)) is not None]
    for each in sniffed:
        given += order.add(each)
    given += order.flush()
    assert sorted(map(id, given)) == sorted(map(id, sniffed))


@given(line=st.text(max_size=LONGEST))
def test_a_line_of_a_device_is_signals_with_a_time_or_nothing(line: str) -> None:
    for signal in parse_line(line) or []:
        assert 0 <= signal.at < 10**13


def test_a_time_beyond_any_clock_is_no_line() -> None:
    assert parse_line("9" * 400 + " > 12 12") is None
    assert parse_line("999999999999.5 > 12 12") is not None

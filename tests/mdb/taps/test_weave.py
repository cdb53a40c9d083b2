from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from boards.listener import TRACES, concluded, framed, signals_of
from hypothesis import given, settings
from hypothesis import strategies as st

from mdb import Signal
from mdb.block import MAX_BLOCK, Fault, checksum
from mdb.byte import Break, BusByte, Line
from mdb.taps.weave import MOST, Weave
from mdb.trace import signals

UNCERTAIN = {
    "ap113-single-vend",
    *("cash-sale-never-acknowledged", "repeated-cash-sale-lost-a-zero"),
    "success-of-another-item-then-reset",
}
CONVERSATIONS = [each for each in TRACES if each.stem not in UNCERTAIN]
"""In the first answers stand without their polls; in the others commands without their answers, and
of those read in one pass with answered ones nobody can tell which they were."""

V, P = Line.VMC, Line.PERIPHERAL
Turn = tuple[Line, bytes]


def told(line: Line, *values: int) -> Turn:
    return line, bytes([*values, checksum(bytes(values))])


def bus(*turns: Turn) -> list[BusByte]:
    return [each for line, values in turns for each in signals(line, values, 0.0)]


def passes_of(heard: Sequence[Signal], cuts: list[int]) -> list[Sequence[Signal]]:
    edges = [0, *sorted(cuts), len(heard)]
    return [heard[a:b] for a, b in pairwise(edges) if a < b]


def woven(passes: Sequence[Sequence[Signal]]) -> list[Signal]:
    """As read: each pass the VMC's bytes and then the peripherals', ten milliseconds apart."""
    weave, now, out = Weave(), 0.0, list[Signal]()
    for read in passes:
        now += 0.01
        lines: tuple[list[Signal], list[Signal]] = ([], [])
        for each in read:
            lines[isinstance(each, BusByte) and each.line is P].append(each)
        for each in [*lines[0], *lines[1]]:
            weave.add(each, now)
        out += weave.settle(now)
    return out + weave.settle(now + 1)


POLL, ACK, VMC_ACK = told(V, 0x12), (P, b"\0"), (V, b"\0")
APPROVED, JUST_RESET = told(P, 0x05, 0, 0x96), told(P, 0x00)
CHK = APPROVED[1][-1]
SUCCESS = told(V, 0x13, 0x02, 0x00, 0x0A)

IN_ONE_PASS = {
    "a poll and its ACK": [POLL, ACK],
    "an answer and its ACK": [POLL, APPROVED, VMC_ACK],
    "an answer and a NAK": [POLL, APPROVED, (V, b"\xff")],
    "the answer said again": [POLL, APPROVED, (V, b"\xaa"), APPROVED, VMC_ACK],
    "just reset": [POLL, JUST_RESET, VMC_ACK],
    "an answer to a poll, then a vend": [POLL, APPROVED, VMC_ACK, SUCCESS, ACK],
    "three commands": [SUCCESS, ACK, POLL, APPROVED, VMC_ACK, POLL, ACK],
    "an answer the VMC did not take": [POLL, APPROVED, POLL, APPROVED, VMC_ACK],
    "nobody there, then an answer": [told(V, 0x62), POLL, APPROVED, VMC_ACK],
    "a command nobody answered": [POLL, ACK, SUCCESS],
    "a checksum that could be an ACK": [told(V, 0x14, 0xEC), ACK, POLL, ACK],
    "a checksum in the data": [told(V, 0x13, 0x6D, 0x80), ACK, POLL, ACK],
}


@pytest.mark.parametrize("turns", IN_ONE_PASS.values(), ids=IN_ONE_PASS)
def test_what_was_read_in_one_go_is_put_in_order_by_what_it_is(turns: list[Turn]) -> None:
    assert woven([bus(*turns)]) == bus(*turns)


def test_who_answered_first_in_one_go_cannot_be_told_and_is_the_first() -> None:
    absent = told(V, 0x62)
    assert woven([bus(absent, POLL, ACK)]) == bus(absent, ACK, POLL)


def test_a_damaged_command_keeps_its_place() -> None:
    turns = bus((V, b"\x12\x13"), APPROVED, VMC_ACK, POLL, ACK)
    assert woven([[each] for each in turns]) == turns


def test_an_answer_without_its_mode_bit_ends_where_the_vmc_goes_on() -> None:
    turns = bus(POLL, APPROVED, VMC_ACK, POLL, ACK)
    lost = [each._replace(mode=False) if each.value == CHK else each for each in turns]
    assert woven([[each] for each in lost]) == lost


commands = st.binary(min_size=1, max_size=MAX_BLOCK - 1).map(lambda data: told(V, *data))
answers = st.binary(min_size=1, max_size=MAX_BLOCK - 1).map(lambda data: told(P, *data))
exchanges = st.one_of(
    st.tuples(commands),
    st.tuples(commands, st.sampled_from([ACK, (P, b"\xff")])),
    st.tuples(commands, answers, st.sampled_from([VMC_ACK, (V, b"\xff")])),
    st.tuples(commands, answers),
    st.tuples(commands, answers, st.just((V, b"\xaa")), answers, st.just(VMC_ACK)),
)
conversations = st.lists(exchanges, max_size=6).map(
    lambda each: [turn for exchange in each for turn in exchange]
)


@settings(deadline=None)
@given(conversations, st.data())
def test_read_in_time_any_conversation_comes_out_as_it_was(
    turns: list[Turn], data: st.DataObject
) -> None:
    passes: list[Sequence[Signal]] = []
    for turn in turns:  # a pass never reads both lines: between turns there is silence
        heard = bus(turn)
        cuts = data.draw(st.lists(st.integers(1, len(heard)), max_size=2))
        passes += passes_of(heard, cuts)
    assert woven(passes) == bus(*turns)


heard_anything = st.builds(
    BusByte,
    st.sampled_from([0, 0x12, 0xAA, 0xFF]),
    st.booleans(),
    st.sampled_from(Line),
    st.just(0.0),
) | st.just(Break(0.0))


@settings(deadline=None)
@given(st.lists(heard_anything, max_size=80), st.data())
def test_whatever_was_read_no_byte_is_lost_and_each_line_keeps_its_order(
    heard: list[Signal], data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(heard)), max_size=8))
    out = woven(passes_of(heard, cuts))
    assert Counter(out) == Counter(heard)
    for line in Line:
        assert [each for each in out if of(each) is line] == [
            each for each in heard if of(each) is line
        ]


def of(signal: Signal) -> Line:
    return signal.line if isinstance(signal, BusByte) else V


@pytest.mark.parametrize("trace", CONVERSATIONS, ids=lambda trace: trace.stem)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_however_late_it_was_read_the_same_is_concluded(trace: Path, data: st.DataObject) -> None:
    heard = signals_of(trace)
    cuts = data.draw(st.lists(st.integers(0, len(heard)), max_size=len(heard) // 4))
    out = woven(passes_of(heard, cuts))
    assert not [each for each in framed(out) if isinstance(each, Fault)]
    assert concluded(out) == concluded(heard)


def test_noise_without_an_end_is_not_kept() -> None:
    weave, out, given_out = Weave(), list[Signal](), 0
    for index in range(10 * MOST):
        weave.add(BusByte(1, False, P, 0.0), index / 1000)
        out = weave.settle(index / 1000)
        given_out += len(out)
    assert given_out >= 9 * MOST


def test_a_break_stands_where_it_was() -> None:
    turns = [*bus(POLL, ACK), Break(0.0), *bus(told(V, 0x10), ACK)]
    assert woven([turns[:3], [turns[3]], turns[4:]]) == turns

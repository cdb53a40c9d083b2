"""Bytes are in nine bits, as the standard draws them: 113 is 13 with its mode bit set."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdb.block import MAX_BLOCK, Answer, Block, Fault, Single
from mdb.byte import Break, BusByte, Line, Signal
from mdb.framing import Framed, Framer

V, P = Line.VMC, Line.PERIPHERAL


def nine(told: str) -> list[Signal]:
    """``> 112 012 < 100``: nine-bit words after the line they are heard on."""
    line, heard = V, list[Signal]()
    for word in told.split():
        if word in {">", "<"}:
            line = Line(word)
        elif word == "BREAK":
            heard.append(Break(0.0))
        else:
            heard.append(BusByte(int(word[1:], 16), word[0] == "1", line, 0.0))
    return heard


def block(line: Line, data: str) -> Block:
    return Block(line, bytes.fromhex(data), 0.0)


def fault(line: Line, reason: str, raw: str) -> Fault:
    return Fault(line, reason, bytes.fromhex(raw), 0.0)


ACK, NAK = Single(P, Answer.ACK, 0.0), Single(P, Answer.NAK, 0.0)

WHOLE: dict[str, tuple[str, list[Framed]]] = {
    "a command and its ACK": (
        "> 113 000 000 096 000 00A 0B3 < 100",
        [block(V, "13 00 0096 000A"), ACK],
    ),
    "a command refused": ("> 113 002 000 00A 01F < 1FF", [block(V, "13 02 000A"), NAK]),
    "an answer the VMC acknowledges": (
        "> 112 012 < 005 000 096 19B > 000",
        [block(V, "12"), block(P, "05 0096"), Single(V, Answer.ACK, 0.0)],
    ),
    "an answer the VMC did not get": (
        "> 112 012 < 005 000 096 19B > 0FF",
        [block(V, "12"), block(P, "05 0096"), Single(V, Answer.NAK, 0.0)],
    ),
    "an answer the VMC wants again": (
        "> 112 012 < 006 106 > 0AA < 006 106 > 000",
        [
            *(block(V, "12"), block(P, "06"), Single(V, Answer.RET, 0.0)),
            *(block(P, "06"), Single(V, Answer.ACK, 0.0)),
        ],
    ),
    "JUST RESET is two bytes, ACK is one": (
        "> 112 012 < 000 100 > 112 012 < 100",
        [block(V, "12"), block(P, "00"), block(V, "12"), ACK],
    ),
    "a checksum in the middle of a block ends nothing": (
        "> 113 000 013 026 000 013 05F < 100",
        [block(V, "13 00 1326 0013"), ACK],
    ),
    "a command nobody answers": (
        "> 110 010 > 112 012 < 100",
        [block(V, "10"), block(V, "12"), ACK],
    ),
    "two messages in one answer": (
        "> 112 012 < 006 00A 007 004 11B",
        [block(V, "12"), block(P, "06 0A07 04")],
    ),
    "a break after a command": (
        "> 113 004 017 > BREAK",
        [block(V, "13 04"), Break(0.0)],
    ),
    "a wrong checksum": (
        "> 113 002 000 00A 01E < 100",
        [fault(V, "checksum 1E, expected 1F", "13 02 000A 1E"), ACK],
    ),
    "a wrong checksum in an answer": (
        "> 112 012 < 005 000 096 19A",
        [block(V, "12"), fault(P, "checksum 9A, expected 9B", "05 0096 9A")],
    ),
    "an address and nothing more": (
        "> 113 < 100",
        [fault(V, "block without a checksum", "13"), ACK],
    ),
    "an answer that breaks off": (
        "> 112 012 < 005 000 > 112 012 < 100",
        [block(V, "12"), fault(P, "unfinished answer", "05 00"), block(V, "12"), ACK],
    ),
    "a byte that is no answer": ("< 142", [fault(P, "stray byte", "42")]),
    "RET is the VMC's alone": ("< 1AA", [fault(P, "stray byte", "AA")]),
    "a block whose start was missed": (
        "> 000 096 < 100",
        [Single(V, Answer.ACK, 0.0), fault(V, "stray byte", "96"), ACK],
    ),
}


def frame(signals: list[Signal]) -> list[Framed]:
    framer = Framer()
    return [framed for signal in signals for framed in framer.feed(signal)]


@pytest.mark.parametrize(("told", "expected"), WHOLE.values(), ids=WHOLE)
def test_bytes_become_blocks(told: str, expected: list[Framed]) -> None:
    assert frame(nine(told)) == expected


@pytest.mark.parametrize(("told", "expected"), WHOLE.values(), ids=WHOLE)
def test_what_follows_changes_nothing(told: str, expected: list[Framed]) -> None:
    tail = nine("> 162 062 < 107")
    after = [block(V, "62"), fault(P, "stray byte", "07")]
    assert frame(nine(told) + tail) == expected + after


@pytest.mark.parametrize(("told", "expected"), WHOLE.values(), ids=WHOLE)
def test_cut_anywhere_only_the_last_piece_is_lost(told: str, expected: list[Framed]) -> None:
    signals = nine(told)
    for cut in range(len(signals)):
        framer = Framer()
        heard = [framed for signal in signals[:cut] for framed in framer.feed(signal)]
        rest = framer.flush()
        assert heard == expected[: len(heard)]
        assert len(rest) <= 1
        assert framer.flush() == []


def test_a_command_nobody_answers_is_known_at_the_end_of_the_capture() -> None:
    framer = Framer()
    assert [framed for signal in nine("> 110 010") for framed in framer.feed(signal)] == []
    assert framer.flush() == [block(V, "10")]


def test_the_time_is_the_first_bytes() -> None:
    heard = [BusByte(0x12, True, V, 7.0), BusByte(0x12, False, V, 7.1), BusByte(0, True, P, 7.2)]
    assert [getattr(framed, "at", None) for framed in frame([*heard])] == [7.0, 7.2]


@pytest.mark.parametrize(
    ("told", "reason", "kept"),
    [
        ("> 113" + " 001" * MAX_BLOCK, "block too long", MAX_BLOCK + 1),
        ("<" + " 001" * MAX_BLOCK, "answer too long", MAX_BLOCK),
    ],
)
def test_a_block_without_end_is_given_up(told: str, reason: str, kept: int) -> None:
    (given_up,) = frame(nine(told))
    assert isinstance(given_up, Fault)
    assert (given_up.reason, len(given_up.raw)) == (reason, kept)


@pytest.mark.parametrize("told", ["> 111" + " 000" * 34 + " 011 < 100", "<" + " 000" * 35 + " 100"])
def test_the_longest_block_is_taken(told: str) -> None:
    (longest, *_) = frame(nine(told))
    assert isinstance(longest, Block)
    assert len(longest.data) == MAX_BLOCK - 1


words = st.builds(BusByte, st.integers(0, 255), st.booleans(), st.sampled_from(Line), st.just(0.0))
unmarked = st.builds(BusByte, st.integers(0, 255), st.just(False), st.just(P), st.just(0.0))


@settings(deadline=None, max_examples=60)
@given(st.lists(words | unmarked | st.just(Break(0.0)), max_size=300))
def test_no_bytes_raise_or_grow_a_buffer(signals: list[Signal]) -> None:
    framer = Framer()
    for signal in signals:
        for framed in framer.feed(signal):
            assert not isinstance(framed, Block) or len(framed.data) < MAX_BLOCK
        assert max(len(framer._vmc), len(framer._peripheral)) <= MAX_BLOCK  # noqa: SLF001

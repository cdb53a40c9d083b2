"""Stories of blocks, and what is settled by them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdb.block import Answer, Block, Fault, Single
from mdb.byte import Break, Line
from mdb.exchange import POLL_OF, POLLS, Exchange, Joined, Joiner
from mdb.framing import Framed


def v(data: str) -> Block:
    return Block(Line.VMC, bytes.fromhex(data), 0.0)


def p(data: str) -> Block:
    return Block(Line.PERIPHERAL, bytes.fromhex(data), 0.0)


ACK, NAK = Single(Line.PERIPHERAL, Answer.ACK, 0.0), Single(Line.PERIPHERAL, Answer.NAK, 0.0)
OK, NOT_OK, AGAIN = (Single(Line.VMC, each, 0.0) for each in Answer)
VMC_NOISE = Fault(Line.VMC, "noise", b"\x12\x13", 0.0)
NOISE = Fault(Line.PERIPHERAL, "noise", b"\x05", 0.0)
BREAK = Break(0.0)

POLL, POLL_2 = v("12"), v("62")
REQUEST, SUCCESS, CASH, COMPLETE = (
    v("1300 0096 000A"),
    v("1302 000A"),
    v("1305 0096 000A"),
    v("1304"),
)
RESET = v("10")
APPROVED = p("05 0096")


def told(joined: Joined) -> str:
    match joined:
        case Exchange():
            reply = "" if joined.reply is None else f" < {joined.reply.hex()}"
            again = " (again)" if joined.repeated else ""
            fate = "" if joined.fate.value == "heard" else f" {joined.fate.value}"
            return f"{joined.command.hex()}{reply}{fate}{again}"
        case Fault():
            return joined.reason
        case Break():
            return "break"


STORIES: dict[str, tuple[list[Framed], list[str]]] = {
    "an acknowledged command counts": ([SUCCESS, ACK], ["1302000a"]),
    "an acknowledged answer counts": ([POLL, APPROVED, OK], ["12 < 050096"]),
    "a command may be answered at once": ([COMPLETE, p("07"), OK], ["1304 < 07"]),
    "an answer refused is said again at the next POLL": (
        [POLL, APPROVED, NOT_OK, POLL, APPROVED, OK],
        ["12", "12 < 050096"],
    ),
    "an answer refused and never said again did not happen": (
        [POLL, APPROVED, NOT_OK, POLL, ACK, COMPLETE, ACK],
        ["12", "12", "1304"],
    ),
    "RET asks for the same answer at once": (
        [POLL, APPROVED, AGAIN, APPROVED, OK],
        ["12 < 050096"],
    ),
    "RET after a damaged answer": ([POLL, NOISE, APPROVED, OK], ["noise", "12 < 050096"]),
    "an answer whose ACK was lost comes again": (
        [POLL, APPROVED, POLL, APPROVED, OK],
        ["12", "12 < 050096"],
    ),
    "it comes again with more after it": (
        [POLL, p("06"), POLL, p("06 04"), OK],
        ["12", "12 < 0604"],
    ),
    "it comes again and again, and counts once": (
        [POLL, APPROVED, POLL, APPROVED, POLL, APPROVED, OK],
        ["12", "12", "12 < 050096"],
    ),
    "it is refused when it comes again": (
        [POLL, APPROVED, POLL, APPROVED, NOT_OK, RESET, ACK],
        ["12", "12", "10"],
    ),
    "an answer nobody acknowledged before a RESET was not taken": (
        [POLL, APPROVED, POLL, APPROVED, RESET, ACK],
        ["12", "12", "10"],
    ),
    "we missed the ACK: the peripheral does not say it again": (
        [POLL, APPROVED, POLL, ACK],
        ["12", "12 < 050096 (again)", "12"],
    ),
    "we missed the ACK: the VMC goes on": (
        [POLL, APPROVED, SUCCESS, ACK],
        ["12", "12 < 050096 (again)", "1302000a"],
    ),
    "a POLL nobody answers decides nothing": (
        [POLL, APPROVED, POLL, POLL, APPROVED, OK],
        ["12", "12 silent", "12 < 050096"],
    ),
    "a command nobody acknowledged is pending, then it is said again": (
        [SUCCESS, POLL, ACK, SUCCESS, ACK],
        ["1302000a silent", "12", "1302000a"],
    ),
    "the VMC moves on": (
        [SUCCESS, POLL, ACK, COMPLETE, ACK],
        ["1302000a silent", "12", "1302000a moved on", "1304"],
    ),
    "the VMC gives up": (
        [SUCCESS, POLL, RESET, ACK],
        ["1302000a silent", "12 silent", "1302000a given up", "10"],
    ),
    "a break is giving up": (
        [CASH, POLL, BREAK],
        ["13050096000a silent", "12 silent", "13050096000a given up", "break"],
    ),
    "NAK is no answer": ([SUCCESS, NAK, SUCCESS, ACK], ["1302000a silent", "1302000a"]),
    "the very next command, the same, is a repetition": (
        [CASH, ACK, CASH, ACK],
        ["13050096000a", "13050096000a (again)"],
    ),
    "a repetition we heard no ACK of is not pending": (
        [CASH, ACK, CASH, COMPLETE, ACK],
        ["13050096000a", "13050096000a silent (again)", "1304"],
    ),
    "after a POLL it is a new one": (
        [CASH, ACK, POLL, ACK, CASH, ACK],
        ["13050096000a", "12", "13050096000a"],
    ),
    "after a POLL nobody answered, too": (
        [CASH, ACK, POLL, CASH, ACK],
        ["13050096000a", "12 silent", "13050096000a"],
    ),
    "another peripheral's command is not in between": (
        [CASH, ACK, POLL_2, ACK, CASH, ACK],
        ["13050096000a", "62", "13050096000a (again)"],
    ),
    "POLLs are never repetitions": ([POLL, ACK, POLL, ACK], ["12", "12"]),
    "an answer to a damaged command is nobody's": (
        [POLL_2, VMC_NOISE, APPROVED, OK],
        ["62 silent", "noise", "answer to nobody", "ACK of nothing"],
    ),
    "we missed the ACK and the POLL in between": (
        [REQUEST, APPROVED, p("06"), OK],
        ["13000096000a", "13000096000a < 050096 (again)", "12 < 06"],
    ),
    "an ACK of nothing": ([OK, ACK], ["ACK of nothing", "answer to nobody"]),
}


def join(story: list[Framed]) -> list[str]:
    joiner = Joiner()
    return [told(joined) for framed in story for joined in joiner.feed(framed)]


@pytest.mark.parametrize(("story", "expected"), STORIES.values(), ids=STORIES)
def test_a_story_is_settled(story: list[Framed], expected: list[str]) -> None:
    assert join(story) == expected


@pytest.mark.parametrize(("story", "expected"), STORIES.values(), ids=STORIES)
def test_what_is_settled_stays_settled(story: list[Framed], expected: list[str]) -> None:
    for cut in range(len(story)):
        settled = join(story[:cut])
        assert settled == expected[: len(settled)]


def test_an_answer_at_the_end_of_the_capture_was_taken() -> None:
    joiner = Joiner()
    assert [told(joined) for framed in (POLL, APPROVED) for joined in joiner.feed(framed)] == []
    assert [told(joined) for joined in joiner.flush()] == ["12", "12 < 050096 (again)"]
    assert joiner.flush() == []


def test_an_answer_has_its_own_time() -> None:
    joiner = Joiner()
    reply = Block(Line.PERIPHERAL, b"\x06", 2.5)
    story = [Block(Line.VMC, b"\x12", 2.0), reply, Single(Line.VMC, Answer.ACK, 3.0)]
    (exchange,) = [joined for framed in story for joined in joiner.feed(framed)]
    assert isinstance(exchange, Exchange)
    assert (exchange.at, exchange.reply_at) == (2.0, 2.5)


@pytest.mark.parametrize("poll", sorted(POLLS))
def test_every_peripheral_has_one_poll(poll: int) -> None:
    assert POLL_OF[poll & 0xF8] == poll
    assert Exchange(poll & 0xF8, bytes([poll]), 0.0).is_poll


def test_security_of_the_validator_is_no_poll() -> None:
    assert not Exchange(0x30, bytes.fromhex("32 0000"), 0.0).is_poll


blocks = st.builds(Block, st.sampled_from(Line), st.binary(min_size=1, max_size=35), st.just(0.0))
few = st.sampled_from([POLL, POLL_2, REQUEST, SUCCESS, CASH, COMPLETE, RESET, APPROVED, p("00")])
singles = st.sampled_from([ACK, NAK, OK, NOT_OK, AGAIN, VMC_NOISE, NOISE, BREAK])


@settings(deadline=None, max_examples=60)
@given(st.lists(few | singles | blocks, max_size=80))
def test_no_blocks_raise_or_grow_what_is_kept(story: list[Framed]) -> None:
    joiner = Joiner()
    settled = [joined for framed in story for joined in joiner.feed(framed)]
    settled += joiner.flush()
    assert len(joiner._devices) <= 32  # noqa: SLF001, one an address
    answers = [each for each in story if isinstance(each, Block) and each.line is Line.PERIPHERAL]
    counted = [each for each in settled if isinstance(each, Exchange) and each.reply is not None]
    assert len(counted) <= len(answers)

import pytest
from boards.listener import framed, words

from mdb import Signal
from mdb.block import Fault
from mdb.byte import Break, Line
from mdb.taps.seam import Seam
from mdb.trace import parse_line


def signals(*lines: str) -> list[Signal]:
    return [each for line in lines for each in parse_line(line) or []]


def joined(before: list[Signal], after: list[Signal]) -> list[Signal]:
    seam = Seam()
    whole = [each for signal in before for each in seam.join(signal)]
    seam.cut()
    return whole + [each for signal in after for each in seam.join(signal)]


VEND = "1.0 > 13 00 00 96 00 0A B3"
ANSWER = "1.1 < 05 00 96 9B"
POLL = "2.0 > 12 12"


@pytest.mark.parametrize("cut", range(1, 6))
def test_half_a_command_ends_as_a_fault_and_nothing_is_glued_to_it(cut: int) -> None:
    heard = joined(signals(VEND)[:cut], [*signals(VEND)[cut:], *signals(POLL, "2.1 < 00")])
    fault, *rest = framed(heard)
    assert isinstance(fault, Fault)
    assert fault.raw == bytes.fromhex("13000096000AB3")[:cut]
    assert words(heard).split()[1:] == [">12", "<ACK"]
    assert len(rest) == 2


@pytest.mark.parametrize("cut", range(1, 4))
def test_half_an_answer_ends_as_a_fault_and_nothing_is_glued_to_it(cut: int) -> None:
    answer = signals(ANSWER)
    heard = joined([*signals("1.0 > 12 12"), *answer[:cut]], [*answer[cut:], *signals(POLL)])
    assert words(heard) == f">12 <!{bytes.fromhex('0500969b')[:cut].hex()} >12"


def test_the_end_of_an_answer_is_not_taken_for_an_ack() -> None:
    just_reset = signals("1.1 < 00 00")
    heard = joined([], [just_reset[1], *signals(POLL, "2.1 < 00")])
    assert words(heard) == ">12 <ACK"


def test_an_answer_after_a_gap_is_none_to_the_command_before_it() -> None:
    heard = joined(signals(VEND), signals("1.1 < 00", "1.2 > 00", POLL))
    assert words(heard) == ">13000096000a >12"


def test_a_bus_reset_needs_no_block_before_it() -> None:
    assert joined([], [Break(1.0)]) == [Break(1.0)]


def test_time_never_goes_back() -> None:
    heard = joined(signals("5.0 > 12 12"), signals("3.0 > 12 12", "6.0 < 00"))
    assert [each.at for each in heard] == sorted(each.at for each in heard)
    assert heard[2].at == heard[1].at
    assert heard[-1].at == 6.0


def test_nothing_else_is_changed() -> None:
    told = signals(VEND, "1.1 < 00", POLL, ANSWER.replace("1.1", "2.1"), "2.2 > 00")
    assert joined(told, []) == told
    assert {each.line for each in told if not isinstance(each, Break)} == set(Line)

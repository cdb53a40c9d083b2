"""What a device prints: our trace format, or a Qibixx adapter's sniff lines."""

import pytest

from mdb import qibixx, read_trace
from mdb.byte import Break, Line, Signal
from mdb.trace import signals
from mdb.virtual.speech import Lines, Qibixx


def lines(speech: Lines | Qibixx, *blocks: tuple[Line, str, float]) -> list[str]:
    told: list[str] = []
    for line, digits, at in blocks:
        for signal in signals(line, bytes.fromhex(digits), at):
            told += speech.said(signal)
    return told + speech.flush()


VMC, PERIPHERAL = Line.VMC, Line.PERIPHERAL
RESET = ((VMC, "10 10", 1.0), (PERIPHERAL, "00", 1.01), (VMC, "12 12", 1.2))
JUST_RESET = ((PERIPHERAL, "00 00", 1.21), (VMC, "00", 1.22), (VMC, "13 02 00 01 16", 2.0))


def test_an_adapter_s_lines_have_no_checksum() -> None:
    """As in the maker's own example (the reference, 7.1)."""
    assert lines(Qibixx(), *RESET, *JUST_RESET) == [
        "x,00,0000010000,10,",
        "x,80,0000010100,ACK",
        "x,00,0000012000,12,",
        "x,80,0000012100,00",
        "x,00,0000012200,ACK",
        "x,00,0000020000,13,020001",
    ]


def test_both_can_be_read_again() -> None:
    said: list[Signal] = []
    for line, digits, at in (*RESET, *JUST_RESET):
        said += signals(line, bytes.fromhex(digits), at)
    for heard in (
        list(qibixx.read(lines(Qibixx(), *RESET, *JUST_RESET))),
        list(read_trace(lines(Lines(), *RESET, *JUST_RESET))),
    ):
        assert [getattr(each, "value", None) for each in heard] == [
            getattr(each, "value", None) for each in said
        ]


@pytest.mark.parametrize("block", [(VMC, "12 13", 1.0), (VMC, "05", 1.0)])
def test_an_adapter_says_nothing_of_what_does_not_add_up(block: tuple[Line, str, float]) -> None:
    assert lines(Qibixx(), block) == []


def test_an_adapter_has_no_line_for_a_bus_reset() -> None:
    speech = Qibixx()
    assert speech.said(Break(1.0)) == []
    assert Lines().said(Break(1.0)) == ["1.000000 > BREAK"]


def test_nak_and_ret_are_named() -> None:
    told = lines(Qibixx(), (VMC, "FF", 1.0), (PERIPHERAL, "FF", 1.1), (VMC, "AA", 1.2))
    assert [each.rsplit(",", 1)[1] for each in told] == ["NAK", "NAK", "RET"]


def test_the_counter_has_ten_digits_and_begins_again() -> None:
    (told,) = lines(Qibixx(), (VMC, "12 12", 1_000_001.0))
    assert told == "x,00,0000010000,12,"


def test_an_adapter_speaks_between_x_1_and_x_0() -> None:
    speech = Qibixx()
    assert not speech.speaking
    assert speech.heard("V") == ["v,4.0.2.0,43484b0000000001"]
    assert speech.heard("\0X,1\r") == ["x,ACK"]
    assert speech.speaking
    assert speech.heard("x,0") == ["x,ACK"]
    assert not speech.speaking
    assert speech.heard("H")[0].startswith("h,")
    assert speech.heard("nonsense") == []


def test_the_next_host_has_to_ask_too() -> None:
    speech = Qibixx()
    speech.heard("X,1")
    speech.closed()
    assert not speech.speaking
    always = Lines()
    always.closed()
    assert always.speaking
    assert always.heard("V") == []

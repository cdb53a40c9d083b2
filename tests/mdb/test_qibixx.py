import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.byte import BusByte, Line
from mdb.qibixx import RESTART, WINDOW, Order, Sniffed, is_sniff_line, parse, read


def words(lines: list[str]) -> str:
    heard = [each for each in read(lines) if isinstance(each, BusByte)]
    return " ".join(f"{each.line.value}{each.mode:d}{each.value:02X}" for each in heard)


LINES = {
    "x,00,0006528766,12,": ">112 >012",
    "x,00,0002671896,13,0000190101": ">113 >000 >000 >019 >001 >001 >02E",
    "x,80,0006528824,00": "<000 <100",  # JUST RESET, not ACK
    "x,80,0006527730,ACK": "<100",
    "x,00,0006528848,ACK": ">000",
    "x,80,0006528824,NAK": "<1FF",
    "x,00,0006528848,RET": ">0AA",
    "x,80,0002632404,0301f4": "<003 <001 <0F4 <1F8",
    "x,81,0002632404,06": "<006 <106",
}


@pytest.mark.parametrize(("line", "nine_bits"), LINES.items())
def test_a_sniff_line_is_read_and_its_checksum_put_back(line: str, nine_bits: str) -> None:
    assert is_sniff_line(line)
    assert words([line]) == nine_bits


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x,ACK",
        "v,4.0.2.0,1234",
        "x,00,0006528766",
        "x,00,00065,12,00,00",
        "x,0,1,12,",
        "12.5 > 12",
    ],
)
def test_another_line_is_none_and_is_skipped(line: str) -> None:
    assert not is_sniff_line(line)
    assert words([line, "x,80,0006527730,ACK"]) == "<100"


@pytest.mark.parametrize(
    "line", ["x,00,0006528766,", "x,00,0006528766,1,", "x,00,0006528766,13,000"]
)
def test_a_line_with_half_a_byte_says_nothing(line: str) -> None:
    assert words([line]) == ""


def test_a_tick_is_a_tenth_of_a_millisecond() -> None:
    (ack,) = read(["x,80,0006527730,ACK"])
    assert ack.at == pytest.approx(652.773)


def test_late_lines_are_put_right_by_their_counter() -> None:
    in_order = [f"x,80,{tick:010d},{tick:02x}" for tick in range(20)]
    shuffled = list(in_order)
    for first in range(0, 20, 4):
        shuffled[first : first + 4] = reversed(shuffled[first : first + 4])
    assert words(shuffled) == words(in_order)


def test_no_line_is_lost_however_late_it_is() -> None:
    late = [f"x,80,{tick:010d},ACK" for tick in [*range(1, 3 * WINDOW), 0]]
    assert words(late).split() == ["<100"] * 3 * WINDOW


def test_lines_of_one_tick_keep_their_order() -> None:
    assert words(["x,00,0000000001,12,", "x,80,0000000001,ACK"]) == ">112 >012 <100"


@pytest.mark.parametrize("first", [4_294_967_290, 9_999_999_990, 500_000])
def test_a_counter_that_starts_again_begins_a_new_order(first: int) -> None:
    before = [f"x,80,{first + tick:010d},{tick:02x}" for tick in (1, 0, 3, 2)]
    after = [f"x,80,{tick:010d},{tick + 16:02x}" for tick in (1, 0, 3, 2)]
    heard = words([*before, *after])
    assert heard == words([*sorted(before), *sorted(after)])
    assert heard.split()[0] == "<000"


def test_one_damaged_counter_does_not_stop_the_order() -> None:
    lines = [f"x,80,{1_000_000 + tick:010d},{tick:02x}" for tick in range(4)]
    for damaged in ("x,80,9999999999,ACK", "x,80,0000000001,ACK"):
        heard = words([*lines, damaged, *[each.replace("0001", "0002", 1) for each in lines[::-1]]])
        assert heard.count("<000 <100") == 2
        assert heard.count("<003 <103") == 2


def line(tick: int, heard: float) -> Sniffed:
    return Sniffed(tick, (), heard)


def test_a_line_waits_until_it_has_been_held_and_takes_along_what_goes_before_it() -> None:
    order = Order()
    for each in [line(30, 1.0), line(10, 1.1), line(20, 1.2), line(40, 1.3)]:
        assert order.add(each) == []
    assert order.heard_by(0.9) == []
    assert [each.tick for each in order.heard_by(1.0)] == [10, 20, 30]
    assert [each.tick for each in order.flush()] == [40]


def test_lines_from_before_the_counter_started_again_are_given_at_once() -> None:
    order = Order()
    order.add(line(2 * RESTART, 1.0))
    assert [each.tick for each in order.add(line(5, 1.1))] == [2 * RESTART]
    assert order.add(line(6, 1.2)) == []
    assert [each.tick for each in order.flush()] == [5, 6]


@given(st.lists(st.integers(0, 5 * RESTART), max_size=60), st.integers(0, 10))
def test_no_line_is_lost_or_doubled_whatever_the_counter_does(ticks: list[int], kept: int) -> None:
    order, given_out = Order(), list[Sniffed]()
    lines = [line(tick, float(index)) for index, tick in enumerate(ticks)]
    for each in lines:
        given_out += [*order.add(each), *order.beyond(kept)]
    given_out += order.flush()
    assert sorted(given_out, key=lambda each: each.heard) == lines


@given(st.text(max_size=40))
def test_any_text_is_a_sniff_line_or_none(text: str) -> None:
    assert (parse(text) is not None) == is_sniff_line(text)


def test_the_lines_are_the_line_s_own() -> None:
    assert {each.line for each in read(["x,00,1,ACK"]) if isinstance(each, BusByte)} == {Line.VMC}

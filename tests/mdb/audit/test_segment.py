import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.audit.segment import Segment, parse_segment, plain


def test_a_segment_is_a_name_and_fields_between_stars() -> None:
    segment = parse_segment(b"PA1*10*750*ESPRESSO")
    assert (segment.name, segment.fields) == ("PA1", ("10", "750", "ESPRESSO"))
    assert (segment.text(1), segment.number(2), segment.text(3)) == ("10", 750, "ESPRESSO")


def test_fields_that_were_left_out_are_empty() -> None:
    segment = parse_segment(b"ID1*JOF*****42  *6")
    assert [segment.text(each) for each in (2, 6, 7, 8, 99)] == ["", "42", "6", "", ""]
    assert segment.number(2) is None
    assert segment.number(99) is None


def test_a_star_may_be_meant() -> None:
    assert parse_segment(b"PA1*10*750*2^2A^ESPRESSO").text(3) == "2*ESPRESSO"


@pytest.mark.parametrize("told", ["-1", "1.5", " ", "1 2", "0x1", "٣", "1" * 13, "²"])
def test_what_is_no_number_of_a_machine_is_none(told: str) -> None:
    assert Segment("VA1", (told,)).number(1) is None


@given(st.binary(max_size=60))
def test_any_line_is_a_segment(line: bytes) -> None:
    segment = parse_segment(line)
    assert len(segment.fields) == line.count(b"*")
    assert segment.name.isascii()


def test_for_a_terminal_what_would_move_its_cursor_is_a_code() -> None:
    assert plain("tea\x1b[2J\r\nЧай") == "tea\\x1b[2J\\r\\nЧай"

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.taps.linewise import LONGEST, Linewise, Unreadable


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\0\n", "\n\n"])
def test_a_line_ends_as_its_device_likes(end: str) -> None:
    assert Linewise().feed(f"one{end}two{end}thr".encode()) == ["one", "two"]


def test_nuls_are_no_matter() -> None:
    assert Linewise().feed(b"\0\0v,4\0.0\n\0\n") == ["v,4.0"]


def test_bytes_that_are_no_text_are_a_line_all_the_same() -> None:
    (line,) = Linewise().feed(b"\xff\xfe12\n")
    assert line.endswith("12")


def test_noise_without_an_end_is_told_once_and_not_kept() -> None:
    text = Linewise()
    told = [line for _ in range(100) for line in text.feed(b"x" * 50)]
    assert told == []
    assert text.feed(b"\nnext\n") == ["", "next"]


def test_a_line_longer_than_any_is_none() -> None:
    assert Linewise().feed(b"x" * LONGEST + b"\n" + b"y" * (LONGEST + 1) + b"\n") == [
        "x" * LONGEST,
        "",
    ]


@given(st.lists(st.sampled_from(["one", "two", "", "x" * 20])), st.integers(1, 9))
def test_a_read_may_be_cut_anywhere(lines: list[str], size: int) -> None:
    said = "".join(f"{line}\r\n" for line in lines).encode()
    text = Linewise()
    pieces = [said[first : first + size] for first in range(0, len(said), size)]
    assert [each for piece in pieces for each in text.feed(piece)] == [
        each for each in lines if each
    ]


def test_what_cannot_be_read_is_logged_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    unreadable = Unreadable("/dev/port")
    with caplog.at_level(logging.WARNING):
        for number in range(1, 101):
            unreadable.add(f"garbage {number}")
    assert unreadable.count == 100
    assert [each.args[1] for each in caplog.records if isinstance(each.args, tuple)] == [
        *(1, 2, 4, 8, 16, 32, 64)
    ]

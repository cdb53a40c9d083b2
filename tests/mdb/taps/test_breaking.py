import pytest

from mdb import Signal
from mdb.byte import Break, BusByte, Line
from mdb.taps.breaking import SILENCE_S, BreakWatch


def byte(value: int, at: float, *, mode: bool = False) -> BusByte:
    return BusByte(value, mode, Line.VMC, at)


def heard(*bytes_read: BusByte, silent_until: float) -> list[Signal]:
    watch = BreakWatch()
    certain: list[Signal] = []
    for each in bytes_read:
        certain += watch.elapsed(each.at - 0.001)  # a pass that found nothing
        certain += watch.feed(each, each.at)
    return certain + watch.elapsed(silent_until)


ZERO = byte(0, 1.0, mode=True)


def test_a_zero_with_its_mode_bit_and_nothing_after_it_is_a_break() -> None:
    assert heard(ZERO, silent_until=1 + SILENCE_S) == [Break(1.0)]


@pytest.mark.parametrize("until", [1.0, 1.1, 1.2])
def test_as_long_as_that_has_not_lasted_nothing_is_said(until: float) -> None:
    assert heard(ZERO, silent_until=until) == []


def test_an_address_is_told_from_a_break_by_its_checksum() -> None:
    checksum = byte(0, 1.003)
    assert heard(ZERO, checksum, silent_until=9) == [ZERO, checksum]


def test_the_bus_starts_again_after_a_break() -> None:
    reset = byte(0x10, 1.3, mode=True), byte(0x10, 1.301)
    assert heard(ZERO, *reset, silent_until=9) == [Break(1.0), *reset]


def test_two_breaks_are_two() -> None:
    again = byte(0, 2.0, mode=True)
    assert heard(ZERO, again, silent_until=9) == [Break(1.0), Break(2.0)]


def test_a_damaged_ack_between_two_polls_is_no_bus_reset() -> None:
    poll = byte(0x12, 1.2, mode=True), byte(0x12, 1.201)
    assert heard(ZERO, *poll, silent_until=9) == [ZERO, *poll]


def test_an_ack_of_the_vmc_and_data_are_no_breaks() -> None:
    said = byte(0, 1.0), byte(0, 2.0)
    assert heard(*said, silent_until=9) == [*said]


def test_what_was_read_late_in_one_go_is_no_break() -> None:
    watch = BreakWatch()
    reset = byte(0x10, 1.3, mode=True)
    assert [*watch.feed(ZERO, 5.0), *watch.feed(reset, 5.0)] == [ZERO, reset]

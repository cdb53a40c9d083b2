import json

import pytest

from mdb import Sniffer, read_trace
from mdb.census import BUCKET_MS, Census, Row, Times
from mdb.exchange import Exchange, Fate

BYTES_2 = 2 * 0.001146


def counted(*story: str) -> Census:
    sniffer, census = Sniffer(), Census()
    for heard in [each for s in read_trace(story) for each in sniffer.listen(s)] + sniffer.flush():
        census.hear(heard)
    return census


def row(census: Census, address: int = 0x10) -> tuple[int, ...]:
    told = census.rows[address]
    return (told.exchanges, told.polls, told.answers, told.silent, told.naks, told.repeated)


def test_answers_silence_and_naks_are_told_apart() -> None:
    census = counted(
        *("1 > 12 12", "1.005 < 00"),
        *("2 > 12 12", "2.005 < 05 00 96 9B", "2.02 > 00"),
        *("3 > 12 12", "4 > 12 12", "4.005 < FF"),
        *("5 > 14 01 15", "5.005 < 00", "6 > 14 01 15", "6.005 < 00"),
    )
    assert row(census) == (6, 4, 4, 1, 1, 1)


def test_a_peripheral_has_a_row_of_its_own() -> None:
    census = counted("1 > 12 12", "1.005 < 00", "2 > 62 62", "3 > 0B 0B", "3.005 < 00")
    assert sorted(census.rows) == [0x08, 0x10, 0x60]
    assert [census.rows[each].name for each in (0x08, 0x10, 0x60)] == [
        *("changer", "cashless 1", "cashless 2")
    ]
    assert row(census, 0x60) == (1, 1, 0, 1, 0, 0)


def test_a_command_is_counted_once_however_it_ends() -> None:
    given_up = counted("1 > 14 01 15", "2 > 10 10", "2.005 < 00")
    assert row(given_up) == (2, 0, 1, 1, 0, 0)
    moved_on = counted("1 > 14 01 15", "2 > 14 00 14", "2.005 < 00")
    assert row(moved_on) == (2, 0, 1, 1, 0, 0)


def test_an_answer_that_was_held_back_is_counted_once() -> None:
    story = ("1 > 12 12", "1.005 < 05 00 96 9B", "2 > 12 12", "2.005 < 00")
    assert row(counted(*story)) == (2, 2, 2, 0, 0, 0)
    assert row(counted(*story[:2])) == (1, 1, 1, 0, 0, 0)


def test_the_response_counts_from_the_checksum_s_end() -> None:
    census = counted("1 > 12 12", f"{1 + BYTES_2 + 0.003:.6f} < 00")
    times = census.rows[0x10].times
    assert (times.count, times.late, times.too_late) == (1, 0, 0)
    assert times.shortest == pytest.approx(3.0, abs=0.01)
    assert times.longest == times.shortest == times.below(0.5)


def test_late_answers_are_counted_by_both_limits() -> None:
    story = [
        line
        for at, ms in enumerate([4.9, 5.1, 19.9, 20.1], 1)
        for line in (f"{at} > 12 12", f"{at + BYTES_2 + ms / 1000:.6f} < 00")
    ]
    times = counted(*story).rows[0x10].times
    assert (times.late, times.too_late) == (3, 1)


def test_a_clock_that_is_coarse_makes_no_negative_times() -> None:
    assert counted("1 > 12 12", "1.001 < 00").rows[0x10].times.shortest == 0.0


def test_an_answer_whose_poll_was_missed_has_no_time() -> None:
    census = counted("1 > 12 12", "1.005 < 05 00 96 9B", "2 < 03 FF FF 01", "2.01 > 00")
    assert census.rows[0x10].times.count == 1


def test_faults_are_counted_by_reason_without_their_bytes() -> None:
    census = counted("1 > 12 13", "2 > 12 14", "3 > 12 12", "3.1 < 00", "3.2 < 00", "4 > BREAK")
    assert census.faults == {"checksum": 2, "answer to nobody": 1}
    assert census.resets == 1


def test_the_middle_is_right_to_a_bucket() -> None:
    times = Times()
    for ms in range(1000):
        times.add(ms / 10)
    assert times.below(0.5) == pytest.approx(50.0, abs=2 * BUCKET_MS)
    assert times.below(0.95) == pytest.approx(95.0, abs=2 * BUCKET_MS)
    assert (times.shortest, times.longest) == (0.0, 99.9)
    assert times.below(1.0) == 99.9


def test_nobody_s_times_have_no_middle() -> None:
    assert Times().below(0.5) is None


def test_a_million_slow_answers_need_few_buckets() -> None:
    times = Times()
    for each in range(100_000):
        times.add(each * 0.7)
    assert len(times.buckets) <= 5001
    assert times.below(0.99) == times.longest == pytest.approx(99_999 * 0.7)


def test_the_json_of_a_census_is_plain() -> None:
    census = counted("1 > 12 12", f"{1 + BYTES_2 + 0.003:.6f} < 00", "2 > 62 62", "3 > 12 13")
    counts = {"exchanges": 1, "polls": 1, "naks": 0, "repeated": 0}
    late = {"later_than_5_ms": 0, "later_than_20_ms": 0}
    assert json.loads(json.dumps(census.as_json())) == {
        "devices": [
            {
                "address": "10",
                "name": "cashless 1",
                "answers": 1,
                "silent": 0,
                "response_ms": {"min": 3.0, "median": 3.0, "p95": 3.0, "max": 3.0},
            }
            | counts
            | late,
            {
                "address": "60",
                "name": "cashless 2",
                "answers": 0,
                "silent": 1,
                "response_ms": {"min": None, "median": None, "p95": None, "max": None},
            }
            | counts
            | late,
        ],
        "faults": {"checksum": 1},
        "bus_resets": 0,
    }


def test_the_table_has_a_line_a_device() -> None:
    census = counted("1 > 12 12", f"{1 + BYTES_2 + 0.003:.6f} < 00", "2 > C2 C2", "3 > 12 13")
    head, cashless, unknown, _, resets, faults, reason = census.lines()
    assert head.split()[:3] == ["device", "exchanges", "polls"]
    assert " ".join(cashless.split()) == "10 cashless 1 1 1 1 0 0 0 3.0 3.0 3.0 3.0 0 0"
    assert " ".join(unknown.split()) == "C0 unknown 1 0 0 1 0 0 - - - - 0 0"
    assert len(head) == len(cashless) == len(unknown)
    assert (resets, faults, reason.split()) == ("bus resets: 0", "faults: 1", ["1", "checksum"])


def test_an_empty_census_is_a_head_and_zeros() -> None:
    assert [line for line in Census().lines() if line][1:] == ["bus resets: 0", "faults: 0"]


def test_the_parts_of_a_row_sum_up() -> None:
    told = Row(0x10)
    for at, fate in enumerate([Fate.HEARD, Fate.SILENT, Fate.HEARD]):
        told.add(Exchange(0x10, b"\x12", float(at), reply_at=at + 0.5, fate=fate))
    assert told.exchanges == told.answers + told.silent + told.naks == 3

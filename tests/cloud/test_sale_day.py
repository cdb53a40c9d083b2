"""When a sale was made: its day, and its hour where the machine stands."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stall import ARRIVAL, a_sale

from cloud.sale_day import local_text, moment, sale_day, zone_number, zone_of

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.mark.parametrize(
    ("sold_at", "clock", "day"),
    [
        ("2025-12-31T20:59:59Z", "synced", date(2025, 12, 31)),
        ("2025-12-31T21:00:00Z", "synced", date(2026, 1, 1)),
        ("2025-12-31T23:30:00+03:00", "corrected", date(2025, 12, 31)),
        ("2025-12-31T23:30:00", "bounded", date(2026, 1, 1)),
        # A clock that was never right, or says nothing that can be read: the day of arrival.
        ("2025-12-31T20:59:59Z", "unsynced", ARRIVAL.date()),
        ("yesterday", "synced", ARRIVAL.date()),
        ("", "synced", ARRIVAL.date()),
        ("0001-01-01T00:00:00+14:00", "synced", ARRIVAL.date()),
        # Nothing is sold after it has arrived.
        ("9999-12-31T23:59:59Z", "synced", ARRIVAL.date()),
        ("2026-11-24T00:00:00Z", "synced", ARRIVAL.date()),
    ],
)
def test_the_day_is_that_of_the_machines_zone(sold_at: str, clock: str, day: date) -> None:
    assert sale_day(a_sale(sold_at=sold_at, clock=clock), MOSCOW, ARRIVAL) == day


@given(st.text(), st.sampled_from(["Europe/Moscow", "Pacific/Niue", "Pacific/Kiritimati"]))
def test_no_time_is_too_strange_to_be_read(text: str, zone: str) -> None:
    assert moment(a_sale(sold_at=text), ZoneInfo(zone), ARRIVAL) is None


@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001, the calendar's edges
    st.sampled_from(["Europe/Moscow", "Pacific/Niue", "Pacific/Kiritimati"]),
)
def test_no_moment_is_beyond_the_calendar(when: datetime, zone: str) -> None:
    told = moment(a_sale(sold_at=when.isoformat()), ZoneInfo(zone), ARRIVAL)
    assert told is None or told <= ARRIVAL


@pytest.mark.parametrize(
    ("zone", "number", "text"),
    [
        ("Europe/Kaliningrad", 1, "2026-11-23T17:42:11"),
        ("Europe/Moscow", 2, "2026-11-23T18:42:11"),
        ("Asia/Yekaterinburg", 4, "2026-11-23T20:42:11"),
        ("Asia/Vladivostok", 9, "2026-11-24T01:42:11"),
        ("Asia/Kamchatka", 11, "2026-11-24T03:42:11"),
        ("UTC", None, "2026-11-23T15:42:11"),
        ("Europe/Berlin", None, "2026-11-23T16:42:11"),
        ("Asia/Kolkata", None, "2026-11-23T21:12:11"),
        ("Pacific/Auckland", None, "2026-11-24T04:42:11"),
    ],
)
def test_a_zone_is_told_by_its_hours_from_greenwich(
    zone: str, number: int | None, text: str
) -> None:
    local = ARRIVAL.astimezone(ZoneInfo(zone))
    assert (zone_number(local), local_text(local)) == (number, text)


def test_a_zones_number_is_that_of_the_day() -> None:
    # The clocks of Moscow stood at UTC+4 for three years.
    assert zone_number(datetime(2013, 7, 1, tzinfo=UTC).astimezone(MOSCOW)) == 3


@pytest.mark.parametrize(
    "name",
    ["", "Europe", "Europe/Moskau", "/etc/passwd", "../zone", "Europe/\x00", "МСК", "x" * 999],
)
def test_a_zone_that_is_none_is_not_known(name: str) -> None:
    assert zone_of(name) is None

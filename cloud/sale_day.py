"""When a sale was made: its moment, its day and its hour where the machine stands. Pure."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from edge.wire import Sale


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of that name; None if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no relative path, a folder of zones
        return None


def moment(sale: Sale, zone: ZoneInfo, received_at: datetime) -> datetime | None:
    """When it was sold, in the machine's zone; None if the machine did not know the time of day.

    Nothing is sold after it has arrived: of a clock that is ahead, the arrival is taken.
    """
    if sale.clock == "unsynced":
        return None
    try:
        when = datetime.fromisoformat(sale.sold_at)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return min(when, received_at).astimezone(zone)
    except (ValueError, OverflowError):
        return None  # no time of day, or one at the calendar's edge


def sale_day(sale: Sale, zone: ZoneInfo, received_at: datetime) -> date:
    """The day of the sale where the machine stands; of its arrival if its clock was not right."""
    return (moment(sale, zone, received_at) or received_at.astimezone(zone)).date()


def local_text(when: datetime) -> str:
    """A moment in its own zone as a receipt has it, no zone: ``2026-11-23T18:42:10``."""
    return when.replace(tzinfo=None).isoformat(timespec="seconds")


def zone_number(when: datetime) -> int | None:
    """Tag 1011 of a moment's zone: 1 is UTC+2 … 11 is UTC+12; None outside of Russia's hours."""
    offset = when.utcoffset()
    number = None if offset is None else offset / timedelta(hours=1) - 1
    return int(number) if number is not None and number in range(1, 12) else None

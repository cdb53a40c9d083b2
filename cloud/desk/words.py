"""Words: money, times and ages as people read and write them. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final

from cloud.errors import ConfigError

_ROUBLES: Final = re.compile(r"(\d{1,8})(?:[.,](\d{2}))?", re.ASCII)
COMMAND: Final = "python -m cloud "


def roubles(kopecks: int) -> str:
    """``1234.50``; below nothing ``-0.05``."""
    whole, rest = divmod(abs(kopecks), 100)
    return f"{'-' if kopecks < 0 else ''}{whole}.{rest:02d}"


def kopecks(text: str) -> int:
    """What a person wrote, ``120`` or ``120.50``, in kopecks.

    Raises:
        ConfigError: it is no amount.
    """
    match = _ROUBLES.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"{text!r} is no amount; expected roubles, such as 120 or 120.50")
    return int(match[1]) * 100 + int(match[2] or 0)


def moment(unix_ms: int, zone: tzinfo = UTC) -> str:
    """``2026-11-25 18:42:10 +03:00``."""
    when = datetime.fromtimestamp(unix_ms / 1000, UTC).astimezone(zone).isoformat(" ", "seconds")
    day_and_time, offset = when[:19], when[19:]
    return f"{day_and_time} {'UTC' if zone is UTC else offset}"


def age(since_ms: int, now_ms: int) -> str:
    """``40 s``, ``12 min``, ``5 h``, ``3 d``: whole ones, rounded down."""
    seconds = max(0, now_ms - since_ms) // 1000
    for unit, name, most in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172_800)):
        if seconds < most:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86_400} d"


def counted(number: int, one: str, many: str = "") -> str:
    """``1 sale``, ``2 sales``."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def next_step(reason: str) -> str:
    """The command that a reason ends with; empty if it names none."""
    _, found, rest = reason.partition(COMMAND)
    return f"{found}{rest}" if found else ""


def printable(text: str) -> str:
    """Words of a machine or a provider do not move a terminal's cursor."""
    return "".join(each if each.isprintable() else "�" for each in text)


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows in columns, two spaces between them; the columns `right` stand at their right edge."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:>{width}}" if number in right else f"{cell:{width}}"
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

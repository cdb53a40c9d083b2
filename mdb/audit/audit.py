"""An audit: what a machine says it is, what money it counts in, and what it has counted."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mdb.audit.counts import Counts, counts_of
from mdb.audit.dts import Checksum, read_dts
from mdb.audit.segment import Segment
from mdb.money import Money
from mdb.scaling import Scaling, currency_of

DECIMALS: Final = 2
"""What values have where ID401 does not say it."""
MOST_DECIMALS: Final = 6
_NONE: Final = Segment("")
_LETTERS: Final = re.compile(r"[A-Z]{3}")
_DIGITS: Final = re.compile(r"\d{3,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Audit:
    """One read of one machine.

    Attributes:
        serial, model, asset: ID101, ID102 and ID106, empty where they are not told.
        board: the serial number of its control board (CB101), likewise.
        read_at: the machine's own clock then, ISO 8601 without a zone; None if not told.
        scaling: what the values are worth (ID4); None where its decimals make no sense.
        counts: counters since the machine was initialised, in the file's own units.
        checksum, complete: whether the file is what the machine said, and all of it.
    """

    serial: str
    model: str
    asset: str
    board: str
    read_at: str | None
    scaling: Scaling | None
    counts: Counts
    checksum: Checksum
    complete: bool

    @property
    def identity(self) -> tuple[str, ...]:
        """All that it says of which machine it is."""
        return self.serial, self.board, self.model, self.asset

    @property
    def whole(self) -> bool:
        """Whether what it says can be believed: all is there, and nothing says it was changed."""
        return self.complete and self.checksum is not Checksum.WRONG

    def money(self, value: int | None) -> Money | None:
        """A value of the file in minor units; None where that is not known."""
        return None if value is None or self.scaling is None else self.scaling.money(value)


def read_audit(told: bytes) -> Audit:
    """The audit in the bytes of an EVA-DTS file.

    Raises:
        NotAnAuditError: there is none.
    """
    file = read_dts(told)
    first: dict[str, Segment] = {}
    for segment in file.segments:
        first.setdefault(segment.name, segment)
    machine = first.get("ID1", _NONE)
    return Audit(
        serial=machine.text(1),
        model=machine.text(2),
        asset=machine.text(6),
        board=first.get("CB1", _NONE).text(1),
        read_at=_moment(first.get("ID5", _NONE)),
        scaling=_scaling(first.get("ID4", _NONE)),
        counts=counts_of(file.segments),
        checksum=file.checksum,
        complete=file.complete,
    )


def _scaling(segment: Segment) -> Scaling | None:
    """ID401 decimals, ID402 the currency as the bus codes it, ID403 its letters."""
    decimals = segment.number(1) if segment.text(1) else DECIMALS
    if decimals is None or decimals > MOST_DECIMALS:
        return None
    letters, code = segment.text(3), segment.text(2)
    told = bytes.fromhex(f"{code:>04}") if _DIGITS.fullmatch(code) else None
    known = currency_of(told) if told else None
    currency = letters if _LETTERS.fullmatch(letters) else known
    return Scaling(1, decimals, currency, code or None)


def _moment(segment: Segment) -> str | None:
    """ID501 a date, ID502 a time: ``20240415`` or ``240415``, ``150421`` or ``1504``."""
    date, time = segment.text(1), segment.text(2)
    if not (date + time).isdecimal() or len(date) not in {6, 8} or len(time) not in {4, 6}:
        return None
    date, time = f"20{date}"[-8:], f"{time}00"[:6]
    try:
        return datetime.fromisoformat(f"{date}T{time}").isoformat()
    except ValueError:
        return None

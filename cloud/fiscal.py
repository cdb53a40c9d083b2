"""A fiscal document: what the fiscal drive has recorded, and its QR text (tag 1196).

t=20261123T1542&s=120.00&fn=9999078900000000&i=12345&fp=1234567890&n=1
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge.wire.messages import MAX_AMOUNT

_QR: Final = re.compile(
    r"t=(?P<t>\d{8}T\d{4}(?:\d{2})?)&s=(?P<s>\d{1,10}\.\d{2})&fn=(?P<fn>\d{1,16})"
    r"&i=(?P<i>\d{1,10})&fp=(?P<fp>\d{1,10})&n=(?P<n>[1-4])",
    re.ASCII,
)
_FN: Final = re.compile(r"[0-9]{1,16}")
MOST_NUMBER: Final = 2**32 - 1
"""Tags 1040 and 1077 are four bytes."""


@dataclass(frozen=True, slots=True)
class FiscalDocument:
    """Numbers of the drive (1041), the document (1040) and its sign (1077); `at` is local time."""

    fn: str
    fd: int
    fp: int
    at: str
    """Tag 1012 as in the QR: ``20261123T1542``, the register's local time."""
    total: int
    """Tag 1020, kopecks."""
    sign: int = 1
    """Tag 1054: 1 income, 2 return of income."""
    rnm: str = ""
    """Tag 1037, the register's number at the tax service; some pages of documents need it."""
    ofd_inn: str = ""
    """Tag 1017, the operator of fiscal data."""

    @property
    def qr(self) -> str:
        """Tag 1196: six fields, in this order, numbers without leading zeros."""
        rubles, kopecks = divmod(self.total, 100)
        return (
            f"t={self.at}&s={rubles}.{kopecks:02d}&fn={self.fn}&i={self.fd}&fp={self.fp}"
            f"&n={self.sign}"
        )


def plausible(document: FiscalDocument) -> bool:
    """Whether a fiscal drive can have recorded it. Whoever reads a provider's answer asks."""
    return (
        _FN.fullmatch(document.fn) is not None
        and 1 <= document.fd <= MOST_NUMBER
        and 1 <= document.fp <= MOST_NUMBER
        and 0 <= document.total <= MAX_AMOUNT
        and document.sign in {1, 2}
    )


def read_qr(text: str) -> FiscalDocument | None:
    """The document of a QR text; None if it is none of tag 1196, or no receipt of ours."""
    match = _QR.fullmatch(text)
    if match is None or match["n"] not in {"1", "2"}:
        return None
    try:
        datetime.fromisoformat(match["t"])
    except ValueError:
        return None
    rubles, kopecks = match["s"].split(".")
    return FiscalDocument(
        fn=match["fn"],
        fd=int(match["i"]),
        fp=int(match["fp"]),
        at=match["t"],
        total=int(rubles) * 100 + int(kopecks),
        sign=int(match["n"]),
    )


def as_in_qr(local: datetime) -> str:
    """Tag 1012 as the QR has it, seconds kept, whatever the zone.

    The year has four digits: `strftime` gives as many as it needs, and a clock may be far off.
    """
    text = local.replace(tzinfo=None).isoformat(timespec="seconds")
    return text.replace("-", "").replace(":", "")


def stamp(when: str, form: str) -> str | None:
    """A provider's local time as the QR has it, seconds kept; None if it is no such time."""
    try:
        told = datetime.strptime(when, form)  # noqa: DTZ007, local by law
    except ValueError:
        return None
    return as_in_qr(told)

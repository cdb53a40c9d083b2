"""A segment: one line of an EVA-DTS file (DTS 6.1.1, chapter 2).

PA1*10*750*ESPRESSO     a name, and fields between stars; empty ones at the end may be left out
PA1*10*750*1^2A^2       a star that is meant
"""

import re
from dataclasses import dataclass
from typing import Final

_STAR: Final = "^2A^"
_NUMBER: Final = re.compile(r"\d{1,12}", re.ASCII)
"""The longest the standard has are of ten digits; of more a sum is no machine's."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A name such as ``VA1``, and its fields; field 1 is the standard's VA101."""

    name: str
    fields: tuple[str, ...] = ()

    def text(self, field: int) -> str:
        """The field without its padding; empty where it is not there."""
        return self.fields[field - 1].strip() if field <= len(self.fields) else ""

    def number(self, field: int) -> int | None:
        """The field as a number; None where it is empty, not there, or no number."""
        told = self.text(field)
        return int(told) if _NUMBER.fullmatch(told) else None


def parse_segment(line: bytes) -> Segment:
    """The segment of a line without its end; bytes that are no ASCII are told as hex."""
    name, *fields = line.decode("ascii", "backslashreplace").split("*")
    return Segment(name.strip(), tuple(field.replace(_STAR, "*") for field in fields))


def plain(told: str) -> str:
    """A machine's text as a terminal may have it: what would move its cursor is told as a code."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in told)

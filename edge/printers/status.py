"""What a printer says of itself: the four bytes of DLE EOT, and what follows from them. Pure.

Every answer has bits 0 and 7 clear and bits 1 and 4 set (mask 93h, value 12h); a byte without them
is no answer. The bits that count, from Epson's definition:

=== ======================== =====================================================
 n  asks for                 bits
=== ======================== =====================================================
 1  the printer              3: offline · 5: waits to go online · 6: feed button
 2  why it is offline        2: cover open · 3: fed by hand · 5: stopped by paper end · 6: error
 3  the error                2: recoverable · 3: cutter · 5: unrecoverable · 6: passes by itself
 4  the paper roll           2, 3: nearly at its end · 5, 6: at its end
=== ======================== =====================================================

Silence is "unknown". It is never "paper is fine": a printer that is off is silent too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Paper = Literal["ok", "low", "out", "unknown"]
Word = Literal["ready", "paper_out", "cover_open", "offline", "unknown"]
"""What the operator is told, and what the wire's `state.printer` says."""

_FIXED_MASK: Final = 0x93
_FIXED: Final = 0x12
_OFFLINE: Final = 0x08
_COVER: Final = 0x04
_STOPPED: Final = 0x20
_ERROR: Final = 0x40
_ERRORS: Final = 0x04 | 0x08 | 0x20 | 0x40
_END: Final = 0x60
_NEAR_END: Final = 0x0C


@dataclass(frozen=True, slots=True)
class Status:
    """A printer's word on itself; None and "unknown" where it said nothing that could be read."""

    online: bool | None = None
    paper: Paper = "unknown"
    cover_open: bool | None = None
    error: bool | None = None

    @property
    def word(self) -> Word:
        """The one thing that has to be told, the most useful to a technician first.

        Ready is said only by a printer that calls itself online and says that it has paper. It is
        not online with its cover open, so that a head without answers 2 and 3 can be ready too.
        """
        if self.paper == "out":
            return "paper_out"
        if self.cover_open:
            return "cover_open"
        if self.online is False or self.error:
            return "offline"
        if self.online is None or self.paper == "unknown":
            return "unknown"
        return "ready"


SILENT: Final = Status()
"""It answered nothing."""
ABSENT: Final = Status(online=False)
"""There is no such device now, or it does not take the connection."""
READY: Final = Status(online=True, paper="ok", cover_open=False, error=False)


def status_of(answers: Mapping[int, int | None]) -> Status:
    """The answers to DLE EOT 1 to 4 by their question; None or absent where it was silent."""
    printer, cause, error, paper = (_checked(answers.get(question)) for question in (1, 2, 3, 4))
    return Status(
        online=None if printer is None else not printer & _OFFLINE,
        paper=_paper(paper, cause),
        cover_open=None if cause is None else bool(cause & _COVER),
        error=_any(None if cause is None else cause & _ERROR, error),
    )


def _checked(answer: int | None) -> int | None:
    """The answer if it is one."""
    return answer if answer is not None and answer & _FIXED_MASK == _FIXED else None


def _paper(paper: int | None, cause: int | None) -> Paper:
    if (paper is not None and paper & _END) or (cause is not None and cause & _STOPPED):
        return "out"
    if paper is None:
        return "unknown"
    return "low" if paper & _NEAR_END else "ok"


def _any(cause: int | None, error: int | None) -> bool | None:
    if cause is None and error is None:
        return None
    return bool(cause or (error or 0) & _ERRORS)

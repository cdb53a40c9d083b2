"""A slip's way to one printer's paper: a table of states. Pure.

Printing is at least once. What may have come out is evidence, and is tried once more as a copy;
what surely did not, is no evidence and no copy.

=========== =================================================================================
 state       a slip in it
=========== =================================================================================
 ready       waits for a ready printer; nothing of it was sent
 printing    is on its way
 done        is on paper, or the printer cannot tell
 paper_out   was sent, and then the paper had ended; waits, to be printed as a copy
 offline     was sent, and then the printer was away, open or in error; waits likewise
 unknown     was sent, and then the printer said nothing; waits likewise
 copying     is on its way a second time
 dropped     is given up
=========== =================================================================================
"""

from typing import Final, Literal

from edge.printers.status import Word

State = Literal[
    "ready", "printing", "done", "paper_out", "offline", "unknown", "copying", "dropped"
]
Event = Literal[Word, "no_status", "not_sent", "expired"]
"""What the printer says, before or after; that it cannot say; that not a byte left; too old."""
Reason = Literal["printed", "printed_unconfirmed"]

_TROUBLES: Final[tuple[Event, ...]] = ("paper_out", "cover_open", "offline", "unknown")
_TRIED: Final[tuple[State, ...]] = ("paper_out", "offline", "unknown")

TABLE: Final[dict[tuple[State, Event], State]] = {
    ("ready", "ready"): "printing",
    ("ready", "no_status"): "printing",
    **{("ready", trouble): "ready" for trouble in _TROUBLES},
    ("ready", "expired"): "dropped",
    ("printing", "ready"): "done",
    ("printing", "no_status"): "done",
    ("printing", "paper_out"): "paper_out",
    ("printing", "cover_open"): "offline",
    ("printing", "offline"): "offline",
    ("printing", "unknown"): "unknown",
    ("printing", "not_sent"): "ready",
    **{(tried, "ready"): "copying" for tried in _TRIED},
    **{(tried, "no_status"): "copying" for tried in _TRIED},
    **{(tried, trouble): tried for tried in _TRIED for trouble in _TROUBLES},
    **{(tried, "expired"): "dropped" for tried in _TRIED},
    ("copying", "ready"): "done",
    ("copying", "no_status"): "done",
    **{("copying", trouble): "dropped" for trouble in _TROUBLES},
    ("copying", "not_sent"): "unknown",
}
"""Every step there is; any other is a mistake of ours, and a KeyError."""

WAITING: Final[frozenset[State]] = frozenset({"ready", *_TRIED})
ON_ITS_WAY: Final[frozenset[State]] = frozenset({"printing", "copying"})


def reason_of(state: State, event: Event) -> Reason | None:
    """Of the step out of printing or copying: what can be said of the paper; None is nothing."""
    if state not in ON_ITS_WAY or event == "not_sent":
        return None
    return "printed" if event == "ready" else "printed_unconfirmed"

"""ATOL's codes as tables: the service's own (section 8.1), and those of its registers (8.2).

The two overlap: 34 is "not yet" from the service and a blocked register from a driver. It is the
error's `type` that tells them apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from cloud.outcome import Dead, Outcome, Pause, Unknown, Unsent

STALE: Final = {10, 11}
"""The token is missing or too old: get another one."""
NOT_US: Final = {12, 13, 14}
"""Of a request for a token: login and password are wrong, malformed, or blocked."""
MISSING_UUID: Final = 30
HAS_IT: Final = {33, 34}
"""The receipt is there already; its report is not ready yet."""

_AUTH: Final = partial(Unsent, pause=Pause.AUTH)
_MEANINGS: Final[Mapping[int, Callable[[str], Outcome]]] = {
    0: Unknown,
    1: Unknown,
    10: Unsent,
    11: Unsent,
    12: _AUTH,
    13: Dead,
    14: _AUTH,
    20: _AUTH,
    21: partial(Unsent, pause=Pause.NO_REGISTER),
    30: Unknown,
    31: Dead,
    32: Dead,
    33: Unknown,  # has it, but does not say under which uuid
    34: Unknown,
    40: Dead,
    41: Dead,
    50: Unknown,
}
"""What a code means for a receipt that was posted, where nothing else is known."""


def meaning(code: int | None, said: str) -> Outcome:
    """The outcome of a service's code. One that is in no table may mean anything."""
    return _MEANINGS.get(-1 if code is None else code, Unknown)(said)


@dataclass(frozen=True, slots=True)
class _Group:
    """Codes of a register that ask for the same."""

    codes: frozenset[int]
    name: str
    again: bool = False
    pause: Pause | None = None


_SHIFT: Final = frozenset({35, 36, 68, 141, 142, 179})
_DRIVE: Final = frozenset({*range(115, 125), *range(135, 142), 224, 225})
_CONTENTS: Final = frozenset(
    {13, 16, 17, 23, 24, 27, 41, 48, 52, 53, 60, 66, 98, 110, 128, 143, 144, 145, 147, 161, 163}
    | {193, 215, 216, 217, 228, 231, 243, 244, 261, 265, 405, 408, 409, 412}
    | {2003, 2006, 2007, 2009}
)
_GROUPS: Final = (
    _Group(_SHIFT, "the register's shift or clock", again=True),
    _Group(_DRIVE, "the fiscal drive", again=True, pause=Pause.DRIVE),
    _Group(_CONTENTS, "the receipt has to be put right"),
    _Group(frozenset(range(402, 422)), "the marking"),
)
"""The first that has a code counts: 141 is of the shift, 409 is of the receipt."""
_OTHER: Final = _Group(frozenset(), "the register failed")


def failure(code: int | None, said: str) -> Dead:
    """What a register's code means: there is no document, and there will be none."""
    group = next((each for each in _GROUPS if code in each.codes), _OTHER)
    return Dead(f"{group.name}: {said}", group.again, group.pause)

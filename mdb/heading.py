"""The heading of a trace: comments that let it be read without what came before it.

    # vmc-only                          the VMC's line alone was heard
    # context 10 {"vmc_level": 3, …}    what the peripheral at an address had told of its money

A machine tells its money when it starts; a recording is begun, and goes on in the next file, at any
time. To whoever reads only the blocks these are comments like any other.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from mdb.context import UNHEARD, Context
from mdb.scaling import Scaling

VMC_ONLY: Final = "# vmc-only"
CONTEXT: Final = "# context "
_NUMBERS: Final = ("vmc_level", "reader_level", "display", "features", "options")


@dataclass(frozen=True, slots=True)
class Heading:
    """What a trace says of itself."""

    context: Mapping[int, Context] = field(default_factory=dict)
    vmc_only: bool = False

    def lines(self) -> list[str]:
        """As it is written."""
        told = [VMC_ONLY] if self.vmc_only else []
        for address, context in self.context.items():
            if context.after_reset() == UNHEARD.after_reset():
                continue
            known = {name: value for name, value in asdict(context).items() if value is not None}
            told.append(f"{CONTEXT}{address:02X} {json.dumps(known)}")
        return told


def read_heading(lines: Iterable[str]) -> Heading:
    """What stands in comments; whatever cannot be understood is a comment and no more."""
    contexts: dict[int, Context] = {}
    vmc_only = False
    for line in lines:
        if line.strip() == VMC_ONLY:
            vmc_only = True
        elif line.startswith(CONTEXT):
            address, _, told = line.removeprefix(CONTEXT).partition(" ")
            try:
                contexts[int(address, 16)] = _context(json.loads(told))
            except (ValueError, TypeError, RecursionError):
                continue
    return Heading(contexts, vmc_only)


def _context(told: object) -> Context:
    """A context from its JSON; fields that a later version added are left out.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(told, dict):
        raise TypeError("no context")
    scaling = told.get("scaling")
    numbers = {name: _number(told[name]) for name in _NUMBERS if told.get(name) is not None}
    return Context(
        **numbers,
        scaling=None if scaling is None else _scaling(scaling),
        expanded=None if told.get("expanded") is None else bool(told["expanded"]),
        credits=tuple(_number(each) for each in told.get("credits", ())),
    )


def _scaling(told: object) -> Scaling:
    if not isinstance(told, dict):
        raise TypeError("no scaling")
    words = {name: str(told[name]) for name in ("currency", "code") if told.get(name) is not None}
    return Scaling(
        _number(told.get("scale"), 0xFFFF),
        _number(told.get("decimals"), 0xFF),
        words.get("currency"),
        words.get("code"),
    )


def _number(told: object, most: int = 0xFFFFFFFF) -> int:
    """A number as the bus could have told it: of more decimals a price would be no end of digits."""
    if not isinstance(told, int) or not 0 <= told <= most:
        raise TypeError("no number")
    return told

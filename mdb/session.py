"""The cashless session, as a table (MDB 4.2, sections 7.3 and 7.4).

Knows which message may lead where, and what it concludes; not what a price is worth.

Theory of operation
-------------------
A party to the bus may reject a message out of turn. A listener may not: it joins late and misses
blocks, so it falls in step with what it hears. `ANYWHERE` says what a message means when nothing
before it is known; `TRANSITIONS` says where it means something else. A message with no entry
changes nothing.

The one rule that is not obvious is the standard's own (7.4.7): a reset between VEND APPROVED and
VEND SUCCESS shall be taken for a VEND SUCCESS. The money is gone and nobody will say more, so the
sale is concluded as *presumed*.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from mdb.vocabulary import cashless
from mdb.vocabulary.message import JustReset, Message, Reset


class State(Enum):
    """Where a reader is; the standard's states, with VEND split by what has been answered."""

    INACTIVE = "Inactive"
    DISABLED = "Disabled"
    ENABLED = "Enabled"
    IDLE = "Session Idle"
    SOLD = "Session Idle: sold"
    REQUESTED = "Vend: requested"
    CANCELLING = "Vend: cancelling"
    APPROVED = "Vend: approved"
    PRESUMED = "Inactive: sold, or presumed so"
    REVALUE = "Revalue"
    RETURN_REQUESTED = "Negative Vend: requested"
    RETURN_APPROVED = "Negative Vend: approved"


class Conclusion(Enum):
    """What a transition lets a listener conclude."""

    NOTHING = ""
    SESSION_BEGAN = "session_began"
    SESSION_ENDED = "session_ended"
    REQUESTED = "vend_requested"
    APPROVED = "vend_approved"
    SALE = "sale"
    SALE_UNHEARD = "sale, amount unknown"
    SALE_PRESUMED = "sale, presumed"
    DENIED = "vend_denied"
    CANCELLED = "vend_cancelled"
    FAILED = "vend_failed"
    UNCERTAIN = "vend_uncertain"
    RETURN = "return"
    REVALUED = "revalue"


Step = tuple[State, Conclusion]
_C = Conclusion
_S = State

ANYWHERE: Final[Mapping[type[Message], Step]] = {
    Reset: (_S.INACTIVE, _C.NOTHING),
    JustReset: (_S.INACTIVE, _C.NOTHING),
    cashless.ReaderDisable: (_S.DISABLED, _C.NOTHING),
    cashless.ReaderEnable: (_S.ENABLED, _C.NOTHING),
    cashless.BeginSession: (_S.IDLE, _C.SESSION_BEGAN),
    cashless.VendRequest: (_S.REQUESTED, _C.REQUESTED),
    cashless.VendApproved: (_S.APPROVED, _C.APPROVED),
    cashless.VendSuccess: (_S.SOLD, _C.SALE_UNHEARD),
    cashless.VendFailure: (_S.IDLE, _C.FAILED),
    cashless.EndSession: (_S.ENABLED, _C.SESSION_ENDED),
    cashless.RevalueRequest: (_S.REVALUE, _C.NOTHING),
    cashless.NegativeVendRequest: (_S.RETURN_REQUESTED, _C.NOTHING),
}
"""What a message means whatever was heard before."""


def _goes_on(state: State) -> Mapping[type[Message], Step]:
    """READER ENABLE and DISABLE do not affect a transaction in progress (7.4.12)."""
    return dict.fromkeys((cashless.ReaderEnable, cashless.ReaderDisable), (state, _C.NOTHING))


TRANSITIONS: Final[Mapping[State, Mapping[type[Message], Step]]] = {
    _S.ENABLED: {
        cashless.EndSession: (_S.ENABLED, _C.NOTHING),
    },
    _S.IDLE: {
        **_goes_on(_S.IDLE),
        cashless.BeginSession: (_S.IDLE, _C.NOTHING),
    },
    _S.SOLD: {
        **_goes_on(_S.SOLD),
        cashless.VendSuccess: (_S.SOLD, _C.NOTHING),
        Reset: (_S.PRESUMED, _C.NOTHING),
        JustReset: (_S.PRESUMED, _C.NOTHING),
    },
    _S.REQUESTED: {
        **_goes_on(_S.REQUESTED),
        cashless.VendRequest: (_S.REQUESTED, _C.NOTHING),
        cashless.VendDenied: (_S.IDLE, _C.DENIED),
        cashless.VendCancel: (_S.CANCELLING, _C.NOTHING),
        cashless.SessionComplete: (_S.CANCELLING, _C.NOTHING),
    },
    _S.CANCELLING: {
        **_goes_on(_S.CANCELLING),
        cashless.VendApproved: (_S.CANCELLING, _C.NOTHING),
        cashless.VendSuccess: (_S.SOLD, _C.SALE),
        cashless.VendDenied: (_S.IDLE, _C.CANCELLED),
        cashless.EndSession: (_S.ENABLED, _C.CANCELLED),
    },
    _S.APPROVED: {
        **_goes_on(_S.APPROVED),
        cashless.VendApproved: (_S.APPROVED, _C.NOTHING),
        cashless.VendDenied: (_S.IDLE, _C.DENIED),
        cashless.VendCancel: (_S.CANCELLING, _C.NOTHING),
        cashless.VendSuccess: (_S.SOLD, _C.SALE),
        Reset: (_S.PRESUMED, _C.SALE_PRESUMED),
        JustReset: (_S.PRESUMED, _C.SALE_PRESUMED),
        cashless.VendRequest: (_S.REQUESTED, _C.UNCERTAIN),
        cashless.RevalueRequest: (_S.REVALUE, _C.UNCERTAIN),
        cashless.NegativeVendRequest: (_S.RETURN_REQUESTED, _C.UNCERTAIN),
        cashless.SessionComplete: (_S.IDLE, _C.UNCERTAIN),
        cashless.BeginSession: (_S.IDLE, _C.UNCERTAIN),
        cashless.EndSession: (_S.ENABLED, _C.UNCERTAIN),
    },
    _S.PRESUMED: {
        **_goes_on(_S.PRESUMED),
        Reset: (_S.PRESUMED, _C.NOTHING),
        JustReset: (_S.PRESUMED, _C.NOTHING),
        cashless.VendSuccess: (_S.PRESUMED, _C.NOTHING),
    },
    _S.REVALUE: {
        **_goes_on(_S.REVALUE),
        cashless.RevalueApproved: (_S.IDLE, _C.REVALUED),
        cashless.RevalueDenied: (_S.IDLE, _C.NOTHING),
    },
    _S.RETURN_REQUESTED: {
        **_goes_on(_S.RETURN_REQUESTED),
        cashless.VendApproved: (_S.RETURN_APPROVED, _C.NOTHING),
        cashless.VendDenied: (_S.IDLE, _C.DENIED),
        cashless.VendSuccess: (_S.SOLD, _C.RETURN),
        cashless.VendFailure: (_S.IDLE, _C.FAILED),
    },
    _S.RETURN_APPROVED: {
        **_goes_on(_S.RETURN_APPROVED),
        cashless.VendApproved: (_S.RETURN_APPROVED, _C.NOTHING),
        cashless.VendSuccess: (_S.SOLD, _C.RETURN),
        cashless.VendFailure: (_S.IDLE, _C.FAILED),
        cashless.SessionComplete: (_S.IDLE, _C.UNCERTAIN),
        Reset: (_S.INACTIVE, _C.UNCERTAIN),
        JustReset: (_S.INACTIVE, _C.UNCERTAIN),
    },
}
"""Where a message means something else than `ANYWHERE`."""


def step(state: State, message: Message) -> Step:
    """The next state, and what may be concluded."""
    kind = type(message)
    here = TRANSITIONS.get(state, {})
    return here.get(kind) or ANYWHERE.get(kind) or (state, Conclusion.NOTHING)

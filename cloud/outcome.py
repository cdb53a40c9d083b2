"""Outcomes: the five classes of answer a provider can give, and the one rule they serve.

Only DEAD permits a new key. UNKNOWN is asked, or repeated under the same key; never sent anew.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from cloud.fiscal import FiscalDocument


class Pause(Enum):
    """Why a register takes nothing for now, whatever is sent to it."""

    AUTH = "auth"
    """The provider does not know us: credentials, certificate, signature, blocked account."""
    BILLING = "billing"
    """Nothing is paid for."""
    DRIVE = "fiscal drive"
    """The fiscal drive is full, expired or blocked."""
    NO_REGISTER = "no suitable register"
    """The account has no cash register that may issue such a receipt."""
    BY_HAND = "by hand"
    """A person said so."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request to a provider."""


@dataclass(frozen=True, slots=True)
class Done(Outcome):
    """The fiscal drive has recorded it."""

    document: FiscalDocument
    provider_id: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted(Outcome):
    """The provider has it, and will answer later."""

    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unsent(Outcome):
    """Surely not received: the same key, later.

    With `pause` it is the register that is at fault, and all its receipts wait. `retry_after_s` is
    what the provider asked for. `absent` says that it was asked by the key, and has no such receipt.
    """

    reason: str
    pause: Pause | None = None
    retry_after_s: float | None = None
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Unknown(Outcome):
    """Sent, and the answer was lost or made no sense.

    `final` says that nobody can be asked any more: a person has to look. `misled` says that the
    number we asked with is not this receipt's: it is to be forgotten. `answered` says that the
    provider is there: it was asked, and does not know what it had accepted. `unasked` says that a
    question was not answered, or not understood: it tells nothing of the receipt.
    """

    reason: str
    final: bool = False
    misled: bool = False
    answered: bool = False
    unasked: bool = False


NEXT: Final = "look for it in the provider's cabinet: python -m cloud resolve ID --issued QR"
_QUOTED: Final = 400


def recorded(why: str) -> Unknown:
    """A document has been made, and what is told of it makes none. Asking again tells the same.

    `why` is what is wrong with it, and its numbers as far as they are told.
    """
    return Unknown(f"it has been recorded, but {why[:_QUOTED]}; {NEXT}", final=True)


@dataclass(frozen=True, slots=True)
class Dead(Outcome):
    """The provider states that it was not and will not be recorded.

    With `again` the receipt is not at fault (it expired in a queue, the drive was busy): the next
    key may go at once. Else a person decides.
    """

    reason: str
    again: bool = False
    pause: Pause | None = None

"""Outcomes: the five classes of answer a provider can give, and the one rule they serve.

Only DEAD permits a new key. UNKNOWN is asked, or repeated under the same key; never sent anew.
"""

from dataclasses import dataclass

from cloud.fiscal import FiscalDocument


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
    """Surely not received: the same key, later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown(Outcome):
    """Sent, and the answer was lost or made no sense."""

    reason: str


@dataclass(frozen=True, slots=True)
class Dead(Outcome):
    """The provider states that it was not and will not be recorded; a person decides."""

    reason: str

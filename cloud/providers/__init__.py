"""Providers: APIs of rented cash registers. A folder or a file each, none knows another.

A provider has two verbs: submit a receipt under a key, ask what became of it. It decides nothing:
it puts what the provider says into one of five classes (cloud/outcome.py), and the table of states
(cloud/fiscalization.py) does the rest. To add one, copy `_blueprint.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol

from msgspec import Meta

from cloud.calling import Answer
from cloud.outcome import Done, Outcome
from cloud.receipt import Receipt
from edge.wire.settings import Table

Url = Annotated[str, Meta(pattern=r"^https?://\S+$")]
File = Annotated[str, Meta(min_length=1)]


class Account(Table, frozen=True, kw_only=True):
    """What every register's settings may say, whoever the provider is."""

    url: Url
    """Where the API is, with its path; `http` on loopback alone."""
    timeout_s: Annotated[float, Meta(gt=0, le=12)] = 10.0
    """How long an answer is waited for; then the receipt is unknown."""
    rate_per_s: Annotated[float, Meta(gt=0, le=10_000)] = 1.0
    """Receipts a second: one for each cash register of the account."""
    poll_s: tuple[Annotated[float, Meta(gt=0, le=3600)], ...] = ()
    """Seconds between questions about an accepted receipt; the last one repeats. Empty: ours."""
    ffd: Literal["1.05", "1.2"] = "1.05"
    """Tag 1209, what the account's registers are registered for."""
    ca: File | None = None
    """A file with the authority that signs the provider's certificate, where no browser knows it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One key's way to the provider, as it is stored."""

    key: str
    body: str
    provider_id: str | None = None
    """The provider's own number; it is known if, and only if, the provider has accepted it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider pushed: which receipt it is about, and what became of it.

    `outcome` is None where the push only hints (it is not signed): the receipt is asked about.
    """

    key: str
    outcome: Done | None
    provider_id: str | None = None
    """With a hint: the provider's number to ask with, where it was not known."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `check`: what was looked at and what was found, in the operator's words."""

    level: Literal["good", "warning", "bad"]
    text: str


PATH_ASKED: Final = "is the path in `url` right?"
"""What `check` asks the operator where an answer is `astray`."""
_NOWHERE: Final = 404
_SERVER_FAULTS: Final = 500
_OF_A_GUARD: Final = {401, 403, 429}
"""Statuses whose page is of whoever stands before the API: the path may be right."""


def astray(answer: Answer) -> bool:
    """Whether the API is surely not at that address: nothing is there, or a page for people."""
    if answer.status == _NOWHERE:
        return True
    of_the_path = answer.status < _SERVER_FAULTS and answer.status not in _OF_A_GUARD
    return of_the_path and answer.body.lstrip().startswith(b"<")


class BadSignatureError(Exception):
    """The push was not signed by the provider: answer 401, change nothing."""


class Provider(Protocol):
    """One account at a provider.

    - `compose` is pure: the same receipt and key give the same bytes. The caller stores them before
      it sends them, and sends the stored ones ever after.
    - `submit`, `ask` and `check` never raise for what the network or the provider does: that is an
      outcome, or a finding.
    - `submit` of the same key within `memory_s` is the same receipt; after that the provider may
      have forgotten the key, and a repetition may be a second receipt.
    - `by_key` says that `ask` can look a key up whose answer was lost; else it needs `provider_id`.
      An `ask` that finds nothing of a key that was never accepted is `Unsent`; of one that was, it
      is `Unknown`, an alarm.
    - `knows_repeats` says that the provider looks for the key before it looks at what is asked: a
      refusal of a repetition is then one of the first request too. Else a refused repetition tells
      nothing of a first request whose answer was lost.
    - What has no signature is no word of the provider: `notice` then gives no outcome.
    - `notice` checks the signature over the bytes as they came.
    """

    memory_s: float
    by_key: bool
    knows_repeats: bool

    def compose(self, receipt: Receipt, key: str) -> str:
        """The body of the request."""
        ...

    async def submit(self, attempt: Attempt) -> Outcome:
        """Ask for a receipt under a key."""
        ...

    async def ask(self, attempt: Attempt) -> Outcome:
        """What became of it."""
        ...

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        """Read a push; None if it is about nothing of ours.

        Raises:
            BadSignatureError: the signature is missing or wrong.
        """
        ...

    async def check(self) -> Sequence[Finding]:
        """Credentials and the health of the registers; changes nothing at the provider."""
        ...

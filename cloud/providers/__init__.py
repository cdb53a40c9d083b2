"""Providers: APIs of rented cash registers. One file each, none knows another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cloud.outcome import Done, Outcome
from cloud.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider pushed: which key it is about, and what became of it."""

    key: str
    outcome: Done


class BadSignatureError(Exception):
    """The push was not signed by the provider: answer 401, change nothing."""


class Provider(Protocol):
    """One account at a provider.

    - `compose` is pure: the same receipt gives the same bytes. The caller stores them before it
      sends them, and sends the stored ones ever after.
    - `submit` and `ask` never raise for what the network or the provider does: that is an outcome.
    - `submit` of the same key within `memory_s` is the same receipt; after that the provider may
      have forgotten the key, and a repetition may be a second receipt.
    - `notice` checks the signature over the bytes as they came.
    """

    memory_s: float

    def compose(self, receipt: Receipt) -> str:
        """The body of the request."""
        ...

    async def submit(self, key: str, body: str) -> Outcome:
        """Ask for a receipt under a key."""
        ...

    async def ask(self, provider_id: str) -> Outcome:
        """What became of a request that was accepted."""
        ...

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        """Read a push; None if it is about nothing of ours.

        Raises:
            BadSignatureError: the signature is missing or wrong.
        """
        ...

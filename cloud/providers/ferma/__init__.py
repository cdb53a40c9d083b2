"""Ferma, the cash registers of OFD.ru.

Authority: a token for login and password. It travels in the address of every request, so no address
is ever quoted, and the token is struck out of whatever else is. The key is `InvoiceId`; the
provider's number is `ReceiptId`. A repeated key is answered with the number of before, or refused
with 1019 and that number in the message: both are understood. Pushes are not signed: they hint.

Assumed, as no source tells, or as sources differ:

- A key is remembered for 30 days. By all that is known it is for ever.
- `AutomaticDeviceNumber` is a whole number, so of a machine's number (1036) its digits are told,
  all of them: `vm-000123` is 123, and of one without digits nothing. `AutomatNumber` of the newer
  interface is a text and takes the number as it is (`machine_field`).
- The device's address (1009) and place (1187) go into `InstallmentAddress` and `InstallmentPlace`,
  and both into `BillAddress`, which the newer interface has alone.
- No code of a refusal but 1019 is public: words in the message tell whether the account or its
  registers are at fault, or Ferma itself, and then it may have the receipt. `codes` overrules the
  words.
- `ReceiptDateUtc` is local time in answers that were seen, whatever its name says; a time with an
  offset stands beside it, and is preferred (`receipt_date`, `timezone`).
- The status tells neither total nor sign: they are read out of the stored body.
- In FFD 1.05 there is no field for tag 1191: of a kind of goods its GTIN is told, not `mode=vend`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from cloud.calling import Answer, Line, object_in, tls
from cloud.outcome import Accepted, Dead, Outcome, Unknown, Unsent
from cloud.providers import Attempt, Finding, Notice
from cloud.providers.ferma.answer import (
    became,
    first_text,
    not_found,
    refused,
    refuses_token,
    succeeded,
    token_in,
)
from cloud.providers.ferma.request import request
from cloud.providers.ferma.settings import Settings
from cloud.receipt import Receipt
from cloud.secret import secret_in

__all__ = ["Ferma", "Settings"]

TOKEN_S: Final = 3600.0
"""A token is used for so long; when it ends is told by a clock that need not be ours."""
TOKENS: Final = 3
"""So many of them are struck out of what is quoted: a late answer may hold the one before."""

T = TypeVar("T", bound=Outcome)


class Ferma:
    """One Ferma account."""

    memory_s = 30 * 86_400.0
    knows_repeats = False
    """No source tells whether a request is looked at before its `InvoiceId` is (1019)."""

    def __init__(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        self._settings = settings
        self._password = secret_in("password_file", settings.password_file)
        self._line = Line(http, settings.url, settings.timeout_s, tls(settings.ca))
        self._tokens = deque[str](maxlen=TOKENS)
        self._got_at = 0.0
        self._renewing = asyncio.Lock()
        self.by_key = settings.look_up

    def compose(self, receipt: Receipt, key: str) -> str:
        """The body of `/kkt/cloud/receipt`."""
        return msgspec.json.encode({"Request": request(receipt, key, self._settings)}).decode()

    async def submit(self, attempt: Attempt) -> Outcome:
        """POST `/kkt/cloud/receipt`."""
        heard = await self._post("/kkt/cloud/receipt", attempt.body.encode())
        if not isinstance(heard, Answer):
            return self._without_secrets(heard)
        told = heard.object() or {}
        given = told.get("Data")
        receipt_id = first_text("ReceiptId", given) if succeeded(heard, told) else None
        if receipt_id is not None:
            return Accepted(receipt_id)
        return self._without_secrets(refused(heard, told, self._settings.codes))

    async def ask(self, attempt: Attempt) -> Outcome:
        """POST `/kkt/cloud/status` by the provider's number, or else by the key."""
        known = attempt.provider_id
        if known is None and not self.by_key:
            return Unknown("no ReceiptId was heard, and the account has no look-up by InvoiceId")
        asked = {"InvoiceId": attempt.key} if known is None else {"ReceiptId": known}
        heard = await self._post("/kkt/cloud/status", msgspec.json.encode({"Request": asked}))
        return self._without_secrets(self._status(heard, attempt))

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:  # noqa: ARG002, no signature
        """A push has no signature: it hints that its `InvoiceId` is worth a question.

        Its `ReceiptId` is not believed: a status names no key, so with a number of somebody's own
        choice another receipt's document would be taken for this one's. A push that tells the
        `ReceiptId` alone is about nothing that we know.
        """
        told = object_in(body) or {}
        key = first_text("InvoiceId", told, told.get("Data"), told.get("Request"))
        return Notice(key, None) if key else None

    async def check(self) -> Sequence[Finding]:
        """Whether a token is given for login and password."""
        found = []
        if self._settings.ffd == "1.05":
            text = "Ferma's own documents speak of FFD 1.1 and 1.2 alone; ffd says 1.05"
            found.append(Finding("warning", text))
        token = await self._authorize(afresh=True)
        if isinstance(token, Unsent):
            text = f"login {self._settings.login}: {self._without_secrets(token).reason}"
            return [*found, Finding("bad", text)]
        return [*found, Finding("good", f"Ferma knows login {self._settings.login}")]

    def _status(self, heard: Answer | Unsent | Unknown, attempt: Attempt) -> Outcome:
        if not isinstance(heard, Answer):
            return _unheard(attempt, heard)
        told = heard.object() or {}
        given = told.get("Data")
        if succeeded(heard, told) and isinstance(given, dict):
            return became(given, attempt, self._settings)
        refusal = refused(heard, told, self._settings.codes)
        if isinstance(refusal, Accepted):
            # Nothing was sent that could be a repetition; whatever that means, it is no status.
            return _unheard(attempt, Unknown(f"{heard.status} {heard.quoted}"))
        if not isinstance(refusal, Dead):
            return _unheard(attempt, refusal)
        if attempt.provider_id is None and not_found(refusal.reason):
            return Unsent(f"Ferma knows no such InvoiceId: {refusal.reason}", absent=True)
        return Unknown(f"asked for it, Ferma says {refusal.reason}")

    async def _post(self, path: str, body: bytes) -> Answer | Unsent | Unknown:
        """POST under the token; once more under a new one where Ferma does not know it."""
        token = await self._authorize()
        if isinstance(token, Unsent):
            return token
        heard = await self._line.post(_under(path, token), body)
        if not isinstance(heard, Answer) or not refuses_token(heard):
            return heard
        token = await self._authorize(instead_of=token)
        if isinstance(token, Unsent):
            return token
        return await self._line.post(_under(path, token), body)

    async def _authorize(self, instead_of: str = "", *, afresh: bool = False) -> str | Unsent:
        """The token; a new one if there is none, it is old, or it is the one that was refused."""
        async with self._renewing:
            fresh = time.monotonic() - self._got_at < TOKEN_S
            if self._tokens and self._tokens[-1] != instead_of and fresh and not afresh:
                return self._tokens[-1]
            who = {"Login": self._settings.login, "Password": self._password}
            path = "/Authorization/CreateAuthToken"
            token = token_in(await self._line.post(path, msgspec.json.encode(who)))
            if isinstance(token, str):
                self._tokens.append(token)
                self._got_at = time.monotonic()
            return token

    def _without_secrets(self, outcome: T) -> T:
        """What is said, with tokens and password struck out: reasons are logged and shown."""
        if not isinstance(outcome, Unsent | Unknown | Dead):
            return outcome
        reason = outcome.reason
        for secret in (self._password, *self._tokens):
            reason = reason.replace(quote(secret, safe=""), "…").replace(secret, "…")
        return replace(outcome, reason=reason)


def _unheard(attempt: Attempt, why: Any) -> Outcome:  # noqa: ANN401, an outcome with a reason
    """The question was not answered: what was known of the receipt stays as it is."""
    reason = f"asking failed: {why.reason}"
    if attempt.provider_id is None:
        return Unknown(reason, unasked=True)
    return replace(why, reason=reason) if isinstance(why, Unsent) else Unsent(reason)


def _under(path: str, token: str) -> str:
    return f"{path}?AuthToken={quote(token, safe='')}"

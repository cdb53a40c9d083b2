"""ATOL Online, protocol v4 (FFD 1.05) and v5 (FFD 1.2), and who speaks its language.

The key is `external_id`, unique in a group of registers; no limit is told of how long it is kept.
A repetition is refused with code 33, which names the `uuid` of the first: so the look-up of a lost
answer is to post the same body again. A report is asked for by `uuid` alone, for 32 days.

The operation is no part of ATOL's JSON but of the path. So the stored body is two lines: the
operation (``sell``), and the JSON as it is posted.

Pushes have no signature, so they only hint. The token goes as a header, which everybody takes; in
the query, the other way, it would end up in logs.

Assumed, as no source tells, or as sources differ:

- Evotor, E-COM and InitPro differ from ATOL by their addresses alone, and InitPro has one address
  for both protocols. E-COM's flat errors (``{"code":12,"text":…}``) are understood from everybody.
- In a correction of v4 the sum of `none` and of `vat0` is the turnover, as tags 1105 and 1104 are.
- In v5 the bare GTIN of a machine's goods is a code of the unknown kind, as tag 2100 is 0.
- A failure does not free the key; what is sent anew has a new one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

import aiohttp
import msgspec

from cloud.calling import Answer, Line, object_in, tls
from cloud.outcome import Dead, Outcome, Pause, Unknown, Unsent
from cloud.providers import PATH_ASKED, Attempt, Finding, Notice, astray
from cloud.providers.atol.answer import error_in, reported, stale, submitted, token_in
from cloud.providers.atol.codes import MISSING_UUID, NOT_US, meaning
from cloud.providers.atol.request import composed
from cloud.providers.atol.settings import Settings
from cloud.receipt import Receipt
from cloud.secret import secret_in

__all__ = ["Atol", "Settings"]

NIL: Final = "00000000-0000-0000-0000-000000000000"
"""A uuid that no receipt has."""
NOT_TOLD: Final = (
    "ATOL tells nothing of its registers: the drive's term, and what waits for the operator of"
    " fiscal data, stand in its cabinet alone"
)


class Atol:
    """One group of registers.

    Raises:
        ConfigError: the password's file or the authority's cannot be read.
    """

    memory_s = 30 * 86_400.0
    """Keys are kept without a limit that is told; what came of them, for 32 days."""
    by_key = False
    knows_repeats = False
    """No source tells whether the schema (code 32) is looked at before the key (code 33)."""

    def __init__(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        self._settings = settings
        self._line = Line(http, settings.url, settings.timeout_s, tls(settings.ca))
        self._group = quote(settings.group, safe="")
        self._password = secret_in("password_file", settings.password_file)
        self._token: str | None = None
        self._asking = asyncio.Lock()

    def compose(self, receipt: Receipt, key: str) -> str:
        """The operation, and what is posted to it."""
        operation, told = composed(self._settings, receipt, key)
        return f"{operation}\n{msgspec.json.encode(told).decode()}"

    async def submit(self, attempt: Attempt) -> Outcome:
        """POST ``{group}/{operation}``."""
        operation, _, body = attempt.body.partition("\n")
        answer = await self._call(f"/{operation}", body.encode())
        return self._hushed(submitted(answer) if isinstance(answer, Answer) else answer)

    async def ask(self, attempt: Attempt) -> Outcome:
        """GET ``{group}/report/{uuid}``."""
        if attempt.provider_id is None:
            return Unknown("ATOL looks nothing up by our key; the receipt is posted again")
        answer = await self._call(f"/report/{quote(attempt.provider_id, safe='')}")
        if isinstance(answer, Answer):
            return self._hushed(reported(answer, attempt))
        # What was accepted stays accepted: nobody said anything about it.
        reason = f"asking failed: {answer.reason}"
        return replace(answer, reason=reason) if isinstance(answer, Unsent) else Unsent(reason)

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:  # noqa: ARG002, nothing is signed
        """The report, pushed. It says which receipt to ask about, and by which uuid."""
        told = object_in(body) or {}
        key, uuid = told.get("external_id"), told.get("uuid")
        ours = told.get("group_code") in (None, self._settings.group)
        if not ours or not isinstance(key, str) or not key:
            return None
        return Notice(key, None, uuid if isinstance(uuid, str) and uuid else None)

    async def check(self) -> Sequence[Finding]:
        """A new token, then a report that cannot be: who asks, and whether the group is theirs."""
        answer = await self._greeted()
        token = _token(answer)
        if isinstance(token, Unsent):
            if isinstance(answer, Answer) and _is_astray(answer):
                return [Finding("bad", f"no token: {answer.status}: {PATH_ASKED}")]
            return [Finding("warning" if token.pause is None else "bad", token.reason)]
        self._token = token
        known = Finding("good", f"ATOL knows {self._settings.login}")
        return [known, await self._check_group(), Finding("warning", NOT_TOLD)]

    async def _check_group(self) -> Finding:
        name = f"group {self._settings.group}, protocol {self._settings.protocol}"
        answer = await self._call(f"/report/{NIL}")
        if not isinstance(answer, Answer):
            return Finding("warning", f"{name}: {answer.reason}")
        code, said = error_in(answer.object() or {})
        if code == MISSING_UUID:
            return Finding("good", f"{name}: open to this login")
        if isinstance(meaning(code, said), Unsent | Dead):
            return Finding("bad", f"{name}: {said}")
        if _is_astray(answer):
            return Finding("bad", f"{name}: {answer.status}: {PATH_ASKED}")
        return Finding("warning", f"{name}: not understood: {answer.status}, {said}")

    async def _call(self, path: str, body: bytes | None = None) -> Answer | Unsent | Unknown:
        """Call with the token; once more with another one, if it was not taken."""
        path = f"/{self._group}{path}"
        refused: str | None = None
        while True:
            token = await self._token_but(refused)
            if isinstance(token, Unsent):
                return token
            headers = {"Token": token}
            if body is None:
                answer = await self._line.get(path, headers)
            else:
                answer = await self._line.post(path, body, headers)
            if refused is not None or not isinstance(answer, Answer) or not stale(answer):
                return answer
            refused = token

    async def _token_but(self, refused: str | None) -> str | Unsent:
        """The token; a new one if there is none but the refused. Who asks, asks for all."""
        async with self._asking:
            if self._token is None or self._token == refused:
                fresh = await self._fresh()
                if isinstance(fresh, Unsent):
                    return fresh
                self._token = fresh
            return self._token

    async def _fresh(self) -> str | Unsent:
        return _token(await self._greeted())

    async def _greeted(self) -> Answer | Unsent | Unknown:
        """POST ``getToken``."""
        who = {"login": self._settings.login, "pass": self._password}
        return await self._line.post("/getToken", msgspec.json.encode(who))

    def _hushed(self, outcome: Outcome) -> Outcome:
        """The same outcome; without the token, should the provider have repeated it."""
        reason = getattr(outcome, "reason", "")
        if isinstance(outcome, Unsent | Unknown | Dead) and self._token and self._token in reason:
            return replace(outcome, reason=reason.replace(self._token, "…"))
        return outcome


def _token(answer: Answer | Unsent | Unknown) -> str | Unsent:
    """The token of an answer, which is never quoted: a token may be in it."""
    if not isinstance(answer, Answer):
        return Unsent(f"no token: {answer.reason}")
    told = answer.object() or {}
    code, said = error_in(told)
    token = token_in(told) if code is None and answer.status < 300 else None
    if token is not None:
        return token
    reason = f"no token: {answer.status}, {said}"
    if code in NOT_US or (code is None and answer.status in {401, 403}):
        return Unsent(reason, Pause.AUTH)
    return Unsent(reason, retry_after_s=answer.retry_after_s)


def _is_astray(answer: Answer) -> bool:
    """`astray`, and no word of ATOL's own with it."""
    code, _ = error_in(answer.object() or {})
    return code is None and astray(answer)

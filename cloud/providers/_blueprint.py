"""A provider to copy: one file each, named as its `provider` in the settings. README.md leads on.

Say here whose API it is, which version of which document you read, and in a list whatever you
assumed because no source told, or because two differ. This one is of an imaginary API:

- ``Authorization: Bearer TOKEN``; sums in kopecks; the key is `id`, remembered for ever;
- ``POST /receipts`` 202 taken, 409 the key is known, 400 ``{"code", "text"}``, 503 `Retry-After`;
- ``GET /receipts/ID`` ``{"state": "queued" | "done" | "failed" | "expired", …}``, 404 unknown;
- a push to `callback`, ``{"id"}``, with no signature;
- ``GET /registers`` ``{"register 1": 0.03}``, how full each drive is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import msgspec

from cloud.calling import Answer, Line, object_in, tls
from cloud.errors import ConfigError
from cloud.fiscal import FiscalDocument, plausible, stamp
from cloud.marking import identifier
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent, recorded
from cloud.providers import Account, Attempt, File, Finding, Notice, Url
from cloud.receipt import Purpose, Receipt


class Settings(Account, frozen=True, kw_only=True):
    """What the operator has to say. A fact that sources differ about is a setting as well."""

    url: Url = "https://register.example/v1"
    token_file: File
    """A secret is a file's name, never the secret."""
    callback: Url | None = None


# Each code of the provider's list in one table, by what it means for the key. Ask of each: can
# anything have been recorded? Only if the list says surely not may it be here at all.
DEAD: Final = frozenset({"bad_data", "bad_vat"})
"""Never recorded, and the receipt is at fault: a person decides."""
PAUSES: Final[Mapping[str, Pause]] = {
    "unpaid": Pause.BILLING,
    "drive_full": Pause.DRIVE,
    "no_register": Pause.NO_REGISTER,
}
"""Never recorded, and the account is at fault: all its receipts wait."""
TYPES: Final = {
    Purpose.INCOME: "income",
    Purpose.INCOME_RETURN: "income_return",
    Purpose.CORRECTION: "income_correction",
}


class Blueprint:
    """One account."""

    # How long the same key is the same receipt. Not told: take 0, and nothing is repeated.
    memory_s = float("inf")
    # Whether a key can be looked up when its answer was lost.
    by_key = True
    # Whether it looks for the key before it looks at what is asked: 409 comes before 400 here. Not
    # told: take False, and a refused repetition tells nothing of the first request.
    knows_repeats = True

    def __init__(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        try:
            token = Path(settings.token_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"token_file: {settings.token_file}: {error}") from error
        self._settings = settings
        self._line = Line(http, settings.url, settings.timeout_s, tls(settings.ca))
        self._headers = {"Authorization": f"Bearer {token}"}

    def compose(self, receipt: Receipt, key: str) -> str:
        # Only what is in the arguments and the settings: no clock, no counter, no random. The
        # machine's number, address and place must be in it, or be named above as missing.
        body = {
            "id": key,
            "inn": receipt.inn,
            "type": TYPES[receipt.purpose],
            "tax": receipt.taxation.value,
            "automat": receipt.machine,
            "address": receipt.address,
            "place": receipt.place,
            "name": receipt.name,
            "vat": receipt.vat.value,
            "subject": receipt.subject.value,
            "method": receipt.method.value,
            "mark": identifier(receipt.marking) or None,
            "cash": receipt.cash,
            "cashless": receipt.cashless,
            "zone": receipt.zone,
            "internet": receipt.internet,
            "basis": receipt.basis or None,
            "corrected": receipt.cause.day if receipt.cause else None,
            "callback": self._settings.callback,
        }
        return msgspec.json.encode(body).decode()

    async def submit(self, attempt: Attempt) -> Outcome:
        answer = await self._line.post("/receipts", attempt.body.encode(), self._headers)
        match answer:
            case Answer(status=202):
                return Accepted(attempt.key)
            case Answer(status=409):
                # It is here already, from a request whose answer was lost: the same receipt.
                return Accepted(attempt.key)
            case Answer(status=400):
                return _refusal(answer)
            case Answer():
                return _common(answer)
            case _:
                return answer

    async def ask(self, attempt: Attempt) -> Outcome:
        path = f"/receipts/{quote(attempt.key, safe='')}"
        answer = await self._line.get(path, self._headers)
        match answer:
            case Answer(status=200):
                return _state(attempt.key, answer)
            case Answer(status=404) if attempt.provider_id is None:
                return Unsent("the provider has no receipt of this key")
            case Answer(status=404):
                # It was accepted, and is gone. Nobody may repeat that without a look.
                return Unknown("the provider lost a receipt that it had accepted")
            case Answer():
                return _unanswered(_common(answer))
            case _:
                return _unanswered(answer)

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:  # noqa: ARG002, no signature to check
        # With a signature: check it over `body` as it came, raise BadSignatureError, return Done.
        # Without: anybody can send it, so it only hints that it is time to ask.
        key = (object_in(body) or {}).get("id")
        return Notice(key, None) if isinstance(key, str) and key else None

    async def check(self) -> Sequence[Finding]:
        # Look, change nothing, and say it so that the operator knows what to do.
        answer = await self._line.get("/registers", self._headers)
        if not isinstance(answer, Answer):
            return [Finding("bad", answer.reason)]
        if answer.status != 200:
            return [Finding("bad", getattr(_common(answer), "reason", ""))]
        found = [Finding("good", "the provider knows the token")]
        told = answer.object() or {}
        for name, full in told.items():
            if isinstance(full, int | float):
                text = f"{name}: the drive is {full:.0%} full"
                found.append(Finding("warning" if full >= 0.9 else "good", text))
        return found


def _common(answer: Answer) -> Outcome:
    """What any request can be answered. Unsure is Unknown: it costs a question, never a receipt."""
    match answer.status:
        case 401 | 403:
            return Unsent(f"{answer.status}: the provider does not know the token", Pause.AUTH)
        case 429 | 503 if answer.retry_after_s is not None:
            return Unsent(f"{answer.status}: busy", retry_after_s=answer.retry_after_s)
        case _:
            return Unknown(f"{answer.status} from the provider: {answer.quoted}")


def _unanswered(outcome: Outcome) -> Unsent:
    """Asking failed: nothing that is known of the receipt changes."""
    reason = f"asking failed: {getattr(outcome, 'reason', '')}"
    if isinstance(outcome, Unsent):
        return Unsent(reason, outcome.pause, outcome.retry_after_s)
    return Unsent(reason)


def _refusal(answer: Answer) -> Outcome:
    told = answer.object() or {}
    code, reason = str(told.get("code")), f"{told.get('code')}: {told.get('text')}"
    if code in DEAD:
        return Dead(reason)
    if code in PAUSES:
        return Unsent(reason, PAUSES[code])
    return Unknown(f"a refusal that is not in the list: {reason}")


def _state(key: str, answer: Answer) -> Outcome:
    told = answer.object() or {}
    match told.get("state"):
        case "queued":
            return Accepted(key)
        case "done":
            if not any(told.get(name) for name in ("fn", "fd", "fp")):
                # The numbers may only be late: asked again.
                return Unsent(f"asking failed: done, but no document is told yet: {answer.quoted}")
            document = _document(told)
            # Made, and not to be read: asking again tells the same. A person looks.
            return Done(document, key) if document else recorded(f"no document: {answer.quoted}")
        case "failed":
            return Dead(f"the register failed: {told.get('text')}")
        case "expired":
            # Never recorded, and it was not the receipt's fault: the next key may go at once.
            return Dead("it waited too long in the provider's queue", again=True)
        case _:
            return Unsent(f"asking failed: {answer.quoted}")


def _document(told: Mapping[str, Any]) -> FiscalDocument | None:
    """The QR's fields; nothing in it is guessed, least of all the time."""
    at = stamp(str(told.get("at")), "%Y-%m-%dT%H:%M:%S")
    match told:
        case {"fn": str(fn), "fd": int(fd), "fp": int(fp), "total": int(total), "sign": int(sign)}:
            document = FiscalDocument(fn, fd, fp, at, total, sign) if at else None
            return document if document and plausible(document) else None
        case _:
            return None

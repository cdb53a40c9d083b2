"""CloudKassir, the online cash registers of CloudPayments (developers.cloudkassir.ru, v3.4.3).

HTTP Basic, public id and API secret. The key is the header `X-Request-ID`, remembered for one hour;
`InvoiceId` carries it as well, as a label that comes back in the push. Nothing is looked up by it:
a receipt whose answer was lost for longer waits for the push, and then for a person.

Assumed, as no source tells, or as sources differ:

- The machine's number (1036) and address (1009) belong to the register, so a machine has a register
  of its own. Both go into the additional lines of the receipt as well; a field that the provider
  agrees to goes into `extra_receipt_fields`, with ``{machine}`` and the like.
- The name of the time zone's field (1011): `zone_field`. It is not sent before that is set.
- A correction's VAT is told on the scale of tag 1199 by some clients and in percent by others:
  `correction_vat`. Above 6 the scale goes on as the tag does.
- `DateTime` is UTC in the push by one source, and of no zone elsewhere. It is the time of nothing
  unless `hours_ahead` says where the register stands: the wrong minute finds no receipt at the tax
  service. So a document without a QR text is a person's, its numbers in the reason.
- The details of a correction have no QR text and no time; an address at the operator of fiscal data
  may hold both. Its push, if there is one, has no key.
- A refusal may be remembered under its key for the hour, too: what was refused for the day's limit
  is sent again after that.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote_plus

import aiohttp
import msgspec

from cloud.calling import Answer, Line, number, object_in, tls
from cloud.clock import utc_now
from cloud.outcome import (
    NEXT,
    Accepted,
    Dead,
    Done,
    Outcome,
    Pause,
    Unknown,
    Unsent,
    recorded,
)
from cloud.providers import PATH_ASKED, Attempt, BadSignatureError, Finding, Notice, astray
from cloud.providers.cloudkassir import answer as reading
from cloud.providers.cloudkassir.health import health, register_named
from cloud.providers.cloudkassir.request import CORRECTION_ROOT, correction_body, receipt_body
from cloud.providers.cloudkassir.settings import Settings
from cloud.receipt import Purpose, Receipt
from cloud.secret import secret_in

__all__ = ["CloudKassir", "Settings"]


@dataclass(frozen=True, slots=True)
class _Paths:
    make: str
    status: str
    details: str


_RECEIPT: Final = _Paths("/kkt/receipt", "/kkt/receipt/status/get", "/kkt/receipt/get")
_CORRECTION: Final = _Paths(
    "/kkt/correction-receipt", "/kkt/correction-receipt/status/get", "/kkt/correction-receipt/get"
)


class CloudKassir:
    """One CloudKassir account.

    Raises:
        ConfigError: the secret's file or the authority's cannot be read.
    """

    memory_s = 3300.0
    """An hour, less five minutes: two clocks need not agree; and what we have given up may arrive
    later, once a network heals: a kernel goes on for two minutes with what a closed connection left."""
    by_key = False
    knows_repeats = True
    """By one source the first answer is repeated, whatever it was: so is a refusal."""

    def __init__(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        word = secret_in("secret_file", settings.secret_file)
        self._settings = settings
        self._line = Line(http, settings.url, settings.timeout_s, tls(settings.ca))
        self._auth = aiohttp.encode_basic_auth(settings.public_id, word)
        self._secret = word.encode()

    def compose(self, receipt: Receipt, key: str) -> str:
        """The body of `/kkt/receipt` or `/kkt/correction-receipt`: its root tells which.

        Raises:
            ValueError: the mark is not what its mode asks for; nobody should come so far with it.
        """
        body = (
            correction_body(receipt, self._settings)
            if receipt.purpose is Purpose.CORRECTION
            else receipt_body(receipt, key, self._settings)
        )
        return msgspec.json.encode(body).decode()

    async def submit(self, attempt: Attempt) -> Outcome:
        """POST the body under `X-Request-ID`."""
        answer = await self._post(_paths(attempt).make, attempt.body, attempt.key)
        return answer if isinstance(answer, Outcome) else reading.submitted(answer)

    async def ask(self, attempt: Attempt) -> Outcome:
        """The status, and the details once it has come to an end."""
        number_, paths = attempt.provider_id, _paths(attempt)
        if number_ is None:
            return Unknown("CloudKassir looks nothing up by our key")
        question = json.dumps({"Id": number_})
        status = await self._post(paths.status, question)
        if isinstance(status, Outcome):
            return reading.not_told(status)
        match reading.state(status):
            case "Queued":
                return Accepted(number_)
            case "NotFound":
                return Unknown("the provider says 'NotFound' of a receipt that it had accepted")
            case "Processed" | "Error" as state:
                answer = await self._post(paths.details, question)
                if isinstance(answer, Outcome):
                    return reading.not_told(answer)
                if other := reading.of_another(answer, number_, attempt.key):
                    return Unsent(f"asking failed: asked about {number_}, told of {other}")
                if state == "Error":
                    return _failed(status, answer)
                return self._processed(attempt.key, number_, answer)
            case other:
                return Unsent(f"asking failed: the provider says {other!r}: {reading.said(status)}")

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        """The Receipt push: form fields, or JSON. What it does not prove is asked for."""
        self._check_signature(body, headers)
        fields = _fields(body, headers.get("Content-Type", ""))
        key, provider_id = fields.get("InvoiceId"), fields.get("Id")
        if not key:
            return None
        document = reading.document(fields, self._settings.hours_ahead)
        if isinstance(document, str) or not provider_id:
            return Notice(key, None, provider_id or None)
        return Notice(key, Done(document, provider_id, reading.link(fields)))

    async def check(self) -> Sequence[Finding]:
        """`/test`, then every register's state: drive, queue to the operator, warnings."""
        answer = await self._call("/test", "{}")
        if isinstance(answer, Answer) and astray(answer):
            return [Finding("bad", f"/test: {answer.status}: {PATH_ASKED}")]
        greeted = _object(answer)
        if isinstance(greeted, Outcome):
            return [Finding("bad", greeted.reason)]
        if greeted.get("Success") is not True:
            return [Finding("bad", f"/test is answered: {reading.said(greeted)}")]
        found = [Finding("good", "CloudKassir knows public_id and secret")]
        answer = await self._call("/kkt/get-all", "{}")
        registers = reading.objects(answer.body) if isinstance(answer, Answer) else None
        if registers is None:
            return [*found, Finding("warning", "the account's registers are not told")]
        if not registers:
            found.append(Finding("bad", "the account has no register"))
        for register in registers:
            found += await self._health(register)
        return found

    async def _health(self, register: Mapping[str, Any]) -> list[Finding]:
        names = {name: register.get(name) for name in ("DeviceNumber", "FiscalNumber")}
        state = await self._post("/kkt/state/get", json.dumps(names))
        if isinstance(state, Outcome):
            return [Finding("warning", f"{register_named(register)}: {state.reason}")]
        inner = state.get("Model")
        told = inner if isinstance(inner, dict) else state
        return health({**register, **told}, utc_now().date())

    def _processed(self, key: str, provider_id: str, answer: Mapping[str, Any]) -> Outcome:
        told = reading.details(answer)
        if told is None:
            # The status and the details need not be of one moment.
            return Unsent(f"asking failed: processed, but no details: {reading.said(answer)}")
        label = told.get("InvoiceId")
        if isinstance(label, str) and label.lower() not in {"", key.lower()}:
            # It comes back as it was sent; a sum alone does not tell one buyer from another.
            said = f"the provider's number {provider_id} tells of receipt {label!r}, not of {key!r}"
            return Unknown(f"{said}; {NEXT}", final=True)
        document = reading.document(told, self._settings.hours_ahead)
        if isinstance(document, str):
            if not reading.tells_a_document(told):
                return Unsent(f"asking failed: processed, but the details hold nothing: {document}")
            return recorded(document)
        return Done(document, provider_id, reading.link(told))

    async def _post(
        self, path: str, body: str, key: str | None = None
    ) -> dict[str, Any] | Unsent | Unknown:
        """The answer's object, or the outcome that there is none."""
        return _object(await self._call(path, body, key))

    async def _call(
        self, path: str, body: str, key: str | None = None
    ) -> Answer | Unsent | Unknown:
        headers = {"Authorization": self._auth, **({"X-Request-ID": key} if key else {})}
        answer = await self._line.post(path, body.encode(), headers)
        match answer:
            case Answer(status=401):
                return Unsent("401: the provider does not know public_id and secret", Pause.AUTH)
            case Answer(status=429):
                return Unsent("429: too many requests", retry_after_s=answer.retry_after_s)
            case Answer(status=status) if status >= 500:
                return Unknown(f"{status} from the provider")
            case _:
                return answer

    def _check_signature(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Base64 HMAC-SHA256 of the raw body, or of the decoded text.

        Sources differ which header is of which, so either may be of either.
        """
        texts = (body, unquote_plus(body.decode("utf-8", "replace")).encode())
        right = [_sign(self._secret, text) for text in texts]
        told = [headers.get(name, "") for name in ("X-Content-HMAC", "Content-HMAC")]
        if not any(
            hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
            for one in told
            for other in right
        ):
            raise BadSignatureError


def _object(answer: Answer | Unsent | Unknown) -> dict[str, Any] | Unsent | Unknown:
    if not isinstance(answer, Answer):
        return answer
    told = answer.object()
    return Unknown(f"{answer.status}, no object: {answer.quoted}") if told is None else told


def _paths(attempt: Attempt) -> _Paths:
    """Which request it was, by the body as it is stored."""
    told = object_in(attempt.body.encode())
    return _CORRECTION if told and CORRECTION_ROOT in told else _RECEIPT


def _failed(status: Mapping[str, Any], answer: Mapping[str, Any]) -> Outcome:
    """`Error`; what has the number of a document has not failed, whatever is said."""
    told = reading.details(answer) or {}
    if number(told.get("DocumentNumber")):
        return recorded(f"the status is 'Error': {reading.numbers(told)}")
    reason = told.get("ErrorMessage") or "; ".join(reading.warnings(status))
    return Dead(f"the register failed: {reason or reading.said(status)}")


def _fields(body: bytes, content_type: str) -> dict[str, str]:
    if content_type.startswith("application/json"):
        told = object_in(body) or {}
        return {name: str(each) for name, each in told.items() if each is not None}
    pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in pairs.items()}


def _sign(word: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(word, text, hashlib.sha256).digest()).decode()

"""Komtet Kassa, API v2: queues of cash registers, FFD 1.2.

Authority: the shop's number, and `X-HMAC-Signature`: hex HMAC-MD5 of method, address and body. The
key is `external_id`; the provider's number is that of its task. A repeated key is refused with
HTTP 422 and a sentence, without the task's number, and nothing is looked up by the key: so a
receipt whose answer was lost is accepted under no number. There is nothing to ask with; its push
ends the wait, or a person does.

Weak for vending: there is no field for the machine's number (1036), so the register's own stands
there, and a machine needs a register (a queue) of its own. The number is printed as the user's
additional requisite (1084): «Автомат №». Address (1009) and place (1187) have their fields.

Assumed, as no source tells:

- A key is remembered for 30 days. By all that is known it is for ever.
- A push is signed as a request is, over the address that we asked it to: Komtet's own plugins for
  shops check it so. A push without a signature hints; one with a wrong signature is refused.
- Which words a refusal says that the queue or the account is at fault with (`WORDS`); whatever
  else is refused is the receipt's fault.
- Of goods whose kind alone is told (`gtin_vend`) the GTIN is the code, as `itf14`.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal

import aiohttp
import msgspec
from msgspec import Meta

from cloud.calling import Answer, Line, kopecks, number, object_in, roubles, tls
from cloud.fiscal import FiscalDocument, plausible, read_qr
from cloud.marking import identifier, industry
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent, recorded
from cloud.providers import (
    PATH_ASKED,
    Account,
    Attempt,
    BadSignatureError,
    File,
    Finding,
    Notice,
    Url,
    astray,
)
from cloud.receipt import MarkingMode, Method, Purpose, Receipt, Subject
from cloud.secret import secret_in

INTENTS: Final = {
    Purpose.INCOME: "sell",
    Purpose.INCOME_RETURN: "sellReturn",
    Purpose.CORRECTION: "sellCorrection",
}
SIGNS: Final = {intent: purpose.sign for purpose, intent in INTENTS.items()}
SUBJECTS: Final = {
    Subject.GOODS: "product",
    Subject.EXCISABLE: "product_practical",
    Subject.SERVICE: "service",
    Subject.EXCISABLE_UNMARKED: "atnm",
    Subject.EXCISABLE_MARKED: "atm",
    Subject.GOODS_UNMARKED: "tnm",
    Subject.GOODS_MARKED: "tm",
}
METHODS: Final = {Method.FULL_PAYMENT: "full_payment"}
PIECE: Final = 0
KINDS: Final = {MarkingMode.GTIN_VEND: "itf14", MarkingMode.FULL_CODE: "gs1m"}
"""What a code is called; a bare GTIN is one of fourteen digits."""

DONE: Final = "done"
ACTIVE: Final = "active"
NOT_FOUND: Final = 404
TOO_MANY: Final = 429
UNAVAILABLE: Final = 503
FAULTS: Final = 400
SERVER_FAULTS: Final = 500
OF_THE_WAY: Final = frozenset({408, 409, 425, 499})
"""HTTP status: it was cut off, or is being worked at. Whether it was received is not told."""
REFUSALS: Final[Mapping[int, Pause]] = {
    401: Pause.AUTH,
    402: Pause.BILLING,
    403: Pause.AUTH,
    NOT_FOUND: Pause.NO_REGISTER,
}
"""HTTP status: nothing was received, and nothing will be before a person has looked."""
WORDS: Final[Mapping[Pause, str]] = {
    Pause.NO_REGISTER: r"очеред\w+.*(не\s?актив|не найден)|нет (активн|свободн|подходящ)\w+ касс",
    Pause.BILLING: r"баланс|тариф|не оплачен|задолженн",
    Pause.DRIVE: r"фискальн\w+ накопител\w+.*(заполн|исчерп|ист[её]к|заблокир)",
}
"""Whose fault a refusal is, where it is not the receipt's."""

_KNOWN_KEY: Final = re.compile(
    r"внешн\w+ идентификатор\w+.*уже существует", re.IGNORECASE | re.DOTALL
)
QUOTED: Final = 200
NUMBERS: Final = ("fn", "i", "fp")
QR_FIELDS: Final = ("t", "s", *NUMBERS, "n")
NOT_ITS: Final = "the number is not this receipt's"
"""It may come from a push that anybody could have sent."""

_Json = dict[str, object]


class Settings(Account, frozen=True, kw_only=True):
    """``[registers.NAME]`` with ``provider = "komtet"``."""

    url: Url = "https://kassa.komtet.ru/api/shop/v2"
    ffd: Literal["1.05", "1.2"] = "1.2"
    """Version 2 of the interface speaks of 1.2 alone."""
    shop_id: Annotated[str, Meta(min_length=1)]
    secret_file: File
    """The shop's secret: of requests and of pushes."""
    queue: Annotated[int, Meta(ge=1)]
    """The queue's number: a cash register, or several."""
    callback_url: Url | None = None
    """Where Komtet pushes to, and what its signature is over."""


class Komtet:
    """One queue of a shop at Komtet Kassa."""

    memory_s = 30 * 86_400.0
    by_key = False
    knows_repeats = False
    """A known key and wrong contents are the same 422, and no source tells which comes first."""

    def __init__(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        self._settings = settings
        self._secret = secret_in("secret_file", settings.secret_file)
        self._url = settings.url.rstrip("/")
        self._line = Line(http, settings.url, settings.timeout_s, tls(settings.ca))

    def compose(self, receipt: Receipt, key: str) -> str:
        """The body of `/queues/N/task`."""
        return msgspec.json.encode(_task(receipt, key, self._settings.callback_url)).decode()

    async def submit(self, attempt: Attempt) -> Outcome:
        """POST `/queues/N/task`."""
        body, path = attempt.body.encode(), f"/queues/{self._settings.queue}/task"
        heard = await self._line.post(path, body, self._signed("POST", path, body))
        if not isinstance(heard, Answer):
            return heard
        told = heard.object() or {}
        task = number(told.get("id"))
        if heard.status >= FAULTS or task is None:
            return _refused(heard)
        if told.get("external_id") not in (None, attempt.key):
            return Unknown(f"Komtet answers of another receipt: {heard.quoted}")
        return Accepted(str(task))

    async def ask(self, attempt: Attempt) -> Outcome:
        """GET `/tasks/N`."""
        if attempt.provider_id is None:
            return Unsent("the task's number was not heard, and Komtet looks nothing up by the key")
        path = f"/tasks/{attempt.provider_id}"
        heard = await self._line.get(path, self._signed("GET", path))
        if not isinstance(heard, Answer):
            return Unsent(f"asking failed: {heard.reason}")
        told = heard.object()
        if heard.status == NOT_FOUND:
            reason = f"Komtet knows no task {attempt.provider_id}: {NOT_ITS}"
            return Unknown(reason, misled=True)
        if heard.status >= FAULTS or told is None:
            failed = _refused(heard)
            pause = failed.pause if isinstance(failed, Unsent) else None
            reason = f"asking failed: {getattr(failed, 'reason', heard.status)}"
            return Unsent(reason, pause, heard.retry_after_s)
        return _became(told, attempt)

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        """A push is a task as `ask` hears it. Signed, a document in it is the provider's word.

        Raises:
            BadSignatureError: there is a signature, and it is wrong.
        """
        certain = self._is_signed(body, headers)
        told = object_in(body) or {}
        key, task = told.get("external_id"), number(told.get("id"))
        if not isinstance(key, str) or not key:
            return None
        provider_id = None if task is None else str(task)
        document = _document(told.get("fiscal_data")) if told.get("state") == DONE else None
        done = Done(document, provider_id) if document is not None and certain else None
        return Notice(key, done, provider_id)

    async def check(self) -> Sequence[Finding]:
        """Credentials, and whether the queue is active."""
        name, path = f"queue {self._settings.queue}", f"/queues/{self._settings.queue}"
        heard = await self._line.get(path, self._signed("GET", path))
        if not isinstance(heard, Answer):
            return [Finding("bad", f"{name}: {heard.reason}")]
        told = heard.object()
        if heard.status >= FAULTS or told is None:
            said = f"{name}: {getattr(_refused(heard), 'reason', heard.status)}"
            return [
                Finding("bad", f"{said}: {PATH_ASKED}" if told is None and astray(heard) else said)
            ]
        if told.get("state") != ACTIVE:
            return [Finding("bad", f"{name} is not active: {told.get('state')}")]
        return [Finding("good", f"{name} is active")]

    def _signed(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        sign = _sign(self._secret, method, self._url + path, body)
        return {
            "Authorization": self._settings.shop_id,
            "Accept": "application/json",
            "X-HMAC-Signature": sign,
        }

    def _is_signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether the push is surely Komtet's; without our own address nothing can be checked."""
        told, url = headers.get("X-HMAC-Signature"), self._settings.callback_url
        if told is None or url is None:
            return False
        right = _sign(self._secret, "POST", url, body)
        if not hmac.compare_digest(told.lower().encode("utf-8", "replace"), right.encode()):
            raise BadSignatureError
        return True


def _task(receipt: Receipt, key: str, callback_url: str | None) -> _Json:
    """A task: one receipt, one position of one piece."""
    told: _Json = {
        "external_id": key,
        "client": {"email": receipt.sender} if receipt.sender else {},
        "company": {
            "payment_address": receipt.place,
            "place_address": receipt.address,
            "sno": receipt.taxation.value,
            "inn": receipt.inn,
        },
        "print": False,
        "intent": INTENTS[receipt.purpose],
        "payments": _payments(receipt),
        "positions": [_position(receipt)],
        "additional_user_props": {"name": "Автомат №", "value": receipt.machine},
    }
    if receipt.basis:
        told["additional_check_props"] = receipt.basis
    if receipt.internet is not None:
        told["internet"] = receipt.internet
    if receipt.zone is not None:
        told["timezone"] = receipt.zone
    if receipt.cause is not None:
        told["correction_info"] = {
            "type": "instruction" if receipt.cause.by_order else "self",
            "base_date": date.fromisoformat(receipt.cause.day).strftime("%d.%m.%Y"),
            **({"base_number": receipt.cause.number} if receipt.cause.number else {}),
        }
    if callback_url is not None:
        told["callback_url"] = callback_url
    return told


def _payments(receipt: Receipt) -> list[_Json]:
    paid = {"cash": receipt.cash, "card": receipt.cashless}
    told = {kind: sum_ for kind, sum_ in paid.items() if sum_} or {"cash": 0}
    return [{"sum": roubles(sum_), "type": kind} for kind, sum_ in told.items()]


def _position(receipt: Receipt) -> _Json:
    position: _Json = {
        "name": receipt.name,
        "price": roubles(receipt.amount),
        "quantity": 1,
        "total": roubles(receipt.amount),
        "measure": PIECE,
        "payment_method": METHODS[receipt.method],
        "payment_object": SUBJECTS[receipt.subject],
        "vat": "no" if receipt.vat.percent is None else str(receipt.vat.percent),
    }
    if receipt.marking.mode in KINDS:
        position["mark_code"] = {KINDS[receipt.marking.mode]: identifier(receipt.marking)}
    rule = industry(receipt.marking)
    if rule is not None:
        position["sectoral_item_props"] = [
            {
                "federal_id": rule.foiv,
                "date": rule.day,
                "number": rule.number,
                "value": rule.value,
            }
        ]
    return position


def _refused(heard: Answer) -> Outcome:
    """A repetition, a refusal, or something that makes no sense."""
    said = " ".join(_texts(heard.body))
    if _KNOWN_KEY.search(said or heard.body.decode("utf-8", "replace")):
        return Accepted(None)
    said = said[:QUOTED]
    reason = f"{heard.status} {said or heard.quoted}"
    pause = REFUSALS.get(heard.status)
    if pause is not None:
        return Unsent(reason, pause)
    later = heard.retry_after_s
    if heard.status == TOO_MANY or (heard.status == UNAVAILABLE and later is not None):
        return Unsent(reason, retry_after_s=later)
    if not said or not FAULTS <= heard.status < SERVER_FAULTS or heard.status in OF_THE_WAY:
        return Unknown(f"neither accepted nor refused: {reason}")
    pause = _pause(said)
    return Dead(reason) if pause is None else Unsent(reason, pause)


def _became(told: Mapping[str, Any], attempt: Attempt) -> Outcome:
    """What a task says of its receipt, held against what was asked for."""
    named = told.get("external_id")
    if named != attempt.key:
        reason = f"task {attempt.provider_id} is of {named!r}: {NOT_ITS}"
        return Unknown(reason, misled=isinstance(named, str))
    said = str(told.get("error_description") or "no reason")
    match told.get("state"):
        case "new":
            return Accepted(attempt.provider_id)
        case "error":
            return Dead(f"the register failed: {said}", pause=_pause(said))
        case "done":
            fiscal = told.get("fiscal_data")
            if not isinstance(fiscal, dict) or not any(fiscal.get(name) for name in NUMBERS):
                return Unsent("asking failed: done, but no document is told yet")
            document = _document(fiscal)
            if document is None or (document.total, document.sign) != _asked(attempt.body):
                numbers = ", ".join(f"{name}={fiscal.get(name)}" for name in QR_FIELDS)
                return recorded(f"its document is none of ours: {numbers}")
            return Done(document, attempt.provider_id)
        case other:
            return Unknown(f"Komtet says state {other!r}: {said}")


def _document(told: object) -> FiscalDocument | None:
    """`fiscal_data`: the fields of the QR; None if they make none."""
    if not isinstance(told, dict):
        return None
    total, fd, fp = kopecks(told.get("s")), number(told.get("i")), number(told.get("fp"))
    if total is None or fd is None or fp is None:
        return None
    document = read_qr(
        f"t={told.get('t')}&s={total // 100}.{total % 100:02d}&fn={told.get('fn')}"
        f"&i={fd}&fp={fp}&n={told.get('n')}"
    )
    return document if document is not None and plausible(document) else None


def _asked(body: str) -> tuple[int, int] | None:
    """Total in kopecks and sign of a stored body; None if it is none of ours."""
    told = object_in(body.encode()) or {}
    try:
        sums = [kopecks(position["total"]) for position in told["positions"]]
        sign = SIGNS[told["intent"]]
    except (KeyError, TypeError):
        return None
    known = [each for each in sums if each is not None]
    return (sum(known), sign) if len(known) == len(sums) else None


def _texts(raw: bytes) -> list[str]:
    """Every text in an answer's JSON: where a refusal says its reason is not known."""
    try:
        found, left = [], [msgspec.json.decode(raw)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    while left:
        match left.pop():
            case str(text):
                found.append(text)
            case dict() as each:
                left.extend(reversed(each.values()))
            case list() as each:
                left.extend(reversed(each))
    return found


def _pause(said: str) -> Pause | None:
    found = (each for each, words in WORDS.items() if re.search(words, said, re.IGNORECASE))
    return next(found, None)


def _sign(secret: str, method: str, url: str, body: bytes) -> str:
    return hmac.new(secret.encode(), (method + url).encode() + body, hashlib.md5).hexdigest()

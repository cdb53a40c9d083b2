"""What Ferma answers: tokens, refusals, repetitions, what became of a receipt. Pure.

A refusal comes with HTTP 200 as well as with other statuses, so its body is read first.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cloud.calling import Answer, number
from cloud.fiscal import FiscalDocument, as_in_qr, plausible, read_qr
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent, recorded
from cloud.providers import PATH_ASKED, Attempt, astray
from cloud.providers.ferma.request import settlement
from cloud.providers.ferma.settings import Fault, Settings

NEW: Final = 0
MADE: Final = frozenset({1, 2})
"""`StatusCode`: made on the register; confirmed by the operator of fiscal data as well."""
KKT_ERROR: Final = 3
NUMBERS: Final = ("FN", "FDN", "FPD")
DUPLICATE: Final = 1019
"""`Error.Code`: the key is known; the `ReceiptId` of before stands in the message, in dashes."""

UNAUTHORIZED: Final = 401
NO_ACCESS: Final = frozenset({UNAUTHORIZED, 403})
TOO_MANY: Final = 429
UNAVAILABLE: Final = 503
FAULTS: Final = 400
SERVER_FAULTS: Final = 500

PAUSES: Final[Mapping[Fault, Pause]] = {
    "auth": Pause.AUTH,
    "billing": Pause.BILLING,
    "drive": Pause.DRIVE,
    "no_register": Pause.NO_REGISTER,
}
DRIVE_IS_FULL: Final = r"фискальн\w+ накопител\w+.*(заполн|исчерп|ист[её]к|заблокир)"
WORDS: Final[Mapping[Fault, str]] = {
    # Its own failure, told as a refusal: the receipt may have been stored before it.
    "unknown": r"внутренн\w+ ошибк|ошибк\w+ (на )?сервер|(неизвестн|непредвиденн|системн)\w+ ошибк"
    r"|internal|server error|время ожидания|тайм-?аут|time-?d? ?out",
    "auth": r"токен|token|авториз|уч[её]тн\w+ запис|логин|парол",
    "billing": r"тариф|баланс|задолженн|не оплачен",
    "drive": DRIVE_IS_FULL,
    "no_register": r"(не найден|нет|отсутству)\w*\s.*касс[аыу]?\b|касс[аы]\b.*\bне найден",
    "busy": r"слишком много запросов|перегружен|(попробуйте|повторите) позже",
}
"""Whose fault a refusal is, the first that matches; else it is the receipt's."""

_EARLIER: Final = re.compile(r"--\s*([0-9A-Za-z]+(?:-[0-9A-Za-z]+)*)\s*--", re.ASCII)
_NOT_FOUND: Final = re.compile(r"не\s+найден|not\s+found", re.IGNORECASE)

_Json = Mapping[str, Any]


def succeeded(heard: Answer, told: _Json) -> bool:
    """Whether it says that it did what was asked."""
    return heard.status < FAULTS and told.get("Status") == "Success"


def first_text(name: str, *places: object) -> str | None:
    """The first text of that name in objects; None if there is none."""
    texts = (place.get(name) for place in places if isinstance(place, dict))
    return next((each for each in texts if isinstance(each, str) and each), None)


def not_found(reason: str) -> bool:
    """Whether a refusal says that there is no such receipt."""
    return _NOT_FOUND.search(reason) is not None


def token_in(heard: Answer | Unsent | Unknown) -> str | Unsent:
    """The token, or why there is none; whatever that is, nothing of a receipt was sent."""
    if not isinstance(heard, Answer):
        return Unsent(f"no token: {heard.reason}")
    told = heard.object() or {}
    token = first_text("AuthToken", told.get("Data")) if succeeded(heard, told) else None
    if token is not None:
        return token
    said = _said(told)
    ours = said is not None and heard.status < SERVER_FAULTS and heard.status != TOO_MANY
    pause = Pause.AUTH if ours or heard.status in NO_ACCESS else None
    why = f"{heard.status} {heard.quoted}" if said is None else said[1]
    if said is None and astray(heard):
        why = f"{why}: {PATH_ASKED}"
    return Unsent(f"no token: {why}", pause, heard.retry_after_s)


def refuses_token(heard: Answer) -> bool:
    """Whether a new token would help."""
    said = _said(heard.object() or {})
    if said is None:
        return heard.status == UNAUTHORIZED
    code, message = said
    return heard.status == UNAUTHORIZED or (
        code != DUPLICATE and re.search("токен|token", message, re.IGNORECASE) is not None
    )


def refused(heard: Answer, told: _Json, codes: Mapping[str, Fault]) -> Outcome:
    """A repetition, a refusal, or something that makes no sense."""
    said = _said(told)
    if said is not None and said[0] == DUPLICATE:
        earlier = _EARLIER.search(said[1])
        return Accepted(earlier[1] if earlier else None)
    reason = f"{heard.status} {heard.quoted}" if said is None else f"code {said[0]}: {said[1]}"
    if heard.status in NO_ACCESS:
        return Unsent(reason, Pause.AUTH)
    later = heard.retry_after_s
    if heard.status == TOO_MANY or (heard.status == UNAVAILABLE and later is not None):
        return Unsent(reason, retry_after_s=later)
    if said is None or heard.status >= SERVER_FAULTS:
        return Unknown(f"neither accepted nor refused: {reason}")
    match codes.get(str(said[0])) or _fault(said[1]):
        case "receipt":
            return Dead(reason)
        case "unknown":
            return Unknown(f"the provider failed: {reason}")
        case fault:
            return Unsent(reason, PAUSES.get(fault), later)


def became(given: _Json, attempt: Attempt, settings: Settings) -> Outcome:
    """What a status says of a receipt."""
    receipt_id = first_text("ReceiptId", given) or attempt.provider_id
    if attempt.provider_id is not None and receipt_id != attempt.provider_id:
        return Unknown(f"asked about one receipt, Ferma tells of another: {receipt_id}")
    said = first_text("StatusMessage", given) or first_text("Description", given) or "no reason"
    status = number(given.get("StatusCode"))
    if status == NEW:
        return Accepted(receipt_id)
    if status == KKT_ERROR:
        full = re.search(DRIVE_IS_FULL, said, re.IGNORECASE) is not None
        return Dead(f"the register failed: {said}", pause=Pause.DRIVE if full else None)
    if status not in MADE:
        return Unknown(f"Ferma says status {given.get('StatusCode')!r}: {said}")
    device = given.get("Device")
    if not isinstance(device, dict) or not any(device.get(name) for name in NUMBERS):
        # The status and the device's answer need not be of one moment.
        if attempt.provider_id is None:
            return Accepted(receipt_id)
        return Unsent("asking failed: made, but no document is told yet")
    document = _document(given, attempt.body, settings)
    if document is None:
        return recorded(f"its status makes no document of ours: {_numbers(given)}")
    return Done(document, receipt_id, first_text("OfdReceiptUrl", given["Device"]))


def _said(told: _Json) -> tuple[int | None, str] | None:
    """Code and message of a refusal; None if it is none."""
    error = told.get("Error")
    if told.get("Status") != "Failed" or not isinstance(error, dict):
        return None
    return number(error.get("Code")), str(error.get("Message") or "no message")


def _fault(message: str) -> Fault:
    found = (each for each, words in WORDS.items() if re.search(words, message, re.IGNORECASE))
    return next(found, "receipt")


def _document(given: _Json, body: str, settings: Settings) -> FiscalDocument | None:
    """The document, with total and sign of the request; None if it makes no QR."""
    device, asked, at = given.get("Device"), settlement(body), _local_time(given, settings)
    if not isinstance(device, dict) or asked is None or at is None:
        return None
    fd, fp = number(device.get("FDN")), number(device.get("FPD"))
    if fd is None or fp is None:
        return None
    total, sign = asked
    document = FiscalDocument(str(device.get("FN")), fd, fp, at, total, sign)
    if read_qr(document.qr) != document or not plausible(document):
        return None
    return replace(document, rnm=first_text("RNM", device) or "")


def _local_time(given: _Json, settings: Settings) -> str | None:
    """Tag 1012 as the QR has it: ``2023-01-16T17:46:25+03:00[Europe/Moscow]``, or as it is set."""
    zone = ZoneInfo(settings.timezone)
    unsaid = zone if settings.receipt_date == "local" else UTC
    for told in (given.get("ReceiptDateTimeIso"), given.get("ReceiptDateUtc")):
        try:
            when = datetime.fromisoformat(str(told).partition("[")[0])
            when = when if when.tzinfo is not None else when.replace(tzinfo=unsaid)
            return as_in_qr(when.astimezone(zone))
        except (ValueError, OverflowError):
            continue
    return None


def _numbers(given: _Json) -> str:
    """What there is of it, for the person who has to look."""
    device = given.get("Device")
    told = device if isinstance(device, dict) else {}
    at = given.get("ReceiptDateTimeIso") or given.get("ReceiptDateUtc")
    return ", ".join([*(f"{name} {told.get(name)}" for name in NUMBERS), f"at {at}"])

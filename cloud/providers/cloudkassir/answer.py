"""What CloudKassir answers: its error codes as tables, the document in its QR text. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from cloud.calling import kopecks, number
from cloud.fiscal import FiscalDocument, as_in_qr, plausible, read_qr
from cloud.outcome import Accepted, Dead, Outcome, Pause, Unknown, Unsent

DATA: Final = frozenset({4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 23, 24, 26, 27})
"""`ErrorCode`: what is in the request is wrong. Nothing was recorded, and never will be."""
PAUSES: Final[Mapping[int, Pause]] = {
    **dict.fromkeys((2, 3, *range(15, 22)), Pause.NO_REGISTER),
    8: Pause.DRIVE,
    25: Pause.BILLING,
}
"""`ErrorCode`: it is the account or its registers, not the receipt."""
LATER_S: Final[Mapping[int, float]] = {22: 3660.0}
"""`ErrorCode`: later. The day's test receipts are used up."""
UNDEFINED: Final = -1
"""`ErrorCode` of an unknown error, and of a company (INN) that the account does not have."""

SIGNS: Final = {"Income": 1, "IncomeReturn": 2, "Expense": 3, "ExpenseReturn": 4}
NUMBERS: Final = ("FiscalNumber", "DocumentNumber", "FiscalSign")
LINKS: Final = ("OfdReceiptUrl", "Url")
QR_FIELDS: Final = ("t", "s", "fn", "i", "fp", "n")


def submitted(answer: Mapping[str, Any]) -> Outcome:
    """Accepted, or refused for a reason that is in the tables; else it may be recorded."""
    model = answer.get("Model")
    if not isinstance(model, dict):
        return Unknown(f"an answer without a model: {said(answer)}")
    if answer.get("Success") is True and model.get("Id"):
        return Accepted(str(model["Id"]))
    if answer.get("Success") is not False:
        return Unknown(f"neither accepted nor refused: {said(answer)}")
    return _refusal(model.get("ErrorCode"), said(answer))


def _refusal(code: object, why: str) -> Outcome:
    if not isinstance(code, int):
        return Unknown(f"refused without a code: {why}")
    reason = f"code {code}: {why}"
    if code in DATA:
        return Dead(reason)
    if code in PAUSES:
        return Unsent(reason, PAUSES[code])
    if code in LATER_S:
        return Unsent(reason, retry_after_s=LATER_S[code])
    if code == UNDEFINED and "ИНН" in why and "не найден" in why:
        return Unsent(reason, Pause.NO_REGISTER)
    return Unknown(reason)


def not_told(outcome: Unsent | Unknown) -> Unsent:
    """Asking failed: what was accepted stays accepted, and a register at fault stays known."""
    reason = f"asking failed: {outcome.reason}"
    return replace(outcome, reason=reason) if isinstance(outcome, Unsent) else Unsent(reason)


def state(answer: Mapping[str, Any]) -> object:
    """A word; a correction's may stand inside of an object."""
    model = answer.get("Model")
    return model.get("Status") if isinstance(model, dict) else model


def details(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of the document: beside the receipt, or a correction's own."""
    model = answer.get("Model")
    if not isinstance(model, dict):
        return None
    told = model.get("AdditionalData", model)
    return told if isinstance(told, dict) else None


def of_another(answer: Mapping[str, Any], provider_id: str, key: str) -> str:
    """The number that the details are of, if it is another; a correction's bear no other label.

    What bears our label is ours: no source shows that its `Id` is the number of the answer.
    """
    told = details(answer) or {}
    of = _text(told.get("Id"))
    ours = {_text(told.get("InvoiceId")).lower() == key.lower(), of.lower() == provider_id.lower()}
    return "" if any(ours) else of


def document(told: Mapping[str, Any], hours_ahead: int | None) -> FiscalDocument | str:
    """The document in the QR text, held against the numbers beside it; or why there is none."""
    fn, fd, fp = (number(told.get(name)) for name in NUMBERS)
    amounts = told.get("Amounts")
    total = kopecks(told.get("Amount", amounts.get("Sum") if isinstance(amounts, dict) else None))
    sign = SIGNS.get(str(told.get("Type"))) or number(told.get("CorrectionReceiptType"))
    read = (_in_address(told.get(name)) for name in ("QrCodeUrl", *LINKS))
    found = next((each for each in read if each), None)
    if found is None:
        match fd, fp, total, _local(told.get("DateTime"), hours_ahead), sign:
            case int(fd), int(fp), int(total), str(at), 1 | 2 as sign if fn is not None:
                found = FiscalDocument(str(told["FiscalNumber"]).strip(), fd, fp, at, total, sign)
            case _:
                return f"without a QR text, and the register's time is not told: {numbers(told)}"
    if not plausible(found):
        return f"with numbers that no document has: {numbers(told)}"
    if (fn, fd) != (number(found.fn), found.fd) or any(
        beside is not None and beside != inside
        for beside, inside in ((fp, found.fp), (total, found.total), (sign, found.sign))
    ):
        return f"its QR text {found.qr} is not of what stands beside it: {numbers(told)}"
    return replace(found, rnm=_text(told.get("RegNumber")), ofd_inn=_text(told.get("OfdInn")))


def tells_a_document(told: Mapping[str, Any]) -> bool:
    """Whether there is any trace of a document; else its details may only be late."""
    return any(told.get(name) for name in (*NUMBERS, "QrCodeUrl"))


def _in_address(url: object) -> FiscalDocument | None:
    """The QR text in an address: as `q`, or as six fields of its own (1-OFD), in any order."""
    try:
        query = _fields_in(urlsplit(str(url or "")).query)
    except ValueError:
        return None
    # Where nobody has escaped it, the other five stand beside it.
    query |= _fields_in(query.get("q", ""))
    return read_qr("&".join(f"{name}={query.get(name, '')}" for name in QR_FIELDS))


def _fields_in(query: str) -> dict[str, str]:
    """One that is told twice is none."""
    return {name: each[0] for name, each in parse_qs(query).items() if len(each) == 1}


def _local(told: object, hours_ahead: int | None) -> str | None:
    """`DateTime`, UTC, as the QR text has it; None if it is none, or nobody says where."""
    try:
        when = datetime.fromisoformat(str(told))
        utc = when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)
        local = None if hours_ahead is None else utc + timedelta(hours=hours_ahead)
    except (ValueError, OverflowError):
        return None
    return as_in_qr(local) if local else None


def link(told: Mapping[str, Any]) -> str | None:
    """The page of the document."""
    return next((text for name in LINKS if (text := _text(told.get(name)))), None)


def numbers(told: Mapping[str, Any]) -> str:
    """What a person needs to find the document by."""
    return ", ".join(f"{name} {told.get(name)}" for name in (*NUMBERS, "Amount", "DateTime"))


def said(answer: Mapping[str, Any]) -> str:
    """The provider's own words."""
    return str(answer.get("Message") or answer.get("Warning") or "no message")


def warnings(told: Mapping[str, Any]) -> list[str]:
    """`Warnings`: what is the matter, and what to do."""
    listed = told.get("Warnings")
    texts = []
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            parts = (each.get("Description"), each.get("ResolveAction"))
            texts.append(": ".join(str(part) for part in parts if part) or str(each.get("Code")))
    return texts


def objects(body: bytes) -> list[dict[str, Any]] | None:
    """The objects of a list that stands alone, or is the model of an answer; None if it is none."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    listed = told.get("Model") if isinstance(told, dict) else told
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else None


def _text(told: object) -> str:
    return str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""

"""What ATOL answers, in our words. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from cloud.calling import Answer, kopecks, number
from cloud.fiscal import FiscalDocument, plausible, stamp
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
from cloud.providers import Attempt
from cloud.providers.atol.codes import HAS_IT, MISSING_UUID, STALE, failure, meaning
from cloud.providers.atol.request import SIGNS

OF_A_REGISTER: Final = ("agent", "driver")
"""`error.type` of what did not come as far as a document."""


def error_in(told: Mapping[str, Any]) -> tuple[int | None, str]:
    """The error's code, and what to say of it; no code if there is no error, or none with one."""
    error = _error(told)
    code, text = error.get("code"), error.get("text")
    if not isinstance(code, int) or isinstance(code, bool):
        code = number(code)
    said = text if isinstance(text, str) and text else "no reason given"
    return code, said if code is None else f"code {code}: {said}"


def stale(answer: Answer) -> bool:
    """Whether the token was not taken; a 401 without a code says no more than that."""
    code, _ = error_in(answer.object() or {})
    return code in STALE or (code is None and answer.status == 401)


def token_in(told: Mapping[str, Any]) -> str | None:
    """A token that can be sent as a header."""
    token = told.get("token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        return None
    return token or None


def submitted(answer: Answer) -> Outcome:
    """What became of a receipt that was posted."""
    if answer.status == 429:
        return Unsent("429: too many requests", retry_after_s=answer.retry_after_s)
    if answer.status >= 500:
        return Unknown(f"{answer.status} from the provider: {answer.quoted}")
    told = answer.object() or {}
    code, said = error_in(told)
    uuid = _uuid(told)
    if uuid is not None and (code in HAS_IT or (answer.status < 300 and not told.get("error"))):
        return Accepted(uuid)
    if code is not None:
        return meaning(code, said)
    if answer.status == 401:
        return Unsent("401: the token is not taken", Pause.AUTH)
    return Unknown(f"{answer.status}, neither accepted nor refused: {answer.quoted}")


def reported(answer: Answer, attempt: Attempt) -> Outcome:
    """What a report says of an accepted receipt."""
    if answer.status == 429 or answer.status >= 500:
        return Unsent(f"asking failed: {answer.status}", retry_after_s=answer.retry_after_s)
    told = answer.object() or {}
    named = told.get("external_id")
    if named not in (None, attempt.key):
        # The uuid may come from a push that anybody could have sent.
        reason = f"uuid {attempt.provider_id}: the number is not this receipt's: {named!r}"
        return Unknown(reason, misled=True)
    of = _text(told.get("uuid")) or attempt.provider_id or ""
    if named is None and of.lower() != (attempt.provider_id or "").lower():
        # Not every one of them names the key; what does is this receipt's, however its uuid is written.
        return Unknown(f"asked about uuid {attempt.provider_id}, told of another: {of}")
    match told.get("status"), _error(told).get("type"):
        case "wait", _:
            return Accepted(attempt.provider_id)
        case "done", _:
            return _done(told, attempt)
        case "fail", "timeout":
            # Its number is not the same in all descriptions, and 1 has other meanings as well.
            return Dead(f"it waited in the queue for too long: {error_in(told)[1]}", again=True)
        case "fail", kind if kind in OF_A_REGISTER:
            return failure(*error_in(told))
        case _:
            return _no_report(answer, told, attempt)


def _no_report(answer: Answer, told: Mapping[str, Any], attempt: Attempt) -> Outcome:
    """The service speaks of the question, not of the receipt."""
    code, said = error_in(told)
    if code in HAS_IT:
        return Accepted(attempt.provider_id)
    if code == MISSING_UUID:
        # Were the uuid a stranger's, the repetition would be told the right one: code 33.
        return Unknown(f"the provider lost a receipt that it had accepted: {said}")
    refused = meaning(code, said)
    if isinstance(refused, Unsent):
        return replace(refused, reason=f"asking failed: {said}")
    if code is None and answer.status == 401:
        return Unsent("asking failed: 401: the token is not taken", Pause.AUTH)
    if told.get("status") == "fail" and told.get("uuid") == attempt.provider_id:
        # Its own report has come to an end, and no more will come.
        return Unknown(
            f"whether it has been recorded is not told, and will not be: {said}; {NEXT},"
            " or --not-issued",
            final=True,
        )
    return Unknown(f"{answer.status}, a report that says nothing: {answer.quoted}")


def _done(told: Mapping[str, Any], attempt: Attempt) -> Outcome:
    payload = told.get("payload")
    if not isinstance(payload, dict) or not any(payload.get(name) for name in _NUMBERS[:3]):
        return Unsent("asking failed: done, but no document is told yet")
    document = _document(payload, attempt)
    if document is None:
        return recorded(f"the document in its report is incomplete: {_numbers(payload)}")
    return Done(document, attempt.provider_id, _text(payload.get("ofd_receipt_url")) or None)


_NUMBERS: Final = (
    "fn_number",
    "fiscal_document_number",
    "fiscal_document_attribute",
    "receipt_datetime",
    "total",
)


def _numbers(payload: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {payload.get(name)}" for name in _NUMBERS)


def _document(payload: Mapping[str, Any], attempt: Attempt) -> FiscalDocument | None:
    operation, _, _ = attempt.body.partition("\n")
    fn = _text(payload.get("fn_number"))
    fd = number(payload.get("fiscal_document_number"))
    fp = number(payload.get("fiscal_document_attribute"))
    at = stamp(_text(payload.get("receipt_datetime")), "%d.%m.%Y %H:%M:%S")
    total = kopecks(payload.get("total"))
    if fd is None or fp is None or at is None or total is None or operation not in SIGNS:
        return None
    document = FiscalDocument(
        fn=fn,
        fd=fd,
        fp=fp,
        at=at,
        total=total,
        sign=SIGNS[operation],
        rnm=_text(payload.get("ecr_registration_number")),
        ofd_inn=_text(payload.get("ofd_inn")),
    )
    return document if plausible(document) else None


def _error(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The error's object; E-COM's stands at the top, and has code 0 if there is none."""
    error = told.get("error")
    if isinstance(error, dict):
        return error
    return told if told.get("code") and "text" in told else {}


def _uuid(told: Mapping[str, Any]) -> str | None:
    """It stands beside an error, or in it."""
    return _text(told.get("uuid")) or _text(_error(told).get("uuid")) or None


def _text(told: object) -> str:
    return str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""

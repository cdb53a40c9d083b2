"""What Orange Data's answers mean, by status, as two tables. Pure.

Names in an answer are read in small letters: the protocol's table and its samples spell some of
them differently (`ofdINN`, `ofdinn`).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from cloud.calling import Answer, kopecks, number, object_in
from cloud.fiscal import FiscalDocument, plausible, stamp
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent, recorded
from cloud.providers import Attempt

BAD: Final = 400
NO_ACCESS: Final = 401
BUSY: Final = 503
NUMBERS: Final = ("fsnumber", "documentnumber", "fp")
"""A status that tells none of them tells of no document."""
SAID: Final = ("id", "fsNumber", "documentNumber", "fp", "processedAt")
"""What a person finds the document by."""
_PAUSES: Final = (
    (r"подпис|signature|сертификат|certificate|\bключ|'key'|\bорганизаци", Pause.AUTH),
    (r"\bгрупп\w*+(?! товар)|'group'", Pause.NO_REGISTER),
)
"""Assumed words of a refusal that is not the document's fault."""
_WHEN: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:[+-]\d\d:\d\d)?", re.ASCII)
"""The register's local time; a zone beside it changes nothing."""


def submitted(answer: Answer, attempt: Attempt) -> Outcome:
    """What an answer to POST says."""
    return _SUBMITTED.get(answer.status, _senseless)(answer, attempt)


def asked(answer: Answer, attempt: Attempt) -> Outcome:
    """What a status says; an answer that tells nothing of the receipt changes nothing."""
    if answer.status != NO_ACCESS and _is_page(answer):
        return _not_told(answer, attempt)
    return _ASKED.get(answer.status, _not_told)(answer, attempt)


def is_unknown(answer: Answer) -> bool:
    """Whether a status says that there is no such id."""
    return answer.status == BAD and _is_own(answer)


def folded(told: object) -> dict[str, Any]:
    """An object with its names in small letters; empty, if it is none."""
    if not isinstance(told, dict):
        return {}
    return {str(name).lower(): value for name, value in told.items()}


def _is_page(answer: Answer) -> bool:
    """A page is a gateway's word."""
    return answer.body.lstrip().startswith(b"<")


def _is_own(answer: Answer) -> bool:
    """Whether it is surely the provider's: an object, an array, or nothing.

    Gateways have a 524 of their own, with a page or ``error code: 524``.
    """
    if not answer.body.strip():
        return True
    try:
        return isinstance(msgspec.json.decode(answer.body), dict | list)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _accepted(_answer: Answer, attempt: Attempt) -> Outcome:
    return Accepted(attempt.key)


def _no_access(_answer: Answer, _attempt: Attempt) -> Outcome:
    return Unsent("401: the provider does not accept the client certificate", Pause.AUTH)


def _refused(answer: Answer, _attempt: Attempt) -> Outcome:
    """400: the document's own fault, unless it is the signature's, the key's or the group's."""
    said = _errors(answer)
    if said is None:
        # Not this API's form. A gateway says so that it was shown no certificate.
        if b"certificate" in answer.body:
            return Unsent(f"400: {answer.quoted}", Pause.AUTH)
        return Unknown(f"400 without errors: {answer.quoted}")
    for words, pause in _PAUSES:
        if re.search(words, said, re.IGNORECASE):
            return Unsent(f"400: {said}", pause)
    return Dead(f"400: {said}")


def _busy(answer: Answer, attempt: Attempt) -> Outcome:
    """429, or 503 with `Retry-After`; a 503 without it is no word about the queue."""
    if answer.status == BUSY and "Retry-After" not in answer.headers:
        return _senseless(answer, attempt)
    reason = f"{answer.status}: the provider is busy"
    return Unsent(reason, retry_after_s=answer.retry_after_s)


def _senseless(answer: Answer, _attempt: Attempt) -> Outcome:
    return Unknown(f"{answer.status} from the provider: {answer.quoted}")


def _found(answer: Answer, attempt: Attempt) -> Outcome:
    told = answer.object()
    status = folded(told)
    if not any(status.get(name) for name in NUMBERS):
        return _not_told(answer, attempt)
    document = _document(status, attempt)
    if document is None:
        said = ", ".join(f"{name} {status.get(name.lower())}" for name in SAID)
        return recorded(f"the document of the status is none of ours: {said}")
    return Done(document, attempt.key)


def _no_such(answer: Answer, attempt: Attempt) -> Outcome:
    said = _errors(answer) or answer.quoted
    if attempt.provider_id is not None:
        return Unknown(f"the provider does not know what it had accepted: {said}")
    return Unsent(f"the provider has no such receipt: {said}", absent=True)


def _marking_failed(answer: Answer, attempt: Attempt) -> Outcome:
    if not _is_own(answer):
        return _not_told(answer, attempt)
    return Dead(f"422: the marking code did not pass: {_errors(answer) or answer.quoted}")


def _expired(answer: Answer, attempt: Attempt) -> Outcome:
    if not _is_own(answer):
        return _not_told(answer, attempt)
    return Dead("524: it expired in the provider's queue", again=True)


def _not_told(answer: Answer, _attempt: Attempt) -> Outcome:
    said = f"asking failed: {answer.status} from the provider: {answer.quoted}"
    return Unsent(said, retry_after_s=answer.retry_after_s)


_Reading = Callable[[Answer, Attempt], Outcome]
_SUBMITTED: Final[Mapping[int, _Reading]] = {
    201: _accepted,
    409: _accepted,  # this id is known: what became of it is asked
    BAD: _refused,
    NO_ACCESS: _no_access,
    429: _busy,
    BUSY: _busy,
}
_ASKED: Final[Mapping[int, _Reading]] = {
    200: _found,
    202: _accepted,
    BAD: _no_such,
    NO_ACCESS: _no_access,
    422: _marking_failed,
    524: _expired,
}


def _errors(answer: Answer) -> str | None:
    """What `errors` says, or a bare array; None if there is neither."""
    try:
        told = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    errors = folded(told).get("errors") if isinstance(told, dict) else told
    if not isinstance(errors, list) or not errors:
        return None
    return "; ".join(each if isinstance(each, str) else _short(each) for each in errors)


def _short(told: object) -> str:
    return msgspec.json.encode(told).decode()[:200]


def _document(told: Mapping[str, Any], attempt: Attempt) -> FiscalDocument | None:
    """The document of a status; None if it is none, or another receipt's.

    The content comes back as it was sent; where it does not, what was sent is what counts.
    """
    sent = folded((object_in(attempt.body.encode()) or {}).get("content"))
    back = folded(told.get("content"))
    content = {**sent, **{name: value for name, value in back.items() if value is not None}}
    fn = str(told.get("fsnumber"))
    fd, fp = number(told.get("documentnumber")), number(told.get("fp"))
    when = _WHEN.fullmatch(str(told.get("processedat")))
    at = stamp(when[1], "%Y-%m-%dT%H:%M:%S") if when else None
    total, sign = _total(content), number(content.get("type"))
    if told.get("id") != attempt.key:
        return None
    if fd is None or fp is None or at is None or total is None or sign is None:
        return None
    rnm, ofd_inn = (str(told.get(name) or "") for name in ("devicern", "ofdinn"))
    document = FiscalDocument(fn, fd, fp, at, total, sign, rnm, ofd_inn)
    return document if plausible(document) else None


def _total(content: Mapping[str, Any]) -> int | None:
    """Tag 1020, in kopecks: `totalSum`, or the price of the only piece."""
    if "totalsum" in content:
        return kopecks(content["totalsum"])
    match content.get("positions"):
        case [position] if (line := folded(position)).get("quantity") == 1:
            return kopecks(line.get("price"))
        case _:
            return None

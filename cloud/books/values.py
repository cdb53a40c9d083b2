"""Values: a text from the command line or a cell becomes what it means, or says what was expected."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from cloud.books.words import NOTHING, VAT, YES_NO, plain
from cloud.cp866 import normalised
from cloud.inn import is_inn
from cloud.marking import is_gtin
from cloud.sale_day import zone_of
from edge.wire.messages import MachineId

Read = Callable[[str], Any]
"""Raises ValueError whose message names the text and what was expected."""

RATES: Final = ("none", "0", "5", "7", "10", "standard")
LONGEST_EMAIL: Final = 64
LONGEST_HOURS: Final = 24 * 366
_NAME: Final = re.compile(r"\w[\w.-]{0,63}")
_SLOT: Final = re.compile(r"(?:0x)?([0-9a-f]{1,4})", re.IGNORECASE)
_RUSSIAN_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_EMAIL: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")
_HOURS: Final = re.compile(r"\d{1,4}(?:[.,]\d{1,2})?", re.ASCII)


def name(text: str) -> str:
    """What an operator, a register, a product or a planogram is called (`cloud.fleet.Name`)."""
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is no name; expected letters, digits, '_', '.' and '-', at most 64, a letter"
            " or digit first"
        )
    return text


def machine_id(text: str) -> str:
    """As the machine has it in its own configuration, and in its certificate."""
    try:
        return msgspec.convert(text, MachineId)
    except msgspec.ValidationError:
        raise ValueError(
            f"{text!r} is no machine's id; expected Latin letters, digits, '_', '.' and '-', at"
            " most 64, a letter or digit first, such as vm-000123"
        ) from None


def printed(longest: int) -> Read:
    """A text that stands on the receipt: in the register's letters it is not empty, nor too long."""

    def read(text: str) -> str:
        told = " ".join(text.split())
        length = max(len(told), len(normalised(told)))
        if not normalised(told):
            raise ValueError(f"{text!r} has no letter that a register prints; expected a text")
        if length > longest:
            raise ValueError(
                f"{told[:20]!r}… has {length} characters on the receipt; expected at most {longest}"
            )
        return told

    return read


def optional(read: Read, nothing: object = "") -> Read:
    """The same, or nothing at all: an empty text."""
    return lambda text: read(text) if text.strip() else nothing


def dropped(read: Read) -> Read:
    """The same; `none` and an empty text take the value away."""
    return lambda text: read(text) if text.strip() and plain(text) not in NOTHING else None


def inn(text: str) -> str:
    """Tag 1018. A spreadsheet drops a leading zero: where the digits are right with it, it is meant."""
    digits = text.strip()
    for each in (digits, f"0{digits}"):
        if is_inn(each):
            return each
    raise ValueError(
        f"{text!r} is no INN; expected 10 or 12 digits of which the last are right"
        " (they are a checksum)"
    )


def gtin(text: str) -> str:
    """Fourteen digits; a shorter bar code (EAN-8, UPC, EAN-13) gets zeros in front."""
    digits = text.strip()
    if len(digits) in {8, 12, 13, 14} and is_gtin(digits.zfill(14)):
        return digits.zfill(14)
    raise ValueError(
        f"{text!r} is no GTIN; expected the 8, 12, 13 or 14 digits of the bar code, the last of"
        " which is a checksum"
    )


def email(text: str) -> str:
    """Tag 1117."""
    told = text.strip()
    if not _EMAIL.fullmatch(told) or len(told) > LONGEST_EMAIL:
        raise ValueError(
            f"{text!r} is no address of e-mail; expected at most {LONGEST_EMAIL} characters, such"
            " as checks@coffee.example"
        )
    return told


def slot(text: str) -> str:
    """An item number as the bus has it: four hex digits; zeros in front may be left out."""
    found = _SLOT.fullmatch(text.strip())
    if not found:
        raise ValueError(
            f"{text!r} is no slot; expected up to four hex digits, as the bus says them:"
            " 1 is 0001, 1a is 001a"
        )
    return found[1].lower().zfill(4)


def day(text: str) -> date:
    """``2026-11-23`` or ``23.11.2026``."""
    told = text.strip()
    russian = _RUSSIAN_DAY.fullmatch(told)
    try:
        if russian:
            return date(int(russian[3]), int(russian[2]), int(russian[1]))
        if _ISO_DAY.fullmatch(told):
            return date.fromisoformat(told)
    except ValueError:
        pass  # the 30th of February
    raise ValueError(f"{text!r} is no day; expected such as 2026-11-23 or 23.11.2026")


def timezone(text: str) -> str:
    """Where the machine's hours are."""
    told = text.strip()
    if zone_of(told) is None:
        raise ValueError(
            f"{text!r} is no time zone; expected its name, such as Europe/Moscow or"
            " Asia/Yekaterinburg"
        )
    return told


def hours(text: str) -> float:
    """Of an age."""
    told = text.strip()
    count = float(told.replace(",", ".")) if _HOURS.fullmatch(told) else 0
    if not 0 < count <= LONGEST_HOURS:
        raise ValueError(f"{text!r} is no number of hours; expected more than 0, such as 24")
    return count


def yes_no(text: str) -> bool:
    """``yes`` or ``no``."""
    try:
        return YES_NO[text.strip().casefold()]
    except KeyError:
        raise ValueError(f"{text!r} is no answer; expected yes or no") from None


def one_of(what: str, choices: tuple[str, ...], also: Mapping[str, str]) -> Read:
    """One of a few words, or of those that mean the same."""
    meant = {plain(each): each for each in choices} | dict(also)

    def read(text: str) -> str:
        try:
            return meant[plain(text)]
        except KeyError:
            raise ValueError(
                f"{text!r} is no {what}; expected one of {', '.join(choices)}"
            ) from None

    return read


_RATE: Final = one_of("rate of VAT", RATES, VAT)


def vat(text: str) -> str:
    """A rate with or without its sign: ``10``, ``10 %``, ``НДС 10%``, ``без НДС``."""
    told = plain(text.replace("%", " "))
    try:
        return str(_RATE(told.removeprefix("ндс ")))
    except ValueError:
        raise ValueError(
            f"{text!r} is no rate of VAT; expected one of {', '.join(RATES)}"
            " (standard is 20 % until 2025 and 22 % from 2026 on)"
        ) from None

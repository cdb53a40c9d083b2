"""A receipt: what we ask a register to issue, in the words and tags of the fiscal data format.

Everything in it is decided once, when the sale arrives, and frozen: a repeated request is the same
request.
"""

from enum import Enum

import msgspec

from cloud.vat import VatRate


class Purpose(Enum):
    """Tag 1054, by its value."""

    INCOME = 1
    INCOME_RETURN = 2


class Taxation(Enum):
    """Tag 1055 as providers number it; the setting's word is the member's name in small letters."""

    OSN = 0
    USN_INCOME = 1
    USN_INCOME_OUTCOME = 2
    ESN = 4
    PATENT = 5


class Subject(Enum):
    """Tag 1212, what is sold."""

    GOODS = 1
    EXCISABLE = 2
    SERVICE = 4


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One sale as a receipt. Amounts in kopecks; one line, paid in full (tag 1214 = 4)."""

    sale_id: str
    purpose: Purpose
    inn: str
    taxation: Taxation
    machine: str
    """Tag 1036, the automatic device's number."""
    address: str
    """Tag 1009, where the machine stands."""
    place: str
    """Tag 1187, the place within the address."""
    name: str
    """Tag 1030."""
    subject: Subject
    vat: VatRate
    amount: int
    """Tag 1020."""
    cash: int
    """Tag 1031."""
    cashless: int
    """Tag 1081."""

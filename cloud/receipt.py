"""A receipt: what we ask a register to issue, in the words and tags of the fiscal data format.

Everything in it is decided once, when the sale arrives, and frozen: a repeated request is the same
request, and a return keeps what its sale was.
"""

from enum import Enum
from typing import Final, Literal

import msgspec

from cloud.vat import VatRate


class Purpose(Enum):
    """Why a receipt is asked for. One sale has at most one of each."""

    INCOME = "income"
    INCOME_RETURN = "income_return"
    CORRECTION = "correction"
    """A correction receipt of income: the settlement had none, and gets it late."""

    @property
    def sign(self) -> int:
        """Tag 1054 of its document: 1 income, 2 return of income."""
        return _SIGN[self]


_SIGN: Final = {Purpose.INCOME: 1, Purpose.INCOME_RETURN: 2, Purpose.CORRECTION: 1}


class Taxation(Enum):
    """Tag 1055 as providers number it; the setting's word is the member's name in small letters."""

    OSN = 0
    USN_INCOME = 1
    USN_INCOME_OUTCOME = 2
    ESN = 4
    PATENT = 5


class Subject(Enum):
    """Tag 1212, what is sold. 30 to 33 exist in FFD 1.2 alone: goods that are subject to marking."""

    GOODS = 1
    EXCISABLE = 2
    SERVICE = 4
    EXCISABLE_UNMARKED = 30
    EXCISABLE_MARKED = 31
    GOODS_UNMARKED = 32
    GOODS_MARKED = 33


class Method(Enum):
    """Tag 1214, how it was settled; vending settles in full."""

    FULL_PAYMENT = 4


class MarkingMode(Enum):
    """How goods that are subject to marking are sold by a machine (reference: law 54-FZ art. 4.3)."""

    NONE = "none"
    """Not subject to marking."""
    WITHDRAWN_BEFORE = "withdrawn_before"
    """Withdrawn from circulation before they were put into the machine: an ordinary receipt."""
    GTIN_VEND = "gtin_vend"
    """The receipt names the kind of goods: its GTIN, with `mode=vend`."""
    FULL_CODE = "full_code"
    """The receipt names the very piece: its whole marking code."""


class Marking(msgspec.Struct, frozen=True, kw_only=True):
    """Of one piece: tag 1162 in FFD 1.05, tag 2000 in FFD 1.2."""

    mode: MarkingMode
    gtin: str = ""
    """14 digits, with `gtin_vend`."""
    code: str = ""
    """The code as scanned, group separators (0x1D) kept, with `full_code`."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why a correction is made: tags 1173, 1178, 1179."""

    by_order: bool
    """Tag 1173: by order of the tax service, else by oneself."""
    day: str
    """Tag 1178, the day of the settlement that is corrected: ``2026-11-23``."""
    number: str = ""
    """Tag 1179, the order's number."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One sale as a receipt. Amounts in kopecks; one line of one piece."""

    sale_id: str
    purpose: Purpose
    ffd: Literal["1.05", "1.2"] = "1.05"
    """Tag 1209."""
    inn: str
    """Tag 1018."""
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
    method: Method = Method.FULL_PAYMENT
    vat: VatRate
    amount: int
    """Tag 1020."""
    cash: int
    """Tag 1031."""
    cashless: int
    """Tag 1081."""
    marking: Marking = Marking(mode=MarkingMode.NONE)
    sold_at: str = ""
    """When it was sold, local time of the machine, no zone: ``2026-11-23T18:42:10``."""
    zone: int | None = None
    """Tag 1011: 1 is UTC+2, 2 is UTC+3 (Moscow) … 11 is UTC+12; None outside of Russia."""
    sender: str = ""
    """Tag 1117, the seller's address of e-mail; providers that demand a buyer's contact get it."""
    internet: bool | None = None
    """Tag 1125; None leaves it to the register's own setting."""
    basis: str = ""
    """Tag 1192, with a return: the fiscal sign of the receipt that is returned."""
    cause: Cause | None = None
    """With a correction."""
    duplicate: bool = False
    """With a return: it undoes a second document; the sale stays settled, and its machine is told
    nothing."""

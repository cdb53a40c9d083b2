"""The fleet: whose machines stand where, what is in their slots, and which register serves them.

Kept in the database, by `python -m cloud operator | register | product | planogram | machine`.
Amounts are kopecks, days are dates of the machine's zone.
"""

from datetime import date
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from cloud.receipt import MarkingMode, Subject, Taxation
from edge.wire.messages import END, MachineId
from edge.wire.settings import Item, Table

Name = Annotated[str, Meta(pattern=r"^[\w][\w.-]{0,63}" + END)]
"""What people call it on the command line: letters, digits, `_`, `-`, `.`; at most 64."""
Text = Annotated[str, Meta(min_length=1, max_length=243)]
"""As long as the shortest provider's field for an address."""
Inn = Annotated[str, Meta(pattern=r"^(\d{10}|\d{12})" + END)]
Gtin = Annotated[str, Meta(pattern=r"^(\d{14})?" + END)]
Vat = Literal["none", "0", "5", "7", "10", "standard"]
"""`standard` is 20 % until 2025 and 22 % from 2026 on, by the day of the sale."""
Price = Annotated[int, Meta(ge=0, le=10**9)]
Hours = Annotated[float, Meta(gt=0, le=24 * 366)]


class Policies(Table, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator, or one machine of it, wants done. None: as the operator says, or as ours."""

    fiscalise_cash: bool | None = None
    """Else sales that were paid by cash alone are kept and skipped. Ours: yes."""
    fiscalise_cashless: bool | None = None
    """Ours: yes."""
    presumed: Literal["automatic", "by_hand"] | None = None
    """A sale that the bus did not confirm in so many words. Ours: automatic."""
    late_after_h: Hours | None = None
    """From this age on a sale is late. Ours: 24."""
    late: Literal["receipt", "correction", "by_hand"] | None = None
    """What a late sale gets: the accountant decides. Ours: by hand."""
    most: Price | None = None
    """A higher price is taken for an error of the bus. Ours: no limit."""
    qr: Literal["link_then_fiscal", "fiscal"] | None = None
    """Whether a machine is sent our own link beside the fiscal code. Ours: link_then_fiscal."""

    def over(self, base: "Policies") -> "Policies":
        """These, and where they say nothing those."""
        said = {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not None
        }
        return msgspec.structs.replace(base, **said)


OURS = Policies(
    fiscalise_cash=True,
    fiscalise_cashless=True,
    presumed="automatic",
    late_after_h=24,
    late="by_hand",
    qr="link_then_fiscal",
)
"""What holds where nobody said anything."""


class Operator(Table, frozen=True, kw_only=True):
    """Whose sales these are: a company or a sole trader."""

    id: Name
    name: Text
    """As the buyer reads it on the receipt's page."""
    inn: Inn
    taxation: Literal["osn", "usn_income", "usn_income_outcome", "esn", "patent"]
    email: Annotated[str, Meta(max_length=64)] = ""
    """Tag 1117; some providers demand it."""
    policies: Policies = Policies()

    @property
    def taxation_system(self) -> Taxation:
        """Tag 1055."""
        return Taxation[self.taxation.upper()]


class Register(Table, frozen=True, kw_only=True):
    """One account of cash registers at a provider. Secrets are files, named in the settings."""

    id: Name
    operator: Name
    provider: Literal["cloudkassir", "orange", "atol", "ferma", "komtet"]
    settings: dict[str, object] = msgspec.field(default_factory=dict)
    """As the provider's own `Settings` read them."""


HARMLESS: Final = frozenset(
    {
        *("timeout_s", "rate_per_s", "poll_s", "ca", "codes", "hours_ahead", "timezone"),
        *("receipt_date", "page", "page_url", "callback_url", "callback_api_key_file"),
        *("secret_file", "password_file", "certificate", "certificate_key", "signing_key"),
    }
)
"""Keys of settings that say how an account is spoken to, and not which one it is."""


def same_account(one: Register, other: Register) -> bool:
    """Whether what one was asked for can be asked about at the other: they are one account.

    Settings are compared as they were said: a default that is said is taken for another account.
    """
    return _account(one) == _account(other)


def _account(register: Register) -> tuple[str, dict[str, object]]:
    told = {key: value for key, value in register.settings.items() if key not in HARMLESS}
    return register.provider, told


class Product(Table, frozen=True, kw_only=True):
    """What is sold, as it stands on the receipt."""

    id: Name
    operator: Name
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    """Tag 1030."""
    vat: Vat = "none"
    subject: Literal["goods", "excisable", "service"] = "goods"
    marking: Literal["none", "withdrawn_before", "gtin_vend", "full_code"] = "none"
    gtin: Gtin = ""

    @property
    def marking_mode(self) -> MarkingMode:
        """How the marked piece is told."""
        return MarkingMode(self.marking)

    @property
    def settlement_subject(self) -> Subject:
        """Tag 1212 in FFD 1.05; what FFD 1.2 makes of marked goods is decided at intake."""
        return Subject[self.subject.upper()]


class Planogram(Table, frozen=True, kw_only=True):
    """What is in which slot, of all machines that sell the same; its shelves name it."""

    id: Name
    operator: Name


class Shelf(Table, frozen=True, kw_only=True):
    """A slot of a planogram, and what is in it from one day to another."""

    operator: Name
    planogram: Name
    slot: Item
    product: Name
    valid_from: date = date(2000, 1, 1)
    valid_until: date | None = None
    """The first day on which it is no longer so; None: until something else is."""
    price_min: Price | None = None
    price_max: Price | None = None


class Machine(Table, frozen=True, kw_only=True):
    """Where a machine stands, whose it is, what it sells and which register serves it."""

    id: MachineId
    operator: Name
    register: Name
    planogram: Name
    number: Annotated[str, Meta(max_length=20)] = ""
    """Tag 1036, the factory number on its body; empty: its id."""
    address: Text
    """Tag 1009."""
    place: Text
    """Tag 1187."""
    timezone: str = "Europe/Moscow"
    internet: bool | None = None
    """Tag 1125; None leaves it to the register."""
    policies: Policies = Policies()


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """All that intake has to know of one machine, read together."""

    machine: Machine
    operator: Operator
    ffd: Literal["1.05", "1.2"]
    shelves: dict[str, tuple[Shelf, ...]]
    """By slot, in any order."""
    products: dict[str, Product]

    @property
    def policies(self) -> Policies:
        """What holds at this machine."""
        return self.machine.policies.over(self.operator.policies.over(OURS))

    def shelf(self, slot: str | None, day: date) -> Shelf | None:
        """What is in a slot on a day; the one that began last, if several are valid."""
        valid = [
            each
            for each in self.shelves.get(slot or "", ())
            if each.valid_from <= day and (each.valid_until is None or day < each.valid_until)
        ]
        return max(valid, key=lambda each: each.valid_from, default=None)


class Answers(Table, frozen=True, kw_only=True, omit_defaults=True):
    """What a person said of one sale, so that it can go on."""

    amount: Price | None = None
    """Of a sale whose amount the bus did not say."""
    price: bool = False
    """The price is right, though it is outside the limits."""
    presumed: bool = False
    """It did take place, though the bus did not confirm it."""
    late: Literal["receipt", "correction"] | None = None
    product: Name | None = None
    """What it was, whatever the planogram says."""
    code: str = ""
    """The marking code of the piece, with `full_code`."""
    of: str = ""
    """With a return: the sale that came back."""

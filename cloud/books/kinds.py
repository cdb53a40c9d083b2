"""Kinds: what can be said of an operator, a register, a product, a planogram, a slot, a machine.

One table serves the options of the command line, the columns of files, and the example of a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloud.books import values, words
from cloud.books.roubles import kopecks
from cloud.books.values import Read, dropped, optional, printed
from cloud.fleet import Machine, Operator, Planogram, Product, Register, Shelf

Thing = Operator | Register | Product | Planogram | Shelf | Machine
"""Whatever the store puts, by its own name."""
PROVIDERS: Final = ("cloudkassir", "orange", "atol", "ferma", "komtet")


@dataclass(frozen=True, slots=True)
class Column:
    """One thing that can be said: an option on the command line, a column in a file."""

    name: str
    read: Read
    says: str
    """In the help."""
    also: tuple[str, ...] = ()
    """Other names in a file, as `plain` has them."""
    examples: tuple[str, str] = ("", "")
    shown: str = ""
    """In place of a value in the help; empty: the name."""
    field: str = ""
    """Of the value; empty: the same as the name."""
    within: str = ""
    """The table of the value that it stands in."""
    switch: bool = False
    """``--cash`` and ``--no-cash`` instead of ``--cash yes``."""

    @property
    def path(self) -> tuple[str, ...]:
        """Where it stands in the value."""
        field = self.field or self.name
        return (self.within, field) if self.within else (field,)

    @property
    def metavar(self) -> str:
        """What stands for its value in the help."""
        return self.shown or self.name.upper()


@dataclass(frozen=True, slots=True)
class Kind:
    """All that can be said of one kind; `key` are the columns that name one."""

    word: str
    of: type[Thing]
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def naming(self) -> str:
        """The column that is told where the whole row is meant."""
        return "slot" if self.of is Shelf else "id"

    def called(self, key: tuple[str, ...]) -> str:
        """``machine vm-000123``."""
        if self.of is Shelf:
            _, planogram, slot, begin = key
            return f"slot {slot} of planogram {planogram} from {begin}"
        return f"{self.word} {key[-1]}"

    def key_of(self, told: Mapping[str, Any]) -> tuple[str, ...]:
        """Of what was said, or of a whole value: the primary key in the order of the table."""
        return tuple(str(told[name]) for name in self.key)


def _choice(what: str, choices: tuple[str, ...], also: Mapping[str, str]) -> tuple[Read, str]:
    return values.one_of(what, choices, also), "{" + ",".join(choices) + "}"


_OPERATOR: Final = Column(
    "operator", values.name, "whose it is; may be left out where there is only one", ("оператор",)
)

_PRESUMED, _PRESUMED_SHOWN = _choice("way", ("automatic", "by_hand"), words.PRESUMED)
_LATE, _LATE_SHOWN = _choice("way", ("receipt", "correction", "by_hand"), words.LATE)
_QR, _QR_SHOWN = _choice("kind of QR", ("link_then_fiscal", "fiscal"), {})
POLICIES: Final = (
    Column(
        "cash", values.yes_no, "fiscalise sales that were paid in cash", ("наличные",),
        field="fiscalise_cash", within="policies", switch=True,
    ),
    Column(
        "cashless", values.yes_no, "fiscalise sales that were paid otherwise", ("безналичные",),
        field="fiscalise_cashless", within="policies", switch=True,
    ),
    Column(
        "presumed", _PRESUMED, "a sale that the bus did not confirm", ("неподтвержденные",),
        shown=_PRESUMED_SHOWN, within="policies",
    ),
    Column(
        "late_after_h", values.hours, "from this age on a sale is late",
        ("опоздание после ч", "опоздание после"), shown="HOURS", within="policies",
    ),
    Column(
        "late", _LATE, "what a late sale gets", ("опоздавшие",), shown=_LATE_SHOWN,
        within="policies",
    ),
    Column(
        "most", kopecks, "a higher price is an error of the bus", ("предел цены",),
        shown="ROUBLES", within="policies",
    ),
    Column(
        "qr", _QR, "whether a machine shows our link before the fiscal code", shown=_QR_SHOWN,
        within="policies",
    ),
)  # fmt: skip
"""Of an operator, or of one machine where it differs."""

_TAXATION, _TAXATION_SHOWN = _choice(
    "system of taxation",
    ("osn", "usn_income", "usn_income_outcome", "esn", "patent"),
    words.TAXATION,
)
OPERATOR: Final = Kind(
    "operator",
    Operator,
    ("id",),
    (
        Column("id", values.name, "its short name", ("код", "оператор"), ("coffee", "snacks")),
        Column(
            "name", printed(243), "as the buyer reads it", ("название", "наименование"),
            ("ООО «Кофе на ходу»", "ИП Иванова"),
        ),
        Column("inn", values.inn, "tag 1018", ("инн",), ("7708806062", "500100732259")),
        Column(
            "taxation", _TAXATION, "tag 1055", ("система налогообложения", "сно"),
            ("usn_income", "patent"), _TAXATION_SHOWN,
        ),
        Column(
            "email", optional(values.email), "tag 1117; some providers demand it",
            ("почта", "эл почта", "электронная почта", "e mail"),
            ("checks@coffee.example", ""),
        ),
        *POLICIES,
    ),
)  # fmt: skip

_PROVIDER, _PROVIDER_SHOWN = _choice("provider", PROVIDERS, {})
REGISTER: Final = Kind(
    "register",
    Register,
    ("id",),
    (
        Column("id", values.name, "its short name", ("код", "касса"), ("main", "spare")),
        _OPERATOR,
        Column(
            "provider", _PROVIDER, "who rents it out", ("провайдер",), ("komtet", "komtet"),
            _PROVIDER_SHOWN,
        ),
    ),
)  # fmt: skip

_SUBJECT, _SUBJECT_SHOWN = _choice(
    "subject of a settlement", ("goods", "excisable", "service"), words.SUBJECT
)
_MARKING, _MARKING_SHOWN = _choice(
    "way of marking", ("none", "withdrawn_before", "gtin_vend", "full_code"), words.MARKING
)
PRODUCT: Final = Kind(
    "product",
    Product,
    ("operator", "id"),
    (
        Column(
            "id", values.name, "its short name", ("код", "товар", "артикул"),
            ("cappuccino", "water"),
        ),
        _OPERATOR,
        Column(
            "name", printed(128), "tag 1030, as it stands on the receipt",
            ("название", "наименование"), ("Капучино 200 мл", "Вода 0,5 л"),
        ),
        Column(
            "vat", values.vat, "tag 1199 by the day of the sale; default: none",
            ("ндс", "ставка ндс"), ("none", "standard"), "{" + ",".join(values.RATES) + "}",
        ),
        Column(
            "subject", _SUBJECT, "tag 1212; default: goods", ("предмет расчета",),
            ("goods", "goods"), _SUBJECT_SHOWN,
        ),
        Column(
            "marking", _MARKING, "goods that are subject to marking; default: none",
            ("маркировка",), ("none", "gtin_vend"), _MARKING_SHOWN,
        ),
        Column(
            "gtin", optional(values.gtin), "its bar code, with gtin_vend",
            ("штрихкод", "штрих код"), ("", "4600439931256"),
        ),
    ),
)  # fmt: skip

PLANOGRAM: Final = Kind(
    "planogram",
    Planogram,
    ("operator", "id"),
    (Column("id", values.name, "its short name", ("код", "планограмма")), _OPERATOR),
)
SHELF: Final = Kind(
    "planogram",
    Shelf,
    ("operator", "planogram", "slot", "valid_from"),
    (
        Column("planogram", values.name, "whose slot", ("планограмма",), ("hot", "hot")),
        Column(
            "slot", values.slot, "as the bus says it", ("ячейка", "слот"), ("0001", "0002")
        ),
        Column("product", values.name, "what is in it", ("товар",), ("cappuccino", "water")),
        _OPERATOR,
        Column(
            "valid_from", values.day, "the first day; empty: always was", ("с", "действует с"),
            ("", "2026-12-01"), "DAY",
        ),
        Column(
            "valid_until", dropped(values.day), "the first day on which it is no longer so",
            ("до", "действует до"), shown="DAY",
        ),
        Column(
            "price_min", dropped(kopecks), "a lower price is looked at by a person",
            ("цена от", "минимальная цена"), ("100", ""), "ROUBLES",
        ),
        Column(
            "price_max", dropped(kopecks), "a higher price is looked at by a person",
            ("цена до", "максимальная цена"), ("250.50", ""), "ROUBLES",
        ),
    ),
)  # fmt: skip

MACHINE: Final = Kind(
    "machine",
    Machine,
    ("id",),
    (
        Column(
            "id", values.machine_id, "as in its own configuration", ("код", "автомат"),
            ("vm-000123", "vm-000124"),
        ),
        _OPERATOR,
        Column("register", values.name, "what serves it", ("касса",), ("main", "main")),
        Column("planogram", values.name, "what it sells", ("планограмма",), ("hot", "hot")),
        Column(
            "number", optional(printed(20)), "tag 1036, on its body; default: its id",
            ("номер", "заводской номер"), ("ABC-1041", ""),
        ),
        Column(
            "address", printed(243), "tag 1009", ("адрес",),
            ("г. Москва, ул. Примерная, д. 1", "г. Казань, ул. Примерная, д. 2"),
        ),
        Column(
            "place", printed(243), "tag 1187, where within the address",
            ("место", "место расчетов"), ("ТЦ «Ромашка», 1 этаж", "Вокзал, зал 2"),
        ),
        Column(
            "timezone", values.timezone, "default: Europe/Moscow", ("часовой пояс",),
            ("Europe/Moscow", "Europe/Moscow"),
        ),
        Column(
            "internet", dropped(values.yes_no), "tag 1125; default: as the register has it",
            ("интернет",), shown="{yes,no}",
        ),
        *POLICIES,
    ),
)  # fmt: skip

KINDS: Final[Mapping[str, Kind]] = {
    each.word: each for each in (OPERATOR, REGISTER, PRODUCT, PLANOGRAM, MACHINE)
}
"""By the command's name."""


def said(pairs: Mapping[Column, object]) -> dict[str, Any]:
    """What was said of columns, in the shape of the value."""
    told: dict[str, Any] = {}
    for column, value in pairs.items():
        *outer, last = column.path
        inner = told
        for step in outer:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return told

"""A stall: a machine's site, the sales at it, and whatever a fleet may hold that is right."""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from hypothesis import strategies as st

from cloud.cp866 import normalised
from cloud.fleet import Machine, Operator, Policies, Product, Shelf, Site
from cloud.inn import is_inn
from edge.wire import Sale, Tender

SALE_ID = "0193a5d2-7c1e-7b54-9d0e-000000000001"
MACHINE = "vm-000123"
ARRIVAL = datetime(2026, 11, 23, 15, 42, 11, tzinfo=UTC)
GTIN = "04600439931256"
CODE = "010460043993125621JgXJ5.\x1d93dGVz"


def a_product(**told: object) -> Product:
    ordinary = Product(id="cappuccino", operator="coffee", name="Капучино 200 мл", vat="standard")
    return msgspec.structs.replace(ordinary, **told)


def a_machine(**told: object) -> Machine:
    ordinary = Machine(
        id=MACHINE,
        operator="coffee",
        register="main",
        planogram="hot",
        address="г. Москва, ул. Примерная, д. 1",
        place="ТЦ «Ромашка», 1 этаж",
    )
    return msgspec.structs.replace(ordinary, **told)


def an_operator(**told: object) -> Operator:
    ordinary = Operator(
        id="coffee",
        name="ООО «Кофе на ходу»",
        inn="7708806062",
        taxation="usn_income",
        email="checks@coffee.example",
    )
    return msgspec.structs.replace(ordinary, **told)


def a_shelf(slot: str = "0001", product: str = "cappuccino", **told: object) -> Shelf:
    ordinary = Shelf(operator="coffee", planogram="hot", slot=slot, product=product)
    return msgspec.structs.replace(ordinary, **told)


def a_site(*sold: Product, ffd: Literal["1.05", "1.2"] = "1.05", **told: object) -> Site:
    """What is told differs from the ordinary; what is sold stands in slots 0001, 0002, …"""
    sold = sold or (a_product(),)
    ordinary = Site(
        machine=a_machine(),
        operator=an_operator(),
        ffd=ffd,
        shelves={
            f"{number:04x}": (a_shelf(f"{number:04x}", each.id),)
            for number, each in enumerate(sold, 1)
        },
        products={each.id: each for each in sold},
    )
    return msgspec.structs.replace(ordinary, **told)


def under(**policies: object) -> Site:
    """The site of a machine with these policies."""
    return a_site(machine=a_machine(policies=msgspec.convert(policies, Policies)))


def a_sale(**told: object) -> Sale:
    """A second before its arrival; what is told differs from the ordinary."""
    ordinary = Sale(
        sale_id=SALE_ID,
        machine=MACHINE,
        epoch="7f3a9c1e",
        seq=1,
        sold_at="2026-11-23T15:42:10.512Z",
        clock="synced",
        boot_id="0b6c",
        boottime_ms=512345678,
        item="0001",
        kind="paid",
        amount=12010,
        currency="RUB",
        tenders=(),
        confidence="confirmed",
        token="k7q2m9x4t8b3c5wz",
    )
    return msgspec.structs.replace(ordinary, **told)


def _inn(digits: str) -> str:
    """The number that begins so, with the control digits that are right."""
    width = 1 if len(digits) == 9 else 2
    ends = (f"{digits}{end:0{width}d}" for end in range(10**width))
    return next(each for each in ends if is_inn(each))


def _gtin(digits: str) -> str:
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def texts(longest: int) -> st.SearchStrategy[str]:
    """Any text that leaves a register something to print, and not too much of it."""
    return (
        st.text(max_size=longest)
        .map(lambda text: f"я{text}"[:longest])
        .filter(lambda text: len(normalised(text)) <= longest)
    )


inns = st.from_regex(r"(0[1-9]|[1-9][0-9])([0-9]{7}|[0-9]{8})", fullmatch=True).map(_inn)
gtins = st.from_regex(r"[0-9]{12}[1-9]", fullmatch=True).map(_gtin)
products = st.builds(
    a_product,
    name=texts(128),
    vat=st.sampled_from(["none", "0", "5", "7", "10", "standard"]),
    subject=st.sampled_from(["goods", "excisable"]),
    marking=st.sampled_from(["none", "withdrawn_before", "gtin_vend", "full_code"]),
    gtin=gtins,
)
machines = st.builds(
    a_machine,
    number=st.from_regex(r"[A-Z0-9-]{0,20}", fullmatch=True),
    address=texts(243),
    place=texts(243),
    timezone=st.sampled_from(["Europe/Kaliningrad", "Europe/Moscow", "Asia/Kamchatka", "UTC"]),
    internet=st.none() | st.booleans(),
    policies=st.builds(
        Policies, late=st.sampled_from(["receipt", "correction"]), presumed=st.just("automatic")
    ),
)
operators = st.builds(
    an_operator,
    inn=inns,
    taxation=st.sampled_from(["usn_income", "usn_income_outcome"]),
    email=st.sampled_from(["", "a@b.cc", f"{'x' * 54}@coffee.ru"]),
)
tenders = st.builds(
    Tender,
    by=st.sampled_from(["cash", "cashless-1", "cashless-2"]),
    amount=st.none() | st.integers(0, 10**10),
)
sales = st.builds(
    a_sale,
    sold_at=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(  # noqa: DTZ001, of UTC
        lambda when: f"{when.isoformat()}Z"
    ),
    clock=st.sampled_from(["synced", "corrected", "bounded", "unsynced"]),
    amount=st.integers(1, 9_999_999_999),
    tenders=st.lists(tenders, max_size=8).map(tuple),
    confidence=st.sampled_from(["confirmed", "presumed"]),
)
"""Due ones."""

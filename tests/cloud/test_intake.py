"""A sale becomes a receipt, or says why not: the frozen request, and each reason."""

from datetime import date, datetime

import msgspec
import pytest
from shop import MACHINE, NOW, RECEIPT, a_config, a_sale

from cloud.intake import Attention, Placed, Skipped, place, sale_day
from cloud.vat import VatRate
from edge.wire import Sale, Tender

CONFIG = a_config()
CASH = Tender(by="cash", amount=12010)


def test_an_ordinary_sale_is_a_receipt_at_its_machines_register() -> None:
    assert place(a_sale(), CONFIG, NOW) == Placed(RECEIPT, "main")


def test_a_receipt_survives_the_store_as_it_is() -> None:
    frozen = msgspec.json.encode(RECEIPT)
    assert msgspec.json.decode(frozen, type=type(RECEIPT)) == RECEIPT


@pytest.mark.parametrize(
    ("tenders", "cash", "cashless"),
    [
        ((), 0, 12010),
        ((CASH,), 12010, 0),
        ((Tender(by="cashless-1", amount=12010),), 0, 12010),
        ((Tender(by="cashless-2", amount=2010), Tender(by="cash", amount=10000)), 10000, 2010),
        ((Tender(by="cash", amount=10000), Tender(by="cash", amount=2010)), 12010, 0),
        # A note that gave change, and a coin whose value the bus did not say.
        ((Tender(by="cash", amount=50000),), 12010, 0),
        ((Tender(by="cash", amount=None),), 0, 12010),
    ],
)
def test_cash_and_cashless_make_the_whole(
    tenders: tuple[Tender, ...], cash: int, cashless: int
) -> None:
    placed = place(a_sale(tenders=tenders), CONFIG, NOW)
    assert isinstance(placed, Placed)
    assert (placed.receipt.cash, placed.receipt.cashless) == (cash, cashless)


def test_a_machines_own_word_on_a_slot_comes_first() -> None:
    placed = place(a_sale(item="0002"), CONFIG, NOW)
    assert isinstance(placed, Placed)
    assert (placed.receipt.name, placed.receipt.vat) == ("Эспрессо", VatRate.VAT_10)


@pytest.mark.parametrize(
    ("sale", "reason"),
    [
        (a_sale(kind="free"), "free vend"),
        (a_sale(kind="test"), "test vend"),
        (a_sale(kind="free", amount=None), "free vend"),
        (a_sale(amount=0), "nothing was paid"),
        # Nothing is due, whoever sold it.
        (a_sale(kind="test", machine="vm-9"), "test vend"),
    ],
)
def test_no_receipt_by_rule(sale: Sale, reason: str) -> None:
    assert place(sale, CONFIG, NOW) == Skipped(reason)


@pytest.mark.parametrize(
    ("sale", "reason"),
    [
        (a_sale(machine="vm-9"), "unknown machine vm-9: add it under [machines]"),
        (a_sale(item="0099"), "unknown slot 0099: add it under [slots] or the machine's own"),
        (a_sale(item=None), "unknown slot None: add it under [slots] or the machine's own"),
        (a_sale(amount=None), "the amount is not known: the bus did not say it"),
        (a_sale(currency="EUR"), "the currency is EUR, a receipt is in roubles"),
        (a_sale(kind="return"), "goods came back: a return receipt is made by hand"),
        (
            a_sale(item="0005", sold_at="2024-12-31T12:00:00Z"),
            "VAT 5 % was not law on the day of the sale",
        ),
    ],
)
def test_a_person_is_told_what_is_missing(sale: Sale, reason: str) -> None:
    assert place(sale, CONFIG, NOW) == Attention(reason)


def test_an_unsaid_currency_is_the_registers_own() -> None:
    assert isinstance(place(a_sale(currency=None), CONFIG, NOW), Placed)


@pytest.mark.parametrize(
    ("sold_at", "clock", "day"),
    [
        ("2025-12-31T20:59:59Z", "synced", date(2025, 12, 31)),
        ("2025-12-31T21:00:00Z", "synced", date(2026, 1, 1)),
        ("2025-12-31T23:30:00+03:00", "corrected", date(2025, 12, 31)),
        ("2025-12-31T23:30:00", "bounded", date(2026, 1, 1)),
        # A clock that was never right, or says nothing that can be read: the day of arrival.
        ("1970-01-01T00:00:05Z", "unsynced", NOW.date()),
        ("yesterday", "synced", NOW.date()),
        ("", "synced", NOW.date()),
        ("9999-12-31T23:59:59Z", "synced", NOW.date()),
        ("0001-01-01T00:00:00+14:00", "synced", NOW.date()),
    ],
)
def test_the_day_is_that_of_the_machines_zone(sold_at: str, clock: str, day: date) -> None:
    sale = msgspec.structs.replace(a_sale(), sold_at=sold_at, clock=clock)
    assert sale_day(sale, CONFIG.machines[MACHINE], NOW) == day


@pytest.mark.parametrize(
    ("zone", "rate"),
    [("Europe/Moscow", VatRate.VAT_20), ("Asia/Kamchatka", VatRate.VAT_22)],
)
def test_at_new_year_the_rate_changes_at_the_machines_midnight(zone: str, rate: VatRate) -> None:
    machine = {"register": "main", "address": "a", "place": "p", "timezone": zone}
    config = a_config(machines={MACHINE: machine})
    placed = place(a_sale(sold_at="2025-12-31T12:30:00Z"), config, NOW)
    assert isinstance(placed, Placed)
    assert placed.receipt.vat is rate


def test_what_arrives_late_keeps_the_rate_of_its_day() -> None:
    old = a_sale(sold_at="2025-12-30T12:00:00Z")
    months_later = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    placed = place(old, CONFIG, months_later)
    assert isinstance(placed, Placed)
    assert placed.receipt.vat is VatRate.VAT_20

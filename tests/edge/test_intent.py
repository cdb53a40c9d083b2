import pytest
from specimens import BOOT

from edge.clock import Moment
from edge.intent import LONGEST_S, Intent, completed, intent_of, is_open, may_end
from mdb import event
from mdb.event import Kind, Tender

INTENT = Intent("0001", 700, "RUB", "2026-11-23T15:42:10.512Z", "synced", BOOT, 50_000)


def sold(item: str | None, *tenders: Tender, amount: int | None = None) -> event.Sale:
    return event.Sale(1.0, 0x10, item, Kind.PAID, amount, None, tenders, raw={"item": "01"})


BLIND = Tender("cashless-1", None)


def test_an_approval_is_put_down_with_its_moment() -> None:
    moment = Moment(1_795_448_530_512, 50_000, BOOT, "synced")
    assert intent_of(event.VendApproved(1.0, 0x10, "0001", 700, "RUB"), moment) == INTENT


@pytest.mark.parametrize(
    ("boot", "after_ms", "still"),
    [
        (BOOT, 0, True),
        (BOOT, 1000 * LONGEST_S - 1, True),
        (BOOT, 1000 * LONGEST_S, False),
        (BOOT, -1, False),
        ("another", 0, False),
    ],
)
def test_its_end_may_be_heard_in_this_boot_for_five_minutes(
    boot: str, after_ms: int, *, still: bool
) -> None:
    assert is_open(INTENT, Moment(0, 50_000 + int(after_ms), boot, "unsynced")) is still


@pytest.mark.parametrize(
    ("vend", "item", "amount", "tenders"),
    [
        (sold(None, BLIND), "0001", 700, [700]),
        (sold("0001", BLIND), "0001", 700, [700]),
        (sold("0002", BLIND), "0002", None, [None]),
        (sold("0001", Tender("cashless-1", 9), amount=9), "0001", 9, [9]),
        (sold("0001", BLIND, Tender("cash", 300)), "0001", 1000, [700, 300]),
        (sold("0001", BLIND, Tender("cash", None)), "0001", None, [700, None]),
        (sold("0001", Tender("cash", None)), "0001", None, [None]),
        (sold("0001"), "0001", None, []),
    ],
)
def test_a_sale_after_a_restart_has_the_amount_of_its_approval(
    vend: event.Sale, item: str, amount: int | None, tenders: list[int | None]
) -> None:
    whole = completed(vend, INTENT)
    assert (whole.item, whole.amount) == (item, amount)
    assert [each.amount for each in whole.tenders] == tenders
    assert whole.raw.items() >= {"item": "01"}.items()
    assert ("approved_before_restart" in whole.raw) == (whole != vend)


@pytest.mark.parametrize(
    ("vend", "ends"),
    [
        (sold("0001", BLIND), True),
        (sold("0009", BLIND), True),
        (sold("0001"), True),
        (sold("0001", Tender("cash", 5)), False),
        (sold("0001", Tender("cashless-2", 5)), False),
        (sold("0001", Tender("cash", 5), BLIND), True),
        (event.Sale(1.0, 0x18, "0001", Kind.PAID, 5, None, (BLIND,)), True),
        (event.Sale(1.0, 0x18, "0009", Kind.PAID, 5, None, (BLIND,)), False),
        (event.Sale(1.0, 0x18, "0001", Kind.PAID, 5, None, ()), False),
        (event.Return(1.0, 0x10, "0001", 5, None, (BLIND,)), False),
    ],
)
def test_a_sale_ends_the_approval_of_the_reader_that_paid(
    vend: event.Sale | event.Return, *, ends: bool
) -> None:
    assert may_end(vend, 0x10, INTENT) is ends

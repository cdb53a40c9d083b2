"""Correcting: a sale without a receipt gets a correction, and never beside a receipt."""

from datetime import date

import msgspec
import pytest
import sqlalchemy as sa
from fate import LOST, REFUSED, accept, issue, leave, meet
from shop import MACHINE_AT_WORK, OPERATOR, SITE, a_sale, id_of, now_ms, rows, sell, stock

from cloud.desk.orders import Correct, Requeue, Resolve, decide
from cloud.desk.settled import By, Settled
from cloud.errors import DecisionError
from cloud.fleet import Policies
from cloud.receipt import Purpose, Receipt
from cloud.store import Store
from cloud.store.schema import receipt, sale
from cloud.store.sites import Sites
from cloud.vat import VatRate


async def correct(store: Store, number: int = 1, **told: object) -> Settled:
    by = By("anna", now_ms())
    return await decide(store, Sites(), id_of(number), Correct(**told), by)  # type: ignore[arg-type]


async def receipts(store: Store, number: int = 1) -> dict[str, str]:
    query = sa.select(receipt).where(receipt.c.sale_id == id_of(number))
    return {row.purpose: row.state for row in await rows(store, query)}


async def correction(store: Store) -> Receipt:
    (row,) = await rows(store, sa.select(receipt).where(receipt.c.purpose == "correction"))
    return msgspec.json.decode(row.request, type=Receipt)


async def test_a_refused_receipt_is_closed_and_corrected(either: Store) -> None:
    await sell(either, a_sale())
    await meet(either, REFUSED)
    settled = await correct(either)
    assert (settled.purpose, settled.state) == ("correction", "waiting")
    assert await receipts(either) == {"income": "closed", "correction": "waiting"}
    cause = (await correction(either)).cause
    assert cause is not None
    assert (cause.by_order, cause.day, cause.number) == (False, "2026-11-23", "")
    assert await leave(either) == [f"{id_of(1)}-c"]


async def test_a_receipt_that_a_person_closed_may_be_corrected(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    await decide(store, Sites(), id_of(1), Resolve(skip="later"), By("anna", now_ms()))
    await correct(store)
    assert await receipts(store) == {"income": "closed", "correction": "waiting"}


async def test_a_correction_by_order_names_the_order_and_its_day(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    await correct(store, by_order="12-34/567", day=date(2026, 11, 22))
    cause = (await correction(store)).cause
    assert cause is not None
    assert (cause.by_order, cause.day, cause.number) == (True, "2026-11-22", "12-34/567")


@pytest.mark.parametrize(
    ("item", "day", "rate"),
    [
        ("0001", date(2025, 12, 31), VatRate.VAT_20),
        ("0001", date(2026, 1, 1), VatRate.VAT_22),
        ("0005", date(2025, 12, 31), VatRate.VAT_5),
    ],
)
async def test_a_correction_has_the_rate_of_the_day_that_it_names(
    store: Store, item: str, day: date, rate: VatRate
) -> None:
    await sell(store, a_sale(item=item, sold_at="2026-01-02T09:00:00.000Z"))
    await meet(store, REFUSED)
    await correct(store, day=day)
    first = await correction(store)
    await meet(store, REFUSED, purpose=Purpose.CORRECTION)
    await decide(store, Sites(), id_of(1), Requeue(), By("anna", now_ms()))
    for each in (first, await correction(store)):
        assert each.cause is not None
        assert (each.cause.day, each.vat) == (day.isoformat(), rate)


async def test_a_refused_correction_goes_again_with_its_reason(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    await correct(store, by_order="12-34/567", day=date(2026, 11, 22))
    before = (await correction(store)).cause
    await meet(store, REFUSED, purpose=Purpose.CORRECTION)
    mended = msgspec.structs.replace(MACHINE_AT_WORK, address="г. Тверь, ул. Новая, д. 2")
    await stock(store, mended)
    settled = await decide(store, Sites(), id_of(1), Requeue(), By("anna", now_ms()))
    assert settled.told == f"it is sent to register main as {id_of(1)}-c1"
    after = await correction(store)
    assert (after.cause, after.address) == (before, mended.address)


async def test_what_the_format_does_not_allow_is_refused(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    with pytest.raises(DecisionError, match="tag 1178"):
        await correct(store, day=date(2026, 12, 1))
    assert await receipts(store) == {"income": "attention"}


async def test_a_sale_that_never_had_a_receipt_is_corrected(store: Store) -> None:
    kept_back = Policies(fiscalise_cashless=False)
    off = msgspec.structs.replace(OPERATOR, policies=kept_back)
    await sell(store, a_sale(), site=msgspec.structs.replace(SITE, operator=off))
    await stock(store, off)
    await correct(store)
    assert await receipts(store) == {"correction": "waiting"}
    (row,) = await rows(store, sa.select(sale.c.disposition, sale.c.cause))
    assert tuple(row) == ("receipt", None)


async def test_nothing_is_corrected_that_has_a_receipt_or_may_have_one(store: Store) -> None:
    await sell(store, *(a_sale(number) for number in (1, 2, 3)))
    await issue(store, 1)
    with pytest.raises(DecisionError, match="it has its receipt: t="):
        await correct(store, 1)
    await accept(store, 2)
    with pytest.raises(DecisionError, match="goes its way by itself"):
        await correct(store, 2)
    await meet(store, LOST, 3)
    with pytest.raises(DecisionError, match="what became of it is not known"):
        await correct(store, 3)
    assert await receipts(store, 3) == {"income": "attention"}


async def test_there_is_one_correction(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    await correct(store)
    with pytest.raises(DecisionError, match="a correction receipt, which is waiting"):
        await correct(store)


@pytest.mark.parametrize("kind", ["free", "test", "return"])
async def test_where_nothing_was_settled_nothing_is_corrected(store: Store, kind: str) -> None:
    await sell(store, a_sale(kind=kind))
    with pytest.raises(DecisionError, match="nothing to settle"):
        await correct(store)


async def test_what_is_not_known_of_a_sale_has_to_be_said_first(store: Store) -> None:
    await sell(store, a_sale(amount=None))
    with pytest.raises(DecisionError, match="did not say the amount"):
        await correct(store)

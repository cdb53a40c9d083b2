"""Requeueing: answers let a sale go on; a refused receipt is made anew and sent under a new key."""

import asyncio

import msgspec
import pytest
import sqlalchemy as sa
from fate import LOST, REFUSED, accept, hear, issue, leave, meet
from parts import until
from postgres import Cluster
from shop import (
    MACHINE_AT_WORK,
    OPERATOR,
    SETTINGS,
    SITE,
    Account,
    a_document,
    a_sale,
    id_of,
    now_ms,
    rows,
    sell,
    states,
    stock,
    the_receipt,
)

from cloud.desk.finding import NoSuchSaleError, known
from cloud.desk.orders import Correct, Decision, Requeue, Resolve, Return, decide
from cloud.desk.requeueing import requeue
from cloud.desk.settled import By, Settled
from cloud.errors import DecisionError
from cloud.fleet import Answers, Operator, Planogram, Policies, Product, Shelf, Site
from cloud.outcome import Done
from cloud.receipt import Purpose, Receipt
from cloud.store import Store, history
from cloud.store.schema import answer, receipt, sale
from cloud.store.sites import Sites
from cloud.vat import VatRate

SPARE = Account(id="spare", operator="coffee", provider="cloudkassir", settings=dict(SETTINGS))


async def order(store: Store, what: Decision, number: int = 1) -> Settled:
    return await decide(store, Sites(), id_of(number), what, By("anna", now_ms()))


async def request(store: Store, number: int = 1) -> Receipt:
    return msgspec.json.decode((await the_receipt(store, id_of(number))).request, type=Receipt)


async def disposition(store: Store, number: int = 1) -> tuple[str, str | None]:
    (row,) = await rows(store, sa.select(sale).where(sale.c.sale_id == id_of(number)))
    return row.disposition, row.cause


async def test_an_answer_lets_a_sale_go_on_and_says_who_gave_it(either: Store) -> None:
    await sell(either, a_sale(amount=None))
    settled = await order(either, Requeue(amount=9900))
    assert (settled.state, settled.purpose) == ("waiting", "income")
    assert (await request(either)).amount == 9900
    assert await disposition(either) == ("receipt", None)
    async with either.reading() as connection:
        told = await history.of(connection, id_of(1))
    answered = next(each for each in told if each.state == "answered")
    assert (answered.who, answered.detail) == ("anna", "amount 9900")


async def test_an_answer_that_is_not_enough_is_kept_and_the_sale_still_needs_a_hand(
    store: Store,
) -> None:
    await sell(store, a_sale(amount=None, item="0009"))
    settled = await order(store, Requeue(amount=9900))
    assert settled.state == "attention"
    assert not settled.goes_on
    assert await disposition(store) == ("attention", "unknown_slot")
    await order(store, Requeue(product="tea"))
    asked = await request(store)
    assert (asked.amount, asked.name) == (9900, "Чай")


async def test_an_order_that_is_only_tried_changes_nothing(either: Store) -> None:
    await sell(either, a_sale(amount=None))
    settled = await order(either, Requeue(amount=9900, dry_run=True))
    assert (settled.state, settled.dry_run) == ("waiting", True)
    assert await disposition(either) == ("attention", "amount")
    assert await rows(either, sa.select(answer)) == []


async def test_a_refused_receipt_goes_again_under_a_new_key_with_what_was_mended(
    store: Store,
) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    mended = msgspec.structs.replace(MACHINE_AT_WORK, address="г. Тверь, ул. Новая, д. 2")
    await stock(store, mended)
    settled = await order(store, Requeue())
    assert settled.told == f"it is sent to register main as {id_of(1)}-1"
    assert (await request(store)).address == mended.address
    assert await leave(store) == [f"{id_of(1)}-1"]


async def test_a_receipt_that_was_recorded_after_all_says_what_its_key_asked_for(
    store: Store,
) -> None:
    """Refused as one product, sent anew as another, and then the first was recorded."""
    await sell(store, a_sale())
    asked = [await request(store)]
    for key, product in ((id_of(1), "tea"), (f"{id_of(1)}-1", "cappuccino")):
        assert await leave(store) == [key]
        await hear(store, key, REFUSED)
        await order(store, Requeue(product=product))
        asked.append(await request(store))
    assert len({each.name for each in asked[:2]}) == 2
    assert await leave(store) == [f"{id_of(1)}-2"]
    await hear(store, f"{id_of(1)}-2", REFUSED)
    await hear(store, f"{id_of(1)}-1", Done(a_document()))
    assert await request(store) == asked[1]
    assert (await the_receipt(store)).attempt == 1


async def test_a_receipt_made_anew_keeps_the_vat_of_the_day_it_was_sold(store: Store) -> None:
    told = a_sale(sold_at="2025-12-31T12:00:00Z")
    await sell(store, told)
    assert (await request(store)).vat is VatRate.VAT_20
    await meet(store, REFUSED)
    renamed = Product(id="cappuccino", operator="coffee", name="Капучино", vat="standard")
    await stock(store, renamed)
    await order(store, Requeue())
    asked = await request(store)
    assert (asked.name, asked.vat, asked.sold_at) == (
        "Капучино",
        VatRate.VAT_20,
        "2025-12-31T15:00:00",
    )


async def test_what_was_settled_before_a_receipt_was_refused_is_not_asked_again(
    store: Store,
) -> None:
    await sell(store, a_sale(confidence="presumed"))
    await meet(store, REFUSED)
    strict = Policies(presumed="by_hand", late="by_hand", most=100, fiscalise_cashless=False)
    await stock(store, msgspec.structs.replace(OPERATOR, policies=strict))
    assert (await order(store, Requeue())).state == "waiting"


async def test_a_receipt_moves_to_another_register_only_while_no_attempt_is_open(
    either: Store,
) -> None:
    await sell(either, a_sale(1), a_sale(2))
    await stock(either, SPARE)
    await meet(either, REFUSED)
    settled = await order(either, Requeue(register="spare"))
    assert (await the_receipt(either)).register == "spare"
    assert settled.told.startswith("it is sent to register spare")
    await meet(either, LOST, 2)
    with pytest.raises(DecisionError, match="what became of it is not known"):
        await order(either, Requeue(register="spare"), 2)


async def test_a_receipt_speaks_the_format_of_the_register_it_moves_to(store: Store) -> None:
    settings = {**SETTINGS, "ffd": "1.2"}
    modern = Account(id="spare", operator="coffee", provider="cloudkassir", settings=settings)
    await sell(store, a_sale())
    await stock(store, modern)
    assert (await request(store)).ffd == "1.05"
    await meet(store, REFUSED)
    await order(store, Requeue(register="spare"))
    assert (await request(store)).ffd == "1.2"


async def test_a_register_of_another_operator_or_of_no_name_is_refused(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    other = Operator(id="tea", name="ООО «Чай»", inn="7707083893", taxation="osn")
    theirs = Account(id="theirs", operator="tea", provider="cloudkassir", settings=dict(SETTINGS))
    await stock(store, other, theirs)
    with pytest.raises(DecisionError, match="theirs is tea's"):
        await order(store, Requeue(register="theirs"))
    with pytest.raises(DecisionError, match="there is no register nowhere"):
        await order(store, Requeue(register="nowhere"))


async def test_what_is_mended_wrongly_is_said_and_the_receipt_stays_as_it_was(
    store: Store,
) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    before = await the_receipt(store)
    with pytest.raises(DecisionError, match="unknown product nothing"):
        await order(store, Requeue(product="nothing"))
    assert await the_receipt(store) == before
    assert await rows(store, sa.select(answer)) == []


async def test_what_goes_its_way_or_has_come_to_its_end_is_not_sent_anew(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3), a_sale(4, kind="free"))
    await issue(store, 1)
    with pytest.raises(DecisionError, match="it is issued: t="):
        await order(store, Requeue(), 1)
    await accept(store, 2)
    with pytest.raises(DecisionError, match="accepted, and goes its way by itself"):
        await order(store, Requeue(), 2)
    await meet(store, REFUSED, 3)
    await order(store, Resolve(skip="a test"), 3)
    with pytest.raises(DecisionError, match=r"closed: a test; in its place: .* correct"):
        await order(store, Requeue(), 3)
    with pytest.raises(DecisionError, match="it needs no receipt: free vend"):
        await order(store, Requeue(), 4)
    with pytest.raises(NoSuchSaleError):
        await order(store, Requeue(), 5)


async def test_a_sale_that_was_skipped_by_hand_may_go_on_after_all(store: Store) -> None:
    await sell(store, a_sale(amount=None))
    await order(store, Resolve(skip="a mistake"))
    assert await disposition(store) == ("skipped", "by_hand")
    assert (await order(store, Requeue(amount=9900))).state == "waiting"
    assert await states(store) == {id_of(1): "waiting"}


async def test_a_policy_that_still_holds_keeps_a_sale_skipped(store: Store) -> None:
    off = msgspec.structs.replace(
        OPERATOR, policies=Policies(fiscalise_cashless=False, late="receipt")
    )
    site: Site = msgspec.structs.replace(SITE, operator=off)
    await sell(store, a_sale(), site=site)
    await stock(store, off)
    with pytest.raises(DecisionError, match="it stays without a receipt"):
        await order(store, Requeue())
    await stock(store, OPERATOR)
    assert (await order(store, Requeue())).state == "waiting"


async def test_a_refused_return_goes_again_as_it_was(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    await order(store, Return())
    await meet(store, REFUSED, purpose=Purpose.INCOME_RETURN)
    back = receipt.c.purpose == "income_return"
    (before,) = await rows(store, sa.select(receipt.c.request).where(back))
    await stock(store, msgspec.structs.replace(MACHINE_AT_WORK, address="г. Тверь"))
    settled = await order(store, Requeue())
    assert settled.told == f"it is sent to register main as {id_of(1)}-r1"
    (after,) = await rows(store, sa.select(receipt.c.request).where(back))
    assert after == before


async def test_late_correction_of_a_refused_receipt_is_another_command(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    with pytest.raises(DecisionError, match="python -m cloud correct"):
        await order(store, Requeue(late="correction"))


async def test_a_sale_without_a_receipt_goes_to_the_register_of_its_machine(store: Store) -> None:
    await sell(store, a_sale(amount=None))
    with pytest.raises(DecisionError, match="python -m cloud machine add"):
        await order(store, Requeue(amount=9900, register="main"))


async def test_goods_that_came_back_are_settled_by_the_sale_that_a_person_names(
    either: Store,
) -> None:
    await sell(either, a_sale(1))
    await issue(either, 1)
    back = a_sale(2, kind="return", amount=None, item=None)
    await sell(either, back)
    settled = await order(either, Requeue(of=id_of(1)), 2)
    assert settled.state == "skipped"
    found = await rows(either, sa.select(receipt.c.sale_id, receipt.c.purpose, receipt.c.state))
    assert (id_of(1), "income_return", "waiting") in [tuple(each) for each in found]


OTHER = Operator(id="tea", name="ООО «Чай»", inn="7707083893", taxation="osn")
THEIRS = Account(id="theirs", operator="tea", provider="cloudkassir", settings=dict(SETTINGS))
MOVED = (
    OTHER,
    THEIRS,
    Planogram(id="hot", operator="tea"),
    Product(id="cappuccino", operator="tea", name="Капучино", vat="standard"),
    Shelf(operator="tea", planogram="hot", slot="0001", product="cappuccino"),
    msgspec.structs.replace(MACHINE_AT_WORK, operator="tea", register="theirs"),
)


@pytest.mark.parametrize("what", [Requeue(), Requeue(register="theirs"), Correct()], ids=repr)
async def test_a_sale_stays_that_of_whoever_had_the_machine_then(
    either: Store, what: Decision
) -> None:
    await sell(either, a_sale())
    await meet(either, REFUSED)
    await stock(either, *MOVED)
    before = await the_receipt(either)
    with pytest.raises(DecisionError, match=r"sold for INN .* tea's by now, INN 7707083893"):
        await order(either, what)
    assert await the_receipt(either) == before


async def test_a_mistake_in_an_operators_own_inn_may_be_mended(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    await stock(store, msgspec.structs.replace(OPERATOR, inn="7707083893"))
    await order(store, Requeue())
    assert (await request(store)).inn == "7707083893"


async def test_a_return_goes_only_to_a_register_of_its_own_operator(either: Store) -> None:
    await sell(either, a_sale())
    await issue(either)
    await order(either, Return())
    await meet(either, REFUSED, purpose=Purpose.INCOME_RETURN)
    await stock(either, OTHER, THEIRS, SPARE)
    with pytest.raises(DecisionError, match="register theirs is tea's, and the receipt"):
        await order(either, Requeue(register="theirs"))
    assert (await order(either, Requeue(register="spare"))).state == "waiting"


@pytest.mark.needs("postgres")
async def test_who_presses_a_button_at_the_same_moment_does_not_forget_what_another_answers(
    postgres_store: Store, postgres: Cluster
) -> None:
    """The first says what it was, the second nothing; the second waits for the first."""
    store = postgres_store
    strict = msgspec.structs.replace(OPERATOR, policies=Policies(presumed="by_hand"))
    await sell(
        store, a_sale(confidence="presumed"), site=msgspec.structs.replace(SITE, operator=strict)
    )
    by = By("anna", now_ms())
    async with store.transaction() as connection:
        it = await known(connection, id_of(1))
        answers = Answers(presumed=True, product="tea")
        settled = await requeue(connection, Sites(), it, answers, by)
        assert settled.state == "waiting"
        second = asyncio.ensure_future(order(store, Requeue()))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        await until(lambda: postgres.execute(waiting) == [(1,)])
    await second
    assert (await request(store)).name == "Чай"

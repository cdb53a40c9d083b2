"""Resolving: a person's word ends a doubt, and never makes two receipts or none."""

import dataclasses
import re
from datetime import date

import msgspec
import pytest
import sqlalchemy as sa
from fate import LOST, REFUSED, accept, issue, leave, meet
from shop import (
    SETTINGS,
    Account,
    a_document,
    a_sale,
    hear,
    id_of,
    incidents,
    now_ms,
    rows,
    sell,
    states,
    stock,
    the_receipt,
    write,
)

from cloud.desk.attention import look
from cloud.desk.orders import Correct, Decision, Requeue, Resolve, Return, decide
from cloud.desk.settled import By, Settled
from cloud.errors import DecisionError
from cloud.outcome import Done, Unknown
from cloud.receipt import Purpose
from cloud.store import Store, attention, history
from cloud.store.schema import attempt, receipt, sale
from cloud.store.sites import Sites


async def order(store: Store, what: Decision, number: int = 1) -> Settled:
    return await decide(store, Sites(), id_of(number), what, By("anna", now_ms()))


async def test_a_receipt_in_doubt_is_issued_by_the_text_of_its_qr_code(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    settled = await order(store, Resolve(issued=f" {a_document(5).qr}\n"))
    assert settled.state == "issued"
    assert (await the_receipt(store)).fd == 5
    assert await incidents(store) == []


async def test_a_receipt_that_was_not_issued_may_be_sent_under_a_new_key(either: Store) -> None:
    await sell(either, a_sale())
    await meet(either, LOST)
    settled = await order(either, Resolve(not_issued=True))
    assert f"requeue {id_of(1)}" in settled.told
    assert await states(either) == {id_of(1): "attention"}
    await order(either, Requeue())
    assert await leave(either) == [f"{id_of(1)}-1"]


async def test_who_looked_for_a_key_that_is_past_says_nothing_of_the_one_in_use(
    store: Store,
) -> None:
    """Two people, or one before an old page: what was looked for is not what is in doubt."""
    await sell(store, a_sale())
    await meet(store, REFUSED)
    for number, becomes in ((1, REFUSED), (2, LOST)):
        await order(store, Requeue())
        assert await leave(store) == [f"{id_of(1)}-{number}"]
        await hear(store, becomes, f"{id_of(1)}-{number}")
    by = By("anna", now_ms())
    for past in (f"{id_of(1)}-1", f"{id_of(1)}-r", f" {id_of(1)}-1/".upper()):
        with pytest.raises(DecisionError, match=f"in doubt is {id_of(1)}-2"):
            await decide(store, Sites(), past, Resolve(not_issued=True), by)
    settled = await decide(store, Sites(), f"{id_of(1)}-2", Resolve(not_issued=True), by)
    assert settled.told.startswith("its key is dead")


async def test_an_old_page_that_names_the_sale_alone_says_nothing_of_a_later_key(
    store: Store,
) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    await order(store, Resolve(not_issued=True))
    await order(store, Requeue())
    await meet(store, LOST, attempt=1)
    async with store.reading() as connection:
        (item,) = (await look(connection, now_ms())).items
    assert f"resolve {id_of(1)}-1 --issued QR_TEXT; or --not-issued" in item.next
    with pytest.raises(DecisionError, match=f"in doubt is {id_of(1)}-1, .* resolve {id_of(1)}-1 "):
        await order(store, Resolve(not_issued=True))


async def test_nothing_is_not_issued_that_is_not_in_doubt(store: Store) -> None:
    await sell(store, a_sale())
    await accept(store)
    with pytest.raises(DecisionError, match="nothing is in doubt"):
        await order(store, Resolve(not_issued=True))


async def test_nor_is_a_later_key_that_has_never_left(store: Store) -> None:
    """It is not to be looked for: nobody has sent it."""
    await sell(store, a_sale())
    await meet(store, REFUSED)
    by = By("anna", now_ms())
    for name in (id_of(1), f"{id_of(1)}-1"):
        with pytest.raises(DecisionError, match="nothing is in doubt, the receipt is attention"):
            await decide(store, Sites(), name, Resolve(not_issued=True), by)


async def test_a_return_that_is_in_doubt_is_named_by_its_own_key_or_by_its_sale(
    store: Store,
) -> None:
    await sell(store, a_sale())
    await issue(store)
    await order(store, Return())
    (key,) = await leave(store)
    await hear(store, LOST, key)
    by = By("anna", now_ms())
    with pytest.raises(DecisionError, match=f"in doubt is {id_of(1)}-r, and not {id_of(1)}-c"):
        await decide(store, Sites(), f"{id_of(1)}-c", Resolve(not_issued=True), by)
    settled = await order(store, Resolve(not_issued=True))
    assert (settled.purpose, settled.told[:15]) == ("income_return", "its key is dead")


@pytest.mark.parametrize(
    ("qr", "said"),
    [
        ("https://example.org", "no text of a fiscal QR code"),
        (a_document(5, total=12000).qr, r"receipt is of 120.10, that document of 120.00"),
        (a_document(5).qr[:-1] + "2", r"a return of income \(n=2\)"),
    ],
)
async def test_a_document_that_cannot_be_the_receipts_is_refused(
    store: Store, qr: str, said: str
) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    before = await the_receipt(store)
    with pytest.raises(DecisionError, match=said):
        await order(store, Resolve(issued=qr))
    assert await the_receipt(store) == before
    assert await incidents(store) == []


async def test_another_sum_is_taken_when_a_person_insists_and_is_an_incident(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    await order(store, Resolve(issued=a_document(5, total=12000).qr, other_sum=True))
    assert await states(store) == {id_of(1): "issued"}
    assert await incidents(store) == ["another sum"]


async def test_the_document_of_another_sale_is_refused_and_leaves_no_trace(either: Store) -> None:
    await sell(either, a_sale(1), a_sale(2))
    await issue(either, 1, fd=5)
    await meet(either, LOST, 2)
    with pytest.raises(DecisionError, match="the document of another sale"):
        await order(either, Resolve(issued=a_document(5).qr), 2)
    assert (await states(either))[id_of(2)] == "attention"
    assert await incidents(either) == []


async def test_a_second_document_of_an_issued_receipt_is_written_down(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store, fd=5)
    same = await order(store, Resolve(issued=a_document(5).qr))
    assert same.told.startswith("it is issued already")
    assert await incidents(store) == []
    first = f"issued already, as {re.escape(a_document(5).qr)}; .* add --second"
    with pytest.raises(DecisionError, match=first):
        await order(store, Resolve(issued=a_document(6).qr))
    assert await incidents(store) == []
    other = await order(store, Resolve(issued=a_document(6).qr, second=True))
    assert "--duplicate" in other.told
    assert "--undone REASON" in other.told
    assert await incidents(store) == ["duplicate receipt"]
    assert (await the_receipt(store)).fd == 5


async def test_a_second_document_is_none_that_another_sale_has(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await issue(store, 1, fd=5)
    await issue(store, 2, fd=6)
    with pytest.raises(DecisionError, match="is the document of another receipt"):
        await order(store, Resolve(issued=a_document(6).qr, second=True))
    assert await incidents(store) == []


async def test_beside_the_correction_of_a_closed_receipt_its_own_document_is_the_second(
    store: Store,
) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    await order(store, Correct(by_order="12-34", day=date(2026, 11, 22)))
    await meet(store, Done(a_document(5)), purpose=Purpose.CORRECTION)
    told = {"issued": a_document(6).qr, "purpose": "income"}
    with pytest.raises(DecisionError, match="add --second"):
        await order(store, msgspec.convert(told, Resolve))
    await order(store, msgspec.convert({**told, "second": True}, Resolve))
    assert await incidents(store) == ["duplicate receipt"]


@pytest.mark.parametrize("seconds", ["", "59"])
async def test_a_document_from_before_the_day_before_its_sale_is_taken_when_a_person_insists(
    store: Store, seconds: str
) -> None:
    await sell(store, a_sale(1), a_sale(2))
    for number in (1, 2):
        await meet(store, LOST, number)
    old = dataclasses.replace(a_document(5), at=f"20261121T2359{seconds}").qr
    with pytest.raises(DecisionError, match=r"sold on 2026-11-23, .* before; .* add --insist"):
        await order(store, Resolve(issued=old))
    assert (await states(store))[id_of(1)] == "attention"
    assert (await order(store, Resolve(issued=old, insist=True))).state == "issued"
    day_before = dataclasses.replace(a_document(6), at="20261122T0000").qr
    assert (await order(store, Resolve(issued=day_before), 2)).state == "issued"


async def test_the_drive_of_another_register_is_taken_when_a_person_insists(
    either: Store,
) -> None:
    await sell(either, *(a_sale(number) for number in (1, 2, 3)))
    await issue(either, 1, fd=5)
    elsewhere = sa.update(receipt).where(receipt.c.sale_id == id_of(1))
    for number in (2, 3):
        await meet(either, LOST, number)
    new = a_document(6, fn="9999078900000002").qr
    assert (await order(either, Resolve(issued=new), 2)).state == "issued"
    spare = {"id": "spare", "operator": "coffee", "provider": "cloudkassir"}
    await stock(either, Account(**spare, settings=dict(SETTINGS)))
    await write(either, elsewhere.values(register="spare"))
    theirs = a_document(7).qr
    with pytest.raises(DecisionError, match=r"to register main, .* that of spare; .* --insist"):
        await order(either, Resolve(issued=theirs), 3)
    assert (await states(either))[id_of(3)] == "attention"
    assert (await order(either, Resolve(issued=theirs, insist=True), 3)).state == "issued"


async def test_a_receipt_that_is_still_asked_for_is_not_yet_in_doubt(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, Unknown("error 500"))
    with pytest.raises(DecisionError, match=r"still asked for; .* once it stands in attention"):
        await order(store, Resolve(not_issued=True))


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("hours", [-5, 5])
async def test_whose_computers_clock_is_hours_off_undoes_what_is_there_and_nothing_later(
    postgres_store: Store, hours: int
) -> None:
    """Else it is to be undone again, by a return too many; or a third document is not seen."""
    store = postgres_store
    await sell(store, a_sale())
    await issue(store)
    await hear(store, Done(a_document(7)))
    by = By("anna", now_ms() + hours * 3_600_000)
    undone = Resolve(undone="returned in the provider's cabinet")
    await decide(store, Sites(), id_of(1), undone, by)

    async def left() -> int:
        async with store.reading() as connection:
            return len(await attention.duplicates(connection))

    assert await left() == 0
    second = Resolve(issued=a_document(8).qr, second=True)
    await decide(store, Sites(), id_of(1), second, by)
    assert await left() == 1
    await decide(store, Sites(), id_of(1), undone, by)
    assert await left() == 0


async def test_a_second_document_that_is_undone_elsewhere_needs_no_hand(either: Store) -> None:
    await sell(either, a_sale(1), a_sale(2))
    for number in (1, 2):
        await issue(either, number)
        second = Resolve(issued=a_document(number + 20).qr, second=True)
        await order(either, second, number)
    await order(either, Return())
    with pytest.raises(DecisionError, match="--undone: how"):
        await order(either, Resolve(undone=" "))
    settled = await order(either, Resolve(undone="returned in the provider's cabinet\n"))
    assert "needs no hand any more" in settled.told
    async with either.reading() as connection:
        left = await attention.duplicates(connection)
        last = (await history.of(connection, id_of(1)))[-1]
    assert [each.sale_id for each in left] == [id_of(2)]
    assert (last.who, last.purpose, last.state) == ("anna", None, "undone")
    assert last.detail == "returned in the provider's cabinet"
    with pytest.raises(DecisionError, match="no second document of it is left"):
        await order(either, Resolve(undone="once more"))


async def test_a_sale_that_needs_a_hand_is_skipped_with_its_reason(store: Store) -> None:
    await sell(store, a_sale(amount=None))
    settled = await order(store, Resolve(skip="a technician's test"))
    assert settled.state == "skipped"
    (row,) = await rows(store, sa.select(sale))
    assert (row.disposition, row.cause, row.reason) == ("skipped", "by_hand", "a technician's test")


async def test_a_refused_receipt_is_closed_and_one_in_doubt_is_not(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await meet(store, REFUSED, 1)
    await meet(store, LOST, 2)
    assert (await order(store, Resolve(skip="no goods came"), 1)).state == "closed"
    with pytest.raises(DecisionError, match="--not-issued"):
        await order(store, Resolve(skip="no goods came"), 2)
    assert await states(store) == {id_of(1): "closed", id_of(2): "attention"}


async def test_a_skip_says_why(store: Store) -> None:
    await sell(store, a_sale(amount=None))
    with pytest.raises(DecisionError, match="why"):
        await order(store, Resolve(skip="  "))


async def test_of_two_receipts_the_one_that_needs_a_hand_is_meant(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store, fd=5)
    await order(store, Return())
    await meet(store, LOST, purpose=Purpose.INCOME_RETURN)
    settled = await order(store, Resolve(issued=a_document(6).qr[:-1] + "2"))
    assert (settled.purpose, settled.state) == ("income_return", "issued")
    with pytest.raises(DecisionError, match="say which by --purpose"):
        await order(store, Resolve(skip="both are issued"))
    with pytest.raises(DecisionError, match="no receipt of correction"):
        await order(store, Resolve(skip="there is none", purpose="correction"))


async def test_a_key_of_an_attempt_names_its_sale(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    await order(store, Resolve(not_issued=True))
    await order(store, Requeue())
    await leave(store)
    *_, key = [row.key for row in await rows(store, sa.select(attempt).order_by(attempt.c.number))]
    by = By("anna", now_ms())
    settled = await decide(store, Sites(), key, Resolve(issued=a_document(5).qr), by)
    assert (key, settled.sale_id) == (f"{id_of(1)}-1", id_of(1))


def test_one_thing_is_said_at_a_time() -> None:
    for told in ({}, {"issued": "t=", "not_issued": True}, {"skip": "x", "undone": "y"}):
        with pytest.raises(
            msgspec.ValidationError, match="one of issued, not_issued, skip and undone"
        ):
            msgspec.convert(told, Resolve)

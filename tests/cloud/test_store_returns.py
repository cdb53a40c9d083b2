"""Returns: of the receipt that a sale has, whole, once, at the register that issued it."""

import asyncio
from dataclasses import replace

import msgspec
import pytest
import sqlalchemy as sa
from shop import (
    MACHINE,
    SETTINGS,
    Account,
    a_document,
    a_fleet,
    a_sale,
    hear,
    id_of,
    incidents,
    leave,
    rows,
    sell,
    stock,
    write,
)

from cloud.errors import DecisionError
from cloud.intake import Attention, Cause, Disposition, Placed, ReturnOf, Skipped
from cloud.outcome import Dead, Done
from cloud.receipt import Purpose, Receipt
from cloud.store import Store, decisions, placing, returns
from cloud.store.schema import receipt
from edge.wire import Sale

T = 1_800_000_000_000
KEY = id_of(1)
WHEN = "2026-11-24T09:00:00"
UNSAID = Attention(Cause.RETURN, "goods came back")
SIDE = Account(id="side", operator="coffee", provider="cloudkassir", settings=SETTINGS)


async def issued(store: Store, *numbers: int) -> None:
    for number in numbers:
        await hear(store, Done(a_document(number)), id_of(number), at=T)


async def sold(store: Store, *told: Sale) -> None:
    """Sales that were made and sent, in this order."""
    await sell(store, *told)
    await leave(store, at=T)


def back(seq: int = 9, **told: object) -> Sale:
    return a_sale(seq, kind="return", **told)


async def came(store: Store, told: Sale, placed: Disposition = UNSAID) -> Disposition:
    """Goods came back, and that is stored; what it is settled as."""
    await sell(store, told)
    async with store.transaction() as connection:
        return await returns.settle(connection, told, placed, WHEN, "intake", T)


async def returned(store: Store) -> list[str]:
    """The sales whose return is asked for."""
    of = sa.select(receipt).where(receipt.c.purpose == "income_return")
    return [row.sale_id for row in await rows(store, of.order_by(receipt.c.sale_id))]


async def test_goods_that_came_back_return_the_receipt_of_their_sale(store: Store) -> None:
    await sold(store, a_sale())
    await issued(store, 1)
    assert await came(store, back(2)) == Skipped(
        Cause.RETURN, f"goods came back: the receipt of {KEY} is returned"
    )
    (row,) = await rows(store, sa.select(receipt).where(receipt.c.purpose == "income_return"))
    assert (row.sale_id, row.machine, row.register) == (KEY, MACHINE, "main")
    assert (row.state, row.born_at) == ("waiting", T)
    told = msgspec.json.decode(row.request, type=Receipt)
    assert (told.purpose, told.sold_at) == (Purpose.INCOME_RETURN, WHEN)
    assert (told.basis, told.amount) == (str(a_document().fp), 12010)


async def test_a_return_has_keys_of_its_own_and_a_document_of_its_own(store: Store) -> None:
    await sold(store, a_sale())
    await issued(store, 1)
    await came(store, back(2))
    assert await leave(store, at=T) == [f"{KEY}-r"]
    await hear(store, Done(replace(a_document(2), sign=2)), f"{KEY}-r", at=T)
    assert [row.state for row in await rows(store, sa.select(receipt))] == ["issued", "issued"]
    assert await incidents(store) == []


async def test_a_return_goes_to_the_register_that_issued_whatever_the_machine_has_now(
    store: Store,
) -> None:
    await stock(store, *a_fleet(SIDE))
    await sold(store, a_sale())
    await hear(store, Dead("no such group"), at=T)
    async with store.transaction() as connection:
        await decisions.requeue(connection, KEY, Purpose.INCOME, "olga", T, register="side")
    await leave(store, "side", at=T)
    await hear(store, Done(a_document()), f"{KEY}-1", "side", at=T)
    await came(store, back(2))
    assert await leave(store, at=T) == []
    assert await leave(store, "side", at=T) == [f"{KEY}-r"]


@pytest.mark.parametrize("state", ["waiting", "submitted", "attention"])
async def test_what_is_not_issued_yet_is_not_returned_and_may_be_later(
    store: Store, state: str
) -> None:
    await sell(store, a_sale())
    if state != "waiting":
        await leave(store, at=T)
    if state == "attention":
        await hear(store, Dead("code 13"), at=T)
    assert await came(store, back(2)) == UNSAID
    assert await returned(store) == []
    if state == "waiting":
        await leave(store, at=T)
    await issued(store, 1)
    assert isinstance(await came(store, back(2)), Skipped)


async def test_what_is_no_return_is_left_as_intake_has_it(store: Store) -> None:
    await sold(store, a_sale())
    await issued(store, 1)
    for placed in (
        Attention(Cause.UNKNOWN_MACHINE, "nobody knows it"),
        Skipped(Cause.TEST, "test vend"),
        Placed(a_receipt := msgspec.json.decode(await the_request(store), type=Receipt), "main"),
    ):
        assert await came(store, back(2), placed) == placed
    assert a_receipt.sale_id == KEY
    assert await returned(store) == []


async def the_request(store: Store) -> str:
    ((request,),) = await rows(store, sa.select(receipt.c.request))
    return str(request)


# Which sale it was. ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "sale"),
    [
        ({}, 3),
        ({"amount": None}, 3),
        ({"item": "0002"}, 2),
        ({"amount": 700}, 1),
        # Of another slot, of another price, of no slot: a person has to say.
        ({"item": "0005"}, None),
        ({"amount": 5}, None),
        ({"item": None}, None),
        ({"epoch": "00000001"}, None),
    ],
)
async def test_it_is_the_machines_last_sale_of_that_slot_and_price(
    store: Store, told: dict[str, object], sale: int | None
) -> None:
    await sold(store, a_sale(1, amount=700), a_sale(2, item="0002"), a_sale(3))
    for number, total in ((1, 700), (2, 12010), (3, 12010)):
        await hear(store, Done(a_document(number, total)), id_of(number), at=T)
    await sell(store, *(a_sale(number, kind="test") for number in range(4, 9)))
    done = await came(store, back(**told))
    assert await returned(store) == ([id_of(sale)] if sale else [])
    assert isinstance(done, Skipped) == (sale is not None)


async def test_a_sale_whose_slot_nobody_knows_is_never_the_one(store: Store) -> None:
    """That neither of them names a slot says nothing."""
    await sold(store, a_sale(1))
    await issued(store, 1)
    await write(store, sa.text("UPDATE sale SET body = replace(body, '\"0001\"', 'null')"))  # type: ignore[arg-type]
    assert await came(store, back(2, item=None)) == UNSAID
    assert await returned(store) == []


@pytest.mark.parametrize("kind", ["free", "test", "token"])
async def test_only_what_was_paid_for_comes_back(store: Store, kind: str) -> None:
    await sold(store, a_sale(1))
    await issued(store, 1)
    await sell(store, a_sale(2, kind=kind))
    assert isinstance(await came(store, back(3)), Skipped)
    assert await returned(store) == [KEY]


async def test_a_sale_that_is_not_here_yet_may_be_the_one(store: Store) -> None:
    """The return overtook it: the sale before it is somebody else's."""
    await sold(store, a_sale(1))
    await issued(store, 1)
    assert await came(store, back(3)) == UNSAID
    await sold(store, a_sale(2))
    assert await came(store, back(3)) == UNSAID
    await issued(store, 2)
    assert isinstance(await came(store, back(3)), Skipped)
    assert await returned(store) == [id_of(2)]


async def test_a_hole_further_back_is_nobodys_business(store: Store) -> None:
    await sold(store, a_sale(5))
    await issued(store, 5)
    assert isinstance(await came(store, back(6)), Skipped)


async def test_another_machines_sale_is_never_the_one(store: Store) -> None:
    await sold(store, a_sale(1, machine="vm-9"))
    await issued(store, 1)
    assert await came(store, back(2)) == UNSAID


async def test_a_sale_that_came_long_before_is_a_persons(store: Store) -> None:
    await sold(store, a_sale(1))
    await issued(store, 1)
    await sell(store, *(a_sale(number, kind="test") for number in range(2, 52)))
    assert await came(store, back(52)) == UNSAID
    told = ReturnOf(KEY, WHEN)
    assert isinstance(await came(store, back(52), told), Skipped)


async def test_the_last_sale_that_got_no_receipt_hides_the_one_before(store: Store) -> None:
    """It was the one that came back; there is nothing of it to return."""
    await sold(store, a_sale(1))
    await issued(store, 1)
    await sell(store, a_sale(2, currency="USD"))
    assert await came(store, back(3)) == UNSAID
    assert await returned(store) == []


# Once. -------------------------------------------------------------------------------------------


async def test_what_came_back_does_not_come_back_again(store: Store) -> None:
    await sold(store, a_sale(1), a_sale(2))
    await issued(store, 1, 2)
    assert isinstance(await came(store, back(3)), Skipped)
    # The next one of that slot was another sale's, and which one only a person knows.
    assert await came(store, back(4)) == UNSAID
    assert await returned(store) == [id_of(2)]
    assert isinstance(await came(store, back(4), ReturnOf(KEY, WHEN)), Skipped)
    assert await returned(store) == [KEY, id_of(2)]


async def test_a_person_who_says_what_was_returned_already_is_told_so(store: Store) -> None:
    await sold(store, a_sale())
    await issued(store, 1)
    await came(store, back(2))
    told = await came(store, back(3), ReturnOf(KEY, WHEN))
    assert told == Attention(Cause.RETURN, f"sale {KEY} has no receipt that could be returned")


async def test_a_person_who_names_a_sale_that_is_none_is_told_so(store: Store) -> None:
    told = await came(store, back(2), ReturnOf(id_of(77), WHEN))
    said = f"sale {id_of(77)} has no receipt that could be returned"
    assert told == Attention(Cause.RETURN, said)


async def test_a_return_is_asked_for_once_whoever_asks(store: Store) -> None:
    await sold(store, a_sale())
    await issued(store, 1)
    async with store.transaction() as connection:
        found = await placing.issued(connection, KEY)
        assert found is not None
        await returns.ask(connection, found, WHEN, "olga", T)

    async def again() -> None:
        async with store.transaction() as connection:
            await returns.ask(connection, found, WHEN, "olga", T)

    with pytest.raises(DecisionError, match="it is being returned: waiting"):
        await again()
    await leave(store, at=T)
    await hear(store, Done(replace(a_document(2), sign=2)), f"{KEY}-r", at=T)
    with pytest.raises(DecisionError, match="it is returned already"):
        await again()


async def test_two_who_ask_for_a_return_at_once_ask_for_one(store: Store) -> None:
    await sold(store, a_sale())
    await issued(store, 1)
    await sell(store, back(2))

    async def settle() -> Disposition:
        async with store.transaction() as connection:
            return await returns.settle(connection, back(2), UNSAID, WHEN, "intake", T)

    done = await asyncio.gather(*(settle() for _ in range(4)))
    assert len([each for each in done if isinstance(each, Skipped)]) == 1
    assert await returned(store) == [KEY]


async def test_a_correction_is_returned_as_the_receipt_that_it_stands_for(store: Store) -> None:
    await sell(store, a_sale())
    amended = sa.update(receipt).values(purpose="correction")
    await write(store, amended)
    request = msgspec.json.decode(await the_request(store), type=Receipt)
    told = msgspec.structs.replace(request, purpose=Purpose.CORRECTION)
    body = msgspec.json.encode(told).decode()
    await write(store, sa.update(receipt).values(request=body))
    await leave(store, at=T)
    await hear(store, Done(a_document()), f"{KEY}-c", at=T)
    assert isinstance(await came(store, back(2)), Skipped)
    assert await leave(store, at=T) == [f"{KEY}-r"]

"""Decisions: what a person may settle of a receipt, and what is refused because it could make two."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from shop import (
    ASKED,
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
    story,
    the_attempts,
    the_receipt,
)

from cloud.errors import DecisionError
from cloud.fiscal import FiscalDocument
from cloud.fiscalization import State
from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown, Unsent
from cloud.receipt import Purpose, Receipt
from cloud.store import Store, decisions, history
from cloud.store.schema import receipt, reply, sale

T = 1_800_000_000_000
KEY = id_of(1)
INCOME = Purpose.INCOME
LOST = Unknown("the answer was lost", final=True)
REFUSED = Dead("code 13")
DONE = Done(a_document())
ANEW = msgspec.structs.replace(ASKED, name="Чай")
SIDE = Account(id="side", operator="coffee", provider="cloudkassir", settings=SETTINGS)


async def begun(store: Store, *outcomes: Outcome | None) -> None:
    """A receipt that was sent, and what was said of its keys; None: it is sent again."""
    await stock(store, *a_fleet(SIDE))
    await sell(store, a_sale())
    if not outcomes:
        return
    (key,) = await leave(store, at=T)
    for outcome in outcomes:
        if outcome is None:
            (key,) = await leave(store, at=T + 10**9)
        else:
            await hear(store, outcome, key, at=T)


async def requeue(store: Store, **told: Any) -> str:  # noqa: ANN401, as it may be requeued
    async with store.transaction() as connection:
        return await decisions.requeue(connection, KEY, INCOME, "olga", T, **told)


async def not_issued(store: Store, purpose: Purpose = INCOME) -> None:
    async with store.transaction() as connection:
        await decisions.not_issued(connection, KEY, purpose, "olga", T)


async def found(store: Store, document: FiscalDocument) -> State:
    async with store.transaction() as connection:
        return await decisions.found(connection, KEY, INCOME, document, "olga", T)


async def close(store: Store, reason: str = "nobody bought it") -> None:
    async with store.transaction() as connection:
        await decisions.close(connection, KEY, INCOME, reason, "olga", T)


async def skip(store: Store, number: int = 1) -> None:
    async with store.transaction() as connection:
        await decisions.skip(connection, id_of(number), "the machine was a demo", "olga", T)


async def all_of_it(store: Store) -> list[Any]:
    """What a refused decision must leave as it was."""
    return [
        await the_receipt(store),
        await the_attempts(store),
        await story(store),
        await rows(store, sa.select(reply)),
    ]


# Sent anew. --------------------------------------------------------------------------------------


async def test_a_refused_receipt_is_sent_anew_under_the_next_key(store: Store) -> None:
    await begun(store, REFUSED)
    assert await requeue(store) == f"{KEY}-1"
    row = await the_receipt(store)
    assert (row.state, row.error, row.tries, row.next_at) == ("waiting", None, 0, 0)
    assert await leave(store, at=T) == [f"{KEY}-1"]
    assert [used.verdict for used in await the_attempts(store)] == ["dead", None]


async def test_what_it_says_anew_goes_under_its_key_and_the_old_body_stays(store: Store) -> None:
    await begun(store, REFUSED)
    await requeue(store, request=ANEW)
    assert msgspec.json.decode((await the_receipt(store)).request, type=Receipt) == ANEW
    await leave(store, at=T, body="anew")
    assert [used.body for used in await the_attempts(store)] == ["body", "anew"]


async def test_what_never_left_may_go_again_under_its_own_key(store: Store) -> None:
    await begun(store, Unsent("refused"))
    assert await requeue(store) == KEY
    assert await leave(store, at=T) == [KEY]
    assert [used.verdict for used in await the_attempts(store)] == [None]


@pytest.mark.parametrize("told", [{"request": ANEW}, {"register": "side"}])
async def test_what_never_left_and_says_something_else_gets_a_new_key(
    store: Store, told: dict[str, Any]
) -> None:
    """A key has one body and one register, ever."""
    await begun(store, Unsent("refused"))
    assert await requeue(store, **told) == f"{KEY}-1"
    assert [(used.key, used.verdict) for used in await the_attempts(store)] == [(KEY, "withdrawn")]
    assert await leave(store, told.get("register", "main"), at=T) == [f"{KEY}-1"]


async def test_what_was_never_tried_goes_elsewhere_under_its_first_key(store: Store) -> None:
    await begun(store)
    assert await requeue(store, register="side") == KEY
    assert await leave(store, at=T) == []
    assert await leave(store, "side", at=T) == [KEY]
    (used,) = await the_attempts(store)
    assert used.register == "side"


async def test_it_is_written_down_what_was_sent_anew_and_where_to(store: Store) -> None:
    await begun(store, REFUSED)
    await requeue(store, request=ANEW, register="side")
    async with store.reading() as connection:
        told = (await history.of(connection, KEY))[-1]
    assert (told.at, told.who, told.state) == (T, "olga", "waiting")
    assert told.detail == "requeued to side anew"


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([Accepted("sc")], "accepted"),
        ([Unknown("?")], "unknown"),
        ([Unknown("?"), None], "unknown"),
        ([DONE], "issued"),
        ([None], "unknown"),
    ],
)
async def test_what_goes_its_way_by_itself_is_not_sent_anew(
    store: Store, outcomes: list[Outcome | None], state: str
) -> None:
    await begun(store, *outcomes)
    before = await all_of_it(store)
    with pytest.raises(DecisionError, match=f"the receipt is {state}, and goes its way by itself"):
        await requeue(store)
    assert await all_of_it(store) == before


async def test_what_may_have_been_recorded_is_not_sent_anew(store: Store) -> None:
    await begun(store, LOST)
    before = await all_of_it(store)
    for told in ({}, {"request": ANEW}, {"register": "side"}):
        with pytest.raises(DecisionError, match=f"{KEY} was sent, .* resolve {KEY} --not-issued"):
            await requeue(store, **told)
    assert await all_of_it(store) == before


async def test_what_was_closed_stays_closed(store: Store) -> None:
    await begun(store, REFUSED)
    await close(store)
    with pytest.raises(DecisionError, match="the receipt is closed"):
        await requeue(store)


# It was not recorded. ----------------------------------------------------------------------------


async def test_a_key_that_a_person_says_is_dead_is_followed_by_the_next(store: Store) -> None:
    await begun(store, LOST)
    await not_issued(store)
    row = await the_receipt(store)
    assert (row.state, row.attempt) == ("attention", 1)
    assert row.error == f"{KEY} was not recorded; python -m cloud requeue {KEY} sends it anew"
    (used,) = await the_attempts(store)
    assert (used.verdict, used.reason, used.ended_at) == ("dead", "not recorded, says olga", T)
    # Nothing goes by itself: the person may want something else of it.
    assert await leave(store, at=T) == []
    assert await requeue(store) == f"{KEY}-1"
    assert await leave(store, at=T) == [f"{KEY}-1"]


async def test_a_document_overrules_a_person_who_did_not_find_it(store: Store) -> None:
    await begun(store, LOST)
    await not_issued(store)
    await requeue(store)
    assert await hear(store, DONE, at=T) is State.ISSUED
    assert await leave(store, at=T) == []
    assert await incidents(store) == ["recorded after all"]


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([], "waiting"),
        ([Unsent("u")], "waiting"),
        ([Unknown("?")], "unknown"),
        ([Accepted("sc")], "accepted"),
        ([REFUSED], "attention"),
        ([DONE], "issued"),
    ],
)
async def test_what_is_not_in_doubt_is_not_said_to_be_dead(
    store: Store, outcomes: list[Outcome], state: str
) -> None:
    await begun(store, *outcomes)
    before = await all_of_it(store)
    with pytest.raises(DecisionError, match=f"nothing is in doubt, the receipt is {state}"):
        await not_issued(store)
    assert await all_of_it(store) == before


async def test_a_key_dies_once(store: Store) -> None:
    await begun(store, LOST)
    await not_issued(store)
    with pytest.raises(DecisionError, match="nothing is in doubt"):
        await not_issued(store)


# Its document was found. -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "key"),
    [
        ([LOST], KEY),
        ([Unknown("?")], KEY),
        ([Accepted("sc")], KEY),
        ([Unsent("u")], KEY),
        ([REFUSED], KEY),
        ([Dead("expired", again=True), None, LOST], f"{KEY}-1"),
        # The last key that left, and not the one that did not.
        ([Dead("expired", again=True), None, Unsent("u")], KEY),
    ],
)
async def test_a_document_that_a_person_found_ends_it(
    store: Store, outcomes: list[Outcome | None], key: str
) -> None:
    await begun(store, *outcomes)
    assert await found(store, a_document()) is State.ISSUED
    assert (await the_receipt(store)).fd == 1
    assert [used.key for used in await the_attempts(store) if used.verdict == "done"] == [key]
    assert await leave(store, at=T + 10**9) == []


async def test_a_document_is_found_after_it_was_said_that_there_is_none(store: Store) -> None:
    await begun(store, LOST)
    await not_issued(store)
    await close(store)
    assert await found(store, a_document()) is State.ISSUED
    assert (await story(store))[-2:] == ["closed", "issued"]


async def test_a_document_of_the_register_it_was_moved_from_is_found(store: Store) -> None:
    await begun(store, LOST)
    await not_issued(store)
    await requeue(store, register="side")
    assert await found(store, a_document()) is State.ISSUED
    assert (await the_receipt(store)).register == "main"


async def test_of_an_issued_receipt_the_same_document_is_no_news_and_another_an_incident(
    store: Store,
) -> None:
    await begun(store, DONE)
    before = await all_of_it(store)
    assert await found(store, a_document()) is State.ISSUED
    assert await incidents(store) == []
    assert await found(store, a_document(2)) is State.ISSUED
    assert await incidents(store) == ["duplicate receipt"]
    assert await all_of_it(store) == before


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_what_was_never_sent_has_no_document(store: Store, *, withdrawn: bool) -> None:
    await begun(store, *([Unsent("u")] if withdrawn else []))
    if withdrawn:
        await requeue(store, request=ANEW)
    with pytest.raises(DecisionError, match="nothing was sent for it"):
        await found(store, a_document())


async def test_another_receipts_document_is_not_taken_for_its_own(store: Store) -> None:
    await begun(store, LOST)
    await sell(store, a_sale(2))
    await leave(store, at=T)
    await hear(store, DONE, id_of(2), at=T)
    assert await found(store, a_document()) is State.ATTENTION
    assert await found(store, replace(a_document(2), sign=2)) is State.ATTENTION
    row = await the_receipt(store)
    assert (row.fd, row.error) == (None, "the answer was lost")
    assert await incidents(store) == ["document of another sale", "another purpose"]


# There will be none. -----------------------------------------------------------------------------


@pytest.mark.parametrize("outcomes", [[], [Unsent("u")], [REFUSED], [LOST]])
async def test_what_has_no_document_is_closed_with_its_reason(
    store: Store, outcomes: list[Outcome]
) -> None:
    await begun(store, *outcomes)
    if outcomes == [LOST]:
        await not_issued(store)
    await close(store)
    row = await the_receipt(store)
    assert (row.state, row.error) == ("closed", "nobody bought it")
    assert (await story(store))[-1] == "closed"
    assert await leave(store, at=T + 10**9) == []
    live = [used for used in await the_attempts(store) if used.verdict in {None, "done"}]
    assert live == []
    # The machine is told, so that no screen waits for it.
    ((rev,),) = await rows(store, sa.select(reply.c.rev))
    assert rev == {(REFUSED,): 2, (LOST,): 3}.get(tuple(outcomes), 1)


@pytest.mark.parametrize(
    ("outcomes", "why"),
    [
        ([LOST], "what became of it is not known: first python -m cloud resolve"),
        ([Unknown("?")], "the receipt is unknown; it cannot be closed"),
        ([Accepted("sc")], "the receipt is accepted; it cannot be closed"),
        ([DONE], "the receipt is issued; it cannot be closed"),
        ([None], "the receipt is unknown; it cannot be closed"),
    ],
)
async def test_what_has_a_document_or_may_have_one_is_not_closed(
    store: Store, outcomes: list[Outcome | None], why: str
) -> None:
    await begun(store, *outcomes)
    before = await all_of_it(store)
    with pytest.raises(DecisionError, match=why):
        await close(store)
    assert await all_of_it(store) == before


async def test_who_has_to_look_for_a_later_key_first_is_told_which(store: Store) -> None:
    await begun(store, REFUSED)
    key = await requeue(store)
    await leave(store, at=T)
    await hear(store, LOST, key, at=T)
    for decision in (requeue, close):
        with pytest.raises(DecisionError, match=f"python -m cloud resolve {key} --not-issued"):
            await decision(store)


async def test_a_receipt_is_closed_once(store: Store) -> None:
    await begun(store, REFUSED)
    await close(store)
    with pytest.raises(DecisionError, match="the receipt is closed; it cannot be closed"):
        await close(store, "for another reason")
    assert (await the_receipt(store)).error == "nobody bought it"


# Sales. ------------------------------------------------------------------------------------------


async def test_a_sale_that_needs_a_hand_is_skipped_for_a_reason(store: Store) -> None:
    await sell(store, a_sale(), site=None)
    await skip(store)
    (kept,) = await rows(store, sa.select(sale))
    assert (kept.disposition, kept.cause) == ("skipped", "by_hand")
    assert kept.reason == "the machine was a demo"
    assert await story(store) == ["attention", "skipped"]
    with pytest.raises(DecisionError, match="no sale of this id needs a hand"):
        await skip(store)


async def test_a_sale_with_a_receipt_is_not_skipped(store: Store) -> None:
    await begun(store)
    for number in (1, 2):
        with pytest.raises(DecisionError, match="no sale of this id needs a hand"):
            await skip(store, number)
    assert await story(store) == ["waiting"]


@pytest.mark.parametrize("purpose", [Purpose.INCOME_RETURN, Purpose.CORRECTION])
async def test_a_receipt_that_there_is_not_is_not_decided_on(
    store: Store, purpose: Purpose
) -> None:
    await begun(store, LOST)
    with pytest.raises(DecisionError, match=f"it has no receipt of {purpose.value}"):
        await not_issued(store, purpose)
    assert len(await rows(store, sa.select(receipt))) == 1

"""Outcomes: what is written down of them, by whom, and what nothing that is said undoes."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parts import until
from postgres import Cluster
from shop import (
    ASKED,
    BOOT,
    RECEIPT,
    SETTINGS,
    Account,
    a_document,
    a_fleet,
    a_sale,
    hear,
    id_of,
    incidents,
    leave,
    placed,
    rows,
    sell,
    states,
    stock,
    stocked,
    story,
    the_attempts,
    the_receipt,
    write,
)

from cloud.errors import DecisionError
from cloud.fiscalization import MOST_ATTEMPTS, SENT, State
from cloud.intake import correction_of
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.receipt import Purpose
from cloud.step import step
from cloud.store import Store, claims, decisions, history, placing, receipts, sales
from cloud.store.receipts import Asked, Told
from cloud.store.schema import attempt, incident, receipt, reply, sale
from cloud.store.schema import history as histories

T = 1_800_000_000_000
HOUR_MS = 3_600_000
KEY = id_of(1)
DONE = Done(a_document(), "sc_1", "https://ofd.example/1")
EXPIRED = Dead("it expired in the queue", again=True)
SIDE = Account(id="side", operator="coffee", provider="cloudkassir", settings=SETTINGS)


async def sent(store: Store, *outcomes: Outcome, number: int = 1) -> None:
    """A sale whose receipt was sent, and what was said of its key then."""
    await sell(store, a_sale(number))
    await leave(store, at=T)
    for outcome in outcomes:
        await hear(store, outcome, id_of(number), at=T)


async def revisions(store: Store) -> dict[str, int]:
    return {row.sale_id: row.rev for row in await rows(store, sa.select(reply))}


async def decide(store: Store, decision: Callable[..., Awaitable[Any]], *said: object) -> Any:  # noqa: ANN401, as it decides
    async with store.transaction() as connection:
        return await decision(connection, KEY, Purpose.INCOME, *said, "olga", T)


# What is said of a key. --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "state", "wait_ms"),
    [
        (Accepted("sc_1"), "accepted", 1000),
        (Unsent("no network"), "waiting", 1000),
        (Unsent("busy", retry_after_s=7.5), "waiting", 7500),
        # For longer it would be taken for a clock that was set back.
        (Unsent("busy", retry_after_s=86_400), "waiting", 3_600_000),
        (Unsent("who are you?", Pause.AUTH), "waiting", 0),
        (Unknown("time-out"), "unknown", 1000),
        (Unknown("nobody can be asked", final=True), "attention", 0),
        (Dead("code 13"), "attention", 0),
        (EXPIRED, "waiting", 0),
        (DONE, "issued", 0),
    ],
)
async def test_an_answer_is_written_down_with_the_next_try(
    store: Store, outcome: Outcome, state: str, wait_ms: int
) -> None:
    await sent(store)
    assert await hear(store, outcome, at=T) is State(state)
    row = await the_receipt(store)
    assert (row.state, row.next_at - T) == (state, wait_ms)
    assert row.error == getattr(outcome, "reason", None)
    (used,) = await the_attempts(store)
    assert used.provider_id == getattr(outcome, "provider_id", None)
    told = state in {"attention", "issued"}
    assert await revisions(store) == ({KEY: 1} if told else {})
    assert (await story(store))[-1] == state


async def test_an_issued_receipt_has_its_document(store: Store) -> None:
    await sent(store, DONE)
    row = await the_receipt(store)
    assert (row.fn, row.fd, row.fp) == ("9999078900000001", 1, 3141592653)
    assert (row.registered_at, row.total) == ("20261123T1542", 12010)
    assert (row.link, row.issued_at) == ("https://ofd.example/1", T)
    ((verdict, ended_at),) = [(used.verdict, used.ended_at) for used in await the_attempts(store)]
    assert (verdict, ended_at) == ("done", T)
    assert await leave(store) == []
    assert await story(store) == ["waiting", "submitted", "issued"]


async def test_an_outcome_says_who_brought_it(store: Store) -> None:
    await sent(store)
    await hear(store, DONE, who="push")
    async with store.reading() as connection:
        told = await history.of(connection, KEY)
    assert [(each.who, each.detail) for each in told] == [
        ("intake", "main"),
        ("lane", KEY),
        ("push", KEY),
    ]


async def test_waits_grow_while_nothing_changes(store: Store) -> None:
    await sell(store, a_sale())
    waits = []
    for _ in range(4):
        await leave(store, at=T + HOUR_MS)
        await hear(store, Unsent("refused"), at=T)
        waits.append((await the_receipt(store)).next_at - T)
    assert waits == [1000, 2000, 5000, 10000]


async def test_an_accepted_receipt_is_asked_for_as_its_register_has_it(store: Store) -> None:
    await sent(store)
    waits = []
    for _ in range(3):
        async with store.transaction() as connection:
            told = [Told(KEY, Accepted("sc_1"), "main")]
            await receipts.record(connection, told, "lane", T, (2, 7))
        waits.append((await the_receipt(store)).next_at - T)
    assert waits == [2000, 7000, 7000]


async def test_an_accepted_receipt_that_cannot_be_asked_for_waits_for_its_push(
    store: Store,
) -> None:
    await sent(store, Accepted())
    assert (await the_receipt(store)).next_at == T + HOUR_MS


async def test_a_surely_unsent_receipt_begins_its_providers_memory_anew(store: Store) -> None:
    await sent(store, Unsent("refused"))
    (used,) = await the_attempts(store)
    assert (used.first_sent_at, used.first_sent_boot, used.first_sent_boottime) == (None,) * 3
    await leave(store, at=T + 5_000_000)
    (used,) = await the_attempts(store)
    assert (used.first_sent_at, used.first_sent_boottime) == (T + 5_000_000, BOOT.ms)


async def test_a_crash_in_the_middle_of_sending_is_never_taken_for_unsent(store: Store) -> None:
    await sent(store)
    # The process died here: the request may have left. The next one repeats it, in vain.
    await leave(store, at=T + 20_000)
    assert await hear(store, Unsent("refused"), at=T + 20_001) is State.UNKNOWN
    (used,) = await the_attempts(store)
    assert used.first_sent_at == T


@pytest.mark.parametrize("outcome", [Accepted("sc_1"), DONE])
async def test_what_a_provider_has_did_leave_whatever_we_were_told(
    store: Store, outcome: Outcome
) -> None:
    """Or its memory of the key would seem not to have begun."""
    await sent(store, Unsent("refused"))
    await hear(store, outcome, at=T + 5, who="push")
    (used,) = await the_attempts(store)
    assert used.first_sent_at == T + 5


async def test_a_key_that_is_not_ours_is_nothing(store: Store) -> None:
    await sent(store)
    assert await hear(store, DONE, "of somebody else") is None
    assert await hear(store, DONE, f"{KEY}-1") is None
    assert (await the_receipt(store)).state == "submitted"


async def test_a_push_to_another_registers_address_is_not_ours(store: Store) -> None:
    await sent(store)
    assert await hear(store, DONE, register="side") is None
    assert (await the_receipt(store)).state == "submitted"


async def test_a_receipt_that_was_never_sent_has_no_key_to_speak_of(store: Store) -> None:
    await sell(store, a_sale())
    assert await hear(store, DONE) is None
    assert (await the_receipt(store)).state == "waiting"


async def test_outcomes_of_many_receipts_are_one_write(store: Store) -> None:
    await sell(store, *(a_sale(number) for number in range(1, 6)))
    await leave(store, at=T)
    outcomes = [Done(a_document(7)), Accepted("sc_2"), Unsent("u"), Unknown("?"), Dead("!")]
    told = [Told(id_of(number), each, "main") for number, each in enumerate(outcomes, 1)]
    async with store.transaction() as connection:
        then = await receipts.record(connection, told, "lane", T)
    wanted = ["issued", "accepted", "waiting", "unknown", "attention"]
    assert [then[id_of(number)].value for number in range(1, 6)] == wanted
    assert [(await states(store))[id_of(number)] for number in range(1, 6)] == wanted
    assert await revisions(store) == {id_of(1): 1, id_of(5): 1}


# Documents. --------------------------------------------------------------------------------------


async def test_the_same_document_twice_is_one(store: Store) -> None:
    await sent(store, DONE)
    before = await the_receipt(store)
    assert await hear(store, DONE, at=T + 5) is State.ISSUED
    assert await the_receipt(store) == before
    assert await incidents(store) == []
    assert await revisions(store) == {KEY: 1}


async def test_a_page_that_is_told_later_is_kept(store: Store) -> None:
    await sent(store, Done(a_document()))
    await write(store, sa.update(receipt).values(link=None))
    await hear(store, DONE, at=T + 5)
    assert (await the_receipt(store)).link == "https://ofd.example/1"
    await hear(store, replace(DONE, link="https://elsewhere.example"), at=T + 6)
    assert (await the_receipt(store)).link == "https://ofd.example/1"


async def test_a_second_document_for_one_sale_is_an_incident(store: Store) -> None:
    await sent(store, DONE)
    assert await hear(store, Done(a_document(2)), at=T + 5) is State.ISSUED
    assert (await the_receipt(store)).fd == 1
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.sale_id) == ("duplicate receipt", RECEIPT.sale_id)
    assert told.detail == (
        f"second document {a_document(2).qr}; the first is fn 9999078900000001 fd 1. Undo it:"
        f" python -m cloud return {KEY} --duplicate"
    )


async def test_two_documents_for_one_key_in_one_batch_are_one_and_an_incident(
    store: Store,
) -> None:
    await sent(store)
    told = [Told(KEY, Done(a_document(fd)), "main") for fd in (1, 2)]
    async with store.transaction() as connection:
        await receipts.record(connection, told, "lane", T)
    assert (await the_receipt(store)).fd == 1
    assert await incidents(store) == ["duplicate receipt"]


async def test_another_sales_document_issues_nothing_and_is_an_incident(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await leave(store, at=T)
    await hear(store, DONE)
    assert await hear(store, DONE, id_of(2)) is State.ATTENTION
    assert (await the_receipt(store, id_of(2))).fd is None
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.sale_id) == ("document of another sale", id_of(2))


async def test_one_document_for_two_sales_in_one_batch_is_the_first_ones(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await leave(store, at=T)
    told = [Told(id_of(number), DONE, "main") for number in (2, 1)]
    async with store.transaction() as connection:
        await receipts.record(connection, told, "lane", T)
    assert await states(store) == {id_of(1): "attention", id_of(2): "issued"}
    assert await incidents(store) == ["document of another sale"]


async def test_a_refund_is_not_taken_for_the_sales_own_document(store: Store) -> None:
    await sent(store)
    refund = replace(a_document(), sign=2)
    assert await hear(store, Done(refund, "sc_1")) is State.ATTENTION
    assert await incidents(store) == ["another purpose"]
    assert await hear(store, DONE) is State.ISSUED


async def test_a_document_of_another_sum_stands_and_is_an_incident(store: Store) -> None:
    await sent(store)
    assert await hear(store, Done(a_document(total=1), "sc_1")) is State.ISSUED
    assert await incidents(store) == ["another sum"]


@pytest.mark.parametrize(
    "later", [Accepted("sc_1"), Unsent("u"), Unknown("?"), Unknown("?", final=True), Dead("!")]
)
async def test_nothing_that_is_said_later_undoes_a_document(store: Store, later: Outcome) -> None:
    await sent(store, DONE)
    before = await the_receipt(store)
    assert await hear(store, later, at=T + 5) is State.ISSUED
    assert await the_receipt(store) == before
    assert await incidents(store) == []


# What a person has to look at, or has closed. ----------------------------------------------------


async def test_a_late_document_ends_a_persons_wait_and_is_told_anew(store: Store) -> None:
    await sent(store, Unknown("lost", final=True))
    assert await revisions(store) == {KEY: 1}
    await hear(store, Unknown("lost", final=True), at=T + 1)
    assert await revisions(store) == {KEY: 1}
    assert await hear(store, DONE, at=T + 2) is State.ISSUED
    assert await revisions(store) == {KEY: 2}
    assert (await the_receipt(store)).error is None


@pytest.mark.parametrize("later", [Accepted("sc_1"), Unsent("u"), Unknown("?", final=True)])
async def test_what_a_person_is_asked_stands_whatever_is_said_meanwhile(
    store: Store, later: Outcome
) -> None:
    """The lane's own answer may come after a push has brought nonsense."""
    await sent(store, Unknown("look for it", final=True))
    assert await hear(store, later, at=T + 1) is State.ATTENTION
    assert (await the_receipt(store)).error == "look for it"


async def test_a_death_ends_a_persons_doubt(store: Store) -> None:
    await sent(store, Unknown("look for it", final=True), Dead("it was never recorded"))
    row = await the_receipt(store)
    assert (row.state, row.error, row.attempt) == ("attention", "it was never recorded", 1)
    assert [used.verdict for used in await the_attempts(store)] == ["dead"]


@pytest.mark.parametrize("later", [Accepted("sc_1"), Unsent("u"), Unknown("?"), Dead("!")])
async def test_a_persons_reason_for_closing_stands_whatever_is_said_later(
    store: Store, later: Outcome
) -> None:
    await sent(store, Unsent("refused"))
    await decide(store, decisions.close, "the machine was a demo")
    assert await hear(store, later, at=T + 1) is State.CLOSED
    assert (await the_receipt(store)).error == "the machine was a demo"


async def test_a_document_overrules_who_closed_its_receipt(store: Store) -> None:
    await sent(store, Dead("code 13"))
    await decide(store, decisions.close, "nobody bought it")
    assert await hear(store, DONE, at=T + 2) is State.ISSUED
    assert (await story(store))[-2:] == ["closed", "issued"]
    assert await revisions(store) == {KEY: 3}
    assert await incidents(store) == ["recorded after all"]


# Keys that are past. -----------------------------------------------------------------------------


async def test_a_dead_key_is_followed_by_the_next_one(store: Store) -> None:
    await sent(store, EXPIRED)
    assert (await the_receipt(store)).attempt == 1
    assert await leave(store, at=T, body="second") == [f"{KEY}-1"]
    assert [(used.key, used.verdict, used.body) for used in await the_attempts(store)] == [
        (KEY, "dead", "body"),
        (f"{KEY}-1", None, "second"),
    ]


async def test_keys_that_die_by_themselves_are_not_used_up_for_ever(store: Store) -> None:
    await sell(store, a_sale())
    for number in range(MOST_ATTEMPTS):
        (key,) = await leave(store, at=T)
        assert key == (f"{KEY}-{number}" if number else KEY)
        await hear(store, EXPIRED, key, at=T)
    assert (await the_receipt(store)).state == "attention"
    assert await leave(store, at=T) == []


@pytest.mark.parametrize("late", [Accepted("sc_0"), Unsent("u"), Unknown("?"), EXPIRED])
async def test_what_is_said_late_of_a_past_key_changes_nothing(store: Store, late: Outcome) -> None:
    await sent(store, EXPIRED)
    await leave(store, at=T)
    before = (await the_receipt(store), await the_attempts(store))
    assert await hear(store, late, at=T + 5) is State.SUBMITTED
    assert (await the_receipt(store), await the_attempts(store)) == before


async def test_a_dead_key_that_was_recorded_after_all_settles_its_sale(store: Store) -> None:
    await sent(store, EXPIRED)
    assert await hear(store, DONE, at=T + 5) is State.ISSUED
    row = await the_receipt(store)
    assert (row.fd, row.attempt) == (1, 0)
    assert [used.verdict for used in await the_attempts(store)] == ["done"]
    assert await leave(store, at=T + 5) == []
    assert await incidents(store) == ["recorded after all"]


async def test_a_later_key_that_never_left_is_withdrawn(store: Store) -> None:
    await sent(store, EXPIRED)
    await leave(store, at=T)
    await hear(store, Unsent("no network"), f"{KEY}-1", at=T)
    assert await hear(store, DONE, at=T + 5) is State.ISSUED
    assert [used.verdict for used in await the_attempts(store)] == ["done", "withdrawn"]


async def test_a_later_key_that_is_on_its_way_is_looked_for_by_a_person(store: Store) -> None:
    await sent(store, EXPIRED)
    await leave(store, at=T)
    assert await hear(store, DONE, at=T + 5) is State.ISSUED
    (told,) = await rows(store, sa.select(incident))
    assert told.detail == (
        f"the provider recorded {KEY}, which it had called dead; {KEY}-1 may be recorded as well:"
        " look in the provider's cabinet"
    )
    # It is: the sale has two documents, and the operator is told how to undo one.
    assert await hear(store, Done(a_document(2)), f"{KEY}-1", at=T + 6) is State.ISSUED
    assert (await the_receipt(store)).fd == 1
    assert await incidents(store) == ["recorded after all", "duplicate receipt"]


@pytest.mark.parametrize("turned", [False, True])
async def test_documents_of_two_keys_of_one_receipt_in_one_batch_are_one_and_an_incident(
    store: Store, *, turned: bool
) -> None:
    await sent(store, EXPIRED)
    await leave(store, at=T)
    told = [
        Told(KEY, Done(a_document(1)), "main"),
        Told(f"{KEY}-1", Done(a_document(2)), "main"),
    ]
    async with store.transaction() as connection:
        then = await receipts.record(connection, told[::-1] if turned else told, "lane", T)
    assert set(then.values()) == {State.ISSUED}
    assert (await the_receipt(store)).fd == (2 if turned else 1)
    assert "duplicate receipt" in await incidents(store)


async def test_a_late_document_of_the_register_it_was_moved_from_is_its_own(store: Store) -> None:
    """The receipt waits elsewhere by now; its return will go where its document is."""
    await stock(store, *a_fleet(SIDE))
    await sent(store, Dead("no such group"))
    async with store.transaction() as connection:
        await decisions.requeue(connection, KEY, Purpose.INCOME, "olga", T, register="side")
    assert await leave(store, "side", at=T) == [f"{KEY}-1"]
    assert await hear(store, DONE, f"{KEY}-1", "main") is None
    assert await hear(store, DONE, KEY, "side") is None
    assert await hear(store, DONE, KEY, "main", at=T + 5) is State.ISSUED
    assert (await the_receipt(store)).register == "main"
    assert await incidents(store) == ["recorded after all"]


# A receipt and the correction in its place. ------------------------------------------------------


async def corrected(store: Store) -> str:
    """A receipt was refused; a person asked for a correction in its place. Its key."""
    await sent(store, Dead("code 13"))
    await decide(store, decisions.close, "a correction is made in its place")
    amended = correction_of(ASKED, date(2026, 11, 23), by_order=False)
    async with store.transaction() as connection:
        asked = [Asked(amended, "vm-000123", "main", T)]
        await receipts.ask(connection, asked, "olga", T)
    return f"{KEY}-c"


async def by_purpose(store: Store) -> dict[str, str]:
    return {row.purpose: row.state for row in await rows(store, sa.select(receipt))}


@pytest.mark.parametrize("tried", [False, True])
async def test_a_correction_that_never_left_is_closed_by_its_receipts_late_document(
    store: Store, *, tried: bool
) -> None:
    key = await corrected(store)
    if tried:
        assert await leave(store, at=T) == [key]
        await hear(store, Unsent("no network"), key, at=T)
    assert await hear(store, DONE, at=T + 5) is State.ISSUED
    assert await by_purpose(store) == {"income": "issued", "correction": "closed"}
    assert await leave(store, at=T + HOUR_MS) == []
    assert (await story(store))[-2:] == ["closed", "issued"]
    assert await incidents(store) == ["recorded after all"]


@pytest.mark.parametrize("issued", [False, True])
async def test_a_receipts_late_document_beside_its_correction_is_an_incident(
    store: Store, *, issued: bool
) -> None:
    key = await corrected(store)
    await leave(store, at=T)
    if issued:
        await hear(store, Done(a_document(2)), key, at=T)
    assert await hear(store, DONE, at=T + 5) is State.CLOSED
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.sale_id) == ("duplicate receipt", KEY)
    assert told.detail.startswith(f"second document {a_document(1).qr}; ")
    await hear(store, Done(a_document(2)), key, at=T)
    assert await by_purpose(store) == {"income": "closed", "correction": "issued"}


async def test_both_late_documents_in_one_batch_stop_nothing(store: Store) -> None:
    key = await corrected(store)
    await leave(store, at=T)
    await hear(store, Unsent("no network"), key, at=T)
    told = [Told(KEY, DONE, "main"), Told(key, Done(a_document(2)), "main")]
    async with store.transaction() as connection:
        await receipts.record(connection, told, "push", T)
    assert sorted((await by_purpose(store)).values()) == ["closed", "issued"]
    assert "duplicate receipt" in await incidents(store)


# Hints. ------------------------------------------------------------------------------------------


async def test_a_hint_makes_a_receipt_due_now(store: Store) -> None:
    await sent(store, Accepted())
    async with store.transaction() as connection:
        # It has no name of the provider's: nobody could ask for it.
        assert await receipts.hint(connection, KEY, "main", None, T + 5)
    assert (await the_receipt(store)).next_at > T + 5
    async with store.transaction() as connection:
        assert await receipts.hint(connection, KEY, "main", "sc_1", T + 5)
    (used,) = await the_attempts(store)
    assert ((await the_receipt(store)).next_at, used.provider_id) == (T + 5, "sc_1")
    assert not used.hinted


async def test_a_hint_does_not_rename_what_is_named(store: Store) -> None:
    await sent(store, Accepted("sc_1"))
    async with store.transaction() as connection:
        assert await receipts.hint(connection, KEY, "main", "sc_2", T)
    (used,) = await the_attempts(store)
    assert used.provider_id == "sc_1"


async def test_a_hint_about_what_is_not_ours_is_nothing(store: Store) -> None:
    await sent(store, Accepted("sc_1"))
    async with store.transaction() as connection:
        assert not await receipts.hint(connection, KEY, "side", None, T)
        assert not await receipts.hint(connection, id_of(2), "main", None, T)
    assert (await the_receipt(store)).next_at > T


async def hint(store: Store, key: str = KEY, name: str | None = None, at: int = T) -> bool:
    async with store.transaction() as connection:
        return await receipts.hint(connection, key, "main", name, at)


async def hinted(store: Store, at: int = T, most: int = 9) -> list[claims.Job]:
    async with store.transaction() as connection:
        return await claims.hinted(connection, "main", at, most)


@pytest.mark.parametrize("outcome", [EXPIRED, Dead("code 13"), Unknown("look for it", final=True)])
async def test_a_hint_of_what_nobody_waits_for_has_the_provider_asked_however_old_it_is(
    store: Store, outcome: Outcome
) -> None:
    await sent(store, outcome)
    before = await the_receipt(store)
    assert await hint(store, name="sc_1")
    assert await the_receipt(store) == before
    (job,) = await hinted(store, at=T + 10**12)
    # It is never sent again: the provider may have forgotten it, or know it as dead.
    then = step(job.state, job.sent, job.provider_id, 10**12, T + 10**12, BOOT, by_key=False)
    assert (job.key, job.provider_id, then) == (KEY, "sc_1", "ask")


@pytest.mark.parametrize(
    ("outcome", "heard"),
    [
        (DONE, True),
        (Accepted("sc_1"), True),
        (Unknown("no such receipt"), True),
        (Dead("it was never recorded"), True),
        # Nothing is found by the key: were that no answer, a stranger could keep the lane asking.
        (Unsent("nothing is known of it"), True),
        (Unsent("who are you?", Pause.AUTH), False),
    ],
)
async def test_a_hint_is_heard_once(store: Store, outcome: Outcome, *, heard: bool) -> None:
    await sent(store, EXPIRED)
    await leave(store, at=T)
    await hint(store)
    await hear(store, outcome, at=T + 5)
    assert (await hinted(store) == []) is heard


async def test_a_hint_of_a_document_that_is_here_is_nothing(store: Store) -> None:
    await sent(store, DONE)
    before = (await the_receipt(store), await the_attempts(store))
    assert await hint(store, name="sc_9")
    assert await hinted(store) == []
    assert (await the_receipt(store), await the_attempts(store)) == before


async def test_a_hint_of_what_waits_to_be_sent_hurries_nothing(store: Store) -> None:
    """It goes under its key by itself, and the provider's answer tells of what was before."""
    await sent(store, Unsent("no network"))
    before = await the_receipt(store)
    assert await hint(store)
    assert (await the_receipt(store), await hinted(store)) == (before, [])


async def test_hints_again_and_again_overtake_nothing_that_is_longer_overdue(store: Store) -> None:
    await sell(store, *(a_sale(number) for number in (1, 2, 3)))
    await leave(store, at=T)
    for number in (1, 2, 3):
        await hear(store, Accepted(f"sc_{number}"), id_of(number), at=T + number)
    overdue = []
    for late in range(2000, 2005):
        await hint(store, id_of(3), at=T + late)
        async with store.transaction() as connection:
            asked = await claims.to_ask(connection, "main", T + late, 5)
        overdue.append([job.key for job in asked])
    assert overdue == [[id_of(1), id_of(2), id_of(3)]] * 5


# What a provider forgets or mixes up. ------------------------------------------------------------


async def test_what_was_accepted_and_then_lost_is_an_incident(store: Store) -> None:
    await sent(store, Accepted("sc_1"))
    assert await hear(store, Unknown("no such receipt"), at=T) is State.UNKNOWN
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.sale_id) == ("lost by the provider", KEY)
    assert told.detail == f"{KEY}: no such receipt"


async def test_what_goes_back_and_forth_is_tried_more_and_more_seldom(store: Store) -> None:
    await sent(store)
    waits = []
    for number in range(10):
        await hear(store, Unknown("?") if number % 2 else Accepted("sc_1"), at=T)
        waits.append((await the_receipt(store)).next_at - T)
    assert (waits[::2], waits[1::2]) == (sorted(waits[::2]), sorted(waits[1::2]))
    assert min(waits[-2:]) >= 60_000


async def test_a_number_that_was_another_receipts_is_forgotten_and_nothing_is_lost(
    store: Store,
) -> None:
    await sent(store, Accepted("sc_2"))
    assert await hear(store, Unknown("sc_2 is another's", misled=True), at=T) is State.UNKNOWN
    (used,) = await the_attempts(store)
    assert (used.provider_id, used.verdict) == (None, None)
    assert await incidents(store) == []
    await hear(store, Accepted("sc_1"), at=T)
    await hear(store, Unknown("?"), at=T)
    (used,) = await the_attempts(store)
    assert used.provider_id == "sc_1"


@pytest.mark.parametrize("number", [MOST_ATTEMPTS - 1, MOST_ATTEMPTS + 3])
async def test_what_a_full_drive_killed_has_its_next_key(store: Store, number: int) -> None:
    await sell(store, a_sale())
    await write(store, sa.update(receipt).values(attempt=number))
    await leave(store, at=T)
    full = Dead("the drive is full", again=True, pause=Pause.DRIVE)
    assert await hear(store, full, f"{KEY}-{number}", at=T) is State.WAITING
    row = await the_receipt(store)
    assert (row.attempt, row.next_at) == (number + 1, T)


@pytest.mark.parametrize(
    "wrong", [{"fd": 2**33}, {"fp": 10**19}, {"total": 10**15}, {"fd": 10**19}, {"total": 10**19}]
)
async def test_a_document_that_cannot_be_is_a_persons(store: Store, wrong: dict[str, int]) -> None:
    await sent(store)
    assert await hear(store, Done(replace(a_document(), **wrong)), at=T) is State.ATTENTION
    assert "a document that cannot be" in (await the_receipt(store)).error


# An intruder. ------------------------------------------------------------------------------------

FIRST, SECOND = attempt.c.number == 0, attempt.c.number == 1
INTRUSIONS = {
    "a document taken away": (sa.update(receipt).values(fd=None), "documented"),
    "a document undone": (sa.update(receipt).values(state="waiting"), "documented"),
    "a document made up": (
        sa.update(receipt).where(receipt.c.sale_id == id_of(2)).values({"fn": "1", "fd": 7}),
        "documented",
    ),
    "a document twice": (
        sa.update(receipt).values({"state": "issued", "fn": "9999078900000001", "fd": 1}),
        r"document|receipt\.fn",
    ),
    "a receipt put away without a reason": (
        sa.update(receipt).where(receipt.c.sale_id == id_of(2)).values(state="closed"),
        "explained",
    ),
    "a second settlement": (
        sa.insert(receipt).values(
            sale_id=KEY, purpose="correction", machine="x", register="main", request="{}",
            state="waiting", born_at=1, next_at=1,
        ),
        "receipt_settles|receipt.sale_id",
    ),
    "a purpose that is none": (sa.update(receipt).values(purpose="gift"), "purpose|foreign"),
    "a register that is none": (sa.update(receipt).values(register="x"), "(?i)foreign key"),
    "a receipt taken away": (sa.delete(receipt), "(?i)foreign key"),
    "a dead key that lives again": (
        sa.update(attempt).where(FIRST).values(verdict=None),
        "attempt_once|attempt.sale_id",
    ),
    "a dead key that is recorded as well": (
        sa.update(attempt).where(FIRST).values(verdict="done"),
        "attempt_once|attempt.sale_id",
    ),
    "a key that is taken back after it left": (
        sa.update(attempt).where(SECOND).values(verdict="withdrawn"),
        "attempt_withdrawn",
    ),
    "a key of another number": (
        sa.update(attempt).where(SECOND).values(number=2),
        "attempt_key",
    ),
    "a key of one's own": (
        sa.update(attempt).where(SECOND).values(key="mine"),
        "attempt_key",
    ),
    "a key of another sale": (
        sa.update(attempt).where(SECOND).values(sale_id=id_of(2)),
        "attempt_key",
    ),
    "a third key": (
        sa.insert(attempt).values(
            key=f"{KEY}-2", sale_id=KEY, purpose="income", number=2, register="main", body="{}"
        ),
        "attempt_once|attempt.sale_id",
    ),
    "a history that says something else": (
        sa.update(histories).values(who="nobody"),
        "what is written in history stays as it is",
    ),
    "a history that forgets": (
        sa.delete(histories),
        "what is written in history stays as it is",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("order", "broken"), INTRUSIONS.values(), ids=INTRUSIONS)
async def test_an_intruder_cannot_make_two_of_one_or_none(
    store: Store, order: sa.UpdateBase, broken: str
) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await leave(store, at=T)
    await hear(store, EXPIRED, at=T)
    await leave(store, at=T)
    await hear(store, DONE, f"{KEY}-1", at=T)
    tables = (sale, receipt, attempt, histories)
    before = [await rows(store, sa.select(table)) for table in tables]
    with pytest.raises(sa.exc.IntegrityError, match=broken):
        await write(store, order)
    assert [await rows(store, sa.select(table)) for table in tables] == before


# Stories. ----------------------------------------------------------------------------------------

NUMBERS = itertools.count(1000)
OUTCOMES = [
    *(Accepted("sc"), Accepted(), Unsent("u"), Unknown("?"), Unknown("lost", final=True)),
    *(Dead("!"), EXPIRED, "document", "document", "the other's document", "a refund"),
]
DEEDS = ["leave", "said", "said", "said", "requeue", "anew", "move", "not issued", "found", "close"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*DEEDS, "correct", "return"]),
        st.integers(0, 1),
        st.integers(0, 3),
        st.sampled_from(OUTCOMES),
    ),
    max_size=14,
)


@dataclass
class Story:
    """Two sales on two registers, and what must hold of them after each step."""

    store: Store
    first: int
    bodies: dict[str, str] = field(default_factory=dict)
    documents: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    steps: int = 0

    @property
    def registers(self) -> tuple[str, str]:
        return f"main{self.first}", f"side{self.first}"

    async def begin(self) -> None:
        await stocked(self.store)
        for name in self.registers:
            account = Account(
                id=name, operator="coffee", provider="cloudkassir", settings=dict(SETTINGS)
            )
            await stock(self.store, account)
        told = [placed(a_sale(self.first + number), self.registers[0]) for number in (0, 1)]
        async with self.store.transaction() as connection:
            await sales.keep(connection, told, T)

    async def ours(self, table: sa.Table) -> list[Any]:
        ids = [id_of(self.first), id_of(self.first + 1)]
        query = sa.select(table).where(table.c.sale_id.in_(ids))
        order = table.c.id if "id" in table.c else table.c.purpose
        return list(await rows(self.store, query.order_by(table.c.sale_id, order)))

    async def step(self, deed: str, which: int, key: int, outcome: Outcome | str) -> None:
        self.steps += 1
        now, sale_id = T + self.steps, id_of(self.first + which)
        before = {(row.sale_id, row.purpose): row for row in await self.ours(receipt)}
        written = len(await self.ours(histories))
        match deed:
            case "leave":
                for register in self.registers:
                    await leave(self.store, register, T + 10**9, body=f"body {self.steps}")
            case "said":
                await self.hear(sale_id, key, outcome, now)
            case _:
                await self.decide(deed, sale_id, key, now)
        await self.holds(before, written)

    async def hear(self, sale_id: str, key: int, outcome: Outcome | str, now: int) -> None:
        """The lane, or a push however late, speaks of any key that was ever used."""
        keys = [row for row in await self.ours(attempt) if row.sale_id == sale_id]
        if not keys:
            return
        said = keys[key % len(keys)]
        sign = Purpose(said.purpose).sign
        fd = 10 * (self.first + (sale_id == id_of(self.first))) + 3 * sign + said.number
        match outcome:
            case "document":
                outcome = Done(replace(a_document(fd, fn=f"{self.first}"), sign=sign))
            case "the other's document":
                outcome = Done(replace(a_document(10 * self.first + 3, fn=f"{self.first}")))
            case "a refund":
                outcome = Done(replace(a_document(7, fn=f"{self.first}"), sign=3 - sign))
        assert isinstance(outcome, Outcome)
        await hear(self.store, outcome, said.key, said.register, now)

    async def decide(self, deed: str, sale_id: str, key: int, now: int) -> None:
        """A person decides, or is told why not; a refused decision writes nothing."""
        purpose = list(Purpose)[key % 3]
        of = (sale_id, purpose)
        anew = msgspec.structs.replace(ASKED, sale_id=sale_id, purpose=purpose, name="Чай")
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self.store.transaction())
            try:
                match deed:
                    case "requeue":
                        await decisions.requeue(connection, *of, "olga", now)
                    case "anew":
                        await decisions.requeue(connection, *of, "olga", now, request=anew)
                    case "move":
                        to = self.registers[key % 2]
                        await decisions.requeue(connection, *of, "olga", now, register=to)
                    case "not issued":
                        await decisions.not_issued(connection, *of, "olga", now)
                    case "found":
                        fd = 10 * self.first + 100 + key
                        document = a_document(fd, fn=f"{self.first}")
                        document = replace(document, sign=purpose.sign)
                        await decisions.found(connection, *of, document, "olga", now)
                    case "close":
                        await decisions.close(connection, *of, "by hand", "olga", now)
                    case "correct":
                        await self.correct(connection, sale_id, now)
                    case "return":
                        await self.send_back(connection, sale_id, now)
            except DecisionError:
                await connection.rollback()

    async def correct(self, connection: Any, sale_id: str, now: int) -> None:  # noqa: ANN401, AsyncConnection
        found = await connection.execute(
            sa.select(receipt.c.purpose, receipt.c.state).where(receipt.c.sale_id == sale_id)
        )
        known = {Purpose(purpose): State(state) for purpose, state in found}
        if known.get(Purpose.INCOME) is State.CLOSED and Purpose.CORRECTION not in known:
            told = msgspec.structs.replace(ASKED, sale_id=sale_id)
            amended = correction_of(told, date(2026, 11, 23), by_order=False)
            asked = [Asked(amended, "vm-000123", self.registers[0], now)]
            await receipts.ask(connection, asked, "olga", now)

    async def send_back(self, connection: Any, sale_id: str, now: int) -> None:  # noqa: ANN401, AsyncConnection
        found = await placing.issued(connection, sale_id)
        if found is not None:
            back = msgspec.structs.replace(found.receipt, purpose=Purpose.INCOME_RETURN)
            asked = [Asked(back, found.machine, found.register, now)]
            await receipts.ask(connection, asked, "olga", now)

    async def holds(self, before: dict[tuple[str, str], Any], written: int) -> None:
        asked = await self.ours(receipt)
        keys = await self.ours(attempt)
        told = (await rows(self.store, sa.select(histories).order_by(histories.c.id)))[:]
        last = {(row.sale_id, row.purpose): row.state for row in told}
        for row in asked:
            place = (row.sale_id, row.purpose)
            mine = [used for used in keys if (used.sale_id, used.purpose) == place]
            live = [used for used in mine if used.verdict in {None, "done"}]
            assert len(live) <= 1
            assert last[place] == row.state
            # Nobody undoes a document, nor puts another in its place.
            if row.state == "issued":
                assert self.documents.setdefault(place, (row.fn, row.fd)) == (row.fn, row.fd)
            assert (place in self.documents) == (row.state == "issued")
            # What a provider may have has a key that left.
            if State(row.state) in SENT:
                assert [used.number for used in live] == [row.attempt]
                assert live[0].first_sent_at is not None
            if place in before and before[place].state != row.state:
                assert len(await self.ours(histories)) > written
        assert len(set(self.documents.values())) == len(self.documents)
        for used in keys:
            # What is repeated under a key is what was first sent under it.
            assert self.bodies.setdefault(used.key, used.body) == used.body
            assert used.verdict != "withdrawn" or used.first_sent_at is None
        settled = [row.sale_id for row in asked if row.purpose != "income_return"]
        for sale_id in settled:
            of = [row for row in asked if row.sale_id == sale_id and row.state != "closed"]
            assert len([row for row in of if row.purpose != "income_return"]) <= 1


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
async def test_no_interleaving_makes_two_of_one_or_undoes_a_document(
    store: Store, steps: list[tuple[str, int, int, Outcome | str]]
) -> None:
    told = Story(store, next(NUMBERS) * 2)
    await told.begin()
    for each in [("leave", 0, 0, ""), *steps]:
        await told.step(*each)


# Races. ------------------------------------------------------------------------------------------


async def waits_for_a_row(postgres: Cluster, count: int = 1) -> None:
    """Until so many transactions wait for what another holds."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    await until(lambda: postgres.execute(waiting) == [(count,)])


@pytest.mark.needs("postgres")
async def test_a_push_waits_for_the_lanes_turn_and_is_written_after_it(
    postgres_store: Store, postgres: Cluster
) -> None:
    store = postgres_store
    await sent(store, Unknown("lost"))
    async with store.transaction() as connection:
        (job,) = await claims.to_ask(connection, "main", T + HOUR_MS, 5)
        push = asyncio.ensure_future(hear(store, DONE, at=T + HOUR_MS, who="push"))
        await waits_for_a_row(postgres)
        await claims.intend(connection, [(job, "")], "main", "lane", T + HOUR_MS, BOOT, T)
    assert await push is State.ISSUED
    assert await story(store) == ["waiting", "submitted", "unknown", "issued"]


@pytest.mark.needs("postgres")
async def test_a_lanes_turn_passes_by_what_a_push_is_at(postgres_store: Store) -> None:
    store = postgres_store
    await sell(store, a_sale(1), a_sale(2))
    await leave(store, at=T)
    async with store.transaction() as connection:
        await receipts.record(connection, [Told(KEY, DONE, "main")], "push", T)
        assert await leave(store, at=T + HOUR_MS) == [id_of(2)]
    assert await states(store) == {KEY: "issued", id_of(2): "unknown"}


@pytest.mark.needs("postgres")
@pytest.mark.parametrize(("second", "beside"), [(1, []), (2, ["duplicate receipt"])])
async def test_two_pushes_at_once_are_one_document(
    postgres_store: Store, postgres: Cluster, second: int, beside: list[str]
) -> None:
    store = postgres_store
    await sent(store)
    async with store.transaction() as connection:
        await receipts.record(connection, [Told(KEY, DONE, "main")], "push", T)
        other = asyncio.ensure_future(hear(store, Done(a_document(second)), at=T))
        await waits_for_a_row(postgres)
    assert await other is State.ISSUED
    assert (await the_receipt(store)).fd == 1
    assert await incidents(store) == beside
    assert await revisions(store) == {KEY: 1}


@pytest.mark.needs("postgres")
async def test_who_writes_the_same_receipts_in_another_order_waits_for_nobody_for_ever(
    postgres_store: Store,
) -> None:
    store = postgres_store
    numbers = range(1, 21)
    await sell(store, *(a_sale(number) for number in numbers))
    await leave(store, at=T)
    told = [Told(id_of(number), Done(a_document(number)), "main") for number in numbers]

    async def write_down(said: list[Told]) -> None:
        async with store.transaction() as connection:
            await receipts.record(connection, said, "push", T)

    for _ in range(5):
        await asyncio.gather(*(write_down(each) for each in (told, told[::-1]) * 2))
    assert set((await states(store)).values()) == {"issued"}
    assert await incidents(store) == []


@pytest.mark.needs("postgres")
async def test_a_hint_and_the_lanes_writing_wait_for_nobody_for_ever(
    postgres_store: Store, postgres: Cluster
) -> None:
    """Both take the receipt first, and then its attempt."""
    store = postgres_store
    await sent(store, Unknown("lost"))

    async def hint() -> bool:
        async with store.transaction() as connection:
            return await receipts.hint(connection, KEY, "main", "sc_1", T)

    async with store.transaction() as connection:
        await claims.to_ask(connection, "main", T + HOUR_MS, 5)
        hinting = asyncio.ensure_future(hint())
        await waits_for_a_row(postgres)
        await receipts.record(connection, [Told(KEY, Accepted("sc_1"), "main")], "lane", T)
    assert await hinting
    assert (await the_receipt(store)).state == "accepted"


@pytest.mark.needs("postgres")
async def test_a_hint_that_waits_for_the_lane_does_not_rename_what_it_has_named(
    postgres_store: Store, postgres: Cluster
) -> None:
    """Anybody can send a hint; the provider's own answer has just been written down."""
    store = postgres_store
    await sent(store, Unknown("lost"))

    async def hint() -> bool:
        async with store.transaction() as connection:
            return await receipts.hint(connection, KEY, "main", "anybody's", T)

    async with store.transaction() as connection:
        await claims.to_ask(connection, "main", T + HOUR_MS, 5)
        hinting = asyncio.ensure_future(hint())
        await waits_for_a_row(postgres)
        await receipts.record(connection, [Told(KEY, Accepted("sc_1"), "main")], "lane", T)
    assert await hinting
    ((name,),) = await rows(store, sa.select(attempt.c.provider_id))
    assert name == "sc_1"


@pytest.mark.needs("postgres")
async def test_a_person_who_sends_anew_what_a_push_has_just_issued_is_told_so(
    postgres_store: Store, postgres: Cluster
) -> None:
    store = postgres_store
    await sent(store, Dead("code 13"))

    async def requeue() -> str:
        async with store.transaction() as connection:
            return await decisions.requeue(connection, KEY, Purpose.INCOME, "olga", T)

    async with store.transaction() as connection:
        await receipts.record(connection, [Told(KEY, DONE, "main")], "push", T)
        requeueing = asyncio.ensure_future(requeue())
        await waits_for_a_row(postgres)
    with pytest.raises(DecisionError, match="the receipt is issued"):
        await requeueing
    assert (await the_receipt(store)).state == "issued"


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("tried", [False, True])
async def test_a_correction_that_leaves_while_its_receipts_late_document_comes_is_not_closed(
    postgres_store: Store, postgres: Cluster, *, tried: bool
) -> None:
    """The push waits for the lane's turn; whether the correction left, it has to see after that."""
    store = postgres_store
    key = await corrected(store)
    if tried:
        await leave(store, at=T)
        await hear(store, Unsent("no network"), key, at=T)
    async with store.transaction() as connection:
        (job,) = await claims.to_send(connection, "main", T + HOUR_MS, 5, live_first=True)
        push = asyncio.ensure_future(hear(store, DONE, at=T + HOUR_MS, who="push"))
        await waits_for_a_row(postgres)
        await claims.intend(connection, [(job, "body")], "main", "lane", T + HOUR_MS, BOOT, T)
    assert await push is State.CLOSED
    assert await by_purpose(store) == {"income": "closed", "correction": "submitted"}
    assert "duplicate receipt" in await incidents(store)
    assert await hear(store, Done(a_document(2)), key, at=T + HOUR_MS) is State.ISSUED

"""Claims: what a lane does next, and the intent that is written down before a byte leaves."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from shop import (
    ASKED,
    BOOT,
    MACHINE,
    SETTINGS,
    Account,
    a_document,
    a_fleet,
    a_sale,
    hear,
    id_of,
    leave,
    placed,
    rows,
    states,
    stock,
    stocked,
    story,
    the_attempts,
    the_receipt,
    write,
)

from cloud.clock import SinceBoot
from cloud.fiscalization import State
from cloud.outcome import Accepted, Dead, Done, Unknown, Unsent
from cloud.retry import LONGEST_S
from cloud.step import Sent
from cloud.store import Store, claims, receipts, sales
from cloud.store.claims import LIVE_MS, Job
from cloud.store.receipts import Told
from cloud.store.schema import attempt, receipt, reply

T = 1_800_000_000_000
KEY = id_of(1)
LATER = SinceBoot("0b6c", 9000)


async def sold(store: Store, at: int, *numbers: int, register: str = "main") -> None:
    """Sales that came at this time."""
    await stocked(store)
    async with store.transaction() as connection:
        told = [placed(a_sale(number), register) for number in numbers]
        await sales.keep(connection, told, at)


async def to_send(
    store: Store, at: int = T, most: int = 50, register: str = "main", *, live_first: bool = True
) -> list[Job]:
    async with store.transaction() as connection:
        return await claims.to_send(connection, register, at, most, live_first=live_first)


async def to_ask(store: Store, at: int = T, most: int = 50) -> list[Job]:
    async with store.transaction() as connection:
        return await claims.to_ask(connection, "main", at, most)


async def intend(
    store: Store, *jobs: Job, body: str = "body", at: int = T, boot: SinceBoot = BOOT
) -> list[Job]:
    async with store.transaction() as connection:
        told = [(job, body) for job in jobs]
        return await claims.intend(connection, told, "main", "lane", at, boot, at + 15_000)


def keys(jobs: list[Job]) -> list[str]:
    return [job.key for job in jobs]


# What is due. ------------------------------------------------------------------------------------


async def test_a_lane_that_has_nothing_to_do_has_nothing(store: Store) -> None:
    assert (await to_send(store), await to_ask(store)) == ([], [])


async def test_a_waiting_receipt_is_seen_with_all_that_its_lane_needs(store: Store) -> None:
    await sold(store, T - 5, 1)
    (job,) = await to_send(store)
    assert job == Job(
        receipt=ASKED,
        machine=MACHINE,
        state=State.WAITING,
        tries=0,
        born_at=T - 5,
        error=None,
        number=0,
        body=None,
        sent=None,
        provider_id=None,
    )
    assert job.key == KEY
    assert job.attempt("{}").body == "{}"


async def test_what_came_first_is_sent_first_and_no_more_than_asked(store: Store) -> None:
    for number, at in ((1, 5), (2, 3), (3, 9), (4, 1)):
        await sold(store, at, number)
    assert keys(await to_send(store)) == [id_of(number) for number in (4, 2, 1, 3)]
    assert keys(await to_send(store, most=2)) == [id_of(4), id_of(2)]
    assert await to_send(store, most=0) == await to_send(store, most=-1) == []


async def test_each_lane_sees_its_own(store: Store) -> None:
    side = Account(id="side", operator="coffee", provider="cloudkassir", settings=SETTINGS)
    await stock(store, *a_fleet(side))
    await sold(store, T, 1)
    await sold(store, T, 2, register="side")
    assert keys(await to_send(store)) == [KEY]
    assert keys(await to_send(store, register="side")) == [id_of(2)]
    assert await to_send(store, register="third") == []


@pytest.mark.parametrize(
    ("live_first", "numbers"), [(True, [8, 1, 9, 2, 3, 4]), (False, [1, 8, 2, 9, 3, 4])]
)
async def test_what_was_sold_just_now_shares_the_pace_with_what_waits(
    store: Store, numbers: list[int], *, live_first: bool
) -> None:
    for number in range(1, 7):
        await sold(store, T - 10 * LIVE_MS + number, number)
    await sold(store, T - 2, 8)
    await sold(store, T - 1, 9)
    jobs = await to_send(store, most=6, live_first=live_first)
    assert keys(jobs) == [id_of(number) for number in numbers]


@pytest.mark.parametrize(("live_first", "number"), [(True, 9), (False, 1)])
async def test_with_room_for_one_they_take_turns(
    store: Store, number: int, *, live_first: bool
) -> None:
    await sold(store, T - 10 * LIVE_MS, 1)
    await sold(store, T, 9)
    assert keys(await to_send(store, most=1, live_first=live_first)) == [id_of(number)]


async def test_what_may_have_been_sent_is_asked_for_longest_overdue_first(store: Store) -> None:
    await sold(store, T, 1, 2, 3, 4, 5)
    await leave(store, at=T)
    for number, outcome in enumerate(
        [Accepted("a"), Unknown("?"), Done(a_document()), Dead("!"), Unsent("u")], 1
    ):
        await hear(store, outcome, id_of(number), at=T)
    for number, at in ((1, 7), (2, 3)):
        mine = sa.update(receipt).where(receipt.c.sale_id == id_of(number))
        await write(store, mine.values(next_at=at))
    asked = await to_ask(store)
    assert [(job.key, job.state) for job in asked] == [
        (id_of(2), State.UNKNOWN),
        (KEY, State.ACCEPTED),
    ]
    assert asked[1].provider_id == "a"
    assert keys(await to_ask(store, most=1)) == [id_of(2)]
    assert keys(await to_send(store, at=T + 1000)) == [id_of(5)]


async def test_what_is_not_due_yet_is_left_alone(store: Store) -> None:
    await sold(store, T, 1)
    await leave(store, at=T)
    await hear(store, Unsent("no network"), at=T)
    assert await to_send(store, at=T + 999) == []
    assert keys(await to_send(store, at=T + 1000)) == [KEY]
    await leave(store, at=T + 1000)
    await hear(store, Accepted("a"), at=T)
    assert await to_ask(store, at=T + 999) == []
    assert keys(await to_ask(store, at=T + 1000)) == [KEY]


@pytest.mark.parametrize("state", ["waiting", "accepted"])
async def test_what_was_put_off_to_the_far_future_is_due(store: Store, state: str) -> None:
    """The clock was set back since: nothing is put off for so long."""
    longest = round(1000 * LONGEST_S)
    await sold(store, T, 1)
    if state == "accepted":
        await leave(store, at=T)
        await hear(store, Accepted("a"), at=T)
    take = to_send if state == "waiting" else to_ask
    await write(store, sa.update(receipt).values(next_at=T + longest))
    assert await take(store) == []
    await write(store, sa.update(receipt).values(next_at=T + longest + 1))
    assert keys(await take(store)) == [KEY]


async def test_what_a_buyer_stands_before_is_asked_for_in_every_other_place(store: Store) -> None:
    await sold(store, T - 10 * LIVE_MS, 1, 2, 3)
    await sold(store, T, 8, 9)
    await leave(store, at=T)
    for number, at in ((1, 1), (2, 2), (3, 3), (8, 4), (9, 5)):
        await hear(store, Accepted(f"sc_{number}"), id_of(number), at=T)
        of_this = sa.update(receipt).where(receipt.c.sale_id == id_of(number))
        await write(store, of_this.values(next_at=at))
    assert keys(await to_ask(store, most=4)) == [id_of(number) for number in (1, 8, 2, 9)]
    async with store.transaction() as connection:
        asked = await claims.to_ask(connection, "main", T, 3, live_first=True)
    assert keys(asked) == [id_of(number) for number in (8, 1, 9)]


async def test_what_is_put_off_makes_room_for_what_is_overdue(store: Store) -> None:
    await sold(store, T, 1, 2)
    await leave(store, at=T)
    async with store.transaction() as connection:
        (first,) = await claims.to_ask(connection, "main", T, 1)
        await claims.put_off(connection, [first], T + 5000)
        await claims.put_off(connection, [], T + 9000)
    (second,) = await to_ask(store)
    assert {first.key, second.key} == {id_of(1), id_of(2)}
    assert len(await to_ask(store, at=T + 5000)) == 2


async def test_a_sale_of_tomorrow_is_one_of_just_now(store: Store) -> None:
    """It came before the clock was set back; it neither waits nor comes before all others."""
    await sold(store, T + 86_400_000, 1)
    await write(store, sa.update(receipt).values(next_at=T))
    await sold(store, T - 10 * LIVE_MS, 2)
    assert keys(await to_send(store, live_first=False)) == [id_of(2), KEY]


# The intent. -------------------------------------------------------------------------------------


async def test_the_intent_is_key_body_and_departure_by_two_clocks(store: Store) -> None:
    await sold(store, T, 1)
    (job,) = await intend(store, *await to_send(store), body="first")
    assert (job.state, job.body, job.sent) == (State.SUBMITTED, "first", Sent(T, BOOT))
    (used,) = await the_attempts(store)
    assert (used.key, used.number, used.register, used.body) == (KEY, 0, "main", "first")
    assert (used.first_sent_at, used.first_sent_boot, used.first_sent_boottime) == (T, "0b6c", 1000)
    row = await the_receipt(store)
    assert (row.state, row.next_at) == ("submitted", T + 15_000)
    # What the next process reads is what this one had.
    assert await to_ask(store, at=T + 15_000) == [job]


async def test_the_first_body_and_the_first_departure_stay(store: Store) -> None:
    await sold(store, T, 1)
    await intend(store, *await to_send(store), body="first")
    (job,) = await to_ask(store, at=T + 15_000)
    assert job.attempt("second").body == "first"
    await intend(store, job, body="second", at=T + 15_000, boot=LATER)
    (used,) = await the_attempts(store)
    assert (used.body, used.first_sent_at, used.first_sent_boottime) == ("first", T, BOOT.ms)


async def test_what_never_left_leaves_with_its_body_at_its_new_time(store: Store) -> None:
    await sold(store, T, 1)
    await intend(store, *await to_send(store), body="first")
    await hear(store, Unsent("refused"), at=T)
    (job,) = await to_send(store, at=T + 5000)
    assert (job.body, job.sent, job.tries) == ("first", None, 1)
    (then,) = await intend(store, job, body="second", at=T + 5000, boot=LATER)
    assert (then.body, then.sent) == ("first", Sent(T + 5000, LATER))
    (used,) = await the_attempts(store)
    assert (used.body, used.first_sent_at, used.first_sent_boottime) == ("first", T + 5000, 9000)


async def test_what_was_submitted_and_not_answered_is_unknown_from_then_on(store: Store) -> None:
    await sold(store, T, 1)
    for state in ("submitted", "unknown", "unknown"):
        await leave(store, at=T)
        assert (await the_receipt(store)).state == state
    assert await story(store) == ["waiting", "submitted", "unknown"]


async def test_many_intents_are_written_together_and_each_is_its_own(store: Store) -> None:
    """One is new, one never left, one has a dead key, one was lost in a crash."""
    await sold(store, T, 1, 2, 3, 4)
    await leave(store, at=T)
    await hear(store, Unsent("u"), id_of(1), at=T)
    await hear(store, Dead("?", again=True), id_of(2), at=T)
    await sold(store, T, 5)
    waiting = await to_send(store, at=T + 5000)
    lost = await to_ask(store, at=T + 5000)
    assert sorted(keys(waiting)) == [id_of(1), f"{id_of(2)}-1", id_of(5)]
    assert sorted(keys(lost)) == [id_of(3), id_of(4)]
    then = await intend(store, *waiting, *lost, at=T + 5000)
    assert set((await states(store)).values()) == {"submitted", "unknown"}
    assert keys(then) == [*keys(waiting), *keys(lost)]
    assert len(await rows(store, sa.select(attempt))) == 6


async def test_no_intent_is_no_work(store: Store) -> None:
    assert await intend(store) == []


async def test_an_intent_for_a_key_that_another_has_used_writes_nothing_at_all(
    store: Store,
) -> None:
    """Two lanes cannot have one receipt; if they had, one of them would fail here, unsent."""
    await sold(store, T, 1, 2)
    # Born in one moment, they come in any order.
    jobs = sorted(await to_send(store), key=lambda job: job.key)
    await intend(store, jobs[0])
    before = await rows(store, sa.select(receipt).order_by(receipt.c.sale_id))
    with pytest.raises(sa.exc.IntegrityError, match=r"attempt[._](key|pkey|once|sale_id)"):
        await intend(store, jobs[1], jobs[0], body="another")
    assert await rows(store, sa.select(receipt).order_by(receipt.c.sale_id)) == before
    assert [used.body for used in await the_attempts(store)] == ["body"]


async def test_an_intent_for_a_new_key_while_the_old_one_lives_writes_nothing(
    store: Store,
) -> None:
    await sold(store, T, 1)
    (job,) = await to_send(store)
    await intend(store, job)
    with pytest.raises(sa.exc.IntegrityError, match=r"attempt[._](sale_id|once)"):
        await intend(store, replace(job, number=1))
    assert [used.key for used in await the_attempts(store)] == [KEY]


async def test_what_cannot_be_written_for_its_provider_is_a_persons_and_no_key_is_used(
    store: Store,
) -> None:
    await sold(store, T, 1)
    (job,) = await to_send(store)
    async with store.transaction() as connection:
        await claims.give_to_a_person(connection, job, "no such mark", "lane", T)
    row = await the_receipt(store)
    assert (row.state, row.error, row.attempt) == ("attention", "no such mark", 0)
    assert await the_attempts(store) == []
    assert await story(store) == ["waiting", "attention"]
    ((rev,),) = await rows(store, sa.select(reply.c.rev))
    assert rev == 1


async def test_what_a_push_or_a_person_is_at_is_passed_by(postgres_store: Store) -> None:
    store = postgres_store
    await sold(store, T, 1, 2, 3, 4)
    await leave(store, at=T)
    await hear(store, Unsent("u"), id_of(3), at=T - 10_000)
    await hear(store, Unsent("u"), id_of(4), at=T - 10_000)
    async with store.transaction() as connection:
        held = [Told(key, Accepted("a"), "main") for key in (id_of(1), id_of(3))]
        await receipts.record(connection, held, "push", T)
        assert keys(await to_ask(store)) == [id_of(2)]
        assert keys(await to_send(store)) == [id_of(4)]


@pytest.mark.needs("postgres")
async def test_two_turns_at_once_never_have_one_receipt(postgres_store: Store) -> None:
    """A lease forbids it; without one they still would not."""
    store = postgres_store
    await sold(store, T, *range(1, 11))
    async with store.transaction() as connection:
        mine = await claims.to_send(connection, "main", T, 4, live_first=True)
        theirs = await to_send(store)
    assert set(keys(mine)) & set(keys(theirs)) == set()
    assert len(mine) + len(theirs) == 10

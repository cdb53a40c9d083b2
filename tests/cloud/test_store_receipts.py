"""Leases, intents and outcomes: what is written down, in which order, and by whom alone."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop import (
    RECEIPT,
    a_document,
    a_sale,
    id_of,
    incidents,
    now_ms,
    placed,
    rows,
    sell,
    the_receipt,
    write,
)

from cloud.errors import LeaseLostError
from cloud.fiscalization import State
from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown, Unsent
from cloud.receipt import Purpose
from cloud.store import Store, receipts, sales
from cloud.store.receipts import LEASE_MS, Job, Lease
from cloud.store.schema import incident, lane, receipt, sale

T = 1_800_000_000_000
DONE = Done(a_document(), "sc_1", "https://ofd.example/1")


async def take(store: Store, owner: str = "one", at: int = T) -> Lease | None:
    async with store.transaction() as connection:
        return await receipts.lease(connection, "main", owner, at)


async def taken(store: Store, owner: str = "one", at: int = T) -> Lease:
    held = await take(store, owner, at)
    assert held is not None
    return held


async def job(store: Store, register: str = "main") -> Job | None:
    async with store.transaction() as connection:
        return await receipts.next_job(connection, register, now_ms())


async def intend(store: Store, held: Lease, body: str = "body", at: int = T) -> None:
    due = await job(store)
    assert due is not None
    async with store.transaction() as connection:
        await receipts.intend(connection, held, due, body, at)


async def record(
    store: Store, outcome: Outcome, at: int = T, held: Lease | None = None, key: str = id_of(1)
) -> State | None:
    async with store.transaction() as connection:
        return await receipts.record(connection, key, outcome, at, held)


async def test_a_lane_is_one_processs_until_its_lease_runs_out(store: Store) -> None:
    assert await take(store, "one") == Lease("main", "one", 1)
    assert await take(store, "two", T + LEASE_MS) is None
    assert await take(store, "two", T + LEASE_MS + 1) == Lease("main", "two", 2)
    assert await take(store, "one", T + LEASE_MS + 1) is None


async def test_ones_own_lease_goes_on_under_the_same_fence(store: Store) -> None:
    assert await take(store, "one") == await take(store, "one", T + 1000)
    assert await take(store, "two", T + LEASE_MS + 500) is None


async def test_a_lane_that_was_let_go_is_free_at_once(store: Store) -> None:
    held = await taken(store)
    async with store.transaction() as connection:
        await receipts.release(connection, held)
    assert await take(store, "two") == Lease("main", "two", 2)


async def test_an_old_lease_lets_nobodys_lane_go(store: Store) -> None:
    old = await taken(store)
    await taken(store, "two", T + LEASE_MS + 1)
    async with store.transaction() as connection:
        await receipts.release(connection, old)
    assert await take(store, "one", T + LEASE_MS + 2) is None


async def test_an_old_fence_writes_nothing(store: Store) -> None:
    await sell(store, a_sale())
    old = await taken(store)
    await taken(store, "two", T + LEASE_MS + 1)
    before = await the_receipt(store)
    with pytest.raises(LeaseLostError, match="another process took the lane"):
        await intend(store, old)
    for outcome in (DONE, Accepted("sc_1"), Unsent("x"), Unknown("x"), Dead("x")):
        with pytest.raises(LeaseLostError):
            await record(store, outcome, held=old)
    assert await the_receipt(store) == before


async def test_the_due_come_in_their_order_and_each_lane_sees_its_own(store: Store) -> None:
    assert await job(store) is None
    async with store.transaction() as connection:
        for number, register, at in ((1, "main", 5), (2, "main", 3), (3, "other", 1)):
            await sales.keep(connection, placed(a_sale(number), register), at)
    first = await job(store)
    assert first is not None
    assert (first.key, first.state, first.tries, first.body) == (id_of(2), State.WAITING, 0, None)
    other = await job(store, "other")
    assert other is not None
    assert other.key == id_of(3)
    assert await job(store, "third") is None


async def test_the_intent_is_written_once_and_the_first_body_is_kept(store: Store) -> None:
    await sell(store, a_sale())
    held = await taken(store)
    await intend(store, held, "first", T)
    row = await the_receipt(store)
    assert (row.state, row.body, row.first_sent_at) == ("submitted", "first", T)
    await intend(store, held, "second", T + 9)
    row = await the_receipt(store)
    assert (row.body, row.first_sent_at) == ("first", T)


@pytest.mark.parametrize(
    ("outcome", "state", "wait_ms"),
    [
        (Accepted("sc_1"), "accepted", 1000),
        (Unsent("no network"), "waiting", 1000),
        (Unknown("time-out"), "unknown", 1000),
        (Dead("code 13"), "attention", 0),
        (DONE, "issued", 0),
    ],
)
async def test_an_answer_is_written_down_with_the_next_try(
    store: Store, outcome: Outcome, state: str, wait_ms: int
) -> None:
    await sell(store, a_sale())
    held = await taken(store)
    await intend(store, held)
    assert await record(store, outcome, T, held) is State(state)
    row = await the_receipt(store)
    assert (row.state, row.next_at - T) == (state, wait_ms)
    assert row.error == getattr(outcome, "reason", None)
    assert row.provider_id == getattr(outcome, "provider_id", None)
    assert row.rev == (1 if state in {"attention", "issued"} else 0)


async def test_an_issued_receipt_has_its_document(store: Store) -> None:
    await sell(store, a_sale())
    await record(store, DONE)
    row = await the_receipt(store)
    assert (row.fn, row.fd, row.fp) == ("9999078900000001", 1, 3141592653)
    assert (row.registered_at, row.total) == ("20261123T1542", 12010)
    assert (row.link, row.issued_at) == ("https://ofd.example/1", T)
    assert await job(store) is None


async def test_waits_grow_while_nothing_changes(store: Store) -> None:
    await sell(store, a_sale())
    held = await taken(store)
    waits = []
    for _ in range(4):
        await intend(store, held)
        await record(store, Unsent("refused"), T, held)
        waits.append((await the_receipt(store)).next_at - T)
    assert waits == [1000, 2000, 5000, 10000]


async def test_a_surely_unsent_receipt_begins_its_providers_memory_anew(store: Store) -> None:
    await sell(store, a_sale())
    held = await taken(store)
    await intend(store, held, at=T)
    await record(store, Unsent("refused"), T, held)
    assert (await the_receipt(store)).first_sent_at is None
    await intend(store, held, at=T + 5_000_000)
    assert (await the_receipt(store)).first_sent_at == T + 5_000_000


async def test_a_crash_in_the_middle_of_sending_is_never_taken_for_unsent(store: Store) -> None:
    await sell(store, a_sale())
    held = await taken(store)
    await intend(store, held, at=T)
    # The process died here: the request may have left. The next one repeats it, in vain.
    again = await taken(store, "two", T + LEASE_MS + 1)
    await intend(store, again, at=T + LEASE_MS + 1)
    assert await record(store, Unsent("refused"), T + LEASE_MS + 2, again) is State.UNKNOWN
    row = await the_receipt(store)
    assert (row.state, row.first_sent_at) == ("unknown", T)


async def test_a_key_that_is_not_ours_is_nothing(store: Store) -> None:
    await sell(store, a_sale())
    assert await record(store, DONE, key="of somebody else") is None
    assert (await the_receipt(store)).state == "waiting"


async def test_the_same_document_twice_is_one(store: Store) -> None:
    await sell(store, a_sale())
    await record(store, DONE)
    before = await the_receipt(store)
    assert await record(store, DONE, T + 5) is State.ISSUED
    assert await the_receipt(store) == before
    assert await incidents(store) == []


async def test_a_second_document_for_one_sale_is_an_incident(store: Store) -> None:
    await sell(store, a_sale())
    await record(store, DONE)
    assert await record(store, Done(a_document(2)), T + 5) is State.ISSUED
    assert (await the_receipt(store)).fd == 1
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.sale_id) == ("duplicate receipt", RECEIPT.sale_id)
    assert a_document(2).qr in told.detail


async def test_another_sales_document_issues_nothing_and_is_an_incident(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await record(store, DONE)
    assert await record(store, DONE, key=id_of(2)) is not State.ISSUED
    assert (await the_receipt(store, id_of(2))).fd is None
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.sale_id) == ("document of another sale", id_of(2))


async def test_a_late_document_ends_a_persons_wait_and_is_told_anew(store: Store) -> None:
    await sell(store, a_sale())
    held = await taken(store)
    await intend(store, held)
    await record(store, Dead("code 13"), T, held)
    assert (await the_receipt(store)).rev == 1
    await record(store, Dead("code 13"), T + 1)
    assert (await the_receipt(store)).rev == 1
    assert await record(store, DONE, T + 2) is State.ISSUED
    row = await the_receipt(store)
    assert (row.rev, row.tell_at, row.error) == (2, 0, None)


OUTCOMES = st.sampled_from(
    [DONE, Accepted("sc_1"), Accepted(), Unsent("u"), Unknown("?"), Dead("!")]
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(told=st.lists(st.tuples(OUTCOMES, st.booleans()), max_size=10))
async def test_no_interleaving_of_answers_and_pushes_undoes_a_document(
    store: Store, told: list[tuple[Any, bool]]
) -> None:
    for table in (receipt, lane, sale, incident):
        await write(store, sa.delete(table))
    await sell(store, a_sale())
    held = await taken(store)
    documented = False
    for outcome, sent in told:
        if sent and await job(store) is not None:
            await intend(store, held)
        # An answer follows an intent; without one only a push can come.
        was = (await the_receipt(store)).state
        if was == "waiting" and not isinstance(outcome, Done):
            continue
        state = await record(store, outcome)
        documented = documented or outcome is DONE
        row = await the_receipt(store)
        assert (state is State.ISSUED) == documented == (row.fd == 1)
    assert await incidents(store) == []


async def test_a_lease_from_the_future_is_a_clock_that_was_set_back(store: Store) -> None:
    await taken(store, "one", T)
    assert await take(store, "two", T - 3 * 3_600_000) == Lease("main", "two", 2)


async def test_a_receipt_put_off_to_the_far_future_is_due(store: Store) -> None:
    await sell(store, a_sale())
    await write(store, sa.update(receipt).values(next_at=now_ms() + 10 * 3_600_000))
    due = await job(store)
    assert due is not None
    assert due.next_at <= now_ms()


@pytest.mark.parametrize(("ask_first", "first"), [(False, 3), (True, 1)])
async def test_sending_and_asking_take_turns(store: Store, *, ask_first: bool, first: int) -> None:
    held = await taken(store)
    await sell(store, a_sale(1), a_sale(2))
    for number in (1, 2):
        await intend(store, held)
        await record(store, Accepted(f"sc_{number}"), held=held, key=id_of(number))
    await write(store, sa.update(receipt).values(next_at=0))
    await sell(store, a_sale(3))
    async with store.transaction() as connection:
        due = await receipts.next_job(connection, "main", now_ms(), ask_first=ask_first)
    assert due is not None
    assert due.key == id_of(first)


async def test_a_refund_is_not_taken_for_the_sales_own_document(store: Store) -> None:
    await sell(store, a_sale())
    await intend(store, await taken(store))
    refund = replace(a_document(), purpose=Purpose.INCOME_RETURN)
    assert await record(store, Done(refund, "sc_1")) is State.SUBMITTED
    assert await incidents(store) == ["another purpose"]
    assert await record(store, DONE) is State.ISSUED


async def test_a_push_to_another_registers_address_is_not_ours(store: Store) -> None:
    await sell(store, a_sale())
    async with store.transaction() as connection:
        told = await receipts.record(connection, id_of(1), DONE, T, None, "other")
    assert told is None
    assert (await the_receipt(store)).state == "waiting"


async def test_a_document_of_another_sum_stands_and_is_an_incident(store: Store) -> None:
    await sell(store, a_sale())
    assert await record(store, Done(a_document(total=1), "sc_1")) is State.ISSUED
    assert await incidents(store) == ["another sum"]


async def test_what_a_register_still_has_to_do_is_counted(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await record(store, DONE)
    async with store.reading() as connection:
        assert await receipts.registers_in_use(connection) == [("main", 1)]

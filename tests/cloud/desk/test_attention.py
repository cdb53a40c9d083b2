"""Attention as people read it: what, why, since when, and the next command."""

import msgspec
import pytest
import sqlalchemy as sa
from fate import LOST, REFUSED, hear, issue, meet
from shop import a_document, a_sale, id_of, now_ms, sell, write

from cloud.breaker import FAILURES, Circuit
from cloud.desk.attention import MOST, UNWORKED_MS, lines, look, still
from cloud.outcome import Accepted, Done, Pause, Unknown
from cloud.store import Store, lanes
from cloud.store.attention import Queue
from cloud.store.lanes import Standing
from cloud.store.schema import attempt

NOW = 1_700_000_000_000


async def test_each_thing_says_why_since_when_and_what_to_type(either: Store) -> None:
    await sell(either, a_sale(1, amount=None), a_sale(2), a_sale(3))
    await meet(either, REFUSED, 2)
    await meet(either, LOST, 3)
    async with either.reading() as connection:
        found = await look(connection, now_ms() + 180_000)
    told = "\n".join(lines(found))
    assert f"{id_of(1)}  amount, 3 min  vm-000123  sale, amount unknown" in told
    assert f"python -m cloud requeue {id_of(1)} --amount" in told
    assert f"{REFUSED.reason}\n    → python -m cloud requeue {id_of(2)}" in told
    assert f"→ python -m cloud resolve {id_of(3)} --issued QR_TEXT; or --not-issued" in told
    assert found.total == 3
    assert msgspec.json.decode(msgspec.json.encode(found))["items"][0]["cause"] == "amount"


async def test_when_nothing_needs_a_hand_it_says_so(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    async with store.reading() as connection:
        assert lines(await look(connection, now_ms())) == ["nothing needs a hand"]


async def test_many_are_summed_up_and_the_oldest_are_listed(store: Store) -> None:
    await sell(store, *(a_sale(number, amount=None) for number in range(1, MOST + 6)))
    async with store.reading() as connection:
        found = await look(connection, now_ms())
        everything = await look(connection, now_ms(), everything=True)
    told = lines(found)
    assert told[0] == f"{MOST + 5} need a hand:"
    assert told[1].startswith(f"  amount  {MOST + 5}  the oldest ")
    assert "… and 5 more: add --all, or --machine, or --cause" in told
    assert len(everything.items) == MOST + 5
    assert not any("more" in line for line in lines(everything))


async def test_a_cause_or_a_machine_leaves_the_rest_out(store: Store) -> None:
    await sell(store, a_sale(1, amount=None), a_sale(2), a_sale(3))
    await meet(store, REFUSED, 2)
    await issue(store, 3)
    await meet(store, Done(a_document(9)), 3)
    async with store.reading() as connection:
        refused = await look(connection, now_ms(), cause="refused")
        nowhere = await look(connection, now_ms(), machine="vm-2")
        whole = await look(connection, now_ms())
    assert [each.sale_id for each in refused.items] == [id_of(2)]
    assert refused.duplicates == refused.incidents == []
    assert (nowhere.total, nowhere.items, nowhere.duplicates) == (0, [], [])
    assert [each.sale_id for each in whole.duplicates] == [id_of(3)]
    step = f"→ python -m cloud return {id_of(3)} --duplicate; or, once it is undone"
    assert step in "\n".join(lines(whole))
    assert f": resolve {id_of(3)} --undone REASON" in whole.duplicates[0].next


async def test_a_paused_register_tells_how_much_waits_for_it(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    shut = Circuit(pause=Pause.AUTH, reason="401: unknown")
    async with store.transaction() as connection:
        await lanes.set_circuit(connection, "main", shut, now_ms())
    async with store.reading() as connection:
        found = await look(connection, now_ms() + 60_000)
    told = "\n".join(lines(found))
    assert "register main, 60 s: paused, auth: 401: unknown" in told
    assert "2 receipts wait for it, the oldest 6" in told
    assert "→ python -m cloud check main" in told


def standing(circuit: Circuit, lease_until: int = NOW + 1) -> Standing:
    return Standing("main", "one", lease_until, circuit, NOW - 5000)


@pytest.mark.parametrize(
    ("circuit", "why", "step"),
    [
        (Circuit(pause=Pause.BILLING, reason="unpaid"), "paused, billing: unpaid", "check main"),
        (
            Circuit(pause=Pause.BY_HAND, reason="anna"),
            "paused, by hand: anna",
            "register resume main",
        ),
        (
            Circuit(FAILURES, NOW + 9, None, "no connection"),
            "the provider does not answer (5 times): no connection",
            "check main",
        ),
    ],
)
def test_a_lane_that_stands_still_says_why(circuit: Circuit, why: str, step: str) -> None:
    (told,) = still([standing(circuit)], {}, NOW)
    assert (told.why, told.since, told.next) == (why, NOW - 5000, f"python -m cloud {step}")
    assert (told.waiting, told.oldest) == (0, None)


@pytest.mark.parametrize(
    ("lease_until", "oldest", "is_still"),
    [
        (NOW + 1, NOW - 2 * UNWORKED_MS, False),
        (NOW - 1, NOW - 2 * UNWORKED_MS, True),
        (NOW - 1, NOW - UNWORKED_MS // 2, False),
    ],
)
def test_a_lane_that_nobody_works_is_told_once_receipts_have_waited(
    lease_until: int, oldest: int, *, is_still: bool
) -> None:
    told = still([standing(Circuit(), lease_until)], {"main": Queue(3, oldest)}, NOW)
    assert [(each.why, each.next) for each in told] == (
        [("no process works it", "python -m cloud serve")] if is_still else []
    )


def test_a_lane_that_was_never_worked_is_told_as_well_and_a_seat_is_no_lane() -> None:
    seat = Standing("@link", "one", 0, Circuit(pause=Pause.AUTH, reason="x"), None)
    (told,) = still([seat], {"new": Queue(1, NOW - 2 * UNWORKED_MS)}, NOW)
    assert (told.register, told.waiting) == ("new", 1)


HOUR = 3_600_000


@pytest.mark.parametrize("flapping", [False, True])
async def test_what_left_an_hour_ago_and_has_no_end_is_told_with_what_is_next(
    either: Store, *, flapping: bool
) -> None:
    await sell(either, *(a_sale(number) for number in (1, 2, 3, 4)))
    for number, outcome in {1: Accepted("p-1"), 2: Unknown("error 500"), 3: REFUSED}.items():
        await meet(either, outcome, number)
    if flapping:
        # Its state comes and goes: the hour is that since it left.
        await write(either, sa.update(attempt).values(first_sent_at=now_ms() - 2 * HOUR))
        for outcome in (Unknown("no trace"), Accepted("p-1")):
            await hear(either, id_of(1), outcome)
    later = now_ms() + (0 if flapping else HOUR + 60_000)
    async with either.reading() as connection:
        if not flapping:
            before = await look(connection, later - 120_000)
            assert [each.cause for each in before.items] == ["refused"]
        found = await look(connection, later)
        overdue = await look(connection, later, cause="overdue")
        refused = await look(connection, later, cause="refused")
        nowhere = await look(connection, later, machine="vm-2")
    told = {each.sale_id: each for each in found.items if each.cause == "overdue"}
    assert set(told) >= {id_of(1), id_of(2)}
    assert id_of(3) not in told
    assert told[id_of(1)].reason.startswith("the provider has it in its queue, and has recorded")
    assert told[id_of(2)].reason.endswith("it is asked for again and again: error 500")
    assert told[id_of(2)].next == (
        "python -m cloud check main; and if its document is in the provider's cabinet: resolve"
        f" {id_of(2)} --issued QR_TEXT"
    )
    assert found.total == len(found.items) == 1 + len(told)
    assert {each.sale_id for each in overdue.items} == set(told)
    assert [each.cause for each in refused.items] == ["refused"]
    assert nowhere.items == []
    assert f"{id_of(1)}  overdue, " in "\n".join(lines(found))

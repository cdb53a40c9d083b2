"""Accounts: a register's account changes only while nothing may be recorded at the one it leaves."""

import asyncio

import msgspec
import pytest
import sqlalchemy as sa
from fate import LOST, REFUSED, hear, issue, leave, meet
from shop import (
    BOOT,
    SETTINGS,
    Account,
    a_sale,
    id_of,
    now_ms,
    rows,
    sell,
    stock,
    story,
    the_attempts,
    the_receipt,
    write,
)

from cloud.books import archive
from cloud.errors import FleetError, LeaseLostError
from cloud.fleet import same_account
from cloud.outcome import Accepted, Outcome, Unknown, Unsent
from cloud.store import Store, claims, fleet, lanes
from cloud.store.accounts import NOBODY
from cloud.store.lanes import LEASE_MS
from cloud.store.schema import attempt, lane

MAIN = Account(id="main", operator="coffee", provider="cloudkassir", settings=dict(SETTINGS))


def changed(**told: object) -> Account:
    return msgspec.structs.replace(MAIN, settings={**SETTINGS, **told})


OTHER = changed(public_id="another contract")
HARMLESS = changed(rate_per_s=2.5)


async def write_many(store: Store, register: Account) -> None:
    """As an import does."""
    async with store.transaction() as connection:
        await archive.write(connection, [register], "anna", now_ms())


@pytest.mark.parametrize("put", [stock, write_many])
@pytest.mark.parametrize("outcome", [None, Unknown("no answer"), Accepted("p"), LOST], ids=repr)
async def test_an_account_is_not_left_while_a_receipt_of_it_may_be_recorded(
    store: Store, outcome: Outcome | None, put: object
) -> None:
    await sell(store, a_sale(1))
    await leave(store)
    if outcome is not None:
        await hear(store, id_of(1), outcome)
    with pytest.raises(FleetError, match=r"main: 1 receipt is on the way .* --register NEW"):
        await put(store, OTHER)  # type: ignore[operator]
    async with store.reading() as connection:
        assert await fleet.get(connection, Account, "main") == MAIN
    await put(store, HARMLESS)  # type: ignore[operator]
    (used,) = await the_attempts(store)
    assert (used.verdict, (await the_receipt(store)).attempt) == (None, 0)


async def test_an_account_is_left_once_nothing_is_on_the_way(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3))
    await issue(store, 1)
    await meet(store, REFUSED, 2)
    await meet(store, Unsent("no connection"), 3)
    await stock(store, OTHER)
    async with store.reading() as connection:
        assert await fleet.get(connection, Account, "main") == OTHER


@pytest.mark.parametrize("now", [HARMLESS, OTHER], ids=["harmless", "another account"])
async def test_what_surely_never_left_is_written_anew_for_other_settings(
    store: Store, now: Account
) -> None:
    await sell(store, a_sale(1))
    await meet(store, Unsent("no connection"))
    await stock(store, now)
    (used,) = await the_attempts(store)
    assert used.verdict == "withdrawn"
    assert used.ended_at is not None
    row = await the_receipt(store)
    assert (row.state, row.attempt) == ("waiting", 1)
    assert (await story(store))[-1] == "waiting"
    async with store.transaction() as connection:
        (job,) = await claims.to_send(connection, "main", now_ms() + 10**6, 9, live_first=False)
    assert (job.key, job.body) == (f"{id_of(1)}-1", None)


async def test_what_is_put_as_it_was_changes_no_receipt(store: Store) -> None:
    await sell(store, a_sale(1))
    await meet(store, Unsent("no connection"))
    await stock(store, MAIN)
    assert [each.verdict for each in await the_attempts(store)] == [None]


async def test_whoever_worked_the_old_account_writes_nothing_more_and_nobody_does_for_a_while(
    store: Store,
) -> None:
    await sell(store, a_sale(1))
    async with store.transaction() as connection:
        held = await lanes.lease(connection, "main", "one", now_ms())
    assert held is not None
    await stock(store, OTHER)
    async with store.transaction() as connection:
        assert await lanes.lease(connection, "main", "one", now_ms()) is None
        assert await lanes.lease(connection, "main", "two", now_ms()) is None
        with pytest.raises(LeaseLostError):
            await lanes.check(connection, held)
    ((owner, until),) = await rows(store, sa.select(lane.c.owner, lane.c.lease_until))
    assert owner == NOBODY
    assert until > now_ms() + LEASE_MS / 2
    # A lane that nobody works is not kept from anybody.
    await write(store, sa.update(lane).values(lease_until=0))
    await stock(store, MAIN)
    async with store.transaction() as connection:
        assert await lanes.lease(connection, "main", "two", now_ms()) is not None


@pytest.mark.needs("postgres")
async def test_a_lane_that_sends_at_that_moment_is_waited_for_and_seen(
    postgres_store: Store,
) -> None:
    store = postgres_store
    await sell(store, a_sale(1))
    async with store.transaction() as connection:
        held = await lanes.lease(connection, "main", "one", now_ms())
        assert held is not None
        jobs = await claims.to_send(connection, "main", now_ms(), 9, live_first=False)
        told = [(job, "body") for job in jobs]
        await claims.intend(connection, told, "main", "one", now_ms(), BOOT, now_ms())
        leaving = asyncio.ensure_future(stock(store, OTHER))
        done, _ = await asyncio.wait([leaving], timeout=0.2)
        assert not done
    with pytest.raises(FleetError, match="1 receipt is on the way"):
        await leaving
    assert [row.first_sent_at is None for row in await rows(store, sa.select(attempt))] == [False]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (
            changed(secret_file="/elsewhere", timeout_s=3, poll_s=[1], callback_url="https://x"),
            True,
        ),
        (changed(url="https://api.example"), False),
        (changed(ffd="1.2"), False),
        (changed(of_tomorrow=1), False),
        (msgspec.structs.replace(MAIN, provider="ferma"), False),
        (msgspec.structs.replace(MAIN, id="second"), True),
    ],
)
def test_an_account_is_one_as_long_as_what_names_it_is(other: Account, *, same: bool) -> None:
    assert same_account(MAIN, other) is same is same_account(other, MAIN)

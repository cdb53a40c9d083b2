import json

import pytest
from clerk import Clerk
from shop import a_sale, now_ms, sell

from cloud.breaker import FAILURES, Circuit
from cloud.outcome import Pause
from cloud.store import Store
from cloud.store.lanes import circuit, lease, release, set_circuit


async def test_a_register_is_paused_by_hand_and_resumed(any_clerk: Clerk, database: str) -> None:
    await any_clerk.coffee()
    assert await any_clerk("register pause main 'the drive is changed'") == [
        "register main: paused; 0 receipts wait",
        "next: python -m cloud register resume main",
    ]
    store = Store(database)
    async with store.reading() as connection:
        held = await circuit(connection, "main")
    await store.close()
    assert held == Circuit(pause=Pause.BY_HAND, reason="the drive is changed")
    (row,) = json.loads("".join(await any_clerk("register list --json")))
    assert (row["state"], row["reason"]) == ("paused: by hand", "the drive is changed")
    assert row["since"] > 1_700_000_000_000
    heading, line = await any_clerk("register list")
    assert heading.split() == [
        *("id", "operator", "provider", "machines", "state", "waiting", "since", "reason")
    ]
    assert line.endswith("UTC  the drive is changed")
    assert await any_clerk("register resume main") == ["register main: resumed; 0 receipts wait"]
    assert await any_clerk("register resume main") == [
        "register main: nothing holds it; 0 receipts wait"
    ]
    (row,) = json.loads("".join(await any_clerk("register list --json")))
    assert (row["state"], row["since"], row["reason"]) == ("open", None, "")


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (Circuit(failures=FAILURES, hold_until=1, reason="time-out"), "no answer"),
        (Circuit(pause=Pause.BILLING, reason="pay"), "paused: billing"),
        (Circuit(failures=1, reason="time-out"), "open"),
    ],
)
async def test_whatever_holds_a_register_is_listed(
    clerk: Clerk,
    sqlite_store: Store,
    now: Circuit,
    state: str,
) -> None:
    await clerk.coffee()
    async with sqlite_store.transaction() as connection:
        await set_circuit(connection, "main", now, 1)
    (row,) = json.loads("".join(await clerk("register list --json")))
    assert row["state"] == state
    assert bool(row["reason"]) == bool(row["since"]) == (state != "open")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("register pause spare why", "there is no register spare"),
        ("register resume spare", "there is no register spare"),
        ("register pause main ' '", "say why"),
        ("register restored spare", "there is no register spare"),
    ],
)
async def test_a_pause_has_a_register_and_a_reason(clerk: Clerk, line: str, said: str) -> None:
    await clerk.coffee()
    assert said in (await clerk.refused(line))[1]


async def test_of_a_restored_database_what_waits_is_looked_for_first(
    any_clerk: Clerk, database: str
) -> None:
    await any_clerk.coffee()
    store = Store(database)
    await sell(store, a_sale(1), a_sale(2))
    await store.close()
    for count in ("2 receipts have", "0 receipts have"):
        assert await any_clerk("register restored main") == [
            f"register main: {count} to be looked for in the provider's cabinet",
            "next: python -m cloud attention",
        ]


async def test_a_restored_database_is_not_doubted_while_a_fiscaliser_works_with_it(
    any_clerk: Clerk, database: str
) -> None:
    await any_clerk.coffee()
    store = Store(database)
    await sell(store, a_sale(1))
    async with store.transaction() as connection:
        held = await lease(connection, "main", "a fiscaliser", now_ms())
    assert (
        "a fiscaliser works at it; stop it first"
        in (await any_clerk.refused("register restored main"))[1]
    )
    async with store.transaction() as connection:
        assert held is not None
        await release(connection, held)
    assert (await any_clerk("register restored main"))[0].startswith("register main: 1 receipt has")
    await store.close()

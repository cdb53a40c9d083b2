"""Each constraint is tried to be broken, on both databases."""

from typing import Any

import pytest
import sqlalchemy as sa

from cloud.fiscalization import State
from cloud.receipt import Purpose
from cloud.store import Store
from cloud.store.schema import metadata

SALE = "0193a5d2-7c1e-7b54-9d0e-000000000001"
OTHER = "0193a5d2-7c1e-7b54-9d0e-000000000002"
DOCUMENT = {"fn": "9999", "fd": 1, "fp": 1, "registered_at": "20261123T1542", "total": 1}
OF_OPERATOR = {"operator": "acme"}
ROWS: dict[str, dict[str, Any]] = {
    "operator": {
        "id": "acme", "name": "Acme", "inn": "7708806062", "taxation": "osn", "email": "",
        "policies": "{}",
    },
    "register": {"id": "main", "provider": "atol", "settings": "{}", **OF_OPERATOR},
    "product": {
        "id": "cola", "name": "Кола", "vat": "none", "subject": "goods", "marking": "none",
        "gtin": "", **OF_OPERATOR,
    },
    "planogram": {"id": "drinks", **OF_OPERATOR},
    "shelf": {
        "planogram": "drinks", "slot": "0001", "valid_from": "2026-01-01", "product": "cola",
        **OF_OPERATOR,
    },
    "machine": {
        "id": "vm-1", "register": "main", "planogram": "drinks", "number": "", "address": "a",
        "place": "p", "timezone": "Europe/Moscow", "policies": "{}", **OF_OPERATOR,
    },
    "sale": {
        "sale_id": SALE, "machine": "vm-1", "epoch": "7f3a9c1e", "seq": 7, "token": "t" * 16,
        "body": "{}", "received_at": 1, "disposition": "receipt",
    },
    "receipt": {
        "sale_id": SALE, "purpose": "income", "machine": "vm-1", "register": "main",
        "request": "{}", "state": "waiting", "born_at": 1, "next_at": 1,
    },
    "attempt": {
        "key": SALE, "sale_id": SALE, "purpose": "income", "number": 0, "register": "main",
        "body": "{}",
    },
    "reply": {"sale_id": SALE, "machine": "vm-1", "rev": 1},
    "answer": {"sale_id": SALE, "body": "{}"},
    "lane": {"register": "main", "owner": "one", "lease_until": 1, "fence": 1},
    "run": {"machine": "vm-1", "epoch": "7f3a9c1e", "first": 3, "last": 3},
    "change": {"at": 1, "who": "test", "kind": "machine", "name": "vm-1", "body": "{}"},
    "history": {"at": 1, "who": "test", "sale_id": SALE, "state": "waiting"},
}  # fmt: skip
"""A row of each table; a later one may need the ones before."""


async def write(store: Store, table: str, **changed: object) -> None:
    row = {**ROWS[table], **changed}
    async with store.transaction() as connection:
        await connection.execute(sa.insert(metadata.tables[table]).values(row))


async def fill(store: Store, *tables: str) -> None:
    for table in tables or ROWS:
        await write(store, table)


async def test_a_row_of_each_can_be(store: Store) -> None:
    await fill(store)


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"token": "u" * 16}, r"sale[._](sale_id|pkey)"),
        ({"sale_id": OTHER}, r"sale[._]token"),
        ({"sale_id": OTHER, "token": "u", "disposition": "lost"}, "disposition"),
        ({"sale_id": OTHER, "token": "u", "disposition": "attention"}, "reasoned"),
        ({"sale_id": OTHER, "token": "u", "disposition": "skipped", "cause": "test"}, "reasoned"),
        ({"sale_id": OTHER, "token": "u", "disposition": "attention", "reason": "?"}, "reasoned"),
        ({"sale_id": OTHER, "token": "u", "body": None}, "body"),
    ],
)
async def test_a_sale_cannot_be(store: Store, changed: dict[str, Any], broken: str) -> None:
    await write(store, "sale")
    with pytest.raises(sa.exc.IntegrityError, match=broken):
        await write(store, "sale", **changed)


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"sale_id": OTHER}, "(?i)foreign key"),
        ({"register": "side"}, "(?i)foreign key"),
        ({"purpose": "gift"}, "purpose"),
        ({"state": "lost"}, "state"),
        ({"state": "issued"}, "documented"),
        ({"state": "accepted", **DOCUMENT}, "documented"),
        ({"state": "attention"}, "explained"),
        ({"state": "closed"}, "explained"),
        ({"born_at": None}, "born_at"),
    ],
)
async def test_a_receipt_cannot_be(store: Store, changed: dict[str, Any], broken: str) -> None:
    await fill(store, "operator", "register", "sale")
    with pytest.raises(sa.exc.IntegrityError, match=broken):
        await write(store, "receipt", **changed)


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_a_sale_has_one_receipt_of_each_purpose(store: Store, purpose: Purpose) -> None:
    await fill(store, "operator", "register", "sale")
    await write(store, "receipt", purpose=purpose.value)
    with pytest.raises(sa.exc.IntegrityError, match=r"receipt[._](sale_id|pkey|settles)"):
        await write(store, "receipt", purpose=purpose.value)


async def test_a_sale_is_settled_by_its_receipt_or_by_a_correction_and_never_by_both(
    store: Store,
) -> None:
    await fill(store, "operator", "register", "sale", "receipt")
    with pytest.raises(sa.exc.IntegrityError, match=r"receipt[._](sale_id|settles)"):
        await write(store, "receipt", purpose="correction")
    await write(store, "receipt", purpose="correction", state="closed", error="not so")
    await write(store, "receipt", purpose="income_return")


async def test_one_document_is_never_two_sales(store: Store) -> None:
    await fill(store, "operator", "register", "sale")
    await write(store, "sale", sale_id=OTHER, token="u" * 16)
    await write(store, "receipt", state="issued", **DOCUMENT)
    with pytest.raises(sa.exc.IntegrityError, match=r"receipt\.fn|document"):
        await write(store, "receipt", sale_id=OTHER, state="issued", **DOCUMENT)


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"sale_id": OTHER, "key": OTHER}, "(?i)foreign key"),
        ({"verdict": "lost"}, "attempt_verdict"),
        ({"verdict": "withdrawn", "first_sent_at": 1}, "attempt_withdrawn"),
        ({"key": f"{SALE}-1"}, "attempt_key"),
        ({"number": 1}, "attempt_key"),
        ({"key": OTHER}, "attempt_key"),
        ({"purpose": "income_return"}, "attempt_key"),
        ({"purpose": "correction", "key": f"{SALE}-r"}, "attempt_key"),
    ],
)
async def test_an_attempt_cannot_be(store: Store, changed: dict[str, Any], broken: str) -> None:
    await fill(store, "operator", "register", "sale", "receipt")
    with pytest.raises(sa.exc.IntegrityError, match=broken):
        await write(store, "attempt", **changed)


@pytest.mark.parametrize(
    ("purpose", "number", "key"),
    [
        ("income", 0, SALE),
        ("income", 12, f"{SALE}-12"),
        ("income_return", 0, f"{SALE}-r"),
        ("income_return", 2, f"{SALE}-r2"),
        ("correction", 0, f"{SALE}-c"),
        ("correction", 3, f"{SALE}-c3"),
    ],
)
async def test_a_key_says_of_which_sale_for_what_and_which_it_is(
    store: Store, purpose: str, number: int, key: str
) -> None:
    await fill(store, "operator", "register", "sale")
    await write(store, "receipt", purpose=purpose)
    await write(store, "attempt", purpose=purpose, number=number, key=key)


@pytest.mark.parametrize(
    ("verdict", "allowed"), [(None, False), ("done", False), ("dead", True), ("withdrawn", True)]
)
async def test_a_new_key_is_used_only_after_the_one_before_is_dead_or_never_left(
    store: Store, verdict: str | None, *, allowed: bool
) -> None:
    await fill(store, "operator", "register", "sale", "receipt")
    await write(store, "attempt", verdict=verdict)
    second = write(store, "attempt", number=1, key=f"{SALE}-1")
    if allowed:
        await second
    else:
        with pytest.raises(sa.exc.IntegrityError, match=r"attempt[._](sale_id|once)"):
            await second


@pytest.mark.parametrize(
    ("table", "changed", "broken"),
    [
        ("run", {"first": 0}, "ascending"),
        ("run", {"first": 3, "last": 2}, "ascending"),
        ("reply", {"acked_rev": 2}, "reply_acked"),
        ("reply", {"acked_rev": -1}, "reply_acked"),
        ("lane", {"pause": "money"}, "lane_paused"),
        ("register", {"operator": "nobody"}, "(?i)foreign key"),
        ("shelf", {"product": "tea"}, "(?i)foreign key"),
        ("shelf", {"planogram": "snacks"}, "(?i)foreign key"),
        ("shelf", {"valid_until": "2026-01-01"}, "shelf_days"),
        ("shelf", {"price_min": 2, "price_max": 1}, "shelf_prices"),
        ("machine", {"planogram": "snacks"}, "(?i)foreign key"),
        ("machine", {"register": "side"}, "(?i)foreign key"),
    ],
)
async def test_nothing_else_can_be(
    store: Store, table: str, changed: dict[str, Any], broken: str
) -> None:
    before = list(ROWS)[: list(ROWS).index(table)]
    await fill(store, *before)
    with pytest.raises(sa.exc.IntegrityError, match=broken):
        await write(store, table, **changed)


async def test_a_machine_never_gets_the_register_of_another_operator(store: Store) -> None:
    await fill(store, "operator", "register", "planogram")
    await write(store, "operator", id="other")
    await write(store, "register", id="side", operator="other")
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"):
        await write(store, "machine", register="side")


async def test_a_register_with_receipts_cannot_be_taken_away(store: Store) -> None:
    await fill(store, "operator", "register", "sale", "receipt")
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"):
        async with store.transaction() as connection:
            await connection.execute(sa.delete(metadata.tables["register"]))


@pytest.mark.parametrize("table", ["history", "change"])
async def test_what_is_written_down_stays_as_it_is(store: Store, table: str) -> None:
    await fill(store, table)
    within = metadata.tables[table]
    for order in (sa.update(within).values(who="somebody else"), sa.delete(within)):
        with pytest.raises(sa.exc.IntegrityError, match=f"what is written in {table} stays"):
            async with store.transaction() as connection:
                await connection.execute(order)
    async with store.reading() as connection:
        assert await connection.scalar(sa.select(within.c.who)) == "test"


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("table", ["history", "change"])
async def test_nor_can_it_be_emptied_as_a_whole(postgres_store: Store, table: str) -> None:
    await fill(postgres_store, table)
    with pytest.raises(sa.exc.IntegrityError, match="stays as it is"):
        async with postgres_store.transaction() as connection:
            await connection.execute(sa.text(f"TRUNCATE {table}"))


@pytest.mark.parametrize(("column", "values"), [("state", State), ("purpose", Purpose)])
async def test_every_state_and_purpose_of_the_code_is_allowed(
    store: Store, column: str, values: type[State] | type[Purpose]
) -> None:
    await fill(store, "operator", "register")
    for number, value in enumerate(values):
        sale_id = f"sale-{number}"
        issued = DOCUMENT if value is State.ISSUED else {}
        await write(store, "sale", sale_id=sale_id, token=sale_id)
        await write(
            store, "receipt", sale_id=sale_id, error="why", **{column: value.value}, **issued
        )


async def test_what_raises_in_a_transaction_is_not_written(store: Store) -> None:
    async def half() -> None:
        async with store.transaction() as connection:
            await connection.execute(sa.insert(metadata.tables["sale"]).values(ROWS["sale"]))
            raise LookupError

    with pytest.raises(LookupError):
        await half()
    await write(store, "sale")

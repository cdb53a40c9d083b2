"""The migrations make exactly the schema; each constraint is tried to be broken."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from shop import MACHINE, id_of, rows, sell, write
from shop import a_sale as told
from sqlalchemy.schema import CheckConstraint, CreateTable

from cloud.errors import StartError
from cloud.fiscalization import State
from cloud.store import Store, migrate
from cloud.store.schema import metadata, receipt, run, sale

SALE = {
    "machine": MACHINE,
    "epoch": "7f3a9c1e",
    "seq": 7,
    "sale_id": id_of(7),
    "token": "t" * 16,
    "body": "{}",
    "received_at": 1,
    "disposition": "receipt",
}
RECEIPT = {
    "sale_id": id_of(1),
    "purpose": 1,
    "machine": MACHINE,
    "register": "main",
    "request": "{}",
    "state": "waiting",
    "next_at": 0,
    "key": "k",
}
SENT = {"body": "{}", "first_sent_at": 1}
DOCUMENT = {"fn": "9999", "fd": 1, "fp": 1, "registered_at": "20261123T1542", "total": 1}


def test_a_migrated_database_has_the_metadatas_schema(migrated: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_migrated_checks_and_partial_indexes_are_the_metadatas(
    migrated: Path, tmp_path: Path
) -> None:
    # Alembic compares neither.
    engines = [sa.create_engine(f"sqlite:///{file}") for file in (migrated, tmp_path / "whole")]
    metadata.create_all(engines[1])
    told = []
    for engine in engines:
        inspector = sa.inspect(engine)
        told.append(
            {
                table: (
                    sorted((each["name"], each["sqltext"]) for each in checks),
                    sorted(
                        (each["name"], str(each["dialect_options"].get("sqlite_where")))
                        for each in inspector.get_indexes(table)
                    ),
                )
                for table in metadata.tables
                for checks in [inspector.get_check_constraints(table)]
            }
        )
        engine.dispose()
    assert told[0] == told[1]
    assert told[0]["receipt"][0]


def test_migrating_again_changes_nothing(database: Path) -> None:
    before = database.read_bytes()
    migrate(database)
    assert database.read_bytes() == before


def test_evidence_of_the_first_version_is_kept_when_the_schema_moves_on(tmp_path: Path) -> None:
    file = tmp_path / "cloud.sqlite"
    migrate(file, "0001")
    kept = ("'s', 1, 'screen', '2026-11-23T15:42:11Z'", "'vm-1', '2026-11-23T15:43:11Z', 'x', 'f'")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"INSERT INTO showing VALUES ({', '.join(kept)})")
    migrate(file)
    with closing(sqlite3.connect(file)) as database:
        (row,) = database.execute("SELECT * FROM showing").fetchall()
    assert row == (
        *("s", 1, "screen", "2026-11-23T15:42:11Z", ""),
        *("vm-1", "2026-11-23T15:43:11Z", "x", "f", None),
    )


def test_sequences_of_the_second_version_become_runs_when_the_schema_moves_on(
    tmp_path: Path,
) -> None:
    file = tmp_path / "cloud.sqlite"
    migrate(file, "0002")
    sold = {
        "whole": [1, 2, 3],
        "holed": [1, 2, 5, 6, 9, 9],
        "settled": [4, 5, 8],
        "behind": [2],
        "unmet": [1, 2, 4],
    }
    whole = {"whole": 3, "holed": 2, "settled": 5, "behind": 0, "silent": 7, "fresh": 0}
    with closing(sqlite3.connect(file)) as database, database:
        database.executemany("INSERT INTO stream VALUES (?, 'e', ?)", whole.items())
        places = [(machine, seq) for machine, seqs in sold.items() for seq in seqs]
        database.executemany(
            "INSERT INTO sale VALUES (?, ?, 'e', ?, ?, '{}', 1, 'skipped', 'test vend')",
            [(id_of(n), machine, seq, f"{n}") for n, (machine, seq) in enumerate(places)],
        )
    migrate(file)
    with closing(sqlite3.connect(file)) as database:
        runs = database.execute("SELECT machine, first, last FROM run ORDER BY 1, 2").fetchall()
        known = database.execute("SELECT machine, nonce, claimed FROM stream ORDER BY 1").fetchall()
    assert runs == [
        ("behind", 2, 2),
        *(("holed", 1, 2), ("holed", 5, 6), ("holed", 9, 9)),
        *(("settled", 1, 5), ("settled", 8, 8)),
        ("silent", 1, 7),
        *(("unmet", 1, 2), ("unmet", 4, 4)),
        ("whole", 1, 3),
    ]
    assert known == [(machine, "", 0) for machine in sorted(whole)]


async def test_a_new_file_gets_a_folder_and_a_schema(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "new" / "cloud.sqlite")
    assert await rows(store, sa.select(sale)) == []
    await store.close()


async def test_the_settings_took(store: Store) -> None:
    async with store.transaction() as connection:
        told = {
            name: await connection.scalar(sa.text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cloud.sqlite"
    file.write_text("this is no database, it is a letter to whoever reads it" * 20)
    with pytest.raises(StartError, match=f"database {file}: .*not a database"):
        await Store.open(file)


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"database {tmp_path}: "):
        await Store.open(tmp_path)


async def test_a_database_of_a_later_version_is_left_alone(database: Path) -> None:
    store = Store(database)
    async with store.transaction() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    with pytest.raises(StartError, match="9999"):
        await Store.open(database)


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"sale_id": id_of(1)}, "UNIQUE constraint failed: sale.sale_id"),
        ({"token": "k7q2m9x400000001"}, "UNIQUE constraint failed: sale.token"),
        ({"disposition": "lost", "reason": "?"}, "CHECK constraint failed: disposition"),
        ({"disposition": "attention"}, "CHECK constraint failed: reasoned"),
        ({"disposition": "skipped"}, "CHECK constraint failed: reasoned"),
        ({"body": None}, "NOT NULL constraint failed: sale.body"),
    ],
)
async def test_a_sale_cannot_be(store: Store, changed: dict[str, Any], broken: str) -> None:
    await sell(store, told(1))
    with pytest.raises(sa.exc.IntegrityError, match=broken):
        await write(store, sa.insert(sale).values({**SALE, **changed}))
    await write(store, sa.insert(sale).values(SALE))


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"sale_id": id_of(99)}, "FOREIGN KEY constraint failed"),
        ({"sale_id": id_of(2)}, "UNIQUE constraint failed: receipt.sale_id, receipt.purpose"),
        ({"key": id_of(2)}, "UNIQUE constraint failed: receipt.key"),
        ({"state": "lost", **SENT}, "CHECK constraint failed: state"),
        ({"state": "submitted", "body": "{}"}, "CHECK constraint failed: frozen"),
        ({"state": "submitted", "first_sent_at": 1}, "CHECK constraint failed: frozen"),
        ({"state": "attention"}, "CHECK constraint failed: frozen"),
        ({"state": "issued", **SENT}, "CHECK constraint failed: documented"),
        ({"state": "accepted", **SENT, **DOCUMENT}, "CHECK constraint failed: documented"),
    ],
)
async def test_a_receipt_cannot_be(store: Store, changed: dict[str, Any], broken: str) -> None:
    await write(store, sa.insert(sale).values({**SALE, "sale_id": id_of(1)}))
    await sell(store, told(2))
    with pytest.raises(sa.exc.IntegrityError, match=broken):
        await write(store, sa.insert(receipt).values({**RECEIPT, **changed}))
    await write(store, sa.insert(receipt).values(RECEIPT))


@pytest.mark.parametrize(("first", "last"), [(0, 3), (3, 2)])
async def test_a_run_cannot_be(store: Store, first: int, last: int) -> None:
    place = {"machine": MACHINE, "epoch": "7f3a9c1e"}
    with pytest.raises(sa.exc.IntegrityError, match="CHECK constraint failed: ascending"):
        await write(store, sa.insert(run).values(first=first, last=last, **place))
    await write(store, sa.insert(run).values(first=3, last=3, **place))
    with pytest.raises(sa.exc.IntegrityError, match=r"UNIQUE constraint failed: run.machine"):
        await write(store, sa.insert(run).values(first=3, last=4, **place))


async def test_one_document_is_never_two_sales(store: Store) -> None:
    await sell(store, told(1), told(2))
    issued = sa.update(receipt).values({"state": "issued", **SENT, **DOCUMENT})
    await write(store, issued.where(receipt.c.sale_id == id_of(1)))
    with pytest.raises(sa.exc.IntegrityError, match=r"UNIQUE constraint failed: receipt.fn"):
        await write(store, issued.where(receipt.c.sale_id == id_of(2)))


def test_every_state_of_the_table_is_allowed_and_no_other() -> None:
    (check,) = (
        each
        for each in receipt.constraints
        if isinstance(each, CheckConstraint) and each.name == "state"
    )
    assert str(check.sqltext).count("'") == 2 * len(State)
    assert all(f"'{state.value}'" in str(check.sqltext) for state in State)
    assert "CHECK" in str(CreateTable(receipt))


async def test_what_raises_in_a_transaction_is_not_written(store: Store) -> None:
    async def half() -> None:
        async with store.transaction() as connection:
            await connection.execute(sa.insert(sale).values(SALE))
            raise LookupError

    with pytest.raises(LookupError):
        await half()
    assert await rows(store, sa.select(sale)) == []

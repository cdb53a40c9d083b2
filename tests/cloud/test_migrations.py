"""The migrations make exactly the schema, and carry what older versions kept."""

import json
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres import Cluster

from cloud.errors import StartError
from cloud.receipt import Purpose, Receipt
from cloud.store import Store, fleet, migrate, replies
from cloud.store.address import address
from cloud.store.migration import ONE_AT_A_TIME
from cloud.store.schema import metadata
from edge.wire import Receipt as WireReceipt

MACHINE = "vm-000123"


def id_of(number: int) -> str:
    return f"0193a5d2-7c1e-7b54-9d0e-{number:012x}"


def told(url: sa.URL) -> Mapping[str, object]:
    """What Alembic does not compare: checks, and which rows an index has."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    inspector = sa.inspect(engine)
    where = f"{engine.dialect.name}_where"
    return {
        table: (
            sorted(
                (str(each["name"]), each["sqltext"])
                for each in inspector.get_check_constraints(table)
            ),
            sorted(
                (
                    str(each["name"]),
                    bool(each["unique"]),
                    tuple(each["column_names"]),
                    str(each.get("dialect_options", {}).get(where)),
                )
                for each in inspector.get_indexes(table)
            ),
        )
        for table in metadata.tables
    }


def differences(url: sa.URL) -> list[Any]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        told = {"compare_server_default": True, "compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=told), metadata))


def create_all(url: sa.URL) -> None:
    metadata.create_all(sa.create_engine(url, poolclass=sa.NullPool))


def test_a_migrated_file_has_exactly_the_schema(migrated: Path, tmp_path: Path) -> None:
    ours, whole = address(migrated).url, address(tmp_path / "whole").url
    create_all(whole)
    assert differences(ours) == []
    assert told(ours) == told(whole)
    assert told(ours)["receipt"] != ([], [])


@pytest.mark.needs("postgres")
def test_a_migrated_server_has_exactly_the_schema(
    postgres: Cluster, postgres_database: str
) -> None:
    with postgres.database() as empty:
        ours, whole = address(postgres_database).url, address(empty).url
        create_all(whole)
        assert differences(ours) == []
        assert told(ours) == told(whole)
        (kind,) = postgres.execute(
            "SELECT data_type FROM information_schema.columns"
            " WHERE table_name = 'incident' AND column_name = 'id'",
            database=str(ours.database),
        )
        assert kind == ("bigint",)


def test_migrating_again_changes_nothing(sqlite_database: Path) -> None:
    before = sqlite_database.read_bytes()
    migrate(sqlite_database)
    assert sqlite_database.read_bytes() == before


def test_a_migration_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "cloud.sqlite"
    migrate(file, "0003")
    with closing(sqlite3.connect(file)) as database, database:
        # Nothing of ours gives one sale the key of another.
        old_sale(database, 1)
        old_receipt(database, 1, "issued", key="another", **SENT, **DOCUMENT)
    with pytest.raises(StartError, match="attempt_key"):
        migrate(file)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0003",)]
        assert database.execute("SELECT key FROM receipt").fetchall() == [("another",)]
        assert "operator" not in tables(database)


@pytest.mark.needs("postgres")
def test_of_processes_that_start_together_one_migrates_and_the_others_wait(
    postgres: Cluster,
) -> None:
    failed: list[BaseException] = []

    def start(url: str) -> None:
        try:
            migrate(url)
        except BaseException as error:  # noqa: BLE001, it is what is asked for
            failed.append(error)

    with postgres.database() as url, psycopg.connect(url, autocommit=True) as first:
        first.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        second = threading.Thread(target=start, args=[url])
        second.start()
        second.join(0.2)
        assert second.is_alive()
        first.execute("SELECT pg_advisory_unlock(%s)", [ONE_AT_A_TIME])
        second.join()
        assert failed == []
        assert differences(address(url).url) == []


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


# --- The third version ----------------------------------------------------------------------------

SENT = {"body": "{sent}", "first_sent_at": 5, "first_sent_boot": "b", "first_sent_boottime": 6}
DOCUMENT = {"fn": "9999078900000001", "fd": 41, "fp": 3141592653, "total": 12010} | {
    "registered_at": "20261123T1542", "link": "https://ofd.example/1", "issued_at": 7,
}  # fmt: skip
REQUEST = {
    "inn": "7708806062",
    "taxation": 2,
    "machine": MACHINE,
    "address": "г. Москва, ул. Примерная, д. 1",
    "place": "1 этаж",
    "name": "Капучино 200 мл",
    "subject": 1,
    "vat": 11,
    "amount": 12010,
    "cash": 0,
    "cashless": 12010,
}


def tables(database: sqlite3.Connection) -> set[str]:
    named = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in named}


def add(database: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    order = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
    database.execute(order, list(row.values()))


def old_sale(
    database: sqlite3.Connection, number: int, disposition: str = "receipt", why: str | None = None
) -> None:
    row = {"sale_id": id_of(number), "machine": MACHINE, "epoch": "7f3a9c1e", "seq": number}
    row |= {"token": f"token-{number}", "body": "{}", "received_at": 1000 + number}
    add(database, "sale", {**row, "disposition": disposition, "reason": why})


def old_receipt(
    database: sqlite3.Connection,
    number: int,
    state: str,
    *,
    purpose: int = 1,
    key: str | None = None,
    inn: str = REQUEST["inn"],  # type: ignore[assignment]
    **more: object,
) -> None:
    request = {"sale_id": id_of(number), "purpose": purpose, **REQUEST, "inn": inn}
    row = {
        "sale_id": id_of(number),
        "purpose": purpose,
        "machine": MACHINE,
        "register": "main",
        "request": json.dumps(request, ensure_ascii=False),
        "state": state,
        "tries": number,
        "next_at": 2000 + number,
        "key": key or id_of(number),
    }
    add(database, "receipt", {**row, **more})


@pytest.fixture
def third(tmp_path: Path) -> Path:
    """A database of the third version with a receipt in every state."""
    file = tmp_path / "cloud.sqlite"
    migrate(file, "0003")
    with closing(sqlite3.connect(file)) as database, database:
        for number in range(1, 9):
            old_sale(database, number)
        old_sale(database, 9, "skipped", "test vend")
        old_sale(database, 10, "attention", "unknown machine")
        old_receipt(database, 1, "waiting", inn="7700000000")
        # It was composed, and surely did not arrive.
        old_receipt(database, 2, "waiting", body="{unsent}")
        old_receipt(database, 3, "submitted", **SENT)
        old_receipt(database, 4, "unknown", register="side", **SENT)
        old_receipt(database, 5, "accepted", provider_id="p-5", **SENT)
        asked = {**SENT, **DOCUMENT}
        old_receipt(database, 6, "issued", rev=2, acked_rev=1, tell_at=9, told_times=3, **asked)
        returned = {**asked, "fd": 42}
        key = f"{id_of(6)}-r"
        old_receipt(
            database, 6, "issued", purpose=2, key=key, rev=1, acked_rev=1, tell_at=8, **returned
        )
        old_receipt(database, 7, "attention", error="code 13", rev=1, **SENT)
        old_receipt(database, 8, "attention", **SENT)
        add(database, "lane", {"register": "main", "owner": "o", "lease_until": 3, "fence": 4})
    return file


def moved(file: Path, query: str) -> list[tuple[Any, ...]]:
    migrate(file)
    with closing(sqlite3.connect(file)) as database:
        return database.execute(query).fetchall()


def test_a_database_of_the_third_version_gets_exactly_the_schema(third: Path) -> None:
    migrate(third)
    assert differences(address(third).url) == []
    with closing(sqlite3.connect(third)) as database:
        assert tables(database) >= set(metadata.tables)
        assert {name for name in tables(database) if name.endswith(("_before", "_now"))} == set()
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_receipts_of_the_third_version_keep_their_state_and_get_a_purpose(third: Path) -> None:
    told = moved(
        third,
        "SELECT sale_id, purpose, register, state, attempt, tries, born_at, next_at, error, fd"
        " FROM receipt ORDER BY sale_id, purpose",
    )
    n = {number: (0, number, 1000 + number, 2000 + number) for number in range(1, 9)}
    assert told == [
        (id_of(1), "income", "main", "waiting", *n[1], None, None),
        (id_of(2), "income", "main", "waiting", *n[2], None, None),
        (id_of(3), "income", "main", "submitted", *n[3], None, None),
        (id_of(4), "income", "side", "unknown", *n[4], None, None),
        (id_of(5), "income", "main", "accepted", *n[5], None, None),
        (id_of(6), "income", "main", "issued", *n[6], None, 41),
        (id_of(6), "income_return", "main", "issued", *n[6], None, 42),
        (id_of(7), "income", "main", "attention", *n[7], "code 13", None),
        (id_of(8), "income", "main", "attention", *n[8], "no reason was kept", None),
    ]


def test_requests_of_the_third_version_can_be_read(third: Path) -> None:
    told = [
        msgspec.json.decode(request, type=Receipt)
        for (request,) in moved(third, "SELECT request FROM receipt ORDER BY sale_id, purpose")
    ]
    purposes = {(each.sale_id, each.purpose) for each in told}
    assert purposes == {(id_of(number), Purpose.INCOME) for number in range(1, 9)} | {
        (id_of(6), Purpose.INCOME_RETURN)
    }
    assert {(each.name, each.amount, each.vat.value) for each in told} == {
        (REQUEST["name"], 12010, 11)
    }


def test_keys_of_the_third_version_become_attempts(third: Path) -> None:
    told = moved(
        third,
        "SELECT key, sale_id, purpose, number, register, body, first_sent_at, first_sent_boot,"
        " first_sent_boottime, provider_id, verdict, ended_at FROM attempt ORDER BY key",
    )

    def attempt(number: int, **told: object) -> tuple[object, ...]:
        row = {"key": id_of(number), "sale_id": id_of(number), "purpose": "income", "number": 0}
        row |= {"register": "main", **SENT, "provider_id": None, "verdict": None, "ended_at": None}
        return tuple({**row, **told}.values())

    never = dict.fromkeys(SENT)
    done = {"verdict": "done", "ended_at": 7}
    assert told == [
        attempt(2, **{**never, "body": "{unsent}"}),
        attempt(3),
        attempt(4, register="side"),
        attempt(5, provider_id="p-5"),
        attempt(6, **done),
        attempt(6, key=f"{id_of(6)}-r", purpose="income_return", **done),
        # Nobody knows what became of them: no new key before somebody says so.
        attempt(7),
        attempt(8),
    ]


async def test_what_machines_were_told_moves_to_one_reply_a_sale(third: Path) -> None:
    told = moved(
        third, "SELECT sale_id, machine, rev, acked_rev, tell_at, told_times FROM reply ORDER BY 1"
    )
    assert told == [(id_of(6), MACHINE, 2, 1, 8, 3), (id_of(7), MACHINE, 1, 0, 0, 0)]
    store = await Store.open(third)
    async with store.reading() as connection:
        untold = [each.receipt for each in await replies.untold(connection, 10)]
    await store.close()
    assert untold == [
        WireReceipt(sale_id=id_of(7), rev=1, status="pending"),
        WireReceipt(sale_id=id_of(6), rev=2, status="returned"),
    ]


def test_sales_of_the_third_version_are_all_there_and_have_a_cause(third: Path) -> None:
    told = moved(third, "SELECT seq, token, disposition, cause, reason FROM sale ORDER BY seq")
    assert told == [
        *((number, f"token-{number}", "receipt", None, None) for number in range(1, 9)),
        (9, "token-9", "skipped", "other", "test vend"),
        (10, "token-10", "attention", "other", "unknown machine"),
    ]
    lanes = moved(third, "SELECT register, owner, lease_until, fence, failures, pause FROM lane")
    assert lanes == [("main", "o", 3, 4, 0, None)]


async def test_what_receipts_refer_to_is_made_for_somebody_to_put_right(third: Path) -> None:
    store = await Store.open(third)
    async with store.reading() as connection:
        (operator,) = await fleet.every(connection, fleet.Operator)
        registers = await fleet.every(connection, fleet.Register)
        assert await fleet.version(connection) == 0
    await store.close()
    assert (operator.id, operator.inn, operator.taxation) == (
        "main",
        "7708806062",
        "usn_income_outcome",
    )
    assert [(each.id, each.operator, each.provider, each.settings) for each in registers] == [
        ("main", "main", "cloudkassir", {}),
        ("side", "main", "cloudkassir", {}),
    ]


def test_a_database_of_the_third_version_without_a_receipt_gets_no_operator(tmp_path: Path) -> None:
    file = tmp_path / "cloud.sqlite"
    migrate(file, "0003")
    assert moved(file, "SELECT id FROM operator UNION ALL SELECT id FROM register") == []

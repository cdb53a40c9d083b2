"""The engine: who may write when, what is tried again, and why a database cannot be opened."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from parts import ROOT, free_port, until
from postgres import Cluster

from cloud.errors import ConfigError, StartError
from cloud.store import BUSY, Store, alone, migrate
from cloud.store.address import address
from cloud.store.schema import note, presence

SEEN = sa.select(presence.c.machine).order_by(presence.c.machine)


async def see(store: Store, machine: str) -> None:
    async with store.transaction() as connection:
        row = {"machine": machine, "online": True, "at": 1}
        await connection.execute(sa.insert(presence).values(row))


async def seen(store: Store) -> list[str]:
    async with store.reading() as connection:
        return list((await connection.scalars(SEEN)).all())


async def opened(database: str | Path) -> str:
    """Why it cannot be opened."""
    with pytest.raises(StartError) as refused:
        await Store.open(database)
    return str(refused.value)


async def waits(work: Awaitable[object]) -> "asyncio.Future[object]":
    """Something that has begun, and is not done after a while in which it could be."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait([task], timeout=0.1)
    assert not done
    return task


# --- Transactions ---------------------------------------------------------------------------------


async def test_what_is_committed_is_seen_and_what_is_not_is_not(
    store: Store, database: str
) -> None:
    other = Store(database)
    async with store.transaction() as connection:
        await connection.execute(sa.insert(presence).values(machine="a", online=True, at=1))
        assert await seen(other) == []
    assert await seen(other) == ["a"]
    await other.close()


async def test_the_settings_of_a_file_took(sqlite_store: Store) -> None:
    async with sqlite_store.transaction() as connection:
        told = {
            name: await connection.scalar(sa.text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.needs("postgres")
async def test_the_settings_of_a_server_took(postgres_store: Store) -> None:
    async with postgres_store.transaction() as connection:
        told = {
            name: await connection.scalar(sa.text(f"SHOW {name}"))
            for name in (
                *("transaction_isolation", "transaction_read_only", "lock_timeout"),
                *("idle_in_transaction_session_timeout", "client_encoding", "application_name"),
            )
        }
    assert list(told.values()) == [
        *("read committed", "off", "10s"),
        *("1min", "UTF8", "chekomat-cloud"),
    ]


@pytest.mark.needs("postgres")
async def test_who_only_reads_cannot_write(postgres_store: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="read-only transaction"):
        async with postgres_store.reading() as connection:
            await connection.execute(sa.insert(presence).values(machine="a", online=True, at=1))
    # The connection goes back to the pool as it was.
    await see(postgres_store, "a")


async def test_many_at_once_are_served(store: Store) -> None:
    names = [f"vm-{number:02}" for number in range(40)]
    await asyncio.gather(*(see(store, name) for name in names), *(seen(store) for _ in names))
    assert await seen(store) == names


# --- A file, of several processes -----------------------------------------------------------------


async def test_only_one_store_writes_to_a_file_at_a_time(
    sqlite_store: Store, sqlite_database: Path
) -> None:
    other = Store(sqlite_database)
    async with sqlite_store.transaction():
        writing = await waits(see(other, "a"))
        assert await seen(other) == []
    await writing
    assert await seen(sqlite_store) == ["a"]
    await other.close()


async def test_who_reads_a_file_keeps_nobody_from_writing(
    sqlite_store: Store, sqlite_database: Path
) -> None:
    other = Store(sqlite_database)
    async with sqlite_store.reading() as connection:
        assert (await connection.scalars(SEEN)).all() == []
        await see(other, "a")
        assert (await connection.scalars(SEEN)).all() == []
    await other.close()


async def test_a_store_that_is_closed_writes_its_log_into_the_file_only_when_nobody_writes(
    sqlite_store: Store, sqlite_database: Path
) -> None:
    other = Store(sqlite_database)
    await see(other, "a")
    async with sqlite_store.transaction():
        closing = await waits(other.close())
    await closing


async def test_a_store_that_never_gets_to_write_is_busy_and_can_try_again(
    sqlite_store: Store, sqlite_database: Path
) -> None:
    hasty = Store(sqlite_database, patience_s=0)
    async with sqlite_store.transaction():
        with pytest.raises(BUSY, match="another process has been writing"):
            await see(hasty, "a")
    await see(hasty, "a")
    await hasty.close()


async def test_a_stranger_that_holds_the_file_is_waited_for(
    sqlite_store: Store, sqlite_database: Path
) -> None:
    with closing(sqlite3.connect(sqlite_database, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        writing = await waits(see(sqlite_store, "a"))
        stranger.execute("ROLLBACK")
    await writing


async def test_who_gave_up_waiting_for_the_file_leaves_nothing_behind(
    sqlite_store: Store, sqlite_database: Path
) -> None:
    other = Store(sqlite_database)
    async with sqlite_store.transaction():
        writing = await waits(see(other, "a"))
        writing.cancel()
        await asyncio.wait([writing])
    await see(sqlite_store, "b")
    await see(other, "c")
    assert await seen(sqlite_store) == ["b", "c"]
    await other.close()


WRITER = """
import asyncio, sys
import sqlalchemy as sa
from cloud.store import Store
from cloud.store.schema import presence

async def main(file, name):
    store = Store(file)
    for number in range(60):
        async with store.transaction() as connection:
            row = {"machine": f"{name}-{number}", "online": True, "at": number}
            await connection.execute(sa.insert(presence).values(row))
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


def test_processes_that_write_to_one_file_lose_nothing(sqlite_database: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(sqlite_database), name], cwd=ROOT)
        for name in ("serve", "machine-add")
    ]
    assert [each.wait(30) for each in writers] == [0, 0]
    with closing(sqlite3.connect(sqlite_database)) as database:
        assert database.execute("SELECT count(*) FROM presence").fetchall() == [(120,)]
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_one_process_alone_serves_a_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "cloud.sqlite"
    with alone(file), pytest.raises(StartError, match="another process serves it"), alone(file):
        pass
    with alone(file):
        pass


def test_of_a_server_several_may_serve() -> None:
    with alone("postgresql://db.example/chekomat"), alone("postgresql://db.example/chekomat"):
        pass


# --- A server, when it fails ----------------------------------------------------------------------


@pytest.mark.needs("postgres")
async def test_a_connection_that_the_server_ends_is_busy_and_the_next_try_works(
    postgres_store: Store, postgres: Cluster
) -> None:
    async def cut_off() -> None:
        async with postgres_store.transaction() as connection:
            own = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
            postgres.execute(f"SELECT pg_terminate_backend({own})")
            await connection.execute(SEEN)

    with pytest.raises(BUSY):
        await cut_off()
    await see(postgres_store, "a")
    assert await seen(postgres_store) == ["a"]


@pytest.mark.needs("postgres")
async def test_connections_that_broke_meanwhile_are_not_noticed(
    postgres_store: Store, postgres: Cluster
) -> None:
    await asyncio.gather(*(see(postgres_store, name) for name in "abcd"))
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'chekomat-cloud'"
    )
    assert await seen(postgres_store) == list("abcd")


@pytest.mark.needs("postgres")
async def test_of_two_that_wait_for_each_other_one_is_busy(postgres_store: Store) -> None:
    for name in "ab":
        await see(postgres_store, name)
    met = asyncio.Barrier(2)

    async def both(first: str, second: str) -> None:
        async with postgres_store.transaction() as connection:
            for name in (first, second):
                touch = sa.update(presence).where(presence.c.machine == name).values(at=2)
                await connection.execute(touch)
                if name == first:
                    await met.wait()

    ends = await asyncio.gather(both("a", "b"), both("b", "a"), return_exceptions=True)
    (deadlock,) = (each for each in ends if each is not None)
    assert isinstance(deadlock, BUSY)
    assert "deadlock" in str(deadlock)


@pytest.mark.needs("postgres")
async def test_a_server_that_is_another_ones_copy_by_now_is_busy(postgres_store: Store) -> None:
    """Its failover is not over yet: 25006."""
    async with postgres_store.transaction() as connection:
        await connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        with pytest.raises(BUSY, match="read-only"):
            await connection.execute(sa.update(presence).values(at=1))


@pytest.mark.needs("postgres")
async def test_a_transaction_that_lay_idle_for_too_long_is_busy(
    postgres: Cluster, postgres_store: Store
) -> None:
    """The server ends it: 25P03."""
    with pytest.raises(BUSY, match="idle-in-transaction"):  # noqa: PT012, its end raises as well
        async with postgres_store.transaction() as connection:
            idle = "SET LOCAL idle_in_transaction_session_timeout = '10ms'"
            await connection.exec_driver_sql(idle)
            its = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
            alive = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {its}"
            await until(lambda: postgres.execute(alive) == [(0,)])
            await connection.execute(sa.update(presence).values(at=1))


async def test_a_server_that_is_not_there_is_busy() -> None:
    store = Store(f"postgresql://nobody@127.0.0.1:{free_port()}/chekomat")
    with pytest.raises(BUSY):
        await see(store, "a")
    await store.close()


@pytest.mark.needs("postgres")
async def test_a_character_that_the_server_has_not_is_replaced(postgres_store: Store) -> None:
    row = {"machine": "a", "epoch": "e", "number": 1, "body": "a\0b", "received_at": 1}
    async with postgres_store.transaction() as connection:
        await connection.execute(sa.insert(note).values(row))
        assert await connection.scalar(sa.select(note.c.body)) == "a\N{REPLACEMENT CHARACTER}b"


# --- What cannot be opened ------------------------------------------------------------------------


async def test_a_new_file_gets_a_folder_and_a_schema(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "new" / "cloud.sqlite")
    assert await seen(store) == []
    await store.close()


@pytest.mark.needs("postgres")
async def test_an_empty_database_gets_a_schema(postgres: Cluster) -> None:
    with postgres.database() as url:
        store = await Store.open(url)
        assert await seen(store) == []
        await store.close()


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "cloud.sqlite"
    file.write_text("this is no database, it is a letter to whoever reads it" * 20)
    assert await opened(file) == (
        f"database {file}: this file is not a database of SQLite; name another one"
        " (file is not a database)"
    )


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert await opened(tmp_path) == (
        f"database {tmp_path}: it cannot be opened: is it a folder, or another user's file?"
        " (unable to open database file)"
    )


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    file = tmp_path / "file" / "deep" / "cloud.sqlite"
    assert await opened(file) == (
        f"database {file}: its folder {file.parent} cannot be made: Not a directory;"
        " make it, and give it to the user who serves"
    )
    with pytest.raises(StartError, match="cannot be made"), alone(file):
        pass


def test_a_file_that_is_damaged_is_said_to_be(sqlite_database: Path) -> None:
    damaged = bytearray(sqlite_database.read_bytes())
    damaged[100:200] = b"\xff" * 100
    sqlite_database.write_bytes(damaged)
    assert "the file is damaged; restore it" in asyncio.run(opened(sqlite_database))


async def test_a_later_version_is_left_alone(tmp_path: Path) -> None:
    await is_left_alone(str(tmp_path / "cloud.sqlite"))


@pytest.mark.needs("postgres")
async def test_a_later_version_on_a_server_is_left_alone(postgres: Cluster) -> None:
    with postgres.database() as url:
        await is_left_alone(url)


async def is_left_alone(database: str) -> None:
    store = await Store.open(database)
    async with store.transaction() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    assert await opened(database) == (
        f"database {database}: its schema is 9999, of a later version of this program;"
        " install that one, or take the copy that was made before"
    )


async def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "cloud.sqlite"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE sale (id)")
    assert "another program keeps its tables there (sale)" in await opened(file)


@pytest.mark.needs("postgres")
async def test_another_programs_database_is_left_alone(postgres: Cluster) -> None:
    with postgres.database() as url:
        name = str(address(url).url.database)
        postgres.execute("CREATE TABLE receipt (id int)", name)
        assert "another program keeps its tables there (receipt)" in await opened(url)


async def test_a_server_that_is_not_there_is_said_so() -> None:
    url = f"postgresql://cloud@127.0.0.1:{free_port()}/chekomat"
    said = await opened(url)
    assert said.startswith(
        f"database {url}: no server answers there; is PostgreSQL running, and are host and port"
    )


async def test_a_host_that_does_not_exist_is_said_so() -> None:
    said = await opened("postgresql://cloud@nowhere.invalid/chekomat")
    assert ": there is no such host (" in said


@pytest.mark.needs("postgres")
async def test_a_database_that_does_not_exist_is_said_how_to_make(postgres: Cluster) -> None:
    said = await opened(postgres.url("chekomat"))
    assert "no such database; make it: createdb --encoding UTF8 --owner tester chekomat (" in said


@pytest.mark.needs("postgres")
async def test_a_user_whom_the_server_does_not_know_is_said_how_to_make(postgres: Cluster) -> None:
    said = await opened(postgres.url("postgres", user="stranger"))
    assert "does not know this user; make it: createuser stranger (" in said


@pytest.mark.needs("postgres")
async def test_a_database_of_few_letters_is_refused(postgres: Cluster) -> None:
    postgres.execute("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    said = await opened(postgres.url("latin"))
    assert "its encoding is LATIN1, which has not every letter" in said
    assert "createdb --encoding UTF8 --template template0 latin" in said


@pytest.mark.needs("postgres")
async def test_a_password_works_and_is_never_told(
    postgres: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    postgres.execute("CREATE ROLE secretive LOGIN PASSWORD 'hush-hush'")
    with postgres.database() as url:
        name = str(address(url).url.database)
        postgres.execute(f"ALTER DATABASE {name} OWNER TO secretive")
        plain = postgres.url(name, user="secretive")
        right = plain.replace("secretive@", "secretive:hush-hush@")
        for works in (right, f"{plain}?password=hush-hush"):
            store = await Store.open(works)
            assert await seen(store) == []
            assert "hush" not in f"{store.address} {store.engine!r}"
            await store.close()
        for wrong in (f"{right}-wrong", right.replace("hush@", "hush-no@"), plain):
            said = await opened(wrong)
            assert "hush" not in said
            assert "hush" not in caplog.text
        assert "write the password into a passfile" in said
    postgres.execute("DROP ROLE secretive")


@pytest.mark.needs("postgres")
async def test_a_password_may_stand_in_a_passfile(postgres: Cluster, tmp_path: Path) -> None:
    postgres.execute("CREATE ROLE secretive LOGIN PASSWORD 'p@ss:%41'")
    passfile = tmp_path / "passfile"
    passfile.write_text(r"127.0.0.1:*:*:secretive:p@ss\:%41")
    passfile.chmod(0o600)
    with postgres.database() as url:
        name = str(address(url).url.database)
        postgres.execute(f"ALTER DATABASE {name} OWNER TO secretive")
        plain = postgres.url(name, user="secretive")
        store = await Store.open(f"{plain}?passfile={passfile}&sslmode=prefer")
        assert await seen(store) == []
        await store.close()
    postgres.execute("DROP ROLE secretive")


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("mysql://root:hush@db/x", "expected a file or postgresql://…, found mysql://…"),
        ("postgresql://u:hush@db:port/x", "this is no URL; expected postgresql://USER@HOST"),
        ("/", "expected a file or postgresql://…, found '/'"),
        ("a\0b", "expected a file or postgresql://…, found 'a\\x00b'"),
    ],
)
def test_what_is_no_database_of_ours_is_a_mistake_of_the_configuration(
    database: str, said: str
) -> None:
    for use in (Store, migrate, address):
        with pytest.raises(ConfigError) as refused:
            use(database)
        assert said in str(refused.value)
        assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("database", "shown"),
    [
        ("cloud.sqlite", "cloud.sqlite"),
        ("postgresql://u:pw@db:5433/x?sslmode=require", "postgresql://u@db:5433/x?sslmode=require"),
        ("postgres://db/x?password=pw&user=u", "postgresql://db/x?user=u"),
        ("postgresql:///x?host=/run/postgresql", "postgresql:///x?host=%2Frun%2Fpostgresql"),
    ],
)
def test_an_address_is_shown_without_its_password(database: str, shown: str) -> None:
    assert str(address(database)) == shown

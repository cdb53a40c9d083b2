"""Migration: the schema is brought to this version's, in one transaction, by one process at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from cloud.errors import StartError
from cloud.store.address import Address, address
from cloud.store.lock import WriteLock, make_folder
from cloud.store.refusal import refused
from cloud.store.schema import metadata

PATIENCE_S: Final = 30.0
"""So long it waits for whoever writes to the file."""
ONE_AT_A_TIME: Final = 0x6368656B
"""The advisory lock of all who migrate this database."""


def migrate(database: str | Path, revision: str = "head") -> None:
    """Bring a database to this version's schema, or to an earlier one's; an empty one gets all.

    Raises:
        ConfigError: `database` is neither a file nor a URL of PostgreSQL.
        StartError: it is not to be had, is not ours, or is of a later version of this program.
    """
    where = address(database)
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    try:
        with _connected(where) as connection:
            _check(where, connection, ScriptDirectory.from_config(settings))
            settings.attributes["connection"] = connection
            command.upgrade(settings, revision)
            _check_references(where, connection)
    except (OSError, sa.exc.SQLAlchemyError, CommandError) as error:
        raise refused(where, error) from error


@contextmanager
def _connected(where: Address) -> Iterator[sa.Connection]:
    """One transaction, alone."""
    if where.file is None:
        engine = sa.create_engine(
            where.url, poolclass=sa.NullPool, connect_args=connecting(where), hide_parameters=True
        )
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
            yield connection
        return
    make_folder(where.file)
    engine = sa.create_engine(where.url, poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", _settle)
    sa.event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    with _writing(where.file), engine.begin() as connection:
        yield connection


def connecting(where: Address) -> dict[str, object]:
    """How a server is connected to, where the URL says nothing else.

    A line that is dead is noticed within half a minute, not after the quarter of an hour that TCP
    takes by itself.
    """
    ours: dict[str, object] = {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
        "application_name": "chekomat-cloud",
    }
    said = where.url.query
    return {"client_encoding": "utf8"} | {
        key: value for key, value in ours.items() if key not in said
    }


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    lock = WriteLock(file)
    deadline = time.monotonic() + PATIENCE_S
    try:
        while not lock.take():
            if time.monotonic() > deadline:
                raise StartError(f"database {file}: another process has been writing to it")
            time.sleep(0.01)
        yield
    finally:
        lock.close()


def _settle(connection: Any, _record: object) -> None:  # noqa: ANN401, the driver's own
    connection.isolation_level = None
    cursor = connection.cursor()
    # A table that others refer to can be made anew only so; all references are checked at the end.
    for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = off"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _check(where: Address, connection: sa.Connection, versions: ScriptDirectory) -> None:
    """That what is there is ours, and not from the future."""
    known = {each.revision for each in versions.walk_revisions()}
    later = [
        each
        for each in MigrationContext.configure(connection).get_current_heads()
        if each not in known
    ]
    if later:
        raise StartError(
            f"database {where}: its schema is {later[0]}, of a later version of this program;"
            " install that one, or take the copy that was made before"
        )
    tables = set(sa.inspect(connection).get_table_names())
    theirs = sorted(tables & set(metadata.tables)) if "alembic_version" not in tables else []
    if theirs:
        raise StartError(
            f"database {where}: another program keeps its tables there ({', '.join(theirs)});"
            " name another database"
        )
    if where.file is None:
        encoding = connection.scalar(sa.text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise StartError(
                f"database {where}: its encoding is {encoding}, which has not every letter; make"
                f" it again: createdb --encoding UTF8 --template template0 {where.url.database}"
            )


def _check_references(where: Address, connection: sa.Connection) -> None:
    if where.file is not None:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise StartError(f"database {where}: a row of {broken[0]} refers to none: {broken}")

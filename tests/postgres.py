"""A real PostgreSQL for a session of tests, in a folder of its own; nothing of it outlives them."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from parts import free_port, program

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # What a power cut would take is not asked here.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "60",
    "shared_buffers": "32MB",
}
DURABLE = {"listen_addresses": "127.0.0.1"}
"""PostgreSQL's own defaults: what is committed is on the disk."""
AUTHENTICATION = """\
host all secretive 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
local all all trust
"""
"""`secretive` is a user whose word is not taken for it."""


def _nobody() -> dict[str, Any]:
    """Whom the server runs as: root is refused."""
    if os.geteuid() != 0:
        return {}
    known = {each.pw_name: each for each in pwd.getpwall()}
    one = known.get("postgres") or known["nobody"]
    return {"user": one.pw_uid, "group": one.pw_gid, "extra_groups": []}


@dataclass
class Cluster:
    """A server that a test may end and start again."""

    folder: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)
    process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(self) -> None:
        found = program("postgres")
        assert found is not None
        told = [f"-c{key}={value}" for key, value in self.settings.items()]
        at = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [found, *at, *told], stdout=log, stderr=log, cwd=self.folder, **_nobody()
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """At once, whoever is connected; what a server does when it is to be quick."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def url(self, database: str, user: str = "tester") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=20) as connection:
            found = connection.execute(sql)  # type: ignore[call-overload, unused-ignore]
            return found.fetchall() if found.description else []

    def empty(self, connection: psycopg.Connection[Any], tables: Sequence[str]) -> None:
        """Take every row of these tables away, and whoever is still connected to their database.

        It takes a millisecond or two; a database that is made anew takes thirty, and half a second
        where the disk is busy.
        """
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        # No foreign key asks, and no trigger that keeps a history.
        orders = ["SET session_replication_role = replica"]
        orders += [f"DELETE FROM {table}" for table in tables]
        orders += ["SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"]
        connection.execute("; ".join(orders).encode())

    @contextmanager
    def database(self) -> Iterator[str]:
        """An empty database of its own; its URL."""
        name = f"test_{next(self._numbers)}"
        ((version,),) = self.execute("SHOW server_version_num")
        # A small one is copied sooner than logged; before 15 there is nothing to choose.
        how = "STRATEGY FILE_COPY" if int(version) >= 150000 else ""
        self.execute(f"CREATE DATABASE {name} {how}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def cluster(settings: Mapping[str, str] = SETTINGS) -> Iterator[Cluster]:
    # Not in pytest's own folder, which is closed to others, and too deep for a socket's name.
    folder = Path(tempfile.mkdtemp(prefix="chekomat-pg-"))
    who = _nobody()
    if who:
        os.chown(folder, who["user"], who["group"])
    made = Cluster(folder, free_port(), settings)
    try:
        found = program("initdb")
        assert found is not None
        order = [found, "-D", str(folder / "data"), "-U", "tester", "--no-sync", "--auth=trust"]
        subprocess.run(
            [*order, "--encoding=UTF8", "--locale=C"], check=True, capture_output=True, cwd=folder,
            timeout=60, **who,
        )  # fmt: skip
        (folder / "data" / "pg_hba.conf").write_text(AUTHENTICATION)
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)

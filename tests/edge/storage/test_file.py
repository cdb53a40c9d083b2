import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from specimens import sale

from edge.errors import StartError
from edge.storage.file import LAYOUT, PAGE_BYTES, QUERIES, DamagedError, File, Folder
from edge.storage.outbox import Outbox
from edge.wire import encode


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def file(path: Path) -> Iterator[File]:
    opened = File(path)
    yield opened
    opened.close()


def put(file: File, query: str = "put_wish") -> None:
    file.run(query, body=b"{}")


def test_what_is_committed_is_there_for_another_reader(path: Path, file: File) -> None:
    with file.committed():
        put(file)
        assert file.riding
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT count(*) FROM wish").fetchone() == (1,)
    assert (file.commits, file.riding) == (1, False)


@pytest.mark.parametrize("error", [sqlite3.OperationalError, KeyError, KeyboardInterrupt])
def test_whatever_goes_wrong_nothing_is_half_kept(file: File, error: type[BaseException]) -> None:
    def interrupted() -> None:
        with file.committed():
            put(file)
            raise error

    with pytest.raises(error):
        interrupted()
    assert (file.commits, file.riding) == (0, False)
    assert file.run("wish").fetchone() is None


def test_an_abandoned_file_refuses_until_another_is_there(path: Path) -> None:
    file = File(path)
    put(file)
    file.abandon()
    file.abandon()
    with pytest.raises(sqlite3.OperationalError, match="being mended"):
        put(file)
    with pytest.raises(sqlite3.OperationalError, match="being mended"), file.committed():
        pass
    assert not file.riding
    file.close()


def test_a_file_that_is_closed_twice_or_by_another_thread_is_closed(path: Path) -> None:
    file = File(path)
    thread = threading.Thread(target=file.close)
    thread.start()
    thread.join()
    with pytest.raises(sqlite3.ProgrammingError):
        put(file)


def test_a_new_file_has_our_layout_and_our_pages(path: Path, file: File) -> None:
    assert file.commits == 0
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("PRAGMA user_version").fetchone() == (LAYOUT,)
        assert reader.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)


def test_every_query_can_be_run(file: File) -> None:
    """SQLite reads each of them; none is left that no table fits."""
    for name, query in QUERIES.items():
        if name != "schema":
            values = dict.fromkeys(re.findall(r":(\w+)", query))
            file._connection.execute(f"EXPLAIN {query}", values)  # noqa: SLF001


def test_an_outbox_without_its_identity_is_a_damaged_one(path: Path) -> None:
    with closing(Outbox(path, "7f3a9c1e")) as outbox:
        outbox.put(sale(1))
    with closing(sqlite3.connect(path)) as intruder, intruder:
        intruder.execute("DROP TRIGGER identity_is_kept")
        intruder.execute("DELETE FROM identity")
        (trigger,) = [
            line
            for line in QUERIES["schema"].split("CREATE TRIGGER ")
            if "identity_is_kept" in line
        ]
        intruder.execute(f"CREATE TRIGGER {trigger}")
    with pytest.raises(DamagedError, match="does not know its epoch"):
        File(path)
    with closing(Outbox(path, "0badcafe")) as outbox:
        assert outbox.open_sales(0, 9)[0].body == encode(sale(1))


def test_one_agent_has_a_folder(tmp_path: Path) -> None:
    first = Folder(tmp_path / "deep" / "down")
    with pytest.raises(StartError, match="another agent uses this outbox; stop it first"):
        Folder(tmp_path / "deep" / "down")
    first.unlock()
    Folder(tmp_path / "deep" / "down").unlock()

"""The write-ahead log beside the file: whether it is there, and whether all of it is read.

SQLite takes a log that it cannot read for an empty one, and throws it away when it closes. The
sales in it would be gone, and their numbers given to others. So the file itself says, as long as it
is open, that it has a log; and a log of which commits are left unread is a damaged one.

The format: www.sqlite.org/fileformat2.html, section 4 (write-ahead log) and 1.3 (header).
"""

import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

OPEN: Final = 0x6F70656E
"""The `application_id` of a file that is open, or was not closed."""
HEADER: Final = struct.Struct(">8I")
"""Magic, version, page size, number of checkpoints, two salts, two sums."""
FRAME: Final = struct.Struct(">6I")
"""Page, size of the file after a commit (else 0), two salts, two sums."""
MAGIC: Final = {0x377F0682: "<", 0x377F0683: ">"}
"""And in which order the words are that are summed up."""
_WORD: Final = 0xFFFFFFFF
_MARK: Final = slice(68, 72)
_VERSIONS: Final = slice(18, 20)
NEWEST_VERSION: Final = 2
"""1 is a rollback journal, 2 a write-ahead log; of what is newer, SQLite would only read."""


class Log:
    """The log beside one file."""

    def __init__(self, path: Path) -> None:
        """Look at both before SQLite does.

        Raises:
            sqlite3.DatabaseError: the file says that there is a log, and there is none.
        """
        self._path = path.with_name(f"{path.name}-wal")
        begin = _begin(path, 100)
        header = _begin(self._path, HEADER.size)
        if header and not begin:
            raise sqlite3.DatabaseError("the file is empty, and its log is not")
        if max(begin[_VERSIONS], default=0) > NEWEST_VERSION:
            raise sqlite3.DatabaseError("it is of no version that SQLite writes")
        self._marked = begin[_MARK] == OPEN.to_bytes(4, "big")
        if self._marked and not _sound(header):
            raise sqlite3.DatabaseError("it was not closed, and its log is lost or damaged")

    def prove_whole(self, connection: sqlite3.Connection) -> None:
        """See that what SQLite read of the log is all of it.

        A power cut in a commit leaves the frames of that one unread, and no others.

        Raises:
            sqlite3.DatabaseError: there is more than one commit behind what was read.
        """
        if not self._marked:
            return
        _, read, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if self._commits_beyond(max(0, read)) > 1:
            raise sqlite3.DatabaseError("its log is damaged")

    def mark_open(self, connection: sqlite3.Connection) -> None:
        """Let the file say that it has a log, in the file itself."""
        if not self._marked:
            connection.execute(f"PRAGMA application_id = {OPEN}")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    @staticmethod
    def mark_closed(connection: sqlite3.Connection) -> None:
        """And that it needs none, with the next commit."""
        connection.execute("PRAGMA application_id = 0")

    def _commits_beyond(self, read: int) -> int:
        """Commits of this log behind the first so many frames; older logs left others behind."""
        with self._path.open("rb") as log:
            header = log.read(HEADER.size)
            if not _sound(header):
                return 0
            _, _, page, _, *salts, _, _ = HEADER.unpack(header)
            stride, commits = FRAME.size + page, 0
            for at in range(HEADER.size + read * stride, os.fstat(log.fileno()).st_size, stride):
                log.seek(at)
                frame = log.read(FRAME.size)
                if len(frame) == FRAME.size:
                    _, size_after, *theirs, _, _ = FRAME.unpack(frame)
                    commits += theirs == salts and size_after > 0
            return commits


@contextmanager
def log_kept(path: Path, *, anyway: bool = False) -> Iterator[None]:
    """A log that SQLite throws away meanwhile is put back: after an error, or `anyway`."""
    log, kept = path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-wal-kept")
    if kept.exists() and not log.exists():
        kept.rename(log)  # a power cut came in between
    kept.unlink(missing_ok=True)
    if log.exists() and log.stat().st_size:
        try:
            os.link(log, kept)
        except OSError:  # a file system that has no links
            shutil.copyfile(log, kept)
    back = True
    try:
        yield
        back = anyway
    finally:
        if back and kept.exists() and not log.exists():
            kept.rename(log)
        kept.unlink(missing_ok=True)


def _begin(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return b""


def _sound(header: bytes) -> bool:
    """Whether a log begins with this."""
    if len(header) < HEADER.size:
        return False
    magic, *_, first, second = HEADER.unpack(header)
    if magic not in MAGIC:
        return False
    one = two = 0
    for even, odd in struct.iter_unpack(f"{MAGIC[magic]}2I", header[:24]):
        one = (one + even + two) & _WORD
        two = (two + odd + one) & _WORD
    return (one, two) == (first, second)

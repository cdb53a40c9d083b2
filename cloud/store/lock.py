"""Locks of a SQLite file among processes; they lie beside it, and are never taken away.

`<file>.lock` is held by the one process that serves. `<file>.write` is held by whoever writes at this
moment: SQLite up to 3.51.2 corrupts a write-ahead log that two connections write or checkpoint at the
same instant (its WAL-reset bug). Who only reads needs neither.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud.errors import StartError
from cloud.store.address import address


class WriteLock:
    """The right to write to a file, of one connection. Given back when its process ends."""

    def __init__(self, file: Path) -> None:
        self._file = file.with_name(f"{file.name}.write")
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take it if nobody has it; never waits."""
        if self._descriptor is None:
            self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def let_go(self) -> None:
        """The next may have it."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go for good."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def alone(database: str | Path) -> Iterator[None]:
    """Let no second process serve this file: their links would throw each other out.

    Of PostgreSQL several may serve.

    Raises:
        StartError: one does already.
    """
    file = address(database).file
    if file is None:
        yield
        return
    make_folder(file)
    try:
        lock = file.with_name(f"{file.name}.lock").open("w")
    except OSError as error:
        raise StartError(f"database {file}: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(
                f"database {file}: another process serves it; stop that one first"
            ) from None
        yield


def make_folder(file: Path) -> None:
    """Make the folder that a file is to lie in.

    Raises:
        StartError: it cannot be made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(
            f"database {file}: its folder {file.parent} cannot be made: {error.strerror};"
            " make it, and give it to the user who serves"
        ) from error

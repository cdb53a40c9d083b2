"""Trouble with the outbox's file: what is wrong with it, and what to do about it."""

import errno
import logging
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from edge.errors import StartError

log = logging.getLogger(__name__)

T = TypeVar("T")
LITTLE: Final = 64 * 1024
"""With less free than this not even an empty outbox can be opened, whatever the error says."""
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_DAMAGE: Final = {
    *("SQLITE_ERROR", "SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_READ", "SQLITE_IOERR_CORRUPTFS"),
}
"""Operational by name, but of the content: our own queries are right, and what a card cannot read
any more it will not read tomorrow."""


class DamagedError(StartError):
    """The file is there, and cannot be read as an outbox."""


class FullError(StartError):
    """The disk has no room for the outbox."""


def is_damage(error: Exception) -> bool:
    """Whether the content is wrong, and not the disk, the folder or who asks."""
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, UnicodeError)
    if not isinstance(error, sqlite3.OperationalError):
        return True
    # Without a name of SQLite's: Python found a text that is none.
    return _named(error) in _DAMAGE or str(error).startswith("Could not decode to UTF-8")


def is_full(error: Exception) -> bool:
    """Whether there is no room left; other errors may come of that as well."""
    return isinstance(error, FullError) or _named(error) == "SQLITE_FULL"


def unusable(path: Path, error: Exception) -> StartError:
    """The disk or the folder is in the way: an error that says so, and what to do."""
    said = f"{path}: the outbox cannot be used: {error}"
    free, read_only = _disk(path)
    number = error.errno if isinstance(error, OSError) else None
    full = number in _FULL or is_full(error)
    if read_only or number == errno.EROFS:
        return StartError(
            f"{said}; the disk is read-only: a worn card makes itself so. Replace it, or mount it"
            " again for writing (mount -o remount,rw)"
        )
    if full or free < LITTLE:
        return FullError(f"{said}; the disk is full: make room (journalctl --vacuum-size=50M)")
    return StartError(f"{said}; check the disk and the folder's owner")


def sound(bodies: Iterable[bytes], kind: type[T]) -> list[T]:
    """Those that can be read: one that rotted on the card does not stop every start."""
    read = []
    for body in bodies:
        try:
            read.append(msgspec.json.decode(body, type=kind))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.error("%s on the disk cannot be read: %s", kind.__name__, error)  # noqa: TRY400
    return read


def _named(error: Exception) -> str:
    """SQLite's name of an error; an error that we have raised ourselves has none."""
    return str(getattr(error, "sqlite_errorname", ""))


def _disk(path: Path) -> tuple[int, bool]:
    """Bytes that are free on it, and whether it is read-only."""
    for folder in path.absolute().parents:
        try:
            disk = os.statvfs(folder)
        except OSError:
            continue
        return disk.f_bavail * disk.f_frsize, bool(disk.f_flag & os.ST_RDONLY)
    return LITTLE, False

"""The card: what SQLite's files are after a power cut, on a full disk, on a disk that fails.

What was written since a file's last sync is on its way. A power cut lets any part of it arrive: each
write by itself, whole, torn between two sectors, or not at all; a sync of the same file lies between
before and after. Names are another matter: a file that was made, renamed or deleted is so at once.
Files that SQLite did not write are as they are.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from simulation.vfs import (
    FULL,
    IOERR_FSYNC,
    IOERR_TRUNCATE,
    IOERR_WRITE,
    OK,
    OpenFile,
    disown,
    install,
    own,
)

SECTOR: Final = 512
LUCK: Final = (0.0, 0.2, 0.5, 0.8, 1.0)
"""How much of what is on its way arrives: one of these a cut, or all cuts would look alike."""
TORN: Final = 0.2


class Change(NamedTuple):
    """A write, or a cut to `offset` bytes; `old` is what it took away."""

    offset: int
    amount: int
    old: bytes
    old_size: int
    is_cut: bool = False


@dataclass(slots=True)
class Written:
    """A file that SQLite has written to, by whatever name."""

    size: int
    on_its_way: list[Change] = field(default_factory=list)
    opened: int = 0


class Card:
    """A folder on it; to be had before SQLite opens a file there."""

    def __init__(self, folder: Path) -> None:
        install()
        self.folder = Path(os.path.realpath(folder))
        self.full = False
        """Files do not grow any more; within its size a file is still written."""
        self.room_bytes: int | None = None
        """By so much they still grow, whether it is full or not."""
        self.failing = False
        self.dead = False
        """Nothing is written or deleted, nor said to be, from now on."""
        self.bytes_written = 0
        self.syncs = 0
        self._open: dict[OpenFile, Written] = {}
        self._written: dict[int, Written] = {}
        """By inode."""
        self._fuse: int | None = None
        self._then: Callable[[], object] = bool
        own(str(self.folder), self)

    def after(self, writes: int, then: Callable[[], object]) -> None:
        """Call `then` right before the so-manieth write, truncation or sync from now on."""
        self._fuse, self._then = max(1, writes), then

    def pulled(self, to: Path, chance: Random) -> None:
        """Make in `to` what is there after a power cut now."""
        self._copy(to, chance)

    def copied(self, to: Path) -> None:
        """Make in `to` what is there after SIGKILL now: all that was written."""
        self._copy(to, None)

    def released(self) -> None:
        """Forget the folder; files that are open in it are SQLite's alone."""
        disown(str(self.folder))
        for file in self._open:
            file.leave()
        self._open.clear()
        self._written.clear()

    # What the VFS asks. ------------------------------------------------------------------------

    def opened(self, file: OpenFile) -> None:
        written = self._written.get(file.inode)
        if written is None:
            self._forget_deleted()
            written = self._written[file.inode] = Written(0)
        written.size = os.stat(file.path).st_size  # noqa: PTH116, a test may have damaged it
        written.opened += 1
        self._open[file] = written

    def closed(self, file: OpenFile) -> None:
        if written := self._open.pop(file, None):
            written.opened -= 1

    def write(self, file: OpenFile, bytes_at: int, amount: int, offset: int) -> int:
        if self._fuse is not None:
            self._burn()
        if self.dead or self.failing:
            return IOERR_WRITE
        written, code = self._open[file], OK
        size = written.size
        growth = offset + amount - size
        if growth > 0:
            room = 0 if self.full and self.room_bytes is None else self.room_bytes
            if room is not None and growth > room:
                code, amount, growth = FULL, amount - (growth - room), room
                if amount <= 0:
                    return FULL
            if self.room_bytes is not None:
                self.room_bytes -= growth
        kept = min(amount, size - offset)
        old = file.read(kept, offset) if kept > 0 else b""
        written.on_its_way.append(Change(offset, amount, old, size))
        if growth > 0:
            written.size = offset + amount
        self.bytes_written += amount
        return file.write(bytes_at, amount, offset) or code

    def truncate(self, file: OpenFile, size: int) -> int:
        if self._fuse is not None:
            self._burn()
        if self.dead or self.failing:
            return IOERR_TRUNCATE
        written = self._open[file]
        gone = written.size - size
        old = file.read(gone, size) if gone > 0 else b""
        written.on_its_way.append(Change(size, 0, old, written.size, is_cut=True))
        written.size = size
        if self.room_bytes is not None:
            self.room_bytes += gone
        return file.truncate(size)

    def sync(self, file: OpenFile, _flags: int) -> int:
        """Nothing is on its way any more; the real disk need not know."""
        if self._fuse is not None:
            self._burn()
        if self.dead or self.failing:
            return IOERR_FSYNC
        self._open[file].on_its_way.clear()
        self.syncs += 1
        return OK

    def may_delete(self, _path: str) -> bool:
        return not self.dead

    def _burn(self) -> None:
        assert self._fuse is not None
        self._fuse -= 1
        if self._fuse == 0:
            self._fuse = None
            self._then()

    # Copies. -----------------------------------------------------------------------------------

    def _copy(self, to: Path, chance: Random | None) -> None:
        # Closing one of SQLite's files here takes back the kernel's locks on it. Connections of one
        # process do not need those, they know of each other.
        to.mkdir(parents=True, exist_ok=True)
        copies = dict[int, Path]()
        shutil.copymode(self.folder, to)
        for path in self._paths():
            copy = to / path.relative_to(self.folder)
            inode = path.lstat().st_ino
            if path.is_dir() and not path.is_symlink():
                copy.mkdir(exist_ok=True)
            elif path.is_symlink():
                copy.symlink_to(path.readlink())
            elif inode in copies:
                copy.hardlink_to(copies[inode])
            elif path.is_file() and not path.name.endswith("-shm"):
                written = self._written.get(inode)
                if chance is None or written is None or not written.on_its_way:
                    shutil.copyfile(path, copy)
                else:
                    copy.write_bytes(after_cut(path.read_bytes(), written.on_its_way, chance))
                shutil.copymode(path, copy)
                copies[inode] = copy

    def _forget_deleted(self) -> None:
        there = {path.lstat().st_ino for path in self._paths()}
        for inode in [each for each in self._written if each not in there]:
            if not self._written[inode].opened:
                del self._written[inode]

    def _paths(self) -> Iterator[Path]:
        return iter(sorted(self.folder.rglob("*")))


def after_cut(now: bytes, on_its_way: list[Change], chance: Random) -> bytes:
    """What is left of a file: what was synced, and of what was written since then what arrived."""
    content, fresh = bytearray(now), []
    for change in reversed(on_its_way):
        fresh.append(bytes(content[change.offset : change.offset + change.amount]))
        content[change.offset : change.offset + len(change.old)] = change.old
        del content[change.old_size :]
    luck = chance.choice(LUCK)
    for change, new in zip(on_its_way, reversed(fresh), strict=True):
        arrived = chance.random() < luck
        if change.is_cut:
            if arrived:
                _resize(content, change.offset)
        elif chance.random() < TORN * min(luck, 1 - luck) * 4:
            for begin, end in _sectors(change.offset, len(new)):
                if chance.random() < 0.5:
                    _put(content, begin, new[begin - change.offset : end - change.offset])
        elif arrived:
            _put(content, change.offset, new)
    return bytes(content)


def _sectors(offset: int, amount: int) -> Iterator[tuple[int, int]]:
    """The parts of a write that lie in one sector each."""
    begin, last = offset, offset + amount
    while begin < last:
        end = min((begin // SECTOR + 1) * SECTOR, last)
        yield begin, end
        begin = end


def _put(content: bytearray, offset: int, new: bytes) -> None:
    if offset > len(content):
        _resize(content, offset)
    content[offset : offset + len(new)] = new


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))

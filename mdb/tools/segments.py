"""Segments: the numbered files of a recording, made so that a power cut costs but a moment.

    capture.mdb  ->  capture-0001-20261125T151048Z.mdb, capture-0002-…     the time is the file's start

A file is never written over: a number that is taken is passed by. The folder is synced when a file
is made, or a power cut could take the name of a file whose bytes are safe.
"""

import gzip
import os
import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mdb.tools.mistake import MistakeError


class Segment:
    """One file, open for writing. Raises OSError where the disk refuses."""

    def __init__(self, path: Path, number: int, descriptor: int) -> None:
        self.path = path
        self.number = number
        self.size = 0
        self._descriptor = descriptor

    def write(self, pending: bytearray) -> None:
        """Write all of it; what was written is taken off, be it all or a part."""
        while pending:
            written = os.write(self._descriptor, pending)
            del pending[:written]
            self.size += written

    def sync(self) -> None:
        """Wait until the disk has what was written. May be called from another thread."""
        own = os.dup(self._descriptor)  # the file may be closed meanwhile
        try:
            os.fdatasync(own)
        finally:
            os.close(own)

    def close(self) -> None:
        """Be done with it."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Segments:
    """The files that belong together; `base` is the name they are made from."""

    base: Path

    @classmethod
    def named(cls, file: Path) -> "Segments":
        """The files of a name that the user gave.

        Raises:
            MistakeError: it is a folder, or in a folder that is not there; or it promises gzip.
        """
        if file.is_dir():
            raise MistakeError(
                f"{file}: is a folder; name a file in it, such as {file / 'bus.mdb'}"
            )
        if not file.parent.is_dir():
            raise MistakeError(f"{file.parent}: no such folder; make it first")
        if file.suffix.lower() == ".gz":
            raise MistakeError(
                f"{file}: what is being written is no gzip; name {file.with_suffix('')} and add"
                " --gzip, which compresses a file once it is closed"
            )
        return cls(file if file.suffix else file.with_suffix(".mdb"))

    def existing(self) -> list[Path]:
        """The files there are, oldest first, compressed or not."""
        found = [
            (number, path) for path in self.base.parent.iterdir() if (number := self._of(path))
        ]
        return [path for _, path in sorted(found)]

    def create(self, began: datetime) -> Segment:
        """Begin the next file.

        Raises:
            OSError: it cannot be made.
        """
        number = max((self._of(path) for path in self.base.parent.iterdir()), default=0) + 1
        while True:
            path = self._path(number, began)
            try:
                opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            except FileExistsError:
                number += 1
                continue
            _sync_folder(path.parent)
            return Segment(path, number, opened)

    def keep(self, count: int) -> list[Path]:
        """Remove all but the newest `count`; return what was removed."""
        removed = self.existing()[:-count]
        for path in removed:
            path.unlink(missing_ok=True)
            _part(path).unlink(missing_ok=True)  # of a compressing that was killed
        return removed

    def _path(self, number: int, began: datetime) -> Path:
        stem, suffix = self.base.stem, self.base.suffix
        return self.base.with_name(f"{stem}-{number:04d}-{began:%Y%m%dT%H%M%SZ}{suffix}")

    def _of(self, path: Path) -> int:
        """The number of one of ours, 0 for any other file."""
        stem, suffix = re.escape(self.base.stem), re.escape(self.base.suffix)
        match = re.fullmatch(rf"{stem}-(\d{{4,}})-\d{{8}}T\d{{6}}Z{suffix}(?:\.gz)?", path.name)
        return int(match[1]) if match else 0


def compress(path: Path) -> Path:
    """Put a closed file into gzip; at every moment one of the two is whole.

    Raises:
        OSError: the disk refuses; the file stays as it was.
    """
    part, done = _part(path), path.with_name(f"{path.name}.gz")
    try:
        with path.open("rb") as plain, part.open("wb") as raw:
            with gzip.GzipFile(path.name, "wb", fileobj=raw) as packed:
                shutil.copyfileobj(plain, packed)
            raw.flush()
            os.fsync(raw.fileno())
        part.rename(done)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    path.unlink()
    return done


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.gz.part")


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

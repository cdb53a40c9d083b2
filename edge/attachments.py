"""Attachments: what commands brought, kept for a while, as an answer may have to be given again."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge.wire.orders import PART_BYTES

log = logging.getLogger(__name__)

MOST_FILES: Final = 5
MOST_BYTES: Final = 20 * 1024 * 1024


class Attachments:
    """A folder of files, each named by its command's id; the oldest make room.

    - Its verbs touch the disk: call them off the event loop.
    - A file that is being written ends in ``.part``, and is no attachment yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tidy(self) -> None:
        """At the start: what an earlier run left half is removed. A disk that refuses is left."""
        with suppress(OSError):
            for left in self._folder.glob("*.part"):
                left.unlink()

    def begin(self, command: str, suffix: str) -> Path:
        """Where to write; room is made first.

        Raises:
            OSError: the disk refuses.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._make_room(MOST_FILES - 1)
        return self._folder / f"{command}{suffix}.part"

    def keep(self, written: Path) -> Path:
        """It is whole: give it its name.

        Raises:
            OSError: the disk refuses.
        """
        whole = written.with_suffix("")
        written.replace(whole)
        self._make_room(MOST_FILES)
        return whole

    def find(self, command: str) -> Path | None:
        """What a command brought, if it is kept still."""
        with suppress(OSError):
            for file in self._folder.iterdir():
                # An id has no dot.
                if file.name.partition(".")[0] == command and file.suffix != ".part":
                    return file
        return None

    def _make_room(self, files: int) -> None:
        size = 0
        for kept, file in enumerate(self._newest_first(), 1):
            size += file.stat().st_size
            if kept > files or size > MOST_BYTES:
                log.info("an old answer makes room: %s", file.name)
                file.unlink(missing_ok=True)

    def _newest_first(self) -> list[Path]:
        files = [each for each in self._folder.iterdir() if each.suffix != ".part"]
        return sorted(files, key=lambda each: each.stat().st_mtime_ns, reverse=True)


def parts_of(file: Path) -> int:
    """In how many messages it goes up; an empty file is one."""
    return max(1, -(-file.stat().st_size // PART_BYTES))


def part(file: Path, number: int) -> bytes:
    """The bytes of one part, counted from one."""
    with file.open("rb") as opened:
        opened.seek((number - 1) * PART_BYTES)
        return opened.read(PART_BYTES)

"""Ballast: some megabytes on the disk that are let go when it is full, so that sales go on.

A disk that others have filled gives nobody a warning in time. The ballast is room that is ours.
"""

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

BYTES: Final = 16 * 1024 * 1024
"""Some twenty thousand sales: weeks of them."""
MEGABYTE: Final = 1024 * 1024
PLENTY: Final = 4 * BYTES
"""Free beside it before it is laid down, or again."""


class Ballast:
    """One file beside the outbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "ballast"

    @property
    def is_needed(self) -> bool:
        """Whether the disk is so full that nothing else gives room."""
        return self.free() < MEGABYTE

    def lay_down(self) -> None:
        """Take the room if there is plenty; without it nothing is worse than before."""
        if self._file.exists() or self.free() < PLENTY:
            return
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, BYTES)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("%s: no ballast: %s", self._file, error)
            with suppress(OSError):
                self._file.unlink()

    def let_go(self) -> bool:
        """Give the room back; False if there was none."""
        try:
            self._file.unlink()
        except OSError:
            return False
        log.error("%s: the disk is full; the ballast is let go. Make room", self._file.parent)
        return True

    def free(self) -> int:
        """Bytes that are free on the disk; 0 if it does not even say."""
        try:
            return shutil.disk_usage(self._file.parent).free
        except OSError:
            return 0

"""File systems of their own for tests: one in memory that can be filled, one on a loop device."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from parts import program


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    found = program(command[0])
    if found is None:
        return subprocess.CompletedProcess(command, 127, "", f"there is no {command[0]}")
    told = [found, *command[1:]]
    return subprocess.run(told, capture_output=True, text=True, check=False)


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """A tmpfs. Needs root; without it the test is not run, which is said aloud, and in CI fails."""
    place.mkdir()
    done = _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place))
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"no tmpfs can be mounted, and CI skips nothing: {done.stderr}")
        pytest.skip(f"NOT RUN: no tmpfs can be mounted here: {done.stderr}")
    try:
        yield place
    finally:
        _run("umount", "--lazy", str(place))


class Card:
    """An ext4 in a file, on a loop device: what a memory card is to the kernel.

    Where that may not be made the test is not run, also in CI: many containers have no loop device.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.image, self.place = folder / "card.img", folder / "card"
        self.place.mkdir()
        with self.image.open("wb") as image:
            image.truncate(megabytes << 20)
        self._do("mkfs.ext4", "-q", str(self.image))
        self.put_in()

    def put_in(self) -> None:
        self._do("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.place))

    def fail(self) -> None:
        """As the kernel does when the card has an error: its journal ends, nothing is written."""
        self._do("mount", "-o", "remount,abort", str(self.place))

    def take_out(self) -> None:
        self._do("umount", str(self.place))

    def repair(self) -> None:
        done = _run("e2fsck", "-fp", str(self.image))
        assert done.returncode <= 1, done.stdout + done.stderr

    def close(self) -> None:
        _run("umount", "--lazy", str(self.place))

    def _do(self, *command: str) -> None:
        done = _run(*command)
        if done.returncode:
            self.close()
            pytest.skip(f"NOT RUN: {' '.join(command)}: {done.stderr}")

"""Where a board is plugged in: a pseudo-terminal behind a name that stays, as /dev/serial/by-id."""

import os
import pty
import select
from pathlib import Path

from parts import until


class Socket:
    """The board's side of a serial port. Nothing is heard before the port was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plugs = 0
        self._end: int | None = None

    def plug(self) -> None:
        self._end, other = pty.openpty()
        os.set_blocking(self._end, False)
        new = self.path.with_suffix(f".{self.plugs}")
        new.symlink_to(os.ttyname(other))
        os.close(other)  # from here on the kernel tells whether the host has it open
        new.replace(self.path)
        self.plugs += 1

    def unplug(self) -> None:
        self.path.unlink()
        assert self._end is not None
        os.close(self._end)
        self._end = None

    @property
    def end(self) -> int:
        assert self._end is not None
        return self._end

    @property
    def is_open(self) -> bool:
        """Opening is one step of the loop that we share with the tap: it is done when it is seen."""
        if self._end is None:
            return False
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    async def opened(self) -> None:
        await until(lambda: self.is_open)

    def write(self, said: bytes) -> None:
        while said:
            said = said[os.write(self.end, said) :]

    def read(self) -> bytes:
        try:
            return os.read(self.end, 4096) if self.is_open else b""
        except BlockingIOError:
            return b""

    def close(self) -> None:
        if self._end is not None:
            self.unplug()

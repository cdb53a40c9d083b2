"""The serial ports of one tap: opened together, read together, lost together, opened again.

- All ports are read in one pass whenever one of them has something, so what an earlier pass read
  was on the wire before what a later one read.
- A port that is gone (unplugged, read error, end of file) closes them all: a tap that hears with
  one ear says nothing. They are opened again after a pause that grows to 5 s, with jitter.
- A loss is logged once, and once that it is over; so is that another program has the port.
- Nothing is written but what a tap says to its own adapter.
"""

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import random
import stat
import termios
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import serial  # type: ignore[import-untyped]

log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
DTR_S: Final = 0.05
CHUNK: Final = 4096
"""A terminal's whole buffer in Linux."""
BACKLOG: Final = 10_000
"""Passes kept for a listener that is late; more is a loss like any other."""

BUSY: Final = {errno.EAGAIN, errno.EBUSY}
"""What is told of a port that another program has locked, or opened for itself alone."""
GONE: Final = (OSError, ValueError, termios.error)
"""What opening and setting a port may raise; pyserial's own error is an OSError."""


class InUseError(OSError):
    """Another program has the port; the message says which port, and how to find that program."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is in use by another program; see which with: sudo fuser -v {path}"
            " (the agent itself? sudo systemctl stop chekomat-edge)"
        )


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass read, port by port, and when: seconds of CLOCK_BOOTTIME."""

    at: float
    data: tuple[bytes, ...]


def check(path: str) -> None:
    """See that a port is there before anything is built upon it.

    Raises:
        FileNotFoundError, PermissionError: it is not there, or not for this user.
        InUseError: another program has it.
        ValueError: it is no serial port. Each message names the port and what to look at.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116, an empty path must not become "."
    except OSError as error:
        raise FileNotFoundError(
            f"there is no port {path!r}; expected a device such as /dev/ttyACM0 or"
            " /dev/serial/by-id/…: is the adapter plugged in, is the UART enabled?"
        ) from error
    if not stat.S_ISCHR(mode):
        raise ValueError(f"{path!r} is no serial port; expected a device such as /dev/ttyACM0")
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(
            f"the port {path!r} may not be opened by this user; is it in the group that owns the"
            " port (usually dialout)?"
        )
    _see_that_it_is_free(path)


def _see_that_it_is_free(path: str) -> None:
    """Lock the port and let go again. What else is wrong with it is left to the real opening."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in BUSY:
            raise InUseError(path) from error


def waits_for_a_byte(descriptor: int) -> None:
    """Make "nothing there" and "end of file" two answers: with VMIN 0 both are an empty read."""
    attributes = termios.tcgetattr(descriptor)
    attributes[6][termios.VMIN] = 1
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


class Ports:
    """One tap's ports. `arrange` sets a descriptor's terminal after pyserial has had its say."""

    def __init__(
        self,
        paths: Sequence[str],
        baud: int,
        *,
        parity: str = serial.PARITY_NONE,
        arrange: Callable[[int], None] = waits_for_a_byte,
    ) -> None:
        self.name = ",".join(paths)
        self._paths = tuple(paths)
        self._baud = baud
        self._parity = parity
        self._arrange = arrange
        self._open: list[serial.Serial] = []
        self._heard: deque[Pass] = deque()
        self._arrived = asyncio.Event()
        self._lost = False
        self._mourned = False
        self._told_busy = False
        self._pause = 0.0

    async def open(self) -> None:
        """Open every port, however long it takes; what was unread is gone."""
        self.close()
        while True:
            if self._pause:
                await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            try:
                for path in self._paths:
                    self._open_one(path)
            except GONE as error:
                self.lose(error)
                self.close()
            else:
                break
        loop = asyncio.get_running_loop()
        for each in self._open:
            loop.add_reader(each.fileno(), self._read)

    async def passes(self, tick_s: float) -> AsyncIterator[Pass]:
        """Every pass that read something, and an empty one when `tick_s` went by. Ends at a loss."""
        while True:
            while self._heard:
                yield self._heard.popleft()
            if self._lost:
                return
            self._arrived.clear()
            try:
                async with asyncio.timeout(tick_s):
                    await self._arrived.wait()
            except TimeoutError:
                self._read(tick=True)

    def write(self, said: bytes) -> None:
        """Say something to the adapter at the first port; one that does not take it is lost."""
        try:
            taken = os.write(self._open[0].fileno(), said)
        except OSError as error:
            self.lose(error)
        else:
            if taken != len(said):
                self.lose("it takes no bytes")

    async def knock(self) -> None:
        """Let go of DTR for a moment: adapters begin anew. A port that has none is left alone."""
        for level in (False, True):
            with contextlib.suppress(*GONE):
                self._open[0].dtr = level
            await asyncio.sleep(DTR_S)

    def lose(self, reason: object) -> None:
        """Read no more; `passes` ends when what was read before is taken."""
        if isinstance(reason, InUseError):
            if not self._told_busy:
                log.warning("%s; it is opened as soon as it is free", reason)
            self._told_busy = True
        elif not self._mourned:
            log.warning(
                "%s is lost (%s); it is opened again as soon as it is there", self.name, reason
            )
        self._mourned = self._lost = True
        self._arrived.set()
        self._stop_reading()

    def close(self) -> None:
        """Close what is open and forget what was read."""
        self._stop_reading()
        for each in self._open:
            with contextlib.suppress(*GONE):
                each.reset_output_buffer()  # else closing waits for a device that is not there
            with contextlib.suppress(*GONE):
                each.close()
        self._open.clear()
        self._heard.clear()
        self._arrived.clear()
        self._lost = False

    def _open_one(self, path: str) -> None:
        try:
            port = serial.Serial(path, self._baud, parity=self._parity, timeout=0, exclusive=True)
        except serial.SerialException as error:
            if error.errno in BUSY:
                raise InUseError(path) from error
            raise
        self._open.append(port)
        self._arrange(port.fileno())

    def _read(self, *, tick: bool = False) -> None:
        """Read every port once."""
        if self._lost:
            return
        at = time.clock_gettime(time.CLOCK_BOOTTIME)
        data: list[bytes] = []
        for each in self._open:
            read = b""
            try:
                read = os.read(each.fileno(), CHUNK)
                if not read:
                    self.lose("end of file")
            except BlockingIOError:
                pass
            except OSError as error:
                self.lose(error)
            data.append(read)
        if any(data):
            self._back()
        if tick or any(data):
            self._heard.append(Pass(at, tuple(data)))
        if len(self._heard) > BACKLOG:
            self.lose("nobody takes what is read")
        self._arrived.set()

    def _back(self) -> None:
        self._pause = 0.0
        if self._mourned and not self._lost:
            log.warning("%s is heard again", self.name)
            self._mourned = self._told_busy = False

    def _stop_reading(self) -> None:
        with contextlib.suppress(RuntimeError):  # no loop: nothing was being read
            loop = asyncio.get_running_loop()
            for each in self._open:
                if each.is_open:
                    loop.remove_reader(each.fileno())

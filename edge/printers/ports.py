"""Ports: bytes to a device and back, with an end to every wait. For a thread, not for the loop.

USB, serial and network printers are all a file descriptor here: what differs is how it is opened.
"""

import contextlib
import fcntl
import os
import select
import struct
import termios
import time
from collections.abc import Callable
from typing import Final

from edge.printers import PrinterLostError

CHUNK: Final = 4096
PAUSE_S: Final = 0.02
_GONE: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Port:
    """An open descriptor, made non-blocking.

    `forget` throws away what was written and not taken: it must not be printed tomorrow, and a
    serial port would wait for it while it is closed. `reads_empty` says that a read of nothing is
    no end: the USB printer class answers so.
    """

    def __init__(
        self,
        descriptor: int,
        close: Callable[[], None],
        *,
        forget: Callable[[], None] = lambda: None,
        reads_empty: bool = False,
    ) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._close = close
        self._forget = forget
        self._reads_empty = reads_empty

    def write(self, commands: bytes, patience_s: float) -> None:
        """Write all of it; the kernel may still hold some.

        Raises:
            PrinterLostError: it is gone, or took nothing for `patience_s`.
        """
        sent = 0
        try:
            while sent < len(commands):
                if not self._wait(select.POLLOUT, patience_s):
                    raise PrinterLostError("the printer takes no more", sent)
                try:
                    sent += os.write(self._descriptor, commands[sent : sent + CHUNK])
                except BlockingIOError:
                    time.sleep(PAUSE_S)
        except OSError as error:
            raise PrinterLostError(_reason(error), sent) from error

    def drain(self, written: int, patience_s: float) -> None:
        """Wait until the device has taken what was written, if the kernel tells.

        Raises:
            PrinterLostError: it is gone, or took nothing for `patience_s`.
        """
        queued, since = self._queued(), time.monotonic()
        while queued:
            time.sleep(PAUSE_S)
            try:
                self._wait(0, 0)  # of nothing but its end
            except PrinterLostError as error:
                raise PrinterLostError(str(error), max(1, written - queued)) from error
            now = self._queued()
            if now < queued:
                queued, since = now, time.monotonic()
            elif time.monotonic() - since > patience_s:
                raise PrinterLostError("the printer takes no more", max(1, written - now))

    def read(self, patience_s: float) -> bytes:
        """What has arrived, or arrives within the time; nothing is silence.

        Raises:
            PrinterLostError: it is gone.
        """
        deadline = time.monotonic() + patience_s
        try:
            while True:
                left = deadline - time.monotonic()
                if not self._wait(select.POLLIN, max(0.0, left)):
                    return b""
                try:
                    received = os.read(self._descriptor, CHUNK)
                except BlockingIOError:
                    received = b""
                else:
                    if not received and not self._reads_empty:
                        raise PrinterLostError("the printer closed the connection")
                if received or left <= 0:
                    return received
                time.sleep(PAUSE_S)
        except OSError as error:
            raise PrinterLostError(_reason(error)) from error

    def close(self, *, forget: bool = False) -> None:
        """Close it; with `forget`, what the kernel still holds is lost."""
        if forget:
            with contextlib.suppress(OSError, termios.error):
                self._forget()
        with contextlib.suppress(OSError):
            self._close()

    def _wait(self, event: int, patience_s: float) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, event)
        happened = poll.poll(patience_s * 1000)
        if happened and happened[0][1] & _GONE and not happened[0][1] & event:
            raise PrinterLostError("the printer is gone")
        return bool(happened)

    def _queued(self) -> int:
        """Bytes written and not yet taken: of a terminal, and of a connection, the same question."""
        try:
            answer = fcntl.ioctl(self._descriptor, termios.TIOCOUTQ, b"\0" * 4)
        except OSError:
            return 0  # this kind of device does not tell
        return int(struct.unpack("i", answer)[0])


def _reason(error: OSError) -> str:
    return error.strerror or str(error)

"""A serial port that is none: a pty that speaks to whoever opens it.

Nothing is said while nobody has the port open, and nothing is thrown away because a reader is slow:
who plays waits.
"""

import contextlib
import errno
import fcntl
import os
import pty
import select
import struct
import termios
import time
import tty
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, Self

from mdb.byte import Signal
from mdb.tools.mistake import MistakeError
from mdb.virtual.speech import Lines, Qibixx, Speech

SPEECHES: Final[dict[str, type[Lines | Qibixx]]] = {"lines": Lines, "qibixx": Qibixx}
OPENING_S: Final = 0.2
"""From the opening to the first word: whoever opens a port throws away what waits in it."""
LOOK_S: Final = 0.05
"""How often it is looked whether somebody has come; the kernel does not tell."""
DRAINED: Final = 4
"""Looks that find nothing unread, one after another, before the port is taken away."""


class Ear(Protocol):
    """Something else to listen to while the port waits, such as a keyboard."""

    def fileno(self) -> int:
        """What to wait for."""
        ...

    def ready(self) -> None:
        """There is something to read."""

    @property
    def switched_off(self) -> bool:
        """Whether it has heard enough: it is listened to no more, and nobody is waited for."""
        ...


class PseudoPort:
    """The port. `link` is a symbolic link to it, made and taken away again."""

    def __init__(self, speech: Speech, link: Path | None = None, ear: Ear | None = None) -> None:
        self.speech = speech
        self.link = link
        self._ear = ear
        self._end, other = pty.openpty()
        tty.setraw(other)
        self.path = os.ttyname(other)
        os.close(other)
        os.set_blocking(self._end, False)
        self._half = b""
        self._opened: float | None = None
        self._here = False
        self._said_at: float | None = None
        """Bus time of what was said last."""

    def __enter__(self) -> Self:
        """Make the link.

        Raises:
            MistakeError: something else has its name, or it leads to what is there. A link that
                leads nowhere, or here, was left by a port that has gone, and is taken over.
        """
        if self.link:
            try:
                if self.link.is_symlink():
                    self._take_over(self.link)
                self.link.symlink_to(self.path)
            except OSError as error:
                os.close(self._end)
                raise MistakeError(f"--link {self.link}: {error.strerror}") from error
            except MistakeError:
                os.close(self._end)
                raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.link and self.link.is_symlink() and str(self.link.readlink()) == self.path:
            self.link.unlink()
        os.close(self._end)

    def _take_over(self, link: Path) -> None:
        leads = str(link.readlink())
        if leads != self.path and link.exists():
            raise MistakeError(
                f"--link {link} leads to {leads}, which is in use; name another PATH, or remove the"
                f" link if nobody speaks there any more: rm {link}"
            )
        link.unlink()

    def listening(self) -> bool:
        """Whether somebody has the port open and wants to be told."""
        return self._here and self.speech.speaking

    def play(self, blocks: Iterable[Sequence[Signal]], pace: float) -> Iterator[int]:
        """Say blocks when their time has come; after each, how many have been said.

        Ends early where nobody listens and the ear is switched off.

        Args:
            blocks: what was heard together.
            pace: times as fast as the bus; 0 for at once.
        """
        for number, block in enumerate(blocks, 1):
            if block and self._said_at is not None and pace:
                self.wait(max(0.0, block[0].at - self._said_at) / pace)
            self._said_at = block[-1].at if block else self._said_at
            if not self.until_listening():
                return
            for signal in block:
                self._say(self.speech.said(signal))
            yield number
        self._say(self.speech.flush())

    def until_listening(self) -> bool:
        """Wait for somebody; whether somebody came before the ear was switched off."""
        self._look(0.0)
        while not self.listening():
            if self._unwanted():
                return False
            self._look(LOOK_S)
        return True

    def wait(self, seconds: float) -> None:
        """Listen to the host meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._look(left)

    def drain(self) -> None:
        """Wait until the reader has read everything, or has gone."""
        quiet = 0
        while quiet < DRAINED and self._here:
            quiet = 0 if self._unread() else quiet + 1
            self._look(LOOK_S)

    def _say(self, lines: Iterable[str]) -> None:
        left = "".join(f"{line}\n" for line in lines).encode("ascii")
        while left:
            try:
                left = left[os.write(self._end, left) :]
            except BlockingIOError:
                if self._unwanted():
                    return
                self._look(LOOK_S, select.POLLOUT)

    def _unwanted(self) -> bool:
        """Whether nobody listens and nobody is waited for."""
        return self._ear is not None and self._ear.switched_off and not self.listening()

    def _look(self, seconds: float, also: int = 0) -> None:
        """Wait for the host, the ear or the time, whichever comes first."""
        poll = select.poll()
        if self._ear and not self._ear.switched_off:  # at its end it would be "ready" for ever
            poll.register(self._ear.fileno(), select.POLLIN)
        # A port nobody has open is always "ready" with HUP: it is looked at, and not waited for.
        if self._somebody_is_here():
            poll.register(self._end, select.POLLIN | also)
        wait = seconds if self._here else min(seconds, LOOK_S)
        for number, _ in poll.poll(wait * 1000):
            if number == self._end:
                self._hear()
            elif self._ear:
                self._ear.ready()

    def _somebody_is_here(self) -> bool:
        poll = select.poll()
        poll.register(self._end, 0)
        gone = any(event & select.POLLHUP for _, event in poll.poll(0))
        if gone:
            self._opened, self._here, self._half = None, False, b""
            self.speech.closed()
        elif self._opened is None:
            self._opened = time.monotonic()
        else:
            self._here = time.monotonic() - self._opened >= OPENING_S
        return not gone

    def _hear(self) -> None:
        try:
            heard = os.read(self._end, 4096)
        except OSError as error:
            if error.errno not in {errno.EIO, errno.EAGAIN}:
                raise
            return
        *lines, self._half = (self._half + heard).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._say(self.speech.heard(line.decode("ascii", "replace")))

    def _unread(self) -> bool:
        with contextlib.suppress(OSError):
            other = os.open(self.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                told = fcntl.ioctl(other, termios.FIONREAD, b"\0" * 4)
            finally:
                os.close(other)
            return bool(struct.unpack("i", told)[0])
        return False

"""A receipt printer: takes ESC/POS, keeps what it printed, answers DLE EOT even where it cannot print.

It is real at the seam: a pseudo-terminal behind a name that stays, or a TCP port. Paper may end in
the middle of a slip, the cover may stand open, the cable may be pulled, it may say nothing at all.
"""

import contextlib
import select
import socket
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boards.outlet import Socket
from parts import free_port

from edge.printers.escpos import CLEAR, RESET
from edge.printers.paper import Roll
from edge.printers.profiles import PROFILES, Profile

MEMORY = 64 * 1024


class Thermal:
    """The printer's inside, whatever it is plugged into."""

    def __init__(self, profile: Profile = PROFILES["generic-58"]) -> None:
        self.profile = profile
        self.has_paper = True
        self.nearly_out = False
        self.cover_open = False
        self.jammed = False
        self.silent = False
        self.memory = MEMORY
        self.printed = bytearray()
        self.waiting = bytearray()
        self.asked: list[int] = []
        self.paper_for: int | None = None
        """Paper ends when so many more bytes were printed."""
        self.cable_for: int | None = None
        """The cable is pulled when so many more bytes came in."""
        self.bytes_a_turn = 1 << 20
        """How much it prints at once: a slow one little."""
        self._half = b""

    @property
    def sheets(self) -> list[bytes]:
        """What was printed, slip by slip; the last one may be half of one."""
        return [RESET + each for each in bytes(self.printed).split(RESET)[1:]]

    def roll(self, number: int) -> Roll:
        """One of them, looked at."""
        roll = Roll(self.profile)
        roll.print(self.sheets[number])
        return roll

    @property
    def room(self) -> int:
        return self.memory - len(self.waiting)

    @property
    def _stopped(self) -> bool:
        return not self.has_paper or self.cover_open or self.jammed

    def take(self, received: bytes) -> bytes:
        """Bytes come in; the answers that go out at once."""
        received, self._half = self._half + received, b""
        answers = bytearray()
        while received:
            before, dle, after = received.partition(b"\x10")
            self.waiting += before
            if not dle:
                break
            whole = dle + after
            if len(whole) < 3 or (whole[1] == 0x14 and len(whole) < len(CLEAR)):
                self._half = whole
                break
            if whole.startswith(CLEAR):
                self.waiting.clear()
                received = whole[len(CLEAR) :]
                continue
            assert whole[1] == 4, f"a printer would obey {whole[:3].hex(' ')} inside a picture"
            self.asked.append(whole[2])
            if not self.silent:
                answers.append(self._answer(whole[2]))
            received = whole[3:]
        return bytes(answers)

    def _answer(self, question: int) -> int:
        bits = {
            1: 0x08 * self._stopped,
            2: 0x04 * self.cover_open | 0x20 * (not self.has_paper) | 0x40 * self.jammed,
            3: 0x08 * self.jammed,
            4: 0x60 * (not self.has_paper) | 0x0C * (self.nearly_out or not self.has_paper),
        }
        return 0x12 | bits[question]

    def turn(self) -> None:
        """Print some of what waits."""
        if self._stopped or not self.waiting:
            return
        most = min(self.bytes_a_turn, len(self.waiting))
        if self.paper_for is not None:
            most = min(most, self.paper_for)
            self.paper_for -= most
            if not self.paper_for:
                self.paper_for, self.has_paper = None, False
        self.printed += self.waiting[:most]
        del self.waiting[:most]

    def pulls_cable(self, received: int) -> bool:
        if self.cable_for is None:
            return False
        self.cable_for -= received
        if self.cable_for > 0:
            return False
        self.cable_for = None
        return True

    def forget(self) -> None:
        """Its power is gone."""
        self.waiting.clear()
        self._half = b""


class Tty:
    """A pseudo-terminal: of a USB or a serial printer."""

    def __init__(self, printer: Thermal, path: Path) -> None:
        self.printer = printer
        self.path = path
        self._lock = threading.Lock()
        self._socket = Socket(path)
        self._plugged = False

    def plug(self) -> None:
        with self._lock:
            self._socket.plug()
            tty.setraw(self._socket.end)
            self._plugged = True

    def unplug(self) -> None:
        with self._lock:
            self._pull()

    def _pull(self) -> None:
        self._plugged = False
        self._socket.unplug()
        self.printer.forget()

    def turn(self) -> None:
        with self._lock:
            if not self._plugged:
                return
            received = self._read() if self.printer.room > 0 else b""
            answers = self.printer.take(received)
            if self.printer.pulls_cable(len(received)):
                self._pull()
            elif answers:
                with contextlib.suppress(OSError):  # the host does not wait for it any more
                    self._socket.write(answers)

    def _read(self) -> bytes:
        try:
            return self._socket.read()
        except OSError:
            return b""  # the host closed it between the look and the read

    def say(self, said: bytes) -> None:
        """Unasked."""
        with self._lock:
            self._socket.write(said)

    def close(self) -> None:
        self._socket.close()


class Tcp:
    """A port that serves one connection at a time, as printers do."""

    def __init__(self, printer: Thermal) -> None:
        self.printer = printer
        self.port = free_port()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._peer: socket.socket | None = None

    def plug(self) -> None:
        with self._lock:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # A printer's window is small: what it cannot take stays with the sender.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            listener.bind(("127.0.0.1", self.port))
            listener.listen(1)
            listener.setblocking(False)
            self._listener = listener

    def unplug(self) -> None:
        with self._lock:
            self._pull()

    def _pull(self) -> None:
        for each in (self._peer, self._listener):
            if each is not None:
                each.close()
        self._peer = self._listener = None
        self.printer.forget()

    @property
    def is_free(self) -> bool:
        """Nobody is connected: another program may be."""
        return self._peer is None

    def turn(self) -> None:
        with self._lock:
            if self._listener is None:
                return
            if self._peer is None:
                try:
                    self._peer, _ = self._listener.accept()
                except BlockingIOError:
                    return
                self._peer.setblocking(False)
            self._serve(self._peer)

    def _serve(self, peer: socket.socket) -> None:
        if self.printer.room <= 0 or not select.select([peer], [], [], 0)[0]:
            return
        try:
            received = peer.recv(2048)
        except ConnectionError:
            received = b""
        if not received:
            peer.close()
            self._peer = None
            return
        answers = self.printer.take(received)
        if self.printer.pulls_cable(len(received)):
            self._pull()
        elif answers:
            with contextlib.suppress(OSError):  # the host does not wait for it any more
                peer.sendall(answers)

    def close(self) -> None:
        self._pull()


@contextmanager
def switched_on(cable: Tty | Tcp) -> Iterator[Thermal]:
    """Plugged in, and alive in a thread of its own until the test ends."""
    ended = threading.Event()
    failed: list[BaseException] = []

    def live() -> None:
        try:
            while not ended.is_set():
                cable.turn()
                cable.printer.turn()
                time.sleep(0.001)
        except BaseException as error:
            failed.append(error)
            raise

    cable.plug()
    life = threading.Thread(target=live, name="thermal")
    life.start()
    try:
        yield cable.printer
    finally:
        ended.set()
        life.join()
        cable.close()
        assert not failed, failed

"""A Qibixx MDB Pi HAT or MDB-USB in sniff mode: ``qibixx:PORT``.

The adapter takes no part in the bus for what we tell it: `V` asks its version, `X,1` has it print
what it hears. It answers neither while it starts, and forgets `X,1` when it does.
"""

import re
from collections.abc import AsyncIterator
from enum import Enum, auto
from typing import Final

from mdb.byte import Signal
from mdb.qibixx import TICK_S, Order, Sniffed, parse
from mdb.taps.linewise import Linewise, Unreadable
from mdb.taps.port import Pass, Ports, check
from mdb.taps.seam import Seam
from mdb.taps.steady import Steady

BAUD: Final = 115_200
HOLD_S: Final = 0.2
"""How long a line waits for one that goes before it."""
WAKE_S: Final = 0.1
ANSWER_S: Final = 1.0
SILENCE_S: Final = 5.0
"""Longer than a VMC stays silent between polls, shorter than anybody should notice."""
PATIENCE: Final = 15
"""Questions in a row without an answer after which the port is opened anew."""

_REFUSED: Final = re.compile(r"[a-z],(NACK|NAK|ERR)\b.*")
_OTHER_TALK: Final = re.compile(r"[a-wyz],.*")


class Phase(Enum):
    """How far the adapter has been brought."""

    GREETING = auto()
    ASKING = auto()
    LISTENING = auto()


class Told(Enum):
    """What matters of what the adapter says, its silence included."""

    VERSION = auto()
    SNIFFING = auto()
    REFUSED = auto()
    SILENCE = auto()


VERSION: Final = b"V\n"
SNIFF: Final = b"X,1\n"
NOTHING: Final = b""

DIALOGUE: Final[dict[tuple[Phase, Told], tuple[Phase, bytes]]] = {
    (Phase.GREETING, Told.VERSION): (Phase.ASKING, SNIFF),
    (Phase.GREETING, Told.SILENCE): (Phase.GREETING, VERSION),
    (Phase.ASKING, Told.SNIFFING): (Phase.LISTENING, NOTHING),
    (Phase.ASKING, Told.SILENCE): (Phase.GREETING, VERSION),
    (Phase.LISTENING, Told.VERSION): (Phase.ASKING, SNIFF),  # it has started again
    (Phase.LISTENING, Told.REFUSED): (Phase.GREETING, NOTHING),  # asked again when silent
    (Phase.LISTENING, Told.SILENCE): (Phase.ASKING, SNIFF),
}
"""What is not here changes nothing and says nothing."""


class Host:
    """Our side of the talk with the adapter: when to say what. Reads no clock."""

    def __init__(self, now: float) -> None:
        self.phase = Phase.GREETING
        self.unanswered = 0
        self._since = now

    def hear(self, line: str, now: float) -> bytes:
        """Take a line that is no sniff line; return what to say."""
        if line.startswith("v,"):
            return self._take(Told.VERSION, now)
        if line == "x,ACK":
            return self._take(Told.SNIFFING, now)
        return self._take(Told.REFUSED, now) if _REFUSED.fullmatch(line) else NOTHING

    def sniffed(self, now: float) -> None:
        """A sniff line came: whoever sniffs is not silent."""
        if self.phase is Phase.LISTENING:
            self._since = now

    def elapsed(self, now: float) -> bytes:
        """Return what to say if the adapter has been silent for too long."""
        patience = SILENCE_S if self.phase is Phase.LISTENING else ANSWER_S
        return NOTHING if now - self._since < patience else self._take(Told.SILENCE, now)

    def _take(self, told: Told, now: float) -> bytes:
        self.unanswered = self.unanswered + 1 if told is Told.SILENCE else 0
        phase, said = DIALOGUE.get((self.phase, told), (self.phase, NOTHING))
        if said or phase is not self.phase:
            self._since = now
        self.phase = phase
        return said


class Qibixx:
    """The adapter as a tap.

    - It is asked to sniff until it does, and again whenever it is silent for 5 s or refuses.
    - Lines are put right by the adapter's counter, which may wrap or start again; each waits 0.2 s.
    - `at` is steady, in seconds of CLOCK_BOOTTIME; the bytes of one block have the same.
    - The adapter tells no bus reset, and keeps back blocks with a wrong checksum.
    - A line that cannot be read is counted, logged now and then, and skipped.
    - A port that is lost is opened again; nothing is handed over then until the VMC begins a block.
    """

    vmc_only = False

    def __init__(self, port: str) -> None:
        self._ports = Ports([port], BAUD)
        self._unreadable = Unreadable(port)
        self._clock = Steady()
        self._text = Linewise()
        self._order = Order()
        self._host = Host(0.0)

    @classmethod
    def open(cls, address: str) -> "Qibixx":
        """Read ``PORT``.

        Raises:
            ValueError: the address is no serial port.
            OSError: the port is not there, or not for this user.
        """
        if not address:
            raise ValueError("qibixx: no port is named; expected such as qibixx:/dev/ttyACM0")
        check(address)
        return cls(address)

    @property
    def unreadable(self) -> int:
        """How many lines could not be read so far."""
        return self._unreadable.count

    async def __aiter__(self) -> AsyncIterator[Signal]:
        """Yield what is heard, for ever."""
        seam = Seam()
        try:
            while True:
                await self._ports.open()
                await self._ports.knock()
                seam.cut()
                self._text, self._order, self._host = Linewise(), Order(), Host(float("-inf"))
                async for read in self._ports.passes(WAKE_S):
                    for signal in self._signals(self._take(read)):
                        for whole in seam.join(signal):
                            yield whole
                for signal in self._signals(self._order.flush()):
                    for whole in seam.join(signal):
                        yield whole
        finally:
            self._ports.close()

    def _take(self, read: Pass) -> list[Sniffed]:
        """Go on with the talk; return the lines whose turn has come."""
        due: list[Sniffed] = []
        for line in self._text.feed(read.data[0]):
            sniffed = parse(line, read.at)
            if sniffed is not None and sniffed.signals:
                due += self._order.add(sniffed)
                self._host.sniffed(read.at)
                continue
            self._ports_say(self._host.hear(line, read.at))
            if line != "x,ACK" and not _OTHER_TALK.fullmatch(line):
                self._unreadable.add(line)
        self._ports_say(self._host.elapsed(read.at))
        if self._host.unanswered > PATIENCE:
            self._ports.lose("it does not answer")
        return [*due, *self._order.heard_by(read.at - HOLD_S)]

    def _ports_say(self, said: bytes) -> None:
        if said:
            self._ports.write(said)

    def _signals(self, lines: list[Sniffed]) -> list[Signal]:
        return [
            signal._replace(at=at)
            for line in lines
            for at in (self._clock.at(line.tick * TICK_S, line.heard),)
            for signal in line.signals
        ]

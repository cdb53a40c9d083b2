"""A peripheral's side of the link (MDB 4.2, section 2.2): what every device has in common.

- A command is acted upon when it is answered, once: repeated before anything else was said to this
  device, it gets the same answer and is not done again.
- An answer whose ACK was not heard is said again at the next POLL, or at once after RET.
- A damaged block is ignored.
"""

from collections import deque
from collections.abc import Iterable
from typing import ClassVar, Final

from mdb.block import MAX_BLOCK

Messages = tuple[bytes, ...]
"""What one answer holds; none is an ACK."""
ACKNOWLEDGED: Final[Messages] = ()


class Peripheral:
    """A device on the bus. A subclass knows commands; this knows how to be heard."""

    poll: ClassVar[int] = 2
    """The POLL command's number."""
    just_reset: ClassVar[bytes] = b"\x00"
    room: ClassVar[int] = MAX_BLOCK - 1
    """Data bytes in an answer to POLL."""
    answers_later: ClassVar[bool] = True
    """An answer that was not heard may be fetched by a POLL; if not, by the command itself."""
    patience_s: ClassVar[float] = 5.0
    """How long the VMC waits for it (the maximum non-response time)."""

    def __init__(self, address: int, *, at_once: bool = False, several: bool = True) -> None:
        self.address = address
        self.silences = 0
        """How many commands it will not answer."""
        self._at_once = at_once
        self._several = several
        self._waiting: deque[bytes] = deque()
        self._said: Messages = ACKNOWLEDGED
        self._for_poll = True
        self._before = b""

    def hear(self, command: bytes) -> Messages | None:
        """Answer a command that came undamaged; None is silence."""
        if self.silences:
            self.silences -= 1
            return None
        if command == bytes([self.address | self.poll]):
            return self._answer_poll()
        if command == self._before:
            return self._said
        self._before = command
        if command == bytes([self.address]):
            self.restart()
            self._before = command
            return self._said
        self._lay_aside(command)
        answer = self.act(command)
        self._for_poll = answer is None
        if answer is not None:
            self._said = (answer,) if answer else ACKNOWLEDGED
        elif self._at_once and self._waiting:
            self._said = self.tell()
        return self._said

    def acknowledged(self) -> None:
        """The VMC's ACK was heard."""
        self.delivered(self._said)
        self._said, self._before = ACKNOWLEDGED, b""

    def restart(self) -> None:
        """RESET, a bus reset, or power: all is forgotten."""
        self._said, self._for_poll, self._before = ACKNOWLEDGED, True, b""
        self._waiting.clear()
        self._waiting.append(self.just_reset)
        self.forget()

    def say(self, *messages: bytes) -> None:
        """Have something to tell at the next occasion."""
        self._waiting.extend(messages)

    def tell(self) -> Messages:
        """What to answer a POLL: as many messages as fit, or one at a time."""
        told: list[bytes] = []
        while self._waiting and sum(map(len, told)) + len(self._waiting[0]) <= self.room:
            told.append(self._waiting.popleft())
            if not self._several or told[-1] == self.just_reset:
                break
        return tuple(told)

    def act(self, command: bytes) -> bytes | None:
        """Do a command. Bytes are its own answer (none: ACK), None leaves it to what is waiting."""
        raise NotImplementedError

    def forget(self) -> None:
        """Lose what a reset loses."""

    def delivered(self, messages: Messages) -> None:
        """The VMC has these."""

    def settles(self, command: bytes, said: Messages) -> bool:
        """Whether the command proves that the VMC has heard what it did not acknowledge."""
        del command, said
        return False

    def _answer_poll(self) -> Messages:
        self._before = b""
        if not self._for_poll:
            self._said = ACKNOWLEDGED
        if not self._said:
            self._said = self.tell()
        self._for_poll = True
        return self._said

    def _lay_aside(self, command: bytes) -> None:
        """What was said to no ACK comes again, unless the command shows that it was heard.

        Whoever sends a command after JUST RESET has heard that.
        """
        settled = self._said == (self.just_reset,) or self.settles(command, self._said)
        if self._for_poll and not settled:
            self._waiting.extendleft(reversed(self._said))
        self._said = ACKNOWLEDGED


def mask(bits: Iterable[bool]) -> bytes:
    """Sixteen flags, bit 0 first, as the two bytes of the bus."""
    return sum(1 << index for index, bit in enumerate(bits) if bit).to_bytes(2, "big")


def text(words: str, width: int) -> bytes:
    """ASCII, filled up with blanks."""
    return words.encode("ascii").ljust(width)[:width]

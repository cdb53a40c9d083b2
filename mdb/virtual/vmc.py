"""The VMC's side of the link (MDB 4.2, sections 2.2 and 2.5, appendix 3).

- A command that got no answer is said again until there is one, or the peripheral is given up.
- Data is acknowledged. Damaged data is answered by NAK or RET, or not at all.
- Coins and bills are asked for again at once: the same answer twice is one answer.
- A payout is never repeated blindly: whether it began is asked by a POLL.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from mdb.block import checksum
from mdb.byte import Line
from mdb.virtual.peripheral import ACKNOWLEDGED, Messages, Peripheral
from mdb.virtual.wire import Wire

ACK, NAK, RET = b"\x00", b"\xff", b"\xaa"
SILENCE_S: Final = 0.005
"""Nothing within that is no answer (3.2)."""
Retort = Literal["nak", "ret", "silence"]


class UnansweredError(Exception):
    """A peripheral said nothing for its maximum non-response time."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What the standard leaves to the maker of a VMC."""

    level: int = 3
    poll_s: float = 0.125
    motor_s: float = 1.0
    """From the approval to the goods."""
    retort: Retort = "nak"
    """What is said to damaged data."""
    repeat_s: float = 0.02
    """How long it waits before it repeats a command."""
    repoll_s: float = 0.02
    """App. 3: a second coin cannot fall so soon after the first."""
    others_between: bool = False
    """Whether the other peripherals are polled before a command is repeated."""
    polls_in_vend: bool = True
    coin_s: float = 0.0
    """Rounds of polling between two coins."""
    change_first: bool = True
    """Whether change is paid before CASH SALE is told."""
    tells_both: bool = True
    """Whether CASH SALE is told to every reader that wants it, or to the first only."""
    asks_paid_value: bool = False
    """Whether an alternative payout is watched by PAYOUT VALUE POLL, or by POLL alone."""
    asks_names: bool = True
    """Whether it asks for identifications (expansion commands)."""


class Vmc:
    """One who speaks, and hears what is answered."""

    def __init__(self, wire: Wire, habits: Habits) -> None:
        self.wire = wire
        self.habits = habits
        self.between: Callable[[Peripheral], None] = lambda _busy: None
        """Called while a command waits to be repeated, with whom it waits for."""
        self._heard_damaged = False

    def tell(self, to: Peripheral, *command: int) -> Messages:
        """Say a command until it is answered, and return the answer; no messages are an ACK.

        Raises:
            UnansweredError: the peripheral is silent for longer than it may be.
        """
        said, given_up = bytes(command), self.wire.now + to.patience_s
        while self.wire.now < given_up:
            answer = self.try_to_tell(to, said)
            if answer is not None:
                return answer
            if self._heard_damaged and to.answers_later:
                said = bytes([to.address | to.poll])
            self.wire.pause(self.habits.repeat_s)
            self.between(to)
        raise UnansweredError(f"{to.address:02X} does not answer {said.hex(' ').upper()}")

    def try_to_tell(self, to: Peripheral, command: bytes) -> Messages | None:
        """Say a command once; None if no good answer was heard."""
        self._heard_damaged = False
        block = command + bytes([checksum(command)])
        answer = to.hear(command) if self.wire.carry(Line.VMC, block) == block else None
        if answer is None:
            self.wire.pause(SILENCE_S)
            return None
        return self._listen(to, answer)

    def ask_money(self, to: Peripheral, is_money: Callable[[Messages], bool]) -> Iterable[Messages]:
        """Poll a changer or validator until it has no more money to tell; each report once."""
        heard = self.tell(to, to.address | to.poll)
        while is_money(heard):
            yield heard
            before = heard
            while heard == before:
                self.wire.pause(self.habits.repoll_s)
                heard = self.tell(to, to.address | to.poll)
        yield heard

    def pay(self, to: Peripheral, *command: int) -> None:
        """Say a payout; without an ACK, say it again only where a POLL finds nothing under way."""
        while self.try_to_tell(to, bytes(command)) is None:
            self.wire.pause(self.habits.repeat_s)
            if self.tell(to, to.address | to.poll):
                return

    def reset_bus(self, peripherals: Iterable[Peripheral]) -> None:
        """Hold the line: every peripheral starts anew."""
        self.wire.hold()
        for each in peripherals:
            each.restart()

    def _listen(self, to: Peripheral, answer: Messages) -> Messages | None:
        data = b"".join(answer)
        values = data + bytes([checksum(data)]) if answer else ACK
        while True:
            heard = self.wire.carry(Line.PERIPHERAL, values)
            if heard == values:
                if answer and self.wire.carry(Line.VMC, ACK) == ACK:
                    to.acknowledged()
                return answer
            if heard is None or answer == ACKNOWLEDGED or self.habits.retort == "silence":
                self.wire.pause(SILENCE_S)
                self._heard_damaged = heard is not None and answer != ACKNOWLEDGED
                return None
            retort = NAK if self.habits.retort == "nak" else RET
            if self.wire.carry(Line.VMC, retort) != RET:
                self._heard_damaged = True
                return None

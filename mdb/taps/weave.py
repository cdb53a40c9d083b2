"""Two lines of one bus, read through two descriptors, woven into the order of the bus.

The bus is half duplex and the VMC leads: it begins a block (mode bit), a peripheral may answer,
and the VMC acknowledges an answer of several bytes, never one of a single byte. So:

1. What an earlier pass read goes before what a later pass read.
2. What one pass read on both lines (we were late, and several turns waited) is put in order by
   what it is: an ACK, NAK or RET that follows a whole VMC block stands after the answer it is for;
   an answer stands after the first block it can belong to.

A VMC block with all that belongs to it, a turn, is given when it is over: the VMC has begun the
next one, or both lines are silent. Blocks that nobody answered, mixed in one pass with some that
were, cannot be told apart; the answer then goes to the first. No byte is lost or changed.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from mdb.block import Answer, checksum
from mdb.byte import Break, BusByte, Line, Signal

HOLD_S: Final = 0.02
"""How long after the VMC went on a straggler of the turn before may still be read."""
QUIET_S: Final = 0.06
"""A turn is over after that much silence: 20 ms to answer are tolerated, and 36 bytes last 41."""
SHORTEST: Final = 2
MOST: Final = 1000
"""Bytes held at most. Noise without an end is given as it came."""


@dataclass(frozen=True, slots=True)
class _Read:
    signal: Signal
    at: float


class Weave:
    """Holds the turns that are not over. Time is the caller's: the pass that read a byte."""

    def __init__(self) -> None:
        self._turns: deque[list[_Read]] = deque()
        self._answers: deque[list[_Read]] = deque()
        self._began = float("-inf")
        self._last = float("-inf")
        self._held = 0

    def add(self, signal: Signal, read_at: float) -> None:
        """Take what one line said; each line's own order is right already."""
        self._last = read_at
        self._held += 1
        each = _Read(signal, read_at)
        if isinstance(signal, BusByte) and signal.line is Line.PERIPHERAL:
            self._add_answer(each)
        elif not self._turns or isinstance(signal, Break) or signal.mode:
            self._turns.append([each])
            self._began = read_at
        else:
            self._turns[-1].append(each)

    def settle(self, now: float) -> list[Signal]:
        """What is over by now, in the order of the bus."""
        woven: list[_Read] = []
        while self._turns and self._is_over(now):
            woven += self._next_turn()
        if not self._turns and self._is_over(now):
            while self._answers:
                woven += self._answers.popleft()
        self._held -= len(woven)
        return [each.signal for each in woven]

    def flush(self) -> list[Signal]:
        """All of it: nothing more will come."""
        self._last = float("-inf")
        return self.settle(0.0)

    def _add_answer(self, each: _Read) -> None:
        """An answer ends with its mode bit; one that lost it, where the VMC went on."""
        under_way = self._answers[-1] if self._answers else None
        if under_way is None or _is_whole(under_way) or under_way[-1].at < self._began < each.at:
            self._answers.append([each])
        else:
            under_way.append(each)

    def _is_over(self, now: float) -> bool:
        went_on = len(self._turns) > 1 and now - self._turns[1][0].at >= HOLD_S
        return went_on or now - self._last >= QUIET_S or self._held > MOST

    def _next_turn(self) -> list[_Read]:
        """The first turn, and the answers that belong to it in their places."""
        turn = self._turns.popleft()
        woven: list[_Read] = []
        while self._answers and self._answers[0][-1].at < turn[0].at:
            woven += self._answers.popleft()
        acknowledged = _acknowledged(turn)
        given = taken = 0
        while self._is_next_answer_of(turn, taken):
            answer = self._answers.popleft()
            earliest = sum(each.at < answer[0].at for each in turn)
            latest = sum(each.at <= answer[-1].at for each in turn)
            likely = len(turn) - acknowledged + taken if len(answer) > 1 else len(turn)
            place = max(given, min(max(likely, earliest), latest))
            woven += turn[given:place] + answer
            given, taken = place, taken + 1
        return woven + turn[given:]

    def _is_next_answer_of(self, turn: list[_Read], taken: int) -> bool:
        """Whether the next answer belongs to a turn that has taken so many."""
        if not self._answers:
            return False
        following = self._turns[0] if self._turns else None
        answer = self._answers[0]
        if following is None or answer[0].at < following[0].at:
            return True
        if answer[0].at > following[0].at or isinstance(turn[0].signal, Break):
            return False
        acknowledged = _acknowledged(turn)
        if taken:
            return taken < acknowledged and len(answer) > 1
        long_ones = [each for each in self._answers if len(each) > 1]
        its_own = acknowledged or len(answer) == 1
        return bool(its_own or not _acknowledged(following) or long_ones != [answer])


def _is_whole(answer: list[_Read]) -> bool:
    last = answer[-1].signal
    return isinstance(last, BusByte) and last.mode


def _acknowledged(turn: list[_Read]) -> int:
    """How many bytes at a turn's end are the VMC's word on an answer: RET, …, then one more."""
    values = bytes(each.signal.value for each in turn if isinstance(each.signal, BusByte))
    for count in range(1, len(values) - SHORTEST + 1):
        command, singles = values[:-count], values[-count:]
        if singles[-1] not in set(Answer) or any(each != Answer.RET for each in singles[:-1]):
            return 0
        if command[-1] == checksum(command[:-1]):
            return count
    return 0

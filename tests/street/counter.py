"""A vending machine with buyers, on the wire of a pseudo-terminal; its power can be cut.

The machine is `mdb.virtual`'s, which is written from the standard and knows nothing of the listener.
It speaks at the bus's own pace and sells one thing after another. What was on the bus is what was
written into the terminal: a deal of which the last byte was not written never was.
"""

import fcntl
import os
import pty
import random
import struct
import termios
import threading
import time
import tty
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from street.deals import Deal, End

from mdb.byte import BYTE_S, BusByte, Line, Signal
from mdb.taps.virtual import COINS, HABITS, TURNAROUND_S
from mdb.trace import Transcript
from mdb.virtual import card_dialogues, cash_dialogues
from mdb.virtual.bill_validator import ValidatorMake
from mdb.virtual.card_reader import APPROVED, VEND, ReaderMake
from mdb.virtual.machine import Machine, Make
from mdb.virtual.start_up import switch_on
from mdb.virtual.unit import TENTHS
from mdb.virtual.wire import Wire

ITEMS: Final = 3000
HEARD_S: Final = 0.2
IDLE_S: Final = 0.02
BUYERS: Final = {"card": 10, "cash": 4, "denied": 1, "cancelled": 1, "failed": 1}


class Port:
    """A pseudo-terminal; it stays when who listens is killed, as a USB adapter does."""

    def __init__(self) -> None:
        self._end, self._other = pty.openpty()
        tty.setraw(self._other)
        os.set_blocking(self._end, False)
        self.name = os.ttyname(self._other)
        self._read_at: float | None = None

    def listened_to_by(self, pid: int) -> bool:
        """Whether that process waits for this port's bytes: no glance at its log, and no guess."""
        try:
            mine = {
                each.name
                for each in Path(f"/proc/{pid}/fd").iterdir()
                if str(each.readlink()) == self.name
            }
            watched = [
                line.split()[1]
                for each in Path(f"/proc/{pid}/fdinfo").iterdir()
                for line in each.read_text("ascii").splitlines()
                if line.startswith("tfd:")
            ]
        except OSError:
            return False
        return bool(mine & set(watched))

    @property
    def unread(self) -> int:
        """Bytes that nobody has read yet."""
        (waiting,) = struct.unpack("i", fcntl.ioctl(self._other, termios.FIONREAD, b"\0" * 4))
        return int(waiting)

    @property
    def is_heard(self) -> bool:
        """Whether all was read, and a while ago: who reads has had its turn to hear it."""
        if self.unread:
            self._read_at = None
        elif self._read_at is None:
            self._read_at = time.monotonic()
        return self._read_at is not None and time.monotonic() - self._read_at > HEARD_S

    def write(self, said: bytes) -> None:
        self._read_at = None
        while said:
            said = said[os.write(self._end, said) :]

    def close(self) -> None:
        os.close(self._end)
        os.close(self._other)


@dataclass(slots=True)
class _Mark:
    """What is true of a deal once the bus has come to `at`."""

    at: float
    reached: Callable[[], None]


class Counter:
    """The machine and its buyers. `power_on` and `cut` as often as one likes; `deals` are its books."""

    def __init__(self, port: Port, seed: int) -> None:
        self.port = port
        self.deals: list[Deal] = []
        self._chance = random.Random(seed)
        self._turn = 0
        self._lock = threading.Lock()
        self._off = threading.Event()
        self._off.set()
        self._closing = threading.Event()
        self._idle = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None
        self._moments = 0
        self._then: Callable[[], Any] = bool

    def power_on(self) -> None:
        self._turn += 1
        self._off.clear()
        self._closing.clear()
        self._idle.clear()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def cut(self, at_that_instant: Callable[[], Any] = bool, *, heard: bool = False) -> None:
        """No further byte; what is called is called before one could be written."""
        with self._lock:
            at_that_instant()
            self._off.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._failed is not None:
            raise self._failed
        self._mark_last(heard=heard)

    def cut_at_moment(self, number: int, then: Callable[[], Any], patience_s: float) -> None:
        """Cut right behind the byte that approves or decides a deal, the so-manieth from now on."""
        with self._lock:
            self._moments, self._then = number, then
        self._off.wait(patience_s)
        self.cut(bool if self._off.is_set() else then)

    def close_up(self) -> None:
        """No more buyers: the last one is served, then the machine only polls."""
        self._closing.set()

    @property
    def is_on(self) -> bool:
        return not self._off.is_set()

    @property
    def is_idle(self) -> bool:
        """Whether the last buyer was served before it closed up."""
        return self._idle.is_set()

    def _mark_last(self, *, heard: bool) -> None:
        """The last deal that was decided, and all after it, may not have been heard."""
        turn = [deal for deal in self.deals if deal.turn == self._turn]
        for deal in turn:
            deal.heard = heard
        for deal in reversed(turn):
            deal.last = True
            if deal.over:
                return

    def _moment(self) -> None:
        self._moments -= 1
        if self._moments == 0:
            self._then()
            self._off.set()

    def _live(self) -> None:
        try:
            self._speak_on()
        except BaseException as error:  # noqa: BLE001, told to who cuts
            self._failed = error
            self._off.set()

    def _speak_on(self) -> None:
        prices: dict[str, int] = {}
        readers = (ReaderMake(level=1, unit=TENTHS, multivend=False),)
        make = Make(prices, readers, COINS, ValidatorMake(), habits=HABITS)
        machine = Machine(make, Wire(_now(), turnaround_s=TURNAROUND_S))
        if self._chance.random() < 0.5:
            machine.vmc.reset_bus(machine.peripherals)
        switch_on(machine)
        self._say(machine)
        while not self._off.is_set():
            machine.round()
            self._say(machine)
            if self._closing.is_set():
                self._idle.set()
            else:
                self._say(machine, *self._deal(machine))
            self._off.wait(self._chance.random() * IDLE_S)
            machine.wire.now = max(machine.wire.now, _now())

    def _deal(self, machine: Machine) -> tuple[Deal, list[_Mark]]:
        number = len(self.deals)
        how = self._chance.choices(list(BUYERS), list(BUYERS.values()))[0]
        item = f"{1 + number % ITEMS:04x}"
        price = 1000 * (1 + number // ITEMS)
        end = End.SOLD if how in {"card", "cash"} else End.VOID
        deal = Deal(number, item, price, how, end, self._turn)
        machine.make.prices[item] = price
        marks = [_Mark(machine.wire.now, lambda: self.deals.append(deal))]

        def reached(name: str) -> None:
            marks.append(_Mark(machine.wire.now, lambda: setattr(deal, name, True)))

        match how:
            case "cash":
                cash_dialogues.buy(machine, item)
                sold_at = machine.truth.vends[-1].at
                marks.append(_Mark(sold_at, lambda: setattr(deal, "over", True)))
            case "denied" | "cancelled":
                play = card_dialogues.denied if how == "denied" else card_dialogues.cancelled
                play(machine, machine.reader(), item)
                reached("over")
            case _:
                reader = machine.reader()
                session = card_dialogues.Session(machine, reader)
                assert session.request(item, price, price)
                if how == "card":
                    session.succeed(item)
                else:
                    machine.tell(reader, VEND, 0x03)
                reached("over")
                session.end()
        return deal, marks

    def _say(self, machine: Machine, deal: Deal | None = None, marks: Sequence[_Mark] = ()) -> None:
        """Each block when its time has come, and the books with it."""
        waiting = deque(marks)
        for block in machine.wire.take():
            ended = block[-1].at + BYTE_S
            if self._off.wait(max(0.0, ended - _now())):
                return
            text = Transcript()
            lines = [line for each in block for line in text.feed(each)] + text.flush()
            with self._lock:
                if self._off.is_set():
                    return
                while waiting and waiting[0].at < ended - BYTE_S / 2:
                    waiting.popleft().reached()
                self.port.write("".join(f"{line}\n" for line in lines).encode())
                before = deal is not None and (deal.approved, deal.over)
                if deal is not None and _approves(block):
                    deal.approved = True
                while waiting and waiting[0].at <= ended + BYTE_S / 2:
                    waiting.popleft().reached()
                if deal is not None and before != (deal.approved, deal.over):
                    self._moment()
        with self._lock:
            for mark in waiting if not self._off.is_set() else ():
                mark.reached()


def _approves(block: Sequence[Signal]) -> bool:
    """VEND APPROVED, as a level 1 reader says it: the code, two bytes of money, the checksum."""
    told = [each for each in block if isinstance(each, BusByte)]
    return len(told) == 4 and told[0].line is Line.PERIPHERAL and told[0].value == APPROVED


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)

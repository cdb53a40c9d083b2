"""A machine with few slots, each deal at a price of its own; and the wire that waits for a reader.

`street.counter`, but for what a deal is called: the fleet has to know what is in a slot, so there
are few of them, and the price tells one deal from all others of its machine.
"""

import time
from collections.abc import Sequence
from typing import Final

from street.counter import BUYERS, Counter, Port, _Mark
from street.deals import Deal, End

from mdb.virtual import card_dialogues, cash_dialogues
from mdb.virtual.card_reader import VEND
from mdb.virtual.machine import Machine

SLOTS: Final = tuple(f"{number:04x}" for number in range(1, 13))
CHEAPEST, STEP = 1000, 10
PATIENT: Final = 1024
"""So many bytes may wait to be read; then the adapter holds the rest back."""
PATIENCE_S: Final = 60.0


class PatientPort(Port):
    """What is said while the reader stands still is held back, as a microcontroller's memory does."""

    def write(self, said: bytes) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.unread > PATIENT:
            assert time.monotonic() < deadline, "nobody reads the bus"
            time.sleep(0.005)
        super().write(said)


class Buyers(Counter):
    """They come with pauses of up to `pause_s`."""

    def __init__(self, port: Port, seed: int, pause_s: float) -> None:
        super().__init__(port, seed)
        self._pause_s = pause_s

    def _deal(self, machine: Machine) -> tuple[Deal, list[_Mark]]:
        self._off.wait(self._chance.random() * self._pause_s)
        machine.wire.now = max(machine.wire.now, time.clock_gettime(time.CLOCK_BOOTTIME))
        number = len(self.deals)
        how = self._chance.choices(list(BUYERS), list(BUYERS.values()))[0]
        item, price = SLOTS[number % len(SLOTS)], CHEAPEST + STEP * number
        end = End.SOLD if how in {"card", "cash"} else End.VOID
        deal = Deal(number, item, price, how, end, self._turn)
        machine.make.prices[item] = price
        begins = _Mark(machine.wire.now, lambda: self.deals.append(deal))
        over = _Mark(_decided(machine, deal), lambda: setattr(deal, "over", True))
        return deal, [begins, over]


def _decided(machine: Machine, deal: Deal) -> float:
    """Play the deal; when the byte was said that decides it."""
    match deal.how:
        case "cash":
            cash_dialogues.buy(machine, deal.item)
            return machine.truth.vends[-1].at
        case "denied" | "cancelled" as way:
            play = card_dialogues.denied if way == "denied" else card_dialogues.cancelled
            play(machine, machine.reader(), deal.item)
            return machine.wire.now
        case _:
            reader = machine.reader()
            session = card_dialogues.Session(machine, reader)
            assert session.request(deal.item, deal.price, deal.price)
            if deal.how == "card":
                session.succeed(deal.item)
            else:
                machine.tell(reader, VEND, 0x03)
            over = machine.wire.now
            session.end()
            return over


def confirmed(deals: Sequence[Deal]) -> int:
    return sum(deal.over and deal.end is End.SOLD for deal in deals)

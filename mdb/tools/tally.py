"""Tally: what a listener has heard so far, in one line, and what looks wrong with it."""

from collections import Counter, deque
from typing import Final

from mdb.byte import Break, Line, Signal
from mdb.census import Census
from mdb.event import Sale
from mdb.money import Money
from mdb.sniffer import Heard

_WINDOW: Final = 8
"""Looks over which the rate is taken."""
_ENOUGH_BYTES: Final = 256
_ENOUGH_FAULTS: Final = 16


class Tally:
    """Counts bytes, exchanges, faults, sales and money; `now` is seconds of any steady clock.

    With `vmc_only` nobody expects to hear peripherals.
    """

    def __init__(self, *, vmc_only: bool = False) -> None:
        self._vmc_only = vmc_only
        self.census = Census()
        self.bytes: Counter[Line] = Counter()
        self.sales = 0
        self.money: Counter[str | None] = Counter()
        self.unpriced = 0
        self._looks: deque[tuple[float, int]] = deque(maxlen=_WINDOW)
        self._doubted: set[str] = set()

    def take(self, signal: Signal) -> None:
        """Count a byte."""
        if not isinstance(signal, Break):
            self.bytes[signal.line] += 1

    def hear(self, heard: Heard) -> None:
        """Count a settled piece of the conversation."""
        self.census.hear(heard)
        for event in heard.events:
            if isinstance(event, Sale):
                self.sales += 1
                if event.amount is None:
                    self.unpriced += 1
                else:
                    self.money[event.currency] += event.amount

    def rate(self, now: float) -> float:
        """Bytes a second lately: since some looks ago."""
        total = self.bytes.total()
        self._looks.append((now, total))
        since, before = self._looks[0]
        return (total - before) / (now - since) if now > since else 0.0

    def words(self) -> str:
        """The whole of it."""
        exchanges = sum(row.exchanges for row in self.census.rows.values())
        sums = [str(Money(amount, currency)) for currency, amount in sorted_money(self.money)]
        if self.unpriced:
            sums.append(f"{self.unpriced} of unknown amount")
        money = f", {' + '.join(sums)}" if sums else ""
        return (
            f"bytes {self.bytes.total()}, exchanges {exchanges},"
            f" faults {self.census.faults.total()}, sales {self.sales}{money}"
        )

    def doubt(self) -> str | None:
        """What looks wrong with the wires, each doubt once."""
        if self.bytes.total() < _ENOUGH_BYTES:
            return None
        answers = sum(row.answers for row in self.census.rows.values())
        if not self.bytes[Line.PERIPHERAL] and not self._vmc_only:
            return self._once(
                "only the VMC is heard: is the peripherals' line (pin 4, Master Receive) connected?"
                " Without it most of what is said stays unknown"
            )
        if not self.bytes[Line.VMC]:
            return self._once(
                "only peripherals are heard: is the VMC's line (pin 5, Master Transmit) connected?"
            )
        if not answers and self.census.faults.total() >= _ENOUGH_FAULTS:
            return self._once(
                "bytes are heard, and none of them makes sense: are pins 4 and 5 swapped, is the"
                " signal inverted, or is the mode bit (the ninth bit) lost on the way?"
            )
        return None

    def _once(self, doubt: str) -> str | None:
        if doubt in self._doubted:
            return None
        self._doubted.add(doubt)
        return doubt


def sorted_money(money: Counter[str | None]) -> list[tuple[str | None, int]]:
    """Sums by currency, those of an unknown currency first."""
    return sorted(money.items(), key=lambda each: each[0] or "")

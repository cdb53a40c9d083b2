"""The onlooker: stands beside the machine and writes down what each picture showed, and to whom."""

import asyncio
from hashlib import sha256
from random import Random
from typing import Final

from simulation.deal import Deal
from simulation.process import Process
from simulation.showing import Showing, wrong_showings
from simulation.vending import Vending

from edge.buyer.picture import Picture
from edge.displays import Painted

__all__ = ["Glass", "Onlooker", "Showing", "wrong_showings"]

PAINTS_S: Final = (0.002, 0.02)
STAYS_S: Final = (20.0, 90.0)
"""How long a buyer stays at the machine once all is over."""


class Onlooker:
    """What was on the glass of one machine, through all lives of its edge."""

    def __init__(self, vending: Vending, chance: Random) -> None:
        self.vending = vending
        self.showings: list[Showing] = []
        """In order; of each picture that could be seen."""
        self.on_glass: Showing | None = None
        self.chance = chance
        self._patience = chance.getrandbits(32)

    @property
    def machine(self) -> str:
        return self.vending.name

    def glass(self, process: Process | None) -> "Glass":
        """The display of a new life, whose tap was made before; the glass itself is the same."""
        return Glass(self, process, self.vending.lives)

    def leaves_at(self, deal: Deal) -> float:
        """When its buyer goes away; for ever away before it is over, one is not."""
        if deal.over_at is None:
            return float("inf")
        stays = Random(f"{self._patience} {deal.number}").uniform(*STAYS_S)
        leaves = deal.over_at + stays
        deals = self.vending.deals
        following = deal.number + 1
        return min(leaves, deals[following].began_at) if following < len(deals) else leaves

    def turn_to(self, showing: Showing | None, now: float) -> None:
        """Something else is on the glass."""
        if self.on_glass is not None:
            self.on_glass.ended_at = now
        self.on_glass = showing
        if showing is not None:
            self.showings.append(showing)


class Glass:
    """A `Display` of one life. As a framebuffer's, its last picture stays when its process is dead."""

    panel = None

    def __init__(self, onlooker: Onlooker, process: Process | None, life: int) -> None:
        self._onlooker = onlooker
        self._process = process
        self._life = life
        self._loop = asyncio.get_running_loop()
        self._newest = 0
        if process is not None:
            process.at_death.append(self._freeze)

    @property
    def _alive(self) -> bool:
        return self._process is None or self._process.alive

    def show(self, picture: Picture, painted: Painted) -> None:
        """In a moment; as a step of the process, like its thread's."""
        if self._alive:
            self._newest += 1
            asked = self._loop.time()
            delay = self._onlooker.chance.uniform(*PAINTS_S)
            self._loop.call_later(delay, self._paint, self._newest, picture, painted, asked)

    def close(self) -> None:
        """Left clean."""
        self._newest += 1
        if self._alive and self._on_glass is not None:
            self._onlooker.turn_to(None, self._loop.time())

    @property
    def _on_glass(self) -> Showing | None:
        """What this life has put there."""
        on = self._onlooker.on_glass
        return on if on is not None and on.life == self._life else None

    def _paint(self, number: int, picture: Picture, painted: Painted, asked: float) -> None:
        if number != self._newest:
            return
        showing = Showing(
            life=self._life,
            kind=picture.kind,
            sale_id=picture.sale_id,
            rev=picture.rev,
            late=picture.late,
            product=picture.product,
            amount=picture.amount,
            code="" if picture.code is None else picture.code.text,
            asked_at=asked,
            began_at=self._loop.time(),
        )
        self._onlooker.turn_to(showing, showing.began_at)
        seen = f"{self._onlooker.machine} {len(self._onlooker.showings)}"
        painted(sha256(seen.encode()).hexdigest())

    def _freeze(self) -> None:
        on = self._on_glass
        if on is not None and on.frozen_at is None:
            on.frozen_at = self._loop.time()

"""What a glass showed, and whether a buyer could take it for something it is not.

The judge knows the machine's own books and what was on the glass; it does not ask the presenter.

**Allowed**, while somebody stands there:

* A resting picture, always.
* The picture of a sale, with its own amount and product, and with a fiscal code over its own sum. It
  begins with its sale, goes on from a picture of the same sale, or is the first of a new life within
  the law's forty seconds. It may stay for the next buyer's eyes until *his sale* is known to the edge,
  as a buyer who only begins takes nothing away; from then on it is gone.
* The same, marked as late: begun at a time when no vend was under way that the bus had told of
  (VEND REQUEST to the word that decides it). A newer word on the same receipt takes its place at
  any time. It is gone, too, when the next sale is known.

**What is known**: a sale whose last byte a living agent has taken from its tap, `tap.KNOWN_S` of its
own running time ago, and that it did conclude. A buyer with cash is not heard of before his CASH
SALE; what noise took from the tap, or what nobody listened to, nobody knows of.

**Not held against the presenter**: what a dead process left on the glass; and what falls into a span
that the world excuses, such as that of a disk which takes nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final, Protocol

from simulation.deal import Deal
from simulation.tap import KNOWN_S

STATUTORY_S: Final = 40.0
EARLY_S: Final = 1.0
"""An acknowledgement that the VMC missed and the tap did not is said again for so long at most."""
_SUM: Final = re.compile(r"(?:^|&)s=([0-9]+\.[0-9]{2})(?:&|$)")
SaleOf = Mapping[str, tuple[str, int]]
"""Machine and price by sale_id: which deal a sale is of. One that is not here has no known price, or
is in nobody's books any more."""
Spans = Sequence[tuple[float, float]]


@dataclass(slots=True, eq=False)
class Showing:
    """One picture on the glass. Times are the world's."""

    life: int
    """Of which life of the edge; as its tap is numbered."""
    kind: str
    sale_id: str | None
    asked_at: float
    """When the display was told to show it."""
    began_at: float
    """When it could be seen."""
    rev: int = 0
    late: bool = False
    product: str = ""
    amount: str = ""
    code: str = ""
    """What its code says; "": there is none."""
    ended_at: float | None = None
    frozen_at: float | None = None
    """When its process died, and left it there."""

    @property
    def until(self) -> float:
        """Until when its presenter could have taken it away."""
        times = [each for each in (self.ended_at, self.frozen_at) if each is not None]
        return min(times, default=float("inf"))

    def follows(self, before: "Showing") -> bool:
        """Whether it goes on with that sale, in the same life and the same way."""
        one = (before.life, before.sale_id, before.late, before.ended_at)
        return one == (self.life, self.sale_id, self.late, self.began_at)

    def __str__(self) -> str:
        late = "late " if self.late else ""
        until = f"{self.until:.3f}"
        return (
            f"{late}{self.kind} of {self.sale_id}, life {self.life}, {self.began_at:.3f}-{until} s"
        )


class Seen(Protocol):
    """An onlooker, as far as a judge must know it."""

    @property
    def machine(self) -> str: ...
    @property
    def showings(self) -> Sequence[Showing]: ...
    def leaves_at(self, deal: Deal) -> float: ...


def wrong_showings(
    onlooker: Seen,
    deals: Sequence[Deal],
    sale_of: SaleOf,
    products: Mapping[str, str] | None = None,
    excused: Spans = (),
) -> list[str]:
    """A line for each picture that was not allowed."""
    judge = _Judge(onlooker, deals, sale_of, products or {}, excused)
    return [f"{showing}: {why}" for showing, why in judge.objections()]


class _Judge:
    def __init__(
        self,
        onlooker: Seen,
        deals: Sequence[Deal],
        sale_of: SaleOf,
        products: Mapping[str, str],
        excused: Spans,
    ) -> None:
        self._showings = list(onlooker.showings)
        self._machine = onlooker.machine
        self._deals = [each for each in deals if each.machine == onlooker.machine]
        self._by_name = {each.name: each for each in self._deals}
        self._stands = [(each, each.began_at, onlooker.leaves_at(each)) for each in self._deals]
        self._sale_of = sale_of
        self._products = products
        self._excused = sorted(excused)
        concluded = set(sale_of.values())
        self._known = [
            (each, self._after_excuses(each.heard_at or 0.0, each.known_at))
            for each in self._deals
            if each.sold and not each.damaged and each.known_at and each.name in concluded
        ]

    def objections(self) -> Iterator[tuple[Showing, str]]:
        codes: dict[str, str] = {}
        run: Showing | None = None
        """The first picture of those that go on with one sale in one way."""
        opened: set[int] = set()
        """Lives that have shown the picture of a sale."""
        for before, showing in pairwise([None, *self._showings]):
            if showing is None or showing.sale_id is None:
                continue
            run = run if run and before and showing.follows(before) else showing
            first_of_life = run is not showing or showing.life not in opened
            opened.add(showing.life)
            deal = self._deal_of(showing)
            if deal is None:
                if showing.sale_id in self._sale_of or showing.amount or showing.kind == "ready":
                    yield showing, "it is of no deal of this machine"
                continue
            whose = codes.setdefault(showing.code, showing.sale_id) if showing.code else None
            wrong = (
                (f"its code was that of {whose}" if whose not in {None, showing.sale_id} else None)
                or self._wrong_words(showing, deal)
                or self._outlived(showing, deal)
                or (showing is run and self._wrong_beginning(showing, deal, first_of_life))
            )
            if wrong:
                yield showing, f"{wrong}; it is of {deal}"

    def _deal_of(self, showing: Showing) -> Deal | None:
        """By the books; what is in no book (its card was lost, say) by what it says itself."""
        said = re.sub(r"\D", "", showing.amount)
        by_words = self._machine, int(said or 0)
        return self._by_name.get(self._sale_of.get(showing.sale_id or "", by_words))

    def _wrong_words(self, showing: Showing, deal: Deal) -> str | None:
        if not (deal.sold or (deal.broken_off and deal.approved_at is not None)):
            return "nothing was sold"
        early = deal.decided_at is not None and showing.asked_at < deal.decided_at - EARLY_S
        if (
            early and not deal.damaged
        ):  # of what was heard badly, a party may know less than the tap
            return "it was not sold yet"
        said = re.sub(r"\D", "", showing.amount)
        if said != str(deal.price) and (showing.kind == "ready" or showing.amount):
            return f"it says {showing.amount!r}"
        if showing.product not in {"", self._products.get(deal.item, deal.item)}:
            return f"it says {showing.product!r}"
        if showing.kind == "ready":
            told = _SUM.search(showing.code)
            if told is None or Decimal(told[1]) * 100 != deal.price:
                return f"its code says {showing.code!r}"
        return None

    def _outlived(self, showing: Showing, deal: Deal) -> str | None:
        """Whether it was seen when the sale of a later buyer was known."""
        for later, known_at in self._known:
            begun_before = later.heard_at is not None and showing.asked_at < later.heard_at
            if later.number <= deal.number or (showing.late and not begun_before):
                continue
            for buyer, came, left in self._stands:
                seen = max(came, known_at, showing.began_at) < min(left, showing.until)
                if seen and buyer is not deal:
                    return f"seen by the buyer of {buyer.number}, {later.number} was known"
        return None

    def _wrong_beginning(self, showing: Showing, deal: Deal, first_of_life: bool) -> str | None:  # noqa: FBT001
        if showing.late:
            busy = [each for each in self._deals if _in_vend(each, showing)]
            return f"it began amid deal {busy[0].number}" if busy else None
        if deal.heard_at is None:
            return None
        known_at = deal.known_at or deal.heard_at + KNOWN_S
        if showing.asked_at <= self._after_excuses(deal.heard_at, known_at):
            return None
        if first_of_life and showing.asked_at < known_at + STATUTORY_S:
            return None
        # A screen that was free may still be given to it while the law wants it shown.
        latest = showing.until if showing.asked_at >= known_at + STATUTORY_S else showing.asked_at
        for buyer, came, left in self._stands:
            if buyer is not deal and came < latest and showing.began_at < left:
                return f"not marked as late, and seen by the buyer of {buyer.number}"
        return None

    def _after_excuses(self, since: float, until: float) -> float:
        """When something was known, if the time from hearing it is not excused."""
        for begun, ended in self._excused:
            if begun <= until and since <= ended:
                until = max(until, ended + KNOWN_S)
        return until


def _in_vend(deal: Deal, showing: Showing) -> bool:
    """Whether a vend was under way that this life had heard of when it told the display."""
    heard, at = deal.request_heard_at, showing.asked_at
    if heard is None or deal.damaged or deal.lives[0] != showing.life or heard >= at:
        return False
    ends = [each for each in (deal.decided_at, deal.over_at, deal.heard_at) if each is not None]
    return at < min(ends, default=float("inf"))

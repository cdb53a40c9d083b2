"""What happened at the machine's counter, and whether the cloud's books say the same.

The cases that are allowed, for a deal of the machine:

* **confirmed** (the last byte of what confirms it was on the bus): once in the inbox. Or, if power
  was cut behind it before the next deal was decided, or before anything of a later one was on the
  disk: once as `outcome_unknown` (its approval was on the disk), or nowhere: nobody had read its
  bytes, or it was on its way to a disk that had not taken them (`cut`). How many may be so at once
  is who counts them to say: one a round.
* **undecided** (power was cut between its beginning and that byte): never in the inbox; as
  `outcome_unknown` at most once.
* **void** (denied, cancelled or failed, to the last byte): nowhere; the last one before a cut may be
  `outcome_unknown` once, if it was approved before it failed.

Anything else is lost, doubled or a phantom. The machine here turns no motor: goods fall some
milliseconds behind the approval. A real one takes a second, and the approval is on the disk by then;
`test_crash_points.py` waits for that, and finds no vend by card missing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum

from edge.wire import Incident, Sale


class End(Enum):
    """How a deal ends if nothing is cut."""

    SOLD = "sold"
    VOID = "void"


@dataclass(slots=True)
class Deal:
    """One buyer's deal; item and price together are its name."""

    number: int
    item: str
    price: int
    how: str
    end: End
    turn: int
    """Which power-on of the machine it belongs to."""
    approved: bool = False
    over: bool = False
    """Whether the byte that decides it was on the bus."""
    last: bool = False
    """Whether power was cut before the next deal was decided."""
    heard: bool = False
    """Whether all of its turn had been read when power was cut, and the gateway was told to stop."""

    @property
    def name(self) -> tuple[str, int]:
        return self.item, self.price

    def __str__(self) -> str:
        state = "over" if self.over else "approved" if self.approved else "begun"
        last = ", the last before a cut" if self.last else ""
        return (
            f"deal {self.number}: {self.how} of {self.item} for {self.price}, turn {self.turn},"
            f" {state}{last}"
        )


@dataclass(slots=True)
class Verdict:
    """Counts of what became of the deals, and a line for each broken promise."""

    vends: int = 0
    in_inbox: int = 0
    unknown: int = 0
    """Confirmed, and told as `outcome_unknown`."""
    cut: int = 0
    """Confirmed, and nowhere: nobody had read its bytes, or the disk had not taken them."""
    cut_by_card: int = 0
    """Of these, by card: so near behind the approval that not even that was on the disk."""
    undecided: int = 0
    asked: int = 0
    """Of the undecided, how many were told as `outcome_unknown`."""
    lost: int = 0
    doubled: int = 0
    phantom: int = 0
    gaps: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.broken

    def told(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name != "broken"}


def judge(deals: Sequence[Deal], sales: Iterable[Sale], incidents: Iterable[Incident]) -> Verdict:
    """Hold the cloud's books against the machine's."""
    verdict, stored = Verdict(), list(sales)
    inbox = Counter((sale.item, sale.amount) for sale in stored)
    asked = Counter(
        (each.item, each.amount) for each in incidents if each.kind == "outcome_unknown"
    )
    kept = {deal.turn: deal.number for deal in deals if deal.name in inbox or deal.name in asked}
    for deal in deals:
        in_flight = deal.last or deal.number >= kept.get(deal.turn, 0)
        sold, times_asked = inbox.pop(deal.name, 0), asked.pop(deal.name, 0)
        _judge_one(verdict, deal, sold, times_asked, in_flight=in_flight)
    for name, count in inbox.items():
        verdict.phantom += count
        verdict.broken.append(f"phantom: {count} times {name} is in the inbox, nobody sold it")
    for name, count in asked.items():
        verdict.phantom += count
        verdict.broken.append(f"phantom: asked {count} times of {name}, nobody approved it")
    _judge_sequence(verdict, stored)
    return verdict


def _judge_one(verdict: Verdict, deal: Deal, sold: int, asked: int, *, in_flight: bool) -> None:
    def broken(what: str) -> None:
        setattr(verdict, what, getattr(verdict, what) + 1)
        verdict.broken.append(f"{what}: {deal}: in the inbox {sold}, asked of {asked} times")

    if sold + asked > 1:
        broken("doubled")
    elif not (deal.end is End.SOLD and deal.over):
        verdict.undecided += not deal.over
        verdict.asked += asked
        if sold or (asked and not (in_flight and deal.approved)):
            broken("phantom")
    else:
        verdict.vends += 1
        verdict.in_inbox += sold
        may_miss = in_flight and not deal.heard
        if sold:
            return
        if asked and may_miss:
            verdict.unknown += 1
        elif not asked and may_miss:
            verdict.cut += 1
            verdict.cut_by_card += deal.how == "card"
        else:
            broken("lost")


def _judge_sequence(verdict: Verdict, sales: Iterable[Sale]) -> None:
    """Every (epoch, seq) once and without a gap."""
    numbers: dict[str, list[int]] = {}
    for sale in sales:
        numbers.setdefault(sale.epoch, []).append(sale.seq)
    for epoch, found in numbers.items():
        wrong = set(range(1, max(found) + 1)).symmetric_difference(found)
        if wrong or len(found) != len(set(found)):
            verdict.gaps += 1
            verdict.broken.append(f"epoch {epoch}: gaps at {sorted(wrong)}, {len(found)} sales")

"""The checker: what the ledgers of those who were there say of each promise. Pure.

The machines' own truth, the provider's documents and what each glass showed are written by nobody
whom the promises bind. What the product itself wrote down counts only as a reason: a sale that has no
document must be one that nobody can have kept, and this says which those are.

- **not heard**: the agent did not run from the deal's beginning until it had read its last byte; the
  tap heard damage; or the agent died before it had had its time to act upon it (`tap.KNOWN_S`).
- **not kept**: the card took nothing from then until the agent died.
- **gone with its card**: the card was replaced, and on it the sale was still to be sent.

One that stands in attention has its reason there. Of the sales that the bus told whole that is so
only where the machine believed a wrong time of day, or where a new card had not heard yet what the
machine's money is: then a person is asked what to do with it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulation.tap import KNOWN_S

OF_THE_CLOCK: Final = {"late", "vat", "invalid"}
"""Why a sale of another day needs a hand."""
Name = tuple[str, int]
"""A deal by its machine and its price: no other deal of the machine has that."""


@dataclass(frozen=True, slots=True)
class Told:
    """A deal as the machine's books have it."""

    name: Name
    sold: bool
    broken_off: bool
    """The machine's power went behind its approval: whether goods fell nobody can know."""
    began_at: float
    heard_at: float | None
    """When the agent that had heard it from the beginning had read its last byte."""
    approval_known_at: float | None
    """When an agent had heard that it was approved, and had had its time to keep that."""
    known: bool
    """Whether that agent lived long enough after that to act upon it."""
    damaged: bool
    configured: bool = True
    """Whether the card knew what the machine's money is."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A document in the provider's ledger."""

    name: Name
    key: str
    income: bool
    paid: int
    """What was paid in all, by its tags of cash and cashless."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A sale as the cloud has it."""

    sale_id: str
    name: tuple[str, int | None]
    epoch: str
    seq: int
    disposition: str
    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Death:
    """The end of an agent's life. `lost` are the sales that were still to be sent, where its card
    went with it; `refusing_since` is since when its card took nothing."""

    machine: str
    at: float
    refusing_since: float | None = None
    lost: frozenset[int] = frozenset()
    card_gone: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All ledgers of a world."""

    deals: Sequence[Told]
    documents: Sequence[Recorded]
    kept: Sequence[Kept]
    deaths: Sequence[Death]
    epochs: Mapping[str, Sequence[str]]
    """Of every outbox that a machine began."""
    incidents: Sequence[tuple[str, str]]
    """Kind and machine, as the operator sees them."""
    put_back: frozenset[str] = frozenset()
    """Machines that were given an old card: it counts on from where it was."""
    in_use: Mapping[str, str] = field(default_factory=dict)
    """The outbox that each machine has in the end."""
    asked: Sequence[tuple[str, int | None]] = ()
    """Vends of which the operator was asked whether goods fell: machine and price."""
    untold: Sequence[str] = ()
    """Receipts that are issued, and that their machine does not have."""
    showings: Sequence[str] = ()
    """What a buyer saw that was not his, in words."""
    unsettled: str = ""
    wrong_clocks: frozenset[str] = frozenset()
    """Machines that believed a time of day that was not it; all of them where the cloud did."""


@dataclass(slots=True)
class Verdict:
    """Counts, and a line for each broken promise."""

    vends: int = 0
    receipts: int = 0
    excused: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def judge(seen: Evidence) -> Verdict:
    """Compare the ledgers."""
    verdict = Verdict(receipts=len(seen.documents))
    verdict.broken += [f"a wrong picture: {each}" for each in seen.showings]
    verdict.broken += [f"issued, and its machine was not told: {each}" for each in seen.untold]
    if seen.unsettled:
        verdict.broken.append(f"not settled: {seen.unsettled}")
    made: dict[Name, list[Recorded]] = defaultdict(list)
    for document in seen.documents:
        made[document.name].append(document)
        if document.paid != document.name[1]:
            verdict.broken.append(f"a sum that is not its payments': {document}")
        if not document.income:
            verdict.broken.append(f"a return that nobody asked for: {document}")
    known = {deal.name: deal for deal in seen.deals}
    for name, documents in made.items():
        if name not in known:
            verdict.broken.append(f"a document without a vend: {documents[0]}")
    for deal in seen.deals:
        _judge_deal(verdict, seen, deal, made.get(deal.name, []))
    verdict.broken += _sequences(seen)
    return verdict


def _judge_deal(
    verdict: Verdict, seen: Evidence, deal: Told, documents: Sequence[Recorded]
) -> None:
    if len(documents) > 1:
        keys = ", ".join(each.key for each in documents)
        verdict.broken.append(f"{len(documents)} documents for one vend: {deal}: {keys}")
    if not deal.sold:
        if documents and not deal.damaged and not deal.broken_off:
            verdict.broken.append(f"a document of what was not sold: {deal}")
        return
    verdict.vends += 1
    if documents:
        return
    reason = excuse(seen, deal)
    if reason:
        verdict.excused[reason] += 1
        if _is_silent(seen, deal):
            verdict.broken.append(f"approved, and nobody was asked how it ended: {deal}")
    else:
        verdict.broken.append(f"a vend without a document: {deal}{_fate(seen, deal)}")


def excuse(seen: Evidence, deal: Told) -> str:
    """Why nobody can have kept a deal; empty if somebody can."""
    if deal.heard_at is None:
        return "not heard"
    if deal.damaged:
        return "heard damaged"
    deaths = [each for each in seen.deaths if each.machine == deal.name[0]]
    after = [each for each in deaths if each.at >= deal.heard_at]
    if not deal.known:
        return "died with it"
    since = after[0].refusing_since if after else None
    if since is not None and since <= deal.heard_at + KNOWN_S:
        return "not kept: the card took nothing"
    if any(deal.name[1] in each.lost for each in after):
        return "gone with its card"
    if not deal.configured and any(
        each.name == (deal.name[0], None) and each.cause == "amount" for each in seen.kept
    ):
        return "of an amount that nobody told: asked about"
    asked = [each for each in seen.kept if each.name == deal.name and each.cause in OF_THE_CLOCK]
    if asked and deal.name[0] in seen.wrong_clocks:
        return "of a day that never was: asked about"
    return ""


def _is_silent(seen: Evidence, deal: Told) -> bool:
    """Whether it is nowhere, though its approval was on a card that is still there."""
    if deal.approval_known_at is None or deal.damaged or not deal.configured:
        return False
    after = [
        each
        for each in seen.deaths
        if each.machine == deal.name[0] and each.at >= deal.approval_known_at
    ]
    if any(each.card_gone or each.refusing_since is not None for each in after):
        return False
    return deal.name not in seen.asked and all(each.name != deal.name for each in seen.kept)


def _fate(seen: Evidence, deal: Told) -> str:
    fates = [each for each in seen.kept if each.name == deal.name]
    told = ", ".join(f"{each.disposition}: {each.reason}" for each in fates)
    return f"; in the cloud: {told or 'nothing'}"


def _sequences(seen: Evidence) -> Iterator[str]:
    """Every place of every outbox once, without a gap; and no outbox that nobody began."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for each in seen.kept:
        places[each.name[0], each.epoch].append(each.seq)
    for (machine, epoch), found in sorted(places.items()):
        if epoch not in seen.epochs.get(machine, ()):
            yield f"{machine} never began an outbox {epoch}"
        twice = [seq for seq, count in Counter(found).items() if count > 1]
        said = ("two sales at one place", machine) in seen.incidents
        if twice and not (said and machine in seen.put_back):
            yield f"{machine}, {epoch}: places {_listed(twice)} were given twice"
        gap = set(range(1, max(found) + 1)) - set(found)
        # Of an outbox that is over the operator is told that what never came is on the old card.
        kind = "gap" if epoch == seen.in_use.get(machine) else "another outbox"
        if gap and (kind, machine) not in seen.incidents:
            yield f"{machine}, {epoch}: places {_listed(gap)} are missing, and no incident says so"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(each) for each in sorted(numbers))

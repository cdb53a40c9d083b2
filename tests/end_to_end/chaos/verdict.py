"""The judge of the chaos: machines' books against registers' ledgers. Pure: values in, verdict out.

A deal is known by its machine (tag 1036) and its price, which no other deal of that machine has.

* **confirmed** (the last byte of what confirms it was on the bus): exactly one document, its sum,
  product and tender the deal's. Or its receipt stands in "needs attention", and a refusal was
  ordered: with a document, if it was a repetition that was refused, or without. Or, power cut behind that byte and nobody told to stop: asked as `outcome_unknown`, once,
  or nowhere. (What of that is allowed, and why, is said in `street/deals.py`.)
* **undecided or void**: no document; asked once at most, and only the last one before a cut.
* A document without a deal is a stranger's.

And every (machine, epoch, seq) is stored once, without a gap that no incident tells of; a machine
has one epoch; each document is on its machine, unless a person has to look; nothing is left open.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from end_to_end.chaos.ledgers import Document, Ledgers, Stored, product_in
from street.deals import Deal, End

NEVER: Final = {
    *("conflict", "two sales at one place", "malformed", "another outbox", "outbox_salvaged"),
    *("duplicate receipt", "another sum", "another purpose", "document of another sale"),
}
"""Incidents that no fault here explains."""

Name = tuple[str, int]


@dataclass(slots=True)
class Verdict:
    """Counts, and a line for each broken promise."""

    sales: int = 0
    """Confirmed on the bus."""
    receipts: int = 0
    duplicates: int = 0
    lost: int = 0
    wrong_sum: int = 0
    gaps: int = 0
    strangers: int = 0
    refused: int = 0
    """Confirmed, and a person has to look: the register was ordered to refuse."""
    asked: int = 0
    """Confirmed, and asked as `outcome_unknown`: cut behind its last byte."""
    cut: int = 0
    """Confirmed, and nowhere: cut before anybody had read that byte."""
    broken: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.broken

    def told(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name != "broken"}

    def count(self, what: str, line: str) -> None:
        setattr(self, what, getattr(self, what) + 1)
        self.broken.append(f"{what}: {line}")


def judge(ledgers: Ledgers) -> Verdict:
    """Hold all ledgers against the machines' books."""
    verdict = Verdict(receipts=len(ledgers.documents))
    deals = {
        (machine, deal.price): deal for machine, sold in ledgers.deals.items() for deal in sold
    }
    assert len(deals) == sum(map(len, ledgers.deals.values())), "a price names one deal"
    stored = {(each.machine, each.amount): each for each in ledgers.sales}
    asked = Counter((each.machine, each.amount) for each in ledgers.asked)
    documents = _by_deal(verdict, ledgers, deals)
    for name, deal in deals.items():
        found, questions = documents.pop(name, []), asked.pop(name, 0)
        sale = stored.get(name)
        reason = ledgers.refused.get(sale.sale_id) if sale else None
        line = (
            f"{name[0]}: {deal}: documents {[each.fd for each in found]}, asked {questions} times,"
            f" {f'stored as {sale.sale_id}' if sale else 'not stored'}, attention: {reason}"
        )
        _judge_deal(verdict, deal, found, questions, reason, line)
    for (machine, amount), count in asked.items():
        verdict.count("strangers", f"{machine}: asked {count} times of {amount}: no such deal")
    _judge_refusals(verdict, ledgers)
    _judge_sequences(verdict, ledgers)
    verdict.broken += [
        f"its machine does not have {document}"
        for document in ledgers.documents
        if ledgers.on_machines.get(document.sale_id) != document.fd
        and document.sale_id not in ledgers.refused
    ]
    verdict.broken += [f"incident: {each}" for each in ledgers.incidents if each.kind in NEVER]
    verdict.broken += [f"left open: {each}" for each in ledgers.left_open]
    return verdict


def _by_deal(
    verdict: Verdict, ledgers: Ledgers, deals: Mapping[Name, Deal]
) -> dict[Name, list[Document]]:
    """Documents by the deal that they are for; what they say wrong of themselves is told here."""
    amounts = {each.sale_id: each.amount for each in ledgers.sales}
    found: dict[Name, list[Document]] = defaultdict(list)
    for document in ledgers.documents:
        if document.cash + document.card != document.total:
            verdict.count("wrong_sum", f"it is not what was paid: {document}")
        name = (document.machine, document.total)
        meant = (document.machine, amounts.get(document.sale_id) or 0)
        if name not in deals and meant in deals:
            verdict.count("wrong_sum", f"the deal's is {meant[1]}: {document}")
            name = meant
        if name in deals:
            found[name].append(document)
        else:
            verdict.count("strangers", f"nobody sold it: {document}")
    return found


def _judge_deal(  # noqa: PLR0917, all that is known of one deal
    verdict: Verdict,
    deal: Deal,
    found: Sequence[Document],
    asked: int,
    reason: str | None,
    line: str,
) -> None:
    if len(found) + asked > 1:
        verdict.count("duplicates", line)
    if not (deal.end is End.SOLD and deal.over):
        if found or (asked and not (deal.last and deal.approved)):
            verdict.count("strangers", line)
        return
    verdict.sales += 1
    for document in found:
        _judge_content(verdict, deal, document)
    if found:
        return
    may_miss = deal.last and not deal.heard
    if reason is not None:
        verdict.refused += 1
    elif asked and may_miss:
        verdict.asked += 1
    elif may_miss:
        verdict.cut += 1
    else:
        verdict.count("lost", line)


def _judge_content(verdict: Verdict, deal: Deal, document: Document) -> None:
    by_cash = deal.how == "cash"
    if (document.cash > 0) is not by_cash or (document.card > 0) is by_cash:
        verdict.broken.append(f"paid by {deal.how}, and not so in {document}")
    if document.product != product_in(deal.item):
        verdict.broken.append(f"{deal.item} was sold, and not so in {document}")
    if not document.is_income:
        verdict.broken.append(f"it is no income: {document}")


def _judge_refusals(verdict: Verdict, ledgers: Ledgers) -> None:
    """A person has to look at no more of a machine's sales than refusals were ordered."""
    machines = {each.sale_id: each.machine for each in ledgers.sales}
    found = Counter(machines.get(sale_id, "nobody's") for sale_id in ledgers.refused)
    verdict.broken += [
        f"{machine}: {count} receipts need attention, {ledgers.ordered.get(machine, 0)} refusals"
        f" were ordered: {sorted(set(ledgers.refused.values()))}"
        for machine, count in found.items()
        if count > ledgers.ordered.get(machine, 0)
    ]


def _judge_sequences(verdict: Verdict, ledgers: Ledgers) -> None:
    told = {each.machine for each in ledgers.incidents if each.kind == "gap"}
    epochs: dict[str, set[str]] = defaultdict(set)
    for (machine, epoch), seqs in _sequences(ledgers.sales).items():
        epochs[machine].add(epoch)
        holes = sorted(set(range(1, max(seqs) + 1)) - set(seqs))
        twice = sorted(seq for seq, count in Counter(seqs).items() if count > 1)
        if twice or (holes and machine not in told):
            verdict.count("gaps", f"{machine}/{epoch}: missing {holes}, twice {twice}")
    for machine, known in epochs.items():
        if len(known) > 1:
            verdict.broken.append(f"{machine} began again: epochs {sorted(known)}")


def _sequences(sales: Iterable[Stored]) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for sale in sales:
        found[sale.machine, sale.epoch].append(sale.seq)
    return found

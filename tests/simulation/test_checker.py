"""The checker bites: one broken promise at a time, and beside each excuse what comes nearest to it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from simulation.checker import OF_THE_CLOCK, Death, Evidence, Kept, Recorded, Told, judge
from simulation.tap import KNOWN_S

VM, VM_2 = "vm-000001", "vm-000002"
EPOCH = "0a0b0c0d"
TWO_AT_ONE_PLACE = "two sales at one place"
HEARD_AT = 14.0
APPROVED_AT = 12.5
SOLD = Told(
    name=(VM, 1010),
    sold=True,
    broken_off=False,
    began_at=10.0,
    heard_at=HEARD_AT,
    approval_known_at=APPROVED_AT,
    known=True,
    damaged=False,
)
CASH = replace(SOLD, approval_known_at=None)
NEXT = replace(SOLD, name=(VM, 1020), began_at=30.0, heard_at=34.0, approval_known_at=32.5)
NOT_SOLD = replace(SOLD, sold=False)
AMID = replace(SOLD, known=False)
"""Sold, and its agent died before it could act upon it; but that it was approved is on its card."""


def recorded(price: int, **other: Any) -> Recorded:
    return replace(Recorded((VM, price), f"key of {price}", income=True, paid=price), **other)


def kept(price: int | None, seq: int = 1, **other: Any) -> Kept:
    return replace(Kept(f"sale of {price}", (VM, price), EPOCH, seq, "issued", "", ""), **other)


def asked_about(price: int | None, cause: str, machine: str = VM) -> Kept:
    return kept(price, 2, disposition="attention", cause=cause, name=(machine, price))


GOOD = Evidence(
    deals=[SOLD, NEXT],
    documents=[recorded(1010), recorded(1020)],
    kept=[kept(1010, 1), kept(1020, 2)],
    deaths=[],
    epochs={VM: [EPOCH], VM_2: [EPOCH]},
    incidents=[],
    in_use={VM: EPOCH, VM_2: EPOCH},
)


def seen(**other: Any) -> Evidence:
    """All is well, but for this."""
    return replace(GOOD, **other)


def lost(deal: Told, *of_it: Kept, **other: Any) -> Evidence:
    """A deal without a document, before one that went well."""
    return seen(
        deals=[deal, NEXT], documents=[recorded(1020)], kept=[kept(1020, 1), *of_it], **other
    )


def test_where_all_is_well_nothing_is_said() -> None:
    verdict = judge(GOOD)
    assert (verdict.vends, verdict.receipts) == (2, 2)
    assert not verdict.excused
    assert not verdict.broken


BROKEN = {
    "two documents under two keys": (
        seen(documents=[*GOOD.documents, recorded(1010, key="another")]),
        "2 documents for one vend: .*1010.*: key of 1010, another$",
    ),
    "no document": (
        seen(documents=[recorded(1020)]),
        "a vend without a document: .*1010.*; in the cloud: issued: $",
    ),
    "neither document nor sale": (
        lost(CASH),
        "a vend without a document: .*1010.*; in the cloud: nothing$",
    ),
    "a document of nobody's": (
        seen(documents=[*GOOD.documents, recorded(999, name=("nobody", 999))]),
        "a document without a vend: .*999",
    ),
    "a document of another machine's price": (
        seen(documents=[*GOOD.documents, recorded(1010, name=(VM_2, 1010))]),
        "a document without a vend: .*vm-000002",
    ),
    "a sum that was not paid": (
        seen(documents=[recorded(1010, paid=1000), recorded(1020)]),
        "a sum that is not its payments': .*paid=1000",
    ),
    "money given back": (
        seen(documents=[recorded(1010, income=False), recorded(1020)]),
        "a return that nobody asked for: .*1010",
    ),
    "a document of what was not sold": (
        seen(deals=[NOT_SOLD, NEXT]),
        "a document of what was not sold: .*1010",
    ),
    "a gap": (
        seen(kept=[kept(1010, 1), kept(1020, 4)]),
        "vm-000001, 0a0b0c0d: places 2, 3 are missing, and no incident says so$",
    ),
    "a gap, and an incident of another machine": (
        seen(kept=[kept(1010, 1), kept(1020, 3)], incidents=[("gap", VM_2)]),
        "places 2 are missing",
    ),
    "a gap, and another incident": (
        seen(kept=[kept(1010, 1), kept(1020, 3)], incidents=[("bus_dead", VM)]),
        "places 2 are missing",
    ),
    "a gap in an outbox that is over, and an incident as if it were not": (
        seen(kept=[kept(1010, 1), kept(1020, 3)], incidents=[("gap", VM)], in_use={VM: "ffffffff"}),
        "places 2 are missing",
    ),
    "a gap in the outbox in use, and an incident of the one before": (
        seen(kept=[kept(1010, 1), kept(1020, 3)], incidents=[("another outbox", VM)]),
        "places 2 are missing",
    ),
    "a gap at the beginning": (
        seen(kept=[kept(1010, 2), kept(1020, 3)]),
        "places 1 are missing",
    ),
    "a place given twice": (
        seen(kept=[kept(1010, 1), kept(1020, 1)]),
        "vm-000001, 0a0b0c0d: places 1 were given twice$",
    ),
    "a place given twice, and an incident of another machine": (
        seen(kept=[kept(1010, 1), kept(1020, 1)], incidents=[(TWO_AT_ONE_PLACE, VM)]),
        "places 1 were given twice$",
    ),
    "an outbox that nobody began": (
        seen(kept=[kept(1010, 1), kept(1020, 1, epoch="ffffffff")]),
        "vm-000001 never began an outbox ffffffff$",
    ),
    "an outbox of another machine's": (
        seen(epochs={VM: [], VM_2: [EPOCH]}),
        "vm-000001 never began an outbox 0a0b0c0d$",
    ),
    "a machine that was not told": (
        seen(untold=["sale of 1010, vm-000001"]),
        "issued, and its machine was not told: sale of 1010, vm-000001$",
    ),
    "a wrong picture": (
        seen(showings=["screen at 20.0: it was not sold yet"]),
        "a wrong picture: screen at 20.0: it was not sold yet$",
    ),
    "something that does not end": (
        seen(unsettled="receipt of 1 is unknown"),
        "not settled: receipt of 1 is unknown$",
    ),
    "an approval in silence": (
        lost(AMID, deaths=[Death(VM, 15.0)]),
        "approved, and nobody was asked how it ended: .*1010",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_one_broken_promise_is_one_line(what: str) -> None:
    evidence, words = BROKEN[what]
    (line,) = judge(evidence).broken
    assert re.search(words, line)


def test_each_of_many_is_told() -> None:
    evidence = seen(
        deals=[SOLD],
        documents=[recorded(1010), recorded(1010), recorded(1020)],
        showings=["one", "two"],
        untold=["three"],
        unsettled="four",
    )
    assert [each.split(":")[0] for each in judge(evidence).broken] == [
        *("a wrong picture", "a wrong picture", "issued, and its machine was not told"),
        *("not settled", "a document without a vend", "2 documents for one vend"),
    ]


NOT_WRONG = {
    "what was not sold has no document": seen(
        deals=[NOT_SOLD, NEXT], documents=[recorded(1020)], kept=[kept(1020)]
    ),
    "its power went behind the approval": seen(deals=[replace(NOT_SOLD, broken_off=True), NEXT]),
    "what was not sold was heard damaged": seen(deals=[replace(NOT_SOLD, damaged=True), NEXT]),
    "a gap that an incident tells": seen(
        kept=[kept(1010, 1), kept(1020, 3)], incidents=[("gap", VM)]
    ),
    "a gap in an outbox that is over, and that an incident tells": seen(
        kept=[kept(1010, 1), kept(1020, 3)],
        incidents=[("another outbox", VM)],
        in_use={VM: "ffffffff"},
    ),
    "a place that an old card gave again, and that an incident tells": seen(
        kept=[kept(1010, 1), kept(1020, 1)],
        incidents=[(TWO_AT_ONE_PLACE, VM)],
        put_back=frozenset({VM}),
    ),
    "places of two outboxes": seen(
        kept=[kept(1010, 1), kept(1020, 1, epoch="ffffffff")], epochs={VM: [EPOCH, "ffffffff"]}
    ),
    "the same price at two machines": seen(
        deals=[SOLD, replace(SOLD, name=(VM_2, 1010))],
        documents=[recorded(1010), recorded(1010, name=(VM_2, 1010))],
    ),
    "a document in spite of all": seen(
        deals=[replace(SOLD, heard_at=None, known=False, damaged=True), NEXT]
    ),
}


@pytest.mark.parametrize("what", NOT_WRONG)
def test_what_looks_like_it_and_is_right_is_not_said(what: str) -> None:
    verdict = judge(NOT_WRONG[what])
    assert not verdict.broken
    assert not verdict.excused


# Excuses, and beside each what comes nearest to it. ---------------------------------------------


def died(at: float, machine: str = VM, **other: Any) -> dict[str, Sequence[Death]]:
    return {"deaths": [replace(Death(machine, at), **other)]}


LATER = HEARD_AT + 100
UNSCALED = replace(CASH, configured=False)
AMOUNT, DAY = asked_about(None, "amount"), asked_about(1010, "late")
LOST = frozenset({1010})
EXCUSES = {
    "not heard": [lost(replace(CASH, heard_at=None))],
    "heard damaged": [lost(replace(CASH, damaged=True))],
    "died with it": [lost(replace(CASH, known=False), **died(HEARD_AT + KNOWN_S - 0.1))],
    "not kept: the card took nothing": [
        lost(CASH, **died(LATER, refusing_since=since))
        for since in (0.0, HEARD_AT, HEARD_AT + KNOWN_S)
    ],
    "gone with its card": [
        lost(CASH, **died(LATER, lost=LOST, card_gone=True)),
        lost(CASH, deaths=[Death(VM, LATER), Death(VM, 2 * LATER, lost=LOST, card_gone=True)]),
    ],
    "of an amount that nobody told: asked about": [lost(UNSCALED, AMOUNT)],
    "of a day that never was: asked about": [
        lost(CASH, replace(DAY, cause=cause), wrong_clocks=frozenset({VM}))
        for cause in sorted(OF_THE_CLOCK)
    ],
}
NO_EXCUSES = {
    "heard, and known": lost(CASH),
    "died as soon as it had had its time": lost(CASH, **died(HEARD_AT + KNOWN_S)),
    "its card took nothing only later": lost(
        CASH, **died(LATER, refusing_since=HEARD_AT + KNOWN_S + 0.1)
    ),
    "its card took nothing before, and another life heard it": lost(
        CASH, **died(HEARD_AT - 1, refusing_since=1.0)
    ),
    "the other machine's card took nothing": lost(CASH, **died(LATER, VM_2, refusing_since=1.0)),
    "its card took nothing in a later life": lost(
        CASH, deaths=[Death(VM, LATER), Death(VM, 2 * LATER, LATER + 1)]
    ),
    "its card went, and it had been sent": lost(CASH, **died(LATER, card_gone=True)),
    "another sale went with its card": lost(
        CASH, **died(LATER, lost=frozenset({1020}), card_gone=True)
    ),
    "the card before went": lost(CASH, **died(HEARD_AT - 1, lost=LOST, card_gone=True)),
    "the other machine's card went": lost(CASH, **died(LATER, VM_2, lost=LOST, card_gone=True)),
    "its money was known": lost(CASH, AMOUNT),
    "its money was not known, and nobody was asked": lost(UNSCALED),
    "of another thing somebody was asked": lost(UNSCALED, asked_about(None, "product")),
    "of the other machine somebody was asked": lost(
        UNSCALED, replace(asked_about(None, "amount", VM_2), seq=1)
    ),
    "its time of day was right": lost(CASH, DAY),
    "the other machine's time of day was wrong": lost(CASH, DAY, wrong_clocks=frozenset({VM_2})),
    "its time of day was wrong, and not the reason": lost(
        CASH, replace(DAY, cause="product"), wrong_clocks=frozenset({VM})
    ),
    "its time of day was wrong, and nobody was asked": lost(CASH, wrong_clocks=frozenset({VM})),
    "of another sale somebody was asked": lost(
        CASH, asked_about(1020, "late"), wrong_clocks=frozenset({VM})
    ),
}


@pytest.mark.parametrize(
    ("reason", "evidence"),
    [(reason, each) for reason, those in EXCUSES.items() for each in those],
)
def test_what_nobody_can_have_kept_is_excused(reason: str, evidence: Evidence) -> None:
    verdict = judge(evidence)
    assert verdict.excused == {reason: 1}
    assert not verdict.broken
    assert (verdict.vends, verdict.receipts) == (2, 1)


@pytest.mark.parametrize("what", NO_EXCUSES)
def test_what_somebody_can_have_kept_is_not(what: str) -> None:
    verdict = judge(NO_EXCUSES[what])
    assert not verdict.excused
    (line,) = verdict.broken
    assert line.startswith("a vend without a document: Told(name=('vm-000001', 1010)")


END = Death(VM, 15.0)
SILENT = {
    "nobody was asked": lost(AMID, deaths=[END]),
    "of another vend somebody was": lost(AMID, deaths=[END], asked=[(VM, 1020)]),
    "of the other machine's somebody was": lost(AMID, deaths=[END], asked=[(VM_2, 1010)]),
    "the card before had gone": lost(
        AMID, deaths=[Death(VM, APPROVED_AT - 1, card_gone=True), END]
    ),
    "the card before had taken nothing": lost(AMID, deaths=[Death(VM, APPROVED_AT - 1, 1.0), END]),
    "the other machine's card went": lost(AMID, deaths=[Death(VM_2, 16.0, card_gone=True), END]),
}
NOT_SILENT = {
    "its outcome was asked": lost(AMID, deaths=[END], asked=[(VM, 1010)]),
    "it is a presumed sale": lost(
        AMID, kept(1010, 2, disposition="attention", cause="presumed"), deaths=[END]
    ),
    "the card with it went": lost(AMID, deaths=[END, Death(VM, 99.0, card_gone=True)]),
    "the card took nothing": lost(AMID, deaths=[Death(VM, 15.0, 10.0)]),
    "no approval was known": lost(replace(AMID, approval_known_at=None), deaths=[END]),
    "its money was not known": lost(replace(AMID, configured=False), deaths=[END]),
}


@pytest.mark.parametrize("what", SILENT)
def test_an_approval_without_an_end_is_not_passed_over(what: str) -> None:
    verdict = judge(SILENT[what])
    assert verdict.excused == {"died with it": 1}
    (line,) = verdict.broken
    assert line.startswith("approved, and nobody was asked how it ended")


@pytest.mark.parametrize("what", NOT_SILENT)
def test_an_approval_that_was_asked_about_or_went_with_its_card_is(what: str) -> None:
    verdict = judge(NOT_SILENT[what])
    assert verdict.excused == {"died with it": 1}
    assert not verdict.broken

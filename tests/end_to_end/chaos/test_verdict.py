"""The judge bites: each way in which ledgers may differ is told, and nothing else is."""

from dataclasses import replace

import pytest
from end_to_end.chaos.ledgers import Asked, Document, Ledgers, Noticed, Stored, product_in
from end_to_end.chaos.verdict import judge
from street.deals import Deal, End

M, ITEM = "1000001", "0001"


def deal(number: int = 1, how: str = "card", **told: bool) -> Deal:
    end = End.SOLD if how in {"card", "cash"} else End.VOID
    made = Deal(number, ITEM, 1000 + 10 * number, how, end, turn=1, approved=True, over=True)
    return replace(made, **told)


def document(number: int = 1, **told: object) -> Document:
    total = 1000 + 10 * number
    made = Document(M, number, f"sale-{number}", product_in(ITEM), total, cash=0, card=total)
    return replace(made, **told)


def stored(number: int = 1, **told: object) -> Stored:
    made = Stored(M, "7f3a9c1e", number, f"sale-{number}", ITEM, 1000 + 10 * number)
    return replace(made, **told)


GOOD = Ledgers(
    deals={M: [deal(1), deal(2), deal(3, "denied")]},
    documents=[document(1), document(2)],
    sales=[stored(1), stored(2)],
    on_machines={"sale-1": 1, "sale-2": 2},
)
OF_CASH = document(2, cash=1020, card=0)
CUT = deal(2, last=True)
ALONE = replace(GOOD, documents=[document(1)], sales=[stored(1)])


def test_ledgers_that_agree_break_no_promise() -> None:
    verdict = judge(GOOD)

    assert verdict.broken == []
    assert (verdict.sales, verdict.receipts) == (2, 2)


@pytest.mark.parametrize(
    ("ledgers", "counted", "what"),
    [
        (replace(GOOD, documents=[*GOOD.documents, document(2, fd=3)]), "duplicates", "[2, 3]"),
        (replace(GOOD, asked=[Asked(M, ITEM, 1020)]), "duplicates", "asked 1 times"),
        (replace(GOOD, documents=[document(1)]), "lost", "stored as sale-2"),
        (ALONE, "lost", "not stored"),
        (replace(ALONE, deals={M: [deal(1), replace(CUT, heard=True)]}), "lost", "last before"),
        (replace(GOOD, documents=[document(1), document(2, card=1000)]), "wrong_sum", "paid"),
        (
            replace(GOOD, documents=[document(1), document(2, total=1, card=1)]),
            "wrong_sum",
            "the deal's is 1020",
        ),
        (replace(GOOD, documents=[*GOOD.documents, document(9)]), "strangers", "nobody sold"),
        (
            replace(GOOD, documents=[*GOOD.documents, document(3, machine="1000002")]),
            "strangers",
            "nobody sold",
        ),
        (replace(GOOD, documents=[*GOOD.documents, document(3)]), "strangers", "denied"),
        (replace(GOOD, asked=[Asked(M, ITEM, 1030)]), "strangers", "denied"),
        (replace(GOOD, asked=[Asked(M, ITEM, 5)]), "strangers", "no such deal"),
        (replace(GOOD, sales=[stored(1), stored(2, seq=3)]), "gaps", "missing [2]"),
        (replace(GOOD, sales=[stored(1), stored(2, seq=1)]), "gaps", "twice [1]"),
    ],
)
def test_what_differs_is_counted_and_told(ledgers: Ledgers, counted: str, what: str) -> None:
    verdict = judge(ledgers)

    assert getattr(verdict, counted) == 1
    assert any(line.startswith(counted) and what in line for line in verdict.broken)


@pytest.mark.parametrize(
    ("ledgers", "what"),
    [
        (replace(GOOD, documents=[document(1), OF_CASH]), "paid by card"),
        (replace(GOOD, documents=[document(1), document(2, product="Чай")]), "0001 was sold"),
        (replace(GOOD, documents=[document(1), document(2, is_income=False)]), "no income"),
        (replace(GOOD, on_machines={"sale-1": 1}), "its machine does not have"),
        (replace(GOOD, on_machines={"sale-1": 1, "sale-2": 1}), "its machine does not have"),
        (replace(GOOD, sales=[stored(1), stored(2, epoch="other", seq=1)]), "began again"),
        (replace(GOOD, incidents=[Noticed("duplicate receipt", M, "two")]), "duplicate receipt"),
        (replace(GOOD, left_open=["receipt sale-2: unknown"]), "left open: receipt sale-2"),
        (replace(GOOD, refused={"sale-2": "no"}, ordered={"1000002": 1}), "0 refusals"),
    ],
)
def test_what_else_is_wrong_is_told(ledgers: Ledgers, what: str) -> None:
    assert any(what in line for line in judge(ledgers).broken)


@pytest.mark.parametrize(
    ("ledgers", "counted"),
    [
        (replace(ALONE, deals={M: [deal(1), CUT]}), "cut"),
        (replace(ALONE, deals={M: [deal(1), CUT]}, asked=[Asked(M, ITEM, 1020)]), "asked"),
        (
            replace(GOOD, documents=[document(1)], refused={"sale-2": "no"}, ordered={M: 1}),
            "refused",
        ),
    ],
)
def test_what_a_cut_or_an_order_explains_is_counted_alone(ledgers: Ledgers, counted: str) -> None:
    verdict = judge(ledgers)

    assert verdict.broken == []
    assert getattr(verdict, counted) == 1


def test_a_document_whose_repetition_was_refused_is_a_persons_and_not_on_its_machine() -> None:
    refused = replace(GOOD, on_machines={"sale-1": 1}, refused={"sale-2": "no"}, ordered={M: 1})

    assert judge(refused).broken == []
    assert judge(replace(refused, ordered={})).broken != []


def test_a_deal_that_was_cut_before_its_end_may_be_asked_about_once() -> None:
    begun = deal(2, last=True, over=False)
    asked = replace(ALONE, deals={M: [deal(1), begun]}, asked=[Asked(M, ITEM, 1020)])

    assert judge(asked).broken == []
    assert judge(replace(asked, asked=[*asked.asked, *asked.asked])).duplicates == 1
    assert judge(replace(asked, asked=(), documents=[document(1), document(2)])).strangers == 1


def test_a_gap_that_an_incident_tells_of_is_none() -> None:
    gap = replace(GOOD, sales=[stored(1), stored(2, seq=3)])

    assert judge(replace(gap, incidents=[Noticed("gap", M, "seq 2")])).broken == []
    assert judge(replace(gap, incidents=[Noticed("gap", "1000002", "seq 2")])).gaps == 1

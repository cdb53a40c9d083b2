"""Reconciling: what was sold is what was recorded, and every kopeck between them is a line."""

from dataclasses import replace
from datetime import date, datetime, time

import msgspec
import pytest
from fate import REFUSED, accept, issue, meet
from hypothesis import given
from hypothesis import strategies as st
from shop import EPOCH, MACHINE, a_document, a_sale, id_of, now_ms, sell, stock
from shop import MACHINE_AT_WORK as AT_WORK

from cloud.desk import reconciling
from cloud.desk.balance import lines
from cloud.desk.orders import Requeue, Return, decide
from cloud.desk.reconciling import Day, MachineDay, Reckoning, Sum, registers
from cloud.desk.settled import By
from cloud.desk.the_day import the_day
from cloud.errors import DecisionError
from cloud.fiscalization import State
from cloud.fleet import Answers, Operator
from cloud.outcome import Done
from cloud.receipt import Purpose
from cloud.store import Store
from cloud.store.day import UNKNOWN_ZONE, Gap, Piece, Place, Places, Recorded, Sold
from cloud.store.incidents import report
from cloud.store.sites import Sites

DAY = date(2026, 11, 23)
WHERE = Places({MACHINE: Place("coffee", UNKNOWN_ZONE)})
ISSUED = Piece(
    Purpose.INCOME, State.ISSUED, "main", 12010, 12010, "20261123T1842", None, 0, duplicate=False
)
OPEN = replace(ISSUED, state=State.ACCEPTED, total=None, at=None)


def sold(*pieces: Piece, number: int = 1, **told: object) -> Sold:
    """A sale with these receipts; without any it needs a hand."""
    disposition = "receipt" if pieces else "attention"
    cause = None if pieces else "amount"
    return Sold(
        a_sale(number, **told), MACHINE, 0, disposition, cause, cause, Answers(), pieces
    )  # fmt: skip


def reckoned(*them: Sold, operator: str | None = None) -> MachineDay:
    reckoning = Reckoning(DAY, WHERE, operator)
    reckoning.take(them)
    return reckoning.of(MACHINE)


def back(state: State, *, duplicate: bool = False) -> Piece:
    total = 12010 if state is State.ISSUED else None
    purpose = Purpose.INCOME_RETURN
    return replace(ISSUED, purpose=purpose, state=state, total=total, duplicate=duplicate)


@pytest.mark.parametrize(
    ("pieces", "bucket"),
    [
        ((ISSUED,), "issued"),
        ((OPEN,), "open"),
        ((replace(OPEN, state=State.ATTENTION),), "needs a hand"),
        ((replace(OPEN, state=State.CLOSED),), "closed"),
        ((), "needs a hand"),
        ((ISSUED, back(State.ISSUED)), "returned"),
        ((ISSUED, back(State.ACCEPTED)), "issued"),
        ((ISSUED, back(State.ISSUED, duplicate=True)), "issued"),
        (
            (replace(OPEN, state=State.CLOSED), replace(ISSUED, purpose=Purpose.CORRECTION)),
            "issued",
        ),
        ((replace(OPEN, state=State.CLOSED), replace(OPEN, purpose=Purpose.CORRECTION)), "open"),
        ((replace(OPEN, state=State.CLOSED, purpose=Purpose.CORRECTION),), "closed"),
    ],
)
def test_a_sale_is_in_one_place(pieces: tuple[Piece, ...], bucket: str) -> None:
    machine = reckoned(sold(*pieces))
    assert {name for name, each in machine.sums.items() if each.count} == {bucket}
    assert machine.sums[bucket] == machine.sold == Sum(1, 12010)


def test_a_sale_that_was_issued_for_its_amount_needs_no_line() -> None:
    machine = reckoned(sold(ISSUED))
    assert (machine.difference, machine.lines) == (0, [])


def test_a_sum_that_a_person_said_is_explained_and_another_is_not() -> None:
    other = replace(ISSUED, asked=9900, total=9900)
    said = replace(sold(other, amount=None), answers=Answers(amount=9900))
    (line,) = reckoned(said).lines
    assert (line.explained, line.kopecks) == (True, -9900)
    (line,) = reckoned(sold(other)).lines
    assert (line.explained, line.kopecks) == (False, 2110)


def test_a_document_of_another_sum_than_asked_for_is_not_explained() -> None:
    (line,) = reckoned(sold(replace(ISSUED, total=12000))).lines
    assert (line.explained, line.kopecks) == (False, 10)
    assert line.text == "asked for 120.10, recorded 120.00"


_STATES = st.sampled_from(State)
_PIECES = st.builds(
    lambda state, purpose, asked, total: replace(
        ISSUED,
        state=state,
        purpose=purpose,
        asked=asked,
        total=total if state is State.ISSUED else None,
    ),
    _STATES,
    st.sampled_from(Purpose),
    st.integers(1, 500),
    st.integers(1, 500),
)
_SOLD = st.builds(
    lambda pieces, amount: sold(
        *{piece.purpose: piece for piece in pieces}.values(), amount=amount
    ),
    st.lists(_PIECES, max_size=3),
    st.none() | st.integers(1, 500),
)


@given(st.lists(_SOLD, max_size=6))
def test_the_lines_add_up_to_the_difference(them: list[Sold]) -> None:
    machine = reckoned(*them)
    assert sum(line.kopecks for line in machine.lines) == machine.difference
    assert sum(each.count for each in machine.sums.values()) == machine.sold.count == len(them)
    assert sum(each.kopecks for each in machine.sums.values()) == machine.sold.kopecks


def test_more_lines_than_anybody_reads_are_counted_and_wrong_ones_never_left_out() -> None:
    many = [sold(number=number) for number in range(reconciling.MOST_LINES + 3)]
    machine = reckoned(*many, sold(replace(ISSUED, total=12000)))
    assert (machine.more_lines, machine.more_kopecks) == (3, 3 * 12010)
    assert [line.explained for line in machine.lines].count(False) == 1


def test_goods_that_came_back_are_no_sale() -> None:
    machine = reckoned(replace(sold(kind="return"), disposition="skipped"))
    assert (machine.sold.count, machine.goods_back) == (0, 1)


def test_another_operators_machines_are_left_out() -> None:
    assert reckoned(sold(ISSUED), operator="coffee").sold.count == 1
    assert reckoned(sold(ISSUED), operator="tea").sold.count == 0


def test_what_never_arrived_is_wrong_and_what_conflicted_is_explained() -> None:
    reckoning = Reckoning(DAY, WHERE, None)
    reckoning.miss(Gap(MACHINE, EPOCH, 3, 6), [f"epoch {EPOCH} seq 4 came with another body"])
    told = [(line.explained, line.text) for line in reckoning.of(MACHINE).lines]
    assert told == [
        (True, f"seq 4 of epoch {EPOCH}: it conflicts with another, see the incident"),
        (False, f"seq 3 of epoch {EPOCH}: 1 sale never arrived"),
        (False, f"seq 5 to 6 of epoch {EPOCH}: 2 sales never arrived"),
    ]


def test_a_register_tells_what_it_recorded_and_which_numbers_are_not_ours() -> None:
    documents = [
        Recorded("main", "9", 5, 100, Purpose.INCOME, "a"),
        Recorded("main", "9", 6, 100, Purpose.INCOME_RETURN, "a"),
        Recorded("main", "9", 9, 50, Purpose.CORRECTION, "of another day"),
        Recorded("theirs", "8", 1, 1, Purpose.INCOME, "b"),
    ]
    owners = {"main": "coffee", "theirs": "tea"}
    (day,) = registers(documents, ["a"], owners, "coffee")
    assert (day.income, day.returned, day.of_other_days) == (Sum(2, 150), Sum(1, 100), Sum(1, 50))
    assert (day.first_fd, day.last_fd, day.not_ours) == (5, 9, [(7, 8)])
    assert len(registers(documents, ["a"], owners, None)) == 2


async def reconcile(store: Store, operator: str | None = None) -> Day:
    return await the_day(store, DAY, operator, None, lambda _: None, now_ms=now_ms())


async def test_a_day_that_is_whole_is_explained(either: Store) -> None:
    await sell(either, *(a_sale(number) for number in range(1, 6)), a_sale(6, amount=None))
    for number in (1, 2):
        await issue(either, number)
    await accept(either, 3)
    await meet(either, REFUSED, 4)
    await sell(either, a_sale(7, kind="free"), a_sale(8))
    by = By("anna", now_ms())
    await decide(either, Sites(), id_of(2), Return(), by)
    returned = replace(a_document(9), sign=2)
    await meet(either, Done(returned), 2, Purpose.INCOME_RETURN)
    day = await reconcile(either)
    assert day.unexplained == 0
    told = "\n".join(lines(day))
    for part in (
        "vm-000123     8  840.70       1  120.10         1  120.10",
        "720.60",
        "on its way at register main, accepted  120.10",
        f"needs a hand: {REFUSED.reason}  120.10",
        "no receipt (free): free vend",
        "its receipt was returned  120.10",
        "main      9999078900000001       2  240.20         1  120.10  1 to 9",
        "6 numbers between are not ours",
        "every difference is explained",
    ):
        assert part in told, told


async def test_a_gap_and_a_wrong_sum_are_told_first_and_count_as_wrong(either: Store) -> None:
    await sell(either, a_sale(1), a_sale(4))
    await issue(either, 1, total=12000)
    async with either.transaction() as connection:
        detail = f"epoch {EPOCH} seq 3 came with another body, or with another sale's token"
        await report(connection, now_ms(), "conflict", detail, MACHINE)
    day = await reconcile(either)
    assert day.unexplained == 2
    told = lines(day)
    assert f"! {id_of(1)}  asked for 120.10, recorded 120.00  0.10" in told
    assert f"! seq 2 of epoch {EPOCH}: 1 sale never arrived" in told
    assert f"  seq 3 of epoch {EPOCH}: it conflicts with another, see the incident" in told
    assert told[-1] == "2 differences that nothing explains, marked by !"


async def test_a_day_that_has_begun_at_no_machine_is_refused(store: Store) -> None:
    begins = round(datetime.combine(DAY, time.min, UNKNOWN_ZONE).timestamp() * 1000)
    with pytest.raises(DecisionError, match="2026-11-23 is yet to come"):
        await the_day(store, DAY, None, None, lambda _: None, now_ms=begins - 1)
    begun = await the_day(store, DAY, None, None, lambda _: None, now_ms=begins)
    assert begun.unexplained == 0


async def test_a_second_document_is_wrong_until_it_is_being_undone(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2, sold_at="2026-11-20T12:00:00Z"))
    for number in (1, 2):
        await issue(store, number)
        await meet(store, Done(a_document(number + 20)), number)
    day = await reconcile(store)
    assert day.unexplained == 1
    assert any(line.startswith(f"! {id_of(1)}  second document t=") for line in lines(day))
    by = By("anna", now_ms())
    await decide(store, Sites(), id_of(1), Return(duplicate=True), by)
    day = await reconcile(store)
    assert day.unexplained == 0
    assert f"  {id_of(1)}  a second document's return is waiting" in lines(day)


async def test_receipts_of_another_date_join_the_two_sides(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2, sold_at="2026-11-20T12:00:00Z"))
    await issue(store, 2)
    next_day = replace(a_document(8), at="20261124T0001")
    await meet(store, Done(next_day), 1)
    told = "\n".join(lines(await reconcile(store)))
    assert "main: 1 document of income for sales of other days, 120.10" in told
    assert "1 sale of this day, 120.10, recorded under another date" in told


async def test_one_operators_day_is_asked_for_by_its_name(store: Store) -> None:
    tea = Operator(id="tea", name="ООО «Чай»", inn="7707083893", taxation="osn")
    await sell(store, a_sale(1), a_sale(2, sold_at="2026-11-20T12:00:00Z"))
    await sell(store, a_sale(5, epoch="0b0b0b0b", sold_at="2026-11-25T12:00:00Z"))
    await stock(store, tea)
    # Not even the gap of the other's second outbox.
    assert (await reconcile(store, "tea")).machines == []
    assert (await reconcile(store, "coffee")).unexplained == 1
    assert len((await reconcile(store, "coffee")).machines) == 1
    with pytest.raises(DecisionError, match="no operator is called 'x': coffee, tea"):
        await reconcile(store, "x")


async def test_many_explained_lines_are_cut_unless_all_are_wanted(store: Store) -> None:
    await sell(store, *(a_sale(number, amount=None) for number in range(1, 26)))
    day = await reconcile(store)
    assert "  … and 5 more that are explained: add --all" in lines(day)
    assert not any("more that" in line for line in lines(day, everything=True))


async def test_machines_are_summed_up(store: Store) -> None:
    other = msgspec.structs.replace(AT_WORK, id="vm-2")
    await sell(store, a_sale(1), a_sale(2, machine="vm-2", epoch="0b0b0b0b", seq=1))
    await stock(store, other)
    told = lines(await reconcile(store))
    assert any(line.split()[:3] == ["all", "2", "240.20"] for line in told), told


async def test_an_answered_amount_is_explained_in_the_whole(store: Store) -> None:
    await sell(store, a_sale(amount=None))
    await decide(store, Sites(), id_of(1), Requeue(amount=9900), By("anna", now_ms()))
    await issue(store, total=9900)
    day = await reconcile(store)
    assert day.unexplained == 0
    assert "as a person said  -99.00" in "\n".join(lines(day))


async def test_a_day_on_which_nothing_happened_says_so(store: Store) -> None:
    told = lines(await reconcile(store))
    assert "no machine sold anything" in told
    assert "no register recorded anything" in told

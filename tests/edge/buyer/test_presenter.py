"""The presenter as stories: what happens at which second, and what is on the screen after it."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specimens import receipt, sale

from edge.buyer.presenter import (
    MOST_LATE,
    STATUTORY_S,
    Answered,
    Buying,
    Event,
    Policy,
    Sold,
    State,
    Tick,
    advance,
)
from edge.buyer.screen import Idle, Making, Ready, Refused, Screen
from edge.wire import Sale

A, B, C, D, E = (sale(seq, token=f"{seq:016d}") for seq in range(1, 6))
LINKS = "https://chek.example/r/"
POLICY = Policy(link=LINKS, show_s=60, patience_s=15)
BEGINS, ENDS, TICK = Buying(now=True), Buying(now=False), Tick()


def issued(of: Sale, rev: int = 1) -> Answered:
    return Answered(of, receipt(of, rev))


def answered(of: Sale, status: str) -> Answered:
    return Answered(of, receipt(of, status=status, qr=None, fiscal=None))


def making(of: Sale, *, slow: bool = False) -> Screen:
    return Making(of, LINKS + of.token, slow)


def ready(of: Sale, rev: int = 1, *, late: bool = False) -> Screen:
    qr = receipt(of).qr
    assert qr is not None
    return Ready(of, rev, qr, LINKS + of.token, statutory=True, late=late)


Story = list[tuple[float, Event, Screen]]
STORIES: dict[str, Story] = {
    "the receipt comes in a second": [
        *((0, BEGINS, Idle()), (5, Sold(A), making(A)), (5, ENDS, making(A))),
        *((6, issued(A), ready(A)), (65.9, TICK, ready(A)), (66, TICK, Idle())),
    ],
    "the receipt is slow, and the buyer waits": [
        *((0, Sold(A), making(A)), (14.9, TICK, making(A)), (15, TICK, making(A, slow=True))),
        *((20, issued(A), ready(A)), (79.9, TICK, ready(A)), (80, TICK, Idle())),
    ],
    "the receipt comes when nobody waits any more": [
        *((0, Sold(A), making(A)), (15, TICK, making(A, slow=True))),
        *((74.9, TICK, making(A, slow=True)), (75, TICK, Idle())),
        *((300, issued(A), ready(A, late=True)), (359.9, TICK, ready(A, late=True))),
        (360, TICK, Idle()),
    ],
    "the receipt comes when another is buying": [
        *((0, Sold(A), making(A)), (15, TICK, making(A, slow=True)), (75, TICK, Idle())),
        *((80, BEGINS, Idle()), (81, issued(A), Idle()), (99, TICK, Idle())),
        *((100, ENDS, ready(A, late=True)), (160, TICK, Idle())),
    ],
    "the receipt comes when another has bought: theirs goes first": [
        *((0, Sold(A), making(A)), (10, Sold(B), making(B)), (11, issued(A), making(B))),
        *((12, issued(B), ready(B)), (72, TICK, ready(A, late=True)), (132, TICK, Idle())),
    ],
    "another's receipt waits for as long as a buyer waits for theirs": [
        *((0, Sold(A), making(A)), (10, Sold(B), making(B)), (11, issued(A), making(B))),
        *((25, TICK, making(B, slow=True)), (84.9, TICK, making(B, slow=True))),
        (85, TICK, ready(A, late=True)),
    ],
    "another's receipt does not cut short the one that is shown": [
        *((0, Sold(A), making(A)), (1, Sold(B), making(B)), (2, issued(B), ready(B))),
        *((3, issued(A), ready(B)), (61.9, TICK, ready(B)), (62, TICK, ready(A, late=True))),
    ],
    "the next settlement ends it at once": [
        *((0, Sold(A), making(A)), (1, issued(A), ready(A)), (2, BEGINS, ready(A))),
        (9, Sold(B), making(B)),
    ],
    "a sale takes the screen from a late receipt": [
        *((0, Sold(A), making(A)), (15, TICK, making(A, slow=True)), (75, TICK, Idle())),
        *((80, issued(A), ready(A, late=True)), (81, Sold(B), making(B))),
        *((82, issued(B), ready(B)), (142, TICK, Idle())),
    ],
    "several late receipts, one after another, the oldest first": [
        *((0, Sold(A), making(A)), (1, Sold(B), making(B)), (2, Sold(C), making(C))),
        *((3, issued(B), making(C)), (4, issued(A), making(C)), (5, issued(C), ready(C))),
        *((65, TICK, ready(B, late=True)), (125, TICK, ready(A, late=True)), (185, TICK, Idle())),
    ],
    "no more than three wait; the oldest stay in the journal": [
        *((0, Sold(A), making(A)), (1, Sold(B), making(B)), (2, Sold(C), making(C))),
        *((3, Sold(D), making(D)), (4, Sold(E), making(E))),
        *((5, issued(A), making(E)), (6, issued(B), making(E)), (7, issued(C), making(E))),
        *((8, issued(D), making(E)), (9, issued(E), ready(E)), (69, TICK, ready(B, late=True))),
        *((129, TICK, ready(C, late=True)), (189, TICK, ready(D, late=True))),
        (249, TICK, Idle()),
    ],
    "a buyer who gives up sets the screen free": [
        *((0, BEGINS, Idle()), (1, issued(A), Idle()), (2, ENDS, ready(A, late=True))),
    ],
    "a receipt of before the restart": [
        *((0, issued(A), ready(A, late=True)), (60, TICK, Idle())),
    ],
    "no receipt was issued": [
        *((0, Sold(A), making(A)), (1, answered(A, "refused"), Refused(A, 1))),
        *((60.9, TICK, Refused(A, 1)), (61, TICK, Idle())),
    ],
    "refused, and issued after all": [
        *((0, Sold(A), making(A)), (1, answered(A, "refused"), Refused(A, 1))),
        *((5, issued(A, 2), Refused(A, 1)), (61, TICK, ready(A, 2, late=True))),
    ],
    "news that shows nothing": [
        *((0, Sold(A), making(A)), (1, answered(A, "pending"), making(A))),
        *((2, answered(A, "returned"), making(A)), (3, issued(A), ready(A))),
    ],
    "a receipt without its fiscal string": [
        *((0, Sold(A), making(A)), (1, answered(A, "issued"), making(A))),
        (2, issued(A), ready(A)),
    ],
    "the timer is late": [(0, Sold(A), making(A)), (500, TICK, making(A, slow=True))],
    "nothing happens": [(0, TICK, Idle()), (1e9, TICK, Idle()), (1e9, ENDS, Idle())],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_story_is_shown(story: Story) -> None:
    state = State()
    for now, event, screen in story:
        state = advance(state, event, now, POLICY)
        assert state.screen == screen, (now, event)


PAGE, FISCAL, OFD = LINKS + A.token, receipt(A).qr, "https://ofd.example/1"


@pytest.mark.parametrize(
    ("qr", "link", "ofd", "while_made", "then"),
    [
        ("link_then_fiscal", LINKS, None, PAGE, (FISCAL, PAGE, True)),
        ("link_then_fiscal", LINKS, OFD, PAGE, (FISCAL, OFD, True)),
        ("link_then_fiscal", None, None, None, (FISCAL, None, True)),
        ("fiscal", LINKS, None, None, (FISCAL, PAGE, True)),
        ("fiscal", None, OFD, None, (FISCAL, OFD, True)),
        ("link", LINKS, None, PAGE, (PAGE, PAGE, False)),
        ("link", LINKS, OFD, PAGE, (OFD, OFD, False)),
        ("link", None, None, None, (FISCAL, None, True)),
    ],
)
def test_the_operator_chooses_the_code(
    qr: str,
    link: str | None,
    ofd: str | None,
    while_made: str | None,
    then: tuple[str, str | None, bool],
) -> None:
    policy = Policy(qr=qr, link=link)  # type: ignore[arg-type]
    state = advance(State(), Sold(A), 0, policy)
    assert state.screen == Making(A, while_made)
    state = advance(state, Answered(A, receipt(A, link=ofd)), 1, policy)
    shown, page, statutory = then
    assert state.screen == Ready(A, 1, shown, page, statutory=statutory, late=False)


def test_an_issued_receipt_with_nothing_to_show_leaves_the_buyer_waiting() -> None:
    state = advance(State(), Sold(A), 0, Policy(qr="fiscal"))
    state = advance(state, answered(A, "issued"), 1, Policy(qr="fiscal"))
    assert isinstance(state.screen, Making)


def test_nothing_is_due_where_nothing_ends() -> None:
    assert State().until is None
    assert advance(State(), BEGINS, 5, POLICY).until is None


# The promise, over any order of events at any time. ----------------------------------------------

SALES = (A, B, C, D, E)
EVENTS = st.one_of(
    st.sampled_from(SALES).map(Sold),
    st.sampled_from(SALES).map(issued),
    st.sampled_from(SALES).map(lambda each: answered(each, "refused")),
    st.booleans().map(Buying),
    st.just(TICK),
)
GAPS = st.sampled_from([0.0, 0.1, 1.0, 14.9, 15.0, 39.9, 40.0, 60.0, 100.0]) | st.floats(0, 200)
POLICIES = st.builds(
    Policy,
    qr=st.sampled_from(["link_then_fiscal", "fiscal", "link"]),
    link=st.sampled_from([None, LINKS]),
    show_s=st.floats(STATUTORY_S, 120),
    patience_s=st.floats(1, 60),
)


@dataclass
class Onlooker:
    """Stands beside the machine: knows who bought last, who is buying, and what was shown when."""

    last: Sale | None = None
    buying: bool = False
    since: float = 0.0
    shown: list[Screen] = field(default_factory=list)

    def watch(self, before: Screen, event: Event, after: Screen, now: float) -> None:
        if isinstance(event, Sold):
            self.last, self.buying = event.sale, False
            assert isinstance(after, Making)
            assert after.sale == event.sale
        elif isinstance(event, Buying):
            self.buying = event.now
        if after != before:
            self._changed(before, event, after, now)
            self.since = now

    def _changed(self, before: Screen, event: Event, after: Screen, now: float) -> None:
        if isinstance(before, Ready) and not isinstance(event, Sold):
            assert now - self.since >= STATUTORY_S
        if not isinstance(after, Ready):
            return
        if after.late:
            assert not self.buying
            assert not (isinstance(before, Making) and now - self.since < STATUTORY_S)
        else:
            assert after.sale == self.last
            assert isinstance(before, Making)
            assert before.sale == after.sale
        if after.statutory:
            assert after.qr == receipt(after.sale).qr
        else:
            assert after.qr == LINKS + after.sale.token


@given(POLICIES, st.lists(st.tuples(GAPS, EVENTS), max_size=40))
def test_a_screen_is_never_taken_for_another_s_and_stays_for_forty_seconds(
    policy: Policy, story: list[tuple[float, Event]]
) -> None:
    state, now, onlooker = State(), 0.0, Onlooker()
    for gap, event in story:
        now += gap
        before, state = state, advance(state, event, now, policy)
        onlooker.watch(before.screen, event, state.screen, now)
        assert len(state.late) <= MOST_LATE
        assert (state.until is None) == isinstance(state.screen, Idle)


@given(POLICIES, st.lists(st.tuples(GAPS, EVENTS), max_size=20))
def test_whatever_happened_the_screen_is_idle_in_the_end(
    policy: Policy, story: list[tuple[float, Event]]
) -> None:
    state, now = State(), 0.0
    for gap, event in story:
        now += gap
        state = advance(state, event, now, policy)
    state = advance(state, ENDS, now, policy)
    turns = 0
    while state.until is not None:
        now, turns = state.until, turns + 1
        state = advance(state, TICK, now, policy)
        assert turns <= MOST_LATE + 3
    assert state.screen == Idle()
    assert state.late == ()

"""The presenter as stories: what happens at which second, and what is on the screen after it."""

from dataclasses import replace

import pytest
from specimens import BOOT, receipt, sale

from edge.buyer.late import MOST_LATE
from edge.buyer.presenter import (
    Again,
    Answered,
    Buying,
    Event,
    Policy,
    Reached,
    Serving,
    Sold,
    State,
    Tick,
    Told,
    Unkept,
    advance,
)
from edge.buyer.screen import Idle, Making, Notice, Offline, OutOfOrder, Ready, Refused, Screen
from edge.wire import Sale

A, B, C, D, E = (sale(seq, token=f"{seq:016d}", boottime_ms=seq * 1000) for seq in range(1, 6))
BEFORE = sale(9, boot_id="another", boottime_ms=1000)
LINKS = "https://chek.example/r/"
POLICY = Policy(link=LINKS, show_s=60, patience_s=15, late_s=3600, offline_s=30)
BEGINS, ENDS, TICK = Buying(now=True), Buying(now=False), Tick()
AGAIN = Buying(now=True, again=True)
GONE, BACK, DEAD, ALIVE = (*map(Reached, (False, True)), *map(Serving, (False, True)))
IDLE, OFFLINE, BROKEN, HELLO = Idle(), Offline(), OutOfOrder(), Notice("Привет")
OTHER_QR = "t=20261123T1543&s=60.00&fn=9999078900000000&i=99999&fp=1234567890&n=1"


def issued(of: Sale, rev: int = 1, **changes: object) -> Answered:
    return Answered(of, receipt(of, rev, **changes))


def answered(of: Sale, status: str, rev: int = 1) -> Answered:
    return Answered(of, receipt(of, rev, status=status, qr=None, fiscal=None))


def again(of: Sale, rev: int = 1, **changes: object) -> Again:
    return Again(of, receipt(of, rev, **changes))


def making(of: Sale, *, slow: bool = False) -> Screen:
    return Making(of, LINKS + of.token, slow)


def slow(of: Sale) -> Screen:
    return making(of, slow=True)


def ready(of: Sale, rev: int = 1, *, late: bool = False, qr: str | None = None) -> Ready:
    qr = qr or receipt(of).qr
    assert qr is not None
    return Ready(of, rev, qr, LINKS + of.token, statutory=True, late=late)


def late(of: Sale, ago_s: int | None, rev: int = 1, qr: str | None = None) -> Screen:
    return replace(ready(of, rev, late=True, qr=qr), ago_s=ago_s)


Story = list[tuple[float, Event, Screen]]
STORIES: dict[str, Story] = {
    "the receipt comes in a second": [
        *((0, BEGINS, IDLE), (5, Sold(A), making(A)), (5, ENDS, making(A))),
        *((6, issued(A), ready(A)), (65.9, TICK, ready(A)), (66, TICK, IDLE)),
    ],
    "the receipt is slow, and the buyer waits": [
        *((1, Sold(A), making(A)), (15.9, TICK, making(A)), (16, TICK, slow(A))),
        *((20, issued(A), ready(A)), (79.9, TICK, ready(A)), (80, TICK, IDLE)),
    ],
    "the receipt comes when nobody waits any more": [
        *((1, Sold(A), making(A)), (16, TICK, slow(A)), (75.9, TICK, slow(A)), (76, TICK, IDLE)),
        *((300, issued(A), late(A, 299)), (359.9, TICK, late(A, 299)), (360, TICK, IDLE)),
    ],
    "the receipt comes when another is buying": [
        *((1, Sold(A), making(A)), (16, TICK, slow(A)), (76, TICK, IDLE)),
        *((80, BEGINS, IDLE), (81, issued(A), IDLE), (99, TICK, IDLE)),
        *((100, ENDS, late(A, 99)), (160, TICK, IDLE)),
    ],
    "the receipt comes when another has bought: theirs goes first": [
        *((1, Sold(A), making(A)), (10, Sold(B), making(B)), (11, issued(A), making(B))),
        *((12, issued(B), ready(B)), (72, TICK, late(A, 71)), (132, TICK, IDLE)),
    ],
    "another's receipt waits for as long as a buyer waits for theirs": [
        *((1, Sold(A), making(A)), (10, Sold(B), making(B)), (11, issued(A), making(B))),
        *((25, TICK, slow(B)), (84.9, TICK, slow(B)), (85, TICK, late(A, 84))),
    ],
    "another's receipt does not cut short the one that is shown": [
        *((1, Sold(A), making(A)), (2, Sold(B), making(B)), (3, issued(B), ready(B))),
        *((4, issued(A), ready(B)), (62.9, TICK, ready(B)), (63, TICK, late(A, 62))),
    ],
    "a card that is put in takes nothing away; the sale does": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A)), (3, BEGINS, ready(A))),
        *((4, ENDS, ready(A)), (5, BEGINS, ready(A)), (9, Sold(B), making(B))),
    ],
    "a buyer who began does not make it stay longer either": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A)), (60, BEGINS, ready(A))),
        (62, TICK, IDLE),
    ],
    "a late receipt stays when somebody begins, and goes with their sale": [
        *((1, issued(A), late(A, 0)), (2, BEGINS, late(A, 0)), (3, Sold(B), making(B))),
        *((4, issued(B), ready(B)), (64, TICK, IDLE)),
    ],
    "no late receipt follows another while somebody is buying": [
        *((2, issued(A), late(A, 1)), (3, issued(B), late(A, 1)), (4, BEGINS, late(A, 1))),
        *((62, TICK, IDLE), (70, ENDS, late(B, 68))),
    ],
    "several late receipts, one after another, the oldest sale first": [
        *((1, Sold(A), making(A)), (2, Sold(B), making(B)), (3, Sold(C), making(C))),
        *((4, issued(B), making(C)), (5, issued(A), making(C)), (6, issued(C), ready(C))),
        *((66, TICK, late(A, 65)), (126, TICK, late(B, 124)), (186, TICK, IDLE)),
    ],
    "no more than three wait: those of the newest sales": [
        *((5, Sold(E), making(E)), (5, issued(D), making(E)), (6, issued(A), making(E))),
        *((7, issued(C), making(E)), (8, issued(B), making(E)), (9, issued(E), ready(E))),
        *((69, TICK, late(B, 67)), (129, TICK, late(C, 126)), (189, TICK, late(D, 185))),
        (249, TICK, IDLE),
    ],
    "a receipt that comes an hour after its sale is not shown": [
        *((3600.9, issued(A), late(A, 3599)), (3700, TICK, IDLE), (3700, issued(B), IDLE)),
    ],
    "a receipt that waited until it was an hour old is not shown": [
        *((3000, BEGINS, IDLE), (3500, issued(A), IDLE), (3601, ENDS, IDLE)),
    ],
    "a receipt of before the boot is not shown: nobody can tell how old it is": [
        (60, issued(BEFORE), IDLE),
    ],
    "no receipt was issued": [
        *((1, Sold(A), making(A)), (2, answered(A, "refused"), Refused(A, 1))),
        *((61.9, TICK, Refused(A, 1)), (62, TICK, IDLE)),
    ],
    "refused, and issued after all": [
        *((1, Sold(A), making(A)), (2, answered(A, "refused"), Refused(A, 1))),
        *((5, issued(A, 2), ready(A, 2)), (65, TICK, IDLE)),
    ],
    "issued, and refused after all": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A))),
        *((5, answered(A, "refused", 2), Refused(A, 2)), (65, TICK, IDLE)),
    ],
    "a late refusal is of no use to strangers": [
        *((1, answered(A, "refused"), IDLE), (2, issued(B), late(B, 0))),
        (3, answered(B, "refused", 2), IDLE),
    ],
    "a refusal takes back what waits": [
        *((1, BEGINS, IDLE), (2, issued(A), IDLE), (3, answered(A, "refused", 2), IDLE)),
        (4, ENDS, IDLE),
    ],
    "a newer receipt replaces the one on the screen, and has its own time": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A))),
        *((50, issued(A, 2, qr=OTHER_QR), ready(A, 2, qr=OTHER_QR)),),
        *((109.9, TICK, ready(A, 2, qr=OTHER_QR)), (110, TICK, IDLE)),
    ],
    "a newer receipt replaces the late one on the screen": [
        *((1, issued(A), late(A, 0)), (50, issued(A, 2, qr=OTHER_QR), late(A, 49, 2, OTHER_QR))),
        (110, TICK, IDLE),
    ],
    "a newer receipt replaces the one that waits": [
        *((1, BEGINS, IDLE), (2, issued(A), IDLE), (3, issued(A, 2, qr=OTHER_QR), IDLE)),
        *((4, issued(A), IDLE), (9, ENDS, late(A, 8, 2, OTHER_QR)), (69, TICK, IDLE)),
    ],
    "a receipt that is said twice is said once": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A)), (50, issued(A), ready(A))),
        (62, TICK, IDLE),
    ],
    "a newer word without a code leaves the code": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A))),
        *((3, answered(A, "issued", 2), ready(A)), (4, answered(A, "pending", 3), ready(A))),
    ],
    "a sale that was returned has no receipt to show": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A)), (3, answered(A, "returned", 2), IDLE)),
        *((4, issued(B), late(B, 2)), (5, answered(B, "returned", 2), IDLE)),
    ],
    "a sale that was returned before its receipt came": [
        *((1, Sold(A), making(A)), (2, answered(A, "returned"), IDLE)),
    ],
    "news that shows nothing": [
        *((1, Sold(A), making(A)), (2, answered(A, "pending"), making(A))),
        *((3, answered(A, "issued"), making(A)), (4, answered(B, "returned"), making(A))),
        (5, issued(A), ready(A)),
    ],
    "a break of less than half a minute is nobody's business": [
        *(
            (0, GONE, IDLE),
            (29.9, GONE, IDLE),
            (29.9, BACK, IDLE),
            (40, GONE, IDLE),
            (60, GONE, IDLE),
        ),
        *((69.9, TICK, IDLE), (70, TICK, OFFLINE), (71, GONE, OFFLINE), (72, BACK, IDLE)),
    ],
    "offline, the screen says at once that the receipt comes later": [
        *((0, GONE, IDLE), (30, TICK, OFFLINE), (31, Sold(A), slow(A)), (90.9, TICK, slow(A))),
        (91, TICK, OFFLINE),
    ],
    "who waits when the connection is given up is told at once": [
        *((0, GONE, IDLE), (25, Sold(A), making(A)), (30, TICK, slow(A)), (31, BACK, slow(A))),
        *((32, issued(A), ready(A)), (92, TICK, IDLE)),
    ],
    "offline, what is on the screen stays": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A)), (3, GONE, ready(A))),
        *((33, TICK, ready(A)), (62, TICK, OFFLINE)),
    ],
    "a machine out of order says so, and its receipts are shown": [
        *((1, Sold(A), making(A)), (2, DEAD, making(A)), (3, issued(A), ready(A))),
        *((63, TICK, BROKEN), (64, issued(B), late(B, 62)), (124, TICK, BROKEN)),
        (125, ALIVE, IDLE),
    ],
    "on a dead bus nobody is buying": [
        *((1, BEGINS, IDLE), (2, issued(A), IDLE), (3, DEAD, late(A, 2)), (4, ALIVE, late(A, 2))),
        (63, TICK, IDLE),
    ],
    "out of order goes before all that may be said at rest": [
        *((0, GONE, IDLE), (30, TICK, OFFLINE), (31, Told("Привет", 60), HELLO)),
        *((32, DEAD, BROKEN), (33, ALIVE, HELLO), (91, TICK, OFFLINE)),
    ],
    "a notice is for whoever comes, not for who buys": [
        *((0, Told("Привет", 100), HELLO), (10, BEGINS, IDLE), (11, Sold(A), making(A))),
        *((12, issued(A), ready(A)), (72, TICK, HELLO), (99.9, TICK, HELLO), (100, TICK, IDLE)),
    ],
    "a notice waits for the screen, and its time runs": [
        *((1, Sold(A), making(A)), (2, Told("Привет", 70), making(A)), (3, issued(A), ready(A))),
        *((63, TICK, HELLO), (72, TICK, IDLE)),
    ],
    "a late receipt goes before a notice": [
        *((0, Told("Привет", 100), HELLO), (1, issued(A), late(A, 0)), (61, TICK, HELLO)),
    ],
    "another notice replaces the first, and nothing takes it back": [
        *((0, Told("Привет", 100), HELLO), (1, Told(" По\tка\x07 ", 9), Notice("По ка"))),
        *((2, Told(" \n", 100), IDLE), (3, Told("Привет", 100), HELLO), (103, TICK, IDLE)),
    ],
    "a receipt is asked for again": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A)), (62, TICK, IDLE)),
        *((70, again(A), late(A, 69)), (129.9, TICK, late(A, 69)), (130, TICK, IDLE)),
    ],
    "asked for again while it is there, it stays": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A)), (50, again(A), ready(A))),
        *((109.9, TICK, ready(A)), (110, TICK, IDLE)),
    ],
    "asked for while its buyer waits, it is there": [
        *((1, Sold(A), making(A)), (2, again(A), ready(A)), (62, TICK, IDLE)),
    ],
    "asked for again while another buys, it waits": [
        *((1, Sold(A), making(A)), (2, issued(A), ready(A)), (62, TICK, IDLE), (63, BEGINS, IDLE)),
        *((64, again(A), IDLE), (70, Sold(B), making(B)), (71, issued(B), ready(B))),
        (131, TICK, late(A, 130)),
    ],
    "asked for, it is shown however old it is, and of whatever boot": [
        *((9000, again(A), late(A, 8999)), (9060, again(BEFORE), late(BEFORE, None))),
        (9120, TICK, IDLE),
    ],
    "what cannot be shown is asked for in vain": [
        *((0, again(A, status="refused"), IDLE), (0, again(A, status="pending"), IDLE)),
        *((1, Sold(A), making(A)), (2, again(A, status="refused"), making(A)), (16, TICK, slow(A))),
    ],
    "a sale that is not on the disk yet takes the last one's receipt away": [
        *((1, Sold(A), making(A)), (1.1, issued(A), ready(A)), (3, Unkept(2), IDLE)),
        *((9, Sold(B), making(B)), (10, issued(B), ready(B)), (70, TICK, IDLE)),
    ],
    "it takes away a wait, a refusal and a late receipt as well": [
        *((1, Sold(A), making(A)), (3, Unkept(2), IDLE), (4, Sold(B), making(B))),
        *((4, answered(B, "refused"), Refused(B, 1)), (4.2, Unkept(3), IDLE)),
        *((43, issued(A), IDLE), (44.2, TICK, late(A, 43)), (45, Unkept(44), IDLE)),
    ],
    "it takes nothing from whoever bought after it, or from itself": [
        *((2, Sold(B), making(B)), (2, Unkept(1), making(B)), (3, Unkept(2), making(B))),
        *((3, issued(A), making(B)), (17, TICK, slow(B)), (77, TICK, late(A, 76))),
    ],
    "a receipt of before the boot, asked for, goes with it too": [
        (1, again(BEFORE), late(BEFORE, None)),
        (1.2, Unkept(0.2), IDLE),
    ],
    "while it is expected, nobody else's receipt comes to the screen": [
        *((1, Sold(A), making(A)), (3, Unkept(2), IDLE), (4, issued(A), IDLE)),
        *((5, ENDS, IDLE), (6, again(A), IDLE), (42.9, TICK, IDLE), (43, TICK, late(A, 42))),
    ],
    "what was sold before it, and is kept before it, does not take the screen": [
        *((4, Unkept(3), IDLE), (5, Unkept(2), IDLE), (6, Sold(B), IDLE), (7, issued(B), IDLE)),
        *((8, Sold(C), making(C)), (9, issued(C), ready(C)), (69, TICK, late(B, 67))),
    ],
    "kept when the next buyer is there, it does not take the screen": [
        *((3, Unkept(2), IDLE), (4, BEGINS, IDLE), (5, Sold(B), IDLE), (6, issued(B), IDLE)),
        *((7, ENDS, IDLE), (43, TICK, late(B, 41))),
    ],
    "kept when the next buyer had come before it was missed, it does not take the screen": [
        *((2.5, BEGINS, IDLE), (2.8, ENDS, IDLE), (3, Unkept(2), IDLE), (5, Sold(B), IDLE)),
        *((6, issued(B), IDLE), (43, TICK, late(B, 41))),
    ],
    "its own buyer's beginning takes nothing from it": [
        *((1, BEGINS, IDLE), (3, Unkept(2), IDLE), (5, Sold(B), making(B))),
    ],
    "kept when its buyer chooses again, it takes the screen": [
        *((1, BEGINS, IDLE), (3, Unkept(2), IDLE), (4, AGAIN, IDLE), (5, Sold(B), making(B))),
        *((6, issued(B), ready(B)), (8, Sold(C), making(C))),
    ],
    "kept when its buyer has bought again, it does not take the screen": [
        *((3, Unkept(2), IDLE), (4, AGAIN, IDLE), (6, Unkept(5), IDLE), (7, Sold(B), IDLE)),
        (8, Sold(E), making(E)),
    ],
    "kept when its buyer had chosen again before it was missed, it takes the screen": [
        *((1, BEGINS, IDLE), (2.5, AGAIN, IDLE), (3, Unkept(2), IDLE), (5, Sold(B), making(B))),
    ],
    "no late receipt is shown to who chooses again": [
        *((3, AGAIN, IDLE), (4, issued(A), IDLE), (5, ENDS, late(A, 4))),
    ],
    "kept at last, it is not expected any more": [
        *((1, Sold(A), making(A)), (3, Unkept(2), IDLE), (4, issued(A), IDLE)),
        *((5, Sold(B), making(B)), (6, answered(B, "returned"), late(A, 5))),
    ],
    "while it is expected, the screen says what it says at rest": [
        *((0, Told("Привет", 100), HELLO), (2, Unkept(1), HELLO), (3, DEAD, BROKEN)),
        *((4, ALIVE, HELLO), (5, Sold(A), making(A))),
    ],
    "the timer is late": [(1, Sold(A), making(A)), (500, TICK, slow(A)), (999, TICK, IDLE)],
    "nothing happens": [(0, TICK, IDLE), (1e9, TICK, IDLE), (1e9, ENDS, IDLE), (1e9, BACK, IDLE)],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_story_is_shown(story: Story) -> None:
    state = State(BOOT)
    for now, event, screen in story:
        state = advance(state, event, now, POLICY)
        assert state.screen == screen, (now, event)


PAGE, FISCAL, OFD = LINKS + A.token, receipt(A).qr, "https://ofd.example/1"


@pytest.mark.parametrize(
    ("policy", "while_made"),
    [
        (Policy(link=LINKS), PAGE),
        (Policy(link=None), None),
        (Policy(qr="fiscal", link=LINKS), None),
        (Policy(qr="link", link=LINKS), PAGE),
    ],
)
def test_the_operator_chooses_the_code(policy: Policy, while_made: str | None) -> None:
    state = advance(State(BOOT), Sold(A), 0, policy)
    assert state.screen == Making(A, while_made)
    state = advance(state, issued(A), 1, policy)
    assert isinstance(state.screen, Ready)
    assert state.screen.qr == (PAGE if policy.qr == "link" else FISCAL)


def test_an_issued_receipt_with_nothing_to_show_leaves_the_buyer_waiting() -> None:
    state = advance(State(BOOT), Sold(A), 0, Policy(qr="fiscal"))
    state = advance(state, answered(A, "issued"), 1, Policy(qr="fiscal"))
    assert isinstance(state.screen, Making)


def test_it_is_known_when_something_changes_next() -> None:
    state = State(BOOT)
    for now, event, until in [
        (5, BEGINS, None),
        (6, GONE, 36),
        (7, Told("Привет", 20), 27),
        (8, Sold(A), 23),
        (9, issued(A), 27),
        (10, BACK, 27),
        (27, TICK, 69),
        (28, Sold(B), 43),
        (29, issued(B), 89),
        (30, BEGINS, 89),
        (31, issued(C), 89),
        (89, TICK, 3603),
        (3603, TICK, None),
        (3604, Unkept(3603), 3644),
        (3644, TICK, None),
    ]:
        state = advance(state, event, now, POLICY)
        assert state.until == until, (now, event)


@pytest.mark.parametrize(
    ("story", "counted"),
    [
        ([(1, Sold(A)), (2, issued(A))], (0, 0)),
        ([(1, issued(A))], (1, 0)),
        ([(1, issued(A)), (2, issued(A)), (3, issued(A, 2))], (1, 0)),
        ([(1, BEGINS), (2, issued(A)), (3, issued(A, 2)), (4, ENDS)], (1, 0)),
        ([(1, answered(A, "refused")), (2, answered(B, "returned"))], (0, 0)),
        ([(1, answered(A, "issued"))], (0, 0)),
        ([(1, BEGINS), (2, issued(A)), (3, answered(A, "returned", 2))], (1, 0)),
        ([(4000, issued(A)), (4000, issued(BEFORE))], (2, 2)),
        ([(1, BEGINS), (2, issued(A)), (4000, TICK)], (1, 1)),
        ([(1, BEGINS), *((2, issued(each)) for each in (A, B, C, D, E))], (5, 2)),
        ([(1, again(A)), (2, again(A))], (0, 0)),
    ],
)
def test_late_receipts_are_counted_and_so_are_those_that_nobody_saw(
    story: list[tuple[float, Event]], counted: tuple[int, int]
) -> None:
    state = State(BOOT)
    for now, event in story:
        state = advance(state, event, now, POLICY)
    assert (state.late, state.unshown) == counted
    assert len(state.waiting) <= MOST_LATE


def test_a_newer_word_on_what_was_asked_for_again_keeps_its_place() -> None:
    state = State(BOOT)
    for now, event in [(4000, BEGINS), (4001, again(A)), (4002, issued(A, 2, qr=OTHER_QR))]:
        state = advance(state, event, now, POLICY)
    assert (state.late, state.unshown) == (0, 0)
    assert advance(state, ENDS, 4003, POLICY).screen == late(A, 4002, 2, OTHER_QR)


def test_without_patience_for_late_ones_none_is_shown_but_on_demand() -> None:
    policy = replace(POLICY, late_s=0)
    state = advance(State(BOOT), issued(A), 1, policy)
    assert (state.screen, state.late, state.unshown) == (IDLE, 1, 1)
    state = advance(advance(state, BEGINS, 2, policy), again(A), 2, policy)
    assert state.screen == IDLE
    assert advance(state, ENDS, 61.9, policy).screen == late(A, 60)
    assert advance(state, ENDS, 62, policy).screen == IDLE


def test_a_screen_may_say_at_once_that_the_cloud_is_away() -> None:
    assert advance(State(BOOT), GONE, 1, replace(POLICY, offline_s=0)).screen == OFFLINE

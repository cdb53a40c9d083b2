"""SIGKILL of the real process at random instants; SIGTERM under load. The long run: `make soak`."""

import time
from pathlib import Path

import pytest
from specimens import sale
from street.deals import Deal, End, judge
from street.gateway import STOP_S
from street.soak import Street, street

from edge.wire import Incident

ROUNDS, STOPS = 24, 10
SEED = 20261125


@pytest.mark.needs("mosquitto")
def test_whatever_dies_when_it_will_the_inbox_is_the_truth_of_the_bus(tmp_path: Path) -> None:
    with street(tmp_path, SEED) as there:
        for _ in range(ROUNDS):
            there.round()
        verdict = there.settle()
        assert verdict.holds, story(there, *verdict.broken)
    assert verdict.in_inbox > ROUNDS / 2
    assert verdict.cut + verdict.unknown <= ROUNDS


@pytest.mark.needs("mosquitto")
def test_told_to_stop_under_load_it_ends_in_time_and_loses_nothing(tmp_path: Path) -> None:
    with street(tmp_path, SEED) as there:
        for _ in range(STOPS):
            there.gateway.start()
            there.listen()
            there.counter.power_on()
            there.sell()
            there.stop()
            there.look()
        verdict = there.settle()
        assert verdict.holds, story(there, *verdict.broken)
    assert verdict.cut == verdict.unknown == 0
    assert verdict.in_inbox == verdict.vends > STOPS


@pytest.mark.needs("mosquitto")
def test_told_to_stop_while_people_buy_and_the_broker_is_away_it_ends_in_time(
    tmp_path: Path,
) -> None:
    with street(tmp_path, SEED) as there:
        there.gateway.start()
        there.listen()
        there.counter.power_on()
        there.gateway.until(lambda: there.gateway.rows("SELECT 1 FROM sale"), "nothing is kept")
        there.broker.kill()
        time.sleep(0.2)
        began = time.monotonic()
        there.counter.cut(there.gateway.tell_to_stop)
        assert there.gateway.ended() == 0
        assert time.monotonic() - began < STOP_S
        there.broker.start()
        verdict = there.settle()
        assert verdict.holds, story(there, *verdict.broken)


def story(there: Street, *broken: str) -> str:
    """What was done to whom, and what is wrong: enough to do it again."""
    return "\n".join([f"seed {there.seed}", *there.story, *broken, there.gateway.last_lines()])


def a_deal(number: int = 1, how: str = "card", end: End = End.SOLD, **told: bool) -> Deal:
    deal = Deal(number, f"{number:04x}", 1000, how, end, 1)
    for name, value in told.items():
        setattr(deal, name, value)
    return deal


def asked_of(deal: Deal) -> Incident:
    return Incident(
        epoch="7f3a9c1e",
        number=1,
        kind="outcome_unknown",
        at="2026-11-25T12:00:00Z",
        clock="synced",
        boot_id="x",
        boottime_ms=1,
        text="?",
        item=deal.item,
        amount=deal.price,
    )


CASES = {
    "sold": ({"over": True}, 1, 0, []),
    "sold, and heard before the cut": ({"over": True, "last": True}, 1, 0, []),
    "asked of behind a cut": ({"over": True, "approved": True, "last": True}, 0, 1, []),
    "cut": ({"over": True, "last": True}, 0, 0, []),
    "undecided": ({"approved": True, "last": True}, 0, 1, []),
    "lost": ({"over": True}, 0, 0, ["lost"]),
    "lost though all was heard": ({"over": True, "last": True, "heard": True}, 0, 0, ["lost"]),
    "asked of in the middle of a day": ({"over": True, "approved": True}, 0, 1, ["lost"]),
    "sold twice": ({"over": True}, 2, 0, ["doubled"]),
    "sold and asked of": ({"over": True, "last": True, "approved": True}, 1, 1, ["doubled"]),
    "sold without an end": ({"approved": True, "last": True}, 1, 0, ["phantom"]),
    "asked of without an approval": ({"last": True}, 0, 1, ["phantom"]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_judge_knows_what_is_allowed_and_what_is_not(case: str) -> None:
    """One deal, and behind it another that arrived: only power that was cut between them excuses."""
    told, sold, asked, wrong = CASES[case]
    deal, next_one = a_deal(**told), a_deal(2, over=True)
    stored = [sale(seq, item=deal.item, amount=deal.price) for seq in range(1, sold + 1)]
    stored.append(sale(sold + 1, item=next_one.item, amount=next_one.price))
    verdict = judge([deal, next_one], stored, [asked_of(deal)] * asked)
    assert [each.partition(":")[0] for each in verdict.broken] == wrong


def test_what_was_on_its_way_to_the_disk_when_power_was_cut_is_cut() -> None:
    kept, *cut = (a_deal(number, over=True, approved=True) for number in range(1, 4))
    stored = [sale(1, item=kept.item, amount=kept.price)]
    assert judge([kept, *cut], stored, []).cut == 2
    assert judge([kept, *cut], stored, [asked_of(cut[0])]).told()["unknown"] == 1
    cut[1].heard = True
    assert judge([kept, *cut], stored, []).lost == 1


def test_what_was_cut_in_one_turn_is_no_excuse_in_another() -> None:
    first, second = a_deal(1, over=True), a_deal(2, over=True)
    second.turn = 2
    stored = [sale(1, item=second.item, amount=second.price)]
    assert judge([first, second], stored, []).cut == 1
    second.turn = 1
    assert judge([first, second], stored, []).lost == 1


def test_the_judge_sees_a_sale_that_nobody_made_and_a_gap() -> None:
    verdict = judge([], [sale(1), sale(3)], [asked_of(a_deal())])
    assert verdict.phantom == 3
    assert verdict.gaps == 1

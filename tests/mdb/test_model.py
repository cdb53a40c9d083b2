"""The model test: random lives of a machine, heard by a listener, against the machine's own truth.

The machine (`mdb.virtual`) is written from the standard and knows nothing of the decoder. Where
the two disagree one of them is wrong; the seed says which life to look at:

    pytest tests/mdb/test_model.py -k 'seed-17'
"""

from dataclasses import replace
from random import Random

import pytest

from mdb import Event, Sale, Signal, Sniffer
from mdb.block import Address
from mdb.byte import Line
from mdb.event import CashMovement, Confidence, Kind, Return, Revalue
from mdb.virtual import truth
from mdb.virtual.bill_validator import ValidatorMake
from mdb.virtual.card_reader import ReaderMake
from mdb.virtual.coin_changer import ChangerMake
from mdb.virtual.machine import Make
from mdb.virtual.scenario import Life, Scenario
from mdb.virtual.steps import DEEDS, HOWS, KINDS, Step, lacking
from mdb.virtual.unit import Unit
from mdb.virtual.vmc import Habits, Retort
from mdb.virtual.wire import Fate

QUIET_LIVES, LOSSY_LIVES, NOISY_LIVES = 300, 300, 400
UNITS = (Unit(10, 2), Unit(50, 2), Unit(1, 2), Unit(5, 1), Unit(100, 3), Unit(1, 1))
ITEMS = ("0001", "0002", "0405", "0a0b")
RETORTS: tuple[Retort, ...] = ("nak", "ret", "silence")

Told = tuple[str, str | None, int | None, tuple[tuple[str, int | None], ...], int, bool]


def told_of(deed: truth.Deed) -> Told | None:
    """What a listener can know of a deed: what, item, amount, tenders, whom told, presumed."""
    match deed:
        case truth.Vend(told=True):
            money = tuple((each.by, each.amount) for each in deed.tenders)
            return deed.kind, deed.item, deed.amount, money, deed.address, deed.presumed
        case truth.Return():
            money = tuple((each.by, each.amount) for each in deed.tenders)
            return "return", deed.item, deed.amount, money, deed.address, False
        case truth.Revalue():
            return "revalue", None, deed.amount, (), deed.address, False
        case _:
            return None


def concluded_of(event: Event) -> Told | None:
    """The same of an event."""
    match event:
        case Sale():
            money = tuple((each.by, each.amount) for each in event.tenders)
            presumed = event.confidence is Confidence.PRESUMED
            return event.kind.value, event.item, event.amount, money, event.address, presumed
        case Return():
            money = tuple((each.by, each.amount) for each in event.tenders)
            return "return", event.item, event.amount, money, event.address, False
        case Revalue():
            return "revalue", None, event.amount, (), event.address, False
        case _:
            return None


def listen(signals: list[Signal]) -> list[Event]:
    sniffer = Sniffer()
    heard = [each for signal in signals for each in sniffer.listen(signal)]
    return [event for each in [*heard, *sniffer.flush()] for event in each.events]


def random_reader(chance: Random, address: int) -> ReaderMake:
    level = chance.choice([1, 2, 3])
    return ReaderMake(
        address=address,
        level=level,
        unit=chance.choice(UNITS),
        refund=chance.random() < 0.5,
        cash_sale=chance.random() < 0.8,
        expanded=level == 3 and chance.random() < 0.5,
        negative_vend=level == 3 and chance.random() < 0.5,
        always_idle=level == 3 and chance.random() < 0.4,
        at_once=chance.random() < 0.4,
        several=chance.random() < 0.7,
    )


def random_make(chance: Random) -> Make:
    addresses = chance.choice([(0x10,), (0x10, 0x60), (0x60,), (0x10,)])
    readers = tuple(random_reader(chance, each) for each in addresses)
    changer = chance.choice(
        [
            ChangerMake(level=2, alternative_payout=False),
            ChangerMake(),
            ChangerMake(3, Unit(10, 2), 0x1643, (5, 10, 20, 50, 100, 0xFF), (30,) * 6, 40),
            ChangerMake(3, Unit(50, 2), 0x1643, (1, 2, 4, 10, 20), (5, 0, 20, 20, 48)),
            None,
        ]
    )
    validator = chance.choice(
        [None, ValidatorMake(), ValidatorMake(Unit(100, 1), recycles=(0, 1)), None]
    )
    habits = Habits(
        poll_s=chance.choice([0.05, 0.125, 0.2]),
        motor_s=chance.choice([1.6, 2.0, 3.0]),  # no machine lets two out within 1.5 s
        retort=chance.choice(RETORTS),
        others_between=chance.random() < 0.5,
        polls_in_vend=chance.random() < 0.7,
        coin_s=chance.choice([0.0, 0.0, 0.3]),
        change_first=chance.random() < 0.5,
        tells_both=chance.random() < 0.7,
        asks_paid_value=chance.random() < 0.5,
        asks_names=chance.random() < 0.3,
    )
    prices = {item: chance.randrange(20, 400) * 50 for item in ITEMS}
    gateway = chance.random() < 0.2
    return Make(prices, readers, changer, validator, gateway=gateway, habits=habits)


def random_step(chance: Random, make: Make) -> Step:
    """Any step that this machine can do."""
    while True:
        do = chance.choice([*DEEDS, "vend", "vend", "cash", "cash", "mixed"])
        item = chance.choice(ITEMS)
        step = Step(
            do,
            item=item,
            items=tuple(chance.choices(ITEMS, k=chance.choice([2, 3])))
            if do == "vend" and chance.random() < 0.3
            else (),
            reader=chance.choice(make.readers).address,
            media=chance.choice(["normal", "normal", "free", "test"]),
            kind=chance.choice(list(KINDS)),
            how=chance.choice(list(HOWS)),
            refunded=chance.random() < 0.5,
            accepted=chance.random() < 0.8,
            seconds=chance.choice([0.5, 2.0]),
        )
        reader = next(each for each in make.readers if each.address == step.reader)
        if reader.level == 1:
            step = replace(step, media="normal")
        if do in {"mixed", "coins-beside-card"}:
            step = replace(step, amount=max(500, make.prices[item] // 1000 * 500))
            if make.changer is None or make.prices[item] <= step.amount:
                continue
        if do in {"cash", "revalue", "lever"}:
            step = replace(step, amount=chance.choice([500, 1000, 5000, 20000]))
        if lacking(make, step) is None:
            return step


def random_scenario(seed: int, loss: float = 0.0, noise: float = 0.0) -> Scenario:
    chance = Random(seed)
    make = random_make(chance)
    steps = tuple(random_step(chance, make) for _ in range(chance.randrange(4, 10)))
    return Scenario(make, steps, seed, loss, noise)


def sold(events: list[Event]) -> list[Told]:
    return [told for event in events if (told := concluded_of(event))]


def done(life: Life) -> list[Told]:
    return [told for deed in life.machine.truth.deeds if (told := told_of(deed))]


def cash_kept(events: list[Event]) -> int | None:
    """None where the listener itself says that it does not know."""
    kept = [event.amount for event in events if isinstance(event, CashMovement)]
    return None if None in kept else sum(each or 0 for each in kept)


def matches(concluded: Told, told: Told) -> bool:
    """Whether an event is this deed, as far as noise lets a listener know.

    - What is null may be anything, and then the kind is not known either.
    - Of a mixed payment one part may have been heard.
    - Of a CASH SALE told to both readers the second may have been heard.
    - A gateway tells a sale whose reader was not heard.
    - A negative vend whose request was not heard cannot be told from a vend, nor a free card or a
      test card from one that pays, if it was not heard to come.
    """
    what, item, amount, money, address, _ = concluded
    cashless = any(by != "cash" for by, _ in money)
    if item not in {None, told[1]} or (cashless and address not in {told[4], Address.GATEWAY}):
        return False
    if amount is None:
        return what == told[0] or "paid" in {what, told[0]} - {"return", "revalue"}
    if (what, told[0]) == ("paid", "return"):
        return money == told[3]
    if what == "paid" and told[0] in {"free", "test"}:
        return cashless
    part = bool(money) and set(money) <= set(told[3]) and amount == sum(m or 0 for _, m in money)
    return what == told[0] and (part or (amount, money) == (told[2], told[3]))


def lives(count: int) -> list[object]:
    return [pytest.param(seed, id=f"seed-{seed}") for seed in range(count)]


@pytest.mark.parametrize("seed", lives(QUIET_LIVES))
def test_what_is_concluded_is_what_was_done(seed: int) -> None:
    life = Life(random_scenario(seed))
    events = listen(life.whole())
    assert sold(events) == done(life)
    assert cash_kept(events) in {life.machine.truth.cash_kept, None}


@pytest.mark.parametrize("seed", lives(LOSSY_LIVES))
def test_and_still_so_where_the_parties_miss_and_repeat_what_the_tap_heard(seed: int) -> None:
    life = Life(random_scenario(seed, loss=0.1))
    assert sold(listen(life.whole())) == done(life)


@pytest.mark.parametrize("seed", lives(LOSSY_LIVES))
def test_repeated_coins_and_bills_and_change_are_counted_once(seed: int) -> None:
    life = Life(random_scenario(seed, loss=0.1))
    assert cash_kept(listen(life.whole())) in {life.machine.truth.cash_kept, None}


@pytest.mark.parametrize("seed", lives(NOISY_LIVES))
def test_noise_at_the_tap_costs_sales_and_never_makes_one(seed: int) -> None:
    life = Life(random_scenario(seed, loss=0.03, noise=0.002))
    wire, chance = life.machine.wire, Random(seed)
    parties = wire.fates

    def fates(line: Line, values: bytes) -> Fate:
        return Fate.MISSED_BY_TAP if chance.random() < 0.002 else parties(line, values)

    wire.fates = fates
    events = listen(life.whole())
    left = done(life)
    for event in events:
        concluded = concluded_of(event)
        if concluded is None:
            continue
        match = next((told for told in left if matches(concluded, told)), None)
        assert match is not None, (event, left)
        left.remove(match)
    assert len(left) <= life.noise.hits + wire.missed


def test_the_kinds_of_both_sides_are_the_same_words() -> None:
    assert set(KINDS) | {"paid"} == {kind.value for kind in Kind}

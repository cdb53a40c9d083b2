"""The onlooker: a real stage before it is never blamed, and a wrong picture always."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextvars import Context
from dataclasses import replace
from functools import partial
from itertools import pairwise
from random import Random

import pytest
from simulation.clocks import OwnClock
from simulation.clockwork import Clockwork
from simulation.onlooker import Onlooker
from simulation.process import Computer, Process
from simulation.showing import wrong_showings
from simulation.test_showing import MACHINE, code_of
from simulation.vending import Vending, Visit
from specimens import receipt
from specimens import sale as sale_like

from edge.buyer.picture import picture_of
from edge.buyer.presenter import (
    STATUTORY_S,
    Answered,
    Buying,
    Event,
    Policy,
    Serving,
    Sold,
    State,
    Tick,
    advance,
)
from edge.buyer.screen import Idle, Making, is_late, sale_on
from edge.clock import Moment
from edge.keeper import Concluded
from edge.listener import Ears, Listener, Pulse
from edge.stage import Stage
from edge.wire import Sale, Shown
from mdb import event
from mdb.context import Context as Told

ITEMS = ("0001", "0002")
POLICY = Policy(link="https://chek.example/r/", show_s=40.0, patience_s=5.0, offline_s=1e6)
DAY_S = 600.0
CLOUD_S = (0.2, 90.0)


class Shop:
    """A machine, an edge of tap, listener and stage, and a cloud that answers in its own time."""

    def __init__(self, seed: int, visits: int = 14) -> None:
        self.loop = Clockwork()
        asyncio.set_event_loop(self.loop)
        chance = self.chance = Random(f"{seed} shop")
        hows = ("card", "card", "card", "cash", "denied")
        buyers = [Visit(chance.uniform(5, DAY_S - 100), chance.choice(hows)) for _ in range(visits)]
        self.vending = Vending(MACHINE, Random(f"{seed} vending"), ITEMS, buyers)
        self.onlooker = Onlooker(self.vending, Random(f"{seed} buyers"))
        self.computer = Computer(MACHINE)
        self.process = Process("edge", self.computer)
        self.sales: list[Sale] = []
        self.sale_of: dict[str, tuple[str, int]] = {}
        self.answered: dict[str, Answered] = {}
        self.shown: list[Shown] = []
        self.letters: asyncio.Queue[Answered] = asyncio.Queue()
        self.context: dict[int, Told] = {}

    def start(self) -> None:
        self.process = Process("edge", self.computer)
        self.process.begin(self._live)

    def kill(self) -> None:
        self.loop.remembered.append(self.process)
        self.process.kill()

    def stand(self) -> None:
        self.process.stand()

    def go_on(self) -> None:
        self.process.go_on()

    def run(self) -> "Shop":
        async def whole() -> None:
            self.start()
            await asyncio.sleep(0)
            await self.vending.live(DAY_S)
            self.kill()

        self.loop.run_until_complete(whole())
        self.loop.close()
        return self

    def wrong(self) -> list[str]:
        return wrong_showings(self.onlooker, self.vending.deals, self.sale_of)

    async def _live(self) -> None:
        """As `edge.agent` joins them; what it keeps on its card is kept here."""
        clock = OwnClock(self.loop, self.computer)
        tap, glass = self.vending.tap(), self.onlooker.glass(self.process)
        stage = Stage({"screen": glass}, POLICY, {}, clock, self.shown.append)

        def conclude(concluded: Concluded) -> None:
            if isinstance(concluded.what, Mapping):
                self.context |= concluded.what
            elif isinstance(concluded.what, event.Sale):
                stage.happen(Sold(self._kept(concluded.what, concluded.moment)))

        def pulse(now: Pulse) -> None:
            stage.happen(Serving(now != "silent"))

        listener = Listener(
            tap=tap,
            vmc_only=False,
            known=self.context,
            clock=clock,
            timeline=_Timeline(clock),
            ears=Ears(conclude, stage.happen, pulse),
        )
        letters = self.letters = _handed_on(self.letters)
        self._resume(stage, clock.boottime())
        beside = (stage.run(), listener.mind_silence(), self._read(letters, stage))
        running = [self.loop.create_task(each) for each in beside]
        await listener.run()
        for each in running:
            each.cancel()

    def _resume(self, stage: Stage, now: float) -> None:
        if self.sales and now - self.sales[-1].boottime_ms / 1000 < STATUTORY_S:
            stage.happen(Sold(self.sales[-1]))
            if self.sales[-1].sale_id in self.answered:
                stage.happen(self.answered[self.sales[-1].sale_id])

    def _kept(self, it: event.Sale, moment: Moment) -> Sale:
        number = len(self.sales) + 1
        at = {"boot_id": moment.boot_id, "boottime_ms": moment.boottime_ms}
        sale = sale_like(number, item=it.item, amount=it.amount, token=f"{number:016}", **at)
        self.sales.append(sale)
        deal = [each for each in self.vending.deals if each.began_at <= it.at][-1]
        self.sale_of[sale.sale_id] = deal.name
        if sale.amount is not None:
            answer = Answered(sale, receipt(sale, qr=code_of(sale.amount, number)))
            answers_s = self.chance.uniform(*CLOUD_S)
            self.loop.call_later(answers_s, self._answer, answer, context=Context())
        return sale

    def _answer(self, answer: Answered) -> None:
        """The cloud's, whoever listens; what nobody reads waits for the next life."""
        self.letters.put_nowait(answer)

    async def _read(self, letters: "asyncio.Queue[Answered]", stage: Stage) -> None:
        while True:
            answer = await letters.get()
            self.answered[answer.sale.sale_id] = answer
            stage.happen(answer)


class _Timeline:
    """A clock that is right needs no anchors."""

    def __init__(self, clock: OwnClock) -> None:
        self._clock = clock

    def look(self) -> tuple[Moment, Moment]:
        return self._clock.now(), self._clock.now()


def _handed_on(letters: "asyncio.Queue[Answered]") -> "asyncio.Queue[Answered]":
    """To a new life: what the one before has not read."""
    new: asyncio.Queue[Answered] = asyncio.Queue()
    while not letters.empty():
        new.put_nowait(letters.get_nowait())
    return new


@pytest.mark.parametrize("seed", range(20))
def test_a_real_stage_is_never_blamed(seed: int) -> None:
    assert Shop(seed).run().wrong() == []


@pytest.mark.parametrize("seed", range(20))
def test_nor_where_it_is_killed_and_begins_again_or_is_stopped(seed: int) -> None:
    shop = Shop(seed)
    for when in (90.0, 210.0, 330.0):
        shop.loop.call_at(when, shop.kill)
        shop.loop.call_at(when + shop.chance.uniform(0.1, 60), shop.start)
    for when in (60.0, 180.0, 430.0):
        shop.loop.call_at(when, shop.stand)
        shop.loop.call_at(when + shop.chance.uniform(0.1, 20), shop.go_on)
    assert shop.run().wrong() == []


def _deaf(state: State, event: Event, now: float, policy: Policy) -> State:
    return advance(state, Buying(now=False) if isinstance(event, Buying) else event, now, policy)


def _unmarked(state: State, event: Event, now: float, policy: Policy) -> State:
    state = advance(state, event, now, policy)
    screen = state.screen
    return replace(state, screen=replace(screen, late=False)) if is_late(screen) else state


def _slow_to_change(state: State, event: Event, now: float, policy: Policy) -> State:
    held = isinstance(event, Sold) and sale_on(state.screen) is not None
    return advance(state, Tick() if held else event, now, policy)


@pytest.mark.parametrize("wrong", [_deaf, _unmarked, _slow_to_change])
def test_a_presenter_with_a_fault_is(wrong: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.stage.advance", wrong)
    blamed = [seed for seed in range(10) if Shop(seed).run().wrong()]
    assert blamed


def test_all_kinds_of_pictures_were_seen() -> None:
    seen = Counter[tuple[str, bool]]()
    frozen = 0
    for seed in range(5):
        shop = Shop(seed)
        shop.loop.call_at(200, shop.kill)
        shop.loop.call_at(230, shop.start)
        shop.run()
        seen.update((each.kind, each.late) for each in shop.onlooker.showings)
        frozen += sum(each.frozen_at == 200 for each in shop.onlooker.showings)
        assert len({each.frame_sha256 for each in shop.shown}) == len(shop.shown) > 0
    assert set(seen) == {
        *{("idle", False), ("making", False), ("slow", False), ("ready", False), ("ready", True)}
    }
    assert frozen == 5


def test_the_same_seed_shows_the_same() -> None:
    one, other = ([*map(str, Shop(3).run().onlooker.showings)] for _ in range(2))
    assert one == other


# The glass itself. --------------------------------------------------------------------------------


def test_a_dead_process_leaves_its_picture_until_the_next_life_shows_one() -> None:
    shop = Shop(1)
    shop.loop.call_at(2, shop.kill)
    shop.loop.call_at(3, shop.start)
    first, second, *_ = shop.run().onlooker.showings
    assert (first.life, first.frozen_at) == (1, 2)
    assert (second.life, second.began_at) == (2, first.ended_at)
    assert second.began_at > 3


def test_a_picture_that_is_replaced_before_it_is_painted_is_never_seen() -> None:
    shop = Shop(1)
    painted: list[str] = []

    async def two() -> None:
        glass = shop.onlooker.glass(None)
        making = picture_of(Making(sale_like(1), None), {})
        glass.show(making, lambda _: painted.append("first"))
        glass.show(picture_of(Idle(), {}), lambda _: painted.append("second"))
        await asyncio.sleep(1)
        glass.close()
        glass.close()

    shop.loop.run_until_complete(two())
    shop.loop.close()
    (only,) = shop.onlooker.showings
    assert painted == ["second"]
    assert (only.kind, only.ended_at) == ("idle", 1.0)


def test_a_buyer_leaves_when_the_next_comes_or_soon_after_it_is_over() -> None:
    shop = Shop(2).run()
    deals = shop.vending.deals
    stays = [shop.onlooker.leaves_at(each) - (each.over_at or 0) for each in deals]
    assert all(0 <= each <= 90 for each in stays)
    assert stays[-1] >= 20
    assert all(
        shop.onlooker.leaves_at(each) <= following.began_at for each, following in pairwise(deals)
    )
    unfinished = replace(deals[0], over_at=None)
    assert partial(shop.onlooker.leaves_at, unfinished)() == float("inf")

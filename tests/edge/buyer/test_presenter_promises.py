"""The presenter's promises, kept after every event of every story: short ones all, long ones by chance.

An onlooker stands beside the machine. It knows what happened, not how the presenter thinks, and
objects to any picture that a buyer could take for something it is not.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from specimens import BOOT, receipt, sale

from edge.buyer.event import Reason, why
from edge.buyer.late import MOST_LATE
from edge.buyer.presenter import (
    STATUTORY_S,
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
from edge.buyer.screen import (
    Idle,
    Making,
    Notice,
    Offline,
    OutOfOrder,
    Ready,
    Refused,
    Screen,
    rev_on,
    sale_on,
)
from edge.wire import Receipt, Sale

LINKS = "https://chek.example/r/"
POLICY = Policy(link=LINKS, show_s=STATUTORY_S, patience_s=15, late_s=100, offline_s=30)
TOLD_S = 50.0
ROUNDING_S = 1e-6
"""Of sums of seconds as floats."""


def made_at(sale: Sale) -> float:
    return sale.boottime_ms / 1000


def word(of: Sale, rev: int, status: str = "issued") -> Answered:
    """A word on a receipt; each revision has a fiscal string of its own."""
    qr = f"{receipt(of).qr}&rev={rev}" if status == "issued" else None
    return Answered(of, receipt(of, rev, status=status, qr=qr))


@dataclass(frozen=True)
class Onlooker:
    """What anybody can see and hear."""

    policy: Policy
    sold: tuple[Sale, ...] = ()
    words: dict[str, Receipt] = field(default_factory=dict)
    buying: bool = False
    serving: bool = True
    gone_since: float | None = None
    told: tuple[str, float] = ("", 0.0)
    unkept: tuple[float, float] | None = None
    """When a sale was made that is not kept, and until when its buyer is taken to stand there."""
    newest: float = 0.0
    """When the newest sale that it has heard of was made."""
    came: float = 0.0
    """When the last buyer began."""
    since: float = 0.0
    """When the screen last changed."""

    def hear(self, event: Event, now: float) -> "Onlooker":
        match event:
            case Sold(sale):
                waits = self.unkept if self._came_too_late(sale) else None
                buying = self.buying and waits is not None
                of = self._heard_of(made_at(sale))
                return replace(of, sold=(*self.sold, sale), buying=buying, unkept=waits)
            case Unkept(at):
                newest = max(at, self.came, self.unkept[0] if self.unkept else 0.0)
                return replace(self._heard_of(at), unkept=(newest, now + STATUTORY_S))
            case Answered(sale, receipt):
                of = self._heard_of(made_at(sale))
                return replace(of, words={**self.words, sale.sale_id: receipt})
            case Buying(True, again):
                came = self.came if again else now
                waits = self.unkept and (max(self.unkept[0], came), self.unkept[1])
                return replace(self, buying=True, unkept=waits, came=came)
            case Buying(False):
                return replace(self, buying=False)
            case Serving(serving):
                return replace(self, serving=serving, buying=self.buying and serving)
            case Reached(reached):
                since = now if self.gone_since is None else self.gone_since
                return replace(self, gone_since=None if reached else since)
            case Told(text, for_s):
                return replace(self, told=(text, now + for_s))
            case _:
                return self

    def see(self, before: State, event: Event, after: State, now: float) -> "Onlooker":
        """Look at the screen; objects by AssertionError."""
        self._right_words(after.screen, now)
        self._right_hurry(before, event, after, now)
        assert not self._expects(now) or sale_on(after.screen) is None
        assert after.until is None or after.until > now
        assert (after.ends is None) == (sale_on(after.screen) is None)
        assert len(after.waiting) <= MOST_LATE
        if after.screen == before.screen:
            return self
        self._right_end(before.screen, event, after.screen, now)
        if isinstance(after.screen, Ready):
            self._right_beginning(before.screen, after.screen)
        return replace(self, since=now)

    def _heard_of(self, at: float) -> "Onlooker":
        return replace(self, newest=max(at, self.newest))

    def forget(self, now: float) -> "Onlooker":
        """Nobody waits for ever before a machine whose disk takes nothing."""
        return self if self._expects(now) else replace(self, unkept=None)

    def _expects(self, now: float) -> bool:
        """Whether somebody is there whose sale is not kept, and whom no picture is meant for."""
        return self.unkept is not None and now < self.unkept[1]

    def _came_too_late(self, sale: Sale) -> bool:
        """Whether another had bought, or had begun to, by the time it was kept."""
        return self.unkept is not None and made_at(sale) < self.unkept[0]

    def _right_words(self, screen: Screen, now: float) -> None:
        """Whatever is on is true now, and of the purchase it is taken to be of."""
        offline = self.gone_since is not None and now >= self.gone_since + self.policy.offline_s
        match screen:
            case Making(sale, qr, slow):
                assert sale == self.sold[-1]
                assert qr == LINKS + sale.token
                assert slow or not offline
            case Refused(sale, rev):
                assert sale == self.sold[-1]
                assert (self.words[sale.sale_id].status, rev) == ("refused", self._rev(sale))
            case Ready():
                assert self.words[screen.sale.sale_id].status == "issued"
                assert screen.qr == self.words[screen.sale.sale_id].qr
                assert screen.rev == self._rev(screen.sale)
                assert screen.late or screen.sale == self.sold[-1]
            case _:
                assert screen == self._at_rest(now, offline=offline)

    def _at_rest(self, now: float, *, offline: bool) -> Screen:
        text, until = self.told
        if not self.serving:
            return OutOfOrder()
        if text and now < until and not self.buying:
            return Notice(text)
        return Offline() if offline else Idle()

    def _right_hurry(self, before: State, event: Event, after: State, now: float) -> None:
        """What has a right to the screen has it now."""
        if isinstance(event, Sold) and self._came_too_late(event.sale):
            assert sale_on(after.screen) != event.sale
        elif isinstance(event, Sold):
            assert isinstance(after.screen, Making)
            assert after.screen.sale == event.sale
        if isinstance(event, Answered) and isinstance(before.screen, Making):
            mine = before.screen.sale == event.sale
            assert not mine or not isinstance(after.screen, Making)
        free = not self.buying and not self._expects(now)
        if free and sale_on(after.screen) is None:
            assert after.waiting == ()

    def _right_end(self, old: Screen, event: Event, new: Screen, now: float) -> None:
        """A picture has its time, but for the next sale and for a newer word on the same receipt."""
        sale = sale_on(old)
        if sale is None:
            return
        newer = self._rev(sale) > rev_on(old)
        reason: Reason = why(old, event, new)
        lasted = now - self.since
        assert (reason == "next_sale") == isinstance(event, Sold | Unkept)
        if reason == "receipt":
            assert newer
            assert isinstance(event, Answered | Again)
            assert event.sale == sale
        elif reason == "replaced":
            assert new == replace(old, slow=True)  # type: ignore[type-var]
        elif reason == "timeout":
            assert lasted > STATUTORY_S - ROUNDING_S
            assert not isinstance(old, Making) or old.slow

    def _right_beginning(self, old: Screen, new: Ready) -> None:
        if new.late:
            same = sale_on(old) == new.sale
            assert same or not self.buying
        else:
            assert sale_on(old) == new.sale
            assert not (isinstance(old, Ready) and old.late)

    def _rev(self, sale: Sale) -> int:
        heard = self.words.get(sale.sale_id)
        return heard.rev if heard else 0

    def can_be(self, event: Event) -> bool:
        """A sale is made once, before any word on it; the disk lets only newer words through."""
        match event:
            case Sold(sale):
                return sale not in self.sold and sale.sale_id not in self.words
            case Unkept(at):  # sales are made in order, and kept in order
                return at > self.newest
            case Answered(sale, receipt):
                return receipt.rev > self._rev(sale)
            case Again(sale, receipt):
                return self.words.get(sale.sale_id) == receipt
            case _:
                return True


def come_to_rest(state: State, onlooker: Onlooker, now: float) -> None:
    """When all is well again and nobody comes, the screen is idle in the end, and stays so."""
    for event in (Buying(now=False), Reached(now=True), Serving(now=True)):
        state, onlooker = step(state, onlooker, event, now)
    for _ in range(MOST_LATE + 6):
        if state.until is None:
            break
        now = state.until
        state, onlooker = step(state, onlooker, Tick(), now)
    assert (state.screen, state.until, state.waiting) == (Idle(), None, ())


def step(state: State, onlooker: Onlooker, event: Event, now: float) -> tuple[State, Onlooker]:
    after = advance(state, event, now, onlooker.policy)
    return after, onlooker.hear(event, now).see(state, event, after, now).forget(now)


# Every story of five events. ----------------------------------------------------------------------

LENGTH = 5
A, B = (sale(seq, token=f"{seq:016d}", boottime_ms=seq * 1000) for seq in (1, 2))
ALPHABET: tuple[tuple[float, Event], ...] = (
    *((0, Sold(each)) for each in (A, B)),
    *((0, Unkept(made_at(each))) for each in (A, B)),
    *((0, word(A, rev, "issued")) for rev in (1, 2)),
    *((0, word(A, rev, "refused")) for rev in (1, 2)),
    *((0, word(B, rev, status)) for rev, status in ((1, "issued"), (2, "refused"))),
    (0, word(A, 2, "returned")),
    *((0, Again(A, word(A, rev).receipt)) for rev in (1, 2)),
    *((0, kind(now)) for kind in (Buying, Reached, Serving) for now in (False, True)),
    (0, Buying(now=True, again=True)),
    (0, Told("Привет", TOLD_S)),
    *((gap, Tick()) for gap in (1, 16, 41, 61)),
)
Scene = tuple[State, Onlooker, float]


def fingerprint(scene: Scene) -> Hashable:
    """Two scenes with the same fingerprint have the same future, and are judged alike."""
    state, onlooker, now = scene
    return (
        *(now, of_screen(state.screen), state.ends, state.buying, state.serving),
        *(state.unkept, state.unkept_until, onlooker.unkept, onlooker.newest),
        *(state.offline, state.offline_at, state.notice, state.notice_until),
        tuple((of_screen(each.screen), each.since, each.until) for each in state.waiting),
        *(onlooker.buying, onlooker.serving, onlooker.gone_since, onlooker.told, onlooker.since),
        tuple(each.seq for each in onlooker.sold),
        tuple(sorted((each, said.rev, said.status) for each, said in onlooker.words.items())),
    )


def of_screen(screen: Screen) -> Hashable:
    sale = sale_on(screen)
    detail = screen.late if isinstance(screen, Ready) else getattr(screen, "slow", None)
    return type(screen), sale.seq if sale else 0, rev_on(screen), detail


def scenes(length: int) -> Iterator[tuple[int, dict[Hashable, Scene]]]:
    """All scenes after 0, 1, 2 … events of the alphabet; stories that meet go on as one."""
    start = (State(BOOT), Onlooker(POLICY), 100.0)
    reached = {fingerprint(start): start}
    for events in range(length):
        yield events, reached
        following: dict[Hashable, Scene] = {}
        for state, onlooker, now in reached.values():
            for gap, event in ALPHABET:
                if onlooker.can_be(event):
                    scene = (*step(state, onlooker, event, now + gap), now + gap)
                    following.setdefault(fingerprint(scene), scene)
        reached = following
    yield length, reached


def test_every_story_of_five_events_keeps_the_promises() -> None:
    met = 0
    for events, reached in scenes(LENGTH):
        for state, onlooker, now in reached.values() if events < LENGTH else ():
            come_to_rest(state, onlooker, now)
        met += len(reached)
    assert met > 50_000


# Long stories, by chance. -------------------------------------------------------------------------

GAPS = st.sampled_from([0.0, 0.1, 1.0, 14.9, 15.0, 30.0, 39.9, 40.0, 60.0, 100.0]) | st.floats(
    0, 200
)


class Machine(RuleBasedStateMachine):
    """A machine on the street; every rule is something that happens to it."""

    @initialize(
        show_s=st.floats(STATUTORY_S, 120),
        patience_s=st.floats(1, 60),
        late_s=st.sampled_from([0.0, 60.0, 3600.0]),
        offline_s=st.sampled_from([0.0, 30.0]),
    )
    def start(self, show_s: float, patience_s: float, late_s: float, offline_s: float) -> None:
        self.now = 1000.0
        self.state = State(BOOT)
        self.unkept: list[Sale] = []
        policy = Policy("link_then_fiscal", LINKS, "ru", show_s, patience_s, late_s, offline_s)
        self.onlooker = Onlooker(policy)

    def happens(self, event: Event, gap: float = 0) -> None:
        self.now += gap
        self.state, self.onlooker = step(self.state, self.onlooker, event, self.now)

    def made(self, gap: float) -> Sale:
        """The next sale: no two are made in the same moment."""
        self.now += gap + 0.01
        seq = len(self.onlooker.sold) + len(self.unkept) + 1
        return sale(seq, token=f"{seq:016d}", boottime_ms=round(self.now * 1000))

    @precondition(lambda self: not self.unkept)
    @rule(gap=GAPS)
    def sale(self, gap: float) -> None:
        self.happens(Sold(self.made(gap)))

    @rule(gap=GAPS)
    def sale_that_is_not_kept(self, gap: float) -> None:
        self.unkept.append(self.made(gap))
        self.happens(Unkept(made_at(self.unkept[-1])), 1)

    @precondition(lambda self: self.unkept)
    @rule(gap=GAPS)
    def kept_at_last(self, gap: float) -> None:
        self.happens(Sold(self.unkept.pop(0)), gap)

    @precondition(lambda self: self.onlooker.sold)
    @rule(
        back=st.integers(0, 5),
        status=st.sampled_from(["issued", "issued", "issued", "refused", "returned"]),
        gap=GAPS,
    )
    def word(self, back: int, status: str, gap: float) -> None:
        of = self.onlooker.sold[-1 - min(back, len(self.onlooker.sold) - 1)]
        heard = self.onlooker.words.get(of.sale_id)
        self.happens(word(of, heard.rev + 1 if heard else 1, status), gap)

    @precondition(lambda self: self.onlooker.words)
    @rule(which=st.integers(0, 9), gap=GAPS)
    def again(self, which: int, gap: float) -> None:
        known = sorted(self.onlooker.words)
        sale_id = known[which % len(known)]
        of = next(each for each in self.onlooker.sold if each.sale_id == sale_id)
        self.happens(Again(of, self.onlooker.words[sale_id]), gap)

    @rule(kind=st.sampled_from([Buying, Reached, Serving]), now=st.booleans(), gap=GAPS)
    def known(self, kind: type[Buying | Reached | Serving], now: bool, gap: float) -> None:  # noqa: FBT001
        self.happens(kind(now), gap)

    @rule(gap=GAPS)
    def chosen_again(self, gap: float) -> None:
        self.happens(Buying(now=True, again=True), gap)

    @rule(text=st.sampled_from(["Привет", "Пока"]), for_s=st.floats(1, 500), gap=GAPS)
    def told(self, text: str, for_s: float, gap: float) -> None:
        self.happens(Told(text, for_s), gap)

    @rule(gap=GAPS)
    def time(self, gap: float) -> None:
        self.happens(Tick(), gap)

    @rule()
    def alarm(self) -> None:
        if self.state.until is not None:
            self.happens(Tick(), self.state.until - self.now)

    def teardown(self) -> None:
        if hasattr(self, "state"):
            come_to_rest(self.state, self.onlooker, self.now)


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestLongStories = Machine.TestCase

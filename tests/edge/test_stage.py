import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest
from parts import until
from specimens import StillClock, receipt, sale

from edge.buyer.picture import Picture, picture_of
from edge.buyer.presenter import Answered, Buying, Event, Policy, Serving, Sold, Tick, Told
from edge.buyer.screen import Idle, Making, OutOfOrder, Ready
from edge.clock import Moment, SystemClock
from edge.displays import Display, Gone, Painted
from edge.displays.png import Png
from edge.displays.terminal import Terminal, render
from edge.stage import RETRY_S, UNSEEN_S, Stage
from edge.wire import Shown

A, B = sale(1), sale(2)
POLICY = Policy(qr="fiscal")


@pytest.fixture(autouse=True)
def quick_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that comes up at once."""
    monkeypatch.setattr("edge.stage.START_S", UNSEEN_S)


class Glass:
    """A display whose glass is slow: a picture is seen when the test says so."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.closed = False
        self.painted: Painted | None = None

    def show(self, picture: Picture, painted: Painted) -> None:
        self.pictures.append(picture)
        self.painted = painted

    def seen(self, frame: str) -> None:
        assert self.painted is not None
        self.painted(frame)

    def close(self) -> None:
        self.closed = True


def stage_of(clock: StillClock, shown: Callable[[Shown], None], **displays: Display) -> Stage:
    return Stage(displays, POLICY, {}, clock, shown)


def test_the_evidence_says_what_was_seen_from_when_to_when_and_why_it_ended() -> None:
    clock, shown, glass = StillClock(), list[Shown](), Glass()
    stage = stage_of(clock, shown.append, glass=glass)
    stage.happen(Sold(A))
    glass.seen("a" * 64)
    clock.seconds += 2
    stage.happen(Answered(A, receipt(A, rev=3)))
    clock.seconds += 0.5
    glass.seen("b" * 64)
    started = clock.now()
    clock.seconds += 60
    stage.happen(Tick())
    evidence = shown[-1]
    assert (evidence.sale_id, evidence.rev, evidence.on) == (A.sale_id, 3, "screen")
    assert (evidence.shown_at, evidence.hidden_at) == (started.iso, clock.now().iso)
    assert (evidence.reason, evidence.frame_sha256) == ("timeout", "b" * 64)
    assert [(each.rev, each.reason) for each in shown] == [(0, "receipt"), (3, "timeout")]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda stage: stage.happen(Sold(B)), "next_sale"),
        (lambda stage: stage.close(), "stopped"),
    ],
)
def test_every_end_has_its_reason(end: Callable[[Stage], None], reason: str) -> None:
    clock, shown = StillClock(), list[Shown]()
    stage = stage_of(clock, shown.append, terminal=Terminal(StringIO()))
    stage.happen(Sold(A))
    stage.happen(Answered(A, receipt(A)))
    end(stage)
    assert [(each.sale_id, each.rev, each.reason) for each in shown] == [
        (A.sale_id, 0, "receipt"),
        (A.sale_id, 1, reason),
    ]


def test_what_nobody_could_see_is_no_evidence() -> None:
    shown = list[Shown]()
    stage = stage_of(StillClock(), shown.append, glass=Glass())
    stage.happen(Sold(A))
    stage.happen(Sold(B))
    stage.close()
    assert shown == []


def test_what_was_seen_is_told_once_though_nothing_was_seen_after_it() -> None:
    shown = list[Shown]()
    stage = stage_of(StillClock(), shown.append, glass=(glass := Glass()))
    stage.happen(Sold(A))
    glass.seen("a" * 64)
    stage.happen(Answered(A, receipt(A)))
    stage.happen(Sold(B))
    stage.close()
    assert [each.frame_sha256 for each in shown] == ["a" * 64]


def test_each_display_gives_its_own_evidence() -> None:
    out, shown = StringIO(), list[Shown]()
    stage = stage_of(StillClock(), shown.append, terminal=Terminal(out), glass=(glass := Glass()))
    stage.happen(Sold(A))
    glass.seen("c" * 64)
    stage.happen(Answered(A, receipt(A)))
    text = render(picture_of_making())
    assert {each.frame_sha256 for each in shown} == {sha256(text.encode()).hexdigest(), "c" * 64}
    assert text in out.getvalue()


def picture_of_making() -> Picture:
    glass = Glass()
    stage_of(StillClock(), lambda _: None, glass=glass).happen(Sold(A))
    return glass.pictures[-1]


def test_the_evidence_says_on_which_display_and_how_good_the_clock_was() -> None:
    shown, glasses = list[Shown](), {"door": Glass(), "roof": Glass()}
    stage = stage_of(StillClock(), shown.append, **glasses)
    stage.happen(Sold(A))
    for name, glass in glasses.items():
        glass.seen(name[0].encode().hex() * 32)
    stage.close()
    assert {each.display: each.frame_sha256 for each in shown} == {
        "door": "64" * 32,
        "roof": "72" * 32,
    }
    assert {each.clock for each in shown} == {"synced"}


@dataclass
class JumpingClock(StillClock):
    """Wall time is set while boot time goes on."""

    jump_ms: int = 0

    def now(self) -> Moment:
        now = super().now()
        quality = "unsynced" if self.jump_ms else now.quality
        return replace(now, unix_ms=now.unix_ms + self.jump_ms, quality=quality)


@pytest.mark.parametrize("hours", [-24 * 365, -1, 1, 24 * 365])
def test_a_showing_lasts_as_long_as_it_did_whatever_the_clock_does(hours: int) -> None:
    clock, shown, glass = JumpingClock(), list[Shown](), Glass()
    stage = stage_of(clock, shown.append, glass=glass)
    stage.happen(Sold(A))
    stage.happen(Answered(A, receipt(A)))
    glass.seen("a" * 64)
    started = clock.now()
    clock.jump_ms = hours * 3_600_000
    clock.seconds += 60
    stage.happen(Tick())
    (evidence,) = shown
    assert (evidence.shown_at, evidence.clock) == (started.iso, "synced")
    lasted = datetime.fromisoformat(evidence.hidden_at) - datetime.fromisoformat(evidence.shown_at)
    assert lasted == timedelta(seconds=60)


def test_every_picture_of_a_sale_leaves_evidence_and_no_other_does() -> None:
    clock, shown = StillClock(), list[Shown]()
    stage = stage_of(clock, shown.append, terminal=Terminal(StringIO()))
    story: list[tuple[float, Event]] = [
        *((1, Told("Привет", 1)), (2, Serving(now=False)), (1, Serving(now=True))),
        *((0, Sold(A)), (15, Tick()), (1, Answered(A, receipt(A, status="refused")))),
        *((1, Answered(A, receipt(A, 2))), (60, Tick()), (1, Answered(B, receipt(B)))),
        (1, Answered(B, receipt(B, 2, status="returned"))),
    ]
    for gap, event in story:
        clock.seconds += gap
        stage.happen(event)
    assert [(each.sale_id, each.rev, each.reason) for each in shown] == [
        (A.sale_id, 0, "replaced"),
        (A.sale_id, 0, "receipt"),
        (A.sale_id, 1, "receipt"),
        (A.sale_id, 2, "timeout"),
        (B.sale_id, 1, "receipt"),
    ]
    assert len({each.frame_sha256 for each in shown}) == len(shown)


def test_a_glass_that_speaks_too_late_or_twice_proves_nothing() -> None:
    clock, shown, glass = StillClock(), list[Shown](), Glass()
    stage = stage_of(clock, shown.append, glass=glass)
    stage.happen(Sold(A))
    too_late = glass.painted
    assert too_late is not None
    stage.happen(Answered(A, receipt(A)))
    too_late("a" * 64)
    started = clock.now()
    glass.seen("b" * 64)
    clock.seconds += 5
    glass.seen("c" * 64)
    too_late = glass.painted
    stage.happen(Sold(B))
    too_late("d" * 64)
    stage.close()
    assert [(each.shown_at, each.frame_sha256) for each in shown] == [(started.iso, "b" * 64)]


def test_a_new_configuration_is_for_what_comes_next() -> None:
    clock, glass = StillClock(), Glass()
    stage = Stage({"glass": glass}, POLICY, {"0001": "Чай"}, clock, lambda _: None)
    stage.happen(Sold(A))
    stage.happen(Answered(A, receipt(A)))
    shown = list(glass.pictures)
    stage.change(Policy(link="https://chek.example/r/", show_s=100), {"0001": "Кофе"})
    assert glass.pictures == shown
    clock.seconds += 60
    stage.happen(Tick())
    assert stage.screen == Idle()
    stage.happen(Sold(B))
    assert (glass.pictures[-1].product, glass.pictures[-1].link is None) == ("Кофе", False)
    stage.happen(Answered(B, receipt(B)))
    clock.seconds += 99
    stage.happen(Tick())
    assert isinstance(stage.screen, Ready)


def test_the_stage_says_what_is_on_and_what_came_late() -> None:
    stage = stage_of(StillClock(), lambda _: None)
    assert (stage.screen, stage.kind, stage.late, stage.unshown) == (Idle(), "idle", 0, 0)
    stage.happen(Sold(A))
    assert (stage.screen, stage.kind) == (Making(A, None), "making")
    stage.happen(Answered(B, receipt(B)))
    stage.happen(Answered(sale(3, boot_id="another"), receipt(sale(3))))
    assert (stage.late, stage.unshown) == (2, 1)
    stage.happen(Answered(A, receipt(A, status="returned")))
    assert (stage.kind, stage.late) == ("ready", 2)
    stage.happen(Answered(B, receipt(B, 2, status="returned")))
    stage.happen(Serving(now=False))
    assert (stage.screen, stage.kind) == (OutOfOrder(), "out_of_order")


def test_an_event_that_changes_no_screen_draws_nothing() -> None:
    stage = stage_of(StillClock(), lambda _: None, glass=(glass := Glass()))
    assert glass.pictures == [picture_of(Idle(), {})]
    stage.happen(Buying(now=True))
    stage.happen(Tick())
    assert len(glass.pictures) == 1


def test_a_display_that_fails_is_said_once_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken, glass = Png(tmp_path / "none" / "screen.png"), Glass()
    with caplog.at_level(logging.WARNING):
        stage = stage_of(StillClock(), lambda _: None, broken=broken, glass=glass)
        stage.happen(Sold(A))
    assert caplog.text.count("display broken: ") == 1
    assert "No such file or directory" in caplog.text
    assert [each.kind for each in glass.pictures] == ["idle", "making"]
    assert (stage.failing, stage.faults) == (("broken",), 2)
    (tmp_path / "none").mkdir()
    with caplog.at_level(logging.WARNING):
        stage.happen(Answered(A, receipt(A)))
    assert (tmp_path / "none" / "screen.png").exists()
    assert (stage.failing, stage.faults) == ((), 2)
    assert "display broken: works again" in caplog.text


class Cable(Glass):
    """A glass that fails in its driver's own way while `fault` is set."""

    fault: Exception | None = None

    def show(self, picture: Picture, painted: Painted) -> None:
        if self.fault is not None and picture.sale_id is not None:
            raise self.fault
        super().show(picture, painted)

    def close(self) -> None:
        super().close()
        if self.fault is not None:
            raise self.fault


@pytest.mark.parametrize("fault", [OSError("gone"), ValueError("too wide"), KeyError("driver")])
def test_whatever_a_driver_does_the_last_buyer_s_receipt_goes(fault: Exception) -> None:
    shown, cable, glass = list[Shown](), Cable(), Glass()
    stage = stage_of(StillClock(), shown.append, cable=cable, glass=glass)
    stage.happen(Sold(A))
    stage.happen(Answered(A, receipt(A)))
    cable.seen("a" * 64)
    cable.fault = fault
    stage.happen(Sold(B))
    assert [each.kind for each in cable.pictures] == ["idle", "making", "ready", "idle"]
    cable.seen("b" * 64)
    stage.close()
    assert (cable.closed, glass.closed) == (True, True)
    assert [(each.sale_id, each.reason) for each in shown] == [(A.sale_id, "next_sale")]


class Hasty(Glass):
    """Says that it has painted, and then fails."""

    def show(self, picture: Picture, painted: Painted) -> None:
        super().show(picture, painted)
        if picture.sale_id is not None:
            painted("e" * 64)
            raise OSError("no answer")


def test_what_a_display_said_before_it_failed_is_no_evidence() -> None:
    shown = list[Shown]()
    stage = stage_of(StillClock(), shown.append, hasty=Hasty())
    stage.happen(Sold(A))
    stage.close()
    assert (shown, stage.failing) == ([], ("hasty",))


def test_a_picture_that_no_code_holds_is_replaced_by_none(caplog: pytest.LogCaptureFixture) -> None:
    stage = stage_of(StillClock(), lambda _: None, glass=(glass := Glass()))
    stage.happen(Sold(A))
    stage.happen(Answered(A, receipt(A, qr="я" * 4000)))
    assert [each.kind for each in glass.pictures] == ["idle", "making", "idle"]
    assert "do not fit a QR code" in caplog.text


def test_closing_closes_the_displays() -> None:
    glass = Glass()
    stage_of(StillClock(), lambda _: None, glass=glass).close()
    assert glass.closed


QUICK = Policy(qr="fiscal", show_s=0.02, patience_s=0.01)


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[None]:
    task = asyncio.create_task(stage.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_time_passes_by_itself() -> None:
    glass = Glass()
    stage = Stage({"glass": glass}, QUICK, {}, SystemClock(), lambda _: None)
    async with running(stage):
        stage.happen(Sold(A))
        await until(lambda: len(glass.pictures) == 4)
    assert [each.kind for each in glass.pictures] == ["idle", "making", "slow", "idle"]


async def test_what_happens_while_time_passes_is_not_lost() -> None:
    glass = Glass()
    stage = Stage({"glass": glass}, QUICK, {}, SystemClock(), lambda _: None)
    async with running(stage):
        await asyncio.sleep(0)
        stage.happen(Sold(A))
        stage.happen(Answered(A, receipt(A)))
        await until(lambda: glass.pictures[-1].kind == "idle")
    assert [each.kind for each in glass.pictures] == ["idle", "making", "ready", "idle"]
    shown = Ready(A, 1, receipt(A).qr or "", None, statutory=True, late=False)
    assert glass.pictures[2] == picture_of(shown, {})


async def test_a_stage_with_nothing_to_end_sleeps() -> None:
    clock = StillClock()
    stage = stage_of(clock, lambda _: None, glass=Glass())
    async with running(stage):
        for _ in range(100):
            await asyncio.sleep(0)
    assert clock.asked == 0


async def test_a_display_that_is_plugged_in_again_has_its_picture_back() -> None:
    clock, shown, cable = StillClock(), list[Shown](), Cable()
    stage = stage_of(clock, shown.append, cable=cable)
    cable.fault = OSError("unplugged")
    stage.happen(Sold(A))
    async with running(stage):
        cable.fault = None
        await asyncio.sleep(0)
        assert stage.failing == ("cable",)
        clock.seconds += RETRY_S
        stage.happen(Buying(now=False))
        await until(lambda: stage.failing == ())
    assert [each.kind for each in cable.pictures] == ["idle", "idle", "making"]
    cable.seen("a" * 64)
    stage.close()
    assert [each.sale_id for each in shown] == [A.sale_id]


class Window(Glass):
    """A glass that comes and goes, as a browser's page does."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: Gone | None = None

    def watch(self, gone: Gone) -> None:
        assert self.pictures == []
        self.gone = gone

    def goes(self) -> None:
        assert self.gone is not None
        self.gone()


def test_where_the_glass_goes_the_evidence_ends_and_begins_again_when_it_is_back() -> None:
    clock, shown, window, glass = StillClock(), list[Shown](), Window(), Glass()
    stage = stage_of(clock, shown.append, window=window, glass=glass)
    stage.happen(Sold(A))
    stage.happen(Answered(A, receipt(A, rev=3)))
    window.seen("a" * 64)
    glass.seen("b" * 64)
    times = [clock.now().iso]
    for seconds in (20, 5, 35):
        clock.seconds += seconds
        times.append(clock.now().iso)
        if seconds == 20:
            window.goes()
            window.goes()
        if seconds == 5:
            window.seen("a" * 64)
    stage.happen(Tick())
    assert {(each.sale_id, each.rev) for each in shown} == {(A.sale_id, 3)}
    assert sorted((x.display, x.shown_at, x.hidden_at, x.reason) for x in shown) == [
        ("glass", times[0], times[3], "timeout"),
        ("window", times[0], times[1], "gone"),
        ("window", times[2], times[3], "timeout"),
    ]


def test_a_glass_that_goes_from_under_no_sale_leaves_no_evidence() -> None:
    shown, window = list[Shown](), Window()
    stage = stage_of(StillClock(), shown.append, window=window)
    window.seen("a" * 64)
    window.goes()
    stage.happen(Sold(A))
    window.goes()
    stage.close()
    assert shown == []


def test_a_display_that_nobody_sees_fails_however_many_pictures_it_is_given(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, window, glass = StillClock(), Window(), Glass()
    with caplog.at_level(logging.WARNING):
        stage = stage_of(clock, lambda _: None, window=window, glass=glass)
        clock.seconds += UNSEEN_S - 0.5
        stage.happen(Sold(A))
        assert (stage.failing, caplog.text) == ((), "")
        clock.seconds += 0.5
        stage.happen(Sold(B))
        clock.seconds += 100
        stage.happen(Answered(B, receipt(B)))
        assert (stage.failing, stage.faults) == (("window",), 1)
        assert caplog.text.count("display window: no page shows its picture") == 1
        window.seen("a" * 64)
        window.goes()
        clock.seconds += UNSEEN_S - 0.5
        stage.happen(Tick())
        assert (stage.failing, stage.faults) == ((), 1)
        assert caplog.text.count("display window: works again") == 1
        clock.seconds += 0.5
        stage.happen(Tick())
    assert (stage.failing, stage.faults) == (("window",), 2)


def test_what_a_glass_says_after_the_end_is_no_evidence() -> None:
    shown, window = list[Shown](), Window()
    stage = stage_of(StillClock(), shown.append, window=window)
    stage.happen(Sold(A))
    window.seen("a" * 64)
    stage.close()
    window.goes()
    window.seen("a" * 64)
    window.goes()
    assert [each.reason for each in shown] == ["stopped"]


async def test_that_nobody_sees_a_display_is_noticed_where_nothing_else_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.stage.UNSEEN_S", 0.02)
    monkeypatch.setattr("edge.stage.START_S", 0.02)
    window = Window()
    stage = Stage({"window": window}, POLICY, {}, SystemClock(), lambda _: None)
    async with running(stage):
        await until(lambda: stage.failing)
        window.seen("a" * 64)
        assert stage.failing == ()
        await asyncio.sleep(0)
        window.goes()
        await until(lambda: stage.failing)
    assert (stage.failing, stage.faults) == (("window",), 2)


async def test_a_display_that_fails_already_is_waited_for_without_haste() -> None:
    clock, window = StillClock(), Window()
    stage = stage_of(clock, lambda _: None, window=window)
    clock.seconds += UNSEEN_S
    stage.happen(Tick())
    async with running(stage):
        await asyncio.sleep(0)
        asked = clock.asked
        for _ in range(100):
            await asyncio.sleep(0)
    assert clock.asked == asked


def test_a_browser_has_its_time_to_come_up_after_the_machine_was_switched_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.stage.START_S", 90.0)
    clock, window = StillClock(), Window()
    stage = stage_of(clock, lambda _: None, window=window)
    clock.seconds += 89
    stage.happen(Sold(A))
    assert stage.failing == ()
    clock.seconds += 2
    stage.happen(Sold(B))
    assert stage.failing == ("window",)

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest
from parts import until
from specimens import StillClock, receipt, sale

from edge.buyer.picture import Picture, picture_of
from edge.buyer.presenter import Answered, Buying, Policy, Sold, Tick
from edge.buyer.screen import Idle, Ready
from edge.buyer.stage import Stage
from edge.clock import SystemClock
from edge.displays import Display, Painted
from edge.displays.png import Png
from edge.displays.terminal import Terminal, render
from edge.wire import Shown

A, B = sale(1), sale(2)
POLICY = Policy(qr="fiscal")


class Glass:
    """A display whose glass is slow: a picture is seen when the test says so."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.closed = False
        self._painted: Painted | None = None

    def show(self, picture: Picture, painted: Painted) -> None:
        self.pictures.append(picture)
        self._painted = painted

    def seen(self, frame: str) -> None:
        assert self._painted is not None
        self._painted(frame)

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


def test_an_event_that_changes_no_screen_draws_nothing() -> None:
    stage = stage_of(StillClock(), lambda _: None, glass=(glass := Glass()))
    assert glass.pictures == [picture_of(Idle(), {})]
    stage.happen(Buying(now=True))
    stage.happen(Tick())
    assert len(glass.pictures) == 1


def test_a_display_that_fails_is_said_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Png(tmp_path / "none" / "screen.png")
    with caplog.at_level(logging.ERROR):
        stage = stage_of(StillClock(), lambda _: None, broken=broken, glass=(glass := Glass()))
        stage.happen(Sold(A))
    assert "display broken: " in caplog.text
    assert "No such file or directory" in caplog.text
    assert [each.kind for each in glass.pictures] == ["idle", "making"]
    (tmp_path / "none").mkdir()
    stage.happen(Answered(A, receipt(A)))
    assert (tmp_path / "none" / "screen.png").exists()


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

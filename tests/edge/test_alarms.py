import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from parts import until
from specimens import StillClock

from edge.alarms import AGAIN_S, Alarms
from edge.buyer.picture import Picture
from edge.buyer.presenter import Policy
from edge.displays import Painted
from edge.stage import Stage
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.timeline import Timeline


class Glass:
    """A display whose cable may be loose."""

    panel = None
    loose = False

    def show(self, picture: Picture, painted: Painted) -> None:
        if self.loose:
            raise OSError(f"its cable is loose: {picture.kind}")
        painted("a" * 64)

    def close(self) -> None:
        pass


class Machine:
    def __init__(self, folder: Path) -> None:
        self.clock = StillClock()
        self.outbox, self.disk = Outbox(folder / "outbox.sqlite", "7f3a9c1e"), Disk()
        self.timeline = Timeline(self.clock, self.outbox, self.disk)
        self.glass = Glass()
        self.stage = Stage(
            {"1-glass": self.glass}, Policy(qr="fiscal"), {}, self.timeline, lambda _: None
        )
        self.changes = 0
        self.alarms = Alarms(
            outbox=self.outbox,
            disk=self.disk,
            timeline=self.timeline,
            incident=lambda: None,
            changed=self.change,
        )

    async def change(self) -> None:
        self.changes += 1

    async def told(self) -> list[str]:
        await self.disk.do(bool)  # behind what was handed in
        told = await self.disk.do(self.outbox.notes.incidents, 99)
        return [f"{each.kind}: {each.text}" for each in reversed(told)]


@pytest.fixture
async def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    monkeypatch.setattr("edge.alarms.WATCH_S", 0.01)
    machine = Machine(tmp_path)
    watching = asyncio.create_task(machine.alarms.watch(machine.stage))
    yield machine
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    machine.disk.close()
    machine.outbox.close()


async def test_a_printer_that_comes_and_goes_all_day_is_one_incident_an_hour(
    machine: Machine,
) -> None:
    for _ in range(10):
        for word in ("paper_out", "dropped the slip of sale 1", "ready"):
            machine.alarms.printer_says("1-usb", word)
    machine.clock.seconds += AGAIN_S + 1
    machine.alarms.printer_says("1-usb", "paper_out")
    assert await machine.told() == [
        "printer: 1-usb: paper_out",
        "printer: 1-usb: dropped the slip of sale 1",
        "printer: 1-usb: paper_out",
    ]
    await until(lambda: machine.changes)


async def test_a_printer_that_never_says_how_it_is_and_is_back_is_no_trouble(
    machine: Machine,
) -> None:
    machine.alarms.printer_says("1-usb", "offline")
    machine.alarms.printer_says("1-usb", "unknown")
    assert await machine.told() == ["printer: 1-usb: offline"]


async def test_a_screen_that_fails_is_told_once_and_again_when_it_fails_again(
    machine: Machine,
) -> None:
    for times in (1, 2):
        machine.glass.loose = True
        machine.stage.change(Policy(qr="fiscal"), {})
        machine.clock.seconds += 60
        _fail(machine.stage)
        await until(lambda: machine.stage.failing)
        async with asyncio.timeout(10):
            while len(await machine.told()) < times:
                await asyncio.sleep(0.01)
        machine.glass.loose = False
        _fail(machine.stage)
        await until(lambda times=times: machine.changes >= 2 * times)
    assert await machine.told() == ["display_failed: 1-glass"] * 2


def _fail(stage: Stage) -> None:
    """Another picture, whatever it is."""
    from edge.buyer.presenter import Told

    stage.happen(Told("" if stage.kind == "notice" else "Hello", 60))


async def test_a_disk_that_took_nothing_for_a_while_is_told_once_it_takes_again(
    machine: Machine,
) -> None:
    def refuse() -> None:
        import sqlite3

        if machine.disk.refusals < 1:
            raise sqlite3.OperationalError("database or disk is full")

    await machine.disk.insist(refuse)
    async with asyncio.timeout(10):
        while not await machine.told():
            await asyncio.sleep(0.01)
    assert await machine.told() == ["outbox_refused: 1 times"]

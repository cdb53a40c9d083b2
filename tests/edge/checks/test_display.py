from pathlib import Path

import pytest
from parts import free_port

from edge.checks.agent import STOPPED, Agent
from edge.checks.display import check
from edge.config import DisplayTable, KioskDisplay, PngDisplay, TerminalDisplay
from edge.technician.status import DisplayStatus, Status


async def test_displays_that_can_be_opened_are_named(tmp_path: Path) -> None:
    tables: list[DisplayTable] = [
        TerminalDisplay(),
        PngDisplay(file=str(tmp_path / "x.png"), width=800, height=480),
        KioskDisplay(listen=f"127.0.0.1:{free_port()}"),
    ]
    found = await check(tables, STOPPED, lawful=True)
    assert (found.name, found.state) == ("display", "ok")
    assert found.found.en == "can be opened: 1-terminal, 2-png, 3-kiosk"


async def test_a_port_that_somebody_has_fails() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        found = await check([KioskDisplay(listen=listen)], STOPPED, lawful=True)
    assert found.state == "fail"
    assert listen in found.found.en


async def test_a_panel_that_is_too_small_fails_where_the_law_is(tmp_path: Path) -> None:
    small = PngDisplay(
        file=str(tmp_path / "x.png"), width=240, height=240, width_mm=23.4, height_mm=23.4
    )
    found = await check([small], STOPPED, lawful=True)
    assert found.state == "fail"
    assert "mm wide, and the law wants 20" in found.found.en
    assert "не показать: 240 × 240 точек, 23.4 × 23.4 мм; а нужны" in found.found.ru
    assert "short_link" in found.advice.ru
    assert (await check([small], STOPPED, lawful=False)).state == "ok"


async def test_without_any_there_is_nothing_to_check() -> None:
    assert (await check([], STOPPED, lawful=True)).state == "skipped"


@pytest.mark.parametrize(
    ("status", "state", "told"),
    [
        (DisplayStatus(name="1-kiosk", showing="idle"), "ok", "1-kiosk (idle)"),
        (DisplayStatus(name="1-luma", failing="no such device"), "fail", "1-luma: no such device"),
    ],
)
async def test_those_of_a_running_agent_are_asked_for(
    status: DisplayStatus, state: str, told: str
) -> None:
    agent = Agent(runs=True, status=Status(displays=(status,)))
    found = await check([TerminalDisplay()], agent, lawful=True)
    assert found.state == state
    assert told in found.found.en
    assert (await check([TerminalDisplay()], Agent(runs=True), lawful=True)).state == "skipped"

"""Displays: whether each can be opened as it is configured, or what the running agent says of it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from edge.checks import Finding, as_words
from edge.checks.agent import Agent
from edge.config import DisplayTable
from edge.errors import EdgeError

NAME: Final = "display"
OPENING_S: Final = 15.0


async def check(tables: Sequence[DisplayTable], agent: Agent, *, lawful: bool) -> Finding:
    """All displays of a machine; `lawful`: a fiscal code has to be as large as 54-ФЗ wants it."""
    if agent.runs:
        return judge_told(agent)
    if not tables:
        return Finding(NAME, "skipped", "none is configured")
    wrong, well = list[str](), list[str]()
    for number, table in enumerate(tables, 1):
        name = f"{number}-{table.__struct_config__.tag}"
        objection = await _objection(table, lawful=lawful)
        if objection:
            wrong.append(f"{name}: {objection}")
        else:
            well.append(name)
    if wrong:
        return Finding(
            NAME,
            "fail",
            "; ".join(wrong),
            "see [[display]] in what `python -m edge sample` prints; a running browser or another"
            " program may have it",
        )
    return Finding(NAME, "ok", f"can be opened: {', '.join(well)}")


async def _objection(table: DisplayTable, *, lawful: bool) -> str:
    from edge.panels import open_display, refusal  # noqa: PLC0415, Pillow comes with some

    try:
        async with asyncio.timeout(OPENING_S), open_display(table, face=None) as opened:
            return (refusal(table, opened.panel) or "") if lawful else ""
    except TimeoutError:
        return f"it did not open within {OPENING_S:g} s"
    except (EdgeError, OSError, ImportError) as error:
        return as_words(error)


def judge_told(agent: Agent) -> Finding:
    """What the running agent says of its displays."""
    if agent.status is None:
        return Finding(
            NAME,
            "skipped",
            "the running agent has it, and cannot be asked",
            "stop it to test the display: sudo systemctl stop chekomat-edge",
        )
    failing = [f"{each.name}: {each.failing}" for each in agent.status.displays if each.failing]
    if failing:
        return Finding(NAME, "fail", "; ".join(failing), "is it plugged in, has it power?")
    told = ", ".join(f"{each.name} ({each.showing or '?'})" for each in agent.status.displays)
    return Finding(NAME, "ok", f"the running agent shows: {told or 'nothing'}")

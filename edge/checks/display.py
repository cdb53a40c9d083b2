"""Displays: whether each can be opened as it is configured, or what the running agent says of it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from edge.buyer.panel import (
    LEAST_CONTRAST,
    LEAST_MM,
    LEAST_MODULE_PX,
    LEAST_NITS,
    Panel,
    objections,
)
from edge.checks import NOTHING, Finding, as_is, as_words, both, joined
from edge.checks.agent import Agent
from edge.config import DisplayTable
from edge.errors import EdgeError
from edge.technician.words import Text

NAME: Final = "display"
OPENING_S: Final = 15.0
LOOK: Final = both(
    "см. [[display]] в том, что печатает `python -m edge sample`; может быть, экран занят браузером"
    " или другой программой",
    "see [[display]] in what `python -m edge sample` prints; a running browser or another program"
    " may have it",
)
ANOTHER: Final = both(
    'возьмите панель крупнее или ярче; или печатайте чек и задайте здесь code = "short_link":'
    " покажет ссылку с пометкой, что это не фискальный код",
    'take a panel on which it can; or print the receipt and set code = "short_link" here, which'
    " shows the link, plainly marked as not the fiscal code",
)


async def check(tables: Sequence[DisplayTable], agent: Agent, *, lawful: bool) -> Finding:
    """All displays of a machine; `lawful`: a fiscal code has to be as large as 54-ФЗ wants it."""
    if agent.runs:
        return judge_told(agent)
    if not tables:
        return Finding(NAME, "skipped", both("не задан", "none is configured"))
    wrong, well = list[Text](), list[str]()
    advice = NOTHING
    for number, table in enumerate(tables, 1):
        name = f"{number}-{table.__struct_config__.tag}"
        objection, remedy = await _objection(table, lawful=lawful)
        if objection == NOTHING:
            well.append(name)
            continue
        wrong.append(both("{name}: {why}", "{name}: {why}", name=name, why=objection))
        advice = remedy if advice == NOTHING else advice
    if wrong:
        return Finding(NAME, "fail", joined("; ", wrong), advice)
    opened = both("открывается: {names}", "can be opened: {names}", names=", ".join(well))
    return Finding(NAME, "ok", opened)


async def _objection(table: DisplayTable, *, lawful: bool) -> tuple[Text, Text]:
    """What is wrong with it and what to do, or `NOTHING`."""
    from edge.panels import open_display, refusal  # noqa: PLC0415, Pillow comes with some

    try:
        async with asyncio.timeout(OPENING_S), open_display(table, face=None) as opened:
            refused = refusal(table, opened.panel) if lawful else None
            if refused is None or opened.panel is None:
                return NOTHING, NOTHING
            return unlawful(opened.panel), ANOTHER
    except TimeoutError:
        late = both(
            "не открылся за {seconds:g} с",
            "it did not open within {seconds:g} s",
            seconds=OPENING_S,
        )
        return late, LOOK
    except (EdgeError, OSError, ImportError) as error:
        return as_is(as_words(error)), LOOK


def unlawful(panel: Panel) -> Text:
    """Why no lawful code can be shown on a panel that has been refused."""
    size = f"{panel.width} × {panel.height} точек"
    if panel.width_mm is not None and panel.height_mm is not None:
        size += f", {panel.width_mm:g} × {panel.height_mm:g} мм"
    return Text(
        f"законный QR-код чека на нём не показать: {size}; а нужны {LEAST_MODULE_PX} точки на"
        f" модуль, код от {LEAST_MM:.0f} мм, контраст {LEAST_CONTRAST:.0f}:1 и {LEAST_NITS} кд/м²",
        f"it cannot show a lawful fiscal QR code: {'; '.join(objections(panel))}",
    )


def judge_told(agent: Agent) -> Finding:
    """What the running agent says of its displays."""
    if agent.status is None:
        return Finding(
            NAME,
            "skipped",
            both(
                "экран у работающего агента, а он не отвечает",
                "the running agent has it, and cannot be asked",
            ),
            both(
                "чтобы проверить экран, остановите его: sudo systemctl stop chekomat-edge",
                "stop it to test the display: sudo systemctl stop chekomat-edge",
            ),
        )
    failing = [f"{each.name}: {each.failing}" for each in agent.status.displays if each.failing]
    if failing:
        return Finding(
            NAME,
            "fail",
            as_is("; ".join(failing)),
            both("подключён ли он, есть ли питание?", "is it plugged in, has it power?"),
        )
    told = [as_is(f"{each.name} ({each.showing or '?'})") for each in agent.status.displays]
    shows = both(
        "работающий агент показывает: {shown}",
        "the running agent shows: {shown}",
        shown=joined(", ", told or [both("ничего", "nothing")]),
    )
    return Finding(NAME, "ok", shows)

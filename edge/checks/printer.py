"""Printers: what each says of itself, asked now or by the running agent. Nothing is printed."""

import asyncio
from collections.abc import Sequence
from typing import Final

from edge.checks import Finding, State, as_words
from edge.checks.agent import Agent
from edge.config import PrinterTable
from edge.errors import EdgeError
from edge.printers.status import Word

NAME: Final = "printer"
ASKING_S: Final = 15.0
WORDS: Final[dict[Word, tuple[State, str, str]]] = {
    "ready": ("ok", "ready, paper is in", ""),
    "paper_out": ("fail", "out of paper", "put a roll in, the printed side towards the head"),
    "cover_open": ("fail", "its cover is open", "close it until it clicks"),
    "offline": (
        "fail",
        "it is off, not plugged in, or has an error",
        "look at its lamp, its power supply and its cable; then at `device` under [[printer]]",
    ),
    "unknown": (
        "warn",
        "it answers no questions; nobody is told when its paper ends",
        "if it prints all the same, set status = false under [[printer]]",
    ),
}
"""What a printer's one word means for a technician."""


async def check(tables: Sequence[PrinterTable], agent: Agent) -> Finding:
    """All printers of a machine."""
    if not tables:
        return Finding(NAME, "skipped", "none is configured")
    if agent.runs:
        return judge_told(agent)
    told: dict[str, Word | str] = {}
    for number, table in enumerate(tables, 1):
        told[f"{number}-{table.__struct_config__.tag}"] = await _word(table)
    return judge(told)


def judge(told: dict[str, Word | str]) -> Finding:
    """What they said: their word, or why they could not be asked."""
    worst: State = "ok"
    found, advice = [], ""
    for name, word in told.items():
        state, meant, remedy = next(
            (row for known, row in WORDS.items() if known == word),
            ("fail", word, "see [[printer]] in what `python -m edge sample` prints"),
        )
        found.append(f"{name}: {meant}")
        if worst == "ok" or (worst, state) == ("warn", "fail"):
            worst, advice = state, remedy
    return Finding(NAME, worst, "; ".join(found), advice)


def judge_told(agent: Agent) -> Finding:
    """What the running agent says of its printers."""
    if agent.status is None:
        return Finding(
            NAME,
            "skipped",
            "the running agent has it, and cannot be asked",
            "stop it to test the printer: sudo systemctl stop chekomat-edge",
        )
    troubled = [each for each in agent.status.printers if each.trouble]
    told = "; ".join(f"{each.name}: {each.status or '?'}" for each in agent.status.printers)
    if not troubled:
        return Finding(NAME, "ok", told or "the running agent has nothing to say of it")
    low = all(each.trouble == "paper_low" for each in troubled)
    return Finding(NAME, "warn" if low else "fail", told, "look at its paper, cover and cable")


async def _word(table: PrinterTable) -> Word | str:
    from edge.printers.opening import open_printer  # noqa: PLC0415, pyserial comes with some

    try:
        printer = open_printer(table)
        try:
            async with asyncio.timeout(ASKING_S):
                return (await printer.status()).word
        finally:
            await printer.close()
    except TimeoutError:
        return "unknown"
    except (EdgeError, OSError) as error:
        return as_words(error)

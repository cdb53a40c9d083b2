"""Printers: what each says of itself, asked now or by the running agent. Nothing is printed."""

import asyncio
from collections.abc import Sequence
from typing import Final

from edge.checks import NOTHING, Finding, State, as_is, as_words, both, joined
from edge.checks.agent import Agent
from edge.config import PrinterTable
from edge.errors import EdgeError
from edge.printers.status import Word
from edge.technician.words import Text

NAME: Final = "printer"
ASKING_S: Final = 15.0
WORDS: Final[dict[Word, tuple[State, Text, Text]]] = {
    "ready": ("ok", both("готов, бумага есть", "ready, paper is in"), NOTHING),
    "paper_out": (
        "fail",
        both("нет бумаги", "out of paper"),
        both(
            "вставьте рулон печатной стороной к головке",
            "put a roll in, the printed side towards the head",
        ),
    ),
    "cover_open": (
        "fail",
        both("открыта крышка", "its cover is open"),
        both("закройте до щелчка", "close it until it clicks"),
    ),
    "offline": (
        "fail",
        both("выключен, не подключён или в ошибке", "it is off, not plugged in, or has an error"),
        both(
            "посмотрите на его лампочку, питание и кабель; затем на `device` в [[printer]]",
            "look at its lamp, its power supply and its cable; then at `device` under [[printer]]",
        ),
    ),
    "unknown": (
        "warn",
        both(
            "не отвечает на вопросы; никто не узнает, что кончилась бумага",
            "it answers no questions; nobody is told when its paper ends",
        ),
        both(
            "если он всё же печатает, задайте status = false в [[printer]]",
            "if it prints all the same, set status = false under [[printer]]",
        ),
    ),
}
"""What a printer's one word means for a technician."""
TABLE: Final = both(
    "см. [[printer]] в том, что печатает `python -m edge sample`",
    "see [[printer]] in what `python -m edge sample` prints",
)
LOW: Final = both("бумага кончается", "paper is low")


async def check(tables: Sequence[PrinterTable], agent: Agent) -> Finding:
    """All printers of a machine."""
    if not tables:
        return Finding(NAME, "skipped", both("не задан", "none is configured"))
    if agent.runs:
        return judge_told(agent)
    told: dict[str, Word | Text] = {}
    for number, table in enumerate(tables, 1):
        told[f"{number}-{table.__struct_config__.tag}"] = await _word(table)
    return judge(told)


def judge(told: dict[str, Word | Text]) -> Finding:
    """What they said: their word, or why they could not be asked."""
    worst: State = "ok"
    found, advice = list[Text](), NOTHING
    for name, word in told.items():
        row: tuple[State, Text, Text]
        row = ("fail", word, TABLE) if isinstance(word, Text) else WORDS[word]
        state, meant, remedy = row
        found.append(_of(name, meant))
        if worst == "ok" or (worst, state) == ("warn", "fail"):
            worst, advice = state, remedy
    return Finding(NAME, worst, joined("; ", found), advice)


def judge_told(agent: Agent) -> Finding:
    """What the running agent says of its printers."""
    if agent.status is None:
        return Finding(
            NAME,
            "skipped",
            both(
                "принтер у работающего агента, а он не отвечает",
                "the running agent has it, and cannot be asked",
            ),
            both(
                "чтобы проверить принтер, остановите его: sudo systemctl stop chekomat-edge",
                "stop it to test the printer: sudo systemctl stop chekomat-edge",
            ),
        )
    printers = agent.status.printers
    troubled = [each for each in printers if each.trouble]
    told = joined("; ", (_of(each.name, _meant(each.status)) for each in printers))
    if not printers:
        told = both(
            "работающему агенту о нём сказать нечего",
            "the running agent has nothing to say of it",
        )
    if not troubled:
        return Finding(NAME, "ok", told)
    low = all(each.trouble == "paper_low" for each in troubled)
    look = both("проверьте бумагу, крышку и кабель", "look at its paper, cover and cable")
    return Finding(NAME, "warn" if low else "fail", told, look)


def _meant(status: str) -> Text:
    """An agent's word for a printer: one of ours, or what it is as it stands."""
    if status == "paper_low":
        return LOW
    return next(
        (meant for word, (_, meant, _) in WORDS.items() if word == status), as_is(status or "?")
    )


def _of(name: str, meant: Text) -> Text:
    return both("{name}: {meant}", "{name}: {meant}", name=name, meant=meant)


async def _word(table: PrinterTable) -> Word | Text:
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
        return as_is(as_words(error))

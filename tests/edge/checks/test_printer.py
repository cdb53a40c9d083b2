from pathlib import Path
from typing import Literal, get_args

import pytest
from parts import free_port

from edge.checks.agent import STOPPED, Agent
from edge.checks.printer import WORDS, check, judge
from edge.config.printers import FilePrinter, NetworkPrinter, UsbPrinter
from edge.printers.status import Word
from edge.technician.status import PrinterStatus, Status

Trouble = Literal["", "paper_low", "paper_out", "error"]


async def test_one_that_is_ready_is_well(tmp_path: Path) -> None:
    found = await check([FilePrinter(folder=str(tmp_path / "slips"))], STOPPED)
    assert (found.name, found.state) == ("printer", "ok")
    assert found.found.en == "1-file: ready, paper is in"


async def test_one_that_is_not_there_fails_with_what_to_look_at(tmp_path: Path) -> None:
    tables = [
        UsbPrinter(device=str(tmp_path / "lp0")),
        NetworkPrinter(host="127.0.0.1", port=free_port()),
    ]
    for table in tables:
        found = await check([table], STOPPED)
        assert found.state == "fail"
        assert "off, not plugged in" in found.found.en
        assert "cable" in found.advice.en


async def test_one_that_cannot_be_what_its_table_says_fails(tmp_path: Path) -> None:
    narrow = FilePrinter(folder=str(tmp_path), dots=96)
    found = await check([narrow], STOPPED)
    assert found.state == "fail"
    assert "20 mm" in found.found.en


async def test_none_is_nothing_to_check() -> None:
    assert (await check([], STOPPED)).state == "skipped"


@pytest.mark.parametrize("word", get_args(Word))
def test_every_word_of_a_printer_is_judged(word: Word) -> None:
    found = judge({"1-usb": word})
    assert found.state == WORDS[word][0]
    assert bool(found.advice.en) == (found.state != "ok")


def test_the_worst_of_several_counts() -> None:
    found = judge({"1-usb": "unknown", "2-usb": "ready", "3-usb": "paper_out"})
    assert (found.state, found.advice) == ("fail", WORDS["paper_out"][2])
    assert "3-usb: out of paper" in found.found.en


@pytest.mark.parametrize(
    ("status", "trouble", "state", "told"),
    [
        ("ready", "", "ok", "готов, бумага есть"),
        ("paper_low", "paper_low", "warn", "бумага кончается"),
        ("paper_out", "paper_out", "fail", "нет бумаги"),
        ("error", "error", "fail", "error"),
    ],
)
async def test_those_of_a_running_agent_are_asked_for(
    status: str, trouble: Trouble, state: str, told: str
) -> None:
    table = UsbPrinter(device="/none")
    printers = (PrinterStatus(name="1-usb", status=status, trouble=trouble),)
    found = await check([table], Agent(runs=True, status=Status(printers=printers)))
    assert (found.state, found.found.ru) == (state, f"1-usb: {told}")
    assert (await check([table], Agent(runs=True))).state == "skipped"


async def test_an_agent_without_printers_has_nothing_to_say_of_them() -> None:
    found = await check([UsbPrinter()], Agent(runs=True, status=Status()))
    assert (found.state, found.found.ru) == ("ok", "работающему агенту о нём сказать нечего")

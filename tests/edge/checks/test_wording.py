"""Every text of doctor and setup, read from their source: both languages, and the same values."""

import ast
import re
import string
from pathlib import Path
from typing import NamedTuple

import pytest
from parts import ROOT

from edge.checks import Finding, as_is, both, joined
from edge.technician.words import Text

SOURCES = sorted(
    [
        *(ROOT / "edge/checks").glob("*.py"),
        *(ROOT / "edge/wizard").glob("*.py"),
        *(ROOT / "edge/tools" / f"{each}.py" for each in ("doctor", "setup")),
    ]
)
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
LETTER = re.compile(r"[^\W\d_]")


class Pair(NamedTuple):
    where: str
    ru: str
    en: str
    values: frozenset[str] | None
    """What is given to be filled in; None where that is done elsewhere."""


def pairs(file: Path) -> list[Pair]:
    """Each text in two languages that stands in a file, a constant in both."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id not in {"both", "Text"} or len(node.args) != 2:
            continue
        texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
        if len(texts) == 2:
            given = frozenset(each.arg or "" for each in node.keywords)
            where = f"{file.relative_to(ROOT)}:{node.lineno}"
            found.append(Pair(where, *texts, given if node.func.id == "both" else None))
    return found


PAIRS = [each for file in SOURCES for each in pairs(file)]


def fields(text: str) -> set[tuple[str, str]]:
    """The places to fill in, each with its format."""
    return {(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name}


def literal(text: str) -> str:
    return "".join(each for each, *_ in string.Formatter().parse(text))


@pytest.mark.parametrize("pair", PAIRS, ids=[each.where for each in PAIRS])
def test_a_text_has_both_languages_with_the_same_values(pair: Pair) -> None:
    assert fields(pair.ru) == fields(pair.en)
    assert pair.values is None or pair.values == {name for name, _ in fields(pair.en)}
    said_in_words = bool(re.search(r"[^\W\d_]{2}", literal(pair.en)))
    if said_in_words and pair.ru != pair.en:
        assert CYRILLIC.search(literal(pair.ru))
    assert not CYRILLIC.search(literal(pair.en).replace("ПРОБА", ""))


def test_only_figures_names_and_marks_are_the_same_in_both() -> None:
    same = {each.en for each in PAIRS if each.ru == each.en}
    words = {each for each in same if LETTER.search(literal(each)) and not each.startswith("--")}
    assert words == {"OK"}


@pytest.mark.parametrize("name", ["adapter", "bus", "certificate", "display", "network", "printer"])
def test_the_texts_of_a_check_are_found(name: str) -> None:
    """A guard of the test itself: no check may drop out of it."""
    assert len(pairs(ROOT / f"edge/checks/{name}.py")) > 5


def test_a_value_may_itself_have_two_languages() -> None:
    why = both("нет ответа за {s:g} с", "no answer within {s:g} s", s=2.0)
    told = both("{where}: {why}", "{where}: {why}", where="b:1", why=why)
    assert told == Text("b:1: нет ответа за 2 с", "b:1: no answer within 2 s")
    assert joined("; ", (told, as_is("x"))).ru == "b:1: нет ответа за 2 с; x"


def test_a_value_with_braces_is_left_as_it_is() -> None:
    assert both("ошибка {e}", "error {e}", e="{x}") == Text("ошибка {x}", "error {x}")


def test_a_finding_has_no_advice_unless_one_is_given() -> None:
    assert Finding("bus", "ok", as_is("400 B/s")).advice.of("ru") == ""

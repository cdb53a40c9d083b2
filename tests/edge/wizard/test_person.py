"""A person at a real terminal, and nobody at all."""

import io
import sys
from pathlib import Path

import pytest
from typist import at_terminal

from edge.errors import ConfigError
from edge.technician.words import Text
from edge.wizard.person import Person, WrongAnswerError


def some(told: str) -> None:
    if not told:
        raise WrongAnswerError(Text("хоть что-нибудь", "something, please"))


async def test_where_nobody_is_asked_a_flag_answers() -> None:
    person = Person("en", asks=False, out=io.StringIO())
    assert await person.ask("machine", "--machine", "vm-1", "vm-2") == "vm-1"
    assert await person.ask("machine", "--machine", None, "vm-2") == "vm-2"
    with pytest.raises(ConfigError, match=r"^--machine is missing$"):
        await person.ask("machine", "--machine", None)
    with pytest.raises(ConfigError, match=r"^--machine: something, please$"):
        await person.ask("machine", "--machine", "", None, some)


async def test_the_missing_flag_is_named_in_the_person_s_language() -> None:
    person = Person("ru", asks=False)
    with pytest.raises(ConfigError, match=r"^не задан --machine$"):
        await person.ask("machine", "--machine", None)
    with pytest.raises(ConfigError, match=r"^--machine: хоть что-нибудь$"):
        await person.ask("machine", "--machine", "", None, some)


async def test_where_nobody_is_asked_a_question_has_its_default() -> None:
    person = Person("en", asks=False, out=io.StringIO())
    assert await person.confirm("again", default=True)
    assert not await person.confirm("again", default=False)


SCRIPT = """
import asyncio
from edge.technician.words import Text
from edge.wizard.person import Person, WrongAnswerError
def some(told):
    if not told.startswith("vm"): raise WrongAnswerError(Text("сначала vm", "it begins with vm"))
async def main():
    person = Person("ru", asks=True)
    print("name", await person.ask("machine", "--machine", None, check=some))
    print("default", await person.ask("machine", "--machine", None, "vm-9", some))
    print("given", await person.ask("machine", "--machine", "vm-8", None, some))
    print("chosen", await person.choose("which_display", [("a", "Alpha"), ("b", "Beta")]))
    print("first", await person.choose("which_display", [("a", "Alpha"), ("b", "Beta")]))
    print("sure", await person.confirm("again", default=False))
    print("not", await person.confirm("again", default=False))
asyncio.run(main())
"""


def test_a_person_is_asked_until_the_answer_can_be(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, "utf-8")
    with at_terminal(command=[sys.executable, str(script)]) as typist:
        typist.answer("Номер автомата", "автомат")
        typist.expect("  Не годится: сначала vm")
        typist.answer("Номер автомата", " vm-7 ")
        typist.expect("name vm-7")
        typist.answer("[vm-9]: ", "")
        typist.expect("default vm-9")
        typist.expect("given vm-8")
        typist.answer("Номер [1]: ", "3")
        typist.expect("Номер от 1 до 2.")
        typist.answer("Номер [1]: ", "2")
        typist.expect("chosen b")
        typist.answer("Номер [1]: ", "")
        typist.expect("first a")
        typist.answer("[д/Н]: ", "может быть")
        typist.expect("Да или нет?")
        typist.answer("[д/Н]: ", "Да")
        typist.expect("sure True")
        typist.answer("[д/Н]: ", "")
        typist.expect("not False")
        assert typist.ended() == 0


def test_lines_typed_ahead_are_answers_too(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, "utf-8")
    with at_terminal(command=[sys.executable, str(script)]) as typist:
        typist.type("vm-1\n\n2\n1\nд\nн")
        assert typist.ended() == 0
    for told in ("name vm-1", "default vm-9", "chosen b", "first a", "sure True", "not False"):
        assert told in typist.seen


def test_a_terminal_that_is_gone_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, "utf-8")
    with at_terminal(command=[sys.executable, str(script)]) as typist:
        typist.expect("Номер автомата")
        typist.hang_up()
        assert typist.ended() == 1
    assert "ввод прерван; ничего не записано" in typist.seen

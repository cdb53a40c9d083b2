import string

import pytest

from edge.wizard.words import SAID


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", SAID)
def test_both_languages_say_the_same_thing(key: str) -> None:
    text = SAID[key]
    assert names(text.ru) == names(text.en)
    assert text.ru.strip()
    assert text.en.strip()


def test_the_russian_is_russian() -> None:
    plain = {key for key, text in SAID.items() if text.ru == text.en}
    assert plain == {"device_key"}

import re
import string

import pytest

from edge.wizard.devices import DISPLAYS, PRINTERS, required
from edge.wizard.words import RUSSIAN_KEYS, RUSSIAN_KINDS, SAID


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


def test_every_kind_of_device_and_every_needed_key_is_explained_in_russian() -> None:
    kinds = {**DISPLAYS, **PRINTERS}
    keys = {f"{kind}.{key}" for kind, table in kinds.items() for key in required(table)}
    assert set(RUSSIAN_KINDS) == set(kinds)
    assert set(RUSSIAN_KEYS) == keys
    for russian in (*RUSSIAN_KINDS.values(), *RUSSIAN_KEYS.values()):
        assert re.search("[а-яё]", russian)

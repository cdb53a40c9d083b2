import re
from string import Formatter

import pytest

from edge.technician.advice import WORDINGS, Wording
from edge.technician.concerns import RULES


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_rule_has_its_words_and_every_word_its_rule() -> None:
    assert sorted(each.what for each in WORDINGS) == sorted(RULES)


def test_the_urgent_ones_come_first() -> None:
    urgent = [each.urgent for each in WORDINGS]
    assert urgent == sorted(urgent, reverse=True)


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda each: each.what)
def test_both_languages_tell_the_same_and_what_to_do(wording: Wording) -> None:
    for text in (wording.words, wording.advice):
        assert names(text.ru) == names(text.en)
        assert re.search("[а-яё]", text.ru)
        assert not re.search("[а-яё]", text.en)
    assert wording.advice.ru.endswith(".")
    assert wording.advice.en.endswith(".")

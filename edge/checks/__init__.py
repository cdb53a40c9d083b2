"""Doctor's checks, one noun a file: what is so, whether it is well, and what to do if it is not.

A check gathers facts and judges them; judging is pure. It changes nothing: it writes no outbox,
opens no port that a running agent has, and never takes the running agent's place at the broker.
Each says what it found in Russian and in English, where it finds it; what other programs say (an
error of the system, a reason code of MQTT) is quoted as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from edge.technician.words import Language, Text

State = Literal["ok", "warn", "fail", "skipped"]


def both(ru: str, en: str, **values: object) -> Text:
    """The same thing in both languages, its ``{names}`` filled in; a value may have two as well."""
    return Text(
        ru.format(**{name: _of(value, "ru") for name, value in values.items()}),
        en.format(**{name: _of(value, "en") for name, value in values.items()}),
    )


def as_is(words: str) -> Text:
    """A name, a figure, or what another program said: it has no language of ours."""
    return Text(words, words)


def joined(separator: str, parts: Iterable[Text]) -> Text:
    """Parts of a list, side by side."""
    told = list(parts)
    return Text(separator.join(each.ru for each in told), separator.join(each.en for each in told))


NOTHING: Final = as_is("")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `advice` is `NOTHING` where there is nothing to do."""

    name: str
    state: State
    found: Text
    advice: Text = NOTHING


def as_words(error: BaseException) -> str:
    """An error as a person reads it: the system's own words, else the exception's."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _of(value: object, language: Language) -> object:
    return value.of(language) if isinstance(value, Text) else value

import pytest

from edge.technician.words import Text, amount, duration, wall_time


@pytest.mark.parametrize(
    ("seconds", "english", "russian"),
    [
        (-5, "0 s", "0 с"),
        (0.4, "0 s", "0 с"),
        (59.9, "59 s", "59 с"),
        (60, "1 min", "1 мин"),
        (61, "1 min 1 s", "1 мин 1 с"),
        (3600, "1 h", "1 ч"),
        (3605, "1 h", "1 ч"),
        (11_100, "3 h 5 min", "3 ч 5 мин"),
        (90_061, "1 d 1 h", "1 д 1 ч"),
        (86_460, "1 d", "1 д"),
    ],
)
def test_a_duration_is_said_by_its_two_largest_units(
    seconds: float, english: str, russian: str
) -> None:
    assert duration(seconds) == Text(russian, english)


@pytest.mark.parametrize(
    ("minor", "currency", "english", "russian"),
    [
        (12_510, "RUB", "125.10 RUB", "125,10 ₽"),
        (5, "RUB", "0.05 RUB", "0,05 ₽"),
        (500, "JPY", "500 JPY", "500 JPY"),
        (12_510, None, "125.10", "125,10"),
        (None, "RUB", "—", "—"),
    ],
)
def test_a_sum_is_written_as_its_language_does(
    minor: int | None, currency: str | None, english: str, russian: str
) -> None:
    assert amount(minor, currency) == Text(russian, english)


def test_a_value_with_two_languages_is_filled_in_by_language() -> None:
    told = Text("молчит {age}, {why}", "silent for {age}, {why}").with_values(
        age=duration(61), why="{why}"
    )
    assert told == Text("молчит 1 мин 1 с, {why}", "silent for 1 min 1 s, {why}")
    assert (told.of("ru"), told.of("en")) == (told.ru, told.en)


@pytest.mark.parametrize(
    ("iso", "told"),
    [
        ("2026-11-23T15:42:10.512Z", "2026-11-23 15:42:10 UTC"),
        ("2026-11-23T15:42:10+03:00", "2026-11-23 15:42:10 UTC+03:00"),
        ("2026-11-23T15:42:10", "2026-11-23 15:42:10"),
        ("before the clock was right", "before the clock was right"),
        ("", ""),
    ],
)
def test_a_wall_time_is_told_with_its_zone_and_without_fractions(iso: str, told: str) -> None:
    assert wall_time(iso) == told

import pytest

from cloud.books import words
from cloud.books.kinds import KINDS, SHELF, Kind
from cloud.books.words import plain


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (" Система  налогообложения: ", "система налогообложения"),
        ("Место расчётов*", "место расчетов"),
        ("price_min", "price min"),
        ("УСН «доходы-расходы»", "усн доходы расходы"),
    ],
)
def test_how_a_word_is_written_does_not_matter(text: str, same: str) -> None:
    assert plain(text) == same


def test_every_word_of_a_table_is_plain_already() -> None:
    tables = (words.TAXATION, words.VAT, words.SUBJECT, words.MARKING, words.PRESUMED, words.LATE)
    for table in tables:
        assert [plain(word) for word in table] == list(table)


@pytest.mark.parametrize("kind", [*KINDS.values(), SHELF], ids=lambda kind: kind.of.__name__)
def test_every_name_of_a_column_is_plain_and_means_one_column(kind: Kind) -> None:
    names = [name for column in kind.columns for name in column.also]
    assert [plain(name) for name in names] == names
    every = [*names, *(plain(column.name) for column in kind.columns)]
    assert len(every) == len(set(every))

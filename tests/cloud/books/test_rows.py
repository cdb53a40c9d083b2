from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.books.kinds import MACHINE, PRODUCT
from cloud.books.rows import Row, header, read
from cloud.errors import ConfigError

COLUMNS = PRODUCT.columns


def lines(*texts: str) -> Iterator[tuple[int, list[str]]]:
    return iter([(number, text.split("|")) for number, text in enumerate(texts, 1)])


def test_a_row_says_what_stands_in_its_cells() -> None:
    told = lines("товар|Наименование|Ставка НДС", "tea|Чай|10%", "cola||")
    assert list(read(told, COLUMNS, ["id"])) == [
        Row(2, {"id": "tea", "name": "Чай", "vat": "10"}),
        Row(3, {"id": "cola"}),
    ]


def test_every_mistake_of_a_row_is_told_with_its_column() -> None:
    told = lines("id|vat|gtin|", "tea|18|#ССЫЛКА!|x|y")
    (row,) = read(told, COLUMNS, ["id"])
    assert row.said == {"id": "tea"}
    assert [column for column, _ in row.wrong] == ["vat", "gtin", "4", "5"]
    assert row.wrong[0][1].startswith("'18' is no rate of VAT; expected one of none, 0, 5, 7,")
    assert row.wrong[1][1] == "'#ССЫЛКА!' is a formula's error; expected its value"
    assert row.wrong[2][1] == "'x' stands under no name"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["id", "цвет"], "there is no column 'цвет'; the columns are id, operator, name, vat,"),
        (["id", "товар"], "there are two columns id"),
        (["name"], "the column id is missing"),
        (["", ""], "there are no rows"),
    ],
)
def test_a_first_row_that_names_other_columns_is_refused(names: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        header(names, COLUMNS, ["id"])
    assert said in str(error.value)


def test_a_file_without_rows_is_refused() -> None:
    with pytest.raises(ConfigError, match="there are no rows"):
        list(read(lines(), COLUMNS, ["id"]))


@given(st.lists(st.lists(st.text(max_size=30), max_size=14), max_size=4))
def test_whatever_stands_in_a_file_is_read_or_told(cells: list[list[str]]) -> None:
    names = [column.name for column in MACHINE.columns]
    numbered = iter([(1, names), *enumerate(cells, 2)])
    read_rows = list(read(numbered, MACHINE.columns, ["id"]))
    assert [row.number for row in read_rows] == list(range(2, len(cells) + 2))
    for row, texts in zip(read_rows, cells, strict=True):
        told = len(row.wrong) + len(row.said) - ("policies" in row.said)
        told += len(row.said.get("policies", {}))
        assert told == sum(map(bool, texts))

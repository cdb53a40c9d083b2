import csv
import io
import random
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.books.sheets import rows
from cloud.errors import ConfigError

TABLE = [["адрес", "место"], ["Москва; центр", 'у "входа"'], ["Казань,\nвокзал", "зал"]]


def written(file: Path, text: str, encoding: str = "utf-8") -> Path:
    file.write_bytes(text.encode(encoding))
    return file


def as_csv(table: list[list[str]], separator: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(table)
    return text.getvalue()


def book(file: Path, *table: list[Any], style: str = "General") -> Path:
    workbook = openpyxl.Workbook()
    for row in table:
        workbook.active.append(row)
    for line in workbook.active.iter_rows(min_row=2):
        for cell in line:
            cell.number_format = style if style != "General" else cell.number_format
    workbook.save(file)
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_is_read_whoever_wrote_it(tmp_path: Path, separator: str, encoding: str) -> None:
    file = written(tmp_path / "a.csv", as_csv(TABLE, separator), encoding)
    assert list(rows(file)) == list(enumerate(TABLE, 1))


def test_rows_are_counted_as_a_spreadsheet_does(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "sep=;\nid;name\n\n;\nx; y \n")
    assert list(rows(file)) == [(2, ["id", "name"]), (5, ["x", "y"])]


def test_a_byte_that_is_no_utf8_far_in_the_file_is_heeded(tmp_path: Path) -> None:
    table = [["адрес"], *([["x" * 1000]] * 1500), ["Казань"]]
    file = written(tmp_path / "a.csv", as_csv(table, ","), "cp1251")
    assert list(rows(file))[-1] == (1502, ["Казань"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        (1, "1"),
        (120.5, "120.5"),
        (250.07, "250.07"),
        (7708806062, "7708806062"),
        (1e15, "1000000000000000"),
        (True, "yes"),
        (" Чай ", "Чай"),
        (date(2026, 11, 23), "2026-11-23"),
        (datetime(2026, 11, 23, 15, 42), "2026-11-23 15:42:00"),  # noqa: DTZ001, as Excel has it
    ],
)
def test_a_cell_is_what_a_person_sees_in_it(tmp_path: Path, value: object, text: str) -> None:
    file = book(tmp_path / "a.xlsx", ["value", "id"], [value, "x"])
    assert list(rows(file))[1] == (2, [text, "x"])


@pytest.mark.parametrize(("value", "text"), [(0.1, "10%"), (0, "0%"), (0.07, "7%")])
def test_a_percentage_is_one(tmp_path: Path, value: float, text: str) -> None:
    file = book(tmp_path / "a.xlsx", ["vat"], [value], style="0%")
    assert list(rows(file))[1] == (2, [text])


def test_a_sheet_whose_size_is_wrong_is_read_all_the_same(tmp_path: Path) -> None:
    whole = book(tmp_path / "a.xlsx", ["id", "name"], [], ["x", "y"])
    lying = tmp_path / "b.xlsx"
    with zipfile.ZipFile(whole) as read, zipfile.ZipFile(lying, "w") as write:
        for name in read.namelist():
            content = read.read(name).replace(b'ref="A1:B3"', b'ref="A1"')
            write.writestr(name, content)
    assert lying.read_bytes() != whole.read_bytes()
    assert list(rows(lying)) == [(1, ["id", "name"]), (3, ["x", "y"])]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "is of an old Excel (.xls), or has a password: save it as",
        ),
        (b"PK\x03\x04 nothing", "is no XLSX"),
        (b'id,name\nx,"y\n', "row 2 is no CSV: unexpected end of data; is a quotation mark left"),
        (b"id\n" + b"x" * 200_000, "row 2 is no CSV: field larger than field limit"),
    ],
)
def test_a_file_that_is_none_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        list(rows(file))
    assert str(error.value).startswith(f"{file}: ")
    assert said in str(error.value)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_workbook_is_rows_or_a_mistake_of_the_file(tmp_path: Path, seed: int) -> None:
    file = book(tmp_path / "a.xlsx", ["id", "name"], *[[number, "x"] for number in range(20)])
    damaged, chance = bytearray(file.read_bytes()), random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        damaged[chance.randrange(4, len(damaged))] = chance.randrange(256)
    file.write_bytes(damaged)
    said = f"{file}: "
    try:
        list(rows(file))
    except ConfigError as error:
        said = str(error)
    assert said.startswith(f"{file}: ")


def changed(whole: Path, *changes: tuple[bytes, bytes]) -> Path:
    """The workbook with other words in its sheet."""
    other = whole.with_name("changed.xlsx")
    with (
        zipfile.ZipFile(whole) as read,
        zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as write,
    ):
        for name in read.namelist():
            content = read.read(name)
            for before, after in changes if name.endswith("sheet1.xml") else ():
                assert before in content
                content = content.replace(before, after)
            write.writestr(name, content)
    return other


@pytest.mark.parametrize("number", [b"1048577", b"9999999999999"])
def test_a_row_beyond_the_last_is_a_mistake_and_is_not_counted_up_to(
    tmp_path: Path, number: bytes
) -> None:
    """Found by absurd numbers of rows: the library counted for as long as it was let."""
    whole = book(tmp_path / "a.xlsx", ["id", "name"], ["x", "y"])
    far = changed(whole, (b'<row r="2"', b'<row r="%b"' % number), (b'"A2"', b'"A%b"' % number))
    with pytest.raises(ConfigError, match=r"is damaged: it has rows beyond 1048576, the last"):
        list(rows(far))
    last = changed(whole, (b'<row r="2"', b'<row r="1048576"'), (b'"A2"', b'"A1048576"'))
    assert list(rows(last))[-1] == (1_048_576, ["x", "y"])


def test_a_workbook_that_unpacks_to_more_than_is_read_is_not_unpacked(tmp_path: Path) -> None:
    bomb = book(tmp_path / "a.xlsx", ["id", "name"], ["x", "y"])
    with (
        zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as write,
        write.open("xl/sharedStrings.xml", "w") as part,
    ):
        for _ in range(600):
            part.write(bytes(1 << 20))
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(ConfigError, match=r"unpacks to 600 MB, and at most 512 are read: save it"):
        list(rows(bomb))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.csv: cannot be read: No such file"):
        list(rows(tmp_path / "none.csv"))


LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])


@given(st.lists(st.lists(st.text(LETTERS), min_size=2, max_size=4), max_size=5))
def test_whatever_is_written_as_csv_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "written.csv"
    written(file, as_csv([["id", "name"], *table], ";"))
    told = [(number, [cell.strip() for cell in row]) for number, row in enumerate(table, 2)]
    assert list(rows(file))[1:] == [(number, row) for number, row in told if any(row)]


@given(content=st.binary(max_size=300))
def test_whatever_a_file_holds_it_is_rows_or_a_mistake_of_it(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(content)
    said = f"{file}: "
    try:
        for number, cells in rows(file):
            assert number > 0
            assert any(cells)
    except ConfigError as error:
        said = str(error)
    assert said.startswith(f"{file}: ")


@pytest.mark.parametrize("name", ["junk.xlsx", "JUNK.XLSX"])
def test_a_file_that_is_no_xlsx_for_all_its_name_says_so(tmp_path: Path, name: str) -> None:
    file = written(tmp_path / name, "junk")
    with pytest.raises(ConfigError, match=f"{name}: is no XLSX: save it as"):
        list(rows(file))

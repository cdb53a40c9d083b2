"""Files that people bring, and that somebody else has written: the whole of one, or nothing and why.

The command line itself is asked: its exit status, what it prints, and what is in the database then.
"""

import io
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from clerk import Clerk
from hostile.malice import garbage, texts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from cloud.books.desk import kept
from cloud.errors import ConfigError

Table = Sequence[Sequence[str]]
HONEST: dict[str, Table] = {
    "machine": (
        ("id", "register", "planogram", "address", "place", "number", "late", "timezone"),
        ("vm-1", "main", "hot", "г. Казань", "зал 1", "17", "чек", "Europe/Moscow"),
        ("vm-2", "main", "hot", "г. Казань", "зал 2", "", "", ""),
    ),
    "product": (
        ("id", "name", "vat", "subject", "marking", "gtin"),
        ("cola", "Кола", "standard", "", "none", ""),
        ("juice", "Сок", "10", "", "gtin_vend", "4600439931256"),
    ),
    "planogram": (
        ("planogram", "slot", "product", "price_min", "price_max", "valid_from"),
        ("hot", "2", "tea", "100", "120,50", "2026-12-01"),
    ),
    "operator": (
        ("id", "name", "inn", "taxation", "email", "late"),
        ("other", "ООО «Другие»", "7708806062", "osn", "a@b.example", ""),
    ),
    "register": (
        ("id", "operator", "provider", "rate_per_s", "url"),
        ("side", "coffee", "komtet", "1", "https://a.example"),
    ),
}
CELLS = (
    *(
        "=cmd|'/c calc'!A1",
        "=1/0",
        "#REF!",
        "+1",
        "-1",
        "@SUM(1)",
        "1e400",
        "9" * 400,
        "NaN",
        "inf",
    ),
    *("٣", "²", "1_000", "0x" + "f" * 99, "None", "null", "vm-000123", "coffee", "31.02.2026"),
    *("9999-12-31", "0000-00-00", "99.99.9999", "Europe/../../etc/passwd", "/etc/localtime", "."),
    *(
        '"',
        '""',
        ";",
        ",",
        "\t",
        "a\nb",
        "a\r\nb",
        "\ufeffid",
        "1 000 000 000,00",
        "-0",
        "00000001",
    ),
)
cells = st.sampled_from(CELLS) | texts
unhurried = settings(
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
promilles = st.integers(0, 999)
"""A workbook is never the same twice: it says when it was made."""
FORMS = ("utf-8", "utf-8-sig", "cp1251", "utf-16", "utf-16-be", "cp866", "latin-1")


@st.composite
def tables(draw: st.DrawFn, honest: Table) -> list[list[str]]:
    """A table that somebody has been at."""
    table = [list(row) for row in honest]
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.sampled_from(table))
        match draw(st.sampled_from(("cell",) * 6 + ("shorter", "longer", "again"))):
            case "cell" if row:
                row[draw(st.integers(0, len(row) - 1))] = draw(cells)
            case "shorter" if row:
                row.pop()
            case "longer":
                row.append(draw(cells))
            case _:
                table.append([*row])
    return table


def as_csv(table: Table, separator: str, encoding: str) -> bytes:
    """As a careless program writes it: quoted only where it sees why."""
    lines = [
        separator.join(f'"{each}"' if separator in each else each for each in row) for row in table
    ]
    return "\r\n".join(lines).encode(encoding, "replace")


def as_xlsx(table: Table) -> bytes:
    """Numbers as numbers, and what begins with an equals sign as a formula."""
    book = openpyxl.Workbook()
    for number, row in enumerate(table, 1):
        for place, text in enumerate(row, 1):
            told: Any = ILLEGAL_CHARACTERS_RE.sub("", text)[:32_000]
            if told.isascii() and told.isdecimal() and len(told) < 300:
                told = int(told)
            book.active.cell(number, place).value = told
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@st.composite
def files(draw: st.DrawFn, honest: Table) -> tuple[str, bytes]:
    """Its ending, and what is in it."""
    table = draw(tables(honest))
    if draw(st.booleans()):
        return ".csv", as_csv(table, draw(st.sampled_from(",;\t")), draw(st.sampled_from(FORMS)))
    raw = as_xlsx(table)
    match draw(st.sampled_from(("whole", "whole", "cut", "bytes", "named .csv"))):
        case "cut":
            raw = raw[: len(raw) * draw(promilles) // 1000]
        case "bytes":
            place = len(raw) * draw(promilles) // 1000
            raw = raw[:place] + draw(st.binary(min_size=1, max_size=8)) + raw[place + 8 :]
        case "named .csv":
            return ".csv", raw
    return ".xlsx", raw


@pytest.fixture
async def clerk(tmp_path: Path, sqlite_database: Path) -> Clerk:
    """A fleet that is there already."""
    one = Clerk(tmp_path, str(sqlite_database))
    await one.coffee()
    return one


def books_of(folder: Path) -> list[str]:
    """All that is in the books."""
    names = ("operator", "register", "product", "planogram", "shelf", "machine", "change")
    with closing(sqlite3.connect(folder / "cloud.sqlite")) as connection:
        return [repr(row) for name in names for row in connection.execute(f"SELECT * FROM {name}")]


async def imported(clerk: Clerk, kind: str, file: Path) -> str:
    """What was wrong with it, or nothing; then as much is written as was said, and else nothing."""
    before = books_of(clerk.folder)
    said: list[str] = []
    words = [kind, "import", str(file)]
    if kind != "operator":
        words += ["--operator", "coffee"]
    wrong = ""
    try:
        assert await kept(clerk.parsed(*words), said.append, said.append) == 0
    except ConfigError as error:
        wrong = str(error)
    if wrong:
        assert books_of(clerk.folder) == before
        assert wrong.startswith(f"{file}: ")
        assert len(wrong.splitlines()) == 1, wrong
        assert "\n" not in "".join(said), said
        return wrong
    new = len(books_of(clerk.folder)) - len(before)
    changes = len([each for each in books_of(clerk.folder) if each not in before])
    assert said[-1].startswith(f"{file}: ")
    assert (new > 0) <= (changes > 0)
    assert [*map(bool, (new, changes))] != [True, False]
    return ""


@pytest.mark.parametrize("kind", HONEST)
@unhurried
@given(told=st.data())
async def test_a_file_is_imported_whole_or_not_at_all(
    clerk: Clerk, kind: str, told: st.DataObject
) -> None:
    ending, content = told.draw(files(HONEST[kind]))
    file = clerk.folder / f"given{ending}"
    file.write_bytes(content)
    await imported(clerk, kind, file)


@pytest.mark.parametrize("kind", HONEST)
@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
@unhurried
@given(content=garbage)
async def test_what_is_no_table_says_so(
    clerk: Clerk, kind: str, ending: str, content: bytes
) -> None:
    file = clerk.folder / f"given{ending}"
    file.write_bytes(content)
    assert await imported(clerk, kind, file)


@pytest.mark.parametrize("kind", ["machine", "product", "planogram", "operator"])
async def test_the_table_as_it_was_is_imported(clerk: Clerk, kind: str) -> None:
    """Or what stands above would say nothing."""
    for ending, content in {
        ".csv": as_csv(HONEST[kind], ";", "cp1251"),
        ".xlsx": as_xlsx(HONEST[kind]),
    }.items():
        file = clerk.folder / f"given{ending}"
        file.write_bytes(content)
        assert not await imported(clerk, kind, file)

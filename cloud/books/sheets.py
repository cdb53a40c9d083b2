"""Sheets: a CSV or XLSX file as rows of texts, one after the other; it never stands in memory whole.

CSV may be separated by commas, semicolons or tabs, and be UTF-8, UTF-16 (both known by their marks)
or, where it is neither, the code page 1251 of a Russian Windows. Of an XLSX the first sheet is read.
"""

import codecs
import csv
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

from cloud.errors import ConfigError

Numbered = tuple[int, list[str]]
"""A row and its number; the first is 1, as in a spreadsheet."""

_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_MARKS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16"} | {
    codecs.BOM_UTF16_BE: "utf-16"
}
_CHUNK: Final = 1 << 20
_AT_ONCE: Final = 500
_BROKEN: Final = (
    *(AttributeError, EOFError, IndexError, KeyError, RuntimeError, SyntaxError, TypeError),
    *(ValueError, zipfile.BadZipFile, zlib.error),
)
"""How the library says that a file is not what it should be."""
_SEPARATORS: Final = ",;\t"
_LAST_ROW: Final = 1_048_576
"""Of a spreadsheet. A file may name any; the library counts up to it, for years if it has to."""
_MOST_BYTES: Final = 512 << 20
"""Of a workbook, unpacked: a small file may unpack to more than any memory holds."""


def rows(file: Path) -> Iterator[Numbered]:
    """Every row that has anything in it.

    Raises:
        ConfigError: the file cannot be read, or is neither.
    """
    try:
        with file.open("rb") as opened:
            start = opened.read(4)
        if start == _OLD_EXCEL:
            raise ConfigError(
                f"{file}: is of an old Excel (.xls), or has a password: save it as .xlsx or as CSV"
            )
        if start != _ZIP and file.suffix.lower() == ".xlsx":
            raise ConfigError(f"{file}: is no XLSX: save it as .xlsx once more, or as CSV (.csv)")
        found = _workbook(file) if start == _ZIP else _csv(file)
        for number, cells in found:
            if any(cells):
                yield number, cells
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from error


def _csv(file: Path) -> Iterator[Numbered]:
    encoding, number = _encoding(file), 0
    try:
        with file.open(encoding=encoding, newline="") as opened:
            separator, number = _separator(opened)
            reader = csv.reader(opened, delimiter=separator, strict=True, skipinitialspace=True)
            for number, cells in enumerate(reader, number + 1):  # noqa: B020, it is told
                yield number, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise ConfigError(
            f"{file}: row {number + 1} is no CSV: {error}; is a quotation mark left open?"
        ) from error
    except UnicodeError as error:
        raise ConfigError(f"{file}: row {number + 1} or after is no {encoding}: {error}") from error


def _encoding(file: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as opened:
        chunk = opened.read(_CHUNK)
        for mark, name in _MARKS.items():
            if chunk.startswith(mark):
                return name
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = opened.read(_CHUNK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1251"
    return "utf-8"


def _separator(opened: TextIO) -> tuple[str, int]:
    """What the first row is separated by, and how many rows stand before it."""
    first = opened.readline()
    if first.strip().lower().startswith("sep=") and first.strip()[4:] in tuple(_SEPARATORS):
        return first.strip()[4:], 1
    opened.seek(0)
    bare = "".join(first.split('"')[::2])
    return max(_SEPARATORS, key=bare.count), 0


def _workbook(file: Path) -> Iterator[Numbered]:
    import openpyxl  # type: ignore[import-untyped]  # noqa: PLC0415, slow to load, and most files are CSV

    # Opened here: the library believes in the ends of names.
    with file.open("rb") as opened:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of styles and the like, which are not read
                _weigh(file, opened)
                book = openpyxl.load_workbook(opened, read_only=True, data_only=True)
        except _BROKEN as error:
            raise ConfigError(f"{file}: is no XLSX: {error}") from error
        with closing(book):
            if not book.worksheets:
                raise ConfigError(f"{file}: has no sheet")
            sheet = book.worksheets[0]
            # Some programs write a size that is not the sheet's.
            sheet.reset_dimensions()
            yield from _cells(file, enumerate(sheet.iter_rows(max_row=_LAST_ROW + 1), 1))


def _weigh(file: Path, opened: BinaryIO) -> None:
    with zipfile.ZipFile(opened) as parts:
        unpacked = sum(each.file_size for each in parts.infolist())
    if unpacked > _MOST_BYTES:
        raise ConfigError(
            f"{file}: unpacks to {unpacked >> 20} MB, and at most {_MOST_BYTES >> 20} are read:"
            " save it as CSV (.csv)"
        )


def _cells(file: Path, counted: Iterator[tuple[int, Any]]) -> Iterator[Numbered]:
    """In small lots: a warning of the library's is ours to silence only while it works."""
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                lot = [
                    (number, [_text(cell) for cell in row])
                    for number, row in islice(counted, _AT_ONCE)
                ]
        except _BROKEN as error:
            raise ConfigError(f"{file}: is damaged: {error}") from error
        if not lot:
            return
        if lot[-1][0] > _LAST_ROW:
            raise ConfigError(f"{file}: is damaged: it has rows beyond {_LAST_ROW}, the last")
        yield from lot


def _text(cell: Any) -> str:  # noqa: ANN401, of an untyped library
    """What a person sees in the cell, and would type for it."""
    match cell.value:
        case None:
            return ""
        case bool():
            return "yes" if cell.value else "no"
        case int() | float():
            return _number(cell.value, percent="%" in str(cell.number_format))
        case datetime():
            midnight = cell.value.time() == time()
            return cell.value.date().isoformat() if midnight else cell.value.isoformat(" ")
        case date():
            return cell.value.isoformat()
    return str(cell.value).strip()


def _number(value: float, *, percent: bool) -> str:
    """Exactly as it stands: a float's own shortest text, never arithmetic on it."""
    exact = Decimal(repr(value))
    if not exact.is_finite():
        return repr(value)
    if percent:
        return f"{_plain(exact * 100)}%"
    return _plain(exact)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

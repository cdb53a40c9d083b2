"""Rows: what each row of a file says of columns, and what is wrong in it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud.books.kinds import Column, said
from cloud.books.sheets import Numbered
from cloud.books.words import ERRORS, plain
from cloud.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Row:
    """One row. A cell that is empty says nothing."""

    number: int
    said: dict[str, Any]
    """In the shape of the value; of wrong cells nothing."""
    wrong: tuple[tuple[str, str], ...] = ()
    """Column and what is wrong in it."""


def read(
    numbered: Iterator[Numbered], columns: Sequence[Column], needed: Sequence[str]
) -> Iterator[Row]:
    """The rows below the first one, which names the columns.

    Raises:
        ConfigError: there is no first row, it names a column that there is not, one twice, or not
            every one that is needed.
    """
    _, names = next(numbered, (0, []))
    chosen = header(names, columns, needed)
    for number, cells in numbered:
        yield _row(number, cells, chosen)


def header(
    names: Sequence[str], columns: Sequence[Column], needed: Sequence[str] = ()
) -> list[Column | None]:
    """The column of each cell; None where the first row has an empty one.

    Raises:
        ConfigError: see `read`.
    """
    if not any(names):
        raise ConfigError("there are no rows; the first one names the columns")
    known: Mapping[str, Column] = {
        plain(name): column for column in columns for name in (column.name, *column.also)
    }
    listed = ", ".join(column.name for column in columns)
    if unknown := [name for name in names if name and plain(name) not in known]:
        raise ConfigError(
            f"there is no column {', '.join(map(repr, unknown))}; the columns are {listed}"
        )
    chosen = [known.get(plain(name)) for name in names]
    there = [column.name for column in chosen if column is not None]
    if twice := sorted({name for name in there if there.count(name) > 1}):
        raise ConfigError(f"there are two columns {', '.join(twice)}")
    if lacking := [name for name in needed if name not in there]:
        raise ConfigError(f"the column {', '.join(lacking)} is missing; the columns are {listed}")
    return chosen


def _row(number: int, cells: Sequence[str], chosen: Sequence[Column | None]) -> Row:
    pairs: dict[Column, object] = {}
    wrong: list[tuple[str, str]] = []
    for place, text in enumerate(cells):
        column = chosen[place] if place < len(chosen) else None
        if not text:
            continue
        if column is None:
            wrong.append((str(place + 1), f"{text!r} stands under no name"))
        elif text.casefold() in ERRORS:
            wrong.append((column.name, f"{text!r} is a formula's error; expected its value"))
        else:
            try:
                pairs[column] = column.read(text)
            except ValueError as error:
                wrong.append((column.name, str(error)))
    return Row(number, said(pairs), tuple(wrong))

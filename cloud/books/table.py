"""A table in text: aligned columns below their names. Pure."""

from collections.abc import Iterator, Mapping, Sequence

_GAP = "  "


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Its lines; a column that is empty in every row is left out."""
    kept = [place for place in range(len(names)) if any(row[place] for row in rows)]
    widths = [max(len(names[place]), *(len(row[place]) for row in rows)) for place in kept]
    for cells in (names, *rows):
        yield _line([cells[place] or "-" for place in kept], widths)


def pairs(told: Mapping[str, str]) -> Iterator[str]:
    """One thing: a line for each of its values, the names before them."""
    width = max(map(len, told), default=0)
    for name, value in told.items():
        yield _line([name, value or "-"], [width, 0])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

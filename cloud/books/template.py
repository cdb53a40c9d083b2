"""A template: an example of a file to import, that its importer takes as it is.

Separated by semicolons and with a mark of UTF-8 at its start, so that a Russian Excel opens it.
"""

import csv
import io
from collections.abc import Sequence

from cloud.books.kinds import Column

MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def template(columns: Sequence[Column]) -> str:
    """Its text: the columns' names, and two rows; a column without an example is left out."""
    kept = [column for column in columns if any(column.examples)]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(column.name for column in kept)
    for place in (0, 1):
        writer.writerow(column.examples[place] for column in kept)
    return MARK + text.getvalue().removesuffix("\n")

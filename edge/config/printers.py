"""``[[printer]]``: the receipt printers of a machine, one table each."""

from edge.wire.settings import Table


class FilePrinter(Table, frozen=True, kw_only=True, tag="file", tag_field="kind"):
    """``[[printer]] kind = "file"``: slips as files, to try everything out."""

    folder: str


PrinterTable = FilePrinter

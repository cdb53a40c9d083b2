"""``serial``: a printer on RS-232 or on a USB adapter for it."""

import serial  # type: ignore[import-untyped]

from edge.config.printers import SerialPrinter
from edge.printers.ports import Port


def open_serial(table: SerialPrinter) -> Port:
    """Open it with eight bits and no parity.

    Raises:
        OSError: it is not there, or not ours to open.
    """
    port = serial.Serial(
        table.port,
        table.baud,
        rtscts=table.flow == "rtscts",
        xonxoff=table.flow == "xonxoff",
        exclusive=True,
    )
    return Port(port.fileno(), port.close, forget=port.reset_output_buffer)

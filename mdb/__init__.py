"""The bus: a passive MDB/ICP 4.2 listener that concludes what was sold.

Bytes in, events out. Nothing here opens a port, reads a clock or logs, but for `mdb.taps`.

    >>> from mdb import Sniffer, read_trace
    >>> sniffer = Sniffer()
    >>> for signal in read_trace(lines):
    ...     for event in sniffer.feed(signal):
    ...         print(event)
"""

from mdb.byte import Break, BusByte, Line, Signal
from mdb.event import Event, Kind, Sale, Tender, as_json
from mdb.money import Money
from mdb.sniffer import Sniffer
from mdb.trace import NotATraceError, read_trace

__all__ = [
    "Break",
    "BusByte",
    "Event",
    "Kind",
    "Line",
    "Money",
    "NotATraceError",
    "Sale",
    "Signal",
    "Sniffer",
    "Tender",
    "as_json",
    "read_trace",
]

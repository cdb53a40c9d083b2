"""A capture as packets for Wireshark's MDB dissector (since Wireshark 4.2).

Classic pcap with microseconds, link type 300 (LINKTYPE_MDB). A packet is a pseudo header and a
block as it was on the wire, its checksum included:

    00 FF AA DD … CC        the VMC's block, or its ACK, NAK, RET
    00 FE aa DD … CC        a peripheral's block, ACK or NAK; aa is its address
    00 FD 00                a bus reset; the last byte says nothing, but the dissector wants three

A peripheral does not say who it is: its address is the one the VMC spoke to last. Blocks that were
damaged are packets too.
"""

import struct
from collections.abc import Iterator
from typing import Final

from mdb.block import Block, Fault, Single, checksum
from mdb.byte import Break, Line, Signal
from mdb.framing import Framed, Framer

LINKTYPE_MDB: Final = 300
BY_VMC, BY_PERIPHERAL, BUS_RESET = b"\x00\xff", b"\x00\xfe", b"\x00\xfd\x00"
_MAGIC: Final = 0xA1B2C3D4
_VERSION: Final = (2, 4)
_LONGEST: Final = 262144
_SECOND: Final = 1_000_000


class Packets:
    """Signals in, bytes of a pcap file out. `start` is added to the capture's own seconds."""

    HEADER: Final = struct.pack("<IHHiIII", _MAGIC, *_VERSION, 0, 0, _LONGEST, LINKTYPE_MDB)

    def __init__(self, start: float = 0.0) -> None:
        self._start = round(start * _SECOND)
        self._framer = Framer()
        self._address = 0

    def feed(self, signal: Signal) -> Iterator[bytes]:
        """Take the next signal; give the packets it completes."""
        return map(self._packet, self._framer.feed(signal))

    def flush(self) -> Iterator[bytes]:
        """The capture ended: the packet that was under way."""
        return map(self._packet, self._framer.flush())

    def _packet(self, framed: Framed) -> bytes:
        body = self._body(framed)
        seconds, rest = divmod(max(0, self._start + round(framed.at * _SECOND)), _SECOND)
        return struct.pack("<IIII", seconds & 0xFFFFFFFF, rest, len(body), len(body)) + body

    def _body(self, framed: Framed) -> bytes:
        match framed:
            case Break():
                return BUS_RESET
            case Block():
                raw = framed.data + bytes([checksum(framed.data)])
            case Single():
                raw = bytes([framed.answer])
            case Fault():
                raw = framed.raw
        if framed.line is Line.PERIPHERAL:
            return BY_PERIPHERAL + bytes([self._address]) + raw
        if len(raw) > 1:
            self._address = raw[0] & 0xF8
        return BY_VMC + raw

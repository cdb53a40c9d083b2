"""The File Transport Layer: whole files over the bus (MDB 4.2, section 2.6).

Any peripheral and the VMC may send each other files in blocks of up to 31 bytes; file 01 is the
machine's EVA-DTS audit, ``DXS … DXE``.

    VMC          x7 FA D S F L C    may I receive?   D to, S from, F file, L blocks, C control
    peripheral   1B D S F L C       the same
    either       FB | 1C D S T      not now: try again in T seconds, 00 never
    either       FC | 1D D N data   block N; a file ends with an empty one
    either       FD | 1E D S        go on
    either       FE | 1F D S F L C  may I send?
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mdb.vocabulary.message import Message

EXPANSION: Final = 7
MOST: Final = 256
"""Blocks in the largest file; it alone has no empty block at its end."""
LARGEST: Final = MOST * 31
"""Bytes in it."""


@dataclass(frozen=True, slots=True)
class FileMessage(Message):
    """One message of the transport; `by_vmc` tells who said it."""

    by_vmc: bool


@dataclass(frozen=True, slots=True)
class FileOffer(FileMessage):
    """A file is asked for (`wanted`) or offered: to whom, from whom, which, how many blocks."""

    to: int
    source: int
    file: int
    blocks: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class FileRefused(FileMessage):
    """Not now; seconds to wait, 0 for never."""

    to: int
    source: int
    delay: int


@dataclass(frozen=True, slots=True)
class FileBlock(FileMessage):
    """A block of up to 31 bytes; an empty one ends the file."""

    to: int
    block: int
    content: bytes


@dataclass(frozen=True, slots=True)
class FileWelcome(FileMessage):
    """Go on sending."""

    to: int
    source: int


def _offer(wanted: bool) -> Callable[[bytes, bool], Message]:  # noqa: FBT001, one of two tables' rows
    return lambda d, vmc: FileOffer(vmc, d[0], d[1], d[2], d[3], wanted)


MESSAGES: Final[dict[int, tuple[int, Callable[[bytes, bool], Message]]]] = {
    0x1B: (5, _offer(True)),
    0x1C: (3, lambda d, vmc: FileRefused(vmc, d[0], d[1], d[2])),
    0x1D: (2, lambda d, vmc: FileBlock(vmc, d[0], d[1], d[2:])),
    0x1E: (2, lambda d, vmc: FileWelcome(vmc, d[0], d[1])),
    0x1F: (5, _offer(False)),
}
"""A peripheral's code to the bytes after it (at least, for a block), and how to read them."""
BLOCK: Final = 0x1D
VMC_CODES: Final = 0xFA - 0x1B
"""How far the VMC's codes are from the peripherals'."""


def decode_command(data: bytes) -> Message | None:
    """A VMC's block of the transport; None if it is none."""
    if len(data) < 2 or data[0] & 0x07 != EXPANSION or data[1] < VMC_CODES:
        return None
    told = _told(data[1] - VMC_CODES, data[2:], by_vmc=True)
    return told[1] if told is not None and told[0] == len(data) - 1 else None


def decode_reply(data: bytes) -> tuple[int, Message] | None:
    """A message of the transport in an answer and the bytes it takes; None if there is none."""
    return _told(data[0], data[1:], by_vmc=False)


def _told(code: int, rest: bytes, *, by_vmc: bool) -> tuple[int, Message] | None:
    layout = MESSAGES.get(code)
    if layout is None or len(rest) < layout[0]:
        return None
    size = len(rest) if code == BLOCK else layout[0]
    return 1 + size, layout[1](rest[:size], by_vmc)


@dataclass(frozen=True, slots=True)
class File:
    """A file as it went by; `complete` if no block is missing and its end was heard."""

    source: int | None
    to: int
    file: int | None
    content: bytes
    complete: bool


class Reassembly:
    """Blocks of one peripheral's transfers become files; never holds more than one file."""

    def __init__(self) -> None:
        self._offer: FileOffer | None = None
        self._content = b""
        self._next: int | None = None
        self._whole = False
        self._blocks = 0

    def feed(self, message: FileMessage) -> File | None:
        """Take the next message; return the file it ends."""
        match message:
            case FileOffer():
                unfinished = self.end()
                self._offer = message
                self._whole = True
                return unfinished
            case FileRefused():
                return self.end()
            case FileBlock(content=b""):
                in_turn = self._next in {None, message.block}
                return self._close(message.to, complete=self._whole and in_turn)
            case FileBlock():
                return self._add(message)
        return None

    def end(self) -> File | None:
        """Nothing more comes: the peripheral was reset, or another transfer begins."""
        if self._content:
            return self._close(None, complete=False)
        self._forget()
        return None

    def _add(self, block: FileBlock) -> File | None:
        if self._next is not None and block.block == (self._next - 1) & 0xFF:
            return None  # said again
        if self._next is None:
            self._whole = self._whole and block.block in {0, 1}
        elif block.block != self._next:
            self._whole = False
        self._next = (block.block + 1) & 0xFF
        self._content = (self._content + block.content)[:LARGEST]
        self._blocks += 1
        return self._close(block.to, complete=self._whole) if self._blocks == MOST else None

    def _close(self, to: int | None, *, complete: bool) -> File | None:
        offer, content = self._offer, self._content
        self._forget()
        if offer is None and not content:
            return None
        if offer is None:
            return File(None, to or 0, None, content, complete=False)
        return File(offer.source, offer.to, offer.file, content, complete)

    def _forget(self) -> None:
        self._offer, self._content, self._next, self._whole = None, b"", None, False
        self._blocks = 0

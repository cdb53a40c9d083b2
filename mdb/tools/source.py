"""A capture as lines of text: a file or standard input, plain or gzip.

Gzip is recognised by its first bytes, not by its name. A recording that was cut off gives what
stands before the cut: power cuts are a recorder's normal life.
"""

import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

MAGIC: Final = b"\x1f\x8b"
STANDARD_INPUT: Final = Path("-")
LONGEST_LINE: Final = 1 << 16
"""Characters of a line; noise may have no end of it."""
_CHUNK: Final = 1 << 16
_WHOLE_GZIP: Final = zlib.MAX_WBITS | 16


class Source(io.RawIOBase):
    """The bytes of a capture, inflated where they were gzip.

    Attributes:
        taken: bytes read from the file itself, to be compared with `size`.
        size: the file's size in bytes; None for standard input, a pipe and the like.
        cut: what was wrong with the gzip, once its end has been met; None if nothing was.
    """

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self.taken = 0
        self.size = _size(raw)
        self.cut: str | None = None
        self._raw = raw
        self._inflate: zlib._Decompress | None = None
        self._given = False
        self._packed = b""
        """What was read of the gzip and is not inflated yet."""
        self._ready = self._begin()

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Give what there is: at a live source, no more than has come."""
        while not self._ready:
            chunk, self._packed = self._packed or self._take(), b""
            if self._inflate is not None:
                self._ready = self._inflated(self._inflate, chunk)
            else:
                self._ready = chunk
            if not chunk and not self._ready:
                if self._inflate is not None and not self._inflate.eof and self.cut is None:
                    self.cut = "the gzip is cut off"
                return 0
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        self._given = True
        return count

    def _begin(self) -> bytes:
        first = b""
        while len(first) < len(MAGIC) and (more := self._take()):
            first += more
        if not first.startswith(MAGIC):
            return first
        self._inflate = zlib.decompressobj(_WHOLE_GZIP)
        return self._inflated(self._inflate, first)

    def _inflated(self, inflate: "zlib._Decompress", chunk: bytes) -> bytes:
        """A piece of what it says, whatever a few bytes may say in all; what is left of it waits."""
        if self.cut is not None:
            return b""
        if inflate.eof:
            return self._appended(chunk)
        before = inflate.copy()
        try:
            told = inflate.decompress(chunk, _CHUNK)
        except zlib.error as error:
            told = _salvaged(before, chunk)
            if not self._given and not told:
                raise OSError(f"no gzip that can be read ({error})") from error
            self.cut = f"the gzip is damaged ({error})"
            return told
        self._packed = inflate.unused_data or inflate.unconsumed_tail
        return told

    def _appended(self, chunk: bytes) -> bytes:
        """What follows a gzip: another that was appended to it, or padding."""
        if chunk == MAGIC[:1]:
            chunk += self._take()
        if chunk.startswith(MAGIC):
            self._inflate, self._packed = zlib.decompressobj(_WHOLE_GZIP), chunk
        elif chunk:
            while self._take():
                pass
        return b""

    def _take(self) -> bytes:
        chunk = self._raw.read1(_CHUNK) if hasattr(self._raw, "read1") else self._raw.read(_CHUNK)
        self.taken += len(chunk)
        return chunk


def lines_of(text: io.TextIOBase) -> Iterator[str]:
    """Its lines; of one that is longer than any the beginning, as its end may never come."""
    while line := text.readline(LONGEST_LINE):
        yield line
        while len(line) == LONGEST_LINE and not line.endswith("\n"):
            line = text.readline(LONGEST_LINE)


def _salvaged(inflate: "zlib._Decompress", chunk: bytes) -> bytes:
    """What stands before the damage: zlib gives nothing of a chunk that has it."""
    told = b""
    for each in chunk:
        try:
            told += inflate.decompress(bytes([each]))
        except zlib.error:
            break
    return told


@contextmanager
def opened(file: Path) -> Iterator[tuple[Source, io.TextIOWrapper]]:
    """The capture's bytes, to see how far it has been read, and its text.

    Raises:
        OSError: there is no such file, it cannot be read, or its gzip gives nothing.
    """
    if file == STANDARD_INPUT:
        if sys.stdin is None:
            raise OSError("standard input is closed")
        source = Source(sys.stdin.buffer)
        yield source, _text(source)
        return
    with file.open("rb") as raw:
        source = Source(raw)
        yield source, _text(source)


def _text(source: Source) -> io.TextIOWrapper:
    buffered = io.BufferedReader(source, _CHUNK)
    return io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="replace")


def _size(raw: BinaryIO) -> int | None:
    try:
        position = raw.tell()
        size = raw.seek(0, io.SEEK_END)
        raw.seek(position)
    except OSError:
        return None
    return size or None

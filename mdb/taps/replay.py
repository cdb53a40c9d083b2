"""A capture, played again: ``replay:FILE`` at its own pace, ``replay:FILE?pace=0`` at once."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, TextIO, cast
from urllib.parse import parse_qs

from mdb.byte import Signal
from mdb.trace import read_trace

GZIP: Final = b"\x1f\x8b"


class Replay:
    """A trace as a tap. It ends with the file."""

    vmc_only = False

    def __init__(self, signals: list[Signal], pace: float = 1.0) -> None:
        self._signals = signals
        self._pace = pace

    @classmethod
    def open(cls, address: str) -> "Replay":
        """Read ``FILE[?pace=N]``: N times as fast as it was recorded, 0 without waiting.

        Raises:
            NotATraceError, OSError: the file is no trace, or cannot be read.
            ValueError: the pace is no number, or below 0; the message says what was expected.
        """
        file, _, query = address.partition("?")
        pace = _pace(parse_qs(query, keep_blank_values=True).get("pace", ["1"])[0])
        try:
            with _opened(Path(file)) as trace:
                return cls(list(read_trace(trace)), pace)
        except (EOFError, zlib.error) as error:
            raise OSError(f"{file}: the gzip is cut off or damaged: {error}") from error

    async def __aiter__(self) -> AsyncIterator[Signal]:
        """Yield each signal when its time has come."""
        before: float | None = None
        for signal in self._signals:
            if self._pace and before is not None:
                await asyncio.sleep(max(0.0, signal.at - before) / self._pace)
            before = signal.at
            yield signal


def _opened(file: Path) -> TextIO:
    """The trace's text, compressed or not: a capture that came from afar is."""
    with file.open("rb") as begun:
        compressed = begun.read(len(GZIP)) == GZIP
    if compressed:
        return cast("TextIO", gzip.open(file, "rt", encoding="utf-8-sig", errors="replace"))
    return file.open(encoding="utf-8-sig", errors="replace")


def _pace(told: str) -> float:
    try:
        pace = float(told)
    except ValueError:
        pace = -1.0
    if not 0.0 <= pace < float("inf"):
        raise ValueError(
            f"replay: the pace {told!r} makes no sense; expected how many times as fast, such as"
            " replay:FILE?pace=10, or 0 for at once"
        )
    return pace

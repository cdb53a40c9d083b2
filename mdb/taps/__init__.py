"""Taps: where bytes come from. One file a device, opened by a URL-like name."""

from collections.abc import AsyncIterator
from typing import Protocol

from mdb.byte import Signal
from mdb.taps.replay import Replay
from mdb.taps.virtual import VirtualMachine

__all__ = ["Replay", "Tap", "VirtualMachine", "open_tap"]


class Tap(Protocol):
    """A source of bus signals.

    - Iterating yields every signal once, in the order of the bus.
    - `at` is in seconds of a steady clock of the tap's own; only differences mean anything.
    - A tap listens. It never writes to the bus.
    - It ends only when its source does: a file does, a machine does not.
    """

    def __aiter__(self) -> AsyncIterator[Signal]: ...


def open_tap(name: str) -> Replay | VirtualMachine:
    """The tap of a name such as ``replay:capture.mdb`` or ``virtual:0001=12000``.

    Raises:
        ValueError: no tap of that name, or its address makes no sense; the message says which.
        NotATraceError: the file to replay is no trace.
        OSError: the file to replay cannot be read.
    """
    scheme, _, address = name.partition(":")
    match scheme:
        case "replay":
            return Replay.open(address)
        case "virtual":
            return VirtualMachine.open(address)
        case _:
            raise ValueError(
                f"no tap is called {scheme!r}; known are replay:FILE and virtual:PRICES"
            )

"""Taps: where bytes come from. One file a device, opened by a URL-like name.

A new one is a class with `vmc_only` and `__aiter__` (see `Tap`; `replay.py` is the smallest) and a
line in `open_tap`. One on a serial port reads it through `port.py`, which opens it again when it
is lost, and puts a `Seam` before what it hands over.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from mdb.byte import Signal
from mdb.taps.replay import Replay
from mdb.taps.virtual import VirtualMachine

__all__ = ["Replay", "Tap", "VirtualMachine", "open_tap"]


class Tap(Protocol):
    """A source of bus signals.

    - Iterating yields every signal once, in the order of the bus. One listener at a time.
    - `at` is in seconds of a steady clock of the tap's own; only differences mean anything.
    - A tap listens. It never writes to the bus.
    - It ends only when its source does: a file does, a machine does not.
    - A device that is lost is opened again. Where something was not heard, the next signal is one
      that closes every open block (the VMC's mode bit, or a break): no halves are glued together.
    - Closing the iterator, or cancelling who iterates, closes the device.
    """

    @property
    def vmc_only(self) -> bool:
        """Whether only the VMC's line is heard, and what peripherals answer is not."""

    def __aiter__(self) -> AsyncIterator[Signal]: ...


def open_tap(name: str) -> Tap:
    """The tap of a name.

    =========================== ==================================================
    ``replay:FILE[?pace=N]``    a trace, at its own pace or N times as fast
    ``virtual:ITEM=PRICE,…``    a vending machine in memory
    ``lines:PORT[?baud=N]``     a device that prints the trace format
    ``uart:PORT[,PORT2]``       the Pi's UARTs: VMC's line, peripherals' line
    ``qibixx:PORT``             a Qibixx MDB Pi HAT or MDB-USB
    =========================== ==================================================

    A port that is not there now is refused. One that goes away later is waited for.

    Raises:
        ValueError: no tap of that name, or its address makes no sense; the message says what was
            expected. Also when a tap needs pyserial, which is not installed.
        NotATraceError: the file to replay is no trace.
        OSError: the file or the port is not there, not for this user, or in use by another program.
    """
    scheme, _, address = name.partition(":")
    match scheme:
        case "replay":
            return Replay.open(address)
        case "virtual":
            return VirtualMachine.open(address)
        case "lines" | "uart" | "qibixx":
            return _open_port(scheme, address)
        case _:
            raise ValueError(
                f"no tap is called {scheme!r}; known are replay:FILE, virtual:PRICES, lines:PORT,"
                " uart:PORT[,PORT2] and qibixx:PORT"
            )


def _open_port(scheme: str, address: str) -> Tap:
    """Only here is pyserial needed: the rest of the package lives without it."""
    try:
        match scheme:
            case "lines":
                from mdb.taps.lines import Lines  # noqa: PLC0415

                return Lines.open(address)
            case "uart":
                from mdb.taps.uart import Uart  # noqa: PLC0415

                return Uart.open(address)
            case _:
                from mdb.taps.qibixx import Qibixx  # noqa: PLC0415

                return Qibixx.open(address)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{scheme}: needs pyserial, which is not installed: pip install pyserial"
        ) from error

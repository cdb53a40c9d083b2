"""Message: something one side said. What every peripheral's vocabulary is made of.

Each peripheral has a module of its own with its messages, their bytes drawn in the docstrings:
`cashless`, `changer`, `validator`, `hopper`, `gateway`, `satellite`, `age`; any of them may carry a
file (`file_transport`). Here stand those that all of them have. Bytes that fit no message are
`Unknown`, kept as heard: never an exception.

In the drawings, xN is the address byte with command N, and a letter stands for a byte; address and
checksum of an answer are left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """Something the VMC said, unless it is a `ByPeripheral`."""


@dataclass(frozen=True, slots=True)
class ByPeripheral(Message):
    """Something a peripheral said."""


@dataclass(frozen=True, slots=True)
class Unknown(Message):
    """Bytes that fit no message that is known."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Reset(Message):
    """``x0``."""


@dataclass(frozen=True, slots=True)
class Setup(Message):
    """``x1`` (``x9`` …): tell what you are."""


@dataclass(frozen=True, slots=True)
class Poll(Message):
    """``x2`` (``x3`` …): tell what is new."""


@dataclass(frozen=True, slots=True)
class JustReset(ByPeripheral):
    """The peripheral started anew."""


@dataclass(frozen=True, slots=True)
class RequestId(Message):
    """Tell who made you."""


@dataclass(frozen=True, slots=True)
class Identity(ByPeripheral):
    """Maker 3, serial number 12, model 12, software version 2, from some levels on options 4."""

    maker: str
    serial: str
    model: str


@dataclass(frozen=True, slots=True)
class EnableOptions(Message):
    """Four bytes of option bits, bit 31 first: the VMC will use these."""

    options: int


@dataclass(frozen=True, slots=True)
class Status(ByPeripheral):
    """A status or an error by its code, and what the standard calls it."""

    code: int
    meaning: str


def number(data: bytes, at: int, size: int = 2) -> int:
    """Bytes from `at` on as a number, most significant first."""
    return int.from_bytes(data[at : at + size], "big")


def text(data: bytes) -> str:
    """ASCII without its padding."""
    return data.decode("ascii", "replace").strip(" \0")


def identity(data: bytes) -> Identity:
    """The 27 bytes of maker, serial number and model."""
    return Identity(text(data[:3]), text(data[3:15]), text(data[15:27]))


Read = Callable[[bytes], Message]
Layouts = Mapping[tuple[int, int | None], tuple[int, Read]]
"""(command, sub-command if it has one) to the bytes of the block, address included, and how to
read them. A size of 0 is any size."""


def read_command(data: bytes, layouts: Layouts) -> Message:
    """A VMC's block by a table; one of another length is `Unknown`.

    Fields are never read from shifted places: a wrong amount is worse than none.
    """
    command = data[0] & 0x07
    layout = layouts.get((command, None)) or layouts.get((command, data[1] if data[1:] else None))
    if layout is None or layout[0] not in {0, len(data)}:
        return Unknown(data)
    return layout[1](data)

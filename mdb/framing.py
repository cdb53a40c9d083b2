"""Framer: bytes with a mode bit become blocks.

Knows where a block begins and ends, and whether its checksum is right; not what it says.

The mode bit ends a peripheral's block, but only *begins* the VMC's. A VMC block ends when anything
else happens: the peripheral answers, the VMC addresses somebody again, or the bus is reset. The
checksum is no end mark, as a byte of data may equal it. So a VMC block that nobody answers is
known only when the next one starts, and a flush at the end of a capture gives the last.
"""

from typing import Final

from mdb.block import MAX_BLOCK, Answer, Block, Fault, Single, checksum
from mdb.byte import BYTE_S, Break, BusByte, Line, Signal

Framed = Block | Single | Fault | Break


class Framer:
    """Two buffers, one a line, neither ever longer than a block.

    With `vmc_only`, the peripherals' line is not heard: the VMC's ACK of an answer then follows
    right after its own block, and is told by the checksum before it.
    """

    def __init__(self, *, vmc_only: bool = False) -> None:
        self._vmc_only = vmc_only
        self._vmc = bytearray()
        self._peripheral = bytearray()
        self._vmc_at = 0.0
        self._peripheral_at = 0.0

    def feed(self, signal: Signal) -> list[Framed]:
        """Take the next signal; return what it completes, in the order of the bus."""
        if isinstance(signal, Break):
            return [*self.flush(), signal]
        if signal.line is Line.VMC:
            return self._from_vmc(signal)
        return self._from_peripheral(signal)

    def flush(self) -> list[Framed]:
        """Close what is open: the capture ended, or the bus was reset."""
        framed = self._close_vmc()
        if self._peripheral:
            framed.append(self._peripheral_fault("unfinished answer"))
        return framed

    def _from_vmc(self, byte: BusByte) -> list[Framed]:
        framed: list[Framed] = []
        if byte.mode:
            if self._vmc or self._peripheral:
                framed = self.flush()
            self._vmc_at = byte.at
            self._vmc.append(byte.value)
        elif self._vmc:
            self._vmc.append(byte.value)
            if len(self._vmc) > MAX_BLOCK:
                framed.append(Fault(Line.VMC, "block too long", bytes(self._vmc), self._vmc_at))
                self._vmc.clear()
        else:
            framed.append(_single(Line.VMC, byte))
        return framed

    def _from_peripheral(self, byte: BusByte) -> list[Framed]:
        framed = self._close_vmc() if self._vmc else []
        if not self._peripheral:
            self._peripheral_at = byte.at
        self._peripheral.append(byte.value)
        if byte.mode:
            raw = bytes(self._peripheral)
            self._peripheral.clear()
            if len(raw) == 1:
                framed.append(_single(Line.PERIPHERAL, byte))
            else:
                framed.append(_block(Line.PERIPHERAL, raw, self._peripheral_at))
        elif len(self._peripheral) >= MAX_BLOCK:
            framed.append(self._peripheral_fault("answer too long"))
        return framed

    def _peripheral_fault(self, reason: str) -> Fault:
        raw = bytes(self._peripheral)
        self._peripheral.clear()
        return Fault(Line.PERIPHERAL, reason, raw, self._peripheral_at)

    def _close_vmc(self) -> list[Framed]:
        if not self._vmc:
            return []
        raw = bytes(self._vmc)
        self._vmc.clear()
        if self._vmc_only and len(raw) > 2 and raw[-1] in _SINGLES and _right(raw[:-1]):
            single = Single(Line.VMC, Answer(raw[-1]), self._vmc_at + len(raw) * BYTE_S)
            return [_block(Line.VMC, raw[:-1], self._vmc_at), single]
        return [_block(Line.VMC, raw, self._vmc_at)]


_SINGLES: Final = {each.value: each for each in Answer}


def _right(raw: bytes) -> bool:
    return raw[-1] == checksum(raw[:-1])


def _block(line: Line, raw: bytes, at: float) -> Block | Fault:
    if len(raw) < 2:
        return Fault(line, "block without a checksum", raw, at)
    if not _right(raw):
        return Fault(line, f"checksum {raw[-1]:02X}, expected {checksum(raw[:-1]):02X}", raw, at)
    return Block(line, raw[:-1], at)


def _single(line: Line, byte: BusByte) -> Single | Fault:
    answer = _SINGLES.get(byte.value)
    if answer is None or (answer is Answer.RET and line is not Line.VMC):
        return Fault(line, "stray byte", bytes([byte.value]), byte.at)
    return Single(line, answer, byte.at)

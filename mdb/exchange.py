"""Exchange: a VMC command joined with the answer to it, and what became of it.

Knows who spoke to whom and what may count; not what the bytes mean.

Commit on ACK (MDB 4.2, sections 2.2 and 7.7, example 8)
--------------------------------------------------------
A command counts when the peripheral acknowledged or answered it, an answer when the VMC
acknowledged it. A listener may miss an ACK that both sides saw, so what stays open is resolved by
how the other side goes on, never by a time window:

* a command without an answer is *pending*. Said again, it is the same command. Another command to
  the device says the VMC was content: it *moved on*; so does a POLL once the time is over for which
  a VMC repeats itself, and the end of the capture. A RESET says it *gave up*.
* an answer the VMC did not acknowledge is held. The peripheral repeats it at the next POLL if the
  VMC missed it; if it does not, or the VMC goes on to another command, the answer was taken.
* an acknowledged command said again as the very next one is a repetition: the VMC missed the ACK.
  After any other command to that device, a POLL too, it is a new one.
* a VMC block that came damaged ends the exchange before it: whatever answers now answers that.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from mdb.block import Answer, Block, Fault, Single
from mdb.byte import Break, Line
from mdb.framing import Framed

POLLS: Final = frozenset(
    {0x0B, 0x12, 0x1A, 0x22, 0x2A, 0x33, 0x42, 0x4A, 0x52, 0x5B, 0x62, 0x6A, 0x73},
)
"""The POLL command byte of each peripheral (section 2.3 and each device's own)."""
POLL_OF: Final = {poll & 0xF8: poll for poll in POLLS}


class Fate(Enum):
    """What became of a command."""

    HEARD = "heard"
    """The peripheral acknowledged or answered it."""
    SILENT = "silent"
    """Nobody answered, yet."""
    MOVED_ON = "moved on"
    """Nobody was heard to answer, and the VMC went on to another command."""
    GIVEN_UP = "given up"
    """Nobody answered, and the VMC reset the device."""
    UNSEEN = "unseen"
    """The peripherals' line is not listened to, so whether somebody answered is not known."""


NON_RESPONSE_S: Final = 5.0
"""How long a VMC repeats a command that is not answered (7.4.2; some readers ask for more)."""

TOOK_EFFECT: Final = frozenset({Fate.HEARD, Fate.MOVED_ON, Fate.UNSEEN})
"""Fates of a command that the peripheral has carried out, as far as anybody can tell."""


class Exchange(NamedTuple):
    """A command to one peripheral and the answer that counts, if any.

    `reply_at` is when the peripheral began to answer, be it with data, ACK or NAK. `untaken` is
    whether it answered with data that the VMC did not acknowledge, not yet. A command that had to
    be said again was said from `since` on; one that nobody answered, until `until`.
    """

    address: int
    command: bytes
    at: float
    reply: bytes | None = None
    reply_at: float = 0.0
    fate: Fate = Fate.HEARD
    repeated: bool = False
    untaken: bool = False
    since: float | None = None
    until: float | None = None

    @property
    def span(self) -> tuple[float, float]:
        """From when until when it was said, and said again."""
        since = self.at if self.since is None else self.since
        return since, self.at if self.until is None else self.until

    @property
    def is_poll(self) -> bool:
        """Whether the VMC only asked for news."""
        return self.command[:1] in _POLL_BYTES

    @property
    def is_reset(self) -> bool:
        """Whether the VMC reset the peripheral."""
        return len(self.command) == 1 and self.command[0] & 0x07 == 0


_POLL_BYTES: Final = frozenset(bytes([poll]) for poll in POLLS)

Joined = Exchange | Fault | Break


@dataclass(slots=True)
class _Open:
    """The exchange under way."""

    block: Block
    reply: Block | None = None


@dataclass(slots=True)
class _Device:
    """What is unresolved with one peripheral."""

    pending: Exchange | None = None
    held: Exchange | None = None
    last_heard: bytes | None = None


@dataclass(slots=True)
class Joiner:
    """Follows the bus block by block; `feed` returns what has been decided.

    With `vmc_only` no answer can be heard: a command counts at once, and said again as the very
    next one it is a repetition.
    """

    vmc_only: bool = False
    _open: _Open | None = None
    _devices: defaultdict[int, _Device] = field(default_factory=lambda: defaultdict(_Device))

    def feed(self, framed: Framed) -> list[Joined]:
        """Take the next thing on the bus; return the exchanges it settles, oldest first."""
        match framed:
            case Block(line=Line.VMC):
                joined = self._close()
                self._open = _Open(framed)
                return joined
            case Block():
                return self._peripheral_block(framed)
            case Single(line=Line.PERIPHERAL):
                return self._peripheral_single(framed)
            case Single():
                return self._vmc_single(framed)
            case Fault():
                return [*(self._close() if framed.line is Line.VMC else ()), framed]
            case Break():
                joined = self._close()
                pending = [each.pending for each in self._devices.values() if each.pending]
                self._devices.clear()
                given_up = [_given_up(each, framed.at) for each in pending]
                return [*joined, *given_up, framed]

    def flush(self) -> list[Joined]:
        """End of the capture: close what is open, take the answers that are held.

        A command that nobody acknowledged is not said again any more.
        """
        joined = self._close()
        for device in self._devices.values():
            if device.held is not None:
                joined.append(device.held)
            if device.pending is not None:
                joined.append(device.pending._replace(fate=Fate.GIVEN_UP))
            device.held = device.pending = None
        return joined

    def _peripheral_block(self, block: Block) -> list[Joined]:
        if self._open is None:
            return [Fault(block.line, "answer to nobody", block.data, block.at)]
        if self._open.reply is None or self._open.reply.data == block.data:
            self._open.reply = block
            return []
        # It speaks again and says something else: we missed the VMC's ACK and its POLL.
        address = self._open.block.address
        joined = self._close()
        poll = bytes([POLL_OF.get(address, address | 2)])
        self._open = _Open(Block(Line.VMC, poll, block.at), block)
        return joined

    def _peripheral_single(self, single: Single) -> list[Joined]:
        if self._open is None or self._open.reply is not None:
            return [_stray(single, "answer to nobody")]
        block, self._open = self._open.block, None
        fate = Fate.HEARD if single.answer is Answer.ACK else Fate.SILENT
        return self._settle(
            Exchange(block.address, block.data, block.at, reply_at=single.at, fate=fate)
        )

    def _vmc_single(self, single: Single) -> list[Joined]:
        if self.vmc_only:
            return []  # of an answer that we cannot hear
        if self._open is None or self._open.reply is None:
            if self._open is not None and single.answer is not Answer.ACK:
                return []  # of an answer that came damaged to us too
            return [_stray(single, f"{single.answer.name} of nothing")]
        if single.answer is Answer.RET:
            self._open.reply = None
            return []
        block, reply, self._open = self._open.block, self._open.reply, None
        taken = reply.data if single.answer is Answer.ACK else None
        exchange = Exchange(
            block.address, block.data, block.at, taken, reply.at, untaken=taken is None
        )
        return self._settle(exchange, reply.data)

    def _close(self) -> list[Joined]:
        """The VMC speaks again, or the bus was reset, with an exchange still open."""
        if self._open is None:
            return []
        block, reply, self._open = self._open.block, self._open.reply, None
        if reply is None:
            fate = Fate.UNSEEN if self.vmc_only else Fate.SILENT
            return self._settle(Exchange(block.address, block.data, block.at, fate=fate))
        exchange = Exchange(block.address, block.data, block.at, reply_at=reply.at, untaken=True)
        joined = self._settle(exchange, reply.data)
        self._devices[block.address].held = Exchange(
            block.address, block.data, block.at, reply.data, reply.at, repeated=True
        )
        return joined

    def _settle(self, exchange: Exchange, said: bytes | None = None) -> list[Joined]:
        """Resolve what was open with this device by what it does now, then add the new fact.

        `said` is the answer as heard, whether it counts or not.
        """
        device = self._devices[exchange.address]
        joined: list[Joined] = []
        if device.held is not None:
            joined += _resolve_held(device, exchange, said)
        if device.pending is not None:
            if is_same_command(exchange.command, device.pending.command):
                exchange = exchange._replace(since=device.pending.at)
            joined += _resolve_pending(device, exchange)
        last = device.last_heard
        if last and not exchange.is_poll and is_same_command(exchange.command, last):
            exchange = exchange._replace(repeated=True)
        elif exchange.fate in TOOK_EFFECT:
            device.last_heard = exchange.command
        else:
            device.last_heard = None
            if not exchange.is_poll and not exchange.is_reset and device.pending is None:
                device.pending = exchange
        joined.append(exchange)
        return joined


def is_same_command(one: bytes, other: bytes) -> bool:
    """Whether two commands are one said twice, though a zero was lost or doubled in one of them.

    No checksum sees that, as a zero does not change a sum.
    """
    if one == other:
        return True
    return abs(len(one) - len(other)) == 1 and one.replace(b"\0", b"") == other.replace(b"\0", b"")


def _stray(single: Single, reason: str) -> Fault:
    return Fault(single.line, reason, bytes([single.answer]), single.at)


def _resolve_held(device: _Device, now: Exchange, said: bytes | None) -> list[Joined]:
    held = device.held
    if held is None or held.reply is None:
        return []
    if now.fate is Fate.SILENT and (now.is_poll or now.command == held.command):
        return []  # it may say so again, once it is asked in vain no more
    device.held = None
    said_again = said is not None and (said.startswith(held.reply) or said.endswith(held.reply))
    return [] if said_again or now.is_reset else [held]


def _resolve_pending(device: _Device, now: Exchange) -> list[Joined]:
    pending = device.pending
    if pending is None or (now.is_poll and now.at - pending.at <= NON_RESPONSE_S):
        return []
    if is_same_command(now.command, pending.command):
        device.pending = None if now.fate is Fate.HEARD else pending._replace(until=now.at)
        return []
    device.pending = None
    return [_given_up(pending, now.at) if now.is_reset else pending._replace(fate=Fate.MOVED_ON)]


def _given_up(pending: Exchange, at: float) -> Exchange:
    """Until then the VMC waited for an answer, and for whatever it had to do next."""
    return pending._replace(fate=Fate.GIVEN_UP, until=at)

"""A buyer's deal at a machine: what is done, what becomes of it, and what an edge heard of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mdb.block import checksum
from mdb.byte import BYTE_S, BusByte, Line, Signal
from mdb.virtual import card_dialogues, cash_dialogues
from mdb.virtual.card_reader import APPROVED, DENIED, DENY, VEND
from mdb.virtual.machine import Machine

How = Literal["card", "cash", "denied", "cancelled", "failed"]
SELLS: Final = ("card", "cash")
READER: Final = 0x10
TELLS: Final = (0x02, 0x05)
"""VEND SUCCESS and CASH SALE: from here on the goods are out, and the bus is being told."""
Said = tuple[Signal, ...]
"""A block."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A buyer comes at a time and wants an item; None: the machine's next."""

    at: float
    how: How = "card"
    item: str | None = None


@dataclass(slots=True, eq=False)
class Deal:
    """One deal. Machine and price together are its name. Times are the world's; None is never."""

    machine: str
    number: int
    item: str
    price: int
    """Minor units; no other deal of this machine has it."""
    how: How
    began_at: float
    requested_at: float | None = None
    """VEND REQUEST was acknowledged. A cash buyer requests nothing that could be heard."""
    approved_at: float | None = None
    """An approval was on the bus, whoever heard it. There is none of cash."""
    decided_at: float | None = None
    """The last byte of what decides it was on the bus: the VMC knows that the reader was told."""
    over_at: float | None = None
    """Its last byte, or the cut of the machine's power."""
    broken_off: bool = False
    """Whether that cut came first."""
    configured: bool = True
    """Whether a tap on this card had heard what the machine's money is, before it began."""
    damaged: bool = False
    """Whether a byte between beginning and end came damaged, or not at all, to a tap that was there."""
    lives: tuple[int, int] = (0, 0)
    """Which life's tap was there at its beginning and at its end; 0: none."""
    request_heard_at: float | None = None
    """When an agent took the last byte of the request from its tap, if it came undamaged."""
    approval_known_at: float | None = None
    """When an agent that had heard it approved had had its time to keep that."""
    heard_at: float | None = None
    """The same of the byte that decides it."""
    heard_by: int = 0
    """Which life took that; 0: none."""
    known_at: float | None = None
    """When that life had had its time to act upon it (`tap.KNOWN_S`), living and not stopped."""

    @property
    def name(self) -> tuple[str, int]:
        return self.machine, self.price

    @property
    def sold(self) -> bool:
        """Whether goods went out and the bus was told."""
        return self.how in SELLS and self.decided_at is not None

    @property
    def plain(self) -> bool:
        """Whether one life's tap was there from its beginning to its end, and nothing was damaged."""
        return not self.damaged and self.lives[0] == self.lives[1] != 0

    def __str__(self) -> str:
        times = (self.began_at, self.approved_at, self.decided_at, self.over_at, self.heard_at)
        told = "/".join("-" if each is None else f"{each:.3f}" for each in times)
        marks = f"{', broken off' * self.broken_off}{', damaged' * self.damaged}"
        return (
            f"deal {self.number} of {self.machine}: {self.how}, {self.item} for {self.price},"
            f" began/approved/decided/over/heard {told}, lives {self.lives[0]}-{self.lives[1]}{marks}"
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What an adapter hands over at once, when its last byte has ended; marks are true from then on."""

    ends_at: float
    blocks: Sequence[Said]
    marks: Sequence[str]
    telling: bool = False
    """Whether the bus is amid telling that the goods are out: power does not go just then."""


LATENCY_S: Final = 0.016
"""So long an adapter collects what it hears (a USB bridge's latency); never beyond a mark."""


def play(machine: Machine, deal: Deal) -> list[tuple[float, str]]:
    """Let it happen at the machine; the times at which something became true of the deal."""
    marks: list[tuple[float, str]] = []

    def now(mark: str) -> None:
        marks.append((machine.wire.now, mark))

    if deal.how == "cash":
        cash_dialogues.buy(machine, deal.item)
        marks.append((machine.truth.vends[-1].at, "decided"))
        now("over")
        return marks
    reader = machine.reader()
    session = card_dialogues.Session(machine, reader)
    verdict = {"cancelled": None, "denied": DENY}.get(deal.how, deal.price)
    session.ask(deal.item, deal.price, verdict)
    now("requested")
    if deal.how == "cancelled":
        machine.round()
        machine.tell(reader, VEND, 0x01)
    answer = machine.until(reader, APPROVED, DENIED)[0]
    if answer == APPROVED and deal.how == "card":
        session.succeed(deal.item)
        machine.truth.deeds.append(session.sold(deal.item, deal.price))
    elif answer == APPROVED:
        machine.work()
        machine.tell(reader, VEND, 0x03)
    now("decided")
    session.end()
    now("over")
    return marks


def batches(blocks: Sequence[Said], marks: Sequence[tuple[float, str]]) -> Iterator[Batch]:
    """Blocks as they are handed over. Each mark ends a batch, and so does what tells of goods."""
    waiting = list(marks)
    lot: list[Said] = []
    first = 0.0
    telling = False
    for index, block in enumerate(blocks):
        ends = block[-1].at + BYTE_S
        first = first if lot else ends
        lot.append(block)
        reached = [mark for at, mark in waiting if at <= ends + BYTE_S / 2]
        del waiting[: len(reached)]
        tells, approves = _tells(block), _is(block, Line.PERIPHERAL, APPROVED)
        telling = (telling or tells) and "decided" not in reached
        if approves:
            reached.append("approved")
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        if (
            reached
            or tells
            or following is None
            or _tells(following)
            or following[-1].at + BYTE_S - first > LATENCY_S
        ):
            yield Batch(ends, lot, reached, telling)
            lot = []
    if waiting:
        yield Batch(waiting[-1][0], (), [mark for _, mark in waiting])


def _tells(block: Said) -> bool:
    second = block[1] if len(block) > 1 else None
    return (
        _is(block, Line.VMC, READER | VEND)
        and isinstance(second, BusByte)
        and (second.value in TELLS)
    )


def _is(block: Said, line: Line, code: int) -> bool:
    """Whether a block that begins so is on the line, undamaged."""
    first = block[0]
    if not isinstance(first, BusByte) or first.value != code or first.line is not line:
        return False
    values = bytes(each.value for each in block if isinstance(each, BusByte))
    return len(values) > 2 and checksum(values[:-1]) == values[-1]

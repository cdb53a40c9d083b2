"""What happens between a buyer with a card, a VMC and a reader (MDB 4.2, section 7.7)."""

from collections.abc import Sequence
from typing import Literal

from mdb.virtual.card_reader import (
    ALWAYS_IDLE,
    APPROVED,
    BEGIN_SESSION,
    DENIED,
    DENY,
    END_SESSION,
    LIMIT,
    MALFUNCTION,
    NOT_REVALUED,
    OUT_OF_SEQUENCE,
    REVALUE,
    REVALUED,
    TOKEN,
    VEND,
    CardReader,
    Media,
)
from mdb.virtual.machine import Machine
from mdb.virtual.reports import report
from mdb.virtual.start_up import reset, start
from mdb.virtual.truth import Kind, Paid, Return, Revalue, Vend
from mdb.virtual.vmc import UnansweredError

Reset = Literal["command", "break", "power", "silence"]


class Session:
    """A card at a reader, from BEGIN SESSION (or the request, always idle) to END SESSION."""

    def __init__(self, machine: Machine, reader: CardReader, media: Media = Media.NORMAL) -> None:
        self._machine = machine
        self._reader = reader
        self._media = media
        self._waits = bool(reader.enabled_options & ALWAYS_IDLE) and media is Media.NORMAL
        if not self._waits:
            reader.present(media)
            machine.until(reader, BEGIN_SESSION)

    def request(self, item: str, price: int, verdict: int | str) -> bool:
        """VEND REQUEST, answered at once, at a POLL, or when the card comes."""
        self.ask(item, price, None if self._waits else verdict)
        if self._waits:
            self._machine.round()
            self._reader.decide(verdict)
        return self._machine.until(self._reader, APPROVED, DENIED)[0] == APPROVED

    def ask(self, item: str, price: int, verdict: int | str | None = None) -> None:
        """VEND REQUEST alone."""
        self._reader.verdict = verdict
        money = self._reader.money(price)
        self._machine.tell(self._reader, VEND, 0x00, *money, *bytes.fromhex(item))

    def succeed(self, item: str) -> None:
        """The goods go out, and the reader is told."""
        self._machine.work()
        self._machine.tell(self._reader, VEND, 0x02, *bytes.fromhex(item))

    def sold(self, item: str, verdict: int | str, *, presumed: bool = False) -> Vend:
        """What has happened, for the books."""
        kind: Kind = "token" if verdict == TOKEN else "paid"
        amount = None if verdict == TOKEN else int(verdict)
        tenders: tuple[Paid, ...] = (Paid(self._reader.by, amount),)
        if self._media is not Media.NORMAL:
            kind, amount, tenders = "free" if self._media is Media.FREE else "test", 0, ()
        at, address = self._machine.wire.now, self._reader.address
        return Vend(at, item, kind, amount, tenders, address, presumed=presumed)

    def end(self) -> None:
        """SESSION COMPLETE, END SESSION."""
        self._machine.tell(self._reader, VEND, 0x04)
        self._machine.until(self._reader, END_SESSION)


def buy(
    machine: Machine,
    reader: CardReader,
    items: Sequence[str],
    media: Media = Media.NORMAL,
    verdict: int | str | None = None,
) -> None:
    """Dialogues 1, 2 and 11: one vend, or several in one session; `verdict` instead of the price."""
    session = Session(machine, reader, media)
    for item in items:
        price = machine.make.prices[item]
        charged = price if verdict is None else verdict
        if session.request(item, price, charged):
            session.succeed(item)
            report(machine, session.sold(item, charged), price)
    session.end()


def denied(machine: Machine, reader: CardReader, item: str) -> None:
    """Dialogue 6: the card has no money."""
    session = Session(machine, reader)
    session.request(item, machine.make.prices[item], DENY)
    session.end()


def cancelled(machine: Machine, reader: CardReader, item: str) -> None:
    """Dialogue 4b: the buyer thinks again before the reader has answered."""
    session = Session(machine, reader)
    session.ask(item, machine.make.prices[item])
    machine.round()
    _cancel(machine, reader)
    session.end()


def failed(machine: Machine, reader: CardReader, item: str, *, refunded: bool) -> None:
    """Dialogues 5 and 5A: nothing fell; the money goes back, or is lost inside the reader."""
    reader.refunds = refunded
    session, price = Session(machine, reader), machine.make.prices[item]
    if session.request(item, price, price):
        machine.work()
        machine.tell(reader, VEND, 0x03)
        if refunded:
            machine.round()
        else:
            machine.until(reader, MALFUNCTION)
    session.end()
    reader.refunds = True


def timed_out(machine: Machine, reader: CardReader, item: str, patience_s: float = 5.0) -> None:
    """The reader never decides: VEND FAILURE without an approval."""
    session = Session(machine, reader)
    session.ask(item, machine.make.prices[item])
    machine.wait(patience_s)
    machine.tell(reader, VEND, 0x03)
    session.end()


def reset_after_approval(machine: Machine, reader: CardReader, item: str, how: Reset) -> None:
    """A reset where VEND SUCCESS was due is to be taken for one (7.4.7).

    By command, by the bus, by the reader's own power, or because nobody answers VEND SUCCESS.
    """
    session, price = Session(machine, reader), machine.make.prices[item]
    session.request(item, price, price)
    vend = session.sold(item, price, presumed=True)
    machine.round()  # an approval that is not said again has been heard
    match how:
        case "command":
            machine.tell(reader, 0)
        case "break":
            machine.vmc.reset_bus(machine.peripherals)
        case "power":
            reader.restart()
        case "silence":
            _talk_to_the_dead(machine, reader, item)
    for each in machine.peripherals if how == "break" else [reader]:
        start(machine, each)
    report(machine, vend, price)


def taken_back(machine: Machine, reader: CardReader, item: str, *, accepted: bool = True) -> None:
    """Dialogue 10, a negative vend: goods (a cup, a bottle) come back for money."""
    session, value = Session(machine, reader), machine.make.prices[item]
    reader.verdict = value if accepted else DENY
    told = bytes.fromhex(item)
    machine.tell(reader, VEND, 0x06, *reader.money(value), *told)
    if machine.until(reader, APPROVED, DENIED)[0] == APPROVED:
        session.succeed(item)
        tenders = (Paid(reader.by, value),)
        machine.truth.deeds.append(Return(machine.wire.now, item, value, tenders, reader.address))
    session.end()


def revalued(machine: Machine, reader: CardReader, minor: int, *, accepted: bool = True) -> None:
    """Money is loaded onto the card (7.4.13)."""
    session = Session(machine, reader)
    reader.verdict = minor if accepted else DENY
    machine.tell(reader, REVALUE, 0x01)
    machine.until(reader, LIMIT)
    machine.tell(reader, REVALUE, 0x00, *reader.money(minor))
    if machine.until(reader, REVALUED, NOT_REVALUED)[0] == REVALUED:
        machine.truth.deeds.append(Revalue(machine.wire.now, minor, reader.address))
    session.end()


def first_of_two(machine: Machine, item: str, winner: CardReader) -> None:
    """Always idle on two readers: both are asked, and the loser is cancelled."""
    price = machine.make.prices[item]
    sessions = {each.address: Session(machine, each) for each in machine.readers}
    for each in machine.readers:
        sessions[each.address].ask(item, price)
    machine.round()
    winner.decide(price)
    machine.until(winner, APPROVED)
    losers = [each for each in machine.readers if each is not winner]
    for each in losers:
        _cancel(machine, each)
    sessions[winner.address].succeed(item)
    report(machine, sessions[winner.address].sold(item, price), price)
    for each in [winner, *losers]:
        sessions[each.address].end()


def out_of_sequence(machine: Machine, reader: CardReader) -> None:
    """Dialogue 7: a command out of turn must be followed by RESET."""
    machine.tell(reader, VEND, 0x04)
    machine.until(reader, OUT_OF_SEQUENCE, END_SESSION)
    reset(machine, reader)


def silent(machine: Machine, reader: CardReader, commands: int) -> None:
    """Dialogues 8a to 8c: the reader is busy, and the VMC goes on asking."""
    reader.silences = commands
    machine.round()


def _cancel(machine: Machine, reader: CardReader) -> None:
    machine.tell(reader, VEND, 0x01)
    machine.until(reader, DENIED)


def _talk_to_the_dead(machine: Machine, reader: CardReader, item: str) -> None:
    reader.silences = 1 << 16
    try:
        machine.tell(reader, VEND, 0x02, *bytes.fromhex(item))
    except UnansweredError:
        reader.silences = 0
        machine.tell(reader, 0)

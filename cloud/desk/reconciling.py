"""Reconciling: a day's sales, their receipts and the registers' documents, held together. Pure.

Of each machine: what was sold on the day, in its own zone, and what became of it. Of each register:
what it recorded on the day, by its own clock. The two differ by what is still open, and by receipts
that came on another day; every difference is a line, and what no line explains counts as wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import msgspec

from cloud.desk.words import roubles
from cloud.fiscalization import State
from cloud.receipt import Purpose
from cloud.sequence import Run, holes, together
from cloud.store.day import Gap, Piece, Places, Recorded, Sold

MOST_LINES: Final = 1000
"""Of a machine; beyond them lines are counted alone."""
BUCKETS: Final = ("issued", "returned", "open", "needs a hand", "closed", "skipped")
"""Where a sale is; each is in one of them."""


class Sum(msgspec.Struct):
    """A count, and kopecks."""

    count: int = 0
    kopecks: int = 0

    def add(self, amount: int | None) -> None:
        """One more."""
        self.count += 1
        self.kopecks += amount or 0


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A difference; `explained` says that somebody knows why, or that it comes right by itself."""

    explained: bool
    text: str
    sale_id: str | None = None
    kopecks: int = 0


class MachineDay(msgspec.Struct, kw_only=True):
    """A machine's day. `sums` by bucket are of what was sold; `recorded` is what documents say."""

    machine: str
    operator: str | None
    timezone: str
    sold: Sum = msgspec.field(default_factory=Sum)
    sums: dict[str, Sum] = msgspec.field(default_factory=lambda: {name: Sum() for name in BUCKETS})
    causes: dict[str, int] = msgspec.field(default_factory=dict)
    """How many sales of each cause."""
    recorded: Sum = msgspec.field(default_factory=Sum)
    """Documents of income and correction, of this day's sales."""
    returned: Sum = msgspec.field(default_factory=Sum)
    """Those of them that were returned since."""
    goods_back: int = 0
    """How often the machine said that goods came back."""
    lines: list[Line] = msgspec.field(default_factory=list)
    more_lines: int = 0
    more_kopecks: int = 0

    def tell(self, line: Line) -> None:
        """A difference; the unexplained ones are never left out."""
        if len(self.lines) < MOST_LINES or not line.explained:
            self.lines.append(line)
        else:
            self.more_lines += 1
            self.more_kopecks += line.kopecks

    @property
    def difference(self) -> int:
        """Kopecks that were sold, and are not recorded or were returned: what the lines add up to."""
        return self.sold.kopecks - self.recorded.kopecks + self.returned.kopecks


class RegisterDay(msgspec.Struct, kw_only=True):
    """A register's day, and one fiscal drive of it."""

    register: str
    operator: str | None
    fn: str
    income: Sum = msgspec.field(default_factory=Sum)
    returned: Sum = msgspec.field(default_factory=Sum)
    of_other_days: Sum = msgspec.field(default_factory=Sum)
    """Those of income for sales of another day."""
    first_fd: int = 0
    last_fd: int = 0
    not_ours: list[tuple[int, int]] = msgspec.field(default_factory=list)
    """Numbers between: reports of shifts, or what others sold there."""


class Day(msgspec.Struct, kw_only=True):
    """All of it, as `--json` gives it."""

    day: date
    machines: list[MachineDay]
    registers: list[RegisterDay]
    elsewhere: Sum
    """Documents of income for this day's sales that bear another day."""
    compared: int | None = None
    """How many attempts the providers were asked about; None: they were not."""
    provider_lines: list[Line] = msgspec.field(default_factory=list)

    @property
    def unexplained(self) -> int:
        """Differences that nothing explains."""
        told = [line for each in self.machines for line in each.lines] + self.provider_lines
        return sum(not line.explained for line in told)


@dataclass(slots=True)
class Reckoning:
    """A day as it is gone through, page by page."""

    day: date
    where: Places
    operator: str | None
    """None: everybody's."""
    machines: dict[str, MachineDay] = field(default_factory=dict)
    seqs: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    """Of each stream, what was sold on the day."""
    sale_ids: list[str] = field(default_factory=list)
    elsewhere: Sum = field(default_factory=Sum)

    def concerns(self, machine: str) -> bool:
        """Whether a machine is the operator's who is asked for."""
        return self.operator in {None, self.where.of(machine).operator}

    def take(self, page: Iterable[Sold]) -> None:
        """A page of sales."""
        for each in page:
            if self.concerns(each.machine):
                self._take(each)

    def _take(self, each: Sold) -> None:
        machine = self.of(each.machine)
        self.seqs[each.machine, each.sale.epoch].add(each.sale.seq)
        self.sale_ids.append(each.sale.sale_id)
        if each.sale.kind == "return":
            machine.goods_back += 1
            return
        amount = each.sale.amount
        machine.sold.add(amount)
        settling = _settling(each)
        bucket = _bucket(each, settling)
        machine.sums[bucket].add(amount)
        if each.cause:
            machine.causes[each.cause] = machine.causes.get(each.cause, 0) + 1
        if settling is not None and settling.total is not None:
            machine.recorded.add(settling.total)
            if bucket == "returned":
                machine.returned.add(settling.total)
            if (settling.at or "")[:8] != f"{self.day:%Y%m%d}":
                self.elsewhere.add(settling.total)
        for line in _lines(each, settling, bucket):
            machine.tell(line)

    def of(self, name: str) -> MachineDay:
        """A machine's day."""
        if name not in self.machines:
            place = self.where.of(name)
            self.machines[name] = MachineDay(
                machine=name, operator=place.operator, timezone=place.zone.key
            )
        return self.machines[name]

    def see_twice(self, machine: str, sale_id: str, detail: str) -> None:
        """A second document of one of the day's sales, which nobody has undone."""
        self.of(machine).tell(Line(explained=False, text=detail, sale_id=sale_id))

    def miss(self, gap: Gap, conflicts: Sequence[str]) -> None:
        """Places in a machine's sequence that no sale here has."""
        kept = {
            seq
            for seq in range(gap.first, min(gap.last, gap.first + MOST_LINES) + 1)
            if any(each.startswith(f"epoch {gap.epoch} seq {seq} ") for each in conflicts)
        }
        for seq in sorted(kept):
            text = f"seq {seq} of epoch {gap.epoch}: it conflicts with another, see the incident"
            self.of(gap.machine).tell(Line(explained=True, text=text))
        for first, last in holes(together(kept), gap.last):
            begin = max(first, gap.first)
            if begin <= last:
                self.of(gap.machine).tell(Line(explained=False, text=_gap(gap, (begin, last))))


def _gap(gap: Gap, run: Run) -> str:
    first, last = run
    seqs = f"seq {first}" if first == last else f"seq {first} to {last}"
    sales = "1 sale" if first == last else f"{last - first + 1} sales"
    return f"{seqs} of epoch {gap.epoch}: {sales} never arrived"


def _settling(each: Sold) -> Piece | None:
    """The receipt that settles it: the correction, if there is one, else the income."""
    those = {piece.purpose: piece for piece in each.receipts}
    income, correction = those.get(Purpose.INCOME), those.get(Purpose.CORRECTION)
    if income is None or (correction is not None and correction.state is not State.CLOSED):
        return correction
    return income


def _back(each: Sold, *, duplicate: bool = False) -> Piece | None:
    """The return of the sale; or of a second document of it."""
    those = (piece for piece in each.receipts if piece.purpose is Purpose.INCOME_RETURN)
    return next((piece for piece in those if piece.duplicate == duplicate), None)


def _bucket(each: Sold, settling: Piece | None) -> str:
    if each.disposition == "attention":
        return "needs a hand"
    if each.disposition == "skipped" or settling is None:
        return "skipped"
    back = _back(each)
    match settling.state:
        case State.ISSUED:
            return "returned" if back is not None and back.state is State.ISSUED else "issued"
        case State.ATTENTION:
            return "needs a hand"
        case State.CLOSED:
            return "closed"
        case _:
            return "open"


def _lines(each: Sold, settling: Piece | None, bucket: str) -> Iterable[Line]:
    """Why what was sold is not what was recorded, or is not for good."""
    of, amount = each.sale.sale_id, each.sale.amount or 0
    if settling is not None and settling.total is not None:
        yield from _sums(each, settling, settling.total)
        amount = settling.total
    said = _said(each, settling, bucket)
    if said:
        yield Line(explained=True, text=said, sale_id=of, kopecks=amount)
    for back, whose in ((_back(each), "its"), (_back(each, duplicate=True), "a second document's")):
        if back is not None and back.state is not State.ISSUED:
            text = f"{whose} return is {back.state.value}"
            text += f": {back.error}" if back.error else ""
            yield Line(explained=True, text=text, sale_id=of)


def _said(each: Sold, settling: Piece | None, bucket: str) -> str:
    """Where a sale is, unless it is issued and stands so."""
    error = settling.error if settling else None
    match bucket:
        case "skipped":
            return f"no receipt ({each.cause}): {each.reason}"
        case "needs a hand":
            return f"needs a hand: {error or each.reason}"
        case "closed":
            return f"closed without a receipt: {error}"
        case "returned":
            return "its receipt was returned"
        case "open" if settling is not None:
            on_its_way = f"on its way at register {settling.register}, {settling.state.value}"
            return f"{on_its_way}: {error}" if error else on_its_way
        case _:
            return ""


def _sums(each: Sold, settling: Piece, total: int) -> Iterable[Line]:
    """Of an issued receipt: sold, asked for and recorded are one sum, or somebody said another."""
    amount, said, of = each.sale.amount, each.answers.amount, each.sale.sale_id
    if total != settling.asked:
        text = f"asked for {roubles(settling.asked)}, recorded {roubles(total)}"
        yield Line(explained=False, text=text, sale_id=of, kopecks=settling.asked - total)
    if settling.asked != amount:
        sold = "an amount that was not told" if amount is None else roubles(amount)
        by_hand = said == settling.asked
        text = f"sold for {sold}, asked for {roubles(settling.asked)}"
        text += ", as a person said" if by_hand else ""
        difference = (amount or 0) - settling.asked
        yield Line(explained=by_hand, text=text, sale_id=of, kopecks=difference)


def registers(
    documents: Sequence[Recorded],
    sale_ids: Iterable[str],
    owners: Mapping[str, str],
    operator: str | None,
) -> list[RegisterDay]:
    """What each register recorded on the day; `sale_ids` are that day's sales."""
    ours = frozenset(sale_ids)
    days: dict[tuple[str, str], RegisterDay] = {}
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for each in documents:
        owner = owners.get(each.register)
        if operator not in {None, owner}:
            continue
        drive = (each.register, each.fn)
        day = days.setdefault(
            drive, RegisterDay(register=each.register, operator=owner, fn=each.fn)
        )
        numbers[drive].append(each.fd)
        if each.purpose is Purpose.INCOME_RETURN:
            day.returned.add(each.total)
            continue
        day.income.add(each.total)
        if each.sale_id not in ours:
            day.of_other_days.add(each.total)
    for drive, fds in numbers.items():
        day = days[drive]
        day.first_fd, day.last_fd = min(fds), max(fds)
        between = holes(together(fds), day.last_fd)
        day.not_ours = [each for each in between if each[0] > day.first_fd]
    return list(days.values())

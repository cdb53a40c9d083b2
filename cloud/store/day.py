"""A day: what was sold on it, what was recorded on it, what is missing. Reads alone.

The day of a sale is that of its machine's zone (`cloud.sale_day`), which no index knows: all that
arrived since it began is gone through, so that what came weeks late is counted as well.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscalization import State
from cloud.fleet import Answers
from cloud.receipt import Purpose, Receipt
from cloud.sale_day import sale_day, zone_of
from cloud.sequence import Run, holes
from cloud.store.schema import answer, attempt, incident, machine, receipt, register, run, sale
from cloud.store.schema import stream as stream_
from edge.wire import Sale, decode

PAGE: Final = 1000
AT_ONCE: Final = 400
"""So many names stand in one query."""
AHEAD: Final = timedelta(hours=14)
"""No zone is further ahead of UTC."""
UNKNOWN_ZONE: Final = ZoneInfo("Europe/Moscow")
"""Of a machine that nobody has named."""


@dataclass(frozen=True, slots=True)
class Place:
    """A machine: whose, and in which zone; `operator` is None where nobody knows it."""

    operator: str | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Piece:
    """A receipt of a sale. Amounts are kopecks, times Unix milliseconds."""

    purpose: Purpose
    state: State
    register: str
    asked: int
    """The amount that was asked for."""
    total: int | None
    """What was recorded; None: nothing was."""
    at: str | None
    """Tag 1012 of its document."""
    error: str | None
    born_at: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale of the day."""

    sale: Sale
    machine: str
    received_at: int
    disposition: str
    cause: str | None
    reason: str | None
    answers: Answers
    receipts: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A document of the day, by the register's own clock."""

    register: str
    fn: str
    fd: int
    total: int
    purpose: Purpose
    sale_id: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Seqs of a machine that no sale here has."""

    machine: str
    epoch: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt that left, and what its receipt is by now."""

    key: str
    sale_id: str
    register: str
    body: str
    provider_id: str | None
    verdict: str | None
    state: State
    current: bool
    """It is the receipt's last one, or the one that was recorded."""
    fn: str | None
    fd: int | None
    fp: int | None
    total: int | None


class Places:
    """Every machine there is; one that is not there is in `UNKNOWN_ZONE`."""

    def __init__(self, known: Mapping[str, Place]) -> None:
        self.known = known

    def of(self, name: str) -> Place:
        """Where a machine stands."""
        return self.known.get(name, _NOWHERE)


_NOWHERE: Final = Place(None, UNKNOWN_ZONE)


async def places(connection: AsyncConnection) -> Places:
    """Where all machines stand."""
    rows = await connection.execute(sa.select(machine.c.id, machine.c.operator, machine.c.timezone))
    return Places({name: Place(owner, zone_of(zone) or UNKNOWN_ZONE) for name, owner, zone in rows})


_SALES: Final[sa.Select[Any]] = sa.select(
    sale.c.sale_id,
    sale.c.machine,
    sale.c.body,
    sale.c.received_at,
    sale.c.disposition,
    sale.c.cause,
    sale.c.reason,
)
_AFTER: Final = sa.tuple_(sale.c.received_at, sale.c.sale_id)


async def sold(
    connection: AsyncConnection, day: date, where: Places
) -> AsyncIterator[Sequence[Sold]]:
    """The sales of a day, page by page, in the order in which they arrived."""
    begun = datetime.combine(day, time.min, UTC) - AHEAD
    past: tuple[int, str] = (round(begun.timestamp() * 1000) - 1, "")
    page = _SALES.order_by(sale.c.received_at, sale.c.sale_id).limit(PAGE)
    while True:
        rows = (await connection.execute(page.where(past < _AFTER))).all()
        if not rows:
            return
        past = (rows[-1].received_at, rows[-1].sale_id)
        ours = [
            (row, told)
            for row in rows
            if _day(told := decode(row.body.encode(), Sale), row, where) == day
        ]
        if ours:
            yield await _with_receipts(connection, ours)


def _day(told: Sale, row: sa.Row[Any], where: Places) -> date:
    arrived = datetime.fromtimestamp(row.received_at / 1000, UTC)
    return sale_day(told, where.of(row.machine).zone, arrived)


async def _with_receipts(
    connection: AsyncConnection, ours: Sequence[tuple[sa.Row[Any], Sale]]
) -> list[Sold]:
    ids = [row.sale_id for row, _ in ours]
    pieces: dict[str, list[Piece]] = defaultdict(list)
    said: dict[str, Answers] = {}
    for some in _parts(ids):
        of_receipts = sa.select(receipt).where(receipt.c.sale_id.in_(some))
        for row in await connection.execute(of_receipts.order_by(receipt.c.purpose)):
            pieces[row.sale_id].append(_piece(row))
        of_answers = sa.select(answer.c.sale_id, answer.c.body).where(answer.c.sale_id.in_(some))
        for sale_id, body in await connection.execute(of_answers):
            said[sale_id] = msgspec.json.decode(body, type=Answers)
    return [
        Sold(
            sale=told,
            machine=row.machine,
            received_at=row.received_at,
            disposition=row.disposition,
            cause=row.cause,
            reason=row.reason,
            answers=said.get(row.sale_id, Answers()),
            receipts=tuple(pieces[row.sale_id]),
        )
        for row, told in ours
    ]


def _piece(row: sa.Row[Any]) -> Piece:
    asked = msgspec.json.decode(row.request, type=Receipt)
    state = State(row.state)
    return Piece(
        purpose=Purpose(row.purpose),
        state=state,
        register=row.register,
        asked=asked.amount,
        total=row.total if state is State.ISSUED else None,
        at=row.registered_at,
        error=row.error,
        born_at=row.born_at,
        duplicate=asked.duplicate,
    )


async def recorded(connection: AsyncConnection, day: date) -> Sequence[Recorded]:
    """The documents of a day, by register, drive and number."""
    columns = (receipt.c.register, receipt.c.fn, receipt.c.fd, receipt.c.total)
    rows = await connection.execute(
        sa.select(*columns, receipt.c.purpose, receipt.c.sale_id)
        .where(receipt.c.registered_at.startswith(f"{day:%Y%m%d}"))
        .order_by(receipt.c.register, receipt.c.fn, receipt.c.fd)
    )
    return [
        Recorded(row.register, row.fn, row.fd, row.total, Purpose(row.purpose), row.sale_id)
        for row in rows
    ]


async def owners(connection: AsyncConnection) -> Mapping[str, str]:
    """Whose each register is."""
    rows = await connection.execute(sa.select(register.c.id, register.c.operator))
    return {name: owner for name, owner in rows}  # noqa: C416, rows are no pairs to mypy


async def gaps_around(
    connection: AsyncConnection, name: str, epoch: str, seqs: Collection[int]
) -> list[Gap]:
    """What is missing of a stream about these seqs of a day: between them, and beside them.

    It is the sales themselves that are looked at: a place may be answered for and have no sale.
    """
    ours = (sale.c.machine == name, sale.c.epoch == epoch)
    low, high = min(seqs), max(seqs)
    below = sa.select(sa.func.max(sale.c.seq)).where(*ours, sale.c.seq < low)
    above = sa.select(sa.func.min(sale.c.seq)).where(*ours, sale.c.seq > high)
    first = (await connection.scalar(below) or 0) + 1
    last = (await connection.scalar(above) or high + 1) - 1
    within = sa.select(sale.c.seq).where(*ours, sale.c.seq.between(low, high)).distinct()
    here = sorted(await connection.scalars(within))
    below_them: list[Run] = [(1, first - 1)] if first > 1 else []
    found = holes([*below_them, *((seq, seq) for seq in here)], last)
    return [Gap(name, epoch, *each) for each in found]


async def gaps_on(
    connection: AsyncConnection, day: date, where: Places, but: Collection[tuple[str, str]]
) -> list[Gap]:
    """Holes of the other streams that may be of this day: it lies between their neighbours' days."""
    known: dict[tuple[str, str], list[Run]] = defaultdict(list)
    columns = (run.c.machine, run.c.epoch, run.c.first, run.c.last)
    ordered = sa.select(*columns).order_by(run.c.machine, run.c.epoch, run.c.first)
    for name, epoch, first, last in await connection.execute(ordered):
        known[name, epoch].append((first, last))
    claimed = await connection.execute(
        sa.select(stream_.c.machine, stream_.c.epoch, stream_.c.claimed)
    )
    reach = {(name, epoch): upto for name, epoch, upto in claimed}
    found: list[Gap] = []
    for stream, runs in known.items():
        if stream in but:
            continue
        upto = max(runs[-1][1], reach.get(stream, 0))
        found += [
            Gap(*stream, *hole)
            for hole in holes(runs, upto)
            if await _touches(connection, stream, hole, day, where)
        ]
    return found


async def _touches(
    connection: AsyncConnection, stream: tuple[str, str], hole: Run, day: date, where: Places
) -> bool:
    """Whether what is missing may have been sold on that day."""
    ours = _SALES.where(sale.c.machine == stream[0], sale.c.epoch == stream[1])
    before = ours.where(sale.c.seq < hole[0]).order_by(sale.c.seq.desc())
    after = ours.where(sale.c.seq > hole[1]).order_by(sale.c.seq)
    days = []
    for query in (before, after):
        row = (await connection.execute(query.limit(1))).first()
        days.append(row and _day(decode(row.body.encode(), Sale), row, where))
    earliest, latest = days
    return (earliest is None or earliest <= day) and (latest is None or day <= latest)


async def conflicts(connection: AsyncConnection, name: str) -> Sequence[str]:
    """The incidents of a machine that keep another sale, in words: ``epoch E seq N came …``."""
    query = sa.select(incident.c.detail).where(
        incident.c.machine == name, incident.c.kind == "conflict"
    )
    return (await connection.scalars(query)).all()


async def tried(connection: AsyncConnection, sale_ids: Sequence[str]) -> list[Tried]:
    """The attempts of these sales that left."""
    found: list[Tried] = []
    of = (attempt.c.sale_id == receipt.c.sale_id) & (attempt.c.purpose == receipt.c.purpose)
    query = sa.select(
        attempt,
        receipt.c.state,
        receipt.c.attempt.label("in_use"),
        *(receipt.c[name] for name in ("fn", "fd", "fp", "total")),
    ).join(receipt, of)
    for some in _parts(sale_ids):
        wanted = query.where(attempt.c.sale_id.in_(some), attempt.c.first_sent_at.is_not(None))
        found += [_tried(row) for row in await connection.execute(wanted.order_by(attempt.c.key))]
    return found


def _tried(row: sa.Row[Any]) -> Tried:
    return Tried(
        key=row.key,
        sale_id=row.sale_id,
        register=row.register,
        body=row.body,
        provider_id=row.provider_id,
        verdict=row.verdict,
        state=State(row.state),
        current=row.number == row.in_use,
        fn=row.fn,
        fd=row.fd,
        fp=row.fp,
        total=row.total,
    )


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE)]

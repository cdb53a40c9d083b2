"""Attention: what needs a hand, why, since when, and the command that goes on with it."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.breaker import Circuit
from cloud.desk.words import COMMAND, age, counted, moment, next_step, printable, roubles, table
from cloud.fiscalization import State
from cloud.outcome import Pause
from cloud.receipt import Purpose
from cloud.store import attention, lanes
from cloud.store.attention import (
    OVERDUE,
    UNKNOWN,
    Happened,
    Overdue,
    Queue,
    Unissued,
    Unplaced,
)
from cloud.store.lanes import Standing

MOST: Final = 20
"""So many of each kind are listed, unless all are wanted."""
RECENT_MS: Final = 7 * 86_400_000
INCIDENTS: Final = 10
UNWORKED_MS: Final = 60_000
"""A receipt that has waited so long for a lane that nobody holds is not on its way."""
OVERDUE_MS: Final = 3_600_000
"""What has been on its way for so long is told, though it goes its way by itself."""
NOTHING: Final = Queue(0, 0)
LOOK_FOR_IT: Final = (
    "resolve {0}{1} --issued QR_TEXT; or --not-issued, once you have looked for it in the"
    " provider's cabinet"
)


IF_IT_IS_THERE: Final = (
    "check {0}; and if its document is in the provider's cabinet: resolve {1}{2} --issued QR_TEXT"
)
IT_WAITS: Final[Mapping[State, str]] = {
    State.ACCEPTED: "the provider has it in its queue, and has recorded nothing yet",
    State.UNKNOWN: "it was sent, and what became of it is not known; it is asked for again and again",
    State.SUBMITTED: "it was sent, and nobody has heard the answer yet",
}


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sale, or one receipt of it. Times are Unix milliseconds, amounts kopecks."""

    sale_id: str
    machine: str
    purpose: str | None = None
    """None: the sale has no receipt yet."""
    register: str | None = None
    name: str | None = None
    amount: int | None
    cause: str
    reason: str
    since: int
    next: str
    """What to do, as it is typed."""


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A register's queue that stands still."""

    register: str
    why: str
    since: int | None
    waiting: int
    oldest: int | None
    next: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, and needs to be known."""

    at: int
    kind: str
    machine: str | None
    sale_id: str | None
    detail: str
    next: str = ""
    """What to do, as it is typed; empty if nothing is asked."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many of one cause, and since when the oldest."""

    cause: str
    count: int
    since: int


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, as `--json` and the API give it."""

    at: int
    total: int
    summary: list[Count]
    items: list[Item]
    """The oldest of each kind; all of them if all were wanted."""
    duplicates: list[Event]
    lanes: list[Lane]
    incidents: list[Event]


async def look(
    connection: AsyncConnection,
    now_ms: int,
    *,
    machine: str | None = None,
    cause: str | None = None,
    everything: bool = False,
) -> Attention:
    """What needs a hand now; of one machine, or for one cause."""
    most = None if everything else MOST
    sums = await attention.sums(connection, machine=machine, cause=cause)
    sales = await attention.unplaced(connection, machine=machine, cause=cause, most=most)
    receipts = await attention.unissued(connection, machine=machine, cause=cause, most=most)
    overdue: Sequence[Overdue] = ()
    if cause in {None, OVERDUE}:
        left = now_ms - OVERDUE_MS
        overdue = await attention.overdue(connection, left, machine=machine, most=most)
        count = await attention.overdue_sum(connection, left, machine=machine)
        sums = sorted([*sums, *([count] if count else [])], key=lambda each: -each.count)
    duplicates = await attention.duplicates(connection, machine=machine)
    since = now_ms - RECENT_MS
    happened = await attention.incidents(connection, since, machine=machine, most=INCIDENTS)
    standings = await lanes.standings(connection)
    queues = await attention.queues(connection)
    whole = cause is None
    return Attention(
        at=now_ms,
        total=sum(each.count for each in sums),
        summary=[Count(cause=each.cause, count=each.count, since=each.since) for each in sums],
        items=[
            *map(_of_sale, sales),
            *map(_of_receipt, receipts),
            *map(_of_overdue, overdue),
        ],
        duplicates=[_duplicate(each) for each in duplicates] if whole else [],
        lanes=still(standings, queues, now_ms) if whole and machine is None else [],
        incidents=[_event(each) for each in happened if each not in duplicates] if whole else [],
    )


def still(standings: Sequence[Standing], queues: Mapping[str, Queue], now_ms: int) -> list[Lane]:
    """The lanes that take nothing, or that nobody works. Pure."""
    known = {each.register: each for each in standings if not each.register.startswith("@")}
    told = []
    for register in sorted(known.keys() | queues.keys()):
        standing, queue = known.get(register), queues.get(register, NOTHING)
        said = _why(register, standing, queue, now_ms)
        if said is not None:
            why, since, step = said
            told.append(
                Lane(
                    register=register,
                    why=why,
                    since=since,
                    waiting=queue.count,
                    oldest=queue.oldest if queue.count else None,
                    next=f"{COMMAND}{step}",
                )
            )
    return told


def _why(
    register: str, standing: Standing | None, queue: Queue, now_ms: int
) -> tuple[str, int | None, str] | None:
    """Why it stands still, since when, and what to do; None if it does not."""
    circuit = standing.circuit if standing else Circuit()
    since = standing.since if standing else None
    if circuit.pause is not None:
        step = (
            f"register resume {register}" if circuit.pause is Pause.BY_HAND else f"check {register}"
        )
        return f"paused, {circuit.pause.value}: {circuit.reason}", since, step
    if circuit.is_open():
        said = f"the provider does not answer ({circuit.failures} times): {circuit.reason}"
        return said, since, f"check {register}"
    unworked = standing is None or standing.lease_until < now_ms
    if unworked and queue.count and queue.oldest < now_ms - UNWORKED_MS:
        return "no process works it", queue.oldest, "serve"
    return None


def _of_sale(each: Unplaced) -> Item:
    return Item(
        sale_id=each.sale_id,
        machine=each.machine,
        amount=each.amount,
        cause=each.cause,
        reason=each.reason,
        since=each.since,
        next=next_step(each.reason) or f"{COMMAND}requeue {each.sale_id}",
    )


def _of_receipt(each: Unissued) -> Item:
    step = LOOK_FOR_IT if each.cause == UNKNOWN else "requeue {0}{1}"
    return Item(
        sale_id=each.sale_id,
        machine=each.machine,
        purpose=each.purpose.value,
        register=each.register,
        name=each.name,
        amount=each.amount,
        cause=each.cause,
        reason=each.reason,
        since=each.since,
        next=COMMAND
        + step.format(each.key if each.cause == UNKNOWN else each.sale_id, _named(each.purpose)),
    )


def _of_overdue(each: Overdue) -> Item:
    said = f": {each.error}" if each.error else ""
    return Item(
        sale_id=each.sale_id,
        machine=each.machine,
        purpose=each.purpose.value,
        register=each.register,
        name=each.name,
        amount=each.amount,
        cause=OVERDUE,
        reason=f"{IT_WAITS[each.state]}{said}",
        since=each.since,
        next=COMMAND + IF_IT_IS_THERE.format(each.register, each.sale_id, _named(each.purpose)),
    )


def _named(purpose: Purpose) -> str:
    return "" if purpose is Purpose.INCOME else f" --purpose {purpose.value}"


def _event(each: Happened) -> Event:
    return Event(
        at=each.at,
        kind=each.kind,
        machine=each.machine,
        sale_id=each.sale_id,
        detail=each.detail,
    )


def _duplicate(each: Happened) -> Event:
    step = attention.UNDO.format(each.sale_id)
    return msgspec.structs.replace(_event(each), next=f"{COMMAND}{step}")


def lines(found: Attention, nothing: str = "nothing needs a hand") -> list[str]:
    """For a person; `nothing` is said where there is nothing to tell."""
    now = found.at
    told = _summary(found)
    for each in found.items:
        amount = "amount unknown" if each.amount is None else roubles(each.amount)
        what = f"receipt of {each.purpose}: {each.name}" if each.purpose else "sale"
        at = f"{each.machine}, {each.register}" if each.register else each.machine
        told += [
            f"{each.sale_id}  {each.cause}, {age(each.since, now)}  {at}  {what}, {amount}",
            f"    {printable(each.reason)}",
        ]
        if each.next not in each.reason:
            told.append(f"    → {each.next}")
    left = found.total - len(found.items)
    if left > 0:
        told.append(f"… and {left} more: add --all, or --machine, or --cause")
    for lane in found.lanes:
        since = "" if lane.since is None else f", {age(lane.since, now)}"
        told += [
            f"register {lane.register}{since}: {printable(lane.why)}",
            f"    {_waiting(lane, now)}",
            f"    → {lane.next}",
        ]
    for event in found.duplicates:
        told += [f"{event.sale_id}  {event.kind}, {age(event.at, now)}  {event.machine or ''}"]
        told += [f"    {printable(event.detail)}", f"    → {event.next}"]
    if found.incidents:
        told += ["", "what happened of late:"]
        told += [
            f"  {moment(event.at)}  {event.machine or '-'}  {event.kind}: {printable(event.detail)}"
            for event in found.incidents
        ]
    return told or [nothing]


def _summary(found: Attention) -> list[str]:
    """By cause, where they are too many to be seen at a glance."""
    if found.total <= MOST:
        return []
    rows = [
        (f"  {each.cause}", str(each.count), f"the oldest {age(each.since, found.at)}")
        for each in found.summary
    ]
    return [f"{found.total} need a hand:", *table(rows, right=[1]), ""]


def _waiting(lane: Lane, now_ms: int) -> str:
    if lane.oldest is None:
        return "nothing waits for it"
    waits = counted(lane.waiting, "receipt waits", "receipts wait")
    return f"{waits} for it, the oldest {age(lane.oldest, now_ms)}"

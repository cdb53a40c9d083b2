"""Claims: what a lane does next, and the intent that is written down before it.

The order of writes here is the promise itself: key, body and departure are committed before the
first byte leaves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud import retry
from cloud.clock import SinceBoot
from cloud.fiscalization import SENT, State
from cloud.keys import key_of
from cloud.providers import Attempt
from cloud.receipt import Receipt
from cloud.step import Sent
from cloud.store import history, replies
from cloud.store.history import Change
from cloud.store.schema import attempt, receipt

LIVE_MS: Final = 60_000
"""So long a buyer may still stand there: such sales share the register's pace with what waits."""
_LONGEST_MS: Final = 1000 * round(retry.LONGEST_S)
_SENT: Final = [state.value for state in SENT]


@dataclass(frozen=True, slots=True)
class Job:
    """A receipt as its lane sees it."""

    receipt: Receipt
    machine: str
    state: State
    tries: int
    born_at: int
    error: str | None
    """What was said of it last."""
    number: int
    """Which attempt, from 0."""
    body: str | None
    """None while no attempt of that number is written down."""
    sent: Sent | None
    """When its key left first; None if it surely never did."""
    provider_id: str | None

    @property
    def key(self) -> str:
        """The provider's key."""
        return key_of(self.receipt.sale_id, self.receipt.purpose, self.number)

    def attempt(self, body: str) -> Attempt:
        """As the provider sees it."""
        return Attempt(self.key, self.body or body, self.provider_id)


_COLUMNS: Final = (
    receipt.c.request,
    receipt.c.machine,
    receipt.c.state,
    receipt.c.tries,
    receipt.c.born_at,
    receipt.c.error,
    receipt.c.attempt,
    attempt.c.number,
    attempt.c.body,
    attempt.c.first_sent_at,
    attempt.c.first_sent_boot,
    attempt.c.first_sent_boottime,
    attempt.c.provider_id,
)
_JOBS: Final = (
    sa.select(*_COLUMNS)
    .select_from(
        receipt.outerjoin(
            attempt,
            (attempt.c.sale_id == receipt.c.sale_id)
            & (attempt.c.purpose == receipt.c.purpose)
            & (attempt.c.number == receipt.c.attempt),
        )
    )
    .where(receipt.c.register == sa.bindparam("register"))
    # A push, or a person, may be at one of them: it is not waited for.
    .with_for_update(of=receipt, skip_locked=True)
)
_NOW: Final = sa.bindparam("now", type_=sa.BigInteger)
# Nothing is put off for longer: the clock was set back since.
_DUE: Final = (receipt.c.next_at <= _NOW) | (receipt.c.next_at > _NOW + _LONGEST_MS)
_WAITING: Final = _JOBS.where(receipt.c.state == State.WAITING.value, _DUE).order_by(
    receipt.c.born_at
)
_LIVE: Final = _WAITING.where(receipt.c.born_at > _NOW - LIVE_MS)
_ASKED: Final = _JOBS.where(receipt.c.state.in_(_SENT), _DUE).order_by(receipt.c.next_at)
_LIVE_ASKED: Final = _ASKED.where(receipt.c.born_at > _NOW - LIVE_MS)
_HINTED: Final = (
    sa.select(*_COLUMNS)
    .select_from(
        attempt.join(
            receipt,
            (attempt.c.sale_id == receipt.c.sale_id) & (attempt.c.purpose == receipt.c.purpose),
        )
    )
    .where(attempt.c.register == sa.bindparam("register"), attempt.c.hinted)
    .order_by(attempt.c.key)
)


async def to_send(
    connection: AsyncConnection, register: str, now_ms: int, most: int, *, live_first: bool
) -> list[Job]:
    """What waits to be sent: the oldest, and in every other place what was sold just now."""
    oldest = await _jobs(connection, _WAITING, register, now_ms, most)
    if not oldest or oldest[0].born_at > now_ms - LIVE_MS:
        return oldest
    live = await _jobs(connection, _LIVE, register, now_ms, most)
    return _in_turns(live, oldest, most, live_first=live_first)


async def to_ask(
    connection: AsyncConnection, register: str, now_ms: int, most: int, *, live_first: bool = False
) -> list[Job]:
    """What a provider may have: longest overdue, and in every other place what was sold just now."""
    overdue = await _jobs(connection, _ASKED, register, now_ms, most)
    if len(overdue) < most:
        return overdue
    live = await _jobs(connection, _LIVE_ASKED, register, now_ms, most)
    return _in_turns(live, overdue, most, live_first=live_first)


async def hinted(connection: AsyncConnection, register: str, now_ms: int, most: int) -> list[Job]:
    """Keys of which somebody says that there is news, though nobody waits for any.

    They are as if accepted just now: they are asked for, however old, and never sent.
    """
    found = await _jobs(connection, _HINTED, register, now_ms, most)
    return [replace(job, state=State.ACCEPTED, sent=Sent(now_ms)) for job in found]


async def put_off(connection: AsyncConnection, jobs: Sequence[Job], until_ms: int) -> None:
    """Let these wait; they are this transaction's."""
    if jobs:
        await connection.execute(
            sa.update(receipt)
            .where(
                receipt.c.sale_id == sa.bindparam("of"), receipt.c.purpose == sa.bindparam("why")
            )
            .values(next_at=until_ms),
            [{"of": job.receipt.sale_id, "why": job.receipt.purpose.value} for job in jobs],
        )


def _in_turns(live: list[Job], others: list[Job], most: int, *, live_first: bool) -> list[Job]:
    turns = (live, others) if live_first else (others, live)
    mixed: dict[str, Job] = {}
    for place in range(most):
        for turn in turns:
            if place < len(turn):
                mixed.setdefault(turn[place].key, turn[place])
    return list(mixed.values())[:most]


async def _jobs(
    connection: AsyncConnection, query: sa.Select[Any], register: str, now_ms: int, most: int
) -> list[Job]:
    if most <= 0:
        return []
    rows = await connection.execute(query.limit(most), {"register": register, "now": now_ms})
    return [_job(row) for row in rows]


_ATTEMPT: Final = sa.insert(attempt)
_DEPARTURE: Final = (
    sa.update(attempt)
    .where(attempt.c.key == sa.bindparam("of"), attempt.c.first_sent_at.is_(None))
    .values(
        first_sent_at=sa.bindparam("wall"),
        first_sent_boot=sa.bindparam("boot"),
        first_sent_boottime=sa.bindparam("boottime"),
    )
)
_INTENT: Final = (
    sa.update(receipt)
    .where(receipt.c.sale_id == sa.bindparam("of"), receipt.c.purpose == sa.bindparam("why"))
    .values(state=sa.bindparam("then"), next_at=sa.bindparam("again"))
)


async def intend(  # noqa: PLR0917, an intent has two clocks
    connection: AsyncConnection,
    jobs: Sequence[tuple[Job, str]],
    register: str,
    who: str,
    now_ms: int,
    boot: SinceBoot,
    again_ms: int,
) -> list[Job]:
    """Write down that each job leaves now, with this body if it has none yet; as they are then.

    The caller holds the lane. What was submitted and has no answer yet was lost in a crash: from
    here on it is unknown.
    """
    if not jobs:
        return []
    departure = {"first_sent_at": now_ms, "first_sent_boot": boot.boot_id}
    fresh = [
        {
            "key": job.key,
            "sale_id": job.receipt.sale_id,
            "purpose": job.receipt.purpose.value,
            "number": job.number,
            "register": register,
            "body": body,
            "first_sent_boottime": boot.ms,
            **departure,
        }
        for job, body in jobs
        if job.body is None
    ]
    if fresh:
        await connection.execute(_ATTEMPT, fresh)
    known = [
        {"of": job.key, "wall": now_ms, "boot": boot.boot_id, "boottime": boot.ms}
        for job, _ in jobs
        if job.body is not None and job.sent is None
    ]
    if known:
        await connection.execute(_DEPARTURE, known)
    changed = [(job, _then(job.state)) for job, _ in jobs]
    await connection.execute(
        _INTENT,
        [
            {
                "of": job.receipt.sale_id,
                "why": job.receipt.purpose.value,
                "then": then.value,
                "again": again_ms,
            }
            for job, then in changed
        ],
    )
    await history.add(
        connection,
        [
            Change(now_ms, who, job.receipt.sale_id, job.receipt.purpose.value, then.value, job.key)
            for job, then in changed
            if then is not job.state
        ],
    )
    return [
        replace(
            job,
            state=_then(job.state),
            body=job.body or body,
            sent=job.sent or Sent(now_ms, boot),
        )
        for job, body in jobs
    ]


async def give_to_a_person(
    connection: AsyncConnection, job: Job, reason: str, who: str, now_ms: int
) -> None:
    """A receipt that waits cannot be sent as it is: nothing left, and a person has to look."""
    place = (job.receipt.sale_id, job.receipt.purpose.value)
    await connection.execute(
        sa.update(receipt)
        .where(receipt.c.sale_id == place[0], receipt.c.purpose == place[1])
        .values(state=State.ATTENTION.value, error=reason)
    )
    change = Change(now_ms, who, *place, State.ATTENTION.value, reason)
    await history.add(connection, [change])
    await replies.revise_all(connection, [(place[0], job.machine)])


def _then(state: State) -> State:
    match state:
        case State.WAITING:
            return State.SUBMITTED
        case State.SUBMITTED:
            return State.UNKNOWN
        case _:
            return state


def _job(row: sa.Row[Any]) -> Job:
    asked = msgspec.json.decode(row.request, type=Receipt)
    return Job(
        receipt=asked,
        machine=row.machine,
        state=State(row.state),
        tries=row.tries,
        born_at=row.born_at,
        error=row.error,
        number=row.attempt if row.number is None else row.number,
        body=row.body,
        sent=_sent(row),
        provider_id=row.provider_id,
    )


def _sent(row: sa.Row[Any]) -> Sent | None:
    if row.first_sent_at is None:
        return None
    boot = row.first_sent_boot and SinceBoot(row.first_sent_boot, row.first_sent_boottime)
    return Sent(row.first_sent_at, boot or None)

"""Lanes: who works a register's queue, and how its last requests went.

A lease runs out by itself; the fence grows with every new holder, and each write of a lane checks
it: a process that slept through its lease writes nothing any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.breaker import Circuit
from cloud.errors import LeaseLostError
from cloud.outcome import Pause
from cloud.store.dialect import insert, insert_on
from cloud.store.schema import lane

LEASE_MS: Final = 15_000
"""Longer than a provider may take to answer; what a killed process leaves waits so long."""
FAR_MS: Final = 32 * 86_400_000
"""A clock that says so much less was ahead before: what has been in doubt for longer (see
`step.LONGEST_S`) is given up, so there is no key that it could make young again."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to speak to a register; `fence` is checked on every write.

    `latest_ms` is the latest that the server's clock has said in this lane: what says less now was
    set back. By more than `FAR_MS`, it was wrong before and is right now.
    """

    register: str
    owner: str
    fence: int
    latest_ms: int = field(default=0, compare=False)


@cache
def _leasing(dialect: str) -> sa.Executable:
    """Every turn of every lane asks so."""
    holder = sa.bindparam("holder", type_=sa.Text)
    at = sa.bindparam("at", type_=sa.BigInteger)
    until = sa.bindparam("until", type_=sa.BigInteger)
    name = sa.bindparam("name", type_=sa.Text)
    fresh = insert_on(dialect, lane).values(
        register=name, owner=holder, lease_until=until, fence=1, latest_at=at
    )
    return fresh.on_conflict_do_update(
        index_elements=[lane.c.register],
        set_={
            "owner": holder,
            "lease_until": until,
            # Another's lease that ran out is a new term; one's own goes on.
            "fence": sa.case((lane.c.owner == holder, lane.c.fence), else_=lane.c.fence + 1),
            "latest_at": sa.case(
                (
                    lane.c.latest_at.between(at, sa.bindparam("latest", type_=sa.BigInteger)),
                    lane.c.latest_at,
                ),
                else_=at,
            ),
        },
        where=(lane.c.owner == holder)
        | (lane.c.lease_until < at)
        # Nobody leases for so long, nor do two clocks differ so much: it was set back since.
        | (lane.c.lease_until > sa.bindparam("far", type_=sa.BigInteger)),
    ).returning(lane.c.fence, lane.c.latest_at)


async def lease(
    connection: AsyncConnection, register: str, owner: str, now_ms: int
) -> Lease | None:
    """Take or renew a lane; None while another holds it."""
    leasing = _leasing(connection.dialect.name)
    told = {
        "name": register,
        "holder": owner,
        "at": now_ms,
        "until": now_ms + LEASE_MS,
        "far": now_ms + 2 * LEASE_MS,
        "latest": now_ms + FAR_MS,
    }
    row = (await connection.execute(leasing, told)).first()
    return None if row is None else Lease(register, owner, row.fence, row.latest_at)


async def holder(connection: AsyncConnection, register: str, now_ms: int) -> str | None:
    """Who has a lane now; None if nobody has."""
    runs = lane.c.lease_until.between(now_ms, now_ms + 2 * LEASE_MS)
    named: str | None = await connection.scalar(
        sa.select(lane.c.owner).where(lane.c.register == register, runs)
    )
    return named


async def release(connection: AsyncConnection, held: Lease) -> None:
    """Let the next process have it at once, unless another has it already."""
    ours = (lane.c.register == held.register, lane.c.owner == held.owner)
    await connection.execute(
        sa.update(lane).where(*ours, lane.c.fence == held.fence).values(lease_until=0)
    )


async def check(connection: AsyncConnection, held: Lease) -> None:
    """Hold the lane to the end of the transaction.

    Raises:
        LeaseLostError: it is another's; nothing may be written.
    """
    fence = await connection.scalar(
        sa.select(lane.c.fence).where(lane.c.register == held.register).with_for_update()
    )
    if fence != held.fence:
        raise LeaseLostError(f"register {held.register}: another process took the lane")


async def circuit(connection: AsyncConnection, register: str) -> Circuit:
    """How the register's last requests went."""
    columns = (lane.c.failures, lane.c.hold_until, lane.c.pause, lane.c.reason)
    row = (await connection.execute(sa.select(*columns).where(lane.c.register == register))).first()
    if row is None:
        return Circuit()
    pause = Pause(row.pause) if row.pause else None
    return Circuit(row.failures, row.hold_until, pause, row.reason or "")


async def set_circuit(
    connection: AsyncConnection,
    register: str,
    now: Circuit,
    now_ms: int,
    *,
    over_a_person: bool = True,
) -> None:
    """Write it down; since when it is so is kept while the pause is the same.

    Unless `over_a_person`, a pause by hand stands, even one that is said at this moment.
    """
    pause = now.pause.value if now.pause else None
    changed = lane.c.pause.is_distinct_from(pause) | lane.c.since.is_(None)
    values = {
        "failures": now.failures,
        "hold_until": now.hold_until,
        "pause": pause,
        "reason": now.reason or pause,
    }
    since = sa.case((changed, now_ms), else_=lane.c.since) if now.is_open() else None
    fresh = insert(connection, lane).values(
        register=register,
        owner="",
        lease_until=0,
        fence=0,
        since=now_ms if now.is_open() else None,
        **values,
    )
    by_hand = lane.c.pause.is_not_distinct_from(Pause.BY_HAND.value)
    await connection.execute(
        fresh.on_conflict_do_update(
            index_elements=[lane.c.register],
            set_={"since": since, **values},
            where=None if over_a_person else ~by_hand,
        )
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """A lane as people see it."""

    register: str
    owner: str
    lease_until: int
    circuit: Circuit
    since: int | None


async def standings(connection: AsyncConnection) -> Sequence[Standing]:
    """Every lane there is."""
    rows = await connection.execute(sa.select(lane).order_by(lane.c.register))
    return [
        Standing(
            row.register,
            row.owner,
            row.lease_until,
            Circuit(
                row.failures,
                row.hold_until,
                Pause(row.pause) if row.pause else None,
                row.reason or "",
            ),
            row.since,
        )
        for row in rows
    ]

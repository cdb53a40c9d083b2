"""Quarantine: messages that make no sense, kept with their bytes; of one machine not without end."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store.dialect import insert
from cloud.store.incidents import report
from cloud.store.schema import incident

MALFORMED: Final = "malformed"
"""The kind of incident that such a message is."""
MOST_A_DAY: Final = 100
"""So many of a machine are kept a day (UTC); the others are counted."""
LONGEST: Final = 65_536
_DAY_MS: Final = 86_400_000


async def keep(
    connection: AsyncConnection, machine: str | None, detail: str, body: bytes, now_ms: int
) -> None:
    """Keep a message that makes no sense; where the day has enough of its machine's, count it."""
    begun = now_ms - now_ms % _DAY_MS
    day = datetime.fromtimestamp(begun / 1000, UTC).date()
    digest = sha256(f"{MALFORMED}\0{machine or ''}\0{day}\0more".encode()).hexdigest()
    counting = sa.select(incident.c.detail).where(incident.c.digest == digest)
    counted = await connection.scalar(counting.with_for_update())
    if counted is None and await _kept(connection, machine, begun) < MOST_A_DAY:
        await report(connection, now_ms, MALFORMED, detail, machine, body=body[:LONGEST])
        return
    more = 1 + int(counted.split(" ", 1)[0] if counted else 0)
    said = f"{more} more on {day} that make no sense; they are not kept. The last one: {detail}"
    row = {"at": now_ms, "detail": said}
    new = insert(connection, incident).values(kind=MALFORMED, machine=machine, digest=digest, **row)
    await connection.execute(
        new.on_conflict_do_update(index_elements=[incident.c.digest], set_=row)
    )


async def _kept(connection: AsyncConnection, machine: str | None, since_ms: int) -> int:
    those = sa.select(sa.func.count()).where(
        incident.c.kind == MALFORMED,
        incident.c.machine == machine,
        incident.c.at >= since_ms,
    )
    return await connection.scalar(those) or 0

"""Restored: of a database that was restored nobody knows what left after the backup.

What waits in it may have been sent since, and recorded, under its own key. A provider that remembers
keys for an hour makes a second document of it the day after.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscalization import State
from cloud.keys import key_of
from cloud.receipt import Purpose
from cloud.store import history, replies
from cloud.store.history import Change
from cloud.store.schema import attempt, receipt

SAID: Final = (
    "the database was restored, and it may have been sent before that: look for the receipt in the"
    " provider's cabinet"
)


async def doubt(connection: AsyncConnection, register: str, who: str, now_ms: int) -> int:
    """Give all that waits at a register to a person, as if it had been sent; how many it is.

    With a document it is issued; without one its key is dead, and the next is used.
    """
    used = (
        (attempt.c.sale_id == receipt.c.sale_id)
        & (attempt.c.purpose == receipt.c.purpose)
        & (attempt.c.number == receipt.c.attempt)
    )
    columns = (receipt.c.sale_id, receipt.c.purpose, receipt.c.machine, receipt.c.attempt)
    waiting = (
        sa.select(*columns, receipt.c.born_at, attempt.c.key)
        .select_from(receipt.outerjoin(attempt, used))
        .where(receipt.c.register == register, receipt.c.state == State.WAITING.value)
        .order_by(receipt.c.sale_id, receipt.c.purpose)
        .with_for_update(of=receipt)
    )
    rows = (await connection.execute(waiting)).all()
    for row in rows:
        if row.key is None:
            # What it said is not known; nothing is ever sent under this key again.
            new = {
                "key": key_of(row.sale_id, Purpose(row.purpose), row.attempt),
                "sale_id": row.sale_id,
                "purpose": row.purpose,
                "number": row.attempt,
                "register": register,
                "body": "",
                "first_sent_at": row.born_at,
            }
            await connection.execute(sa.insert(attempt).values(**new))
        else:
            left = sa.update(attempt).where(attempt.c.key == row.key)
            await connection.execute(left.values(first_sent_at=row.born_at))
        its = (receipt.c.sale_id == row.sale_id, receipt.c.purpose == row.purpose)
        then = {"state": State.ATTENTION.value, "error": SAID}
        await connection.execute(sa.update(receipt).where(*its).values(**then))
    await history.add(
        connection,
        [
            Change(now_ms, who, row.sale_id, row.purpose, State.ATTENTION.value, SAID)
            for row in rows
        ],
    )
    await replies.revise_all(connection, {(row.sale_id, row.machine) for row in rows})
    return len(rows)

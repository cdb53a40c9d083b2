"""The history: every change of a sale's or a receipt's state, by whom and why. Only added to."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store.schema import history


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `purpose` is None where it is the sale that changed. `at` is Unix ms."""

    at: int
    who: str
    sale_id: str
    purpose: str | None
    state: str
    detail: str | None = None


_ADD = sa.insert(history)


async def add(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    """Write changes down, in this order."""
    if changes:
        await connection.execute(
            _ADD,
            [
                {
                    "at": each.at,
                    "who": each.who,
                    "sale_id": each.sale_id,
                    "purpose": each.purpose,
                    "state": each.state,
                    "detail": each.detail,
                }
                for each in changes
            ],
        )


async def of(connection: AsyncConnection, sale_id: str) -> Sequence[Change]:
    """What happened to a sale, oldest first."""
    columns = (history.c.at, history.c.who, history.c.sale_id, history.c.purpose)
    rows = await connection.execute(
        sa.select(*columns, history.c.state, history.c.detail)
        .where(history.c.sale_id == sale_id)
        .order_by(history.c.id)
    )
    return [Change(*row) for row in rows]

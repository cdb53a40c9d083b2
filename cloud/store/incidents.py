"""Incidents: what the operator has to know, each kept once."""

from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store.dialect import insert
from cloud.store.schema import incident


async def report(  # noqa: PLR0917, a row has as many columns as it has
    connection: AsyncConnection,
    now_ms: int,
    kind: str,
    detail: str,
    machine: str | None = None,
    sale_id: str | None = None,
    body: bytes | None = None,
) -> None:
    """Write an incident down; said again, it is the same."""
    told = "\0".join((kind, machine or "", sale_id or "", detail)).encode() + (body or b"")
    row = insert(connection, incident).values(
        at=now_ms,
        kind=kind,
        machine=machine,
        sale_id=sale_id,
        detail=detail,
        body=body,
        digest=sha256(told).hexdigest(),
    )
    await connection.execute(row.on_conflict_do_nothing())

"""Accounts: what becomes of a register's receipts when its settings change.

A provider knows a key at the account that it went to. Were a receipt that may have left asked about
at another one, which has no trace of it, it would be sent there as well: two documents.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import FleetError
from cloud.fiscalization import State
from cloud.fleet import Register, same_account
from cloud.store import history
from cloud.store.dialect import clock_of, insert
from cloud.store.history import Change
from cloud.store.lanes import LEASE_MS
from cloud.store.schema import attempt, lane, receipt

NOBODY: Final = "another account"
"""Who holds a lane whose account has just become another one."""
_SETTLED: Final = [State.ISSUED.value, State.CLOSED.value]
_ITS: Final = (attempt.c.sale_id == receipt.c.sale_id) & (attempt.c.purpose == receipt.c.purpose)
_OPEN: Final = (
    sa.select(receipt.c.sale_id, receipt.c.purpose)
    .join(attempt, _ITS)
    .where(attempt.c.verdict.is_(None), receipt.c.state.not_in(_SETTLED))
)


async def change(
    connection: AsyncConnection, before: Register, now: Register, who: str, now_ms: int
) -> None:
    """A register's settings change: bodies that surely never left are written anew.

    To the end of the transaction no lane sends anything to it; and once its account is another one,
    none does before every process has looked at the fleet. The caller is alone with the fleet.

    Raises:
        FleetError: receipts are on their way at the account, and it would be another one.
    """
    anew = not same_account(before, now)
    await _hold(connection, before.id, anew=anew)
    ours = attempt.c.register == before.id
    # The receipts first, as everybody: two that write at once must not wait for each other.
    of_receipts = _OPEN.where(ours).with_for_update(of=receipt)
    await connection.execute(of_receipts.order_by(receipt.c.sale_id, receipt.c.purpose))
    left = _OPEN.where(ours, attempt.c.first_sent_at.is_not(None))
    count = await connection.scalar(sa.select(sa.func.count()).select_from(left.subquery()))
    if anew and count:
        many, they = ("receipts are", "they") if count > 1 else ("receipt is", "it")
        raise FleetError(
            f"register {before.id}: {count} {many} on the way at its account, or in doubt; at another"
            f" one {they} would be recorded a second time. Give the new account a register of its"
            " own name: python -m cloud register add NEW …, then python -m cloud machine add ID"
            " --register NEW. Or wait until nothing is: python -m cloud attention"
        )
    await _withdraw(connection, before.id, who, now_ms)


async def _hold(connection: AsyncConnection, register: str, *, anew: bool) -> None:
    """Keep the lane as it is; with `anew` take it from whoever works it, for as long as a lease."""
    if not anew:
        await connection.execute(
            sa.select(lane.c.fence).where(lane.c.register == register).with_for_update()
        )
        return
    now = await clock_of(connection)
    row = insert(connection, lane).values(register=register, owner=NOBODY, lease_until=0, fence=1)
    taken = {
        "owner": NOBODY,
        "lease_until": sa.case((lane.c.lease_until > now, now + LEASE_MS), else_=0),
        "fence": lane.c.fence + 1,
    }
    await connection.execute(
        row.on_conflict_do_update(index_elements=[lane.c.register], set_=taken)
    )


async def _withdraw(connection: AsyncConnection, register: str, who: str, now_ms: int) -> None:
    """Give up the keys that never left; the receipts get their next ones."""
    unsent = (attempt.c.verdict.is_(None), attempt.c.first_sent_at.is_(None))
    given_up = await connection.execute(
        sa.update(attempt)
        .where(attempt.c.register == register, *unsent)
        .values(verdict="withdrawn", ended_at=now_ms)
        .returning(attempt.c.key, attempt.c.sale_id, attempt.c.purpose, attempt.c.number)
    )
    for key, sale_id, purpose, number in sorted(given_up.all()):
        its = (receipt.c.sale_id == sale_id, receipt.c.purpose == purpose)
        state = await connection.scalar(
            sa.update(receipt)
            .where(*its, receipt.c.attempt == number)
            .values(attempt=number + 1)
            .returning(receipt.c.state)
        )
        if state is not None:
            said = f"register {register} has other settings, and {key} never left: it is made anew"
            await history.add(connection, [Change(now_ms, who, sale_id, purpose, state, said)])

"""Settling: whether everything has come to its end, and the person who helps where a hand is needed.

The person has no more than an operator has: the list of what needs attention, the provider's own
ledger to look into, and the decisions of `cloud.store.decisions`. Told the truth, they must lead to
one document for each sale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from simulation.world import World

from cloud.clock import now_ms
from cloud.fiscal import read_qr
from cloud.receipt import Purpose
from cloud.store import BUSY, Store, decisions
from cloud.store.schema import attempt, receipt

OPEN: Final = "SELECT sale_id, state, error FROM receipt WHERE state NOT IN ('issued', 'closed')"
UNTOLD: Final = "SELECT sale_id FROM reply WHERE rev > acked_rev"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What has not come to its end, in words; nothing of it when all has."""

    machines: Sequence[str]
    receipts: Sequence[str]
    replies: Sequence[str]
    provider: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.machines or self.receipts or self.replies or self.provider)

    def __str__(self) -> str:
        return "; ".join([*self.machines, *self.receipts, *self.replies, *self.provider])


def look(world: World) -> Unsettled:
    """Look at everybody once; into the store only when the machines are done."""
    machines = [
        said
        for pi in world.pis.values()
        if (said := _machine(pi)) or (said := _buyer(world, pi.name))
    ]
    receipts, replies = list[str](), list[str]()
    if not machines:
        for sale_id, state, error in world.cloud.read(OPEN):
            receipts.append(f"receipt of {sale_id} is {state}: {error}")
        replies += [f"{sale_id} is untold" for (sale_id,) in world.cloud.read(UNTOLD)]
    entries = world.rented.emulator.entries.values()
    provider = [
        f"{each.told.key} is in the queue"
        for each in entries
        if each.document is None and each.ended is None
    ]
    return Unsettled(machines, receipts, replies, provider)


def _machine(pi: Any) -> str:
    if not pi.runs or pi.agent is None:
        return f"{pi.name} does not run"
    outbox = pi.agent.parts.outbox
    waiting = pi.agent.keeper.waiting
    (pending, _), notes = outbox.pending(), outbox.notes.pending()
    if outbox.memory.intents():
        return f"{pi.name}: the end of an approved vend may still be heard"
    if waiting or pending or notes:
        return f"{pi.name}: {waiting} to keep, {pending} sales and {notes} notes to send"
    return ""


def _buyer(world: World, machine: str) -> str:
    deals = world.vendings[machine].deals
    over = [deal for deal in deals if deal.over_at is not None]
    return "" if len(over) == len(world.plan.visits[machine]) else f"{machine}: somebody is buying"


async def help_out(world: World) -> None:
    """A person settles what needs a hand, by what stands in the provider's ledger."""
    store = Store(world.cloud.database)
    made = {each.told.key: each for each in world.rented.documents()}
    try:
        async with store.reading() as connection:
            wanted = sa.select(receipt).where(receipt.c.state == "attention")
            rows = (await connection.execute(wanted)).all()
        for row in rows:
            await _settle(store, (row.sale_id, Purpose(row.purpose)), made)
    except BUSY:
        pass  # somebody stands still amid a transaction; the next time
    finally:
        await store.close()


async def _settle(store: Store, of_it: tuple[str, Purpose], made: dict[str, Any]) -> None:
    who = ("a person", now_ms())
    async with store.transaction() as connection:
        doubtful = sa.select(attempt.c.key).where(
            attempt.c.sale_id == of_it[0],
            attempt.c.purpose == of_it[1].value,
            attempt.c.verdict.is_(None),
            attempt.c.first_sent_at.is_not(None),
        )
        keys = list(await connection.scalars(doubtful))
    for key in keys:
        document = read_qr(made[key].qr) if key in made else None
        async with store.transaction() as connection:
            if document is not None:
                await decisions.found(connection, *of_it, document, *who)
                return
            await decisions.not_issued(connection, *of_it, *who)
    async with store.transaction() as connection:
        await decisions.requeue(connection, *of_it, *who)

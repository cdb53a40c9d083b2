"""Evidence: the ledgers of a world, read into the checker's values."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from simulation.checker import Evidence, Kept, Name, Recorded, Told
from simulation.onlooker import wrong_showings
from simulation.vending import Deal
from simulation.world import World

from cloud.emulators.drive import Document
from cloud.store import Store
from cloud.store.schema import incident, receipt, sale
from edge.wire import Incident, Sale, decode


async def gathered(world: World, unsettled: str = "") -> Evidence:
    """All ledgers, as they are now."""
    store = Store(world.cloud.database)
    try:
        async with store.reading() as connection:
            rows = (await connection.execute(sa.select(sale))).all()
            incidents = (await connection.execute(sa.select(incident))).all()
            done = sa.select(receipt.c.sale_id).where(receipt.c.state == "issued")
            issued = list(await connection.scalars(done))
    finally:
        await store.close()
    kept = [_kept(row) for row in rows]
    named = {each.sale_id: each.name for each in kept}
    for pi in world.pis.values():
        named |= pi.unsent()
    asked = [_asked(row) for row in incidents if row.kind == "outcome_unknown"]
    names = {each: (name[0], name[1]) for each, name in named.items() if name[1] is not None}
    deals = [deal for vending in world.vendings.values() for deal in vending.deals]
    machines = {deal.price: deal.machine for deal in deals}
    showings = [
        said
        for name, pi in world.pis.items()
        for said in wrong_showings(pi.onlooker, world.vendings[name].deals, names)
    ]
    return Evidence(
        deals=[_told(each) for each in deals],
        documents=[_recorded(each, machines) for each in world.rented.documents()],
        kept=kept,
        deaths=[death for pi in world.pis.values() for death in pi.died],
        epochs={name: pi.epochs for name, pi in world.pis.items()},
        incidents=[(row.kind, row.machine or "") for row in incidents],
        put_back=frozenset(
            each.whom for each in world.plan.troubles if each.what == "card put back"
        ),
        in_use={pi.name: pi.agent.parts.outbox.epoch for pi in world.pis.values() if pi.agent},
        asked=asked,
        untold=_untold(world, issued),
        showings=showings,
        unsettled=unsettled,
        wrong_clocks=_wrong_clocks(world),
    )


def _asked(row: Any) -> tuple[str, int | None]:
    return row.machine, decode(row.body, Incident).amount


def _untold(world: World, issued: Sequence[str]) -> list[str]:
    """Sales on a machine's card whose receipt is issued, and is not there."""
    return [
        f"{sale_id}, {pi.name}"
        for pi in world.pis.values()
        if pi.runs
        and pi.agent is not None
        and not any(death.card_gone for death in pi.died)  # a card of before does not know it
        for sale_id in issued
        if pi.agent.parts.outbox.sale(sale_id) is not None
        and pi.agent.parts.outbox.receipt(sale_id) is None
    ]


def _wrong_clocks(world: World) -> frozenset[str]:
    jumped = {each.whom for each in world.plan.troubles if "clock" in each.what}
    return frozenset(world.pis) if "cloud" in jumped else frozenset(jumped)


def _told(deal: Deal) -> Told:
    return Told(
        name=(deal.machine, deal.price),
        sold=deal.sold,
        broken_off=deal.broken_off and deal.approved_at is not None,
        began_at=deal.began_at,
        heard_at=deal.heard_at if deal.lives[0] == deal.lives[1] != 0 else None,
        approval_known_at=deal.approval_known_at,
        known=deal.known_at is not None,
        damaged=deal.damaged,
        configured=deal.configured,
    )


def _kept(row: Any) -> Kept:
    told = decode(row.body.encode(), Sale)
    return Kept(
        sale_id=row.sale_id,
        name=(row.machine, told.amount),
        epoch=row.epoch,
        seq=row.seq,
        disposition=row.disposition,
        cause=row.cause or "",
        reason=row.reason or "",
    )


def _recorded(document: Document, machines: Mapping[int, str]) -> Recorded:
    told = document.told
    name: Name = (machines.get(told.total, "nobody"), told.total)
    return Recorded(
        name=name,
        key=told.key,
        income=told.sign == 1,
        paid=_kopecks(told.tags.get("1031")) + _kopecks(told.tags.get("1081")),
    )


def _kopecks(roubles: object) -> int:
    return round(100 * float(str(roubles or 0)))

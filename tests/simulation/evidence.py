"""Evidence: the ledgers of a world, read into the checker's values."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from cloud.emulators.drive import Document
from cloud.store import Store
from cloud.store.schema import incident, sale
from edge.wire import Sale, decode
from simulation.checker import Evidence, Kept, Name, Recorded, Told
from simulation.onlooker import wrong_showings
from simulation.vending import Deal
from simulation.world import World


async def gathered(world: World, unsettled: str = "") -> Evidence:
    """All ledgers, as they are now."""
    store = Store(world.cloud.database)
    try:
        async with store.reading() as connection:
            rows = (await connection.execute(sa.select(sale))).all()
            incidents = (await connection.execute(sa.select(incident))).all()
    finally:
        await store.close()
    kept = [_kept(row) for row in rows]
    named = {each.sale_id: each.name for each in kept}
    for pi in world.pis.values():
        named |= pi.unsent()
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
        showings=showings,
        unsettled=unsettled,
        wrong_clocks=_wrong_clocks(world),
    )


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

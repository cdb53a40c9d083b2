"""The demo's fleet: what an operator would add on the command line before the first sale."""

import time
from pathlib import Path

from cloud.demo.places import Places
from cloud.demo.settings import DRINKS, MACHINE, PUBLIC_ID
from cloud.fleet import Machine, Operator, Planogram, Product, Register, Shelf
from cloud.store import Store, fleet


def things(
    folder: Path, places: Places
) -> list[Operator | Register | Planogram | Product | Shelf | Machine]:
    """In an order in which each finds what it names."""
    products = [
        Product(id=f"drink-{item}", operator="coffee", name=name)
        for item, (name, _) in DRINKS.items()
    ]
    return [
        Operator(id="coffee", name="ООО «Кофе на ходу»", inn="7708806062", taxation="usn_income"),
        Register(
            id="main",
            operator="coffee",
            provider="cloudkassir",
            settings={
                "url": places.url(places.emulator),
                "public_id": PUBLIC_ID,
                "secret_file": str(folder / "secret"),
                "rate_per_s": 50,
            },
        ),
        Planogram(id="hot", operator="coffee"),
        *products,
        *(
            Shelf(operator="coffee", planogram="hot", slot=item, product=f"drink-{item}")
            for item in DRINKS
        ),
        Machine(
            id=MACHINE,
            operator="coffee",
            register="main",
            planogram="hot",
            address="г. Москва, ул. Примерная, д. 1",
            place="ТЦ «Ромашка», 1 этаж",
        ),
    ]


async def stock(database: str | Path, folder: Path, places: Places) -> None:
    """Put the fleet into a database; the register's secret lies in `folder`."""
    store = await Store.open(database)
    try:
        async with store.transaction() as connection:
            for thing in things(folder, places):
                await fleet.put(connection, thing, "demo", time.time_ns() // 1_000_000)
    finally:
        await store.close()

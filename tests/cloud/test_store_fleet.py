"""The fleet: what can be put, what it must name, what its changes leave behind."""

import asyncio
import json
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from cloud.errors import ConfigError, FleetError
from cloud.fleet import Machine, Operator, Planogram, Policies, Product, Register, Shelf
from cloud.store import Store, fleet
from cloud.store.fleet import Put, Thing
from cloud.store.schema import change, receipt, sale

ACME = Operator(
    id="acme",
    name="ООО «Акме»",
    inn="7708806062",
    taxation="osn",
    email="checks@acme.example",
    policies=Policies(late="correction", late_after_h=12, fiscalise_cash=False),
)
OTHER = Operator(id="other", name="ИП Другов", inn="500100732259", taxation="patent")
MAIN = Register(
    id="main",
    operator="acme",
    provider="atol",
    settings={"protocol": "v5", "rate_per_s": 2.5, "groups": ["a", "b"]},
)
SIDE = Register(id="side", operator="other", provider="ferma")
COLA = Product(
    id="cola", operator="acme", name="Кола", vat="standard", marking="gtin_vend", gtin="0" * 14
)
TEA = Product(id="tea", operator="acme", name="Чай")
DRINKS = Planogram(id="drinks", operator="acme")
SHELF = Shelf(operator="acme", planogram="drinks", slot="0001", product="cola", price_max=20000)
MACHINE = Machine(
    id="vm-1",
    operator="acme",
    register="main",
    planogram="drinks",
    number="А-17",
    address="г. Москва",
    place="1 этаж",
    timezone="Asia/Omsk",
    internet=True,
    policies=Policies(most=50000),
)
ALL: tuple[Thing, ...] = (ACME, OTHER, MAIN, SIDE, COLA, TEA, DRINKS, SHELF, MACHINE)


async def put(store: Store, *things: Thing, at: int = 1) -> list[Put]:
    async with store.transaction() as connection:
        return [await fleet.put(connection, each, "olga", at) for each in things]


async def take_away(store: Store, kind: type[Thing], *key: str) -> None:
    async with store.transaction() as connection:
        await fleet.take_away(connection, kind, key, "olga", 2)


async def get(store: Store, kind: Any, *key: str) -> Any:  # noqa: ANN401, any kind
    async with store.reading() as connection:
        return await fleet.get(connection, kind, *key)


async def changes(store: Store) -> list[tuple[str, str]]:
    async with store.reading() as connection:
        rows = await connection.execute(sa.select(change).order_by(change.c.id))
        return [(row.kind, row.name) for row in rows]


async def version(store: Store) -> int:
    async with store.reading() as connection:
        return await fleet.version(connection)


async def refused(store: Store, *things: Thing) -> str:
    """Why the last of them cannot be put; then nothing of it is there."""
    *before, last = things
    await put(store, *before)
    known = await changes(store)
    with pytest.raises(FleetError) as error:
        await put(store, last)
    assert isinstance(error.value, ConfigError)
    assert await changes(store) == known
    return str(error.value)


async def kept(store: Store, kind: type[Thing], *key: str) -> str:
    with pytest.raises(FleetError) as error:
        await take_away(store, kind, *key)
    return str(error.value)


async def test_what_was_put_is_there_as_it_was_put(store: Store) -> None:
    assert await put(store, *ALL) == [Put.NEW] * len(ALL)
    async with store.reading() as connection:
        assert await fleet.every(connection, Operator) == [ACME, OTHER]
        assert await fleet.every(connection, Register) == [MAIN, SIDE]
        assert await fleet.every(connection, Register, operator="other") == [SIDE]
        assert await fleet.every(connection, Product) == [COLA, TEA]
        assert await fleet.every(connection, Planogram) == [DRINKS]
        assert await fleet.every(connection, Shelf, planogram="drinks") == [SHELF]
        assert await fleet.every(connection, Machine) == [MACHINE]
        assert await fleet.get(connection, Machine, "vm-1") == MACHINE
        assert await fleet.get(connection, Product, "acme", "cola") == COLA
        assert await fleet.get(connection, Product, "other", "cola") is None


async def test_what_is_the_same_changes_nothing_and_what_is_not_leaves_a_row(store: Store) -> None:
    await put(store, *ALL)
    before = await version(store)
    assert await put(store, *ALL) == [Put.SAME] * len(ALL)
    assert await version(store) == before == len(ALL)
    moved = Machine(**{**_told(MACHINE), "place": "2 этаж"})
    assert await put(store, moved, at=77) == [Put.CHANGED]
    assert await get(store, Machine, "vm-1") == moved
    assert await version(store) > before
    async with store.reading() as connection:
        last = (
            await connection.execute(sa.select(change).order_by(change.c.id.desc()).limit(1))
        ).one()
    assert (last.at, last.who, last.kind, last.name) == (77, "olga", "machine", "vm-1")
    assert json.loads(last.body)["place"] == "2 этаж"


def _told(machine: Machine) -> dict[str, Any]:
    return {name: getattr(machine, name) for name in machine.__struct_fields__}


MISSING: list[tuple[tuple[Thing, ...], str]] = [
    ((MAIN,), "unknown operator acme; add it first"),
    ((COLA,), "unknown operator acme; add it first"),
    ((DRINKS,), "unknown operator acme; add it first"),
    ((ACME, COLA, SHELF), "unknown planogram drinks of acme; add it first"),
    ((ACME, DRINKS, SHELF), "unknown product cola of acme; add it first"),
    ((MACHINE,), "unknown operator acme; add it first"),
    ((ACME, DRINKS, MACHINE), "unknown register main; add it first"),
    ((ACME, MAIN, MACHINE), "unknown planogram drinks of acme; add it first"),
    (
        (ACME, OTHER, MAIN, DRINKS, Machine(**{**_told(MACHINE), "operator": "other"})),
        "unknown planogram drinks of other; add it first",
    ),
    (
        (ACME, OTHER, SIDE, DRINKS, Machine(**{**_told(MACHINE), "register": "side"})),
        "machine vm-1 would be acme's, and register side is other's: name a register of acme",
    ),
    (
        (ACME, OTHER, MAIN, Register(id="main", operator="other", provider="atol")),
        "register main is acme's, and its receipts stay so: give other one of another name",
    ),
    (
        (
            *(ACME, COLA, DRINKS),
            Shelf(
                operator="acme",
                planogram="drinks",
                slot="0001",
                product="cola",
                valid_from=date(2026, 2, 1),
                valid_until=date(2026, 2, 1),
            ),
        ),
        "slot 0001: valid until 2026-02-01, which is not after 2026-02-01",
    ),
    (
        (
            *(ACME, COLA, DRINKS),
            Shelf(
                operator="acme",
                planogram="drinks",
                slot="0001",
                product="cola",
                price_min=2,
                price_max=1,
            ),
        ),
        "slot 0001: the lowest price 2 is above the highest 1",
    ),
]


@pytest.mark.parametrize(("things", "why"), MISSING)
async def test_what_it_names_has_to_be_there(
    store: Store, things: tuple[Thing, ...], why: str
) -> None:
    assert await refused(store, *things) == why


async def test_a_machine_may_move_to_another_operator_with_all_it_needs_there(store: Store) -> None:
    await put(store, *ALL, Planogram(id="snacks", operator="other"))
    theirs = {"operator": "other", "register": "side", "planogram": "snacks"}
    moved = Machine(**{**_told(MACHINE), **theirs})
    assert await put(store, moved) == [Put.CHANGED]
    assert await get(store, Machine, "vm-1") == moved


def on(day: date, until: date | None = None, product: str = "tea", slot: str = "0001") -> Shelf:
    return Shelf(
        operator="acme",
        planogram="drinks",
        slot=slot,
        product=product,
        valid_from=day,
        valid_until=until,
    )


async def test_what_is_put_into_a_slot_ends_what_was_in_it(store: Store) -> None:
    await put(store, *ALL, on(date(2026, 1, 1), slot="0002"))
    may, june, july = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
    assert await put(store, on(june)) == [Put.NEW]
    # What is in it for a time only ends nothing; and an earlier one does not end a later one.
    assert await put(store, on(july, date(2026, 8, 1), "cola"), on(may, june, "cola")) == [
        Put.NEW,
        Put.NEW,
    ]
    async with store.reading() as connection:
        told = [
            (each.slot, each.valid_from, each.valid_until, each.product)
            for each in await fleet.every(connection, Shelf)
        ]
    assert told == [
        ("0001", date(2000, 1, 1), june, "cola"),
        ("0001", may, june, "cola"),
        ("0001", june, None, "tea"),
        ("0001", july, date(2026, 8, 1), "cola"),
        ("0002", date(2026, 1, 1), None, "tea"),
    ]
    assert (await changes(store))[-4:] == [
        ("shelf", "acme/drinks/0001/2000-01-01"),
        ("shelf", "acme/drinks/0001/2026-06-01"),
        ("shelf", "acme/drinks/0001/2026-07-01"),
        ("shelf", "acme/drinks/0001/2026-05-01"),
    ]


async def test_putting_the_first_again_gives_it_no_new_end(store: Store) -> None:
    await put(store, *ALL, on(date(2026, 6, 1)))
    assert await put(store, on(date(2026, 6, 1))) == [Put.SAME]


SLOT = "slot 0001 of planogram drinks of acme from 2000-01-01"
USED: list[tuple[type[Thing], tuple[str, ...], str]] = [
    (Operator, ("acme",), "operator acme is still used by register main"),
    (Register, ("main",), "register main is still used by machine vm-1"),
    (
        Product,
        ("acme", "cola"),
        f"product cola of acme is still used by {SLOT}",
    ),
    (
        Planogram,
        ("acme", "drinks"),
        f"planogram drinks of acme is still used by {SLOT}",
    ),
    (Machine, ("vm-9",), "there is no machine vm-9"),
    (Product, ("other", "cola"), "there is no product cola of other"),
]


@pytest.mark.parametrize(("kind", "key", "why"), USED)
async def test_what_is_used_cannot_be_taken_away(
    store: Store, kind: type[Thing], key: tuple[str, ...], why: str
) -> None:
    await put(store, *ALL)
    assert await kept(store, kind, *key) == why
    assert len(await changes(store)) == len(ALL)


async def test_who_uses_it_is_named_and_not_all_of_many(store: Store) -> None:
    await put(store, *ALL, *(Machine(**{**_told(MACHINE), "id": f"vm-{n}"}) for n in range(2, 6)))
    assert await kept(store, Register, "main") == (
        "register main is still used by machine vm-1, machine vm-2, machine vm-3 and others"
    )


async def test_a_register_that_receipts_went_to_is_kept(store: Store) -> None:
    await put(store, ACME, MAIN)
    sold = {"sale_id": "s", "machine": "vm-1", "epoch": "e", "seq": 1, "token": "t", "body": "{}"}
    asked = {"sale_id": "s", "machine": "vm-1", "purpose": "income", "register": "main"}
    asked |= {"request": "{}", "state": "waiting"}
    async with store.transaction() as connection:
        row = sa.insert(sale).values(**sold, received_at=1, disposition="receipt")
        await connection.execute(row)
        await connection.execute(sa.insert(receipt).values(**asked, born_at=1, next_at=1))
    assert await kept(store, Register, "main") == (
        "register main is still used by receipts that it was asked for: they are kept"
    )


async def test_from_the_top_down_everything_can_be_taken_away(store: Store) -> None:
    await put(store, *ALL)
    await take_away(store, Machine, "vm-1")
    await take_away(store, Shelf, "acme", "drinks", "0001", "2000-01-01")
    for kind, key in (
        *((Planogram, ("acme", "drinks")), (Product, ("acme", "cola")), (Product, ("acme", "tea"))),
        *((Register, ("main",)), (Register, ("side",)), (Operator, ("acme",))),
    ):
        await take_away(store, kind, *key)
    async with store.reading() as connection:
        assert await fleet.every(connection, Operator) == [OTHER]
        last = (
            await connection.execute(sa.select(change).order_by(change.c.id.desc()).limit(1))
        ).one()
    assert (last.kind, last.name, last.body, last.who) == ("operator", "acme", "null", "olga")


async def test_versions_become_visible_in_their_order(store: Store, database: str) -> None:
    """Else somebody would remember what is older than the version says."""
    await put(store, ACME)
    other = Store(database)
    async with store.transaction() as connection:
        await fleet.put(connection, OTHER, "olga", 1)
        later = asyncio.ensure_future(put(other, MAIN))
        done, _ = await asyncio.wait([later], timeout=0.1)
        assert not done
        assert await version(other) == 1
    assert await later == [Put.NEW]
    assert [kind for kind, _ in await changes(store)] == ["operator", "operator", "register"]
    await other.close()

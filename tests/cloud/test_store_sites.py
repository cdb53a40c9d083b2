"""Sites: all of a machine in one value, read once for as long as the fleet is as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import msgspec
import pytest
import sqlalchemy as sa

from cloud.fleet import Machine, Operator, Planogram, Policies, Product, Register, Shelf, Site
from cloud.store import Store, fleet
from cloud.store.fleet import Thing
from cloud.store.sites import Sites, ffd_of

ACME = Operator(
    id="acme", name="Акме", inn="7708806062", taxation="osn", policies=Policies(late="receipt")
)
OTHER = Operator(id="other", name="Другов", inn="500100732259", taxation="patent")
MAIN = Register(
    id="main", operator="acme", provider="atol", settings={"protocol": "v5", "ffd": "1.2"}
)
SIDE = Register(id="side", operator="other", provider="ferma")
COLA = Product(id="cola", operator="acme", name="Кола")
TEA = Product(id="tea", operator="acme", name="Чай")
DRINKS = Planogram(id="drinks", operator="acme")
EMPTY = Planogram(id="empty", operator="other")
COLD = Shelf(operator="acme", planogram="drinks", slot="0001", product="cola")
HOT = Shelf(
    operator="acme", planogram="drinks", slot="0001", product="tea", valid_from=date(2026, 6, 1)
)
ONE = Machine(
    id="vm-1", operator="acme", register="main", planogram="drinks", address="a", place="p"
)
TWO = msgspec.structs.replace(ONE, id="vm-2", place="2")
THREE = msgspec.structs.replace(
    ONE, id="vm-3", operator="other", register="side", planogram="empty"
)
ALL = (ACME, OTHER, MAIN, SIDE, COLA, TEA, DRINKS, EMPTY, COLD, HOT, ONE, TWO, THREE)
ENDED = msgspec.structs.replace(COLD, valid_until=HOT.valid_from)


async def put(store: Store, *things: Thing) -> None:
    async with store.transaction() as connection:
        for each in things:
            await fleet.put(connection, each, "olga", 1)


@contextmanager
def queries(store: Store) -> Iterator[list[str]]:
    """What is asked meanwhile."""
    asked: list[str] = []

    def ask(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            asked.append(statement)

    sa.event.listen(store.engine.sync_engine, "before_cursor_execute", ask)
    yield asked
    sa.event.remove(store.engine.sync_engine, "before_cursor_execute", ask)


async def of_all(store: Store, sites: Sites, *ids: str) -> dict[str, Site | None]:
    async with store.reading() as connection:
        return await sites.of_all(connection, ids)


async def test_a_site_is_all_of_a_machine(store: Store) -> None:
    await put(store, *ALL)
    async with store.reading() as connection:
        site = await Sites().of(connection, "vm-1")
    assert site == Site(
        machine=ONE,
        operator=ACME,
        ffd="1.2",
        shelves={"0001": (ENDED, HOT)},
        products={"cola": COLA, "tea": TEA},
    )
    assert site.policies.late == "receipt"
    assert site.shelf("0001", date(2026, 5, 31)) == ENDED
    assert site.shelf("0001", date(2026, 6, 1)) == HOT


async def test_many_are_read_with_few_queries_and_then_with_one(store: Store) -> None:
    await put(store, *ALL)
    sites = Sites()
    with queries(store) as asked:
        told = await of_all(store, sites, "vm-1", "vm-2", "vm-3", "vm-1", "vm-9")
    assert list(told) == ["vm-1", "vm-2", "vm-3", "vm-9"]
    assert told["vm-9"] is None
    assert told["vm-3"] == Site(machine=THREE, operator=OTHER, ffd="1.2", shelves={}, products={})
    assert len(asked) == 5
    with queries(store) as asked:
        assert await of_all(store, sites, "vm-9", "vm-2", "vm-3") == {
            each: told[each] for each in ("vm-9", "vm-2", "vm-3")
        }
    assert len(asked) == 1


async def test_planograms_and_products_are_read_once_for_all_machines(store: Store) -> None:
    await put(store, *ALL)
    sites = Sites()
    one = (await of_all(store, sites, "vm-1"))["vm-1"]
    with queries(store) as asked:
        two = (await of_all(store, sites, "vm-2"))["vm-2"]
    assert one is not None
    assert two is not None
    assert two.shelves is one.shelves
    assert two.products is one.products
    assert len(asked) == 3


@pytest.mark.parametrize(
    "changed",
    [
        msgspec.structs.replace(ACME, name="Акме плюс"),
        msgspec.structs.replace(MAIN, settings={"ffd": "1.05"}),
        msgspec.structs.replace(COLA, name="Кола без сахара"),
        msgspec.structs.replace(HOT, price_max=7),
        msgspec.structs.replace(ONE, place="elsewhere"),
    ],
)
async def test_what_changed_is_known_at_once(store: Store, database: str, changed: Thing) -> None:
    await put(store, *ALL)
    sites, other = Sites(), Store(database)
    before = await of_all(store, sites, "vm-1", "vm-3")
    await put(other, changed)
    now = await of_all(store, sites, "vm-1", "vm-3")
    assert now["vm-1"] != before["vm-1"]
    assert now == await of_all(store, Sites(), "vm-1", "vm-3")
    assert now["vm-3"] == before["vm-3"]
    await other.close()


async def test_a_machine_that_was_unknown_is_known_once_it_is_put(store: Store) -> None:
    await put(store, *ALL)
    sites = Sites()
    new = msgspec.structs.replace(ONE, id="vm-9")
    assert (await of_all(store, sites, "vm-9"))["vm-9"] is None
    await put(store, new)
    site = (await of_all(store, sites, "vm-9"))["vm-9"]
    assert site is not None
    assert site.machine == new


async def test_only_so_many_are_remembered_and_the_idle_ones_go_first(store: Store) -> None:
    await put(store, *ALL)
    sites = Sites(most=2)
    await of_all(store, sites, "vm-1", "vm-2")
    await of_all(store, sites, "vm-1")
    await of_all(store, sites, "vm-3")
    with queries(store) as asked:
        await of_all(store, sites, "vm-1", "vm-3")
    assert len(asked) == 1
    with queries(store) as asked:
        await of_all(store, sites, "vm-2")
    assert len(asked) > 1


async def test_more_than_are_remembered_can_be_asked_for(store: Store) -> None:
    many = [msgspec.structs.replace(ONE, id=f"vm-{number}") for number in range(1100)]
    await put(store, *ALL[:10])
    async with store.transaction() as connection:
        # As an import would; one by one it takes a second.
        rows = [
            {name: getattr(each, name) for name in each.__struct_fields__} | {"policies": "{}"}
            for each in many
        ]
        await connection.execute(sa.insert(fleet.metadata.tables["machine"]), rows)
    told = await of_all(store, Sites(most=10), *(each.id for each in many))
    assert [site.machine for site in told.values() if site] == many


@pytest.mark.parametrize(
    ("provider", "settings", "ffd"),
    [
        ("cloudkassir", {}, "1.05"),
        ("atol", {}, "1.05"),
        ("atol", {"protocol": "v4"}, "1.05"),
        ("atol", {"protocol": "v5", "ffd": "1.2"}, "1.2"),
        ("orange", {"ffd": "1.2"}, "1.2"),
        ("ferma", {}, "1.2"),
        ("komtet", {"ffd": "1.05"}, "1.05"),
    ],
)
def test_the_format_is_the_registers(provider: str, settings: dict[str, object], ffd: str) -> None:
    assert ffd_of(provider, settings) == ffd

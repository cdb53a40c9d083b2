import pytest
from stall import a_machine, a_product, a_shelf, an_operator

from cloud.books import archive
from cloud.errors import FleetError
from cloud.fleet import Machine, Planogram, Policies, Product, Register, Shelf
from cloud.store import Store, fleet

FLEET = [
    an_operator(policies=Policies(late="receipt")),
    Register(id="main", operator="coffee", provider="komtet", settings={"queue": 7}),
    a_product(),
    Planogram(id="hot", operator="coffee"),
    a_shelf(),
    a_machine(),
]


async def test_what_is_written_is_there_as_if_it_had_been_put(store: Store) -> None:
    async with store.transaction() as connection:
        for each in FLEET:
            await archive.write(connection, [each], "anna", 7)
        for each in FLEET:
            assert await fleet.put(connection, each, "anna", 7) is fleet.Put.SAME
        changes = (await connection.exec_driver_sql("SELECT kind, name, who FROM change")).all()
        assert await fleet.version(connection) == len(FLEET)
    assert [tuple(row) for row in changes][-2:] == [
        ("shelf", "coffee/hot/0001/2000-01-01", "anna"), ("machine", "vm-000123", "anna"),
    ]  # fmt: skip


async def test_what_is_there_is_changed(store: Store) -> None:
    async with store.transaction() as connection:
        for each in FLEET:
            await fleet.put(connection, each, "anna", 7)
        await archive.write(connection, [a_product(name="Чай"), a_product(id="cola")], "anna", 8)
        await archive.write(connection, [Planogram(id="hot", operator="coffee")], "anna", 8)
        found = await archive.existing(
            connection, Product, [("coffee", "cola"), ("coffee", "cappuccino"), ("coffee", "x")]
        )
        assert found == {
            ("coffee", "cola"): a_product(id="cola"),
            ("coffee", "cappuccino"): a_product(name="Чай"),
        }
        assert await archive.existing(connection, Machine, [("vm-000123",), ("vm-9",)]) == {
            ("vm-000123",): a_machine()
        }
        assert list(await archive.existing(connection, Shelf, [("coffee", "hot", "0001")])) == [
            ("coffee", "hot", "0001", "2000-01-01")
        ]
        assert await archive.existing(connection, Shelf, []) == {}
        assert await archive.keys(connection, Product) == {
            ("coffee", "cappuccino"), ("coffee", "cola"),
        }  # fmt: skip
        assert await archive.owners(connection) == {"main": "coffee"}
        assert await archive.tally(connection, Product, "operator") == {("coffee",): 2}
        assert await archive.waiting(connection) == {}


async def test_whoever_writes_many_is_alone_at_the_version_that_was_read(
    sqlite_store: Store,
) -> None:
    async with sqlite_store.transaction() as connection:
        await archive.alone_at(connection, 0)
        await fleet.put(connection, an_operator(), "anna", 7)
        with pytest.raises(FleetError, match="somebody changed the fleet"):
            await archive.alone_at(connection, 0)

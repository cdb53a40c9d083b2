"""Files, checked as a whole and written as a whole."""

import msgspec
import pytest
from clerk import Clerk

from cloud.books import archive
from cloud.books.importing import Progress
from cloud.errors import FleetError
from cloud.fleet import Machine, Operator, Planogram, Policies, Product, Register, Shelf
from cloud.store import Store, fleet
from cloud.store.fleet import put

MACHINES = """\
Автомат;Касса;Планограмма;Адрес;Место расчётов;Номер;late
vm-1;main;hot;г. Казань;зал 1;17;чек
vm-2;main;hot;г. Казань;зал 2;;
vm-000123;;;;у входа;;
"""


async def version(store: Store) -> int:
    async with store.reading() as connection:
        return await fleet.version(connection)


async def test_what_a_file_says_is_there_then(any_clerk: Clerk, database: str) -> None:
    await any_clerk.coffee()
    file = any_clerk.file("machines.csv", MACHINES, "cp1251")
    said = await any_clerk("machine import", file)
    assert said == [f"{file}: 3 rows: 2 new, 1 changed, 0 same"]
    store = Store(database)
    async with store.reading() as connection:
        one = await fleet.get(connection, Machine, "vm-1")
        other = await fleet.get(connection, Machine, "vm-000123")
        seen = await fleet.version(connection)
    assert one == Machine(
        id="vm-1", operator="coffee", register="main", planogram="hot", number="17",
        address="г. Казань", place="зал 1", policies=Policies(late="receipt"),
    )  # fmt: skip
    assert other is not None
    assert (other.address, other.place) == ("г. Москва", "у входа")
    assert await any_clerk("machine import", file) == [f"{file}: 3 rows: 0 new, 0 changed, 3 same"]
    assert await version(store) == seen
    await store.close()


async def test_a_dry_run_tells_what_would_come_and_writes_nothing(
    clerk: Clerk,
    sqlite_store: Store,
) -> None:
    await clerk.coffee()
    before = await version(sqlite_store)
    file = clerk.file("machines.csv", MACHINES)
    assert await clerk("machine import --dry-run", file) == [
        "row 4: machine vm-000123: changed: place: холл -> у входа",
        "row 2: machine vm-1: new",
        "row 3: machine vm-2: new",
        f"{file}: 3 rows: 2 new, 1 changed, 0 same; nothing was written",
    ]
    assert await version(sqlite_store) == before


BAD = """\
id,name,vat,gtin,marking
cola,Кола,18,,
tea,,,x,
fanta,Фанта,none,,gtin_vend
,Без кода,none,,
cola,Кола,none,,
sprite,,none,,
лимонад 1,Лимонад,none,,
"""


@pytest.mark.parametrize("dry", ["", " --dry-run"])
async def test_every_problem_is_told_by_row_and_column_and_nothing_is_written(
    clerk: Clerk,
    sqlite_store: Store,
    dry: str,
) -> None:
    await clerk.coffee()
    before = await version(sqlite_store)
    file = clerk.file("products.csv", BAD)
    said, mistake = await clerk.refused(f"product import{dry}", file)
    assert mistake == f"{file}: 7 problems in 7 rows; nothing was written"
    assert [line.partition(";")[0] for line in said if line.startswith("row")] == [
        "row 2, column vat: '18' is no rate of VAT",
        "row 3, column gtin: 'x' is no GTIN",
        "row 4, column gtin: is empty",
        "row 5, column id: is empty",
        "row 6, column id: product cola stands in row 2 already",
        "row 7, column id: is new, and lacks name",
        "row 8, column id: 'лимонад 1' is no name",
    ]
    assert await version(sqlite_store) == before


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("machine", "id,register\nvm-000123,spare", "register: 'spare' is no register; add it"),
        ("machine", "id,planogram\nvm-000123,cold", "planogram: 'cold' is no planogram of coffee"),
        ("machine", "id,operator\nvm-000123,tea", "operator: 'tea' is no operator; add it first"),
        ("machine", "id,operator\nvm-000123,other", "'main' is a register of coffee, not of other"),
        ("planogram", "operator,planogram,slot,product\ncoffee,hot,2,cola",
         "product: 'cola' is no product of coffee; add it first"),
        ("planogram", "planogram,slot,product\nhot,2,tea", "operator: the operators are coffee, o"),
    ],
)  # fmt: skip
async def test_what_a_row_names_has_to_be_there(
    clerk: Clerk,
    kind: str,
    row: str,
    said: str,
) -> None:
    await clerk.coffee()
    await clerk("operator add other --name Другой --inn 500100732259 --taxation patent")
    (line, *_), _ = await clerk.refused(f"{kind} import", clerk.file("a.csv", row))
    assert line.startswith("row 2, column ")
    assert said in line


async def test_a_planogram_is_there_once_a_row_names_it(
    any_clerk: Clerk,
    database: str,
) -> None:
    await any_clerk.coffee()
    file = any_clerk.file(
        "slots.csv",
        "планограмма;ячейка;товар;действует с;действует до;цена от;цена до\n"
        "cold;1;tea;;;;\n"
        "cold;1;cappuccino;01.12.2026;;100,50;250\n"
        "hot;1;tea;2026-12-01;2026-12-31;;\n",
    )
    said = await any_clerk("planogram import", file)
    assert said == [f"{file}: 3 rows: 3 new, 0 changed, 0 same"]
    store = Store(database)
    async with store.reading() as connection:
        cold = await fleet.every(connection, Shelf, planogram="cold")
        assert len(await fleet.every(connection, Planogram)) == 2
        made = "SELECT count(*) FROM change WHERE kind = 'planogram' AND name = 'coffee/cold'"
        assert (await connection.exec_driver_sql(made)).scalar_one() == 1
    await store.close()
    assert [(each.product, str(each.valid_from), each.valid_until and str(each.valid_until))
            for each in cold] == [
        ("tea", "2000-01-01", "2026-12-01"), ("cappuccino", "2026-12-01", None),
    ]  # fmt: skip
    assert (cold[1].price_min, cold[1].price_max) == (10050, 25000)
    assert await any_clerk("planogram import", file) == [
        f"{file}: 3 rows: 0 new, 0 changed, 3 same"
    ]


async def test_a_file_is_written_as_the_store_puts_its_rows_one_by_one(
    clerk: Clerk,
    sqlite_store: Store,
) -> None:
    await clerk.coffee()
    days = "planogram,slot,product,valid_from,valid_until\nhot,1,tea,2026-03-01,\n"
    days += "hot,1,cappuccino,2026-02-01,2026-02-10\nhot,1,tea,2026-01-01,\n"
    await clerk("planogram import", clerk.file("slots.csv", days))
    async with sqlite_store.reading() as connection:
        imported = await fleet.every(connection, Shelf)
    async with sqlite_store.transaction() as connection:
        for each in imported:
            key = (each.operator, each.planogram, each.slot, str(each.valid_from))
            await fleet.take_away(connection, Shelf, key, "t", 1)
        begun = Shelf(operator="coffee", planogram="hot", slot="0001", product="cappuccino")
        await put(connection, begun, "t", 1)
        for product, begin, end in (("tea", "2026-01-01", None),
                                    ("cappuccino", "2026-02-01", "2026-02-10"),
                                    ("tea", "2026-03-01", None)):  # fmt: skip
            told = {"product": product, "valid_from": begin, "valid_until": end}
            whole = msgspec.to_builtins(begun) | told
            await put(connection, msgspec.convert(whole, Shelf), "t", 1)
        assert await fleet.every(connection, Shelf) == imported


async def test_days_that_overlap_are_told_with_both(clerk: Clerk) -> None:
    await clerk.coffee()
    text = "planogram,slot,product,valid_from,valid_until\n"
    text += "hot,1,tea,2026-01-01,2026-03-01\nhot,1,cappuccino,2026-02-01,2026-04-01\n"
    said, mistake = await clerk.refused("planogram import", clerk.file("slots.csv", text))
    assert "2 problems" in mistake
    assert (
        "row 2, column valid_from: tea from 2026-01-01 until 2026-03-01 overlaps cappuccino from"
        " 2026-02-01 until 2026-04-01"
    ) in said


async def test_registers_and_operators_come_from_files_too(
    clerk: Clerk,
    sqlite_store: Store,
) -> None:
    operators = clerk.file(
        "operators.csv", "\n".join(await clerk.kept("operator import --template"))
    )
    assert await clerk("operator import", operators) == [
        f"{operators}: 2 rows: 2 new, 0 changed, 0 same"
    ]
    registers = clerk.file(
        "registers.csv", "\n".join(await clerk.kept("register import --template"))
    )
    said = await clerk("register import --operator coffee", registers)
    assert said == [f"{registers}: 2 rows: 2 new, 0 changed, 0 same"]
    async with sqlite_store.reading() as connection:
        assert len(await fleet.every(connection, Operator)) == 2
        register = await fleet.get(connection, Register, "main")
    assert register is not None
    assert register.settings == {
        "shop_id": "1041", "queue": 7, "secret_file": "/etc/chekomat/komtet.secret",
    }  # fmt: skip
    wrong = clerk.file("wrong.csv", "id,provider,queue\nmain,,x\n")
    (line,), _ = await clerk.refused("register import", wrong)
    assert line == "row 2, column id: register main: Expected `int`, got `str` - at `$.queue`"


@pytest.mark.parametrize("kind", ["product", "planogram", "machine"])
async def test_the_example_of_a_file_can_be_imported(clerk: Clerk, kind: str) -> None:
    await clerk.coffee()
    await clerk("product add water --name Вода")
    file = clerk.file("a.csv", "\n".join(await clerk.kept(f"{kind} import --template")))
    said = await clerk(f"{kind} import --dry-run", file)
    assert "2 rows: " in said[-1]


async def test_a_fleet_that_changes_meanwhile_is_not_overwritten(
    clerk: Clerk,
    sqlite_store: Store,
) -> None:
    await clerk.coffee()
    async with sqlite_store.reading() as connection:
        seen = await fleet.version(connection)
    await clerk("product add cola --name Кола")
    with pytest.raises(FleetError, match="somebody changed the fleet while the file was read"):
        async with sqlite_store.transaction() as connection:
            await archive.alone_at(connection, seen)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("machine import", "say which file to import, or --template for an example of one"),
        ("machine import none.csv", "none.csv: cannot be read: No such file or directory"),
    ],
)
async def test_without_a_file_there_is_nothing_to_import(
    clerk: Clerk, line: str, said: str
) -> None:
    assert (await clerk.refused(line))[1] == said


async def test_unknown_columns_are_told_with_the_file(clerk: Clerk) -> None:
    await clerk.coffee()
    file = clerk.file("a.csv", "id,colour\nx,red\n")
    _, told = await clerk.refused("product import", file)
    assert told.startswith(f"{file}: there is no column 'colour'; the columns are id, operator,")


async def test_many_rows_are_written_with_a_word_of_progress(
    clerk: Clerk,
    sqlite_store: Store,
) -> None:
    await clerk.coffee()
    rows = "".join(f"p{number},Товар {number}\n" for number in range(10_001))
    await clerk("product import", clerk.file("a.csv", f"id,name\n{rows}"))
    assert clerk.notes == ["10000 rows read", "10000 rows compared", "10000 rows written"]
    async with sqlite_store.reading() as connection:
        assert len(await fleet.every(connection, Product)) == 10_003


def test_progress_is_told_every_so_often() -> None:
    said: list[str] = []
    progress = Progress("read", said.append)
    for more in (9_999, 1, 500, 25_000):
        progress(more)
    assert said == ["10000 rows read", "35500 rows read"]

"""What a person types, and what stands in the fleet then."""

from datetime import date
from pathlib import Path

import pytest
from clerk import Clerk

from cloud.books.adding import Hand, put_on_shelf
from cloud.errors import ConfigError, FleetError
from cloud.fleet import Machine, Operator, Policies, Register, Shelf
from cloud.store import Store, fleet

HAND = Hand("anna", 1, date(2026, 11, 26))
PLACE = {"operator": "coffee", "planogram": "hot", "slot": "0001"}


LINES = {
    "operator add coffee --name 'ООО «Кофе на ходу»' --inn 7708806062 --taxation usn_income":
        "register add",
    "register add main --provider komtet --set shop_id=1041 --set queue=7"
    " --set secret_file=none": "product add",
    "product add tea --name Чай --vat 10": "planogram add",
    "planogram add hot": "planogram set",
    "planogram set hot 1 tea --price-min 50": "machine add",
    "machine add vm-1 --register main --planogram hot --address 'г. Москва' --place холл": "serve",
}  # fmt: skip
"""What a person types, and what comes next."""


async def test_a_fleet_is_named_step_by_step_and_each_says_the_next(
    any_clerk: Clerk,
    database: str,
) -> None:
    for line, step in LINES.items():
        said = await any_clerk(line)
        assert said[-1].startswith("next: ")
        assert f"python -m cloud {step}" in said[-1]
    store = Store(database)
    async with store.reading() as connection:
        machine = await fleet.get(connection, Machine, "vm-1")
        register = await fleet.get(connection, Register, "main")
        shelves = await fleet.every(connection, Shelf)
    await store.close()
    assert machine == Machine(
        id="vm-1", operator="coffee", register="main", planogram="hot", address="г. Москва",
        place="холл",
    )  # fmt: skip
    assert register is not None
    assert register.settings == {
        "shop_id": "1041", "queue": 7, "secret_file": f"{Path.cwd()}/none",
    }  # fmt: skip
    assert shelves == [Shelf(**PLACE, product="tea", price_min=5000)]


async def test_what_is_there_changes_in_what_is_said(clerk: Clerk, sqlite_store: Store) -> None:
    await clerk.coffee()
    line = "machine add vm-000123 --late correction --no-cash --most 500,50 --internet yes"
    changed, following = await clerk(line)
    assert changed == (
        "machine vm-000123: changed: internet: - -> yes; policies.fiscalise_cash: - -> no;"
        " policies.late: - -> correction; policies.most: - -> 500.50"
    )
    assert following.startswith("next: nothing is missing")
    assert (await clerk(line))[0] == "machine vm-000123: the same"
    await clerk("machine add vm-000123 --unset late --unset cash --internet none")
    async with sqlite_store.reading() as connection:
        machine = await fleet.get(connection, Machine, "vm-000123")
    assert machine is not None
    assert (machine.policies, machine.internet) == (Policies(most=50050), None)


async def test_a_text_that_prints_otherwise_is_shown_as_it_prints(clerk: Clerk) -> None:
    await clerk.coffee()
    said = await clerk("product add tea --name 'Чай «Лесной»…'")
    assert said[1] == 'name on the receipt: Чай "Лесной"...'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("product add cola", "product cola is new, and lacks name"),
        ("machine add vm-1 --register none --planogram hot --address a --place b",
         "machine vm-1: register: 'none' is no register; add it first"),
        ("machine add vm-1 --register main --planogram cold --address a --place b",
         "machine vm-1: planogram: 'cold' is no planogram of coffee; add it first"),
        ("machine add vm-1 --operator tea --register main", "--operator: 'tea' is no operator"),
        ("product add tea --marking gtin_vend", "product tea: gtin is empty; expected the bar code"),
        ("planogram set cold 1 tea", "unknown planogram cold of coffee; add it first"),
        ("planogram set hot 1 cola", "product: 'cola' is no product of coffee; add it first"),
        ("planogram set hot 1 tea --from 2026-02-02 --until 2026-02-01", "is not after 2026-02-02"),
        ("register add spare", "register spare is new: say --provider, and its settings"),
        ("register add main --provider ferma", "register main"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_and_nothing_is_written(
    clerk: Clerk,
    sqlite_store: Store,
    line: str,
    said: str,
) -> None:
    await clerk.coffee()
    async with sqlite_store.reading() as connection:
        before = await fleet.version(connection)
    _, told = await clerk.refused(line)
    assert said in told
    async with sqlite_store.reading() as connection:
        assert await fleet.version(connection) == before


async def test_the_operator_is_named_where_there_are_two(clerk: Clerk) -> None:
    assert "there is no operator yet: python -m cloud operator add" in (
        await clerk.refused("product add tea --name Чай")
    )[1]  # fmt: skip
    await clerk.coffee()
    await clerk("operator add tea --name Чайная --inn 500100732259 --taxation patent")
    _, told = await clerk.refused("product add tea --name Чай")
    assert told == "--operator: the operators are coffee, tea: say which one"
    said = await clerk("product add tea --name Чай --operator tea")
    assert said[1] == (
        "next: python -m cloud register add NAME --provider PROVIDER --set KEY=VALUE …"
        " --operator tea"
    )
    # A machine is its register's operator's.
    said = await clerk("machine add vm-1 --register main --planogram hot --address a --place b")
    assert said[0] == "machine vm-1: new"
    told = (await clerk.refused("machine add vm-1 --operator tea"))[1]
    assert told == "machine vm-1: register: 'main' is a register of coffee, not of tea"


async def test_who_changed_it_stands_beside_it(clerk: Clerk, sqlite_store: Store) -> None:
    await clerk("operator add tea --name Чай --inn 500100732259 --taxation patent --who Анна")
    async with sqlite_store.reading() as connection:
        assert await fleet.get(connection, Operator, "tea")
        (row,) = (await connection.exec_driver_sql("SELECT who, kind, name FROM change")).all()
    assert tuple(row) == ("Анна", "operator", "tea")


async def put(store: Store, product: str, **told: object) -> list[str]:
    said: list[str] = []
    where = {"planogram": "hot", "slot": "0001", "product": product}
    await put_on_shelf(store, {**where, **told}, HAND, said.append)
    return said


async def test_another_product_is_in_a_slot_from_today_on(
    clerk: Clerk, sqlite_store: Store
) -> None:
    await clerk.coffee()
    said = await put(sqlite_store, "tea", price_min=100)
    assert said[:2] == [
        "slot 0001 of planogram hot from 2026-11-26: new",
        "cappuccino was in it from 2000-01-01 until 2026-11-26",
    ]
    said = await put(sqlite_store, "tea", price_max=20000)
    assert said[0].endswith("from 2026-11-26: changed: price_max: - -> 200.00")
    async with sqlite_store.reading() as connection:
        *_, last = await fleet.every(connection, Shelf, **PLACE)
    assert (last.price_min, last.price_max) == (100, 20000)


async def test_days_that_are_taken_are_refused(clerk: Clerk, sqlite_store: Store) -> None:
    await clerk.coffee()
    await put(sqlite_store, "tea", valid_from=date(2027, 1, 1), valid_until=date(2027, 2, 1))
    with pytest.raises(FleetError, match=(
        "cappuccino from 2027-01-10 until 2027-03-01 overlaps tea from 2027-01-01 until 2027-02-01"
    )):  # fmt: skip
        await put(
            sqlite_store, "cappuccino", valid_from=date(2027, 1, 10), valid_until=date(2027, 3, 1)
        )


async def test_the_settings_of_a_register_come_from_a_file_and_from_the_line(
    clerk: Clerk,
    sqlite_store: Store,
) -> None:
    await clerk.coffee()
    file = clerk.file("spare.toml", 'shop_id = "1"\nqueue = 1\nsecret_file = "secret"\n')
    said = await clerk(f"register add spare --provider komtet --settings {file} --set queue=2")
    assert said[0] == "register spare: new"
    (note,) = clerk.notes
    assert note.startswith(f"note: secret_file: {clerk.folder}/secret is no file that you can read")
    said = await clerk("register add spare --set rate_per_s=2")
    assert said[0] == "register spare: changed: settings.rate_per_s: - -> 2"
    await clerk("register add spare --unset rate_per_s")
    async with sqlite_store.reading() as connection:
        register = await fleet.get(connection, Register, "spare")
    assert register is not None
    assert register.settings == {
        "shop_id": "1", "queue": 2, "secret_file": f"{clerk.folder}/secret",
    }  # fmt: skip


async def test_a_register_that_cannot_be_opened_is_not_added(
    clerk: Clerk, sqlite_store: Store
) -> None:
    await clerk.coffee()
    secret, empty = clerk.file("secret", "tell nobody"), clerk.file("empty", "")
    line = "register add spare --provider komtet --set shop_id=1 --set queue=1"
    _, said = await clerk.refused(f"{line} --set secret_file={secret} --set ca={empty}")
    assert said.startswith(f"register spare: {empty}: ")
    # Though the secret is not on this computer: that much is seen without it.
    _, said = await clerk.refused(f"{line} --set secret_file=none --set ca={empty}")
    assert said.startswith(f"register spare: {empty}: ")
    _, said = await clerk.refused(f"{line} --set secret_file={empty}")
    assert "is empty; write the secret into it" in said
    file = clerk.file(
        "registers.csv", f"id,provider,shop_id,queue,secret_file\nspare,komtet,1,1,{empty}\n"
    )
    (told,), _ = await clerk.refused("register import", file)
    assert "is empty; write the secret into it" in told
    async with sqlite_store.reading() as connection:
        assert await fleet.get(connection, Register, "spare") is None
    assert clerk.notes == []


async def test_a_secret_that_is_on_another_computer_is_a_note_alone(clerk: Clerk) -> None:
    await clerk.coffee()
    line = "register add spare --provider orange --set inn=7708806062 --set signing_key=none"
    said = await clerk(f"{line} --set url=http://127.0.0.1:1")
    assert said[0] == "register spare: new"
    (note,) = clerk.notes
    assert note.startswith("note: signing_key: ")


async def test_who_rewrites_what_was_in_a_slot_is_told_so(clerk: Clerk) -> None:
    await clerk.coffee()
    line = "planogram set hot 9 tea"
    assert not [said for said in await clerk(line) if said.startswith("note: ")]
    (note,) = [each for each in await clerk(f"{line} --price-min 7") if each.startswith("note: ")]
    assert note.startswith("note: it holds from 2000-01-01 on, for sales that arrive late, too; ")
    for more in ("--price-min 7", "--price-min 8 --from 2026-01-01"):
        assert not [said for said in await clerk(f"{line} {more}") if said.startswith("note: ")]


async def test_what_an_emulator_prints_is_taken_as_a_file(clerk: Clerk, tmp_path: Path) -> None:
    await clerk.coffee()
    file = tmp_path / "other.toml"
    file.write_text('provider = "komtet"\nshop_id = "1"\nqueue = 8\nsecret_file = "none"\n')
    assert (await clerk(f"register add other --settings {file}"))[0] == "register other: new"
    with pytest.raises(ConfigError, match="is of provider 'komtet', found --provider ferma"):
        await clerk(f"register add third --provider ferma --settings {file}")

import json

import pytest
from clerk import Clerk


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("operator list", ["id", "name", "inn", "taxation", "machines"]),
        ("register list", ["id", "operator", "provider", "machines", "state", "waiting"]),
        ("product list", ["id", "operator", "name", "vat", "subject", "marking"]),
        ("planogram list", ["id", "operator", "slots", "machines"]),
        ("machine list",
         ["id", "operator", "register", "planogram", "address", "place", "timezone"]),
    ],
)  # fmt: skip
async def test_a_list_is_an_aligned_table(any_clerk: Clerk, line: str, said: list[str]) -> None:
    word = line.removesuffix(" list")
    assert await any_clerk(line) == [f"there is no {word}: python -m cloud {word} add --help"]
    assert await any_clerk(f"{line} --json") == ["[]"]
    await any_clerk.coffee()
    heading, first, *_ = await any_clerk(line)
    assert heading.split() == said
    last = heading.index(said[-1])
    assert first[last - 2 : last] == "  "
    assert first[last] != " "


async def test_programs_get_one_array_of_whole_things(clerk: Clerk) -> None:
    await clerk.coffee()
    await clerk("machine add vm-1 --register main --planogram hot --address a --place b --most 5")
    told = json.loads("\n".join(await clerk("machine list --json")))
    assert [each["id"] for each in told] == ["vm-000123", "vm-1"]
    assert told[1]["policies"] == {"most": 500}
    (planogram,) = json.loads("".join(await clerk("planogram list --json")))
    assert (planogram["slots"], planogram["machines"]) == (1, 2)


async def test_a_list_may_be_of_one_register(clerk: Clerk) -> None:
    await clerk.coffee()
    await clerk("register add spare --provider komtet --set shop_id=1 --set queue=1"
                " --set secret_file=none")  # fmt: skip
    assert len(await clerk("machine list --register main")) == 2
    assert "there is no machine" in (await clerk("machine list --register spare"))[0]


async def test_one_thing_is_shown_with_what_holds_for_it(clerk: Clerk) -> None:
    await clerk.coffee()
    await clerk("operator add coffee --late receipt --late-after-h 48")
    await clerk("machine add vm-000123 --late correction")
    said = [line.split(None, 1) for line in await clerk("machine show vm-000123")]
    told = dict(said)  # type: ignore[arg-type]
    assert told["address"] == "г. Москва"
    assert told["policies.late"] == "correction"
    assert told["policies.late_after_h"] == "48"
    assert told["policies.fiscalise_cash"] == "yes"
    shown = json.loads((await clerk("register show main --json"))[0])
    assert shown["settings"]["secret_file"] == "/dev/null"
    assert shown["state"] == "open"


async def test_a_planogram_is_shown_with_its_slots(clerk: Clerk) -> None:
    await clerk.coffee()
    await clerk("planogram set hot 2 tea --price-max 99.90")
    said = await clerk("planogram show hot")
    assert said[-3].split() == ["slot", "product", "valid_from", "price_max"]
    assert said[-1].split() == ["0002", "tea", "2000-01-01", "99.90"]


async def test_what_is_not_there_is_not_shown(clerk: Clerk) -> None:
    await clerk.coffee()
    _, told = await clerk.refused("machine show vm-9")
    assert told == "there is no machine vm-9: python -m cloud machine list"

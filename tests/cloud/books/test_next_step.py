import pytest
from stall import a_machine, a_product, a_shelf, an_operator

from cloud.books.kinds import Thing
from cloud.books.next_step import next_step
from cloud.fleet import Planogram, Register
from cloud.store import Store, fleet

STEPS: list[tuple[Thing, str]] = [
    (an_operator(), "register add NAME --provider"),
    (Register(id="main", operator="coffee", provider="komtet"), "product add NAME"),
    (a_product(), "planogram add NAME"),
    (Planogram(id="hot", operator="coffee"), "planogram set PLANOGRAM SLOT PRODUCT"),
    (a_shelf(), "machine add ID --register NAME"),
    (a_machine(), "serve takes the sales of coffee"),
]


@pytest.mark.parametrize("alone", [True, False])
async def test_the_next_step_is_the_first_that_is_missing(
    sqlite_store: Store, *, alone: bool
) -> None:
    async with sqlite_store.transaction() as connection:
        for thing, step in STEPS:
            await fleet.put(connection, thing, "test", 1)
            said = await next_step(connection, "coffee", alone=alone)
            assert f"python -m cloud {step}" in said
            assert ("--operator coffee" in said) == (not alone and "serve" not in step)

"""Two processes share the cloud's work on a PostgreSQL, and die in turn while sales go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chain import Chain
from chain import chain as run_chain
from postgres import cluster

pytestmark = pytest.mark.needs("mosquitto", "postgres")
DRINKS = ("0001", "0002", "0003", "0004")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Chain]:
    with cluster() as server, server.database() as url, run_chain(tmp_path, url) as running:
        yield running


def test_each_of_two_processes_is_killed_in_turn_while_sales_go_on(shared: Chain) -> None:
    shared.fault(fault="drop_after_store", times=2)
    for number, name in enumerate(("lanes", "cloud"), 1):
        for drink in DRINKS:
            shared.press(drink)
        shared.until(lambda sold=number: len(shared.kept()) > (sold - 1) * len(DRINKS) + 1)
        if name == "lanes":
            shared.until(shared.documents)
        shared.kill(name)
        shared.start(name)
    for drink in DRINKS:
        shared.press(drink)
    sales = 3 * len(DRINKS)
    shared.until(lambda: len(shared.vends()) == sales)

    shared.until(lambda: len(shared.kept()) == sales and len(shared.documents()) >= sales)
    shared.until(lambda: shared.untold() == 0)
    shared.assert_one_document_a_sale(sales)
    holders = dict(shared.books("SELECT register, owner FROM lane"))
    assert set(holders) == {"main", "@link"}
    assert holders["main"] != holders["@link"]

"""SIGKILL in mid-flight: nothing lost, nothing doubled."""

import pytest
from chain import Chain

pytestmark = pytest.mark.needs("mosquitto")
DRINKS = ("0001", "0002", "0003", "0004", "0005", "0006")


def test_the_broker_is_killed_and_forgets_everything(chain: Chain) -> None:
    for drink in DRINKS:
        chain.press(drink)
    chain.until(lambda: len(chain.kept()) >= 2)

    chain.broker.kill()
    chain.until(lambda: len(chain.vends()) == len(DRINKS))
    chain.broker.start()

    chain.until(lambda: len(chain.documents()) == len(DRINKS))
    chain.until(lambda: chain.untold() == 0)
    chain.assert_one_document_a_sale(len(DRINKS))


def test_the_cloud_is_killed_between_the_intent_and_the_answer(chain: Chain) -> None:
    chain.fault(fault="drop_after_store", times=2)
    for drink in DRINKS:
        chain.press(drink)
    chain.until(lambda: len(chain.documents()) >= 1)

    chain.kill("cloud")
    chain.until(lambda: len(chain.vends()) == len(DRINKS))
    chain.start("cloud")

    chain.until(lambda: len(chain.documents()) == len(DRINKS))
    chain.until(lambda: chain.untold() == 0)
    chain.assert_one_document_a_sale(len(DRINKS))


def test_the_edge_is_killed_with_sales_on_their_way(chain: Chain) -> None:
    chain.kill("cloud")
    for drink in DRINKS:
        chain.press(drink)
    chain.until(lambda: len(chain.kept()) >= 3)
    dispensed = len(chain.vends())
    # The machine knows of its last one before the gateway has heard the end of it.
    chain.until(lambda: len(chain.kept()) >= dispensed)

    chain.kill("edge")
    kept = len(chain.kept())
    chain.start("edge")
    chain.start("cloud")
    chain.press("0001")

    chain.until(lambda: len(chain.documents()) == kept + 1)
    chain.until(lambda: chain.untold() == 0)
    assert kept >= dispensed
    chain.assert_one_document_a_sale(kept + 1)


def test_all_three_are_killed_at_once(chain: Chain) -> None:
    for drink in DRINKS:
        chain.press(drink)
    chain.until(lambda: len(chain.kept()) >= 3)

    chain.kill("edge")
    chain.broker.kill()
    chain.kill("cloud")
    kept = len(chain.kept())
    chain.broker.start()
    chain.start("cloud")
    chain.start("edge")

    chain.until(lambda: len(chain.documents()) == kept)
    chain.until(
        lambda: all(acknowledged for _, acknowledged in chain.kept()) or chain.untold() == 0
    )
    chain.assert_one_document_a_sale(kept)

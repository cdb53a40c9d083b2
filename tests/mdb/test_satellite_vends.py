"""What a satellite device vended, and for what price."""

import pytest

from mdb.context import Context
from mdb.event import Event, PeripheralReset, SatelliteVended
from mdb.exchange import Exchange, Fate
from mdb.satellite_vends import PRICES_KEPT, SatelliteVends
from mdb.scaling import Scaling

KNOWN = Context(scaling=Scaling(10, 2, None))


def said(command: str, reply: str | None = None, fate: Fate = Fate.HEARD) -> Exchange:
    data = bytes.fromhex(command)
    told = None if reply is None else bytes.fromhex(reply)
    return Exchange(0x40, data, 1.0, told, 1.1, fate)


SETUP = said("41 03 000A 02 1E", "04 03 0541 000A 1E")
REQUEST = said("42", "01 000A 000F")
APPROVE, DENY, SELECT = said("43 00"), said("43 01"), said("43 02 000A")
VENDED, FAILED, POLL = said("42", "02"), said("42", "03 000A 0001"), said("42")
PRICE = said("44 01 000A 0014 0000")
HOME, RESET, JUST_RESET = said("43 03"), said("40"), said("42", "00")
MUTE_SELECT = said("43 02 000A", fate=Fate.SILENT)
LATE_SELECT = said("43 02 000A", fate=Fate.MOVED_ON)


def conclude(*story: Exchange, known: Context = KNOWN) -> list[Event]:
    device = SatelliteVends(0x40, known)
    return [event for each in story for event in device.feed(each)[1]]


def vended(*story: Exchange) -> list[tuple[str | None, int | None]]:
    return [
        (each.item, each.amount) for each in conclude(*story) if isinstance(each, SatelliteVended)
    ]


STORIES: dict[str, tuple[list[Exchange], list[tuple[str | None, int | None]]]] = {
    "it asks, the VMC approves": ([REQUEST, APPROVE, POLL, VENDED], [("000a", 150)]),
    "it asks, the VMC denies": ([REQUEST, DENY, VENDED], []),
    "it asks, and nobody approves": ([REQUEST, VENDED], []),
    "it fails": ([REQUEST, APPROVE, FAILED, VENDED], []),
    "the VMC selects, its price told before": ([PRICE, SELECT, VENDED], [("000a", 200)]),
    "the VMC selects, no price told": ([SELECT, VENDED], [("000a", None)]),
    "the VMC selects, and it fails": ([SELECT, FAILED, VENDED], []),
    "told again": ([SELECT, VENDED, VENDED], [("000a", None)]),
    "twice": ([PRICE, SELECT, VENDED, SELECT, VENDED], [("000a", 200)] * 2),
    "the price changes": (
        [PRICE, said("44 01 000A 0019 0000"), SELECT, VENDED],
        [("000a", 250)],
    ),
    "reset in the middle": ([SELECT, RESET, VENDED], []),
    "it resets itself in the middle": ([SELECT, JUST_RESET, VENDED], []),
    "home is no vend": ([HOME, VENDED], []),
    "home after a vend is no second one": ([SELECT, VENDED, HOME, VENDED], [("000a", None)]),
    "home after a vend nobody heard the end of is no vend": (
        [SELECT, HOME, VENDED],
        [],
    ),
    "selected, but nobody answered": ([MUTE_SELECT, VENDED], []),
    "selected and failed, its ACK unheard, then home": (
        [MUTE_SELECT, FAILED, LATE_SELECT, HOME, VENDED],
        [],
    ),
    "an item of FFFF": ([said("43 02 FFFF"), VENDED], [(None, None)]),
}


@pytest.mark.parametrize(("story", "expected"), STORIES.values(), ids=STORIES)
def test_what_was_vended(
    story: list[Exchange], expected: list[tuple[str | None, int | None]]
) -> None:
    assert vended(*story) == expected


def test_its_scaling_is_told_by_the_vmc() -> None:
    (told,) = conclude(SETUP, REQUEST, APPROVE, VENDED, known=Context())
    assert isinstance(told, SatelliteVended)
    assert told.amount == 150


def test_without_the_scaling_the_price_is_kept() -> None:
    (told,) = conclude(REQUEST, APPROVE, VENDED, known=Context())
    assert told == SatelliteVended(1.1, 0x40, "000a", None, {"price": 15, "item": "000a"})


def test_a_start_anew_is_told() -> None:
    assert conclude(JUST_RESET) == [PeripheralReset(1.1, 0x40)]


def test_prices_are_kept_up_to_a_bound() -> None:
    device = SatelliteVends(0x40, KNOWN)
    for item in range(2 * PRICES_KEPT):
        device.feed(said(f"44 01 {item:04X} 0014 0000"))
    assert len(device._prices) == PRICES_KEPT  # noqa: SLF001


def test_a_price_that_is_kept_is_renewed_though_no_more_fit() -> None:
    prices = [said(f"44 01 {item:04X} 0014 0000") for item in range(PRICES_KEPT)]
    assert vended(*prices, said("44 01 000A 0019 0000"), SELECT, VENDED) == [("000a", 250)]


def test_a_repeated_command_changes_nothing() -> None:
    again = Exchange(0x40, bytes.fromhex("4302000A"), 1.0, repeated=True)
    assert vended(SELECT, VENDED, again, VENDED) == [("000a", None)]

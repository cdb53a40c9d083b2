import json
from pathlib import Path

import pytest

from mdb import event
from mdb.event import Confidence, Event, Kind, Sale, Tender, as_json

README = (Path(__file__).parents[2] / "mdb" / "README.md").read_text("utf-8")
NAMES = [
    each.name
    for each in vars(event).values()
    if isinstance(each, type) and issubclass(each, Event) and each is not Event
]
RAW = {"price": 1251, "item": "0001", "scale": 10}
EVENTS: list[tuple[Event, dict[str, object]]] = [
    (
        Sale(9.0, 0x10, "0001", Kind.PAID, 12510, "RUB", (Tender("cashless-1", 12510),), raw=RAW),
        {
            "event": "sale",
            "at": 9.0,
            "address": "10",
            "item": "0001",
            "kind": "paid",
            "amount": 12510,
            "currency": "RUB",
            "tenders": [{"by": "cashless-1", "amount": 12510}],
            "confidence": "confirmed",
            "raw": {"price": 1251, "item": "0001", "scale": 10},
        },
    ),
    (
        Sale(9.0, 0x60, None, Kind.FREE, 0, None, (), Confidence.PRESUMED),
        {
            "event": "sale",
            "at": 9.0,
            "address": "60",
            "item": None,
            "kind": "free",
            "amount": 0,
            "currency": None,
            "tenders": [],
            "confidence": "presumed",
            "raw": {},
        },
    ),
    (
        event.VendFailed(9.123456789, 0x10, "0001", None, None),
        {
            "event": "vend_failed",
            "at": 9.123457,
            "address": "10",
            "item": "0001",
            "amount": None,
            "currency": None,
        },
    ),
    (
        event.BusFault(1.0, 0, "stray byte", {"bytes": "2a"}),
        {
            "event": "bus_fault",
            "at": 1.0,
            "address": "00",
            "reason": "stray byte",
            "raw": {"bytes": "2a"},
        },
    ),
    (event.BusReset(1.0, 0), {"event": "bus_reset", "at": 1.0, "address": "00"}),
]


@pytest.mark.parametrize(("concluded", "written"), EVENTS, ids=lambda each: type(each).__name__)
def test_an_event_is_a_json_object(concluded: Event, written: dict[str, object]) -> None:
    assert as_json(concluded) == written
    assert json.loads(json.dumps(as_json(concluded))) == written


def test_every_event_has_a_name_of_its_own() -> None:
    assert "" not in NAMES
    assert len(NAMES) == len(set(NAMES))


def test_the_contract_s_names_are_there() -> None:
    contract = {"sale", "vend_failed", "vend_denied", "vend_cancelled", "return", "revalue"}
    assert contract <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README or f'"event":"{name}"' in README


def test_the_contract_s_kinds_are_these() -> None:
    assert [kind.value for kind in Kind] == ["paid", "free", "test", "token"]

"""Incidents of machines in their operator's words."""

import re

import msgspec
import pytest

from cloud.troubles import WORDS, in_words, kind_of
from edge.wire import Incident

UNKNOWN = Incident(
    epoch="7f3a9c1e",
    number=1,
    kind="outcome_unknown",
    at="2026-11-23T15:42:11Z",
    clock="synced",
    boot_id="0b6c",
    boottime_ms=1,
    item="0001",
    amount=12010,
    currency="RUB",
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            (
                "a vend of item 0001 for 120.10 RUB was approved, and its end was not heard;"
                " no sale was made of it: check the machine's counter and the acquirer;"
                " at 2026-11-23T15:42:11Z"
            ),
        ),
        (
            {"item": None, "amount": None, "text": "the bus fell silent"},
            (
                "a vend of an item it did not name for a price it did not name was approved, and its"
                " end was not heard; no sale was made of it: check the machine's counter and the"
                " acquirer (the bus fell silent); at 2026-11-23T15:42:11Z"
            ),
        ),
        ({"amount": 12010, "currency": None, "item": "{item}"}, "item {item} for 120.10 was"),
        (
            {"kind": "printer", "text": "no paper", "clock": "unsynced"},
            (
                "a printer needs a hand (no paper); at 2026-11-23T15:42:11Z,"
                " by a clock that is unsynced"
            ),
        ),
        ({"kind": "of_tomorrow", "text": "?"}, "of_tomorrow (?); at 2026-11-23T15:42:11Z"),
        ({"kind": "{item.__class__} {", "text": "{}"}, "{item.__class__} { ({}); at "),
    ],
)
def test_an_incident_says_what_happened_and_what_to_do(
    changes: dict[str, object], said: str
) -> None:
    assert said in in_words(msgspec.structs.replace(UNKNOWN, **changes))


@pytest.mark.parametrize("kind", ["duplicate receipt", "gap", "malformed", "of_tomorrow", ""])
def test_a_kind_that_the_contract_does_not_name_is_marked_as_the_machines_word(kind: str) -> None:
    """The cloud has kinds of its own, and asks people to act on them."""
    assert kind_of(msgspec.structs.replace(UNKNOWN, kind=kind)) == f"machine says: {kind}"


@pytest.mark.parametrize("kind", WORDS)
def test_a_kind_of_the_contract_is_told_as_it_is(kind: str) -> None:
    assert kind_of(msgspec.structs.replace(UNKNOWN, kind=kind)) == kind


def test_every_kind_of_the_contract_has_words_and_no_other() -> None:
    assert Incident.__doc__ is not None
    kinds = Incident.__doc__.partition("`kind` is one of")[2]
    assert set(re.findall(r"`(\w+)`", kinds)) == set(WORDS)

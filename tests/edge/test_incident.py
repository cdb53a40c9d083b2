import msgspec
import pytest
from specimens import BOOT, StillClock

from edge.incident import of_machine, outcome_unknown
from edge.intent import Intent
from edge.wire import MAX_AMOUNT, Incident, decode, encode


def test_an_unknown_outcome_tells_what_was_approved_and_when() -> None:
    intent = Intent("0001", 700, "RUB", "2026-11-23T15:42:10.512Z", "synced", BOOT, 50_000)
    told = decode(encode(outcome_unknown(intent, "was it dispensed?")), Incident)
    assert (told.kind, told.text) == ("outcome_unknown", "was it dispensed?")
    assert (told.item, told.amount, told.currency) == ("0001", 700, "RUB")
    assert (told.at, told.boot_id, told.boottime_ms) == (intent.at, BOOT, 50_000)


@pytest.mark.parametrize("amount", [None, -1, MAX_AMOUNT + 1])
def test_an_amount_that_nothing_costs_is_not_told(amount: int | None) -> None:
    intent = Intent(None, amount, None, "", "unsynced", BOOT, 0)
    assert decode(encode(outcome_unknown(intent, "?")), Incident).amount is None


def test_a_text_is_as_long_as_the_wire_takes_it() -> None:
    moment = StillClock().now()
    told = decode(encode(of_machine("printer", "я" * 5000, moment)), Incident)
    assert told.text == "я" * 1000
    assert (told.at, told.clock) == (moment.iso, moment.quality)
    assert msgspec.structs.replace(told, number=2).number == 2

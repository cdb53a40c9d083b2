"""What needs a hand: each rule with a case on either side of its limit."""

from typing import Literal

import msgspec
import pytest

from edge.technician.concerns import RULES, Concern, concerns
from edge.technician.status import (
    DisplayStatus,
    Oldest,
    Peripheral,
    PrinterStatus,
    Quarantine,
    Status,
)


def changed(status: Status, part: str, **values: object) -> Status:
    if not part:
        return msgspec.structs.replace(status, **values)
    inner = msgspec.structs.replace(getattr(status, part), **values)
    return msgspec.structs.replace(status, **{part: inner})


def printer(
    trouble: Literal["paper_low", "paper_out", "cover_open", "offline", "error"],
) -> dict[str, object]:
    return {"printers": (PrinterStatus(name="1-escpos", status="no answer", trouble=trouble),)}


BAD: list[tuple[str, str, dict[str, object], str]] = [
    ("tap_gone", "bus", {"alive": False, "last_byte_s": 900.0}, "qibixx:/dev/ttyACM0"),
    ("bus_silent", "bus", {"last_byte_s": 31.0}, "silent for 31 s"),
    ("bus_silent", "bus", {"last_byte_s": None}, "silent for 9 h 43 min"),
    ("disk_refuses", "outbox", {"waiting": 2}, "memory only: 2"),
    ("cert_ended", "link", {"cert_days": -1}, "ended"),
    (
        "broker_away",
        "link",
        {"connected": False, "since_s": 61.0, "last_error": "timed out"},
        "mqtt.chek.example:8883 for 1 min 1 s (timed out)",
    ),
    ("broker_away", "link", {"connected": False, "since_s": None}, "for 9 h 43 min"),
    ("cloud_away", "link", {"cloud_online": False}, "cloud is not there"),
    ("pending_old", "outbox", {"oldest": Oldest(seq=7, age_s=3601.0), "pending": 3}, "Sale 7 has"),
    ("pending_old", "outbox", {"oldest": Oldest(seq=7)}, "9 h 43 min"),
    (
        "display_failing",
        "",
        {"displays": (DisplayStatus(name="1-spi", failing="no answer"),)},
        "1-spi cannot show: no answer",
    ),
    ("paper_out", "", printer("paper_out"), "1-escpos is out of paper"),
    ("cover_open", "", printer("cover_open"), "cover of printer 1-escpos"),
    ("printer_failing", "", printer("offline"), "1-escpos does not print: no answer"),
    ("printer_failing", "", printer("error"), "1-escpos does not print: no answer"),
    (
        "scale_unknown",
        "bus",
        {"peripherals": (Peripheral(address=0x60, name="cashless 2"),)},
        "cashless 2",
    ),
    ("paper_low", "", printer("paper_low"), "1-escpos is low on paper"),
    ("disk_nearly_full", "outbox", {"disk_free_mb": 99}, "Only 99 MB"),
    ("clock_unsynced", "clock", {"quality": "unsynced"}, "2026-11-23 15:43:20 UTC"),
    ("cert_ends", "link", {"cert_days": 20}, "in 20 days"),
    ("outcome_unknown", "outbox", {"quarantine": Quarantine(outcome_unknown=1)}, "known: 1"),
    ("salvaged", "outbox", {"quarantine": Quarantine(salvaged=9)}, "outbox: 9"),
    ("malformed", "outbox", {"quarantine": Quarantine(malformed=4)}, "sense: 4"),
]
GOOD: list[tuple[str, dict[str, object]]] = [
    ("bus", {"last_byte_s": 30.0}),
    ("bus", {"faults": 5}),
    ("bus", {"peripherals": (Peripheral(address=0x68, name="age verification"),)}),
    ("link", {"connected": False, "since_s": 60.0}),
    ("link", {"cloud_online": None}),
    ("link", {"connected": False, "since_s": 5.0, "cloud_online": False}),
    ("link", {"cert_days": 21}),
    ("link", {"cert_days": None}),
    ("outbox", {"oldest": Oldest(seq=7, age_s=3600.0)}),
    ("outbox", {"oldest": None, "pending": 0}),
    ("outbox", {"disk_free_mb": 100}),
    ("outbox", {"disk_free_mb": None, "refusals": 3}),
    ("clock", {"quality": "corrected"}),
]


def test_a_machine_that_works_needs_nobody(well: Status) -> None:
    assert concerns(well) == []


@pytest.mark.parametrize(("what", "part", "values", "words"), BAD)
def test_what_is_wrong_is_said_and_nothing_else(
    well: Status, what: str, part: str, values: dict[str, object], words: str
) -> None:
    (found,) = concerns(changed(well, part, **values))
    assert found.what == what
    assert words in found.words.en
    assert "{" not in found.words.ru + found.words.en + found.advice.ru + found.advice.en


def test_every_rule_was_tried() -> None:
    assert {what for what, *_ in BAD} == set(RULES)


@pytest.mark.parametrize(("part", "values"), GOOD)
def test_what_is_within_its_limit_calls_nobody(
    well: Status, part: str, values: dict[str, object]
) -> None:
    assert concerns(changed(well, part, **values)) == []


def test_an_agent_that_has_just_started_is_given_a_minute() -> None:
    fresh = Status(uptime_s=59.0)
    assert concerns(changed(fresh, "clock", quality="unsynced")) == []
    late = changed(changed(fresh, "clock", quality="unsynced"), "", uptime_s=61.0)
    assert [each.what for each in concerns(late)] == ["bus_silent", "broker_away", "clock_unsynced"]


def test_each_of_several_displays_is_named_and_the_urgent_come_first(well: Status) -> None:
    failing = tuple(DisplayStatus(name=f"{n}-spi", failing="no answer") for n in (1, 2))
    found = concerns(changed(changed(well, "clock", quality="unsynced"), "", displays=failing))
    assert [(each.what, each.urgent) for each in found] == [
        ("display_failing", True),
        ("display_failing", True),
        ("clock_unsynced", False),
    ]
    assert "1-spi" in found[0].words.en
    assert "2-spi" in found[1].words.ru


def test_a_concern_travels_as_json(well: Status) -> None:
    (found,) = concerns(changed(well, "link", cloud_online=False))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Concern) == found

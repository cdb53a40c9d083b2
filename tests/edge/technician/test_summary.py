import re

import msgspec
import pytest

from edge.technician.concerns import concerns
from edge.technician.status import (
    DisplayStatus,
    OutboxStatus,
    PrinterStatus,
    Quarantine,
    Status,
    Trouble,
)
from edge.technician.summary import Section, sections, summary, verdict
from edge.technician.words import Language


def rows(found: list[Section]) -> dict[str, str]:
    return {row.name: row.value for section in found for row in section.rows}


def test_it_is_all_there_in_english(well: Status) -> None:
    told = rows(sections(well, "en"))
    assert told["Pending"] == "1"
    assert told["Oldest"] == "№ 1041 · 2026-11-23 15:42:10 UTC · 1 min 9 s ago"
    assert told["Last sale"] == "№ 1041 · Капучино · 125.10 RUB · 1 min 9 s ago"
    assert told["Last receipt"] == "issued · took 1 s · 5 min 10 s ago"
    assert told["FN · FD · FP"] == "9999078900012345 · 4711 · 2345678901"
    assert told["Tap"] == "qibixx:/dev/ttyACM0 · works"
    assert told["Last byte"] == "0 s ago · 42 bytes/s"
    assert told["0x10"] == "cashless 1 · RUB · scale 10"
    assert told["Broker"] == "mqtt.chek.example:8883 · connected · 9 h 43 min"
    assert told["Cloud"] == "there"
    assert told["1-framebuffer"] == "480 x 320 px · idle · works"
    assert told["1-escpos"] == "ready"
    assert told["Clock"] == "synced · 2026-11-23 15:43:20 UTC"
    assert told["Free"] == "11812 MB"
    assert told["2026-11-22 08:00:00 UTC"] == "display_failed · no reply"


def test_it_is_all_there_in_russian(well: Status) -> None:
    told = rows(sections(well, "ru"))
    assert told["Последняя продажа"] == "№ 1041 · Капучино · 125,10 ₽ · 1 мин 9 с назад"
    assert told["Последний чек"] == "выдан · за 1 с · 5 мин 10 с назад"
    assert len(told) == len(rows(sections(well, "en")))


@pytest.mark.parametrize("language", ["ru", "en"])
def test_an_agent_that_knows_nothing_yet_says_so(language: Language) -> None:
    told = rows(sections(Status(), language))
    assert "ещё не было" in told.values() or "none yet" in told.values()
    assert all(told.values())


def test_what_was_set_aside_and_what_is_in_memory_is_told() -> None:
    aside = Trouble(kind="malformed", at="2026-11-23T15:00:00Z", words="receipt:\nno JSON")
    outbox = OutboxStatus(waiting=2, quarantine=Quarantine(malformed=1, last=(aside,)))
    told = rows(sections(Status(outbox=outbox), "en"))
    assert told["message"] == "2026-11-23 15:00:00 UTC · receipt: no JSON"
    assert told["In memory only"] == "2"


def test_a_device_that_fails_says_why_instead_of_works() -> None:
    status = Status(
        displays=(DisplayStatus(name="1-spi", failing="no answer"),),
        printers=(PrinterStatus(name="1-file"),),
    )
    assert rows(sections(status, "en"))["1-spi"] == "no answer"
    assert rows(sections(status, "en"))["1-file"] == "—"


def test_the_console_says_first_what_needs_a_hand(well: Status) -> None:
    away = msgspec.structs.replace(well.link, cloud_online=False, cert_days=5)
    status = msgspec.structs.replace(well, link=away)
    lines = summary(status, concerns(status), "en").splitlines()
    assert lines[0] == "vm-000123: Needs a hand: 2"
    assert lines[2].startswith("!! Connected, but the fiscal cloud")
    assert lines[5].startswith(" ! The certificate ends in 5 days")
    assert lines.index("Sales") > 5
    assert any(re.fullmatch(r"  Pending +1", line) for line in lines)


def test_the_verdict_has_a_count_or_is_well(well: Status) -> None:
    assert verdict(concerns(well), "en") == "All is well"
    assert verdict(concerns(well), "ru") == "Всё в порядке"
    alone = concerns(Status(uptime_s=3000.0))
    assert verdict(alone, "ru") == f"Требует внимания: {len(alone)}"

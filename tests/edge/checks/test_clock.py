from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.checks.clock import check, judge
from edge.clock import Moment, Quality


def at(year: int, quality: Quality = "synced") -> Moment:
    return Moment(int(datetime(year, 11, 23, tzinfo=UTC).timestamp() * 1000), 1, "boot", quality)


@pytest.mark.parametrize(
    ("moment", "battery", "state", "told", "advice"),
    [
        (at(2026), True, "ok", "a clock chip keeps it, set by the network", ""),
        (at(2026), False, "ok", "no clock chip keeps it", ""),
        (at(2026, "unsynced"), False, "warn", "nothing has set it", "timedatectl"),
        (at(1970), True, "fail", "1970-11-23", "certificates are refused"),
        (at(2025), False, "fail", "that cannot be", "timedatectl"),
        (at(2150), True, "fail", "that cannot be", "timedatectl"),
    ],
)
def test_a_clock_is_judged_by_its_year_and_by_who_set_it(
    moment: Moment, *, battery: bool, state: str, told: str, advice: str
) -> None:
    found = judge(moment, battery=battery)
    assert (found.name, found.state) == ("clock", state)
    assert told in found.found.en
    assert advice in found.advice.en


def test_a_clock_chip_is_seen_where_the_kernel_shows_it(tmp_path: Path) -> None:
    assert "no clock chip" in check(rtc=tmp_path / "none").found.en
    assert "no clock chip" in check(rtc=tmp_path).found.en
    (tmp_path / "rtc0").mkdir()
    assert "a clock chip keeps it" in check(rtc=tmp_path).found.en


def test_a_clock_that_the_cloud_has_corrected_is_told_as_the_agent_goes_by_it() -> None:
    found = judge(Moment(at(2026).unix_ms, 1, "boot", "corrected"), battery=False)
    assert found.state == "ok"
    assert "the cloud has told the machine the time" in found.found.en
    assert check("corrected").state == "ok"

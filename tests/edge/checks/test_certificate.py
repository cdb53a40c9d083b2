"""Certificates as deploy/'s own script makes them, looked at as a broker would."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deploy.secured import MACHINE, NEIGHBOUR, make_authority

from edge.checks import NOTHING
from edge.checks.certificate import check, look
from edge.wire.settings import Broker

pytestmark = pytest.mark.needs("openssl")
NOW = datetime.now(UTC) + timedelta(hours=1)


def broker(authority: Path, machine: str = MACHINE, **changes: str) -> Broker:
    pair = authority / "machines" / machine
    named = {
        "ca": str(authority / "ca.crt"),
        "certificate": f"{pair}.crt",
        "key": f"{pair}.key",
    }
    return Broker(**(named | changes))  # type: ignore[arg-type]


def test_a_good_one_is_told_with_whose_it_is_and_until_when(authority: Path) -> None:
    found = check(broker(authority), MACHINE, NOW)
    assert (found.name, found.state, found.advice) == ("certificate", "ok", NOTHING)
    assert found.found.en.startswith(f"{MACHINE}, until {NOW.year + 5}-")


def test_what_it_says_is_read_to_the_second(authority: Path) -> None:
    named = broker(authority)
    seen = look(named.certificate or "", named.key or "", named.ca)
    assert (seen.name, seen.objection, seen.open_key) == (MACHINE, "", False)
    assert seen.ends - seen.starts == timedelta(days=1825)


@pytest.mark.parametrize(
    ("days", "state", "told", "advice"),
    [
        (-30, "fail", "and the clock says", "see the check `clock`"),
        (1800, "warn", "days are left", "certificates.sh machine"),
        (1900, "fail", "it has ended", "certificates.sh machine"),
    ],
)
def test_its_time_is_held_against_the_clock(
    authority: Path, days: int, state: str, told: str, advice: str
) -> None:
    found = check(broker(authority), MACHINE, NOW + timedelta(days=days))
    assert found.state == state
    assert told in found.found.en
    assert advice in found.advice.en


def test_one_of_another_machine_is_refused(authority: Path) -> None:
    found = check(broker(authority, NEIGHBOUR), MACHINE, NOW)
    assert found.state == "fail"
    assert f"it is {NEIGHBOUR}'s, and this machine is {MACHINE}" in found.found.en


def test_another_s_key_is_told_as_such(authority: Path) -> None:
    mixed = broker(authority, key=str(authority / "machines" / f"{NEIGHBOUR}.key"))
    found = check(mixed, MACHINE, NOW)
    assert found.state == "fail"
    assert "is not the key of" in found.found.en


def test_one_that_another_authority_signed_is_refused(authority: Path, tmp_path: Path) -> None:
    make_authority(tmp_path)
    found = check(broker(authority, ca=str(tmp_path / "ca.crt")), MACHINE, NOW)
    assert found.state == "fail"
    assert "this authority refuses it" in found.found.en
    assert "same authority" in found.advice.en


def test_a_broker_s_certificate_does_not_pass_for_a_machine_s(authority: Path) -> None:
    wrong = broker(
        authority, certificate=str(authority / "broker.crt"), key=str(authority / "broker.key")
    )
    found = check(wrong, "Chekomat broker", NOW)
    assert found.state == "fail"
    assert "purpose" in found.found.en


def test_a_file_that_is_not_there_is_named_with_its_key(authority: Path) -> None:
    found = check(broker(authority, ca="/none/ca.crt"), MACHINE, NOW)
    assert (found.state, found.found.en) == ("fail", "broker.ca: /none/ca.crt: no such file")
    laid = "/run/credentials/chekomat-edge.service/none.key"
    assert "LoadCredential" in check(broker(authority, key=laid), MACHINE, NOW).advice.en


def test_a_file_that_is_no_certificate_is_told(authority: Path, tmp_path: Path) -> None:
    (tmp_path / "x.crt").write_text("hello", "utf-8")
    found = check(broker(authority, certificate=str(tmp_path / "x.crt")), MACHINE, NOW)
    assert found.state == "fail"
    assert "no PEM file" in found.found.en


def test_a_key_that_everybody_reads_is_warned_of(authority: Path, tmp_path: Path) -> None:
    key = tmp_path / "open.key"
    key.write_bytes((authority / "machines" / f"{MACHINE}.key").read_bytes())
    key.chmod(0o644)
    found = check(broker(authority, key=str(key)), MACHINE, NOW)
    assert found.state == "warn"
    assert "chmod 600" in found.advice.en


def test_without_one_there_is_nothing_to_check() -> None:
    assert check(Broker(), MACHINE, NOW).state == "skipped"
    assert "name and password" in check(Broker(username="x"), MACHINE, NOW).found.en

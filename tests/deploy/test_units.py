"""The systemd units: systemd accepts them, and they fit the code and the sample configurations."""

import grp
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from deploy.secured import DEPLOY
from parts import ROOT

from edge.config import Config, KioskDisplay

EDGE = DEPLOY / "edge/chekomat-edge.service"
CLOUD = DEPLOY / "cloud/chekomat-cloud.service"
KIOSK = DEPLOY / "edge/chekomat-kiosk.service"
LANES = DEPLOY / "cloud/chekomat-lanes@.service"
UNITS = {unit.stem: unit for unit in (EDGE, CLOUD, LANES, KIOSK)}
OURS = [EDGE, CLOUD, LANES]
"""Those that run a program of ours."""


def settings(unit: Path, key: str) -> list[str]:
    text = unit.read_text("utf-8").replace("\\\n", " ")
    return re.findall(rf"^{key}=(.*)$", text, flags=re.MULTILINE)


def sample(unit: Path) -> dict[str, object]:
    return tomllib.loads((unit.parent / "config.toml").read_text("utf-8"))


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_it(name: str, tmp_path: Path) -> None:
    unit = UNITS[name]
    program = shlex.split(settings(unit, "ExecStart")[0])[0]
    text = unit.read_text("utf-8")
    copy = tmp_path / unit.name
    # systemd wants the program to be there.
    copy.write_text(text.replace(f"ExecStart={program}", f"ExecStart={sys.executable}"), "utf-8")
    assert copy.read_text("utf-8") != text
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.stem)
def test_its_exposure_is_small(unit: Path) -> None:
    scored = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert scored.returncode == 0, scored.stdout


@pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.stem)
def test_what_it_starts_is_a_command_of_ours(unit: Path) -> None:
    interpreter, *arguments = shlex.split(settings(unit, "ExecStart")[0])
    assert interpreter == "/opt/chekomat/.venv/bin/python"
    where = arguments.index("--config") + 1
    assert arguments[where].startswith("/etc/chekomat/")
    arguments[where] = "/nowhere/at-all.toml"
    started = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert started.returncode == 2
    assert "/nowhere/at-all.toml: cannot be read" in started.stderr


@pytest.mark.parametrize("unit", [EDGE, CLOUD], ids=lambda unit: unit.stem)
def test_every_credential_of_the_sample_is_one_that_it_loads(unit: Path) -> None:
    loaded = [each.partition(":")[0] for each in settings(unit, "LoadCredential")]
    text = (unit.parent / "config.toml").read_text("utf-8")
    named = re.findall(r'^\w+ = "/run/credentials/(.+)/(.+)"$', text, flags=re.MULTILINE)
    assert named
    for of, credential in named:
        assert of == unit.name
        assert credential in loaded


def test_what_is_kept_lies_where_the_units_may_write() -> None:
    assert settings(EDGE, "StateDirectory") == [Path(Config(machine="m", tap="t").data).name]
    database = Path(str(sample(CLOUD)["database"]))
    assert database.parent == Path("/var/lib") / settings(CLOUD, "StateDirectory")[0]


def test_every_process_of_the_fiscaliser_and_every_command_is_one_user() -> None:
    (user,) = settings(CLOUD, "User")
    assert settings(LANES, "User") == [user]
    readme = (DEPLOY / "README.md").read_text("utf-8")
    assert (
        f"useradd --system --home-dir /var/lib/chekomat-cloud --shell /usr/sbin/nologin {user}\n"
        in readme
    )
    assert f"sudo -u {user} /opt/chekomat/.venv/bin/python -m cloud" in readme
    assert f"createuser {user}\n" in readme


def test_the_word_of_the_api_is_optional() -> None:
    (loaded,) = settings(CLOUD, "#LoadCredential")
    name = loaded.partition(":")[0]
    sample = (CLOUD.parent / "config.toml").read_text("utf-8")
    assert f'#api_token_file = "/run/credentials/{CLOUD.name}/{name}"' in sample


def test_the_agent_may_ask_whether_the_clock_is_right() -> None:
    assert settings(EDGE, "ProtectClock") == []
    assert settings(EDGE, "SystemCallFilter")[-1].split() == ["adjtimex", "clock_adjtime"]


def test_the_agent_may_read_which_boot_this_is() -> None:
    assert settings(EDGE, "ProcSubset") == []


def test_the_agent_says_itself_when_it_is_ready_and_alive() -> None:
    assert settings(EDGE, "Type") == ["notify"]
    assert settings(EDGE, "NotifyAccess") == ["main"]
    assert "AF_UNIX" in settings(EDGE, "RestrictAddressFamilies")[0].split()
    assert settings(EDGE, "WatchdogSec") == ["60"]


def test_the_agent_has_more_time_to_stop_than_it_takes() -> None:
    assert float(settings(EDGE, "TimeoutStopSec")[0]) > 5


def test_the_agent_leaves_nothing_large_on_the_card() -> None:
    assert settings(EDGE, "LimitCORE") == ["0"]
    assert settings(EDGE, "LogRateLimitBurst") == ["200"]
    assert "PYTHONDONTWRITEBYTECODE=1" in settings(EDGE, "Environment")


def test_the_agents_groups_are_there_on_every_debian() -> None:
    # base-passwd makes them; spi, i2c and gpio are Raspberry Pi OS's own, and stay a comment.
    groups = " ".join(settings(EDGE, "SupplementaryGroups")).split()
    assert set(groups) == {"dialout", "lp", "video"}
    for group in groups:
        assert grp.getgrnam(group).gr_gid < 100


def test_the_devices_of_taps_panels_and_printers_are_allowed_and_no_others() -> None:
    assert settings(EDGE, "DevicePolicy") == ["closed"]
    kinds = {each.split()[0].removeprefix("char-") for each in settings(EDGE, "DeviceAllow")}
    serial = {"ttyAMA", "ttyACM", "ttyUSB"}
    assert kinds == serial | {"usb", "lp", "fb", "spi", "i2c", "gpiochip"}


def test_a_driver_that_an_adapter_needs_is_there_before_the_agent() -> None:
    wanted = " ".join(settings(EDGE, "Wants")).split()
    assert "modprobe@cdc_acm.service" in wanted
    assert set(wanted) <= set(" ".join(settings(EDGE, "After")).split())


def test_the_pin_of_the_technicians_page_is_optional() -> None:
    assert settings(EDGE, "#LoadCredential") == [
        "technician.pin:/etc/chekomat/technician.pin",
    ]


def test_the_screen_opens_the_agents_page() -> None:
    listen = KioskDisplay().listen
    assert settings(KIOSK, "ExecStart")[0].endswith(f" http://{listen}/")
    assert "/dev/tcp/" + listen.replace(":", "/") in settings(KIOSK, "ExecStartPre")[0]

"""Agent, broker, fiscaliser and register, each started as its unit starts it, from its sample."""

import contextlib
import json
import re
import shlex
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deploy.secured import DEPLOY, HOST, MACHINE, Secured, replaced
from parts import ROOT, free_port, python, until, wait_for_port

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.needs("openssl")]

PATIENCE_S = 30
EDGE, CLOUD = "edge/chekomat-edge.service", "cloud/chekomat-cloud.service"


def get(url: str) -> Any:  # noqa: ANN401, what JSON holds
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def post(url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=PATIENCE_S).close()


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def as_the_unit_does(unit: str, config: Path) -> list[str]:
    """The unit's own command line, with this Python and that configuration."""
    line = re.search(r"^ExecStart=(.*)$", (DEPLOY / unit).read_text("utf-8"), re.MULTILINE)
    assert line is not None
    _, *arguments = shlex.split(line[1])
    arguments[arguments.index("--config") + 1] = str(config)
    return [sys.executable, *arguments]


def settle(sample: str, folder: Path, places: dict[str, str]) -> Path:
    """The sample, with this place put in for the real one."""
    file = folder / sample.replace("/", "-")
    file.write_text(replaced((DEPLOY / sample).read_text("utf-8"), places), "utf-8")
    return file


def name_the_fleet(cloud_toml: Path, places: dict[str, str]) -> None:
    """The README's own commands, each with this place put in for the real one."""
    readme = (DEPLOY / "README.md").read_text("utf-8").split("\n### The fleet\n")[1]
    block = readme.split("```sh\n")[1].split("```")[0].replace("\\\n", " ")
    lines = [line for line in block.splitlines() if line.startswith("chekomat ")]
    assert len(lines) == 8
    for line in replaced("\n".join(lines), places).splitlines():
        _, *arguments = shlex.split(line)
        command = python("cloud", *arguments, "--config", str(cloud_toml))
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "nothing is missing" in done.stdout + done.stderr


def identity(secured: Secured, pair: Path, unit: str) -> dict[str, str]:
    """Where the broker is, and who asks."""
    return {
        'host = "mqtt.chek.example"': f'host = "{HOST}"',
        "port = 8883": f"port = {secured.port}",
        "/etc/chekomat/ca.crt": str(secured.ca),
        "/etc/chekomat/mqtt.crt": f"{pair}.crt",
        f'"/run/credentials/{Path(unit).name}/mqtt.key"': f'"{pair}.key"',
    }


async def test_a_sale_goes_all_the_way_and_its_receipt_all_the_way_back(
    secured: Secured, authority: Path, tmp_path: Path
) -> None:
    public, cabinet, register, screen = (free_port() for _ in range(4))
    secret = tmp_path / "secret"
    secret.write_text("a secret", "utf-8")
    cloud_toml = settle(
        "cloud/config.toml",
        tmp_path,
        identity(secured, authority / "cloud", CLOUD)
        | {
            "/var/lib/chekomat-cloud/chekomat.sqlite": str(tmp_path / "cloud.sqlite"),
            '#listen = "127.0.0.1:8080"': f'listen = "{HOST}:{public}"',
            '#cabinet = "127.0.0.1:8090"': f'cabinet = "{HOST}:{cabinet}"',
        },
    )
    name_the_fleet(
        cloud_toml,
        {
            "/etc/chekomat/registers/main": str(secret),
            "http://127.0.0.1:8085": f"http://{HOST}:{register}",
        },
    )
    edge_toml = settle(
        "edge/config.toml",
        tmp_path,
        identity(secured, authority / "machines" / MACHINE, EDGE)
        | {
            '#data = "/var/lib/chekomat-edge"': f'data = "{tmp_path}/edge"',
            '#listen = "127.0.0.1:8081"': f'listen = "{HOST}:{screen}"',
        },
    )
    emulator = python(
        *("cloud", "emulate", "cloudkassir", "--listen", f"{HOST}:{register}"),
        *("--secret-file", str(secret), "--webhook", f"http://{HOST}:{public}/hook/main"),
    )
    with (
        running(emulator),
        running(as_the_unit_does(CLOUD, cloud_toml)),
        running(as_the_unit_does(EDGE, edge_toml)),
    ):
        for port in (register, public, screen):
            wait_for_port(port, patience_s=PATIENCE_S)
        post(f"http://{HOST}:{screen}/machine/press/0001")
        await until(lambda: get(f"http://{HOST}:{register}/ledger"), patience_s=PATIENCE_S)
        (document,) = get(f"http://{HOST}:{register}/ledger")
        with contextlib.closing(sqlite3.connect(tmp_path / "edge/outbox.sqlite")) as outbox:
            stored = "SELECT acknowledged, rev FROM sale JOIN receipt USING (sale_id)"
            await until(lambda: outbox.execute(stored).fetchall() == [(1, 1)], PATIENCE_S)
        with contextlib.closing(sqlite3.connect(tmp_path / "cloud.sqlite")) as journal:
            told = "SELECT count(*) FROM reply WHERE acked_rev = rev AND rev > 0"
            await until(lambda: journal.execute(told).fetchone() == (1,), PATIENCE_S)
        assert get(f"http://{HOST}:{public}/healthz")["ok"]
    assert document["total"] == 12000

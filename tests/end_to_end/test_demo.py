"""The demo, as a stranger runs it."""

import json
import signal
import subprocess

import pytest
from parts import python


@pytest.mark.needs("mosquitto")
def test_it_sells_by_itself_and_sums_up() -> None:
    ended = subprocess.run(
        python("cloud", "demo", "--sales", "6"), capture_output=True, text=True, check=False
    )

    summary = json.loads(ended.stdout.splitlines()[-1])
    assert ended.returncode == 0, ended.stderr
    counted = {name: summary[name] for name in ("sales", "receipts", "duplicates", "lost")}
    assert counted == {"sales": 6, "receipts": 6, "duplicates": 0, "lost": 0}
    assert 0 < summary["p50_ms"] <= summary["p95_ms"]
    assert ended.stderr == ""


def test_it_brings_its_own_broker_where_there_is_none() -> None:
    ended = subprocess.run(
        python("cloud", "demo", "--sales", "3", "--broker", "amqtt"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["receipts"] == 3


@pytest.mark.needs("mosquitto")
def test_ctrl_c_ends_everything_cleanly() -> None:
    demo = subprocess.Popen(
        python("cloud", "demo"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    while "Ctrl-C" not in demo.stdout.readline():
        assert demo.poll() is None

    demo.send_signal(signal.SIGINT)
    _, errors = demo.communicate(timeout=30)

    assert demo.returncode == 0
    assert errors == ""
    left = subprocess.run(["ps", "-eo", "ppid=,args="], capture_output=True, text=True, check=True)
    assert not [line for line in left.stdout.splitlines() if line.split()[0] == str(demo.pid)]

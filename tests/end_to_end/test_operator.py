"""The operator at the other end of the whole chain: slips, commands and wishes, as processes."""

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from chain import Chain, sale_of
from parts import python
from PIL import Image
from specimens import read

from cloud.demo.settings import MACHINE

pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
def machine(chain: Chain) -> Chain:
    """The chain, and a printer at the machine that prints into files."""
    file = chain.folder / "edge.toml"
    printer = f'\n[[printer]]\nkind = "file"\nfolder = "{chain.folder}/slips"\n'
    file.write_text(file.read_text("utf-8") + printer, "utf-8")
    chain.kill("edge")
    chain.start("edge")
    # Without the time of day it does nothing that it is told: that comes with the cloud's first word.
    chain.until(chain.knows_the_time)
    return chain


def slips(chain: Chain) -> list[Path]:
    """The pictures of those that are printed: the bytes are written behind them."""
    printed = sorted((chain.folder / "slips").glob("[0-9]*.escpos"))
    return [each.with_suffix(".png") for each in printed]


def screen(chain: Chain) -> dict[str, Any]:
    """What is on the kiosk page now."""
    with urllib.request.urlopen(f"{chain.kiosk}/events", timeout=20) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                picture: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                return picture
    raise OSError("the stream has ended")


def start(chain: Chain, *arguments: str) -> subprocess.Popen[str]:
    command = python("cloud", *arguments, "--config", str(chain.folder / "cloud.toml"))
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(process: subprocess.Popen[str]) -> str:
    """What it said, if it ended well."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    return out


def tell(chain: Chain, *deed: str) -> str:
    return done(start(chain, "tell", MACHINE, *deed))


def sell(chain: Chain, item: str) -> dict[str, Any]:
    """Press, and wait for its receipt on the screen; the register's document."""
    before = len(chain.documents())
    chain.press(item)
    chain.until(lambda: len(chain.documents()) > before)
    document = chain.documents()[-1]
    chain.until(lambda: screen(chain)["sale_id"] == sale_of(document))
    chain.until(lambda: screen(chain)["kind"] == "ready")
    return document


def test_a_press_prints_a_slip_whose_code_is_the_register_s_and_a_copy_when_asked(
    machine: Chain,
) -> None:
    document = sell(machine, "0003")
    machine.until(lambda: len(slips(machine)) == 1)
    with Image.open(slips(machine)[0]) as paper:
        assert read(paper) == document["qr"]

    for _ in range(2):  # the same command: answered twice, printed once
        said = tell(machine, "reprint", "--id", "again-1")
        assert f"a copy of {sale_of(document)} is with the printer" in said
    said = tell(machine, "reprint", sale_of(document))
    assert sale_of(document) in said
    machine.until(lambda: len(slips(machine)) == 3)
    copies = [
        "КОПИЯ".encode("cp866") in each.with_suffix(".escpos").read_bytes()
        for each in slips(machine)
    ]
    assert copies == [False, True, True]
    with Image.open(slips(machine)[2]) as paper:
        assert read(paper) == document["qr"]


def test_the_operator_shows_records_reads_and_restarts(machine: Chain, tmp_path: Path) -> None:
    nothing = start(machine, "tell", MACHINE, "show-last")
    out, err = nothing.communicate(timeout=60)
    assert nothing.returncode == 1, out + err
    assert "this machine has no sale yet" in out, out + err

    tell(machine, "show-text", "Сдачи нет", "--for", "600")
    machine.until(lambda: screen(machine)["kind"] == "notice")
    assert "Сдачи нет" in json.dumps(screen(machine), ensure_ascii=False)

    file = tmp_path / "bus.mdb.gz"
    capturing = start(
        machine, *("tell", MACHINE, "capture", "--minutes", "0.2", "--output", str(file))
    )
    assert capturing.stderr is not None
    while "recording for" not in capturing.stderr.readline():
        assert capturing.poll() is None
    document = sell(machine, "0005")
    assert "blocks of the bus" in done(capturing)
    decoded = subprocess.run(
        python("mdb", "decode", "--json", str(file)), capture_output=True, text=True, check=True
    )
    sales = [
        each for each in map(json.loads, decoded.stdout.splitlines()) if each["event"] == "sale"
    ]
    assert [(each["item"], each["amount"]) for each in sales] == [("0005", 13000)]

    said = tell(machine, "show-last")
    assert f"the receipt of {sale_of(document)} is shown" in said
    assert screen(machine)["sale_id"] == sale_of(document)

    logs = tell(machine, "logs", "--lines", "200")
    assert "sale kept: seq=1 item=0005" in logs
    assert "command" in logs

    assert "restarting" in tell(machine, "restart")
    assert machine.processes["edge"].wait(30) == 0
    machine.start("edge")
    machine.until(lambda: screen(machine)["kind"] in {"idle", "ready"})


def test_a_wish_is_in_force_at_once_a_wrong_one_is_refused_and_one_may_be_withdrawn(
    machine: Chain, tmp_path: Path
) -> None:
    file = tmp_path / "wish.toml"
    file.write_text('version = 7\n[products]\n0001 = "Раф"\n', "utf-8")
    assert "7" in done(start(machine, "wish", MACHINE, str(file)))
    sell(machine, "0001")
    assert "Раф" in json.dumps(screen(machine), ensure_ascii=False)

    file.write_text("version = 8\n[receipts]\nshow_s = 5\n", "utf-8")
    refused = start(machine, "wish", MACHINE, str(file))
    out, err = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "receipts.show_s: expected at least 40, found 5" in out + err

    machine.kill("edge")  # the good one outlives it, though the refused one is retained
    machine.start("edge")
    sell(machine, "0001")
    assert "Раф" in json.dumps(screen(machine), ensure_ascii=False)

    done(start(machine, "wish", MACHINE, "--withdraw"))
    sell(machine, "0001")
    assert "Эспрессо" in json.dumps(screen(machine), ensure_ascii=False)

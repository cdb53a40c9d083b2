"""A person's orders through the production broker, beside the fiscaliser that is at work."""

import shutil
from pathlib import Path

import pytest
from deploy.secured import HOST, MACHINE, Client, Secured, certificates
from ordering import Machine, cloud, settings

from edge.wire.settings import Broker

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.needs("openssl")]


async def test_an_operator_orders_with_a_certificate_of_their_own_and_throws_nobody_out(
    secured: Secured, authority: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "certificates"
    shutil.copytree(authority, folder)
    assert certificates(folder, "machine", "operator").returncode == 0
    pair = folder / "machines" / MACHINE
    below = Broker(
        host=HOST,
        port=secured.port,
        ca=str(secured.ca),
        certificate=f"{pair}.crt",
        key=f"{pair}.key",
    )
    above = f'host = "{HOST}"\nca = "{secured.ca}"\n'
    config = settings(
        tmp_path,
        secured.port,
        f'{above}certificate = "{folder}/cloud.crt"\nkey = "{folder}/cloud.key"\n',
    )
    for end in ("crt", "key"):
        shutil.copy(folder / f"machines/operator.{end}", tmp_path / f"operator.{end}")
    wish = tmp_path / "wish.toml"
    wish.write_text("version = 7\n[receipts]\nshow_s = 90\n", "utf-8")
    machine = Machine(tmp_path)
    async with Client(secured, authority / "cloud") as fiscaliser, machine.at(below):
        assert fiscaliser.accepted
        told = await cloud("tell", MACHINE, "logs", "--lines", "3000", "--config", config)
        assert told[0] == 0, told
        assert told[1].endswith(f"{MACHINE}: done: 3000 lines\n")
        wished = await cloud("wish", MACHINE, wish, "--config", config)
        assert wished == (0, f"{MACHINE}: version 7 is in force\n", "")
        # A machine's certificate orders nothing.
        thief = ("--certificate", f"{pair.with_name('vm-000124')}.crt")
        key = ("--key", f"{pair.with_name('vm-000124')}.key")
        status, _, err = await cloud("tell", MACHINE, "restart", *thief, *key, "--config", config)
        assert status == 1
        assert "Not authorized; may this client order?" in err
        assert (await cloud("wish", MACHINE, "--withdraw", "--config", config))[0] == 0
        assert not fiscaliser.ends
    assert machine.done == []

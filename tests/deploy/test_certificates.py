"""certificates.sh, run for real over openssl."""

import os
import ssl
import stat
import subprocess
from pathlib import Path

import msgspec
import pytest
from deploy.secured import DEPLOY, HOST, MACHINE, certificates

from edge.wire.messages import MachineId

pytestmark = pytest.mark.needs("openssl")


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def names(certificate: Path) -> str:
    return openssl("x509", "-in", certificate, "-noout", "-subject", "-ext", "subjectAltName")


def test_no_key_is_readable_by_anybody_else(authority: Path) -> None:
    keys = list(authority.rglob("*.key"))
    assert len(keys) == 5
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_keys_are_private_also_for_a_careless_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        certificates(tmp_path / "new", "ca")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new/ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_nothing_but_the_results_is_left_in_the_folder(authority: Path) -> None:
    assert sorted(each.name for each in authority.iterdir()) == [
        *("broker.crt", "broker.key", "ca.crt", "ca.key", "cloud.crt", "cloud.key", "machines"),
    ]


@pytest.mark.parametrize(
    ("certificate", "good_for", "not_for"),
    [
        ("broker.crt", "sslserver", "sslclient"),
        ("cloud.crt", "sslclient", "sslserver"),
        (f"machines/{MACHINE}.crt", "sslclient", "sslserver"),
    ],
)
def test_a_certificate_is_good_for_one_purpose_and_strictly_made(
    authority: Path, certificate: str, good_for: str, not_for: str
) -> None:
    verify = ("verify", "-x509_strict", "-CAfile", authority / "ca.crt", "-purpose")
    assert openssl(*verify, good_for, authority / certificate).endswith(": OK\n")
    assert "unsuitable certificate purpose" in openssl(*verify, not_for, authority / certificate)


def test_python_takes_every_pair(authority: Path) -> None:
    context = ssl.create_default_context(cafile=str(authority / "ca.crt"))
    for key in [*authority.glob("machines/*.key"), authority / "cloud.key"]:
        context.load_cert_chain(key.with_suffix(".crt"), key)


def test_the_name_in_a_certificate_is_the_machine(authority: Path) -> None:
    assert "CN = vm-000123\n" in names(authority / f"machines/{MACHINE}.crt")
    assert "CN = cloud\n" in names(authority / "cloud.crt")


def test_the_broker_is_certified_by_address_or_by_name(authority: Path, tmp_path: Path) -> None:
    assert f"IP Address:{HOST}" in names(authority / "broker.crt")
    certificates(tmp_path, "ca")
    certificates(tmp_path, "broker", "mqtt.chek.example")
    assert "DNS:mqtt.chek.example" in names(tmp_path / "broker.crt")


@pytest.mark.parametrize(
    "command", [("ca",), ("broker", HOST), ("cloud",), ("machine", MACHINE)], ids=" ".join
)
def test_a_command_again_changes_nothing(authority: Path, command: tuple[str, ...]) -> None:
    before = {file: file.read_bytes() for file in authority.rglob("*.*") if file.is_file()}
    again = certificates(authority, *command)
    assert again.returncode == 0
    assert "is there already" in again.stdout
    assert {file: file.read_bytes() for file in authority.rglob("*.*") if file.is_file()} == before


@pytest.mark.parametrize(
    "command", [("ca",), ("broker", HOST), ("cloud",), ("machine", MACHINE)], ids=" ".join
)
def test_each_command_says_the_next_step(authority: Path, command: tuple[str, ...]) -> None:
    assert "\nnext: " in certificates(authority, *command).stdout


def test_a_certificate_is_renewed_under_its_key(tmp_path: Path) -> None:
    certificates(tmp_path, "ca")
    certificates(tmp_path, "machine", "vm-1")
    certificate, key = tmp_path / "machines/vm-1.crt", tmp_path / "machines/vm-1.key"
    old, its_key = certificate.read_bytes(), key.read_bytes()
    certificate.unlink()
    certificates(tmp_path, "machine", "vm-1")
    assert certificate.read_bytes() != old
    assert key.read_bytes() == its_key


@pytest.mark.parametrize(
    "name",
    [
        *("", "cloud", "+", "#", "vm/1", "vm-1/state", "vm 1", "-vm", ".vm", "../vm", "автомат"),
        *("vm\n1", "vm$(id)", "vm;id", "vm*", "v" * 65),
    ],
)
def test_a_name_that_no_machine_may_have_is_refused(authority: Path, name: str) -> None:
    refused = certificates(authority, "machine", name)
    assert refused.returncode == 2
    assert refused.stderr.startswith("certificates.sh: ")
    assert not (authority / f"machines/{name}.crt").exists()


@pytest.mark.parametrize("name", ["a", "0", "VM_1.2-3", "v" * 64])
def test_a_name_that_the_configuration_takes_is_taken(tmp_path: Path, name: str) -> None:
    msgspec.convert(name, MachineId)
    certificates(tmp_path, "ca")
    assert certificates(tmp_path, "machine", name).returncode == 0
    assert f"CN = {name}\n" in names(tmp_path / f"machines/{name}.crt")


@pytest.mark.parametrize("host", ["", "a b", "-a", "a..b", "a/b", "mqtt.example,DNS:evil", "1.2"])
def test_a_host_that_cannot_be_one_is_refused(tmp_path: Path, host: str) -> None:
    certificates(tmp_path, "ca")
    assert certificates(tmp_path, "broker", host).returncode == 2
    assert not (tmp_path / "broker.crt").exists()


def test_a_broker_certificate_is_not_taken_for_another_host(authority: Path) -> None:
    refused = certificates(authority, "broker", "mqtt.chek.example")
    assert refused.returncode == 2
    assert "another host" in refused.stderr


def test_without_an_authority_the_next_step_is_said(tmp_path: Path) -> None:
    refused = certificates(tmp_path, "machine", "vm-1")
    assert refused.returncode == 2
    assert "certificates.sh ca" in refused.stderr


def test_the_folder_may_come_from_the_environment_and_must_come_from_somewhere(
    tmp_path: Path,
) -> None:
    command = ["sh", DEPLOY / "broker/certificates.sh", "ca"]
    environment = {"PATH": os.environ["PATH"]}
    homeless = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert homeless.returncode == 2
    assert b"CHEKOMAT_CERTIFICATES" in homeless.stderr
    environment["CHEKOMAT_CERTIFICATES"] = str(tmp_path / "there")
    subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert [each.name for each in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there/ca.crt").is_file()

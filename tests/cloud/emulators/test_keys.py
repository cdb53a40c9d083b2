"""Keys of one's own: made once, whole or not at all."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cloud.emulators.keys import TERM, Keys, issue, opened
from cloud.errors import ConfigError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return opened(tmp_path_factory.mktemp("made") / "keys", NOW, "emulator.example")


def certificate(keys: Keys, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(keys.file(name)).read_bytes())


def test_a_folder_that_does_not_exist_is_made_and_then_kept(keys: Keys) -> None:
    first = {file.name: file.read_bytes() for file in keys.folder.iterdir()}
    assert opened(keys.folder, NOW + timedelta(days=1)) == keys
    assert {file.name: file.read_bytes() for file in keys.folder.iterdir()} == first


def test_nobody_else_reads_them(keys: Keys) -> None:
    modes = {stat.S_IMODE(file.stat().st_mode) for file in keys.folder.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700


def test_no_repository_takes_them_in(keys: Keys) -> None:
    assert (keys.folder / ".gitignore").read_text() == "*\n"


def test_nothing_is_left_beside_the_folder(keys: Keys) -> None:
    assert list(keys.folder.parent.iterdir()) == [keys.folder]


@pytest.mark.parametrize("name", ["server.crt", "client.crt"])
def test_the_authority_has_issued_it_for_ten_years(keys: Keys, name: str) -> None:
    issued = certificate(keys, name)
    issued.verify_directly_issued_by(certificate(keys, "ca.crt"))
    assert issued.not_valid_before_utc < NOW
    assert issued.not_valid_after_utc == NOW + TERM


def test_the_server_is_known_by_loopback_and_by_its_host(keys: Keys) -> None:
    extension = certificate(keys, "server.crt").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert [str(name.value) for name in extension.value] == [
        "127.0.0.1",
        "::1",
        "localhost",
        "emulator.example",
    ]


def test_the_client_is_known_by_the_bytes_that_tls_shows(keys: Keys) -> None:
    assert keys.client() == certificate(keys, "client.crt").public_bytes(Encoding.DER)


def test_a_signing_key_has_2048_bits(keys: Keys) -> None:
    assert keys.signing().key_size == 2048


def test_who_shows_nothing_is_not_turned_away_in_the_handshake(keys: Keys) -> None:
    assert keys.context().verify_mode is ssl.CERT_OPTIONAL


def test_the_same_authority_issues_one_more(keys: Keys) -> None:
    issue(keys.folder, "other", NOW)
    other = certificate(keys, "other.crt")
    other.verify_directly_issued_by(certificate(keys, "ca.crt"))
    assert other.public_bytes(Encoding.DER) != keys.client()
    for name in ("other.crt", "other.key"):
        Path(keys.file(name)).unlink()


def test_a_folder_that_lacks_something_is_not_made_whole(tmp_path: Path) -> None:
    (tmp_path / "signing.pub").touch()
    with pytest.raises(ConfigError, match=r"lacks ca\.crt, ca\.key, server\.crt"):
        opened(tmp_path, NOW)
    assert [file.name for file in tmp_path.iterdir()] == ["signing.pub"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="keys cannot be made there"):
        opened(tmp_path / "file" / "keys", NOW)


def test_a_public_key_of_another_kind_is_told(keys: Keys, tmp_path: Path) -> None:
    public = certificate(keys, "ca.crt").public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "signing.pub").write_bytes(pem)
    with pytest.raises(ConfigError, match=r"signing\.pub: expected an RSA public key"):
        Keys(tmp_path).signing()


def test_files_that_hold_something_else_are_told(tmp_path: Path) -> None:
    for name in ("server.crt", "server.key", "ca.crt", "client.crt", "signing.pub"):
        (tmp_path / name).write_text("nothing of the kind")
    for read in (Keys(tmp_path).context, Keys(tmp_path).client, Keys(tmp_path).signing):
        with pytest.raises(ConfigError, match=str(tmp_path)):
            read()

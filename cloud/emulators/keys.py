"""Keys of one's own, for an emulator that asks for certificates and signatures.

One folder holds:

    ca.crt, ca.key             whom both sides believe; it issues the other two
    server.crt, server.key     what the emulator shows
    client.crt, client.key     what a register shows
    signing.key, signing.pub   RSA: a register signs its documents, the emulator checks them

They open this emulator and nothing else.
"""

import os
import ssl
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.errors import ConfigError

TERM: Final = timedelta(days=3650)
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
SIGNING_BITS: Final = 2048
_FILES: Final = (
    *("ca.crt", "ca.key", "server.crt", "server.key"),
    *("client.crt", "client.key", "signing.key", "signing.pub"),
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The folder, and what is read from it."""

    folder: Path

    def file(self, name: str) -> str:
        """Where one of the files is."""
        return str(self.folder / name)

    def context(self) -> ssl.SSLContext:
        """What the emulator is served with. Who shows no certificate comes in, to be told so."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.file("server.crt"), self.file("server.key"))
            context.load_verify_locations(self.file("ca.crt"))
        except ssl.SSLError as error:
            raise ConfigError(f"{self.folder}: server.crt, server.key, ca.crt: {error}") from error
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def client(self) -> bytes:
        """The register's certificate, as TLS shows it."""
        pem = (self.folder / "client.crt").read_bytes()
        try:
            return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        except ValueError as error:
            raise ConfigError(f"{self.file('client.crt')}: expected a certificate") from error

    def signing(self) -> rsa.RSAPublicKey:
        """What signatures are checked with."""
        pem, key = (self.folder / "signing.pub").read_bytes(), None
        with suppress(ValueError):
            key = load_pem_public_key(pem)
        if not isinstance(key, rsa.RSAPublicKey):
            raise ConfigError(f"{self.file('signing.pub')}: expected an RSA public key")
        return key


def opened(folder: Path, now: datetime, host: str = LOOPBACK[0]) -> Keys:
    """The keys of a folder; made, if there is no such folder. `host` is where the server is.

    Raises:
        ConfigError: the folder lacks one of them, or cannot be made.
    """
    try:
        if not folder.exists():
            _make(folder, now, host)
    except OSError as error:
        raise ConfigError(f"{folder}: keys cannot be made there: {error}") from error
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigError(
            f"{folder}: lacks {', '.join(missing)}; name a folder that does not exist yet"
        )
    return Keys(folder)


def issue(folder: Path, name: str, now: datetime) -> None:
    """One client certificate more, by the same authority: `name`.crt and `name`.key."""
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    key = load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{folder / 'ca.key'}: expected the key that was made here")
    _leaf(folder, name, (authority, key), now, None)


def _make(folder: Path, now: datetime, host: str) -> None:
    """All of them, or none: a folder that was left half made would be taken for a whole one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as made:
        whole = Path(made) / "keys"
        whole.mkdir(mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        authority = _certificate("emulator's authority", key, None, now, None)
        _write(whole, "ca.crt", authority.public_bytes(Encoding.PEM))
        _write(whole, "ca.key", _private(key))
        _leaf(whole, "server", (authority, key), now, host)
        _leaf(whole, "client", (authority, key), now, None)
        signing = rsa.generate_private_key(public_exponent=65537, key_size=SIGNING_BITS)
        _write(whole, "signing.key", _private(signing))
        public = signing.public_key()
        _write(
            whole,
            "signing.pub",
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        )
        _write(whole, ".gitignore", b"*\n")  # keys are in no repository
        whole.rename(folder)


_Authority = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _leaf(folder: Path, name: str, authority: _Authority, now: datetime, host: str | None) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    made = _certificate(name, key, authority, now, host)
    _write(folder, f"{name}.crt", made.public_bytes(Encoding.PEM))
    _write(folder, f"{name}.key", _private(key))


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    authority: _Authority | None,
    now: datetime,
    host: str | None,
) -> x509.Certificate:
    """Without an authority, its own; with a host, a server's; else a client's."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (authority[0].subject, authority[1]) if authority else (subject, key)
    ours = x509.SubjectKeyIdentifier.from_public_key
    theirs = x509.AuthorityKeyIdentifier.from_issuer_public_key
    draft = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + TERM)
        .add_extension(ours(key.public_key()), critical=False)
        .add_extension(theirs(signer.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(_usage(signs_others=authority is None), critical=True)
    )
    if authority is not None:
        role = ExtendedKeyUsageOID.SERVER_AUTH if host else ExtendedKeyUsageOID.CLIENT_AUTH
        draft = draft.add_extension(x509.ExtendedKeyUsage([role]), critical=False)
    if host is not None:
        names = [_named(each) for each in dict.fromkeys((*LOOPBACK, host))]
        draft = draft.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return draft.sign(signer, hashes.SHA256())


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        encipher_only=False,
        decipher_only=False,
    )


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(folder: Path, name: str, content: bytes) -> None:
    """Readable by the owner alone, from its first byte on."""
    descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)

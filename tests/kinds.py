"""Kinds of rented registers: each provider's emulator, and what the fleet says of an account there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from till import INN

from cloud.emulators import atol, cloudkassir, ferma, komtet, orange
from cloud.emulators.drive import Drive
from cloud.emulators.frame import Emulator

SECRET: Final = "tell nobody"


@dataclass(frozen=True)
class Place:
    """Where things are: the emulator, the files of secrets, our hook if there is one."""

    folder: Path
    hook: str
    """Empty, where nobody is to push."""
    url: str = ""

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def pushed_to(self) -> dict[str, object]:
        return {"callback_url": self.hook} if self.hook else {}


@dataclass(frozen=True)
class Kind:
    """How a provider's emulator is opened, and what the fleet says of the register there."""

    provider: str
    emulator: Callable[[Place], Emulator]
    settings: Callable[[Place], Mapping[str, object]]


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    """A short one, as it is made and read sooner; nobody is kept out by it here."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def _cloudkassir(at: Place) -> Emulator:
    account = cloudkassir.Settings("demo", SECRET, inn=INN, webhook=at.hook or None)
    return cloudkassir.CloudKassir(account, Drive(None))


def _orange(_at: Place) -> Emulator:
    return orange.OrangeData(orange.Organisation(INN, _signing_key().public_key()), Drive(None))


def _atol(protocol: str) -> Callable[[Place], Emulator]:
    account = atol.Settings("demo", SECRET, "demo_1", protocol, inn=INN)
    return lambda _at: atol.Atol(account, Drive(None))


def _ferma(_at: Place) -> Emulator:
    return ferma.Ferma(ferma.Settings("demo", SECRET, inn=INN), Drive(None))


def _komtet(_at: Place) -> Emulator:
    return komtet.Komtet(komtet.Settings("demo", SECRET, queue=7), Drive(None))


def _atol_settings(protocol: str, ffd: str) -> Callable[[Place], Mapping[str, object]]:
    return lambda at: {
        "url": f"{at.url}/possystem/{protocol}",
        "protocol": protocol,
        "ffd": ffd,
        "login": "demo",
        "password_file": at.file("secret"),
        "group": "demo_1",
        "email": "office@coffee.example",
        **at.pushed_to(),
    }


KINDS: Final[Mapping[str, Kind]] = {
    "cloudkassir": Kind(
        "cloudkassir",
        _cloudkassir,
        lambda at: {"url": at.url, "public_id": "demo", "secret_file": at.file("secret")},
    ),
    "orange": Kind(
        "orange",
        _orange,
        lambda at: {
            "url": at.url,
            "inn": INN,
            "signing_key": at.file("signing.key"),
            **at.pushed_to(),
        },
    ),
    "atol4": Kind("atol", _atol("v4"), _atol_settings("v4", "1.05")),
    "atol5": Kind("atol", _atol("v5"), _atol_settings("v5", "1.2")),
    "ferma": Kind(
        "ferma",
        _ferma,
        lambda at: {
            "url": f"{at.url}/api",
            "login": "demo",
            "password_file": at.file("secret"),
            "machine_field": "AutomatNumber",
            **at.pushed_to(),
        },
    ),
    "komtet": Kind(
        "komtet",
        _komtet,
        lambda at: {
            "url": f"{at.url}/api/shop/v2",
            "shop_id": "demo",
            "secret_file": at.file("secret"),
            "queue": 7,
            **at.pushed_to(),
        },
    ),
}
"""Every provider there is, and ATOL once for each of its protocols."""


def write_secrets(folder: Path) -> None:
    """The files that settings name."""
    (folder / "secret").write_text(SECRET, "utf-8")
    pem = _signing_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "signing.key").write_bytes(pem)

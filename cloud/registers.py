"""Registers: the providers there are by name, and an account opened from its settings."""

from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec

from cloud.errors import ConfigError
from cloud.fleet import Register
from cloud.providers import Account, Provider
from cloud.providers.atol import Atol
from cloud.providers.atol import Settings as AtolSettings
from cloud.providers.cloudkassir import CloudKassir
from cloud.providers.cloudkassir import Settings as CloudKassirSettings
from cloud.providers.ferma import Ferma
from cloud.providers.ferma import Settings as FermaSettings
from cloud.providers.komtet import Komtet
from cloud.providers.komtet import Settings as KomtetSettings
from cloud.providers.orange import OrangeData
from cloud.providers.orange import Settings as OrangeSettings

LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}


class _Opens(Protocol):
    def __call__(self, http: aiohttp.ClientSession, settings: Any, /) -> Provider: ...  # noqa: ANN401, its own


KINDS: Final[dict[str, tuple[type[Account], _Opens]]] = {
    "cloudkassir": (CloudKassirSettings, CloudKassir),
    "orange": (OrangeSettings, OrangeData),
    "atol": (AtolSettings, Atol),
    "ferma": (FermaSettings, Ferma),
    "komtet": (KomtetSettings, Komtet),
}
"""Every provider: how its settings read, and who speaks to it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A register, ready to be spoken to."""

    register: Register
    account: Account
    provider: Provider


def account_of(register: Register) -> Account:
    """A register's settings, checked.

    Raises:
        ConfigError: a key is unknown, missing or out of range, or the address is plain HTTP and not
            on loopback.
    """
    settings, _ = KINDS[register.provider]
    try:
        account = msgspec.convert(register.settings, settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"register {register.id}: {error}") from error
    try:
        address = urlsplit(account.url)
        named, _ = address.hostname, address.port
    except ValueError as error:
        raise ConfigError(f"register {register.id}: url {account.url}: {error}") from error
    if not named:
        raise ConfigError(f"register {register.id}: url {account.url}: it names no host")
    if address.scheme == "http" and address.hostname not in LOOPBACK:
        raise ConfigError(
            f"register {register.id}: url {account.url}: receipts and secrets travel over https;"
            " plain http is for loopback alone"
        )
    return account


def opened(register: Register, http: aiohttp.ClientSession) -> Opened:
    """Open a register's account. Nothing is sent.

    Raises:
        ConfigError: its settings are wrong, or a file that they name cannot be read.
    """
    account = account_of(register)
    _, opens = KINDS[register.provider]
    try:
        return Opened(register, account, opens(http, account))
    except ConfigError as error:
        raise ConfigError(f"register {register.id}: {error}") from error
    except Exception as error:
        # One account that cannot be opened must not stop the others.
        said = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"register {register.id}: its account cannot be opened: {said}"
        ) from error

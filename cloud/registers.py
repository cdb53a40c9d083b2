"""Registers: the providers there are by name, and an account opened from its settings."""

import re
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import inspect

from cloud.books.needed import EXPLAINED, NEEDED
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
from edge.wire.settings import alternatives

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
        said = _in_words(str(error), register)
        raise ConfigError(f"register {register.id}: {said}") from error
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


def _in_words(error: str, register: Register) -> str:
    """What msgspec says: a key that is missing, or a word that is none of a key's."""
    if missing := re.match("Object missing required field `(.*?)`", error):
        key = missing[1]
        means = NEEDED[register.provider].get(key, "it has to be said")
        return f"provider {register.provider} needs `{key}`: {means}; see {EXPLAINED}"
    if wrong := re.search(r" - at `\$\.(\w+)`$", error):
        allowed = allowed_words(register.provider, wrong[1])
        if allowed:
            found = register.settings.get(wrong[1])
            return f"{wrong[1]}: expected one of {', '.join(allowed)}, found {found!r}"
    return error


def allowed_words(provider: str, key: str) -> tuple[str, ...]:
    """The words that a key of a provider's settings may be; empty if it is no such key."""
    kind = inspect.type_info(KINDS[provider][0])
    fields = kind.fields if isinstance(kind, inspect.StructType) else ()
    return tuple(
        str(word)
        for field in fields
        if field.name == key
        for each in alternatives(field.type)
        if isinstance(each, inspect.LiteralType)
        for word in each.values
    )

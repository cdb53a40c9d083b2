"""The shadow: what the cloud wants set over the machine's own file, applied as a whole or not. Pure.

The retained `config/desired` is the wish, and `config/reported` the answer to it:

    empty                       the wish is withdrawn: the file stands alone
    the wish in force, again    nothing changes; it comes on every connect
    another version             applied over the file, whether greater or less: it is only a name
    the same version, changed   refused: two things of one name could not be told apart
    a key, value or rule wrong  refused as a whole, in the words of the file's own check

A wish covers ``[receipts]`` and ``[products]``: what a wrong value of could be seen, and mended from
afar. Where the bus and the broker are is the file's alone.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from edge.config import Config, Receipts, check
from edge.errors import ConfigError
from edge.wire import Desired, MalformedMessageError, Reported, decode
from edge.wire.messages import MESSAGE_TEXT
from edge.wire.settings import Item, SettingsError, Table, converted

NAME: Final = "config/desired"
"""What mistakes are told of."""


class _Wished(Table, frozen=True, kw_only=True):
    """The tables of a file that a wish may speak of."""

    receipts: Receipts
    products: dict[Item, str]


@dataclass(frozen=True, slots=True)
class Applied:
    """The configuration to go on with, and the wish that is in it: to be kept over a restart."""

    config: Config
    version: int | None
    """None while the file alone is in force."""
    wish: bytes

    @property
    def reported(self) -> Reported:
        """What the cloud is told."""
        return Reported(version=self.version, wish=_digest(self.wish))


@dataclass(frozen=True, slots=True)
class Refused:
    """What is in force stays; `version` is the refused one's, None where it could not be read."""

    version: int | None
    error: str
    wish: bytes

    def reported(self, in_force: int | None) -> Reported:
        """What the cloud is told, with the version that stays in force."""
        return Reported(version=in_force, error=self.error, wish=_digest(self.wish))


def apply(file: Config, desired: bytes, in_force: bytes = b"") -> Applied | Refused:
    """What becomes of a wish.

    At the start the kept wish is applied like a new one; where it is refused, the file stands.

    Args:
        file: the machine's own configuration, as it was read from its file.
        desired: the payload of `config/desired`.
        in_force: the wish that is in force, as it was kept; empty for none.
    """
    if not desired:
        return Applied(file, None, b"")
    try:
        wish = decode(desired, Desired)
    except MalformedMessageError as error:
        return Refused(None, _short(f"{NAME}: {error}"), desired)
    if desired != in_force and wish.version == _version(in_force):
        words = (
            f"{NAME}: version: {wish.version} is in force, and says other things; give a new one"
        )
        return Refused(wish.version, words, desired)
    try:
        return Applied(_over(file, wish), wish.version, desired)
    except (SettingsError, ConfigError) as error:
        return Refused(wish.version, _short(str(error)), desired)


def _over(file: Config, wish: Desired) -> Config:
    """The file with the wish over it, checked like a file.

    Raises:
        SettingsError, ConfigError: a key is unknown or out of range, or a rule is broken.
    """
    receipts = msgspec.structs.asdict(file.receipts) | wish.receipts
    written = {"receipts": receipts, "products": {**file.products, **wish.products}}
    wished = converted(written, _Wished, NAME)
    config = msgspec.structs.replace(file, receipts=wished.receipts, products=wished.products)
    check(NAME, config)
    return config


def _version(wish: bytes) -> int | None:
    if not wish:
        return None
    try:
        return decode(wish, Desired).version
    except MalformedMessageError:
        return None


def _digest(wish: bytes) -> str | None:
    return sha256(wish).hexdigest() if wish else None


def _short(words: str) -> str:
    return words if len(words) <= MESSAGE_TEXT else f"{words[: MESSAGE_TEXT - 1]}…"

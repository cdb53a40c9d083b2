"""What the configuration files of both sides share: strict TOML, and where the broker is."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from edge.wire.messages import END

Listen = Annotated[str, Meta(pattern=r"^[^:\s]+:[0-9]{1,5}" + END)]
"""``HOST:PORT`` to listen on."""
Item = Annotated[str, Meta(pattern=r"^[0-9a-f]{4}" + END)]
"""An item number as the bus has it: four hex digits, letters small."""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a file: an unknown key is a mistake, not a wish."""


class Broker(Table, frozen=True, kw_only=True):
    """``[broker]``: where it is and how to prove who we are; secrets are files, never inline."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    mqtt: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password_file: str | None = None
    ca: str | None = None
    """The file of who signed the broker's certificate, or ``system``; without it there is no TLS."""
    certificate: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        """What one key alone cannot tell."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if self.certificate is not None and self.ca is None:
            raise ValueError("certificate without ca would go out in the clear: set ca")
        try:
            self.host.encode("idna")
        except UnicodeError:
            raise ValueError(f"host is no host's name, found {self.host!r}") from None


class SettingsError(ValueError):
    """A file that is no configuration; names file, key, what was expected and what was found."""


T = TypeVar("T", bound=Table)


def read(file: Path, kind: type[T], sample: str) -> T:
    """Read a file as a whole, or not at all; `sample` is the file to copy where there is none.

    Raises:
        SettingsError: it is missing, no TOML, or a key is unknown, missing or out of range.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError(
            f"{file}: cannot be read: {reason}; copy {sample} and edit it"
        ) from error
    try:
        written = tomllib.loads(text)
        return msgspec.convert(written, kind)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{file}: {_in_words(str(error), written)}") from error


def _in_words(error: str, written: object) -> str:
    """The key first and the value last: msgspec says ``Expected `int` >= 1 - at `$.broker.port```."""
    what, _, where = error.partition(" - at ")
    key = where.rpartition("$")[2].strip("`").removeprefix(".")
    # It names a table's entry only as `[...]`, and a wrong key as "`key` in `$.table`".
    if what.startswith("Expected") and where == f"`$.{key}`" and "..." not in key:
        for step in re.findall(r"[^.\[\]]+", key):
            written = written[int(step)] if isinstance(written, list) else written[step]  # type: ignore[index]
        what = f"{what.partition(', got')[0]}, found {written!r}"
    return f"{key or 'the file'}: {what}"

"""What the configuration files of both sides share: strict TOML, and where the broker is.

A key's `Meta` explains it: `description` is the comment above it in the generated sample, and the
first of `examples` what the sample shows where there is no default.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, inspect

from edge.wire.messages import END, MACHINE

_PORT: Final = "([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_LISTEN: Final = rf"^[^:\s]+:{_PORT}{END}"
_ITEM: Final = r"^[0-9a-f]{4}" + END
_MEANT: Final = {
    _LISTEN: "`str` matching HOST:PORT, the port up to 65535",
    _ITEM: "four hex digits, letters small",
    MACHINE: "letters, digits, '_', '.', '-', at most 64, a letter or digit first",
}
"""What a pattern asks for, as a person says it."""
LONGEST: Final = 200
"""Characters of a value that a message quotes."""
Listen = Annotated[str, Meta(pattern=_LISTEN)]
"""``HOST:PORT`` to listen on, the port up to 65535."""
Item = Annotated[str, Meta(pattern=_ITEM)]
"""An item number as the bus has it: four hex digits, letters small."""

SYSTEM: Final = "system"
"""As `ca`: whoever the system itself trusts."""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a file: an unknown key is a mistake, not a wish."""


class Broker(Table, frozen=True, kw_only=True):
    """``[broker]``: where it is and how to prove who we are. Secrets are files, never inline."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            description="Its name or address; the name has to stand in its certificate.",
            examples=["mqtt.chek.example"],
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Meta(
            ge=1,
            le=65535,
            description="8883 is MQTT over TLS, 1883 is MQTT without.",
            examples=[8883],
        ),
    ] = 1883
    mqtt: Annotated[
        Literal["5", "3.1.1"],
        Meta(
            description='"3.1.1" for a broker that does not speak "5". Nothing is lost by it but comfort.'
        ),
    ] = "5"
    username: Annotated[
        str | None,
        Meta(
            description="For a broker that asks for a name and a password; ours knows a machine by its\n"
            "certificate alone.",
            examples=["vm-000123"],
        ),
    ] = None
    password_file: Annotated[
        str | None,
        Meta(
            description="The file whose content is the password.",
            examples=["/run/credentials/chekomat-edge.service/mqtt.password"],
        ),
    ] = None
    ca: Annotated[
        str | None,
        Meta(
            description='The file of who signed the broker\'s certificate, or "system" for one that every\n'
            "browser knows. Without it there is no TLS.",
            examples=["/etc/chekomat/ca.crt"],
        ),
    ] = None
    certificate: Annotated[
        str | None,
        Meta(
            description="What the machine shows: its certificate, and the key to it.",
            examples=["/etc/chekomat/mqtt.crt"],
        ),
    ] = None
    key: Annotated[
        str | None,
        Meta(
            description="The key is read from where systemd lays a copy for the service (LoadCredential=); the\n"
            "file itself stays root's.",
            examples=["/run/credentials/chekomat-edge.service/mqtt.key"],
        ),
    ] = None

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

    @property
    def files(self) -> dict[str, str]:
        """The keys that name a file, and which."""
        named = {
            "password_file": self.password_file,
            "ca": None if self.ca == SYSTEM else self.ca,
            "certificate": self.certificate,
            "key": self.key,
        }
        return {key: file for key, file in named.items() if file is not None}

    def unreadable(self) -> Iterator[str]:
        """Each file that cannot be read, with its key: ``broker.ca: /x.crt: no such file``."""
        for key, file in self.files.items():
            try:
                with Path(file).open("rb") as opened:
                    opened.read(1)
            except FileNotFoundError:
                yield f"broker.{key}: {file}: no such file"
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                yield f"broker.{key}: {file}: cannot be read: {reason}"


class SettingsError(ValueError):
    """A file that is no configuration; names file, key, what was expected and what was found."""


T = TypeVar("T", bound=Table)


def read(file: Path, kind: type[T], sample: str) -> T:
    """Read a file as a whole, or not at all; `sample` is what to copy where there is none.

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
    return parsed(text, kind, str(file))


def parsed(text: str, kind: type[T], name: str) -> T:
    """Read the text of a file; `name` is what mistakes are told of.

    Raises:
        SettingsError: it is no TOML, or a key is unknown, missing or out of range.
    """
    try:
        written = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of endless numbers, and of nesting
        raise SettingsError(f"{name}: is no TOML: {error}") from error
    return converted(written, kind, name)


def converted(written: object, kind: type[T], name: str) -> T:
    """Check what was read as TOML, a whole file or one table.

    Raises:
        SettingsError: a key is unknown, missing or out of range.
    """
    try:
        made = msgspec.convert(written, kind)
    except msgspec.ValidationError as error:
        wrong = _one_line(_in_words(str(error), written, kind))
        raise SettingsError(f"{name}: {wrong}") from error
    for key, text in _texts(written):
        if "\0" in text:
            wrong = _one_line(f"{key}: expected text without a NUL, found {_found(text)}")
            raise SettingsError(f"{name}: {wrong}")
    return made


def _texts(written: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in what was converted, with its key; no system call takes a NUL in a name."""
    match written:
        case str():
            yield key, written
        case dict():
            for name, value in written.items():
                yield from _texts(value, f"{key}.{name}".removeprefix("."))
        case list():
            for index, value in enumerate(written):
                yield from _texts(value, f"{key}[{index}]")


def _found(written: object) -> str:
    """A value as it was found, and no more of it than helps."""
    try:
        told = repr(written)
    except (ValueError, RecursionError):
        return f"a value of type {type(written).__name__} that is too long to be told"
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"


def _one_line(told: str) -> str:
    """A mistake for a terminal: a key may hold anything."""
    short = told if len(told) <= 5 * LONGEST else f"{told[: 5 * LONGEST - 1]}…"
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in short)


def _in_words(error: str, written: object, kind: type[Table]) -> str:
    """The key first and the value last: msgspec says ``Expected `int` >= 1 - at `$.broker.port```."""
    what, _, where = error.partition(" - at ")
    written_whole = written
    key = where.rpartition("$")[2].strip("`").removeprefix(".")
    # It names a table's entry only as `[...]`, and a wrong key as "`key` in `$.table`".
    if what.startswith("Expected") and where == f"`$.{key}`" and "..." not in key:
        for step in re.findall(r"[^.\[\]]+", key):
            written = written[int(step)] if isinstance(written, list) else written[step]  # type: ignore[index]
        pattern = what.partition("matching regex ")[2]
        what = next(
            (f"Expected {each}" for of, each in _MEANT.items() if repr(of) == pattern), what
        )
        what = f"{what.partition(', got')[0]}, found {_found(written)}"
    what = _plainly(what, where, _at(written_whole, key))
    allowed = _allowed(kind, key)
    if allowed:
        what = f"{what}; allowed are {', '.join(map(repr, allowed))}"
    return f"{key or 'the file'}: {what}"


def _at(written: object, key: str) -> object:
    """What stands there; of a table's entry, the table."""
    for step in re.findall(r"[^.\[\]]+", key.partition("[...]")[0]):
        written = written[int(step)] if isinstance(written, list) else written[step]  # type: ignore[index]
    return written


def _plainly(what: str, where: str, there: object) -> str:
    """Msgspec's own words for keys and entries, in the words of a file."""
    if missing := re.match("Object missing required field (`.*?`)", what):
        return f"the key {missing[1]} is missing"
    if unknown := re.match("Object contains unknown field (`.*`)", what, re.DOTALL):
        return f"there is no key {unknown[1]}"
    if not isinstance(there, dict):
        return what
    if where.startswith("`key`"):
        pattern = what.partition("matching regex ")[2]
        for of, meant in _MEANT.items():
            if repr(of) == pattern:
                wrong = [key for key in there if not re.search(of, key)]
                return f"expected keys of {meant}, found {', '.join(map(repr, wrong[:3]))}"
    if where.endswith("[...]`") and (got := re.search("got `(.*?)`", what)):
        wrong = [key for key, value in there.items() if type(value).__name__ == got[1]]
        return f"{what}, of {', '.join(map(repr, wrong[:3]))}"
    return what


def _allowed(kind: type[Table], key: str) -> list[object]:
    """The values that a key may have, where they are a list; `key` as msgspec names it."""
    kinds: list[inspect.Type] = [inspect.type_info(kind)]
    values: list[object] = []
    for step in re.findall(r"\[[^\]]+\]|[^.\[\]]+", key):
        within = [each for outer in kinds for each in alternatives(outer)]
        values = [
            each.tag
            for each in within
            if isinstance(each, inspect.StructType) and each.tag_field == step
        ]
        kinds = [inner for each in within for inner in _inside(each, step)]
    literals = [each for outer in kinds for each in alternatives(outer)]
    values += [
        value for each in literals if isinstance(each, inspect.LiteralType) for value in each.values
    ]
    return list(dict.fromkeys(values))


def alternatives(kind: inspect.Type) -> Iterator[inspect.Type]:
    """What a value of this type may be, one by one, without their `Meta`."""
    match kind:
        case inspect.Metadata():
            yield from alternatives(kind.type)
        case inspect.UnionType():
            for each in kind.types:
                yield from alternatives(each)
        case _:
            yield kind


def _inside(kind: inspect.Type, step: str) -> list[inspect.Type]:
    match kind:
        case inspect.StructType():
            return [field.type for field in kind.fields if field.encode_name == step]
        case inspect.VarTupleType() | inspect.ListType():
            return [kind.item_type]
        case inspect.DictType():
            return [kind.value_type]
        case _:
            return []

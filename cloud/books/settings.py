"""A register's settings on the command line and in files. What is a secret stays in its file."""

import os
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from msgspec import inspect

from cloud.books.comparison import Complete
from cloud.books.kinds import Column
from cloud.books.needed import EXPLAINED
from cloud.errors import ConfigError
from cloud.fleet import Register
from cloud.registers import KINDS, account_of, allowed_words, opened
from cloud.store import sites

FILES: Final = {"ca", "certificate", "certificate_key", "signing_key"}
"""Beside those whose names end in `_file`: keys whose value is a file's name."""
_SECRET: Final = re.compile(
    r"secret|password|passwd|token|api_?key|private_?key|credential|^key$|^pass$|hmac",
    re.IGNORECASE,
)
EXAMPLES: Final = {
    "shop_id": ("1041", "1041"),
    "queue": ("7", "8"),
    "secret_file": ("/etc/chekomat/komtet.secret", "/etc/chekomat/komtet.secret"),
}
"""Of two registers at Komtet, in the example of a file."""
_PEM: Final = "-----BEGIN"
_USER_IN_URL: Final = re.compile(r"^[a-z]+://[^/\s]*@", re.IGNORECASE)


def is_file(key: str) -> bool:
    """Whether a key's value names a file."""
    return key.endswith("_file") or key in FILES


def columns() -> list[Column]:
    """A column of a file for every key of every provider."""
    known: dict[str, list[str]] = {}
    for provider, (settings, _) in KINDS.items():
        for field in msgspec.structs.fields(settings):
            known.setdefault(field.name, []).append(provider)
    return [
        Column(
            key,
            str,
            f"of {', '.join(providers)}",
            examples=EXAMPLES.get(key, ("", "")),
            within="settings",
        )
        for key, providers in known.items()
    ]


def from_pairs(pairs: Sequence[str], provider: str) -> dict[str, Any]:
    """``key=value`` of the command line.

    Raises:
        ConfigError: one is no pair, or would be a secret for everybody to see.
    """
    told: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            # It is not repeated: what was meant may be a secret.
            raise ConfigError("--set: expected KEY=VALUE, such as --set queue=7")
        told[key] = meant(provider, key, text)
    _refuse_secrets(told, provider)
    return told


def from_file(file: Path, provider: str) -> dict[str, Any]:
    """A TOML file's keys; `provider` may be among them.

    Raises:
        ConfigError: it cannot be read, is no TOML, is of another provider, or holds a secret.
    """
    told = toml(file)
    named = told.pop("provider", provider)
    if named != provider:
        raise ConfigError(f"{file}: is of provider {named!r}, found --provider {provider}")
    _refuse_secrets(told, provider)
    return _anchored(told, file.absolute().parent)


def named_in(file: Path) -> str | None:
    """The provider that a TOML file names, if it names one.

    Raises:
        ConfigError: it cannot be read, is no TOML, or names one that there is not.
    """
    named = toml(file).get("provider")
    if named is None or named in KINDS:
        return named
    raise ConfigError(f"{file}: provider: expected one of {', '.join(KINDS)}, found {named!r}")


def toml(file: Path) -> dict[str, Any]:
    """What stands in a TOML file.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: is no TOML: {error}") from error


def meant(provider: str, key: str, text: str) -> object:
    """A value as its key takes it: as JSON if it is some, else as a text.

    A number stays a text where the provider wants one: ``inn=7708806062``.
    """
    try:
        parsed: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    kinds = {field.name: field.type for field in msgspec.structs.fields(KINDS[provider][0])}
    if key not in kinds or _takes(kinds[key], parsed):
        return parsed
    if _takes(kinds[key], text) or allowed_words(provider, key):
        return text
    return parsed


def finished(register: Register, before: Register | None) -> Register:
    """The register, once its account would open; its texts are what its keys take.

    Raises:
        ConfigError: a key is unknown, missing or out of range, or holds a secret.
    """
    provider = register.provider
    if before is not None and before.provider != provider:
        raise ConfigError(
            f"register {register.id} is an account at {before.provider}, and its receipts stay"
            f" there: give the one at {provider} another name, and the machines that"
        )
    told = {
        key: meant(provider, key, value) if isinstance(value, str) else value
        for key, value in register.settings.items()
    }
    _refuse_secrets(told, provider)
    if before is not None and _follows(told, before):
        del told["ffd"]
    whole = msgspec.structs.replace(register, settings=_anchored(told, Path.cwd()))
    try:
        account = account_of(whole)
    except ConfigError as error:
        raise ConfigError(_in_words(str(error), provider)) from error
    if account.ffd != sites.ffd_of(provider, whole.settings):
        # Whoever reads the settings alone has to read the format that holds.
        whole = msgspec.structs.replace(whole, settings={**whole.settings, "ffd": account.ffd})
    return whole


def _follows(told: Mapping[str, Any], before: Register) -> bool:
    """Whether `ffd` is what another protocol left behind, and not what was said now."""
    old = before.settings
    kept = "ffd" in told and told["ffd"] == old.get("ffd")
    return kept and told.get("protocol") != old.get("protocol")


def opening(http: aiohttp.ClientSession) -> Complete:
    """`finished`, and then the account is opened as whoever serves does. Nothing is sent.

    What cannot be told without a file that is not on this computer is left to them: `unreadable`.
    """

    def complete(register: Register, before: Register | None) -> Register:
        whole = finished(register, before)
        missing = _missing(whole)
        with tempfile.NamedTemporaryFile("w", prefix="chekomat-") as word:
            word.write("a word in the place of the missing one")
            word.flush()
            words = {key: word.name for key in missing if key.endswith("_file")}
            here = msgspec.structs.replace(whole, settings={**whole.settings, **words})
            try:
                opened(here, http)
            except ConfigError as error:
                if not any(file in str(error) for file in missing.values()):
                    raise
        return whole

    return complete


def unreadable(register: Register) -> Iterator[str]:
    """A note on each file that cannot be read here; whoever serves has to be able to."""
    for key, file in _missing(register).items():
        yield (
            f"note: {key}: {file} is no file that you can read; whoever serves has to be able to"
        )


def _missing(register: Register) -> dict[str, str]:
    """Files that cannot be read here, by their keys."""
    return {
        key: file
        for key, file in register.settings.items()
        if is_file(key) and isinstance(file, str) and not os.access(file, os.R_OK)
    }


def _takes(kind: Any, value: object) -> bool:  # noqa: ANN401, any annotation
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _refuse_secrets(told: Mapping[str, Any], provider: str) -> None:
    """Before anything is kept, shown or said: the values are not repeated here."""
    known = {field.name for field in msgspec.structs.fields(KINDS[provider][0])}
    for key, value in told.items():
        text = value if isinstance(value, str) else ""
        if key not in known and _SECRET.search(key) and not is_file(key):
            files = sorted(each for each in known if is_file(each) and each != "ca")
            raise ConfigError(
                f"{key}: a secret is never a value: write it into a file that only the fiscaliser"
                f" may read, and name the file ({provider} has {', '.join(files)}), such as"
                f" --set {files[0]}=/etc/chekomat/{files[0].removesuffix('_file')}"
            )
        if is_file(key) and (_PEM in text or "\n" in text or "\0" in text):
            raise ConfigError(
                f"{key}: expected the name of a file, found what is in it: write it into a file"
                " that only the fiscaliser may read, and name the file"
            )
        if _USER_IN_URL.match(text):
            raise ConfigError(f"{key}: a user and a password do not stand in a URL: name a file")


def _anchored(told: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """With files by their whole names: whoever serves stands in another folder."""
    return {
        key: os.path.normpath(folder / value)
        if is_file(key) and isinstance(value, str) and value
        else value
        for key, value in told.items()
    }


def _in_words(error: str, provider: str) -> str:
    """An unknown or missing key, with the known ones."""
    fields = inspect.type_info(KINDS[provider][0])
    assert isinstance(fields, inspect.StructType)  # noqa: S101, they all are
    if "unknown field" in error:
        needed = [each.name for each in fields.fields if each.required]
        others = [each.name for each in fields.fields if not each.required]
        return (
            f"{error}; {provider} needs {', '.join(needed)}; it may be told {', '.join(others)};"
            f" see {EXPLAINED}"
        )
    return error

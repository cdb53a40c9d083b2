"""The file: answers as TOML, put in place whole or not at all, the one before kept beside it."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from edge.config.sample import toml

HEAD: Final = """\
# Written by: python -m edge setup
# Every key that may stand here, explained: python -m edge sample
"""


def document(tree: Mapping[str, Any]) -> str:
    """A configuration as TOML: plain keys first, then a table each, then lists of tables."""
    return "\n".join([HEAD, *_lines(tree)]).rstrip("\n") + "\n"


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The old file's keys, and over them the new ones; a table is merged, a list replaced."""
    both: dict[str, Any] = {**old}
    for key, value in new.items():
        before = both.get(key)
        both[key] = (
            {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
        )
        if isinstance(both[key], dict):
            both[key] = {name: each for name, each in both[key].items() if each is not None}
    return both


def _lines(tree: Mapping[str, Any]) -> Iterator[str]:
    below = {key: value for key, value in tree.items() if _is_table(value)}
    yield from (f"{key} = {toml(value)}" for key, value in tree.items() if key not in below)
    for key, value in below.items():
        for each in value if isinstance(value, list) else [value]:
            yield ""
            yield f"[[{key}]]" if isinstance(value, list) else f"[{key}]"
            yield from (f"{_key(name)} = {toml(inner)}" for name, inner in each.items())


def _is_table(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, dict) for each in value)
    return isinstance(value, dict)


def _key(name: str) -> str:
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isascii() and plain.isalpha() else toml(name)


def backup_of(file: Path) -> Path:
    """Where the file before is kept."""
    return file.with_name(f"{file.name}.bak")


def put(file: Path, text: str) -> None:
    """Write the file, its folder too if need be; one that was there becomes the backup.

    Raises:
        OSError: it cannot be written here.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=file.parent, prefix=".edge-", delete=False
    ) as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    beside = Path(new.name)
    beside.chmod(0o644)  # the service reads it as a user of its own; no secret is in it
    if file.exists():
        kept = backup_of(file)
        kept.unlink(missing_ok=True)
        os.link(file, kept)
    beside.replace(file)

"""Credentials: the files that prove who we are, found where a person at the console may read them.

A service reads its key from a copy that systemd lays there while it runs. For one that is stopped
the file which that copy is made from is read instead, as the unit says.
"""

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from edge.checks import as_is, both
from edge.technician.words import Text
from edge.wire.settings import Broker

LAID: Final = Path("/run/credentials/chekomat-edge.service")
KEPT: Final = Path("/etc/chekomat")


def as_found(broker: Broker, laid: Path = LAID, kept: Path = KEPT) -> Broker:
    """The same, each credential that is not laid out now replaced by the file it is copied from."""
    found: dict[str, str] = {}
    for key, file in broker.files.items():
        path = Path(file)
        source = kept / path.name
        if path.parent == laid and not path.exists() and source.exists():
            found[key] = str(source)
    return replace(broker, **found) if found else broker


def in_words(problem: str) -> Text:
    """What `Broker.unreadable` says of a file, in both languages; the system's reason as it is."""
    file, absent, _ = problem.partition(": no such file")
    if absent:
        return both("{file}: нет такого файла", "{file}: no such file", file=file)
    file, unread, reason = problem.partition(": cannot be read: ")
    if unread:
        return both(
            "{file}: не прочитать: {reason}",
            "{file}: cannot be read: {reason}",
            file=file,
            reason=reason,
        )
    return as_is(problem)

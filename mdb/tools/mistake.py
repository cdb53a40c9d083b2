"""The user's mistake, told in one line: what, where, and what to do."""

from pathlib import Path


class MistakeError(Exception):
    """A bad file, a bad option, an unknown tap: the command ends with 2 and this message."""


def of_file(file: Path | str, error: Exception) -> MistakeError:
    """A file that cannot be opened, or is not what it should be."""
    return MistakeError(f"{file}: {getattr(error, 'strerror', None) or error}")

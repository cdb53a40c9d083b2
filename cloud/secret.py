"""Secrets: the content of a file, named by a setting. Never a value that is printed or logged."""

from pathlib import Path

from cloud.errors import ConfigError


def secret_in(key: str, file: str | Path) -> str:
    """The secret in a file; `key` is the setting, or option, that names the file.

    Raises:
        ConfigError: it cannot be read, is no text, or is empty.
    """
    try:
        told = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ConfigError(f"{key}: {file} cannot be read: {reason}") from error
    if not told:
        raise ConfigError(f"{key}: {file} is empty; write the secret into it, and nothing else")
    return told

"""The technician's PIN: the content of a file that not everybody may read."""

import re
import stat
from pathlib import Path

from edge.errors import ConfigError


def read_pin(file: Path) -> str:
    """Four to twelve digits; spaces and a line feed around them do not count.

    Raises:
        ConfigError: the file cannot be read, everybody may read it, or it holds something else.
            The message names the file, never its content.
    """
    try:
        with file.open("r", encoding="ascii") as opened:
            mode = stat.S_IMODE(file.stat().st_mode)
            pin = opened.read(64).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it holds something else than digits"
        raise ConfigError(
            f"technician.pin_file: {file}: cannot be read: {reason}; write a PIN of 4 to 12 digits"
            " into it, or remove [technician]"
        ) from error
    if mode & 0o007:
        raise ConfigError(
            f"technician.pin_file: {file}: everybody on this machine may read it (mode {mode:04o});"
            f" chmod 640 {file}"
        )
    if not re.fullmatch(r"[0-9]{4,12}", pin):
        raise ConfigError(
            f"technician.pin_file: {file}: expected 4 to 12 digits, found something else"
        )
    return pin

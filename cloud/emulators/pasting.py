"""Pasting: the command that makes a register of an emulator, as a shell takes it."""

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104, what is not called
"""A host that is listened on, and the one to call."""


def url_of(listen: str, path: str = "", scheme: str = "http") -> str:
    """Where an emulator that listens there is called."""
    host, _, port = listen.rpartition(":")
    return f"{scheme}://{_EVERYWHERE.get(host, host)}:{port}{path}"


def register_add(provider: str, told: Mapping[str, object]) -> str:
    """The command, with the settings that open the emulator."""
    pairs = [word for key, value in told.items() for word in ("--set", f"{key}={value}")]
    return shlex.join(
        ["python", "-m", "cloud", "register", "add", "main", "--provider", provider, *pairs]
    )


def secret_at(
    arguments: argparse.Namespace, file: Path | None, secret: str
) -> tuple[str, list[str]]:
    """The file that a secret stands in; if there is none yet, the command that writes it, too."""
    if file is not None:
        return str(file.absolute()), []
    name = f"{arguments.provider}.secret"
    return name, [f"(umask 077; printf %s {shlex.quote(secret)} > {name})"]

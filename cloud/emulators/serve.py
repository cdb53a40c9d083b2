"""Runs an emulator as a server of its own."""

import argparse
import asyncio
import secrets
import sqlite3
from pathlib import Path

from cloud.emulators.cloudkassir import CloudKassir, Settings
from cloud.emulators.drive import Drive
from cloud.errors import ConfigError, StartError
from cloud.listening import listening


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until cancelled.

    Raises:
        ConfigError: the secret's file cannot be read.
        StartError: the port or the ledger is not to be had.
    """
    secret = _secret(arguments.secret_file)
    settings = Settings(
        public_id=arguments.public_id,
        secret=secret,
        inn=arguments.inn,
        webhook=arguments.webhook,
        delay_s=arguments.delay,
    )
    try:
        drive = Drive(arguments.ledger)
    except sqlite3.Error as error:
        raise StartError(f"--ledger {arguments.ledger}: {error}") from error
    emulator = CloudKassir(settings, drive)
    async with listening("--listen", arguments.listen, emulator.app()):
        where = f"http://{arguments.listen}"
        print(f"cloudkassir listens on {where}, ledger {where}/ledger", flush=True)  # noqa: T201
        if arguments.secret_file is None:
            # It opens this emulator alone, and nobody else could tell it.
            print(f"public id {arguments.public_id}, secret {secret}", flush=True)  # noqa: T201
        await asyncio.Event().wait()


def _secret(file: Path | None) -> str:
    if file is None:
        return secrets.token_hex(16)
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ConfigError(f"--secret-file {file}: {reason}") from error

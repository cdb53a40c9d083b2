"""Runs an emulator as a server of its own."""

import argparse
import asyncio
import sqlite3
from importlib import import_module

from cloud.emulators.arguments import EMULATORS
from cloud.emulators.drive import Drive
from cloud.emulators.frame import Emulator
from cloud.errors import CloudError, StartError
from cloud.listening import listening


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until cancelled.

    Raises:
        ConfigError: a file that an option names cannot be read.
        StartError: the port or the ledger is not to be had.
    """
    module = import_module(EMULATORS[arguments.provider][0])
    try:
        drive = Drive(arguments.ledger)
    except sqlite3.Error as error:
        raise StartError(f"--ledger {arguments.ledger}: {error}") from error
    try:
        emulator, told = module.opened(arguments, drive)
    except CloudError:
        drive.close()
        raise
    async with listening("--listen", arguments.listen, emulator.app(), emulator.tls):
        where = _where(emulator, arguments.listen)
        print(  # noqa: T201, a command line prints
            f"{arguments.provider} listens on {where}, ledger {where}/ledger", *told,
            sep="\n", flush=True,
        )  # fmt: skip
        await asyncio.Event().wait()


def _where(emulator: Emulator, listen: str) -> str:
    return f"{'https' if emulator.tls else 'http'}://{listen}"

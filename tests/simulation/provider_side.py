"""The provider's side: one emulator at work, with its ledger; it outlives whatever happens."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from kinds import KINDS, Kind, Place
from simulation.process import Computer, Process

from cloud.emulators.drive import Document
from cloud.emulators.frame import Emulator

HOST: Final = "127.0.0.1"
PORT: Final = 7000


@dataclass
class Rented:
    """An account of one kind, and the judge: every document that was ever recorded there."""

    kind: str
    folder: Path
    hook: str
    """Our address for its pushes; empty: it does not push."""

    def __post_init__(self) -> None:
        self.computer = Computer("provider")
        self.emulator: Emulator = self._of.emulator(self._place)

    @property
    def _of(self) -> Kind:
        return KINDS[self.kind]

    @property
    def _place(self) -> Place:
        return Place(self.folder, self.hook, f"http://{HOST}:{PORT}")

    @property
    def provider(self) -> str:
        return self._of.provider

    def settings(self) -> Mapping[str, object]:
        """What the fleet says of it."""
        return self._of.settings(self._place)

    def documents(self) -> list[Document]:
        return self.emulator.drive.documents()

    def lose(self) -> None:
        """What it accepted and has not done yet is gone."""
        for entry in list(self.emulator.entries.values()):
            self.emulator._drop(entry)

    def start(self) -> Process:
        process = Process("provider", self.computer)
        process.begin(self._serve)
        return process

    async def _serve(self) -> None:
        runner = web.AppRunner(self.emulator.app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, HOST, PORT).start()
        await asyncio.Event().wait()

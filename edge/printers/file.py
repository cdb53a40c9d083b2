"""``file``: the double. Each slip as its bytes, NNNN.escpos, and as a picture of the paper."""

import asyncio
import os
from io import BytesIO
from pathlib import Path
from typing import Final

from edge.printers import PrinterLostError
from edge.printers.paper import Roll, UnreadableError
from edge.printers.profiles import Profile
from edge.printers.status import ABSENT, READY, Status

DIGITS: Final = 4


class FilePrinter:
    """Prints into a folder, which is made when it is needed; the numbers go on after a restart."""

    def __init__(self, folder: Path, profile: Profile) -> None:
        self.profile = profile
        self._folder = folder

    async def status(self) -> Status:
        """Ready, if there is a folder to print into."""
        return await asyncio.to_thread(self._ask)

    async def send(self, commands: bytes) -> None:
        """Write both files."""
        await asyncio.to_thread(self._write, commands)

    async def close(self) -> None:
        """Nothing is held open."""

    def _ask(self) -> Status:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return ABSENT
        return READY

    def _write(self, commands: bytes) -> None:
        roll = Roll(self.profile)
        picture = BytesIO()
        try:
            roll.print(commands)
            roll.picture.save(picture, "PNG")
            self._folder.mkdir(parents=True, exist_ok=True)
            place = self._folder / f"{self._next():0{DIGITS}}"
            _put(place.with_suffix(".png"), picture.getvalue())
            _put(place.with_suffix(".escpos"), commands)
        except (OSError, UnreadableError) as error:
            raise PrinterLostError(f"{self._folder}: {error}") from error

    def _next(self) -> int:
        numbers = [
            int(file.stem) for file in self._folder.glob("*.escpos") if file.stem.isdecimal()
        ]
        return max(numbers, default=0) + 1


def _put(file: Path, content: bytes) -> None:
    """Write it whole or not at all, for whoever watches the folder."""
    beside = file.with_name(f".{file.name}")
    beside.write_bytes(content)
    os.replace(beside, file)  # noqa: PTH105, one atomic step for any reader

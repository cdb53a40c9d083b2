"""A device that speaks ESC/POS through a port: asked, fed and opened again in a thread of its own."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from edge.printers import PrinterLostError, escpos
from edge.printers.ports import Port
from edge.printers.profiles import Profile
from edge.printers.status import ABSENT, Status, status_of

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

ANSWER_S: Final = 1.0
"""For one answer to DLE EOT. It is sent at once, but a slow line may be full of a raster."""
STALL_S: Final = 8.0
"""For a printer that takes no byte: it is out of paper, or its cover is open."""


class Device:
    """A printer behind a port. `open_port` raises OSError while the device is away.

    `hold` keeps the port open between calls; a network printer serves one connection at a time,
    and is let go of after each call.
    """

    def __init__(
        self,
        profile: Profile,
        open_port: Callable[[], Port],
        *,
        hold: bool = True,
        answer_s: float = ANSWER_S,
        stall_s: float = STALL_S,
    ) -> None:
        self.profile = profile
        self._open_port = open_port
        self._hold = hold
        self._answer_s = answer_s
        self._stall_s = stall_s
        self._port: Port | None = None
        self._away: str | None = None
        """Why; said once."""
        self._thread = ThreadPoolExecutor(1, "printer")

    async def status(self) -> Status:
        """DLE EOT 1 to 4; the first silence ends the questions."""
        return await self._do(self._ask)

    async def send(self, commands: bytes) -> None:
        """Write it all, or raise PrinterLostError."""
        await self._do(self._write, commands)

    async def close(self) -> None:
        """Close the port after whatever is being done, and end the thread."""
        turn = self._thread.submit(self._leave)
        self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(turn))

    async def _do(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """In the thread; it is done to its end even if nobody waits for that any more."""
        turn = self._thread.submit(verb, *args, **kwargs)
        return await asyncio.shield(asyncio.wrap_future(turn))

    def _ask(self) -> Status:
        try:
            port = self._opened()
            port.read(0)  # an answer that came too late answers nothing
            answers: dict[int, int | None] = {}
            for question in escpos.STATUS:
                port.write(escpos.ask_status(question), self._answer_s)
                said = port.read(self._answer_s)
                if len(said) != 1:
                    break
                answers[question] = said[0]
            status = status_of(answers)
        except PrinterLostError as error:
            self._leave(forget=True)
            if self._away != str(error):
                self._away = str(error)
                log.warning("the printer is away: %s", error)
            return ABSENT
        self._away = None
        if not self._hold:
            self._leave()
        return status

    def _write(self, commands: bytes) -> None:
        try:
            port = self._opened()
            port.write(commands, self._stall_s)
            port.drain(len(commands), self._stall_s)
        except PrinterLostError:
            self._leave(forget=True)
            raise
        if not self._hold:
            self._leave()

    def _opened(self) -> Port:
        if self._port is None:
            try:
                self._port = self._open_port()
            except OSError as error:
                raise PrinterLostError(error.strerror or str(error)) from error
        return self._port

    def _leave(self, *, forget: bool = False) -> None:
        if self._port is not None:
            self._port.close(forget=forget)
            self._port = None

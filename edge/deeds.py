"""Deeds: what this machine does when the cloud asks it to."""

import asyncio
from collections.abc import Callable
from typing import Final

from edge.buyer.presenter import Again, Told
from edge.buyer.words import clean
from edge.commands import NotDoneError
from edge.printers.print_queue import PrintQueue
from edge.printers.slip import Slip
from edge.stage import Stage
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.wire import Receipt, Sale

LOOK_S: Final = 0.2
PATIENCE_S: Final = 180.0
"""A machine at which somebody is buying all day is restarted all the same."""


class MachineDeeds:
    """Carries out a command with the machine's own screen, printers and disk."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        disk: Disk,
        stage: Stage,
        printing: PrintQueue,
        slip: Callable[[Sale, Receipt], Slip | None],
        last_lines: Callable[[int], list[str]],
        stop: Callable[[], None],
        buying: Callable[[], bool],
    ) -> None:
        self._outbox = outbox
        self._disk = disk
        self._stage = stage
        self._printing = printing
        self._slip = slip
        self._last_lines = last_lines
        self._stop = stop
        self._buying = buying

    async def show_text(self, text: str, for_s: float) -> str:
        """Show a text while nobody is buying."""
        if text and not clean(text):
            raise NotDoneError("there is nothing to read in this text")
        self._stage.happen(Told(text, for_s))
        return f"shown for {for_s:g} s while nobody is buying" if text else "taken back"

    async def show_last(self) -> str:
        """Show the last sale's receipt again."""
        sale, receipt = await self._issued(None)
        self._stage.happen(Again(sale, receipt))
        return f"the receipt of {sale.sale_id} is shown as soon as nobody is buying"

    async def reprint(self, sale_id: str | None) -> str:
        """Print a slip again, marked as a copy."""
        if self._printing.status == "none":
            raise NotDoneError("this machine has no printer")
        sale, receipt = await self._issued(sale_id)
        slip = self._slip(sale, receipt)
        if slip is None:
            raise NotDoneError(f"nothing is printed of {sale.sale_id}")
        self._printing.reprint(slip)
        return f"a copy of {sale.sale_id} is with the printer, which is {self._printing.status}"

    async def restart(self) -> None:
        """End the process in order; whoever keeps it running starts it again.

        Not while somebody is buying: what is sold until it is back would not be heard.
        """
        for _ in range(round(PATIENCE_S / LOOK_S)):
            if not self._buying():
                break
            await asyncio.sleep(LOOK_S)
        self._stop()

    async def logs(self, lines: int) -> str:
        """The last log lines."""
        return "\n".join(await asyncio.to_thread(self._last_lines, lines))

    async def _issued(self, sale_id: str | None) -> tuple[Sale, Receipt]:
        """A sale whose receipt is here: the one of that id, or the last one."""
        if sale_id is None:
            last = await self._disk.do(self._outbox.last_sale)
            sale, receipt = last if last is not None else (None, None)
        else:
            sale = await self._disk.do(self._outbox.sale, sale_id)
            receipt = await self._disk.do(self._outbox.receipt, sale_id)
        if sale is None:
            raise NotDoneError(f"this machine has no sale {sale_id or 'yet'}")
        if receipt is None or receipt.status != "issued":
            status = receipt.status if receipt is not None else "not here yet"
            raise NotDoneError(f"the receipt of {sale.sale_id} is {status}")
        return sale, receipt

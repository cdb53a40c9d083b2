"""Telling: what the running agent knows of itself, gathered for the socket and the technician."""

import logging
import ssl
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Final, Literal

from edge.agent import Agent
from edge.buyer.panel import Panel
from edge.checks.certificate import look
from edge.clock import iso
from edge.displays import Display
from edge.stage import Stage
from edge.technician.status import (
    LAST,
    BusStatus,
    ClockStatus,
    DisplayStatus,
    IncidentStatus,
    LastReceipt,
    LastSale,
    LinkStatus,
    Oldest,
    OutboxStatus,
    Peripheral,
    PrinterStatus,
    Quarantine,
    Status,
    Trouble,
)
from edge.wire import Incident, Receipt, Sale
from edge.wire.settings import Broker
from mdb.block import Address

log = logging.getLogger(__name__)

DAY_S: Final = 86400
SET_ASIDE: Final[dict[str, Literal["outcome_unknown", "salvaged"]]] = {
    "outcome_unknown": "outcome_unknown",
    "outbox_salvaged": "salvaged",
}
"""Incidents that wait for a person, as the status names them."""
MEGABYTE: Final = 1024 * 1024
_TROUBLES: Final = frozenset({"paper_low", "paper_out", "cover_open", "offline", "error"})


class Teller:
    """Asks every part of one agent. `tap` and `broker` are as they are configured."""

    def __init__(
        self,
        agent: Agent,
        stage: Stage,
        displays: Mapping[str, Display],
        printers: Mapping[str, str],
        *,
        tap: str,
        broker: Broker,
        config_version: Callable[[], str],
    ) -> None:
        self._agent = agent
        self._stage = stage
        self._displays = displays
        self._printers = printers
        self._tap = tap
        self._broker = broker
        self._config_version = config_version
        self._started = agent.timeline.now()
        self._ends = certificate_ends(broker)

    async def status(self) -> Status:
        """All of it, now."""
        parts, now = self._agent.parts, self._agent.timeline.now()
        last = await parts.disk.do(parts.outbox.last_sale)
        incidents = await parts.disk.do(parts.outbox.notes.incidents, LAST)
        return Status(
            machine=parts.machine,
            version=version("chekomat"),
            started=self._started.iso,
            uptime_s=(now.boottime_ms - self._started.boottime_ms) / 1000,
            clock=ClockStatus(quality=now.quality, now=iso(now.unix_ms)),
            bus=self._bus(),
            outbox=await self._outbox(incidents),
            link=self._link(),
            last_sale=self._last_sale(last[0]) if last else None,
            last_receipt=self._last_receipt(*last) if last and last[1] else None,
            displays=tuple(self._display(name) for name in self._displays),
            printers=tuple(
                PrinterStatus(
                    name=name,
                    status=word,
                    trouble=word if word in _TROUBLES else "",  # type: ignore[arg-type]
                )
                for name, word in self._printers.items()
            ),
            config_version=self._config_version(),
            incidents=tuple(
                IncidentStatus(kind=each.kind, at=each.at, words=each.text) for each in incidents
            ),
        )

    def _bus(self) -> BusStatus:
        listener = self._agent.listener
        silent = self._agent.parts.clock.boottime() - listener.heard_at
        return BusStatus(
            tap=self._tap,
            alive=listener.pulse != "ended",
            last_byte_s=silent if listener.signals else None,
            bytes_per_s=listener.per_second,
            faults=listener.faults,
            peripherals=tuple(
                Peripheral(
                    address=address,
                    name=_name(address),
                    currency=context.scaling.currency if context.scaling else None,
                    scale=context.scaling.scale if context.scaling else None,
                )
                for address, context in sorted(listener.context.items())
            ),
        )

    async def _outbox(self, incidents: list[Incident]) -> OutboxStatus:
        parts = self._agent.parts
        pending, oldest = await parts.disk.do(parts.outbox.pending)
        return OutboxStatus(
            epoch=parts.outbox.epoch,
            next_seq=parts.outbox.next_seq,
            pending=pending,
            oldest=Oldest(seq=oldest.seq, sold_at=oldest.sold_at, age_s=self._age(oldest))
            if oldest
            else None,
            notes=await parts.disk.do(parts.outbox.notes.pending),
            quarantine=Quarantine(
                malformed=self._agent.uplink.malformed,
                outcome_unknown=sum(each.kind == "outcome_unknown" for each in incidents),
                salvaged=sum(each.kind == "outbox_salvaged" for each in incidents),
                last=tuple(
                    Trouble(kind=SET_ASIDE[each.kind], at=each.at, words=each.text)
                    for each in incidents
                    if each.kind in SET_ASIDE
                ),
            ),
            waiting=self._agent.keeper.sales_waiting,
            refusals=parts.disk.refusals,
            disk_free_mb=parts.ballast.free() // MEGABYTE,
        )

    def _link(self) -> LinkStatus:
        link, uplink = self._agent.parts.link, self._agent.uplink
        return LinkStatus(
            broker=f"{self._broker.host}:{self._broker.port}",
            cert_days=None if self._ends is None else (self._ends - self._now_s()) // DAY_S,
            connected=link.connected,
            since_s=self._agent.parts.clock.boottime() - self._agent.link_since,
            reconnects=max(0, link.connections - 1),
            cloud_online=uplink.cloud_online if link.connected else None,
            in_flight=uplink.in_flight,
            last_error="" if link.connected else link.last_error,
        )

    def _now_s(self) -> int:
        return self._agent.timeline.now().unix_ms // 1000

    def _last_sale(self, sale: Sale) -> LastSale:
        return LastSale(
            seq=sale.seq,
            item=sale.item,
            product=self._agent.parts.product(sale.item),
            amount=sale.amount,
            currency=sale.currency,
            sold_at=sale.sold_at,
            age_s=self._age(sale),
        )

    def _last_receipt(self, sale: Sale, receipt: Receipt | None) -> LastReceipt | None:
        if receipt is None:
            return None
        fiscal = receipt.fiscal
        return LastReceipt(
            sale_id=sale.sale_id,
            status=receipt.status,
            rev=receipt.rev,
            fn=fiscal.fn if fiscal else "",
            fd=fiscal.fd if fiscal else None,
            fp=fiscal.fp if fiscal else None,
        )

    def _display(self, name: str) -> DisplayStatus:
        panel = self._displays[name].panel
        return DisplayStatus(
            name=name,
            panel=_glass(panel) if panel is not None else "",
            showing=self._stage.kind,
            failing="its last picture failed; see the log" if name in self._stage.failing else "",
        )

    def _age(self, sale: Sale) -> float | None:
        now = self._agent.timeline.now()
        if sale.boot_id != now.boot_id:
            return None
        return max(0, now.boottime_ms - sale.boottime_ms) / 1000


def _glass(panel: Panel) -> str:
    """``480 x 320 px, 73 x 49 mm``; without the millimetres where nobody knows them."""
    words = f"{panel.width} x {panel.height} px"
    if panel.width_mm is None or panel.height_mm is None:
        return words
    return f"{words}, {panel.width_mm:.0f} x {panel.height_mm:.0f} mm"


def certificate_ends(broker: Broker) -> int | None:
    """Until when the machine's certificate holds, Unix seconds; None without a readable one."""
    if broker.certificate is None or broker.key is None:
        return None
    try:
        return int(look(broker.certificate, broker.key, broker.ca).ends.timestamp())
    except (OSError, ssl.SSLError) as error:
        log.warning("the certificate cannot be read: %s", error)
        return None


def _name(address: int) -> str:
    try:
        return Address(address).name.lower().replace("_", " ")
    except ValueError:
        return f"{address:02X}h"

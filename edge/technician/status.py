"""What a running agent knows of itself, as one frozen value; its JSON is the socket's answer.

Ages and durations are seconds of boot time, never differences of wall clocks; None where nobody can
tell. Every field has a default, so that an older reader understands a newer agent and the other way
round. Nothing in here opens anything: no receipt token, no password, no PIN.
"""

from typing import Final, Literal

import msgspec

from edge.wire.messages import Quality

LAST: Final = 20
"""How many of the latest troubles and incidents are told at most."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """Built by names; a reader ignores what it does not know."""


class ClockStatus(_Part, frozen=True, kw_only=True):
    """The machine's clock."""

    quality: Quality | None = None
    now: str = ""
    """Wall time in UTC, as ISO 8601."""


class Peripheral(_Part, frozen=True, kw_only=True):
    """Somebody who was heard on the bus."""

    address: int
    name: str = ""
    """In words: ``cashless 1``."""
    currency: str | None = None
    scale: int | None = None
    """The factor of its money (SETUP); None until the machine has told it, at its start."""


class BusStatus(_Part, frozen=True, kw_only=True):
    """The bus as the tap gives it."""

    tap: str = ""
    """As it is configured: ``qibixx:/dev/ttyACM0``."""
    alive: bool = True
    """False while the tap itself is gone: unplugged, or ended. A silent bus is not that."""
    last_byte_s: float | None = None
    """Seconds since the last byte; None before the first one."""
    bytes_per_s: float | None = None
    """Over the last minute."""
    faults: int = 0
    """Blocks that made no sense, since the agent's start."""
    peripherals: tuple[Peripheral, ...] = ()


class Oldest(_Part, frozen=True, kw_only=True):
    """The oldest sale that the cloud has not acknowledged."""

    seq: int
    sold_at: str = ""
    """Wall time of the sale, as it is recorded."""
    age_s: float | None = None
    """None if it is of an earlier boot whose time nobody knows."""


class Trouble(_Part, frozen=True, kw_only=True):
    """One thing that was set aside."""

    kind: Literal["malformed", "outcome_unknown", "salvaged"]
    at: str = ""
    """Wall time, as ISO 8601."""
    words: str = ""
    """What it was, in one line."""


class Quarantine(_Part, frozen=True, kw_only=True):
    """What was set aside and waits for a person, counted, and the last `LAST` of it."""

    malformed: int = 0
    """Messages that made no sense."""
    outcome_unknown: int = 0
    """Vends that were approved, and whose end was not heard."""
    salvaged: int = 0
    """How often a damaged outbox was set aside and salvaged."""
    last: tuple[Trouble, ...] = ()


class OutboxStatus(_Part, frozen=True, kw_only=True):
    """What the disk holds."""

    epoch: str = ""
    next_seq: int = 1
    pending: int = 0
    """Sales that the cloud has not acknowledged."""
    oldest: Oldest | None = None
    notes: int = 0
    """Pieces of evidence and incidents that the cloud has not acknowledged."""
    quarantine: Quarantine = Quarantine()
    waiting: int = 0
    """Sales in memory only, because the disk refuses them at this moment."""
    refusals: int = 0
    """How often the disk refused, since the agent's start."""
    disk_free_mb: int | None = None


class LinkStatus(_Part, frozen=True, kw_only=True):
    """The way to the cloud."""

    broker: str = ""
    """``HOST:PORT``"""
    connected: bool = False
    since_s: float | None = None
    """Seconds since it was connected or lost."""
    reconnects: int = 0
    cloud_online: bool | None = None
    """What the cloud says of itself through the broker; None before it has said anything."""
    in_flight: int = 0
    """Sales published and not yet acknowledged."""
    last_error: str = ""
    cert_days: int | None = None
    """Days until the machine's certificate ends, negative after it; None without one."""


class LastSale(_Part, frozen=True, kw_only=True):
    """The latest sale that is on the disk."""

    seq: int
    item: str | None = None
    product: str = ""
    amount: int | None = None
    """Minor units."""
    currency: str | None = None
    sold_at: str = ""
    age_s: float | None = None


class LastReceipt(_Part, frozen=True, kw_only=True):
    """The latest answer of the cloud about a receipt."""

    sale_id: str
    status: str = ""
    """pending, issued, refused or returned."""
    rev: int = 0
    fn: str = ""
    fd: int | None = None
    fp: int | None = None
    age_s: float | None = None
    latency_s: float | None = None
    """From the sale to this answer."""


class DisplayStatus(_Part, frozen=True, kw_only=True):
    """One screen."""

    name: str
    panel: str = ""
    """In words: ``480 x 320 px, 73 x 49 mm``."""
    showing: str = ""
    """The kind of its picture: idle, making, ready, …"""
    failing: str = ""
    """Why it cannot show; empty while it can."""


class PrinterStatus(_Part, frozen=True, kw_only=True):
    """One receipt printer."""

    name: str
    status: str = ""
    """In words, as the printer tells."""
    trouble: Literal["", "paper_low", "paper_out", "cover_open", "offline", "error"] = ""


class IncidentStatus(_Part, frozen=True, kw_only=True):
    """Something that the operator was told."""

    kind: str
    at: str = ""
    words: str = ""


class Status(_Part, frozen=True, kw_only=True):
    """All of it."""

    machine: str = ""
    version: str = ""
    started: str = ""
    """Wall time of the agent's start, as ISO 8601."""
    uptime_s: float = 0.0
    """Seconds since the agent's start."""
    clock: ClockStatus = ClockStatus()
    bus: BusStatus = BusStatus()
    outbox: OutboxStatus = OutboxStatus()
    link: LinkStatus = LinkStatus()
    last_sale: LastSale | None = None
    last_receipt: LastReceipt | None = None
    displays: tuple[DisplayStatus, ...] = ()
    printers: tuple[PrinterStatus, ...] = ()
    config_version: str = ""
    """Of the configuration that the cloud sent last and the agent took; empty for the file's own."""
    incidents: tuple[IncidentStatus, ...] = ()
    """The last `LAST`, the newest first."""

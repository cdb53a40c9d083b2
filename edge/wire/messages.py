"""The messages, as frozen values that check themselves, and their JSON.

Money is integers of the minor unit. Times of day are text with a zone, and only recorded; nothing
is ordered by them.
"""

from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

END = r"$(?!\n)"
"""The end of a pattern: `$` alone lets a line feed through after it."""
MACHINE = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}" + END

MachineId = Annotated[str, Meta(pattern=MACHINE)]
SaleId = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}" + END)]
Epoch = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}" + END)]
Token = Annotated[str, Meta(pattern=r"^[0-9a-hjkmnp-tv-z]{16}" + END)]
Counter = Annotated[int, Meta(ge=0, le=2**53)]
Quality = Literal["synced", "corrected", "bounded", "unsynced"]
"""Of a time: right; worked out from a later right one; between two right ones; unknown."""
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}" + END)]
MAX_AMOUNT: Final = 10**12
Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Short = Annotated[str, Meta(max_length=256)]

MESSAGE_TEXT: Final = 1000
"""Characters of a text for the operator, at most."""
MAX_BYTES = 64 * 1024
"""The longest message either side reads."""


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message: frozen, built by names, unknown fields ignored."""


class Tender(_Message, frozen=True, kw_only=True):
    """Part of a sale's money and how it was given."""

    by: Literal["cash", "cashless-1", "cashless-2"]
    amount: Amount | None


class Sale(_Message, frozen=True, kw_only=True):
    """`sale`: what the machine sold. `amount` in minor units; None where the bus did not say."""

    sale_id: SaleId
    machine: MachineId
    epoch: Epoch
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    sold_at: Short
    clock: Quality
    boot_id: Short
    boottime_ms: Counter
    item: Short | None
    kind: Literal["paid", "free", "test", "token", "return"]
    amount: Amount | None
    currency: Currency | None
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=8)]
    confidence: Literal["confirmed", "presumed"]
    raw: dict[Short, int | Short | None] = {}
    token: Token
    wall: Short | None = None
    """What the machine's clock said, where `sold_at` is worked out and says something else."""
    sold_after: Short | None = None
    """With `clock` bounded: not earlier than this, and not later than `sold_before`."""
    sold_before: Short | None = None


class Ack(_Message, frozen=True, kw_only=True):
    """`ack`: every seq up to `upto`, but for those `missing`, is committed in the cloud.

    So are the runs `also` beyond it, each its first and last seq: sales that overtook a backlog.
    And so are the sales `stored`, by their ids. To a machine these alone count: if an old card was
    put back, the cloud may have other sales under its numbers.
    """

    epoch: Epoch
    upto: Counter
    missing: tuple[int, ...] = ()
    time: Short
    hold_s: Annotated[int, Meta(ge=0, le=86400)] = 0
    also: Annotated[tuple[tuple[Counter, Counter], ...], Meta(max_length=64)] = ()
    answers: Short = ""
    """The `nonce` of the birth that this is the answer to; its `time` is of this connection."""
    stored: Annotated[tuple[SaleId, ...], Meta(max_length=1000)] | None = None
    """The sales that this is the answer to; None of a cloud that is older than this field."""


class Fiscal(_Message, frozen=True, kw_only=True):
    """Tags 1041, 1040, 1077, 1012 (the register's local time) and 1020 (minor units)."""

    fn: Annotated[str, Meta(pattern=r"^[0-9]{1,16}" + END)]
    fd: Counter
    fp: Counter
    at: Short
    total: Amount


class Receipt(_Message, frozen=True, kw_only=True):
    """`receipt`: what became of a sale's receipt. A higher `rev` replaces a lower one."""

    sale_id: SaleId
    rev: Annotated[int, Meta(ge=1, le=10**6)]
    status: Literal["pending", "issued", "refused", "returned"]
    qr: Short | None = None
    link: Short | None = None
    fiscal: Fiscal | None = None


class ReceiptAck(_Message, frozen=True, kw_only=True):
    """`receipt/ack`: that revision is on the machine's disk."""

    sale_id: SaleId
    rev: Counter


class Shown(_Message, frozen=True, kw_only=True):
    """`shown`: the evidence that a picture was on the screen, or on paper."""

    sale_id: SaleId
    rev: Counter
    on: Literal["screen", "paper"]
    shown_at: Short
    hidden_at: Short
    reason: Short
    frame_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}" + END)]
    display: Short = ""
    """Which of the machine's screens or printers."""
    clock: Quality | None = None
    epoch: Epoch | None = None
    number: Counter = 0
    """Which note of that outbox; repeated until the cloud's `noted` names it."""


class Incident(_Message, frozen=True, kw_only=True):
    """`incident`: something the operator has to know, that is no sale. Repeated until `noted`.

    `kind` is one of `outcome_unknown` (a vend was approved, and its end was not heard),
    `outbox_salvaged`, `outbox_refused` (the disk took nothing), `display_failed`, `printer`.
    """

    epoch: Epoch
    number: Annotated[int, Meta(ge=1, le=2**53)]
    kind: Short
    at: Short
    clock: Quality
    boot_id: Short
    boottime_ms: Counter
    text: Annotated[str, Meta(max_length=MESSAGE_TEXT)] = ""
    sale_id: SaleId | None = None
    item: Short | None = None
    amount: Amount | None = None
    currency: Currency | None = None


class Noted(_Message, frozen=True, kw_only=True):
    """`noted`: these notes of that outbox (showings, incidents) are committed in the cloud."""

    epoch: Epoch
    numbers: Annotated[tuple[Counter, ...], Meta(max_length=1000)]


class State(_Message, frozen=True, kw_only=True):
    """`state`: birth and, as the will, death. Retained, said again on every connect."""

    online: bool
    boot_id: Short = ""
    epoch: Epoch | None = None
    next_seq: Counter = 0
    oldest_unacked: Counter | None = None
    version: Short = ""
    clock: Short = ""
    bus: Short = ""
    display: Short = ""
    printer: Short = ""
    nonce: Short = ""
    """Another one each connection; the ack that answers this birth names it."""


class Health(_Message, frozen=True, kw_only=True):
    """`health`: counters and gauges, once a minute."""

    uptime_s: Counter = 0
    pending: Counter = 0
    sales: Counter = 0
    bus_faults: Counter = 0
    oldest_s: Counter | None = None
    """Boot time since the oldest unacknowledged sale; None where there is none of this boot."""
    notes: Counter = 0
    """Showings and incidents the cloud has not noted yet."""
    malformed: Counter = 0
    reconnects: Counter = 0
    disk_free_mb: Counter | None = None
    disk_refusals: Counter = 0
    late: Counter = 0
    """Receipts that came when their buyer was gone."""


class CloudState(_Message, frozen=True, kw_only=True):
    """`vend/v1/cloud/state`: is the application there, and is it another run of it."""

    online: bool
    instance: Short = ""


class MalformedMessageError(ValueError):
    """Bytes that are no message of this kind; says which field and why."""


M = TypeVar("M", bound=_Message)


def encode(message: _Message) -> bytes:
    """The message as UTF-8 JSON."""
    return msgspec.json.encode(message)


def decode(payload: bytes, kind: type[M]) -> M:
    """Read one message.

    Raises:
        MalformedMessageError: it is too long, no JSON, or a field is missing or out of its range.
    """
    message: M = decode_any(payload, kind)
    return message


def decode_any(payload: bytes, kind: Any) -> Any:  # noqa: ANN401, a union is no type[M]
    """As `decode`, of a message that may be one of several."""
    if len(payload) > MAX_BYTES:
        raise MalformedMessageError(f"{len(payload)} bytes; at most {MAX_BYTES} are read")
    try:
        payload.decode()  # msgspec does not look into the fields it ignores
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessageError(str(error)) from error

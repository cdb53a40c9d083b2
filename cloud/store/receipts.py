"""Receipts: leases, intents and outcomes. The order of writes here is the promise itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud import retry
from cloud.clock import SinceBoot
from cloud.errors import LeaseLostError
from cloud.fiscal import FiscalDocument
from cloud.fiscalization import OPEN, State, after
from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown, Unsent
from cloud.receipt import Receipt
from cloud.store.sales import report
from cloud.store.schema import lane, receipt

LONGEST_MS: Final = 3_600_000
"""No schedule puts anything off for longer."""
LEASE_MS: Final = 15_000
"""Longer than a provider may take to answer; what a killed process leaves waits so long."""
_OPEN: Final = [state.value for state in OPEN]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to speak to a register; `fence` is checked on every write."""

    register: str
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class Job:
    """A receipt as its lane sees it."""

    receipt: Receipt
    state: State
    tries: int
    next_at: int
    key: str
    body: str | None
    first_sent_at: int | None
    first_sent: SinceBoot | None
    provider_id: str | None


async def lease(
    connection: AsyncConnection, register: str, owner: str, now_ms: int
) -> Lease | None:
    """Take or renew a lane; None while another holds it."""
    fresh = insert(lane).values(
        register=register, owner=owner, lease_until=now_ms + LEASE_MS, fence=1
    )
    renewed = fresh.on_conflict_do_update(
        index_elements=[lane.c.register],
        set_={
            "owner": owner,
            "lease_until": now_ms + LEASE_MS,
            # Another's lease that ran out is a new term; one's own goes on.
            "fence": sa.case((lane.c.owner == owner, lane.c.fence), else_=lane.c.fence + 1),
        },
        where=(lane.c.owner == owner)
        | (lane.c.lease_until < now_ms)
        # Nobody leases for longer: the clock was set back since.
        | (lane.c.lease_until > now_ms + LEASE_MS),
    ).returning(lane.c.fence)
    fence = await connection.scalar(renewed)
    return None if fence is None else Lease(register, owner, fence)


async def release(connection: AsyncConnection, held: Lease) -> None:
    """Let the next process have it at once, unless another has it already."""
    ours = (lane.c.register == held.register, lane.c.owner == held.owner)
    await connection.execute(
        sa.update(lane).where(*ours, lane.c.fence == held.fence).values(lease_until=0)
    )


async def next_job(
    connection: AsyncConnection, register: str, now_ms: int, *, ask_first: bool = False
) -> Job | None:
    """The open receipt to go on with: one that is due, or else the one that is due first.

    Sending and asking take turns: a queue of accepted receipts must not keep a buyer waiting, nor
    a rush of buyers the queue.
    """
    due = receipt.c.next_at <= now_ms
    asked = receipt.c.state == State.ACCEPTED.value
    row = (
        await connection.execute(
            sa.select(receipt)
            .where(receipt.c.register == register, receipt.c.state.in_(_OPEN))
            .order_by(
                due.desc(),
                sa.case((due, asked if ask_first else ~asked), else_=sa.false()).desc(),
                receipt.c.next_at,
                receipt.c.sale_id,
            )
            .limit(1)
        )
    ).first()
    if row is None:
        return None
    return Job(
        receipt=msgspec.json.decode(row.request, type=Receipt),
        state=State(row.state),
        tries=row.tries,
        # Nothing is put off for longer: the clock was set back since.
        next_at=row.next_at if row.next_at <= now_ms + LONGEST_MS else now_ms,
        key=row.key,
        body=row.body,
        first_sent_at=row.first_sent_at,
        first_sent=_since_boot(row),
        provider_id=row.provider_id,
    )


async def intend(  # noqa: PLR0917, an intent has two clocks
    connection: AsyncConnection,
    held: Lease,
    job: Job,
    body: str,
    now_ms: int,
    boot: SinceBoot | None = None,
) -> None:
    """Write down that this body is about to leave under this key; the first body is kept.

    What was submitted and has no answer yet was lost in a crash: from here on it is unknown.

    Raises:
        LeaseLostError: the lane is another's; nothing was written.
    """
    await _check(connection, held)
    await connection.execute(
        sa.update(receipt)
        .where(receipt.c.key == job.key, receipt.c.state.in_(_OPEN))
        .values(
            state=sa.case(
                (receipt.c.state == State.WAITING.value, State.SUBMITTED.value),
                (receipt.c.state == State.SUBMITTED.value, State.UNKNOWN.value),
                else_=receipt.c.state,
            ),
            body=sa.func.coalesce(receipt.c.body, body),
            first_sent_at=sa.func.coalesce(receipt.c.first_sent_at, now_ms),
            first_sent_boot=sa.func.coalesce(receipt.c.first_sent_boot, boot and boot.boot_id),
            first_sent_boottime=sa.func.coalesce(receipt.c.first_sent_boottime, boot and boot.ms),
        )
    )


async def record(  # noqa: PLR0917, a push has a register, an answer a lease
    connection: AsyncConnection,
    key: str,
    outcome: Outcome,
    now_ms: int,
    held: Lease | None,
    register: str | None = None,
) -> State | None:
    """Write an outcome down; None if the key is none of this register's.

    A push comes without a lease, and names its register.

    Raises:
        LeaseLostError: the lane is another's; nothing was written.
    """
    if held is not None:
        await _check(connection, held)
    row = (await connection.execute(sa.select(receipt).where(receipt.c.key == key))).first()
    if row is None or (register is not None and row.register != register):
        return None
    if isinstance(outcome, Done) and outcome.document.purpose.value != row.purpose:
        said = f"{outcome.document.qr} is no document of the purpose that was asked for"
        await report(connection, now_ms, "another purpose", said, row.machine, row.sale_id)
        return State(row.state)
    if isinstance(outcome, Done) and await _is_anothers(connection, key, outcome.document):
        mixed = f"the provider gave {outcome.document.qr} to another sale as well"
        await report(
            connection, now_ms, "document of another sale", mixed, row.machine, row.sale_id
        )
        outcome = Dead(mixed)
    before = State(row.state)
    if isinstance(outcome, Done) and before is not State.ISSUED:
        await _hold_against(connection, row, outcome.document, now_ms)
    now = after(before, outcome)
    if before is State.ISSUED:
        if isinstance(outcome, Done) and (outcome.document.fn, outcome.document.fd) != (
            row.fn,
            row.fd,
        ):
            second = f"second document {outcome.document.qr}; the first is fd {row.fd}: return it"
            await report(connection, now_ms, "duplicate receipt", second, row.machine, row.sale_id)
        return now
    again = now is before or now in {State.WAITING, State.UNKNOWN}
    tries = row.tries + 1 if again else 1
    values: dict[str, object] = {
        "state": now.value,
        "tries": tries,
        "next_at": now_ms + round(1000 * retry.delay(now, tries)),
        "error": _reason(outcome),
        **_news(row, now, outcome, now_ms),
    }
    if isinstance(outcome, Done | Accepted) and outcome.provider_id:
        values["provider_id"] = outcome.provider_id
    await connection.execute(sa.update(receipt).where(receipt.c.key == key).values(values))
    return now


async def _hold_against(
    connection: AsyncConnection,
    row: sa.Row[tuple[object, ...]],
    document: FiscalDocument,
    now_ms: int,
) -> None:
    """A document of another sum than was asked for stands, and is an incident."""
    asked = msgspec.json.decode(row.request, type=Receipt).amount
    if asked != document.total:
        said = f"asked for {asked}, recorded {document.total} kopecks: {document.qr}"
        await report(connection, now_ms, "another sum", said, row.machine, row.sale_id)


def _news(
    row: sa.Row[tuple[object, ...]], now: State, outcome: Outcome, now_ms: int
) -> dict[str, object]:
    """What the machine has to be told: an issued receipt, or that there is none."""
    if isinstance(outcome, Done):
        document = outcome.document
        return {
            "fn": document.fn,
            "fd": document.fd,
            "fp": document.fp,
            "registered_at": document.at,
            "total": document.total,
            "link": outcome.link,
            "issued_at": now_ms,
            # A push may tell of a document before the intent's own answer is in.
            "body": sa.func.coalesce(receipt.c.body, ""),
            "first_sent_at": sa.func.coalesce(receipt.c.first_sent_at, now_ms),
            **_revised(row),
        }
    if now is State.WAITING:
        # It surely never arrived: the provider's memory of the key has not begun.
        return {"first_sent_at": None, "first_sent_boot": None, "first_sent_boottime": None}
    return _revised(row) if now is State.ATTENTION and row.state != now.value else {}


def _revised(row: sa.Row[tuple[object, ...]]) -> dict[str, object]:
    """The machine is to be told, now."""
    return {"rev": row.rev + 1, "tell_at": 0, "told_times": 0}


def _since_boot(row: sa.Row[tuple[object, ...]]) -> SinceBoot | None:
    if row.first_sent_boot is None:
        return None
    return SinceBoot(row.first_sent_boot, row.first_sent_boottime)


async def registers_in_use(connection: AsyncConnection) -> Sequence[tuple[str, int]]:
    """Registers that open receipts wait for, and how many."""
    rows = await connection.execute(
        sa.select(receipt.c.register, sa.func.count())
        .where(receipt.c.state.in_(_OPEN))
        .group_by(receipt.c.register)
    )
    return [(register, count) for register, count in rows]


def _reason(outcome: Outcome) -> str | None:
    return outcome.reason if isinstance(outcome, Unsent | Unknown | Dead) else None


async def _is_anothers(connection: AsyncConnection, key: str, document: FiscalDocument) -> bool:
    same = (receipt.c.fn == document.fn, receipt.c.fd == document.fd, receipt.c.key != key)
    return await connection.scalar(sa.select(receipt.c.key).where(*same)) is not None


async def _check(connection: AsyncConnection, held: Lease) -> None:
    fence = await connection.scalar(sa.select(lane.c.fence).where(lane.c.register == held.register))
    if fence != held.fence:
        raise LeaseLostError(f"register {held.register}: another process took the lane")

"""Receipts: asked for, and what became of them. A document is recorded once, whoever tells of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscalization import SENT, State
from cloud.keys import key_of
from cloud.outcome import Done, Outcome
from cloud.receipt import Purpose, Receipt
from cloud.store import history
from cloud.store.history import Change
from cloud.store.recording import Writing
from cloud.store.schema import attempt, receipt

AT_ONCE: Final = 0
"""When what nobody has tried yet is due: a lane goes by the server's clock, and whoever puts a
receipt into it may be ahead of that."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a key: by the lane of `register`, or by a push to it."""

    key: str
    outcome: Outcome
    register: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A receipt to ask for: of which machine (its id, which tag 1036 need not be), and where.

    `born_at` is when the sale came, Unix ms: what came first is sent first.
    """

    receipt: Receipt
    machine: str
    register: str
    born_at: int


async def ask(connection: AsyncConnection, asked: Sequence[Asked], who: str, now_ms: int) -> None:
    """Put receipts into the lanes of their registers."""
    if not asked:
        return
    await connection.execute(
        sa.insert(receipt),
        [
            {
                "sale_id": each.receipt.sale_id,
                "purpose": each.receipt.purpose.value,
                "machine": each.machine,
                "register": each.register,
                "request": msgspec.json.encode(each.receipt).decode(),
                "state": State.WAITING.value,
                "born_at": each.born_at,
                "next_at": AT_ONCE,
            }
            for each in asked
        ],
    )
    waiting = State.WAITING.value
    await history.add(
        connection,
        [
            Change(
                *(now_ms, who, each.receipt.sale_id, each.receipt.purpose.value, waiting),
                each.register,
            )
            for each in asked
        ],
    )


_ROWS: Final = (
    sa.select(
        receipt,
        attempt.c.key,
        attempt.c.number,
        attempt.c.register.label("sent_to"),
        attempt.c.verdict,
        attempt.c.first_sent_at,
        attempt.c.provider_id,
        attempt.c.hinted,
    )
    .join(
        attempt,
        (attempt.c.sale_id == receipt.c.sale_id) & (attempt.c.purpose == receipt.c.purpose),
    )
    .with_for_update(of=receipt)
)


async def record(
    connection: AsyncConnection,
    told: Iterable[Told],
    who: str,
    now_ms: int,
    poll_s: Sequence[float] = (),
) -> Mapping[str, State]:
    """Write outcomes down; the states of their receipts then, by key.

    A key that was never sent to the register is left out. The caller holds the lane, or has checked a
    push's signature.
    """
    states: dict[str, State] = {}
    news = list(told)
    while news:
        # One key a sale in each round: the next one finds what this one has written.
        query = _ROWS.where(attempt.c.key.in_({each.key for each in news}))
        # A fixed order: two that write at once must not wait for each other.
        found = await connection.execute(query.order_by(attempt.c.key))
        rows = {row.key: row._asdict() for row in found}
        writing = Writing(connection, who, now_ms, poll_s)
        done = (each.outcome for each in news if isinstance(each.outcome, Done))
        await writing.look_up(each.document for each in done)
        taken: dict[str, str] = {}
        later: list[Told] = []
        for each in news:
            row = rows.get(each.key)
            # Where the key went, wherever its receipt waits by now.
            if row is None or row["sent_to"] != each.register:
                continue
            if taken.setdefault(row["sale_id"], each.key) != each.key:
                later.append(each)
            else:
                states[each.key] = await writing.take(row, each.outcome)
        await writing.finish()
        news = later
    return states


async def remember(
    connection: AsyncConnection, sale_id: str, purpose: Purpose, request: str
) -> None:
    """The keys before keep what they asked for: one of them may be recorded after all.

    To be called before a receipt asks for something else.
    """
    of_it = (attempt.c.sale_id == sale_id, attempt.c.purpose == purpose.value)
    before = sa.update(attempt).where(*of_it, attempt.c.request.is_(None))
    await connection.execute(before.values(request=request))


def key_in_use(row: sa.Row[Any]) -> str:
    """The key of a receipt's row that is in use, or will be next."""
    return key_of(row.sale_id, Purpose(row.purpose), row.attempt)


async def hint(
    connection: AsyncConnection, key: str, register: str, provider_id: str | None, now_ms: int
) -> bool:
    """Somebody who cannot prove it says that there is news of a key: the provider is to be asked.

    A receipt that is on its way is asked for now, after what is longer overdue. Of a key that is past,
    or of a receipt that waits for a person, the provider is asked once; one that waits to be sent goes
    under its key by itself. False if the key is none of the register's.
    """
    ours = (attempt.c.key == key, attempt.c.register == register)
    its = (attempt.c.sale_id == receipt.c.sale_id) & (attempt.c.purpose == receipt.c.purpose)
    columns = (receipt.c.state, receipt.c.attempt, attempt.c.number, attempt.c.verdict)
    # The receipt first, as everybody: two that write at once must not wait for each other.
    query = sa.select(*columns, attempt.c.sale_id, attempt.c.purpose, attempt.c.provider_id).join(
        receipt, its
    )
    row = (await connection.execute(query.where(*ours).with_for_update(of=receipt))).first()
    if row is None:
        return False
    if provider_id and row.provider_id is None:
        # The row tells of the attempt as it was before it was waited for; it may have been named since.
        unnamed = (*ours, attempt.c.provider_id.is_(None))
        await connection.execute(sa.update(attempt).where(*unnamed).values(provider_id=provider_id))
    known = provider_id or row.provider_id
    state, current = State(row.state), row.number == row.attempt
    if current and state in SENT:
        if known or state is not State.ACCEPTED:
            await connection.execute(
                sa.update(receipt)
                .where(
                    receipt.c.sale_id == row.sale_id,
                    receipt.c.purpose == row.purpose,
                    receipt.c.next_at > now_ms,
                )
                .values(next_at=now_ms)
            )
    elif row.verdict != "done" and not (current and state is State.WAITING):
        await connection.execute(sa.update(attempt).where(*ours).values(hinted=True))
    return True

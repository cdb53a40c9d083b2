"""Sales: kept once, whatever repeats."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from secrets import choice
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.intake import Attention, Disposition, Placed, ReturnOf, Skipped
from cloud.sequence import together
from cloud.store import history, receipts, streams
from cloud.store.history import Change
from cloud.store.incidents import report
from cloud.store.receipts import Asked
from cloud.store.schema import sale
from edge.wire import Sale

WHO: Final = "intake"
ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Of tokens, as machines make them."""


class Kept(Enum):
    """What became of an arrival."""

    NEW = "new"
    AGAIN = "again"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A sale as it came, from which machine, and what is to be done with it."""

    machine: str
    sale: Sale
    body: str
    disposition: Disposition
    operator: str | None = None
    """Whose the machine is now, if it is known."""


Place = tuple[str, str, int]


async def keep(connection: AsyncConnection, arrivals: Sequence[Arrival], now_ms: int) -> list[Kept]:
    """Store sales with their receipts or their reasons; the same again is the same row.

    Another body under a sale's id, or under a token of the same machine, is an incident, and is
    kept there. Another sale at its place in the sequence is one as well, and is kept as the sale it
    is; so is one with another machine's token, which stood on a screen for anybody to read: its
    page gets a key of its own. Either way its place in the machine's sequence is answered for,
    whatever row or incident keeps it: it is told as stored, or the machine would repeat it for ever.
    """
    known = await _known(connection, arrivals)
    places = await _places(connection, arrivals)
    kept: list[Kept] = []
    fresh: list[tuple[Arrival, str]] = []
    for each in arrivals:
        told = each.sale
        body = known.ids.get(told.sale_id)
        seller = known.tokens.get(told.token)
        if body is None and seller != each.machine:
            other = places.get(_place(each))
            if other is not None:
                said = (
                    f"{_where(each)} is the place of {other} too: did the machine's disk forget it?"
                )
                await _report(connection, now_ms, "two sales at one place", said, each)
            known.ids[told.sale_id] = each.body
            key = told.token
            if seller is not None:
                key = "".join(choice(ALPHABET) for _ in key)
                said = f"{_where(each)} came with the token of a sale of {seller}"
                await _report(connection, now_ms, "another machine's token", said, each)
            known.tokens[key] = each.machine
            places.setdefault(_place(each), told.sale_id)
            fresh.append((each, key))
            kept.append(Kept.NEW)
        elif body == each.body:
            kept.append(Kept.AGAIN)
        else:
            said = f"{_where(each)} came with another body, or with another sale's token"
            await _report(connection, now_ms, "conflict", said, each)
            kept.append(Kept.CONFLICT)
    await _insert(connection, fresh, now_ms)
    for (machine, epoch), seqs in _by_stream(arrivals).items():
        for first, last in together(seqs):
            await streams.reach(connection, machine, epoch, first, last)
    return kept


@dataclass(slots=True)
class _Known:
    ids: dict[str, str]
    tokens: dict[str, str]
    """Whose they are: the machine that sold."""


async def _known(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> _Known:
    """What is here of these ids and tokens."""
    rows = await connection.execute(
        sa.select(sale.c.sale_id, sale.c.machine, sale.c.token, sale.c.body).where(
            sale.c.sale_id.in_([each.sale.sale_id for each in arrivals])
            | sale.c.token.in_([each.sale.token for each in arrivals])
        )
    )
    found = rows.all()
    return _Known(
        {row.sale_id: row.body for row in found}, {row.token: row.machine for row in found}
    )


async def _places(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> dict[Place, str]:
    """Whose these places in the sequences are already."""
    place = sa.tuple_(sale.c.machine, sale.c.epoch, sale.c.seq)
    rows = await connection.execute(
        sa.select(sale.c.machine, sale.c.epoch, sale.c.seq, sale.c.sale_id).where(
            place.in_([_place(each) for each in arrivals])
        )
    )
    return {(row.machine, row.epoch, row.seq): row.sale_id for row in rows}


async def _insert(
    connection: AsyncConnection, fresh: Sequence[tuple[Arrival, str]], now_ms: int
) -> None:
    """Sales, each with the key of its page."""
    if not fresh:
        return
    await connection.execute(
        sa.insert(sale),
        [
            {
                "sale_id": each.sale.sale_id,
                "machine": each.machine,
                "epoch": each.sale.epoch,
                "seq": each.sale.seq,
                "token": key,
                "body": each.body,
                "received_at": now_ms,
                "operator": each.operator,
                **columns_of(each.disposition),
            }
            for each, key in fresh
        ],
    )
    await history.add(
        connection,
        [
            Change(now_ms, WHO, each.sale.sale_id, None, told["disposition"], told["reason"])
            for each, _ in fresh
            if (told := columns_of(each.disposition))["disposition"] != "receipt"
        ],
    )
    asked = [
        Asked(placed.receipt, each.machine, placed.register, now_ms)
        for each, _ in fresh
        if isinstance(placed := each.disposition, Placed)
    ]
    await receipts.ask(connection, asked, WHO, now_ms)


def columns_of(placed: Disposition) -> dict[str, Any]:
    """A disposition as the row of its sale has it."""
    match placed:
        case Placed():
            return {"disposition": "receipt", "cause": None, "reason": None}
        case Skipped(cause, reason):
            return {"disposition": "skipped", "cause": cause.value, "reason": reason}
        case Attention(cause, reason):
            return {"disposition": "attention", "cause": cause.value, "reason": reason}
        case ReturnOf():
            raise TypeError("goods that came back are settled by their receipt's return")


def _place(each: Arrival) -> Place:
    return each.machine, each.sale.epoch, each.sale.seq


def _where(each: Arrival) -> str:
    return f"epoch {each.sale.epoch} seq {each.sale.seq}"


def _by_stream(arrivals: Iterable[Arrival]) -> Mapping[tuple[str, str], list[int]]:
    seqs: dict[tuple[str, str], list[int]] = {}
    for each in arrivals:
        seqs.setdefault((each.machine, each.sale.epoch), []).append(each.sale.seq)
    return seqs


async def _report(
    connection: AsyncConnection, now_ms: int, kind: str, detail: str, arrival: Arrival
) -> None:
    body = arrival.body.encode()
    await report(connection, now_ms, kind, detail, arrival.machine, arrival.sale.sale_id, body)

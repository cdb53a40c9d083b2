"""Finding: which sale a person means, and what is there to decide about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import DecisionError
from cloud.fiscal import FiscalDocument
from cloud.fiscalization import State
from cloud.fleet import Answers
from cloud.receipt import Purpose, Receipt
from cloud.store import placing
from cloud.store.placing import Stuck
from cloud.store.replies import document_of
from cloud.store.schema import receipt, sale
from edge.wire import Sale, decode

MOST: Final = 5
_LOWEST: Final = "00000000-0000-0000-0000-000000000000"
_HIGHEST: Final = _LOWEST.replace("0", "f")
_MARKS: Final = re.compile(r"-[rc]?\d*", re.ASCII)
"""What follows the sale's id in a provider's key."""


class NoSuchSaleError(DecisionError):
    """There is no sale of this name: the message says what is understood."""


@dataclass(frozen=True, slots=True)
class ItsReceipt:
    """A receipt of the sale."""

    purpose: Purpose
    state: State
    register: str
    number: int
    """Which attempt is in use, or will be next; of an issued receipt, the one that was recorded."""
    request: Receipt
    error: str | None
    document: FiscalDocument | None


@dataclass(frozen=True, slots=True)
class Known:
    """A sale, and the receipts that were asked for; in the order of their purposes' names."""

    sale_id: str
    machine: str
    """Which it came from."""
    told: Sale
    received_at: int
    disposition: str
    cause: str
    reason: str
    answers: Answers
    receipts: tuple[ItsReceipt, ...]

    def of(self, purpose: Purpose) -> ItsReceipt | None:
        """Its receipt of this purpose."""
        return next((each for each in self.receipts if each.purpose is purpose), None)

    def as_stuck(self, answers: Answers) -> Stuck:
        """As intake places it, once more."""
        return Stuck(self.machine, self.told, self.received_at, self.cause, self.reason, answers)


async def find(connection: AsyncConnection, text: str) -> str:
    """The id of the sale that a person named.

    By its id; by the beginning of one, if no other sale begins so; by a provider's key of it; by
    the token or the address of its receipt page.

    Raises:
        NoSuchSaleError: there is none.
        DecisionError: several begin so.
    """
    named = _named(text)
    if _MARKS.fullmatch(named[len(_LOWEST) :]):
        named = named[: len(_LOWEST)]
    found: Sequence[str] = ()
    if _begins_an_id(named):
        # Of one length, so that every collation sorts them alike.
        lowest, highest = (named + ends[len(named) :] for ends in (_LOWEST, _HIGHEST))
        query = sa.select(sale.c.sale_id).where(sale.c.sale_id.between(lowest, highest))
        found = (await connection.scalars(query.order_by(sale.c.sale_id).limit(MOST + 1))).all()
    if not found:
        found = (
            await connection.scalars(sa.select(sale.c.sale_id).where(sale.c.token == named))
        ).all()
    if not found:
        raise NoSuchSaleError(
            f"there is no sale {text!r}; a sale is named by its id, by the beginning of it, or by"
            " the token of its receipt page"
        )
    if len(found) > 1:
        listed = ", ".join(found[:MOST]) + (" and others" if len(found) > MOST else "")
        raise DecisionError(f"several sales begin with {text!r}: {listed}; write more of the id")
    return found[0]


def key_in(text: str) -> str | None:
    """The provider's key that a person named, where it is surely one: the first is the sale's id."""
    named = _named(text)
    mark = named[len(_LOWEST) :]
    return named if mark and _MARKS.fullmatch(mark) else None


def _named(text: str) -> str:
    return text.strip().rstrip("/").rpartition("/")[2].lower()


def _begins_an_id(text: str) -> bool:
    return 0 < len(text) <= len(_LOWEST) and all(
        each == "-" if place == "-" else each in "0123456789abcdef"
        for each, place in zip(text, _LOWEST, strict=False)
    )


async def known(connection: AsyncConnection, sale_id: str, *, deciding: bool = True) -> Known:
    """What there is of a sale; `deciding` keeps it as it is until the transaction ends.

    Raises:
        NoSuchSaleError: there is none.
    """
    of_sale = sa.select(sale).where(sale.c.sale_id == sale_id)
    of_receipts = sa.select(receipt).where(receipt.c.sale_id == sale_id).order_by(receipt.c.purpose)
    if deciding:
        of_sale = of_sale.with_for_update()
        of_receipts = of_receipts.with_for_update()
    row = (await connection.execute(of_sale)).first()
    if row is None:
        raise NoSuchSaleError(f"there is no sale {sale_id}")
    # Once the sale is ours: who had it before may have answered something.
    answers = await placing.answers(connection, sale_id)
    rows = (await connection.execute(of_receipts)).all()
    return Known(
        sale_id=sale_id,
        machine=row.machine,
        told=decode(row.body.encode(), Sale),
        received_at=row.received_at,
        disposition=row.disposition,
        cause=row.cause or "",
        reason=row.reason or "",
        answers=answers,
        receipts=tuple(_asked(each) for each in rows),
    )


def the_receipt(it: Known, purpose: Purpose | None) -> ItsReceipt:
    """The receipt that is to be decided about: the one named, or the one that needs it.

    Raises:
        DecisionError: there is none, or it has to be said which.
    """
    if purpose is not None:
        found = it.of(purpose)
        if found is None:
            raise DecisionError(f"{it.sale_id}: it has no receipt of {purpose.value}")
        return found
    if not it.receipts:
        raise DecisionError(f"{it.sale_id}: it has no receipt: {it.reason or it.disposition}")
    for wanted in ({State.ATTENTION}, _UNDER_WAY, set(State)):
        those = [each for each in it.receipts if each.state in wanted]
        if len(those) == 1:
            return those[0]
        if those:
            names = ", ".join(each.purpose.value for each in those)
            raise DecisionError(f"{it.sale_id}: it has receipts of {names}: say which by --purpose")
    raise AssertionError(it.sale_id)  # pragma: no cover, the last set holds them all


_UNDER_WAY: Final = set(State) - {State.ISSUED, State.CLOSED}


def _asked(row: sa.Row[Any]) -> ItsReceipt:
    state = State(row.state)
    return ItsReceipt(
        purpose=Purpose(row.purpose),
        state=state,
        register=row.register,
        number=row.attempt,
        request=msgspec.json.decode(row.request, type=Receipt),
        error=row.error,
        document=document_of(row) if state is State.ISSUED else None,
    )

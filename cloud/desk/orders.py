"""Orders: what is asked of a sale, in one form for the command line and for the API.

    requeue  {"amount": 12000, "late": "receipt", "register": "main", …}
    resolve  {"issued": "t=…"} or {"not_issued": true} or {"skip": "the reason"}
             or {"undone": "the reason"}; "insist", "second" and "other_sum" go with "issued"
    return   {"duplicate": true}
    correct  {"by_order": "12-34", "day": "2026-11-23"}

Amounts are kopecks. Each may say `who` decides, and with `dry_run` is only tried.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.correcting import Why, correct
from cloud.desk.finding import find, key_in, known
from cloud.desk.requeueing import requeue
from cloud.desk.resolving import issued, not_issued, skip, undone
from cloud.desk.returning import send_back
from cloud.desk.settled import By, Settled, deciding
from cloud.errors import ConfigError
from cloud.fleet import Answers, Name, Price
from cloud.receipt import Purpose
from cloud.store import Store
from cloud.store.dialect import clock_of
from cloud.store.sites import Sites
from edge.wire.settings import Table

Who = Annotated[str, Meta(min_length=1, max_length=64)]
PurposeName = Literal["income", "income_return", "correction"]


class Order(Table, frozen=True, kw_only=True):
    """What all have."""

    who: Who | None = None
    dry_run: bool = False


class Requeue(Order, frozen=True, kw_only=True):
    """Let a sale, or a receipt, go on."""

    amount: Price | None = None
    price: bool = False
    presumed: bool = False
    late: Literal["receipt", "correction"] | None = None
    product: Name | None = None
    code: str = ""
    of: str = ""
    register: Name | None = None
    purpose: PurposeName | None = None

    @property
    def answers(self) -> Answers:
        """What it says of the sale."""
        return Answers(
            amount=self.amount,
            price=self.price,
            presumed=self.presumed,
            late=self.late,
            product=self.product,
            code=self.code,
            of=self.of,
        )


class Resolve(Order, frozen=True, kw_only=True):
    """What a person found out, or decided."""

    issued: str | None = None
    """The text of its fiscal QR code."""
    not_issued: bool = False
    skip: str | None = None
    """Why there is no receipt."""
    undone: str | None = None
    """What became of its second document."""
    other_sum: bool = False
    second: bool = False
    insist: bool = False
    purpose: PurposeName | None = None

    def __post_init__(self) -> None:
        """One thing at a time."""
        said = [each is not None for each in (self.issued, self.skip, self.undone)]
        if sum([*said, self.not_issued]) != 1:
            raise ValueError("say one of issued, not_issued, skip and undone")


class Return(Order, frozen=True, kw_only=True):
    """Give the money back: the return of the whole receipt."""

    duplicate: bool = False


class Correct(Order, frozen=True, kw_only=True):
    """A correction receipt where there is none."""

    by_order: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    day: date | None = None


Decision = Requeue | Resolve | Return | Correct


async def decide(store: Store, sites: Sites, sale: str, order: Decision, by: By) -> Settled:
    """Do it, or with `dry_run` try it; one transaction.

    Raises:
        NoSuchSaleError: `sale` names none.
        DecisionError: it is not to be had: why, and what to do first.
    """
    async with deciding(store, dry_run=order.dry_run) as connection:
        settled = await _decide(connection, sites, sale, order, by)
    return settled if not order.dry_run else _tried(settled)


async def _decide(
    connection: AsyncConnection, sites: Sites, sale: str, order: Decision, by: By
) -> Settled:
    it = await known(connection, await find(connection, sale))
    if isinstance(order, Resolve):
        # What was undone is held against when it was found, which may have been said elsewhere.
        by = By(by.who, await clock_of(connection))
    match order:
        case Requeue():
            said = order.answers
            if order.of:
                said = Answers(of=await find(connection, order.of))
            return await requeue(
                *(connection, sites, it, said, by),
                purpose=_purpose(order.purpose),
                register=order.register,
            )
        case Return():
            return await send_back(connection, sites, it, by, duplicate=order.duplicate)
        case Correct():
            return await correct(connection, sites, it, Why(order.by_order, order.day), by)
        case Resolve(issued=str(qr)):
            return await issued(
                *(connection, sites, it, qr, by),
                purpose=_purpose(order.purpose),
                other_sum=order.other_sum,
                second=order.second,
                insist=order.insist,
            )
        case Resolve(undone=str(reason)):
            return await undone(connection, it, reason, by)
        case Resolve(skip=str(reason)):
            return await skip(connection, it, reason, by, purpose=_purpose(order.purpose))
        case Resolve():
            looked_for, purpose = key_in(sale), _purpose(order.purpose)
            return await not_issued(connection, it, by, purpose=purpose, looked_for=looked_for)
    raise ConfigError(f"{order}: no order")  # pragma: no cover, the union has no other


def _purpose(name: PurposeName | None) -> Purpose | None:
    return None if name is None else Purpose(name)


def _tried(settled: Settled) -> Settled:
    return Settled(
        sale_id=settled.sale_id,
        purpose=settled.purpose,
        state=settled.state,
        told=settled.told,
        dry_run=True,
    )

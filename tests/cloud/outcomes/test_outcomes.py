"""Never two, never none: every fault of every provider, on either database, the ledger as judge.

Each row of the outcome table is a row here. What is written beside a fault is what a receipt goes
through that has to be asked for, as nobody pushes; where a register is held, it is seen to hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from shop import (
    INN,
    MACHINE,
    RECEIPT,
    id_of,
    incidents,
    now_ms,
    rows,
    the_receipt,
)

from cloud.emulators.faults import Fault
from cloud.fiscal import read_qr
from cloud.outcome import Pause
from cloud.receipt import Purpose
from cloud.store import Store, decisions
from cloud.store.schema import attempt, receipt, reply

from .accounts import CARD, CASH, KINDS, Rented, rented, sale_of

KEY: Final = id_of(1)
NEXT: Final = f"{KEY}-1"


@dataclass(frozen=True)
class Row:
    """What becomes of a receipt: its states, the only key that is recorded, what is said of it."""

    path: str
    key: str | None = KEY
    pause: Pause | None = None
    reason: str = ""
    """Of one that a person has to decide about."""


def held(pause: Pause) -> Row:
    return Row("submitted waiting submitted accepted issued", pause=pause)


def dead(reason: str, path: str = "submitted accepted attention") -> Row:
    return Row(path, None, reason=reason)


ISSUED: Final = Row("submitted accepted issued")
LOST_ANSWER: Final = Row("submitted unknown accepted issued")
EXPIRED: Final = Row("submitted accepted waiting submitted accepted issued", NEXT)
NO_NUMBER: Final = Row(
    "submitted unknown accepted attention",
    reason="the answer was lost, and the provider can no longer be asked by the key",
)
"""A repetition is refused without the provider's number: there is nothing to ask with."""

TABLE: Final[Mapping[Fault | None, Row]] = {
    None: ISSUED,
    Fault.DROP_BEFORE_STORE: LOST_ANSWER,
    Fault.DROP_AFTER_STORE: LOST_ANSWER,
    Fault.SERVER_FAULT: LOST_ANSWER,
    Fault.SERVER_FAULT_AFTER_STORE: LOST_ANSWER,
    Fault.NONSENSE: LOST_ANSWER,
    Fault.NO_CALLBACK: ISSUED,
    Fault.CALLBACK_TWICE: ISSUED,
    Fault.CALLBACK_FIRST: ISSUED,
    Fault.CALLBACK_LATE: ISSUED,
    Fault.BAD_SIGNATURE: ISSUED,
    Fault.REFUSE: dead("", "submitted attention"),
    Fault.AUTH: held(Pause.AUTH),
    Fault.BUSY: Row("submitted waiting submitted accepted issued"),
    Fault.NO_REGISTER: held(Pause.NO_REGISTER),
    Fault.EXPIRE: dead("the register failed: "),
    Fault.FAIL: dead("the register failed: "),
    Fault.LOSE: Row("submitted accepted unknown accepted issued"),
}
"""Of every kind, but for what stands below."""
REFUSALS: Final = {
    "cloudkassir": "code 27: ",
    "orange": "400: ",
    "atol4": "code 32: ",
    "atol5": "code 32: ",
    "ferma": "code 1020: ",
    "komtet": "422 ",
}
OF_KIND: Final[Mapping[tuple[str, Fault | None], Row]] = {
    **{(kind, Fault.REFUSE): dead(said, "submitted attention") for kind, said in REFUSALS.items()},
    # These say so in a code of its own: the receipt is not at fault, and goes on under its next key.
    ("orange", Fault.EXPIRE): EXPIRED,
    ("atol4", Fault.EXPIRE): EXPIRED,
    ("atol5", Fault.EXPIRE): EXPIRED,
    ("orange", Fault.FAIL): dead("422: the marking code did not pass: "),
    ("komtet", Fault.DROP_AFTER_STORE): NO_NUMBER,
    ("komtet", Fault.SERVER_FAULT_AFTER_STORE): NO_NUMBER,
    ("komtet", Fault.NONSENSE): NO_NUMBER,
}
PROVES: Final = {"cloudkassir", "komtet"}
"""Whose push is signed, so that a document in it is believed."""
FAULTS: Final = [pytest.param(fault, id=fault.value if fault else "no fault") for fault in TABLE]

every_kind = pytest.mark.parametrize("kind", KINDS)
every_fault = pytest.mark.parametrize("fault", FAULTS)


def row_of(kind: str, fault: Fault | None) -> Row:
    return OF_KIND.get((kind, fault), TABLE[fault])


def test_the_table_has_every_fault() -> None:
    assert set(TABLE) == {None, *Fault}


@every_fault
@every_kind
async def test_a_receipt_that_is_asked_for_goes_as_the_table_says(
    store: Store, tmp_path: Path, kind: str, fault: Fault | None
) -> None:
    row = row_of(kind, fault)
    async with rented(kind, store, tmp_path, pushes=False) as register:
        await register.sell(sale_of(1))
        await order(register, fault)
        if row.pause is not None:
            await holds(register, row.pause)
        await register.settle("issued", "attention")
        assert await register.path(KEY) == row.path.split()
        assert await register.till.keys() == [row.key] * (row.key is not None)
        if row.path.endswith("issued"):
            await is_the_document(register)
        else:
            assert (await the_receipt(store)).error.startswith(row.reason)
            await is_settled_by_hand(register, recorded=row.key is not None)
        assert await incidents(store) == []


@every_fault
@every_kind
async def test_with_pushes_it_ends_the_same_but_for_what_a_push_alone_can_tell(
    store: Store, tmp_path: Path, kind: str, fault: Fault | None
) -> None:
    row = row_of(kind, fault)
    async with rented(kind, store, tmp_path, pushes=True) as register:
        await register.sell(sale_of(1))
        await order(register, fault)
        await register.settle("issued", "attention")
        assert await register.till.keys() == [row.key] * (row.key is not None)
        if row.path.endswith("issued") or row is NO_NUMBER:
            await is_the_document(register)
        else:
            assert (await the_receipt(store)).state == "attention"
        assert await incidents(store) == []


async def order(register: Rented, fault: Fault | None) -> None:
    if fault is not None:
        await register.fault(fault.value)


async def holds(register: Rented, pause: Pause) -> None:
    """Nothing is sent any more, and what was is known not to have arrived."""

    async def paused() -> bool:
        return await register.pause() == pause.value

    await register.until(paused)
    assert await register.states() == ["waiting"]
    assert await register.till.ledger() == []
    sent = await rows(register.store, sa.select(attempt.c.key, attempt.c.first_sent_at))
    assert [tuple(row) for row in sent] == [(KEY, None)]


async def is_the_document(register: Rented, purpose: Purpose = Purpose.INCOME) -> None:
    """What is stored is what the drive has recorded, and its QR code is the provider's own."""
    of_it = (receipt.c.sale_id == KEY, receipt.c.purpose == purpose.value)
    (row,) = await rows(register.store, sa.select(receipt).where(*of_it))
    found = [each for each in await register.till.ledger() if each["fd"] == row.fd]
    (document,) = found
    printed = read_qr(document["qr"])
    assert printed is not None
    assert (row.fn, row.fp, row.total) == (printed.fn, printed.fp, CASH + CARD)
    assert printed.sign == purpose.sign
    assert row.registered_at == printed.at


async def is_settled_by_hand(register: Rented, *, recorded: bool) -> None:
    """A person looks into the ledger, says what is there, and one document there is."""
    store, who = register.store, ("test", now_ms())
    if recorded:
        (document,) = await register.till.ledger()
        found = read_qr(document["qr"])
        assert found is not None
        async with store.transaction() as connection:
            await decisions.found(connection, KEY, Purpose.INCOME, found, *who)
        assert await register.till.keys() == [KEY]
    else:
        async with store.transaction() as connection:
            key = await decisions.requeue(connection, KEY, Purpose.INCOME, *who)
        assert key == NEXT
        await register.settle("issued")
        assert await register.till.keys() == [NEXT]
    await is_the_document(register)


# What the drive records. -------------------------------------------------------------------------

ASKED: Final = {
    "1018": INN,
    "1055": 2,
    "1036": MACHINE,
    "1009": RECEIPT.address,
    "1187": RECEIPT.place,
    "1030": RECEIPT.name,
    "1212": 1,
    "1214": 4,
    "1199": 11,
    "1031": "100.00",
    "1081": "20.10",
}
"""Of every receipt of the sale; its total, tag 1020, stands beside."""


@every_kind
async def test_show(sqlite_store: Store, tmp_path: Path, kind: str) -> None:
    store = sqlite_store
    async with rented(kind, store, tmp_path, pushes=False) as register:
        await register.sell(sale_of(1))
        await register.settle("issued")
        await register.take_back(KEY)
        await register.sell(sale_of(2), late=True)
        await register.settle("issued")
        for doc in await register.till.ledger():
            t = doc["tags"]
            print("XX", kind, doc["key"][36:], doc["sign"], doc["total"], doc["correction"], {k: (t.get(k), v) for k, v in ASKED.items() if t.get(k) != v}, {k: t.get(k) for k in ("1192","1173","1178","1179")})

"""Never two, never none: every fault of every provider, on either database, the ledger as judge.

Each row of the outcome table is a row here. What is written beside a fault is what a receipt goes
through that has to be asked for, as nobody pushes; where a register is held, it is seen to hold.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import pytest
import sqlalchemy as sa
from _pytest.mark.structures import ParameterSet
from parts import until
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
from cloud.fiscal import FiscalDocument, read_qr
from cloud.fiscalization import MOST_ATTEMPTS, State
from cloud.keys import key_of
from cloud.outcome import Pause
from cloud.receipt import Purpose
from cloud.retry import SCHEDULES
from cloud.store import Store, decisions
from cloud.store.schema import attempt, receipt, reply

from .accounts import CARD, CASH, KINDS, Rented, rented, sale_of

KEY: Final = id_of(1)


@dataclass(frozen=True)
class Row:
    """What becomes of a receipt: its states, the only attempt that is recorded, what is said of it."""

    path: str
    number: int | None = 0
    pause: Pause | None = None
    reason: str = ""
    """Of one that a person has to decide about."""


def held(pause: Pause) -> Row:
    return Row("submitted waiting submitted accepted issued", pause=pause)


def dead(reason: str, path: str = "submitted accepted attention") -> Row:
    return Row(path, None, reason=reason)


ISSUED: Final = Row("submitted accepted issued")
LOST_ANSWER: Final = Row("submitted unknown accepted issued")
EXPIRED: Final = Row("submitted accepted waiting submitted accepted issued", 1)
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
MINUTES: Final = {"komtet"}
"""Whose emulator tells the time of the QR code without its seconds, and records it with them."""
OF_PUSHES: Final = {
    *(Fault.NO_CALLBACK, Fault.CALLBACK_TWICE, Fault.CALLBACK_FIRST, Fault.CALLBACK_LATE),
    Fault.BAD_SIGNATURE,
}
"""Faults of what is pushed alone."""
TWO_OF_SERVER: Final = ("cloudkassir", "atol4")
"""On PostgreSQL they stand for all, where pushes are looked at: one that proves, one that hints."""
LOOKS_UP: Final = {"orange", "ferma"}
"""Who can be asked by our key."""

ASKED: Final = {
    "1018": INN,
    "1055": 2,
    "1036": MACHINE,
    "1009": RECEIPT.address,
    "1187": 'ТЦ "Ромашка", 1 этаж',
    "1030": RECEIPT.name,
    "1212": 1,
    "1214": 4,
    "1199": 11,
    "1031": "100.00",
    "1081": "20.10",
}
"""Tags of every document of the sale; its total, 1020, stands beside."""
OWN_NUMBER: Final = {"1036": "00000001"}
"""Of the machine nothing can be said: the register's own stands there."""
SUMS: Final = {"1030": None, "1212": None, "1214": None}
"""A correction that names no goods."""
OTHERWISE: Final[Mapping[tuple[str, Purpose], Mapping[str, object]]] = {
    ("cloudkassir", Purpose.INCOME): {**OWN_NUMBER, "1009": "Москва, дата-центр"},
    ("cloudkassir", Purpose.INCOME_RETURN): {**OWN_NUMBER, "1009": "Москва, дата-центр"},
    ("cloudkassir", Purpose.CORRECTION): OWN_NUMBER,
    ("orange", Purpose.CORRECTION): SUMS,
    ("atol4", Purpose.CORRECTION): SUMS,
    ("komtet", Purpose.INCOME): {**OWN_NUMBER, "1086": MACHINE},
    ("komtet", Purpose.INCOME_RETURN): {**OWN_NUMBER, "1086": MACHINE},
    ("komtet", Purpose.CORRECTION): {**OWN_NUMBER, "1086": MACHINE},
}
"""What a kind cannot say, or says elsewhere."""

every_kind = pytest.mark.parametrize("kind", KINDS)


def faults(but: Collection[Fault] = ()) -> list[ParameterSet]:
    told = [fault for fault in TABLE if fault not in but]
    return [pytest.param(fault, id=fault.value if fault else "no fault") for fault in told]


def row_of(kind: str, fault: Fault | None) -> Row:
    return OF_KIND.get((kind, fault), TABLE[fault])


def test_the_table_has_every_fault() -> None:
    assert set(TABLE) == {None, *Fault}


@pytest.mark.parametrize("fault", faults(but=OF_PUSHES))
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
        await went(register, row)


@pytest.mark.parametrize("fault", faults())
@every_kind
async def test_with_pushes_it_ends_the_same_but_for_what_a_push_alone_can_tell(
    sqlite_store: Store, tmp_path: Path, kind: str, fault: Fault | None
) -> None:
    async with rented(kind, sqlite_store, tmp_path, pushes=True) as register:
        await ends_as_it_should(register, fault)


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("fault", faults())
@pytest.mark.parametrize("kind", TWO_OF_SERVER)
async def test_with_pushes_it_ends_the_same_on_a_server(
    postgres_store: Store, tmp_path: Path, kind: str, fault: Fault | None
) -> None:
    async with rented(kind, postgres_store, tmp_path, pushes=True) as register:
        await ends_as_it_should(register, fault)


async def ends_as_it_should(register: Rented, fault: Fault | None) -> None:
    number = row_of(register.kind, fault).number
    await register.sell(sale_of(1))
    await order(register, fault)
    # What nobody can be asked about is ended by its push.
    await register.settle("attention" if number is None else "issued")
    assert await recorded(register, Purpose.INCOME) == ([] if number is None else [number])
    if number is not None:
        await is_the_document(register)
    alarm = fault is Fault.LOSE and register.kind not in SAYS_ANOTHERS
    assert await incidents(register.store) == (["lost by the provider"] if alarm else [])


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER_STORE, Fault.EXPIRE])
@pytest.mark.parametrize("purpose", [Purpose.INCOME_RETURN, Purpose.CORRECTION])
@every_kind
async def test_a_return_and_a_correction_go_the_same_way(
    store: Store, tmp_path: Path, kind: str, purpose: Purpose, fault: Fault
) -> None:
    async with rented(kind, store, tmp_path, pushes=False) as register:
        await register.sell(sale_of(1), late=purpose is Purpose.CORRECTION)
        if purpose is Purpose.INCOME_RETURN:
            await register.settle("issued")
            await register.take_back(KEY)
        await register.fault(fault.value)
        await register.settle("issued", "attention")
        await went(register, row_of(kind, fault), purpose)


SAYS_ANOTHERS: Final = {"komtet"}
"""Of what they lost they say no more than that the number is none of ours: that is no alarm."""


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


async def went(register: Rented, row: Row, purpose: Purpose = Purpose.INCOME) -> None:
    """Its only receipt went as the row says; what a person has to decide, a person decides."""
    assert await register.path(KEY, purpose) == row.path.split()
    assert await recorded(register, purpose) == ([] if row.number is None else [row.number])
    if not row.path.endswith("issued"):
        assert (await receipt_of(register, purpose)).error.startswith(row.reason)
        await is_settled_by_hand(register, purpose)
    await is_the_document(register, purpose)
    lost = "accepted unknown" in row.path and register.kind not in SAYS_ANOTHERS
    assert await incidents(register.store) == (["lost by the provider"] if lost else [])


async def recorded(register: Rented, purpose: Purpose, sale_id: str = KEY) -> list[int]:
    """Of which attempts at a receipt there is a document: the judge."""
    numbers = {key_of(sale_id, purpose, number): number for number in range(MOST_ATTEMPTS)}
    return [numbers[key] for key in await register.till.keys() if key in numbers]


async def receipt_of(register: Rented, purpose: Purpose) -> Any:  # noqa: ANN401, a row
    of_it = (receipt.c.sale_id == KEY, receipt.c.purpose == purpose.value)
    (row,) = await rows(register.store, sa.select(receipt).where(*of_it))
    return row


async def is_the_document(register: Rented, purpose: Purpose = Purpose.INCOME) -> None:
    """It is issued; what is stored is what the drive has recorded, down to the QR code's text."""
    row, keys = await receipt_of(register, purpose), await register.till.keys()
    key = key_of(KEY, purpose, row.attempt)
    assert (row.state, keys.count(key)) == ("issued", 1)
    document = (await register.till.ledger())[keys.index(key)]
    ours = FiscalDocument(row.fn, row.fd, row.fp, row.registered_at, row.total, purpose.sign)
    printed = read_qr(document["qr"])
    assert printed is not None
    if register.kind in MINUTES and printed.at.startswith(ours.at):
        printed = replace(printed, at=ours.at)
    assert ours.qr == printed.qr
    assert (document["total"], document["sign"]) == (CASH + CARD, purpose.sign)
    assert document["correction"] is (purpose is Purpose.CORRECTION)
    for tag, wanted in {**ASKED, **OTHERWISE.get((register.kind, purpose), {})}.items():
        assert document["tags"].get(tag) == wanted, tag
    basis = (await receipt_of(register, Purpose.INCOME)).fp if purpose.sign == 2 else None
    assert document["tags"].get("1192") == (basis and str(basis))
    corrects = document["tags"].get("1173"), "1178" in document["tags"]
    assert corrects == ((0, True) if purpose is Purpose.CORRECTION else (None, False))


async def is_settled_by_hand(register: Rented, purpose: Purpose = Purpose.INCOME) -> None:
    """A person looks into the ledger and says what is there; what is not there is sent anew."""
    store, who = register.store, ("test", now_ms())
    keys, key = await register.till.keys(), await key_in_doubt(register, purpose)
    if key in keys:
        document = read_qr((await register.till.ledger())[keys.index(key)]["qr"])
        assert document is not None
        async with store.transaction() as connection:
            await decisions.found(connection, KEY, purpose, document, *who)
        return
    async with store.transaction() as connection:
        if key is not None:
            await decisions.not_issued(connection, KEY, purpose, *who)
        again = await decisions.requeue(connection, KEY, purpose, *who)
    assert again == key_of(KEY, purpose, 1)
    await register.settle("issued")
    assert await recorded(register, purpose) == [1]


async def key_in_doubt(register: Rented, purpose: Purpose) -> str | None:
    """The key that was sent, and of which nobody knows what became."""
    of_it = (attempt.c.sale_id == KEY, attempt.c.purpose == purpose.value)
    doubtful = (attempt.c.verdict.is_(None), attempt.c.first_sent_at.is_not(None))
    found = await rows(register.store, sa.select(attempt.c.key).where(*of_it, *doubtful))
    return found[0].key if found else None


# What the provider forgets. ----------------------------------------------------------------------

DAY_S: Final = 86_400.0
LOST: Final = ("drop_after_store", "5xx")


@pytest.mark.parametrize("fault", LOST)
@every_kind
async def test_what_may_have_arrived_is_not_sent_once_the_provider_may_have_forgotten_it(
    store: Store, tmp_path: Path, kind: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its next try comes when it has been made older, and not a second after this one.
    monkeypatch.setitem(cast("dict[State, Any]", SCHEDULES), State.UNKNOWN, (300,))
    async with rented(kind, store, tmp_path, pushes=False) as register:
        await register.sell(sale_of(1))
        await register.fault(fault)
        await register.until(lambda: becomes(register, "unknown"))
        before = await register.till.keys()
        assert before == ([KEY] if "after" in fault else [])
        await register.age(register.opened.provider.memory_s + 1)
        await register.till.control({"forget": True})
        if kind in LOOKS_UP:
            # The key is asked for now, and for a day more.
            await register.turns(5)
            assert await register.till.keys() == before
            await register.age(2 * DAY_S)
        await register.settle("issued", "attention")
        assert await register.till.keys() == before
        if await register.states() == ["attention"]:
            assert (await the_receipt(store)).error.startswith(NO_NUMBER.reason)
            await is_settled_by_hand(register)
        else:
            assert (kind, "after" in fault) == ("orange", True)
        await is_the_document(register)
        assert len(await register.till.keys()) == 1
        assert await incidents(store) == []


async def becomes(register: Rented, *wanted: str) -> bool:
    return set(await register.states()) <= set(wanted)


# A drive that is full. ---------------------------------------------------------------------------

FULL: Final[Mapping[str, tuple[str, Pause | None, int]]] = {
    # It says so before it takes a receipt: that one goes on under its key.
    "cloudkassir": ("waiting", Pause.DRIVE, 0),
    # The register says so, in a code of its own: it goes on under its next key.
    "atol4": ("waiting", Pause.DRIVE, 1),
    "atol5": ("waiting", Pause.DRIVE, 1),
    # The register says so in words.
    "ferma": ("waiting", Pause.DRIVE, 1),
    "komtet": ("waiting", Pause.DRIVE, 1),
    # Its emulator says no more than that it failed.
    "orange": ("attention", None, 1),
}
"""Of what meets a full drive: where it is then, why the lane is paused, the attempt that counts."""


@every_kind
async def test_a_drive_that_is_full_holds_what_came_after_until_there_is_room(
    store: Store, tmp_path: Path, kind: str
) -> None:
    state, pause, number = FULL[kind]
    ids = [id_of(each) for each in range(1, 5)]
    async with rented(kind, store, tmp_path, pushes=False) as register:
        await register.till.control({"drive": 2})
        await register.sell(sale_of(1), sale_of(2))
        await register.settle("issued")
        await register.sell(sale_of(3), sale_of(4))

        async def refused() -> bool:
            after = [await register.path(each) for each in ids[2:]]
            return all(path[-1:] == [state] for path in after)

        await register.until(refused, due=True)
        assert await register.pause() == (pause and pause.value)
        assert sorted(await register.till.keys()) == ids[:2]
        await register.till.control({"drive": None})
        if state == "attention":
            for each in ids[2:]:
                async with store.transaction() as connection:
                    await decisions.requeue(connection, each, Purpose.INCOME, "test", now_ms())
        await register.settle("issued")
        made = {each: await recorded(register, Purpose.INCOME, each) for each in ids}
        assert made == dict(zip(ids, ([0], [0], [number], [number]), strict=True))
        assert len(await register.till.ledger()) == 4
        assert await register.pause() is None
        assert await incidents(store) == []


# Pushes. -----------------------------------------------------------------------------------------

SIGNED: Final = {"cloudkassir", "komtet"}
"""Whose pushes prove what they say."""


@every_kind
async def test_a_push_that_comes_again_changes_nothing(
    store: Store, tmp_path: Path, kind: str
) -> None:
    async with rented(kind, store, tmp_path, pushes=True) as register:
        await register.sell(sale_of(1))
        await register.fault("callback_twice")
        await register.settle("issued")
        await until(lambda: len(register.hook.heard) == 2)
        before = await as_it_is(register)
        for each in register.hook.heard[:2]:
            assert (each.status, await register.push(each.body, each.headers)) == (200, 200)
        await register.turns(3)
        assert await as_it_is(register) == before
        assert [row.rev for row in await rows(store, sa.select(reply))] == [1]
        assert await register.till.keys() == [KEY]
        assert await incidents(store) == []


@every_kind
async def test_a_push_of_one_receipt_that_names_another_issues_nothing(
    store: Store, tmp_path: Path, kind: str
) -> None:
    other, stranger = id_of(2).encode(), id_of(3).encode()
    async with rented(kind, store, tmp_path, pushes=True) as register:
        await register.sell(sale_of(1))
        await register.settle("issued")
        await until(lambda: register.hook.heard)
        true = register.hook.heard[0]
        await register.till.control({"delay_s": 3600})
        await register.sell(sale_of(2))
        await register.until(lambda: becomes(register, "issued", "accepted"))
        assert KEY.encode() in true.body
        for named in (other, stranger):
            forged = true.body.replace(KEY.encode(), named)
            answered = await register.push(forged, true.headers)
            assert answered == (401 if kind in SIGNED else 200)
        await register.turns(3)
        found = {row.sale_id: (row.state, row.fd) for row in await rows(store, sa.select(receipt))}
        assert found == {KEY: ("issued", 1), id_of(2): ("accepted", None)}
        assert await register.till.keys() == [KEY]
        assert await incidents(store) == []


async def as_it_is(register: Rented) -> dict[str, Any]:
    """The only receipt, but for when it is looked at next."""
    told: dict[str, Any] = (await the_receipt(register.store))._asdict()
    del told["next_at"]
    return told

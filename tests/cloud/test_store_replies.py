"""What machines have still to be told, and what they told us of showing it."""

import msgspec
import pytest
import sqlalchemy as sa
from shop import write
from till import MACHINE, RECEIPT

from cloud.fleet import Machine, Operator, Planogram, Policies, Register
from cloud.receipt import Purpose
from cloud.retry import REPEAT_S
from cloud.store import Store, fleet, replies
from cloud.store.replies import Reply
from cloud.store.schema import attempt, presence, receipt, reply, sale, showing
from edge.wire import Fiscal, Shown
from edge.wire import Receipt as Told

NOON = "20261123T1542"
T = 1_800_000_000_000


def id_of(number: int) -> str:
    return f"0193a5d2-7c1e-7b54-9d0e-{number:012x}"


ISSUED = Told(
    sale_id=id_of(1),
    rev=1,
    status="issued",
    qr="t=20261123T1542&s=120.10&fn=9999078900000001&i=1&fp=3141592653&n=1",
    fiscal=Fiscal(fn="9999078900000001", fd=1, fp=3141592653, at=NOON, total=12010),
)
SHOWN = Shown(
    sale_id=id_of(1),
    rev=1,
    on="screen",
    shown_at="2026-11-23T15:42:11Z",
    hidden_at="2026-11-23T15:43:11Z",
    reason="next sale",
    frame_sha256="0" * 64,
)
FLEET = (
    Operator(id="main", name="Акме", inn="7708806062", taxation="osn"),
    Register(id="main", operator="main", provider="atol"),
    Planogram(id="hot", operator="main"),
)


@pytest.fixture(autouse=True)
async def _fleet(store: Store) -> None:
    async with store.transaction() as connection:
        for each in FLEET:
            await fleet.put(connection, each, "test", 1)


async def sold(store: Store, number: int = 1, machine: str = MACHINE) -> None:
    row = {"sale_id": id_of(number), "machine": machine, "epoch": "7f3a9c1e", "seq": number}
    row |= {"token": f"token-{number}", "body": "{}", "received_at": 1, "disposition": "receipt"}
    async with store.transaction() as connection:
        await connection.execute(sa.insert(sale).values(row))


async def asked(
    store: Store,
    state: str,
    number: int = 1,
    purpose: Purpose = Purpose.INCOME,
    *,
    duplicate: bool = False,
) -> None:
    """A sale's receipt, in this state; and the machine is to be told."""
    request = msgspec.structs.replace(
        RECEIPT, sale_id=id_of(number), purpose=purpose, duplicate=duplicate
    )
    row: dict[str, object] = {
        "sale_id": id_of(number),
        "purpose": purpose.value,
        "register": "main",
    }
    row |= {"machine": MACHINE, "request": msgspec.json.encode(request).decode(), "state": state}
    row |= {"born_at": 1, "next_at": 1, "error": "code 13"}
    if state == "issued":
        fd = (
            number
            + {Purpose.INCOME: 0, Purpose.INCOME_RETURN: 1000, Purpose.CORRECTION: 2000}[purpose]
        )
        row |= {"fn": "9999078900000001", "fd": fd, "fp": 3141592653, "total": 12010}
        row |= {"registered_at": NOON}
    async with store.transaction() as connection:
        await connection.execute(
            sa.delete(receipt).where(
                receipt.c.sale_id == id_of(number), receipt.c.purpose == purpose.value
            )
        )
        await connection.execute(sa.insert(receipt).values(row))
        await replies.revise(connection, id_of(number), MACHINE)


async def untold(store: Store, at: int = T) -> list[Reply]:
    async with store.reading() as connection:
        return list(await replies.untold(connection, at))


async def said(store: Store, *them: Reply, again: int) -> None:
    async with store.transaction() as connection:
        await replies.said(
            connection,
            [(each.receipt.sale_id, each.receipt.rev, each.times, again) for each in them],
        )


async def told(store: Store, rev: int, machine: str = MACHINE, sale_id: str = id_of(1)) -> None:
    async with store.transaction() as connection:
        await replies.told(connection, machine, sale_id, rev)


async def test_an_issued_receipt_is_to_be_told_until_the_machine_has_it(store: Store) -> None:
    await sold(store)
    assert await untold(store) == []
    await asked(store, "issued")
    (reply,) = await untold(store)
    assert reply == Reply(MACHINE, "token-1", ISSUED, 0)
    await said(store, reply, again=T + 10_000)
    assert await untold(store, T + 9_999) == []
    (again,) = await untold(store, T + 10_000)
    assert again.times == 1
    await told(store, 1)
    assert await untold(store, T + 10**9) == []


async def test_what_was_put_off_under_a_clock_that_was_set_back_is_said_now(store: Store) -> None:
    await sold(store)
    await asked(store, "issued")
    (reply,) = await untold(store)
    longest = 1000 * max(REPEAT_S)
    await said(store, reply, again=T + longest)
    assert await untold(store) == []
    (again,) = await untold(store, T - 1)
    assert again.times == 1


RETURN, CORRECTION = Purpose.INCOME_RETURN, Purpose.CORRECTION
STATUS: list[tuple[list[tuple[str, Purpose, bool]], str | None]] = [
    ([("waiting", Purpose.INCOME, False)], None),
    ([("accepted", Purpose.INCOME, False)], None),
    ([("issued", Purpose.INCOME, False)], "issued"),
    ([("attention", Purpose.INCOME, False)], "refused"),
    ([("closed", Purpose.INCOME, False)], "refused"),
    ([("issued", CORRECTION, False)], "issued"),
    ([("closed", Purpose.INCOME, False), ("issued", CORRECTION, False)], "issued"),
    ([("issued", Purpose.INCOME, False), ("issued", RETURN, False)], "returned"),
    ([("issued", Purpose.INCOME, False), ("waiting", RETURN, False)], "issued"),
    ([("issued", Purpose.INCOME, False), ("attention", RETURN, False)], "issued"),
    ([("issued", Purpose.INCOME, False), ("issued", RETURN, True)], "issued"),
]


@pytest.mark.parametrize(("receipts", "status"), STATUS)
async def test_what_is_told_follows_from_the_sales_receipts(
    store: Store, receipts: list[tuple[str, Purpose, bool]], status: str | None
) -> None:
    await sold(store)
    for state, purpose, duplicate in receipts:
        await asked(store, state, 1, purpose, duplicate=duplicate)
    assert [each.receipt.status for each in await untold(store)] == ([status] if status else [])
    for each in await untold(store):
        assert (each.receipt.qr is not None) == (each.receipt.status == "issued")


async def test_a_refusal_is_told_and_replaced_by_a_late_document(store: Store) -> None:
    await sold(store)
    await asked(store, "attention")
    (refused,) = await untold(store)
    assert refused.receipt == Told(sale_id=id_of(1), rev=1, status="refused")
    await told(store, 1)
    await asked(store, "issued")
    (issued,) = await untold(store)
    assert issued.receipt == msgspec.structs.replace(ISSUED, rev=2)
    # An answer to the first, come late, does not stand for the second.
    await told(store, 1)
    assert len(await untold(store)) == 1


async def test_a_machine_speaks_for_its_own_sales_and_for_what_exists(store: Store) -> None:
    await sold(store)
    await asked(store, "issued")
    await told(store, 1, machine="vm-9")
    await told(store, 1, sale_id=id_of(9))
    await told(store, 2)
    await told(store, 0)
    assert len(await untold(store)) == 1


async def test_what_many_machines_have_is_taken_together(store: Store) -> None:
    for number in (1, 2, 3):
        await sold(store, number)
        await asked(store, "issued", number)
    async with store.transaction() as connection:
        await replies.told_all(connection, [])
        await replies.told_all(
            connection, [(MACHINE, id_of(3), 1), (MACHINE, id_of(1), 1), ("vm-9", id_of(2), 1)]
        )
    assert [each.receipt.sale_id for each in await untold(store)] == [id_of(2)]


async def test_what_is_said_of_an_old_revision_delays_no_new_one(store: Store) -> None:
    await sold(store)
    await asked(store, "issued")
    (reply,) = await untold(store)
    async with store.transaction() as connection:
        await replies.said(connection, [(id_of(1), 0, 4, T + 10**9)])
        await replies.said(connection, [])
    assert await untold(store) == [reply]


async def test_something_new_is_told_at_once_and_counted_anew(store: Store) -> None:
    await sold(store)
    await asked(store, "issued")
    await said(store, *await untold(store), again=T + 10**9)
    async with store.transaction() as connection:
        await replies.revise_all(connection, [(id_of(1), MACHINE)])
    (reply,) = await untold(store)
    assert (reply.receipt.rev, reply.times) == (2, 0)


async def test_a_machine_that_is_back_is_told_at_once(store: Store) -> None:
    await sold(store)
    await asked(store, "issued")
    await said(store, *await untold(store), again=T + 3_600_000)
    async with store.transaction() as connection:
        await replies.hurry(connection, "vm-9")
    assert await untold(store) == []
    async with store.transaction() as connection:
        await replies.hurry(connection, MACHINE)
    assert len(await untold(store)) == 1


@pytest.mark.parametrize(
    ("operators", "machines", "linked"),
    [
        (None, None, True),
        ("fiscal", None, False),
        ("fiscal", "link_then_fiscal", True),
        ("link_then_fiscal", "fiscal", False),
    ],
)
async def test_whether_our_link_goes_along_is_the_policy_of_today(
    store: Store, operators: str | None, machines: str | None, *, linked: bool
) -> None:
    await sold(store)
    await asked(store, "issued")
    assert [each.linked for each in await untold(store)] == [True]
    whose = msgspec.structs.replace(FLEET[0], policies=msgspec.convert({"qr": operators}, Policies))
    which = Machine(
        id=MACHINE, operator="main", register="main", planogram="hot", address="a", place="p",
        policies=msgspec.convert({"qr": machines}, Policies),
    )  # fmt: skip
    async with store.transaction() as connection:
        await fleet.put(connection, whose, "test", 1)
        await fleet.put(connection, which, "test", 1)
    assert [each.linked for each in await untold(store)] == [linked]


async def test_the_longest_overdue_come_first_and_not_all_at_once(store: Store) -> None:
    numbers = range(1, replies.MOST + 3)
    rows = [
        {"sale_id": id_of(n), "machine": MACHINE, "epoch": "e", "seq": n, "token": f"{n}"}
        | {"body": "{}", "received_at": 1, "disposition": "receipt"}
        for n in numbers
    ]
    common = {"purpose": "income", "machine": MACHINE, "register": "main", "request": "{}"}
    common |= {"born_at": 1, "next_at": 1, "state": "closed", "error": "?"}
    async with store.transaction() as connection:
        await connection.execute(sa.insert(sale), rows)
        await connection.execute(
            sa.insert(receipt), [{"sale_id": id_of(n), **common} for n in numbers]
        )
        await replies.revise_all(connection, [(id_of(n), MACHINE) for n in numbers])
        await connection.execute(
            sa.update(reply).where(reply.c.sale_id == id_of(7)).values(tell_at=9)
        )
    first = await untold(store)
    assert len(first) == replies.MOST
    assert id_of(7) not in {each.receipt.sale_id for each in first}
    await said(store, *first, again=T + 10_000)
    assert [each.receipt.sale_id for each in await untold(store)][-1] == id_of(7)


async def test_evidence_is_kept_once(store: Store) -> None:
    paper = msgspec.structs.replace(SHOWN, on="paper")
    async with store.transaction() as connection:
        for shown in (SHOWN, SHOWN, paper):
            await replies.keep_showing(connection, MACHINE, shown)
    async with store.reading() as connection:
        kept = (await connection.execute(sa.select(showing).order_by(showing.c.medium))).all()
    assert [(row.medium, row.machine, row.reason) for row in kept] == [
        ("paper", MACHINE, "next sale"),
        ("screen", MACHINE, "next sale"),
    ]


async def test_presence_is_the_last_word(store: Store) -> None:
    for at, online in ((1, True), (2, False)):
        async with store.transaction() as connection:
            await replies.note_presence(connection, MACHINE, at, online=online)
    async with store.reading() as connection:
        ((machine, online, at),) = (await connection.execute(sa.select(presence))).all()
    assert (machine, online, at) == (MACHINE, False, 2)


async def sent(store: Store, purpose: Purpose, *, first_sent_at: int | None = 1) -> None:
    """The receipt's key is open; without a time it surely never left."""
    key = id_of(1) + {Purpose.INCOME: "", RETURN: "-r", CORRECTION: "-c"}[purpose]
    row = {"key": key, "sale_id": id_of(1), "purpose": purpose.value, "number": 0, "body": ""}
    async with store.transaction() as connection:
        await connection.execute(
            sa.insert(attempt).values(register="main", first_sent_at=first_sent_at, **row)
        )


async def test_a_receipt_that_may_be_recorded_is_not_told_as_refused(store: Store) -> None:
    await sold(store)
    await asked(store, "attention")
    await sent(store, Purpose.INCOME)
    (reply,) = await untold(store)
    assert reply.receipt == Told(sale_id=id_of(1), rev=1, status="pending")
    await write(store, sa.update(attempt).values(verdict="dead"))
    assert [each.receipt.status for each in await untold(store)] == ["refused"]


async def test_a_receipt_whose_key_surely_never_left_is_refused(store: Store) -> None:
    await sold(store)
    await asked(store, "attention")
    await sent(store, Purpose.INCOME, first_sent_at=None)
    assert [each.receipt.status for each in await untold(store)] == ["refused"]


async def test_a_return_in_doubt_leaves_its_sale_issued(store: Store) -> None:
    await sold(store)
    await asked(store, "issued")
    await asked(store, "attention", purpose=RETURN)
    await sent(store, RETURN)
    assert [each.receipt.status for each in await untold(store)] == ["issued"]


@pytest.mark.parametrize("state", ["waiting", "submitted", "unknown", "accepted"])
async def test_a_correction_that_goes_its_way_is_waited_for(store: Store, state: str) -> None:
    await sold(store)
    await asked(store, "closed")
    await asked(store, state, purpose=CORRECTION)
    assert [each.receipt.status for each in await untold(store)] == ["pending"]

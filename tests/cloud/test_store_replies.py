"""What machines have still to be told, and what they told us of showing it."""

import msgspec
import sqlalchemy as sa
from shop import MACHINE, NOON, a_document, a_sale, id_of, now_ms, rows, sell, token_of

from cloud.outcome import Dead, Done
from cloud.store import Store, receipts, replies
from cloud.store.replies import Reply
from cloud.store.schema import presence, showing
from edge.wire import Fiscal, Receipt, Shown

T = 1_800_000_000_000
ISSUED = Receipt(
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


async def issue(store: Store, *numbers: int) -> None:
    async with store.transaction() as connection:
        for number in numbers:
            done = Done(a_document(number))
            await receipts.record(connection, id_of(number), done, T, None)


async def untold(store: Store, at: int = T) -> list[Reply]:
    async with store.transaction() as connection:
        return list(await replies.untold(connection, at))


async def told(store: Store, rev: int, machine: str = MACHINE, sale_id: str = id_of(1)) -> None:
    async with store.transaction() as connection:
        await replies.told(connection, machine, sale_id, rev)


async def test_an_issued_receipt_is_to_be_told_until_the_machine_has_it(store: Store) -> None:
    await sell(store, a_sale())
    assert await untold(store) == []
    await issue(store, 1)
    (reply,) = await untold(store)
    assert reply == Reply(MACHINE, token_of(1), ISSUED, 0)
    async with store.transaction() as connection:
        await replies.said(connection, reply, T + 10_000)
    assert await untold(store, T + 9_999) == []
    (again,) = await untold(store, T + 10_000)
    assert again.times == 1
    await told(store, 1)
    assert await untold(store, T + 10**9) == []


async def test_a_machine_that_is_back_is_told_at_once(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2, machine="vm-9", item="0001"))
    await issue(store, 1)
    (reply,) = await untold(store)
    async with store.transaction() as connection:
        await replies.said(connection, reply, T + 3_600_000)
        await replies.hurry(connection, "vm-9")
    assert await untold(store) == []
    async with store.transaction() as connection:
        await replies.hurry(connection, MACHINE)
    assert len(await untold(store)) == 1


async def test_a_refusal_is_told_and_replaced_by_a_late_document(store: Store) -> None:
    await sell(store, a_sale())
    async with store.transaction() as connection:
        held = await receipts.lease(connection, "main", "one", T)
        job = await receipts.next_job(connection, "main", now_ms())
        assert held is not None
        assert job is not None
        await receipts.intend(connection, held, job, "{}", T)
        await receipts.record(connection, id_of(1), Dead("code 13"), T, held)
    (refused,) = await untold(store)
    assert refused.receipt == Receipt(sale_id=id_of(1), rev=1, status="refused")
    await told(store, 1)
    await issue(store, 1)
    (issued,) = await untold(store)
    assert issued.receipt == msgspec.structs.replace(ISSUED, rev=2)
    # An answer to the first, come late, does not stand for the second.
    await told(store, 1)
    assert len(await untold(store)) == 1


async def test_a_machine_speaks_for_its_own_sales_and_for_what_exists(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store, 1)
    await told(store, 1, machine="vm-9")
    await told(store, 1, sale_id=id_of(9))
    await told(store, 2)
    await told(store, 0)
    assert len(await untold(store)) == 1


async def test_what_is_said_of_an_old_revision_delays_no_new_one(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store, 1)
    (reply,) = await untold(store)
    older = msgspec.structs.replace(reply.receipt, rev=0)
    async with store.transaction() as connection:
        await replies.said(connection, Reply(MACHINE, reply.token, older, 4), T + 10**9)
    assert await untold(store) == [reply]


async def test_the_longest_overdue_come_first_and_not_all_at_once(store: Store) -> None:
    numbers = range(1, replies.MOST + 2)
    await sell(store, *(a_sale(number) for number in numbers))
    await issue(store, *numbers)
    first = await untold(store)
    assert len(first) == replies.MOST
    async with store.transaction() as connection:
        for reply in first:
            await replies.said(connection, reply, T + 10_000)
    told_now = {reply.receipt.sale_id for reply in first}
    (last,) = await untold(store)
    assert last.receipt.sale_id not in told_now


async def test_evidence_is_kept_once(store: Store) -> None:
    paper = msgspec.structs.replace(SHOWN, on="paper")
    async with store.transaction() as connection:
        for shown in (SHOWN, SHOWN, paper):
            await replies.keep_showing(connection, MACHINE, shown)
    kept = await rows(store, sa.select(showing).order_by(showing.c.medium))
    assert [(row.medium, row.machine, row.reason) for row in kept] == [
        ("paper", MACHINE, "next sale"),
        ("screen", MACHINE, "next sale"),
    ]


async def test_presence_is_the_last_word(store: Store) -> None:
    for at, online in ((1, True), (2, False)):
        async with store.transaction() as connection:
            await replies.note_presence(connection, MACHINE, at, online=online)
    ((machine, online, at),) = await rows(store, sa.select(presence))
    assert (machine, online, at) == (MACHINE, False, 2)

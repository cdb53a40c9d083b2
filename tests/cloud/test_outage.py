"""A day without the provider, fifty thousand sales waiting: seldom tried, then worked off in order.

No day is waited for: what is due later is made due in the store, one hold of the circuit at a time.
"""

import asyncio
import tracemalloc
from collections.abc import Mapping
from typing import Final

import msgspec
import sqlalchemy as sa
from aiohttp import web
from parts import free_port
from shop import (
    Register,
    a_sale,
    a_server,
    eventually,
    id_of,
    incidents,
    now_ms,
    placed,
    rows,
    sell,
    states,
    stocked,
    write,
)

from cloud.breaker import FAILURES, SURE_EVERY, Circuit, after
from cloud.intake import Placed
from cloud.lane import IN_FLIGHT_S
from cloud.outcome import Accepted, Pause, Unsent
from cloud.providers.cloudkassir import CloudKassir
from cloud.store import Store
from cloud.store.schema import attempt, lane, receipt

WAITING = 50_000
RATE = 40
"""Receipts a second."""
ON_THEIR_WAY = round(RATE * IN_FLIGHT_S)
HOLD_MS = 300_000
DAY_MS = 86_400_000
FEW = 150
HOLDS = 30
PROBES = 8
A_MEGABYTE = 1_000_000
LIVE = range(WAITING + 1, WAITING + 7)


PILE: Final = (
    """
    INSERT INTO sale (sale_id, machine, epoch, seq, token, body, received_at, disposition)
    {numbers} SELECT {id}, 'vm-000123', 'before', i, 'old' || i, '{{}}', {at}, 'receipt' FROM n
    """,
    """
    INSERT INTO receipt
    (sale_id, purpose, machine, register, request, state, born_at, next_at)
    {numbers} SELECT {id}, 'income', 'vm-000123', 'main', replace(:request, :one, {id}), 'waiting',
    {at}, {at} FROM n
    """,
)
NUMBERS: Final = (
    "WITH RECURSIVE n (i) AS"
    " (SELECT CAST(:first AS integer) UNION ALL SELECT i + 1 FROM n WHERE i < :last)"
)
DIGITS: Final = {"sqlite": "printf('%012x', i)", "postgresql": "lpad(to_hex(i), 12, '0')"}


async def pile_up(store: Store, last: int, first: int = 1) -> None:
    """Sales of the day before that wait, the highest number the oldest; as rows."""
    await stocked(store)
    wanted = placed(a_sale()).disposition
    assert isinstance(wanted, Placed)
    told = {
        "first": first,
        "last": last,
        "day": now_ms() - DAY_MS,
        "head": id_of(0)[:-12],
        "one": wanted.receipt.sale_id,
        "request": msgspec.json.encode(wanted.receipt).decode(),
    }
    async with store.transaction() as connection:
        name = f"CAST(:head AS text) || {DIGITS[connection.dialect.name]}"
        for order in PILE:
            at = "CAST(:day AS bigint) - i"
            query = sa.text(order.format(numbers=NUMBERS, id=name, at=at))
            named = query.compile().params
            await connection.execute(query, {each: told[each] for each in named})


async def tries(store: Store) -> Mapping[str, int]:
    """How often each receipt was tried that was tried at all."""
    tried = sa.select(receipt.c.sale_id, receipt.c.tries).where(receipt.c.tries > 0)
    return {row.sale_id: row.tries for row in await rows(store, tried)}


async def failures(store: Store) -> int:
    found = await rows(store, sa.select(lane.c.failures))
    return int(found[0].failures) if found else 0


async def flying(store: Store) -> int:
    """Receipts whose answer is not in."""
    submitted = sa.select(sa.func.count()).where(receipt.c.state == "submitted")
    ((count,),) = await rows(store, submitted)
    return int(count)


async def let_a_hold_pass(store: Store) -> None:
    """It is so much later for the circuit, and for every receipt that was tried."""
    async with store.transaction() as connection:
        for table, column, where in (
            (lane, lane.c.hold_until, sa.true()),
            (receipt, receipt.c.next_at, receipt.c.tries > 0),
            (attempt, attempt.c.first_sent_at, attempt.c.verdict.is_(None)),
        ):
            later = sa.update(table).where(where).values({column: column - HOLD_MS})
            await connection.execute(later)


async def without_the_provider(
    store: Store, register: Register, away: CloudKassir, holds: int
) -> int:
    """Work until the circuit is open, and through so many holds; receipts tried before it was."""
    async with register.at_work(store, away, rate_per_s=RATE) as task:

        async def open_and_landed() -> bool:
            return await failures(store) >= FAILURES and not await flying(store)

        await eventually(open_and_landed)
        # What left before counts no further: a second without the network is no five minutes.
        assert await failures(store) == FAILURES
        at_first = sum((await tries(store)).values())
        for _ in range(holds):
            before = await failures(store)
            await let_a_hold_pass(store)

            async def tried(before: int = before) -> bool:
                register.due.ring()  # sales come all the time
                return await failures(store) > before

            await eventually(tried)
        assert not task.done()
    return at_first


def oldest(count: int) -> set[str]:
    """Of what piled up."""
    return {id_of(WAITING - place) for place in range(count)}


async def test_a_day_of_holds_is_a_try_each_and_then_the_oldest_go_first_at_the_registers_pace(
    store: Store, register: Register
) -> None:
    await pile_up(store, WAITING)
    away = register.client(url=f"http://127.0.0.1:{free_port()}")
    at_first = await without_the_provider(store, register, away, HOLDS)
    tried = await tries(store)
    assert at_first <= ON_THEIR_WAY
    assert sum(tried.values()) == at_first + HOLDS
    assert set(tried) <= oldest(ON_THEIR_WAY)
    ((attempts,),) = await rows(store, sa.select(sa.func.count()).select_from(attempt))
    assert attempts == len(tried)
    ((untouched,),) = await rows(
        store,
        sa.select(sa.func.count()).where(
            receipt.c.tries == 0, receipt.c.next_at == receipt.c.born_at
        ),
    )
    assert untouched == WAITING - len(tried)

    await let_a_hold_pass(store)
    async with register.at_work(store, rate_per_s=RATE, owner="one"):
        await documents(register, RATE)
        await sell(store, *(a_sale(number, seq=number) for number in LIVE))
        sold_at = len(await register.keys())
        register.due.ring()
        await documents(register, 2 * RATE + len(LIVE))
        # Another process takes the lane, and the first one notices.
        async with register.at_work(store, rate_per_s=RATE, owner="two"):
            await write(store, sa.update(lane).values(lease_until=0, owner="nobody"))
            await documents(register, 4 * RATE)
    keys = await register.keys()
    assert len(set(keys)) == len(keys)
    live = {id_of(number) for number in LIVE}
    assert live <= set(keys)
    waited = max(keys.index(key) for key in live) - sold_at
    assert waited <= ON_THEIR_WAY
    backlog = [key for key in keys if key not in live]
    assert set(backlog) <= oldest(len(backlog) + ON_THEIR_WAY)
    moments = [each.at.timestamp() for each in register.emulator.drive.documents()]
    # A second's rest and a second's pace; and what a busy computer put off for a second.
    crowd = 3 * RATE + 1
    assert all(later - first > 1 for first, later in zip(moments, moments[crowd:], strict=False))
    assert await incidents(store) == []


async def documents(register: Register, count: int) -> None:
    async def there() -> bool:
        return len(await register.ledger()) >= count

    await eventually(there, 20)


async def test_a_provider_that_takes_calls_and_confirms_nothing_gets_a_call_a_hold(
    store: Store, register: Register
) -> None:
    calls = 0

    async def answer(_request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        if calls % 2:
            await asyncio.sleep(3600)
        return web.Response(status=500)

    await pile_up(store, FEW)
    async with a_server(answer) as url:
        away = register.client(url=url, timeout_s=0.2)
        at_first = await without_the_provider(store, register, away, PROBES)
    assert at_first <= ON_THEIR_WAY
    assert sum((await tries(store)).values()) == at_first + PROBES
    assert 0 < calls <= at_first + PROBES
    # Most tries repeat what may have arrived: few receipts more may come to need a person.
    assert len(await tries(store)) <= at_first + PROBES // SURE_EVERY + 1
    assert set((await states(store)).values()) == {"waiting", "unknown"}
    # Not a minute is to be lost, or the provider has forgotten the keys.
    await write(store, sa.update(lane).values(hold_until=0))
    await write(store, sa.update(receipt).values(next_at=0))
    async with register.at_work(store):

        async def all_issued() -> bool:
            return set((await states(store)).values()) == {"issued"}

        await eventually(all_issued, 30)
    keys = await register.keys()
    assert len(set(keys)) == len(keys) == FEW


def test_a_paused_register_whose_provider_is_gone_is_not_tried_receipt_by_receipt() -> None:
    now = now_ms()
    circuit = after(Circuit(), Unsent("nothing is paid for", Pause.BILLING), now)
    now = circuit.hold_until
    for _ in range(FAILURES):
        assert not circuit.holds(now)
        circuit = after(circuit, Unsent("no connection"), now)
        assert (circuit.pause, circuit.reason) == (Pause.BILLING, "nothing is paid for")
        assert circuit.holds(now)
        assert circuit.mutes(now) is (circuit.failures >= FAILURES)
        now = circuit.hold_until
    # It answers again: what it has is asked for, and the register stays paused.
    circuit = after(circuit, Accepted("1"), now, asked=True)
    assert (circuit.pause, circuit.failures) == (Pause.BILLING, 0)


async def test_what_a_lane_holds_in_memory_does_not_grow_with_what_waits(
    store: Store, register: Register
) -> None:
    away = register.client(url=f"http://127.0.0.1:{free_port()}")
    took = []
    for first, last in ((1, FEW), (FEW + 1, WAITING // 2)):
        await pile_up(store, last, first)
        await write(store, sa.update(lane).values(failures=0, hold_until=0))
        tracemalloc.start()
        await without_the_provider(store, register, away, 2)
        took.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert took[1] < took[0] + A_MEGABYTE

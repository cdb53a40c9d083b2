"""Fate: what becomes of receipts, written down as a lane writes it, without a provider."""

from shop import a_document, id_of, now_ms

from cloud.clock import since_boot
from cloud.keys import key_of
from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown
from cloud.receipt import Purpose
from cloud.store import Store, claims, receipts
from cloud.store.receipts import Told

REFUSED = Dead("tag 1009: no such address")
LOST = Unknown("the answer was lost", final=True)


async def leave(store: Store, register: str = "main") -> list[str]:
    """What waits is sent: the intents are written down; the keys."""
    now = now_ms()
    async with store.transaction() as connection:
        jobs = await claims.to_send(connection, register, now, 10_000, live_first=False)
        sends = [(job, f"body of {job.key}") for job in jobs]
        gone = await claims.intend(
            connection, sends, register, "lane", now, since_boot(), now + 60_000
        )
    return [job.key for job in gone]


async def hear(store: Store, key: str, outcome: Outcome, register: str = "main") -> str:
    """The provider says this of a key; the receipt's state then."""
    async with store.transaction() as connection:
        states = await receipts.record(connection, [Told(key, outcome, register)], "lane", now_ms())
    return states[key].value


async def meet(  # noqa: PLR0917, a fate has its sides
    store: Store,
    outcome: Outcome,
    number: int = 1,
    purpose: Purpose = Purpose.INCOME,
    attempt: int = 0,
    register: str = "main",
) -> str:
    """It is sent, and this becomes of it."""
    await leave(store, register)
    return await hear(store, key_of(id_of(number), purpose, attempt), outcome, register)


async def issue(store: Store, number: int = 1, fd: int = 0, total: int = 12010) -> str:
    """It is sent and recorded."""
    return await meet(store, Done(a_document(fd or number, total), f"p-{number}"), number)


async def accept(store: Store, number: int = 1) -> str:
    """It is sent, and the provider has it."""
    return await meet(store, Accepted(f"p-{number}"), number)

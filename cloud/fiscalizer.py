"""The fiscaliser: one lane a register, one receipt at a time in it. Never two, never none.

    take the lane -> what is due -> write the intent down -> send -> write the outcome down

A crash leaves the receipt in a state that says how far it was, and the next process goes on from
there. What may have been sent is asked for, or repeated under the same key while the provider
remembers it; after that it waits for the provider's push, and for a person.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterator, Mapping
from typing import Final

import structlog

from cloud import metrics
from cloud.bell import Bell
from cloud.clock import SinceBoot, since_boot
from cloud.clock import now_ms as clock_ms
from cloud.errors import LeaseLostError
from cloud.fiscalization import State
from cloud.outcome import Dead, Outcome, Unknown
from cloud.providers import Provider
from cloud.store import BUSY, Store, receipts
from cloud.store.receipts import LEASE_MS, Job, Lease

log = structlog.get_logger(__name__)

LOOK_S: Final = 1.0
"""How often a lane looks by itself for what another process put into it."""

RELEASE_S: Final = 0.5


class Fiscalizer:
    """Works the lanes of all registers."""

    def __init__(
        self, store: Store, providers: Mapping[str, Provider], owner: str, due: Bell, news: Bell
    ) -> None:
        self._store = store
        self._providers = providers
        self._owner = owner
        self._due = due
        self._news = news
        self._asked: dict[str, bool] = {}
        self._held: dict[str, Lease] = {}

    async def run(self) -> None:
        """One task a lane, for ever."""
        async with asyncio.TaskGroup() as group:
            for register, provider in self._providers.items():
                group.create_task(self._work(register, provider), name=f"lane {register}")

    async def _work(self, register: str, provider: Provider) -> None:
        try:
            while True:
                ring = self._due.listen()
                try:
                    wait = await self._once(register, provider)
                except LeaseLostError as error:
                    log.warning("lane lost", register=register, reason=str(error))
                    wait = LOOK_S
                except BUSY as error:
                    log.warning("the store is busy", register=register, reason=str(error))
                    wait = LOOK_S
                if wait > 0:
                    await self._due.wait(ring, min(wait, LOOK_S))
        finally:
            if register in self._held:
                await self._release(self._held.pop(register))

    async def _release(self, held: Lease) -> None:
        """Let the next process begin at once; a lease that stays runs out by itself."""
        try:
            async with asyncio.timeout(RELEASE_S), self._store.transaction() as connection:
                await receipts.release(connection, held)
        except (TimeoutError, *BUSY) as error:
            log.warning("a lane was not released", reason=repr(error))

    async def _once(self, register: str, provider: Provider) -> float:
        """Do the next thing that is due; return seconds until there is more."""
        now_ms = clock_ms()
        async with self._store.transaction() as connection:
            held = await receipts.lease(connection, register, self._owner, now_ms)
            if held is None:
                return LEASE_MS / 1000
            self._held[register] = held
            self._asked[register] = not self._asked.get(register, False)
            job = await receipts.next_job(
                connection, register, now_ms, ask_first=self._asked[register]
            )
            if job is None:
                return LOOK_S
            if job.next_at > now_ms:
                return (job.next_at - now_ms) / 1000
            body = job.body or provider.compose(job.receipt)
            boot = since_boot()
            step = _step(job, provider.memory_s, now_ms, boot)
            if step == "submit":
                await receipts.intend(connection, held, job, body, now_ms, boot)
        began = time.monotonic()
        outcome = await _guarded(_do(step, job, body, provider))
        metrics.PROVIDER_SECONDS.labels(step).observe(time.monotonic() - began)
        await self._record(job, outcome, held)
        return 0

    async def _record(self, job: Job, outcome: Outcome, held: Lease) -> None:
        async with self._store.transaction() as connection:
            state = await receipts.record(connection, job.key, outcome, clock_ms(), held)
        metrics.OUTCOMES.labels(type(outcome).__name__.lower()).inc()
        reason = getattr(outcome, "reason", None)
        log.info("receipt", key=job.key, state=state and state.value, reason=reason)
        self._news.ring()


def _step(job: Job, memory_s: float, now_ms: int, boot: SinceBoot) -> str:
    """What to do with a receipt that is due: `submit`, `ask`, or `give up`."""
    if job.state is State.WAITING:
        return "submit"
    if job.state is State.ACCEPTED and job.provider_id is not None:
        return "ask"
    if all(0 <= age < 1000 * memory_s for age in _ages(job, now_ms, boot)):
        return "submit"
    return "ask" if job.provider_id is not None else "give up"


def _ages(job: Job, now_ms: int, boot: SinceBoot) -> Iterator[int]:
    """How long ago the key was used first, by every clock that can tell."""
    if job.first_sent_at is not None:
        yield now_ms - job.first_sent_at
    if job.first_sent is not None and job.first_sent.boot_id == boot.boot_id:
        yield boot.ms - job.first_sent.ms


async def _guarded(work: Awaitable[Outcome]) -> Outcome:
    """A provider's answer that our code trips over must not end the process, nor be believed."""
    try:
        return await work
    except Exception as error:
        log.exception("a provider's answer was not understood")
        return Unknown(f"not understood: {error!r}")


async def _do(step: str, job: Job, body: str, provider: Provider) -> Outcome:
    if step == "submit":
        return await provider.submit(job.key, body)
    if step == "ask" and job.provider_id is not None:
        return await provider.ask(job.provider_id)
    return Dead(
        "the answer was lost, and the provider no longer remembers the key: look for the receipt in"
        " the provider's cabinet; its push, if it comes, still ends this"
    )

"""A lane: the queue of one register, worked by whoever holds its lease. Never two, never none.

    hold the lease -> write down what was said -> take what is due -> write the intents down -> send

That is one transaction and then some calls; what they bring is written down in the next one. A
crash leaves a receipt in a state that says how far it was, and the next holder goes on from there.
"""

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import replace
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud import breaker, metrics
from cloud.bell import Bell
from cloud.breaker import Circuit
from cloud.clock import SinceBoot, since_boot
from cloud.errors import LeaseLostError
from cloud.fiscalization import State
from cloud.fleet import Register
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.pace import Pace
from cloud.providers import Attempt
from cloud.registers import Opened
from cloud.step import Step, step
from cloud.store import BUSY, Store, claims, fleet, lanes, receipts
from cloud.store.claims import Job
from cloud.store.dialect import clock_of
from cloud.store.lanes import LEASE_MS, Lease
from cloud.store.receipts import Told

T = TypeVar("T")
log = structlog.get_logger(__name__)

LOOK_S: Final = 1.0
"""How often a lane looks by itself for what another process put into it."""
TOGETHER_S: Final = 0.05
"""What the pace lets go within so short a time goes together: each turn is a commit."""
IN_FLIGHT_S: Final = 3.0
"""So many seconds of a register's pace may be on their way at once."""
MOST_IN_FLIGHT: Final = 200
HELD_BACK_MS: Final = 5000
"""What is not repeated while a person holds the register makes room for what is asked for."""
PATIENT: Final = 30
"""So many tries in one state are two hours and more (`retry.SCHEDULES`)."""
STOP_S: Final = 1.5
"""So long a stop waits for what is on its way."""
RELEASE_S: Final = 0.5
UNWRITTEN: Final = (
    "what the provider answered cannot be written down: look for the receipt in its cabinet"
)
LOST: Final = (
    "the answer was lost, and the provider can no longer be asked by the key: look for the receipt"
    " in the provider's cabinet; its push, if it comes, still ends this"
)


class Lane:
    """Works one register's queue."""

    def __init__(  # noqa: PLR0917, what a lane is joined to
        self,
        store: Store,
        opened: Opened,
        owner: str,
        due: Bell,
        news: Bell,
        stop_s: float = STOP_S,
    ) -> None:
        self._store = store
        self._opened = opened
        self._register = opened.register.id
        self._provider = opened.provider
        self._account = opened.account
        self._owner = owner
        self._due = due
        self._news = news
        self._stop_s = stop_s
        rate = opened.account.rate_per_s
        self._sending = Pace.full(rate, time.monotonic())
        self._asking = Pace.full(rate, time.monotonic())
        self._most = min(MOST_IN_FLIGHT, max(1, round(rate * IN_FLIGHT_S)))
        self._live_first = False
        self._held: Lease | None = None
        self._circuit = Circuit()
        self._flying: dict[str, asyncio.Task[None]] = {}
        self._said: list[tuple[Told, Step]] = []
        self._landed = Bell()
        self._failing: set[str] = set()
        """Receipts that failed since the provider last said anything."""

    async def run(self) -> None:
        """For ever; what is on its way when it is cancelled is waited for a little."""
        try:
            while True:
                ring, landing = self._due.listen(), self._landed.listen()
                try:
                    wait_s = await self._whole(self._turn())
                except LeaseLostError as error:
                    log.warning("lane lost", register=self._register, reason=str(error))
                    self._said.clear()  # the new holder asks by itself
                    wait_s = LOOK_S
                except BUSY as error:
                    log.warning("the store is busy", register=self._register, reason=str(error))
                    wait_s = LOOK_S
                except Exception:
                    log.exception("a turn failed", register=self._register)
                    await self._whole(self._part())
                    wait_s = LOOK_S
                if wait_s > 0 and not self._said:
                    await _first(ring, landing, min(wait_s, LOOK_S))
        finally:
            await self._land()

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Work that a stop lets come to its end: what is cut amid a transaction is not let go at once."""
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._last)
            await asyncio.wait([task], timeout=self._stop_s)
            raise

    def _last(self, task: "asyncio.Task[Any]") -> None:
        """What nobody waits for any more has come to its end."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("the last turn failed", register=self._register, reason=str(error))

    async def _part(self) -> None:
        """Write down one by one what could not be written together; nothing may stop a lane."""
        for each, do in list(self._said):
            for outcome in (each.outcome, Unknown(UNWRITTEN, final=True)):
                try:
                    async with self._store.transaction() as connection:
                        if self._held is not None:
                            await lanes.check(connection, self._held)
                        now = await clock_of(connection)
                        told = Told(each.key, outcome, each.register)
                        await receipts.record(connection, [told], self._owner, now)
                except (LeaseLostError, *BUSY):
                    return
                except Exception:
                    log.exception("an outcome cannot be written down", key=each.key)
                else:
                    break
            self._said.remove((each, do))

    async def _turn(self) -> float:
        """Write down, take, send; seconds until there is more to do."""
        boot = since_boot()
        said = list(self._said)
        jobs: list[tuple[Job, Step]] = []
        async with self._store.transaction() as connection:
            now = await clock_of(connection)
            held = await lanes.lease(connection, self._register, self._owner, now)
            if held is None or (self._held is not None and held.fence != self._held.fence):
                mine, self._held = self._held, held
                if mine is None and not said:
                    return LEASE_MS / 1000
                raise LeaseLostError(f"register {self._register}: another process took the lane")
            if await fleet.get(connection, Register, self._register) != self._opened.register:
                # Who slept may have an account open that is another one by now.
                raise LeaseLostError(f"register {self._register}: its settings were changed")
            circuit = await lanes.circuit(connection, self._register)
            then = await self._record(connection, said, circuit, now)
            taken, wait_s = await self._take(connection, then, now, len(said))
            jobs = [
                (
                    job,
                    step(
                        job.state,
                        job.sent,
                        job.provider_id,
                        self._provider.memory_s,
                        now,
                        boot,
                        by_key=self._provider.by_key,
                        latest_ms=held.latest_ms,
                    ),
                )
                for job in taken
            ]
            if then.pause is Pause.BY_HAND:
                held_back = [job for job, do in jobs if do == "submit"]
                await claims.put_off(connection, held_back, now + HELD_BACK_MS)
                jobs = [(job, do) for job, do in jobs if do != "submit"]
            sends = await self._written(connection, jobs, now)
            intended = await claims.intend(
                connection, sends, self._register, self._owner, now, boot, now + LEASE_MS
            )
        self._held, self._circuit = held, then
        del self._said[: len(said)]
        if said:
            self._news.ring()
        sent = {job.key: job for job in intended}
        for job, do in jobs:
            self._start(sent.get(job.key, job), do, boot)
        return 0 if self._said else wait_s

    async def _record(
        self, connection: AsyncConnection, said: list[tuple[Told, Step]], circuit: Circuit, now: int
    ) -> Circuit:
        """Write outcomes down; the circuit after them."""
        if not said:
            return circuit
        told = [each for each, _ in said]
        states = await receipts.record(connection, told, self._owner, now, self._account.poll_s)
        then = circuit
        for each, do in said:
            if do != "give up" and not breaker.is_late(then, each.outcome, now):
                then = self._after(then, each, now, asked=do == "ask")
            reason = getattr(each.outcome, "reason", None)
            state = states.get(each.key)
            log.info("receipt", key=each.key, state=state and state.value, reason=reason)
        if then != circuit:
            await lanes.set_circuit(connection, self._register, then, now)
            if then.is_open() and not circuit.is_open():
                log.warning("register held", register=self._register, reason=then.reason)
        return then

    def _after(self, circuit: Circuit, told: Told, now: int, *, asked: bool) -> Circuit:
        """The circuit after an outcome; what one receipt fails at again and again is its own."""
        then = breaker.after(circuit, told.outcome, now, asked=asked)
        if then.failures <= circuit.failures:
            self._failing.clear()
        elif told.key in self._failing and not circuit.is_open():
            return circuit
        else:
            self._failing.add(told.key)
        return then

    async def _take(
        self, connection: AsyncConnection, circuit: Circuit, now: int, heard: int
    ) -> tuple[list[Job], float]:
        """What may go now, and seconds until more may; so many outcomes are in the circuit."""
        at = time.monotonic()
        self._sending, self._asking = self._sending.filled(at), self._asking.filled(at)
        room = self._most - len(self._flying)
        if circuit.is_open():
            # One receipt tries it. What has come back meanwhile is heard first.
            room = 0 if self._flying or len(self._said) > heard else 1
        can_send, can_ask = not circuit.holds(now), not circuit.mutes(now)
        sends = min(room, self._sending.ready) if can_send else 0
        asks = min(room, self._asking.ready) if can_ask else 0
        self._live_first = not self._live_first
        due = await claims.to_send(
            connection, self._register, now, sends, live_first=self._live_first
        )
        asked = await claims.to_ask(
            connection,
            self._register,
            now,
            asks and asks + len(self._flying) + len(self._said),
            live_first=self._live_first,
        )
        if asks and len(asked) < asks:
            asked += await claims.hinted(connection, self._register, now, asks - len(asked))
        # Neither what is on its way, nor what has just come back and is written down next.
        known = {*self._flying, *(told.key for told, _ in self._said)}
        asked = [job for job in asked if job.key not in known][:asks]
        if circuit.is_open():
            due, asked = breaker.the_one(circuit, due, asked)
        self._sending, self._asking = self._sending.taken(len(due)), self._asking.taken(len(asked))
        room -= len(due) + len(asked)
        waits = [
            pace.wait_s and max(pace.wait_s, TOGETHER_S)
            for pace, may, found, most in (
                (self._sending, can_send, due, sends),
                (self._asking, can_ask, asked, asks),
            )
            # All that the pace allows: there may be more. Where there is no room, a landing rings.
            if may and room > 0 and len(found) == most
        ]
        return [*due, *asked], min(waits, default=LOOK_S)

    async def _written(
        self, connection: AsyncConnection, jobs: list[tuple[Job, Step]], now: int
    ) -> list[tuple[Job, str]]:
        """What is to be sent, each with its body; what our own code cannot write is a person's."""
        written: list[tuple[Job, str]] = []
        for job, do in jobs:
            if do != "submit":
                continue
            try:
                written.append((job, job.body or self._provider.compose(job.receipt, job.key)))
            except Exception as error:
                log.exception("a receipt cannot be written for its provider", key=job.key)
                said = f"it cannot be written for the provider: {error}"
                await claims.give_to_a_person(connection, job, said, self._owner, now)
        return written

    def _start(self, job: Job, do: Step, boot: SinceBoot) -> None:
        if do == "submit" and job.body is None:
            return
        if do == "give up":
            self._hear(job, do, Unknown(LOST, final=True))
            return
        task = asyncio.create_task(self._call(job, do, boot), name=f"{do} {job.key}")
        self._flying[job.key] = task

    async def _call(self, job: Job, do: Step, boot: SinceBoot) -> None:
        """Call the provider; `boot` is when the intent was written."""
        began, term = time.monotonic(), self._held
        try:
            if do == "submit" and _slept(boot, since_boot()):
                # Others may have gone on with it since. Nothing left; it is unknown in its time.
                log.warning("too late to send", key=job.key)
                return
            outcome = await _guarded(self._said_of(job.attempt(""), do))
            metrics.PROVIDER_SECONDS.labels(do).observe(time.monotonic() - began)
            metrics.OUTCOMES.labels(type(outcome).__name__.lower()).inc()
            # Has another had the lane since, it may have sent it again: what was refused, or did not
            # arrive, before that says nothing of it.
            if self._held == term or isinstance(outcome, Accepted | Done):
                self._hear(job, do, self._weighed(job, do, outcome))
        finally:
            self._flying.pop(job.key, None)
            self._landed.ring()

    def _said_of(self, attempt: Attempt, do: Step) -> Awaitable[Outcome]:
        return self._provider.submit(attempt) if do == "submit" else self._provider.ask(attempt)

    def _weighed(self, job: Job, do: Step, outcome: Outcome) -> Outcome:
        """An answer, for what it tells of the receipt."""
        match outcome:
            case Unsent(reason, absent=True) if do == "ask" and job.state is State.UNKNOWN:
                outcome = Unknown(reason)  # asked for, as it may not be sent again
            case Unsent(pause=pause) if do == "ask" and pause is not Pause.AUTH:
                outcome = replace(outcome, pause=None)  # it says nothing of what is sent, nor of it
            case Unsent(reason, pause=Pause.NO_REGISTER) if job.error == reason:
                if not self._circuit.is_open():
                    # The register has taken others since: it is this receipt that it cannot take.
                    outcome = Dead(reason)
        repeated = do == "submit" and job.state is State.UNKNOWN
        if repeated and isinstance(outcome, Dead) and not self._provider.knows_repeats:
            said = f"a repetition was refused, and the first request may have been recorded: {outcome.reason}"
            return Unknown(said, final=True)
        if do == "ask" and isinstance(outcome, Unsent) and job.state is State.SUBMITTED:
            # It may have left before a crash, whether or not it can be asked about, or is found.
            return Unknown(outcome.reason, unasked=True)
        if do == "ask" and isinstance(outcome, Unknown) and not (outcome.unasked or outcome.misled):
            # Were nobody there, this were `Unsent`. What may not be sent again is asked for while
            # a look-up may be behind, and then it is a person's.
            doubted = job.state in {State.UNKNOWN, State.SUBMITTED}
            final = outcome.final or (doubted and job.tries >= PATIENT)
            known = job.state is State.ACCEPTED and job.provider_id is not None
            return replace(outcome, answered=known or doubted, final=final)
        return outcome

    def _hear(self, job: Job, do: Step, outcome: Outcome) -> None:
        self._said.append((Told(job.key, outcome, self._register), do))
        self._landed.ring()

    async def _land(self) -> None:
        """Wait for what is on its way, write it down, and let the next process begin at once."""
        if self._flying:
            await asyncio.wait(list(self._flying.values()), timeout=self._stop_s)
        for task in list(self._flying.values()):
            task.cancel()
        if self._held is None:
            return
        try:
            async with asyncio.timeout(RELEASE_S), self._store.transaction() as connection:
                await lanes.check(connection, self._held)
                now = await clock_of(connection)
                # A person may have paused the register since the last turn.
                circuit = await lanes.circuit(connection, self._register)
                await self._record(connection, self._said, circuit, now)
                await lanes.release(connection, self._held)
        except (TimeoutError, LeaseLostError, *BUSY) as error:
            log.warning("a lane was not released", reason=repr(error))


def _slept(then: SinceBoot, now: SinceBoot) -> bool:
    """Whether this process, or this computer, stood still for longer than a lease lasts."""
    return now.boot_id != then.boot_id or now.ms - then.ms > LEASE_MS


async def _first(ring: asyncio.Event, landing: asyncio.Event, most_s: float) -> None:
    """Until one of them rings, or so many seconds."""
    waits = [asyncio.ensure_future(ring.wait()), asyncio.ensure_future(landing.wait())]
    try:
        await asyncio.wait(waits, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


async def _guarded(work: Awaitable[Outcome]) -> Outcome:
    """A provider's answer that our code trips over must not end the process, nor be believed."""
    try:
        return await work
    except Exception as error:
        log.exception("a provider's answer was not understood")
        return Unknown(f"not understood: {error!r}", unasked=True)

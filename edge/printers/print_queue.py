"""The queue: carries slips to the printers, asks before and after, and keeps the evidence.

It is memory only, on purpose. A slip is for the buyer who stands there; after a restart, or when
paper comes back in the evening, nobody does, and thirty receipts of strangers would come out.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from edge.clock import Clock
from edge.printers import Printer, PrinterLostError, escpos
from edge.printers.job import ON_ITS_WAY, TABLE, Event, Reason, State, reason_of
from edge.printers.slip import Slip, render
from edge.printers.status import Word
from edge.wire import Shown

log = logging.getLogger(__name__)

POLL_S: Final = 2.0
"""Between two questions to a printer with nothing to do, or in trouble."""
CHECKS: Final = 6
"""Questions after a slip; paper may end anywhere on it."""
MOST: Final = 10
"""Slips that wait for one printer; the oldest goes first."""
REMEMBERED: Final = 200
CLOSE_S: Final = 2.0
"""For a printer to be let go of; what still waits for it then ends by itself."""


@dataclass(slots=True)
class _Job:
    slip: Slip
    since: float
    """Boot time at which somebody began to wait for it."""
    state: State = "ready"

    def step(self, event: Event) -> None:
        self.state = TABLE[self.state, event]


@dataclass(slots=True)
class _Lane:
    """One printer, and what waits for it."""

    name: str
    printer: Printer
    jobs: deque[_Job]
    word: Word | None = None
    """None until it was asked."""


class PrintQueue:
    """The printers of one machine; every slip goes to each of them.

    `on_shown` has the evidence of what was printed or may have been. `on_status` is told a
    printer's name and its new word when that changes (ready, paper_out, cover_open, offline,
    unknown), or a sentence beginning with "dropped" when a slip was given up.
    """

    def __init__(
        self,
        printers: Mapping[str, Printer],
        clock: Clock,
        on_shown: Callable[[Shown], None],
        on_status: Callable[[str, str], None],
        *,
        poll_s: float = POLL_S,
    ) -> None:
        self._lanes = [_Lane(name, printer, deque()) for name, printer in printers.items()]
        self._clock = clock
        self._on_shown = on_shown
        self._on_status = on_status
        self._poll_s = poll_s
        self._wake = {lane.name: asyncio.Event() for lane in self._lanes}
        self._offered: deque[tuple[str, int]] = deque(maxlen=REMEMBERED)
        self._last_sold = 0.0

    @property
    def status(self) -> Word | Literal["none"]:
        """For the wire's `state.printer`: the first printer's trouble, or ready; none is none."""
        words = [lane.word or "unknown" for lane in self._lanes]
        troubles = [word for word in words if word != "ready"]
        return troubles[0] if troubles else "ready" if words else "none"

    def offer(self, slip: Slip, sold_at: float) -> None:
        """Print it if a printer is ready while the buyer still stands there.

        `sold_at` is the boot time of the sale, seconds: his patience began then. The same revision
        again is nothing new.
        """
        if (slip.sale_id, slip.rev) not in self._offered:
            self._offered.append((slip.sale_id, slip.rev))
            self._put(slip, sold_at)

    def sold(self, at: float) -> None:
        """Somebody bought at that boot time; what comes out of what was sold before says so."""
        self._last_sold = max(at, self._last_sold)

    def reprint(self, slip: Slip) -> None:
        """Print it again, marked as a copy."""
        self._put(slip.as_copy(), self._clock.boottime())

    async def run(self) -> None:
        """Print until cancelled. Nothing else ends it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait(), name="no printer has an end")
            for lane in self._lanes:
                group.create_task(self._follow(lane), name=f"printer {lane.name}")

    async def close(self) -> None:
        """Let go of the printers; what waits is forgotten."""
        for lane in self._lanes:
            lane.jobs.clear()
            try:
                async with asyncio.timeout(CLOSE_S):
                    await lane.printer.close()
            except Exception:  # whatever it is, the agent is going
                log.exception("printer %s: closing", lane.name)

    def _put(self, slip: Slip, since: float) -> None:
        for lane in self._lanes:
            lane.jobs.append(_Job(slip, since))
            if len(lane.jobs) > MOST:
                oldest = next(job for job in lane.jobs if job.state not in ON_ITS_WAY)
                self._drop(lane, oldest, f"{MOST} newer ones wait")
            self._wake[lane.name].set()

    async def _follow(self, lane: _Lane) -> None:
        wake = self._wake[lane.name]
        while True:
            wake.clear()
            try:
                busy = await self._serve(lane)
            except Exception:  # a driver's mistake must not end the sales
                log.exception("printer %s", lane.name)
                self._say(lane, "unknown")
                busy = False
            if not busy:
                await self._rest(lane, wake)

    async def _rest(self, lane: _Lane, wake: asyncio.Event) -> None:
        left = [
            job.since + lane.printer.profile.ttl_s - self._clock.boottime() for job in lane.jobs
        ]
        try:
            async with asyncio.timeout(max(0.0, min([self._poll_s, *left]))):
                await wake.wait()
        except TimeoutError:
            pass

    async def _serve(self, lane: _Lane) -> bool:
        """Ask, drop what is too old, print one slip if it can be; whether there may be more."""
        self._expire(lane)
        event = await self._ask(lane)
        self._expire(lane)
        job = next(iter(lane.jobs), None)
        if job is None:
            return False
        job.step(event)
        if job.state not in ON_ITS_WAY:
            return False
        try:
            await self._print(lane, job)
        except Exception:
            job.state = "dropped"  # whatever it was, it would be the same again
            self._drop(lane, job, "it cannot be printed here; the log says why")
            raise
        if job.state == "dropped":
            self._drop(lane, job, f"{lane.word}, and the copy did not come out either")
        elif job.state == "done":
            lane.jobs.remove(job)
        return job.state == "done" and bool(lane.jobs)

    async def _print(self, lane: _Lane, job: _Job) -> None:
        """Send it and see. Until the printer tells, it may be on paper, whatever happens here."""
        profile = lane.printer.profile
        slip = job.slip.as_copy() if job.state == "copying" else job.slip
        slip = slip.as_earlier() if job.since < self._last_sold else slip
        commands = await asyncio.to_thread(render, slip, profile)
        event: Event = "unknown"
        try:
            event = await self._try(lane, commands)
        finally:
            reason = reason_of(job.state, event)
            job.step(event)
            if reason is not None:
                self._keep(lane, slip, commands, reason)
        log.info("printer %s: slip %s: sale_id=%s", lane.name, job.state, slip.sale_id)
        if profile.clears and job.state not in {"done", "ready"}:
            await self._clear(lane)

    def _keep(self, lane: _Lane, slip: Slip, commands: bytes, reason: Reason) -> None:
        now = self._clock.now()
        shown = Shown(
            sale_id=slip.sale_id,
            rev=slip.rev,
            on="paper",
            shown_at=now.iso,
            hidden_at=now.iso,
            reason=reason,
            frame_sha256=sha256(commands).hexdigest(),
            display=lane.name,
        )
        try:
            self._on_shown(shown)
        except Exception:  # the slip is out all the same
            log.exception("printer %s: evidence", lane.name)

    async def _try(self, lane: _Lane, commands: bytes) -> Event:
        """Send all of it and ask how it went."""
        profile = lane.printer.profile
        try:
            await lane.printer.send(commands)
        except PrinterLostError as error:
            log.warning("printer %s: %s", lane.name, error)
            if not error.sent or not profile.has_status:
                self._say(lane, "offline")
                return "offline" if error.sent else "not_sent"
            event = await self._ask(lane)
            return "unknown" if event == "ready" else event
        if not profile.has_status:
            if lane.word is not None:
                self._say(lane, "unknown")  # it was away, and is there again
            return "no_status"
        return await self._confirm(lane)

    async def _confirm(self, lane: _Lane) -> Event:
        """Ask while the slip comes out; the first trouble counts, and silence only at the end."""
        event: Event = "unknown"
        for _ in range(CHECKS):
            await asyncio.sleep(lane.printer.profile.settle_s / CHECKS)
            event = await self._ask(lane)
            if event not in {"ready", "unknown"}:
                break
        return event

    async def _clear(self, lane: _Lane) -> None:
        """Half a slip in the printer's memory must not come out when paper returns."""
        try:
            await lane.printer.send(escpos.CLEAR)
        except PrinterLostError as error:
            log.debug("printer %s: %s", lane.name, error)

    async def _ask(self, lane: _Lane) -> Event:
        if not lane.printer.profile.has_status:
            return "no_status"
        word = (await lane.printer.status()).word
        self._say(lane, word)
        return word

    def _say(self, lane: _Lane, word: Word) -> None:
        if word != lane.word:
            lane.word = word
            log.info("printer %s: %s", lane.name, word)
            self._tell(lane, word)

    def _tell(self, lane: _Lane, news: str) -> None:
        try:
            self._on_status(lane.name, news)
        except Exception:  # who listens must not end the printing
            log.exception("printer %s: %s", lane.name, news)

    def _expire(self, lane: _Lane) -> None:
        ttl_s, now = lane.printer.profile.ttl_s, self._clock.boottime()
        for job in [job for job in lane.jobs if now - job.since >= ttl_s]:
            job.step("expired")
            self._drop(lane, job, f"{lane.word or 'unknown'} for {ttl_s:g} s")

    def _drop(self, lane: _Lane, job: _Job, why: str) -> None:
        lane.jobs.remove(job)
        told = f"dropped the slip of sale {job.slip.sale_id}: {why}"
        log.warning("printer %s: %s", lane.name, told)
        self._tell(lane, told)

"""A whole agent in this process that can die at any step, as by SIGKILL or a power cut.

A step is a place between two things that matter: before and after each verb of the disk, before and
after each commit, before and after each message out, each block of the bus, each message in. At the
step that is asked for, the outbox's files are copied as they are at that instant, and from then on
nothing of this agent has any effect: no verb, no message, no goodbye.
"""

import asyncio
import contextlib
import re
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import pytest
from specimens import BOOT

from edge.agent import Agent, Parts
from edge.buyer.policy import Policy
from edge.clock import Clock, Moment, SystemClock
from edge.displays import Display
from edge.printers.print_queue import PrintQueue
from edge.stage import Stage
from edge.storage.ballast import Ballast
from edge.storage.disk import Disk
from edge.storage.file import File
from edge.storage.outbox import Outbox
from edge.uplink import subscriptions
from edge.wire import Channel, State, encode
from edge.wire.link import Happening, Incoming, Link
from edge.wire.settings import Broker
from mdb import Signal

P = ParamSpec("P")
R = TypeVar("R")
FILES: Final = "outbox.sqlite*"


class Crash(BaseException):
    """The process is no more."""


def kind_of(step: str) -> str:
    """Which kind of step: the machine's name does not matter."""
    return re.sub(r"vend/v1/[^/]+/", "", step)


@dataclass
class Fuse:
    """Counts steps; blows at one of them, if it is told to."""

    folder: Path
    """What is on the disk of the machine."""
    copy: Path
    """Where that goes at the instant."""
    at: int | str | None = None
    """The number of the step, or a kind of step."""
    steps: list[str] = field(default_factory=list)
    blown: bool = False
    armed: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def step(self, name: str) -> None:
        """One more.

        Raises:
            Crash: this is the one, or it is over already.
        """
        with self._lock:
            if self.blown:
                raise Crash(name)
            if not self.armed:
                return
            self.steps.append(name)
            if self.at in {len(self.steps), kind_of(name)}:
                self.blown = True
                self.copy.mkdir(parents=True)
                for each in self.folder.glob(FILES):
                    if not each.name.endswith("-shm"):
                        shutil.copy(each, self.copy)
                raise Crash(name)

    @property
    def story(self) -> str:
        return f"step {len(self.steps)}, {self.steps[-1]}" if self.steps else "no step"


def commits_are_steps(monkeypatch: pytest.MonkeyPatch, fuse: Callable[[], Fuse | None]) -> None:
    """Before and after each commit; what was written before it and not committed is lost."""
    kept = File.committed

    @contextlib.contextmanager
    def committed(self: File) -> Iterator[None]:
        lit = fuse()
        with kept(self):
            yield
            if lit is not None:
                lit.step("before a commit")
        if lit is not None:
            lit.step("after a commit")

    monkeypatch.setattr(File, "committed", committed)


class MortalDisk(Disk):
    def __init__(self, relieve: Callable[[], bool], fuse: Fuse) -> None:
        super().__init__(relieve)
        self._fuse = fuse

    async def do(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await super().do(self._mortal(verb), *args, **kwargs)

    def later(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> None:
        super().later(self._mortal(verb), *args, **kwargs)

    def _mortal(self, verb: Callable[P, R]) -> Callable[P, R]:
        name = getattr(verb, "__qualname__", str(verb))

        def mortal(*args: P.args, **kwargs: P.kwargs) -> R:
            self._fuse.step(f"before {name}")
            done = verb(*args, **kwargs)
            self._fuse.step(f"after {name}")
            return done

        return mortal


class MortalLink(Link):
    fuse: Fuse

    def publish(
        self, topic: str, payload: bytes, qos: int, *, retain: bool = False
    ) -> "asyncio.Future[bool]":
        self.fuse.step(f"before publishing {topic}")
        done = super().publish(topic, payload, qos, retain=retain)
        self.fuse.step(f"after publishing {topic}")
        return done

    async def __aiter__(self) -> AsyncIterator[Happening]:
        async for happening in super().__aiter__():
            name = happening.topic if isinstance(happening, Incoming) else str(happening)
            self.fuse.step(f"before taking {name}")
            if isinstance(happening, Incoming):
                yield replace(happening, acknowledge=self._mortal(happening))
            else:
                yield happening
            self.fuse.step(f"after taking {name}")

    def _mortal(self, incoming: Incoming) -> Callable[[], None]:
        def acknowledge() -> None:
            self.fuse.step(f"before the PUBACK of {incoming.topic}")
            incoming.acknowledge()
            self.fuse.step(f"after the PUBACK of {incoming.topic}")

        return acknowledge

    async def stop(self) -> None:
        self.fuse.step("before the link is stopped")
        await super().stop()

    async def die(self) -> None:
        """The kernel closes what a dead process had open; there is no DISCONNECT."""
        sock = self._client.socket()
        ending = asyncio.ensure_future(asyncio.to_thread(self._client.loop_stop))
        await asyncio.sleep(0)  # first told that it ends, then cut off: else it would connect again
        while not ending.done():
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            await asyncio.wait([ending], timeout=0.01)


class Wire:
    """A tap that gives a block when the test says so; `said` returns when it was heard."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self._blocks: asyncio.Queue[tuple[Sequence[Signal], Callable[[], Any]]] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[Signal]:
        while True:
            block, heard = await self._blocks.get()
            for signal in block:
                yield signal
            heard()
            self._fuse.step("a block of the bus was heard")

    def say(self, block: Sequence[Signal], heard: Callable[[], Any]) -> None:
        self._blocks.put_nowait((block, heard))


class RightClock(SystemClock):
    """The system's, and it is right. `boot` is which boot it is."""

    def __init__(self, boot: str = BOOT) -> None:
        super().__init__()
        self._boot = boot

    def now(self) -> Moment:
        return replace(super().now(), boot_id=self._boot, quality="synced")


class Mortal:
    """One life of a machine's agent."""

    def __init__(
        self,
        folder: Path,
        machine: str,
        broker: Broker,
        clock: Clock,
        fuse: Fuse,
        *,
        displays: Mapping[str, Display] | None = None,
    ) -> None:
        self.fuse = fuse
        self.outbox = Outbox(folder / "outbox.sqlite", "7f3a9c1e")
        ballast = Ballast(folder)
        self.disk = MortalDisk(ballast.let_go, fuse)
        self.link = MortalLink(
            broker,
            client_id=f"chekomat-{machine}",
            subscriptions=subscriptions(machine),
            will=(Channel.STATE.of(machine), encode(State(online=False))),
        )
        self.link.fuse = fuse
        self.wire = Wire(fuse)
        self.agent = agent = Agent(
            Parts(
                machine=machine,
                tap=self.wire,
                outbox=self.outbox,
                disk=self.disk,
                ballast=ballast,
                link=self.link,
                clock=clock,
            )
        )
        stage = Stage(displays or {}, Policy(), {}, agent.timeline, agent.keep_showing)
        printing = PrintQueue({}, clock, agent.keep_showing, lambda _name, _word: None)
        self.running = asyncio.ensure_future(agent.run(stage, printing))

    @property
    def dead(self) -> bool:
        return self.fuse.blown

    async def bury(self) -> None:
        """End what is left of it in this process, without effect on anything but its old files."""
        self.running.cancel()
        await asyncio.wait([self.running])
        if self.dead:
            await self.link.die()
            await asyncio.to_thread(self.disk.close)
            self.outbox.close()
        if not self.running.cancelled():
            self.running.exception()

"""A process of the simulation: one life of one program, and the computer that it runs on."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Optional

PROCESS: Final[ContextVar[Optional["Process"]]] = ContextVar("PROCESS", default=None)
"""Whose step this is; None: the world's."""


@dataclass
class Computer:
    """Where processes run: its clocks. A reboot gives it another boot."""

    name: str
    wall_s: float = 0.0
    """How far its time of day is from the truth."""
    synced: bool = True
    """Whether its kernel believes that the time of day is right."""
    booted_at: float = -1000.0
    boots: int = 1

    @property
    def boot_id(self) -> str:
        return f"{self.name}-boot-{self.boots}"

    def reboot(self, now: float) -> None:
        self.booted_at = now
        self.boots += 1


@dataclass
class Fuse:
    """What happens at the so-manieth time of something."""

    left: int
    burnt: Callable[[], object]

    def burns_down(self) -> bool:
        """One less; whether that was the last."""
        self.left -= 1
        return self.left <= 0


@dataclass(eq=False)
class Process:
    """Begun by `begin`; ends by itself, or is killed at any step, with all that it had open.

    `at_death` are called in the order they were added, also where a step of it is still on the
    stack: it runs to its next `await`, and nothing that it does then has any effect.
    """

    name: str
    computer: Computer
    alive: bool = True
    standing: bool = False
    steps: int = 0
    tasks: list["asyncio.Task[Any]"] = field(default_factory=list)
    at_death: list[Callable[[], object]] = field(default_factory=list)
    _parked: list[asyncio.Handle] = field(default_factory=list)
    _at_step: Fuse | None = None
    _before_commit: Fuse | None = None
    _behind_commit: Fuse | None = None

    def begin(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> "asyncio.Task[Any]":
        """Run `work` as this process; a task of its own, whose end is the process's."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, self)
        loop = asyncio.get_running_loop()
        return context.run(lambda: loop.create_task(work(), name=self.name))

    def may_step(self, handle: asyncio.Handle) -> bool:
        """Whether this may run now. One that may not is dropped, or kept until `go_on`."""
        if not self.alive:
            return False
        if self.standing:
            self._parked.append(handle)
            return False
        self.steps += 1
        fuse = self._at_step
        if fuse is not None and fuse.burns_down():
            self._at_step = None
            fuse.burnt()
            return self.may_step(handle)
        return True

    def may_commit(self) -> bool:
        """Whether it lives to see this commit."""
        fuse = self._before_commit
        if fuse is not None and fuse.burns_down():
            self._before_commit = None
            fuse.burnt()
        return self.alive

    def committed(self) -> None:
        """A commit is done; nothing has followed from it yet."""
        fuse = self._behind_commit
        if fuse is not None and fuse.burns_down():
            self._behind_commit = None
            fuse.burnt()

    def after(self, steps: int, then: Callable[[], object]) -> None:
        """Call `then` before the so-manieth step from now, whatever that is."""
        self._at_step = Fuse(max(1, steps), then)

    def before_commit(self, number: int, then: Callable[[], object]) -> None:
        """Call `then` right before the so-manieth commit from now on."""
        self._before_commit = Fuse(number, then)

    def behind_commit(self, number: int, then: Callable[[], object]) -> None:
        """Call `then` right behind it: what it is about is on the disk, and not yet done."""
        self._behind_commit = Fuse(number, then)

    def kill(self) -> None:
        """SIGKILL."""
        if not self.alive:
            return
        self.alive = False
        self._parked.clear()
        for task in self.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        for each in self.at_death:
            each()

    def stand(self) -> None:
        """SIGSTOP."""
        self.standing = True

    def go_on(self) -> None:
        """SIGCONT."""
        self.standing = False
        parked, self._parked = self._parked, []
        asyncio.get_running_loop().resume(parked)  # type: ignore[attr-defined]

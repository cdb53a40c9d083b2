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
    _fuse: int | None = None
    _commits: int | None = None
    _burnt: Callable[[], object] = bool

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
        if self._fuse is not None and self.steps >= self._fuse:
            self._fuse = None
            self._burnt()
            return self.may_step(handle)
        return True

    def may_commit(self) -> bool:
        """Whether it lives to see this commit."""
        if self._commits is not None:
            self._commits -= 1
            if self._commits <= 0:
                self._commits = None
                self._burnt()
        return self.alive

    def before_commit(self, number: int, then: Callable[[], object]) -> None:
        """Call `then` right before the so-manieth commit from now on."""
        self._commits, self._burnt = number, then

    def after(self, steps: int, then: Callable[[], object]) -> None:
        """Call `then` before the so-manieth step from now, whatever that is."""
        self._fuse = self.steps + max(1, steps)
        self._burnt = then

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

"""A scenario: a machine, what happens at it, and how badly it is heard."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from mdb.byte import Signal
from mdb.virtual.machine import Machine, Make
from mdb.virtual.noise import Noise
from mdb.virtual.start_up import switch_on
from mdb.virtual.steps import Step, play
from mdb.virtual.wire import Unreliable, Wire

QUIET_S = 2.0
"""What is polled after the last step: long enough for a listener to conclude the last sale."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`loss` is the part of blocks that one party or both miss, `noise` of bytes the tap spoils."""

    make: Make
    steps: tuple[Step, ...] = ()
    seed: int = 1
    loss: float = 0.0
    noise: float = 0.0


class Life:
    """A scenario under way. The same scenario is the same life, byte for byte."""

    def __init__(self, scenario: Scenario, now: float = 0.0) -> None:
        chance = Random(scenario.seed)  # noqa: S311, a machine's luck is no secret
        self.scenario = scenario
        wire = Wire(now, Unreliable(Random(chance.random()), scenario.loss))  # noqa: S311
        self.machine = Machine(scenario.make, wire)
        self.noise = Noise(Random(chance.random()), scenario.noise)  # noqa: S311

    def begin(self) -> None:
        """Switch the machine on."""
        switch_on(self.machine)

    def do(self, step: Step) -> None:
        """One step more."""
        play(self.machine, step)

    def heard(self) -> Iterator[tuple[Signal, ...]]:
        """What the tap heard since it was last asked, a block each, noise and all."""
        for block in self.machine.wire.take():
            yield tuple(self.noise.over(block))

    def whole(self) -> list[Signal]:
        """All of the scenario, from power on to a quiet end."""
        self.begin()
        for step in self.scenario.steps:
            self.do(step)
        self.machine.wait(QUIET_S)
        return [signal for block in self.heard() for signal in block]

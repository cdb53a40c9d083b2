"""What the tests of the simulation may ask for: time, and the end of it."""

import gc
import warnings
from collections.abc import Iterator

import pytest
from simulation.clockwork import Clockwork


@pytest.fixture
def loop() -> Iterator[Clockwork]:
    """A loop of one's own. What its dead leave behind ends with it, unheard."""
    loop = Clockwork()
    yield loop
    loop.close()
    loop.remembered.clear()
    loop._timers.clear()
    loop._due.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who was killed before his first step was never awaited
        gc.collect()

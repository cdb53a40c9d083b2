"""What the tests of the simulation may ask for: time, and the end of it."""

import gc
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog
from simulation.clockwork import Clockwork


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """A day is lived through in silence and without a collector; whoever comes after has both.

    What the dead have left behind stays where it is: their `finally` would run in another's test.
    """
    yield
    logging.disable(logging.NOTSET)
    structlog.reset_defaults()
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


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

"""What makes a day small: looks that are seldom, queries that are known, codes that nobody draws.

Nothing here changes what is decided. A look now and then is for what no bell has rung; it comes as
surely when it comes later, as long as a lease outlasts it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from sqlalchemy.util import LRUCache

from cloud import fiscalizer, lane, placer, replies, seat
from cloud.emulators import cloudkassir as emulators
from cloud.providers import cloudkassir
from cloud.store import engine
from cloud.store.lanes import LEASE_MS
from edge import listener
from edge.buyer import qr

SELDOM: Final[tuple[tuple[Any, str, float], ...]] = (
    (replies, "LOOK_S", 20.0),
    (seat, "LOOK_S", 10.0),
    (listener, "SILENCE_S", 1.0),
)
"""Intervals that are read when they are needed."""
SELDOM_OF: Final[tuple[tuple[Any, float], ...]] = (
    (fiscalizer.Fiscalizer.__init__, 30.0),
    (placer.Placer.__init__, 30.0),
)
"""Intervals that are a parameter's value where nobody says otherwise."""
MEMORIES: Final[tuple[tuple[type, float], ...]] = (
    (cloudkassir.CloudKassir, 40.0),
    (emulators.CloudKassir, 45.0),
)
"""How long a key is remembered where that is an hour: as we have it, and as it is. Less than a minute."""
QUERIES: Final[LRUCache[Any, Any]] = LRUCache(2000)
"""What SQLAlchemy has made of the product's queries; of one store as of the next."""

IDLE_S: Final = 12.0
"""A lane with nothing to do looks so often; one with something when that is due."""
assert IDLE_S < LEASE_MS / 1000


@contextmanager
def in_force(pause_s: Callable[[], float]) -> Iterator[None]:
    """Until the block ends; `pause_s` is how long no receipt is due."""
    plain_first = lane._first

    async def first(ring: Any, landing: Any, most_s: float) -> None:
        longer_s = pause_s() if most_s >= lane.LOOK_S else 0.0
        await plain_first(ring, landing, min(max(most_s, longer_s), IDLE_S))

    plain = engine._of_file

    def knowing(where: Any) -> Any:
        made = plain(where)
        made.sync_engine._compiled_cache = QUERIES
        return made

    with ExitStack() as stack:
        for module, name, seconds in SELDOM:
            stack.enter_context(patch.object(module, name, seconds))
        for method, seconds in SELDOM_OF:
            stack.enter_context(patch.object(method, "__defaults__", (seconds,)))
        for whose, seconds in MEMORIES:
            stack.enter_context(patch.object(whose, "memory_s", seconds))
        stack.enter_context(patch.object(engine, "_of_file", knowing))
        stack.enter_context(patch.object(lane, "_first", first))
        stack.enter_context(patch.object(qr, "encode", lambda text: qr.Matrix(text, 4, "L", ())))
        yield

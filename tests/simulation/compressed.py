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
from cloud.store import engine
from cloud.store.lanes import LEASE_MS
from edge import listener
from edge.buyer import qr

SELDOM: Final[tuple[tuple[Any, str, float], ...]] = (
    (replies, "LOOK_S", 20.0),
    (seat, "LOOK_S", 5.0),
    (listener, "SILENCE_S", 1.0),
)
"""Intervals that are read when they are needed."""
SELDOM_OF: Final[tuple[tuple[Any, float], ...]] = (
    (fiscalizer.Fiscalizer.__init__, 30.0),
    (placer.Placer.__init__, 30.0),
)
"""Intervals that are a parameter's value where nobody says otherwise."""
QUERIES: Final[LRUCache[Any, Any]] = LRUCache(2000)
"""What SQLAlchemy has made of the product's queries; of one store as of the next."""

IDLE_S: Final = 8.0
"""A lane with nothing to do looks so often; one with something as often as ever."""
assert IDLE_S < LEASE_MS / 1000


@contextmanager
def in_force(idle: Callable[[], bool]) -> Iterator[None]:
    """Until the block ends; `idle` is whether no receipt is open."""
    plain_first = lane._first  # noqa: SLF001, where a lane waits

    async def first(ring: Any, landing: Any, most_s: float) -> None:
        seldom = most_s >= lane.LOOK_S and idle()
        await plain_first(ring, landing, IDLE_S if seldom else most_s)

    plain = engine._of_file  # noqa: SLF001, where a store gets its engine

    def knowing(where: Any) -> Any:
        made = plain(where)
        made.sync_engine._compiled_cache = QUERIES  # noqa: SLF001
        return made

    with ExitStack() as stack:
        for module, name, seconds in SELDOM:
            stack.enter_context(patch.object(module, name, seconds))
        for method, seconds in SELDOM_OF:
            stack.enter_context(patch.object(method, "__defaults__", (seconds,)))
        stack.enter_context(patch.object(engine, "_of_file", knowing))
        stack.enter_context(patch.object(lane, "_first", first))
        stack.enter_context(patch.object(qr, "encode", lambda text: qr.Matrix(text, 4, "L", ())))
        yield

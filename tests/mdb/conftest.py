"""Stories: a trace without its times, a line every tenth of a second, heard to its end."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from mdb import Event, Signal, Sniffer, read_trace
from mdb.context import Context

Hear = Callable[..., list[Event]]


def signals_of(story: str) -> Iterator[Signal]:
    told = [line.strip() for line in story.splitlines() if line.strip()]
    return read_trace(
        line if line[0].isdigit() else f"{index / 10:.1f} {line}" for index, line in enumerate(told)
    )


@pytest.fixture
def hear() -> Hear:
    def hear(story: str, known: Mapping[int, Context] | None = None) -> list[Event]:
        sniffer = Sniffer(known)
        heard = [each for signal in signals_of(story) for each in sniffer.listen(signal)]
        return [event for each in [*heard, *sniffer.flush()] for event in each.events]

    return hear

"""The next step with a receipt that is due: submit, ask, or give up. Pure.

What may have been sent is repeated under its key while the provider surely remembers it; after that
it is asked for, where it can be; and then a person has to look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from cloud.clock import SinceBoot
from cloud.fiscalization import State

Step = Literal["submit", "ask", "give up"]
LONGEST_S: Final = 30 * 86_400.0
"""An accepted receipt is asked for so long; no provider keeps one in its queue for longer."""


@dataclass(frozen=True, slots=True)
class Sent:
    """When a key left first, by the clocks that can tell."""

    wall_ms: int
    boot: SinceBoot | None = None


def step(  # noqa: PLR0917, what it is decided by
    state: State,
    sent: Sent | None,
    provider_id: str | None,
    memory_s: float,
    now_ms: int,
    boot: SinceBoot,
    *,
    by_key: bool,
    latest_ms: int = 0,
) -> Step:
    """What to do next.

    `sent` is None where the key surely never left. `memory_s` and `by_key` are the provider's.
    `latest_ms` is the latest that the clock of `now_ms` has ever said.
    """
    if sent is None or state is State.WAITING:
        return "submit"
    can_ask = provider_id is not None or by_key
    if state is not State.ACCEPTED and _within(sent, memory_s, now_ms, boot, latest_ms):
        return "submit"
    longest_s = LONGEST_S if state is State.ACCEPTED else max(memory_s, LONGEST_S) + 86_400
    return "ask" if can_ask and not _beyond(sent, longest_s, now_ms, boot) else "give up"


def _within(sent: Sent, seconds: float, now_ms: int, boot: SinceBoot, latest_ms: int) -> bool:
    """Whether every clock that can tell says that it is not longer ago.

    On another computer, or behind a restart, that is the server's alone, which may have been set
    back since: then the latest that it has said counts as well.
    """
    ages = [*_ages(sent, now_ms, boot)]
    if not _is_of(sent, boot):
        ages.append(max(now_ms, latest_ms) - sent.wall_ms)
    return all(0 <= age < 1000 * seconds for age in ages)


def _beyond(sent: Sent, seconds: float, now_ms: int, boot: SinceBoot) -> bool:
    """Whether every clock says that it is longer ago: a question does no harm, giving up does."""
    return all(age >= 1000 * seconds for age in _ages(sent, now_ms, boot))


def _ages(sent: Sent, now_ms: int, boot: SinceBoot) -> Iterator[int]:
    yield now_ms - sent.wall_ms
    if sent.boot is not None and _is_of(sent, boot):
        yield boot.ms - sent.boot.ms


def _is_of(sent: Sent, boot: SinceBoot) -> bool:
    return sent.boot is not None and sent.boot.boot_id == boot.boot_id

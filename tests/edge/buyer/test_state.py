from dataclasses import replace

import pytest
from specimens import BOOT, receipt, sale

from edge.buyer.late import Waiting
from edge.buyer.screen import Idle, Ready
from edge.buyer.state import State

LATE = Ready(sale(), 1, receipt(sale()).qr or "", None, statutory=True, late=True)
QUEUE = (Waiting(LATE, 0, 70), Waiting(LATE, 0, 60))


def test_it_begins_as_if_all_were_well() -> None:
    state = State(BOOT)
    assert (state.screen, state.serving, state.offline, state.buying) == (
        Idle(),
        True,
        False,
        False,
    )
    assert state.until is None


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({"ends": 10.0}, 10),
        ({"offline_at": 20.0}, 20),
        ({"notice_until": 30.0}, 30),
        ({"unkept": 1.0, "unkept_until": 41.0}, 41),
        ({"waiting": QUEUE}, 60),
        ({"ends": 65.0, "waiting": QUEUE}, 60),
        ({"ends": 10.0, "offline_at": 20.0, "notice_until": 5.0, "waiting": QUEUE}, 5),
        ({"ends": 10.0, "offline_at": 2.0, "notice_until": 5.0}, 2),
    ],
)
def test_the_next_change_is_the_earliest_of_all(changes: dict[str, object], until: float) -> None:
    assert replace(State(BOOT), **changes).until == until  # type: ignore[arg-type]

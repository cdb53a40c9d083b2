"""What a lane does with a receipt that is due, by two clocks; and one process a database."""

from pathlib import Path

import pytest
from shop import RECEIPT, a_config, a_sale, sell

from cloud.app import _check_registers
from cloud.clock import SinceBoot, now_ms, since_boot
from cloud.errors import ConfigError, StartError
from cloud.fiscalization import State
from cloud.fiscalizer import _guarded, _step
from cloud.outcome import Unknown
from cloud.store import Store, alone
from cloud.store.receipts import Job

HOUR = 3_600_000
MEMORY_S = 3540.0
NOW = 1_800_000_000_000
BOOT = SinceBoot("this", 10 * HOUR)


def due(
    state: State,
    *,
    wall: int | None = None,
    boot: SinceBoot | None = None,
    provider_id: str | None = None,
) -> Job:
    return Job(
        receipt=RECEIPT,
        state=state,
        tries=1,
        next_at=0,
        key="key",
        body="body",
        first_sent_at=wall,
        first_sent=boot,
        provider_id=provider_id,
    )


@pytest.mark.parametrize(
    ("job", "step"),
    [
        (due(State.WAITING), "submit"),
        (due(State.ACCEPTED, wall=NOW - 1, provider_id="sc_1"), "ask"),
        (due(State.ACCEPTED, wall=NOW - 2 * HOUR, provider_id="sc_1"), "ask"),
        (due(State.UNKNOWN, wall=NOW - 1), "submit"),
        (due(State.UNKNOWN, wall=NOW - 2 * HOUR), "give up"),
        # An odd answer about an accepted receipt: it can still be asked for.
        (due(State.UNKNOWN, wall=NOW - 2 * HOUR, provider_id="sc_1"), "ask"),
        # The wall clock was set back, or on: the clock of this boot knows better.
        (due(State.UNKNOWN, wall=NOW + 3 * HOUR, boot=SinceBoot("this", 9 * HOUR)), "give up"),
        (due(State.UNKNOWN, wall=NOW - 1, boot=SinceBoot("this", 7 * HOUR)), "give up"),
        (due(State.UNKNOWN, wall=NOW - 1, boot=SinceBoot("this", 10 * HOUR - 1)), "submit"),
        # Another boot's clock says nothing.
        (due(State.UNKNOWN, wall=NOW - 1, boot=SinceBoot("another", 11 * HOUR)), "submit"),
        (due(State.UNKNOWN, wall=NOW + 1, boot=SinceBoot("another", 1)), "give up"),
        (due(State.SUBMITTED, wall=NOW - 1), "submit"),
    ],
)
def test_a_key_is_used_again_only_while_every_clock_says_it_is_remembered(
    job: Job, step: str
) -> None:
    assert _step(job, MEMORY_S, NOW, BOOT) == step


def test_the_clocks_go_on() -> None:
    first, wall = since_boot(), now_ms()
    assert since_boot().boot_id == first.boot_id
    assert since_boot().ms >= first.ms > 0
    assert now_ms() >= wall


async def test_code_that_trips_over_an_answer_leaves_it_unknown() -> None:
    async def trips() -> Unknown:
        raise TypeError("unhashable")

    assert await _guarded(trips()) == Unknown("not understood: TypeError('unhashable')")


def test_a_second_process_is_told_that_the_first_is_there(tmp_path: Path) -> None:
    file = tmp_path / "cloud.sqlite"
    with alone(file), pytest.raises(StartError, match="another process serves it"), alone(file):
        pass
    with alone(file):
        pass


async def test_a_register_that_receipts_wait_for_cannot_be_taken_away(store: Store) -> None:
    await sell(store, a_sale())
    with pytest.raises(ConfigError, match=r"registers\.main: missing, and 1 receipts still wait"):
        await _check_registers(a_config(registers={}), store)
    await _check_registers(a_config(), store)

"""Everything goes wrong at once, and then every sale has its one receipt. Longer: `make chaos`."""

from pathlib import Path

import pytest
from end_to_end.chaos.running import SETTLE_S, run

SEED = 20261126
LASTING_S = 75.0


@pytest.mark.needs("mosquitto", "postgres")
@pytest.mark.timeout(LASTING_S + SETTLE_S + 120)
def test_whatever_dies_stalls_or_lies_every_sale_gets_one_receipt(tmp_path: Path) -> None:
    outcome = run(tmp_path, SEED, LASTING_S, lambda _: None)

    assert outcome.verdict.holds, "\n".join([*outcome.story, *outcome.verdict.broken])
    assert outcome.verdict.receipts > 200
    assert sum(outcome.faults.values()) > 50

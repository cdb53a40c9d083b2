"""The contract is what the cloud may know of the machine: it must bring nothing else along."""

import subprocess
import sys

import pytest

PRINT = "import sys; print(*sorted(sys.modules), sep='\\n')"


def loaded_by(module: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", f"import {module}; {PRINT}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(told.stdout.split())


def test_the_contract_loads_nothing_of_the_machine_and_of_the_bus_only_money() -> None:
    loaded = loaded_by("edge.wire")
    ours = {name for name in loaded if name.partition(".")[0] in {"edge", "mdb", "cloud"}}
    contract = {"edge", "edge.wire", "edge.wire.messages", "edge.wire.orders", "edge.wire.topics"}
    assert contract <= ours <= contract | {"mdb", "mdb.money"}


@pytest.mark.parametrize("part", ["paho", "asyncio", "sqlite3", "PIL", "aiohttp", "qrcode"])
def test_the_contract_does_without(part: str) -> None:
    assert part not in loaded_by("edge.wire")

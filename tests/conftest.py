"""What every test may ask for: system parts that must be there, and a real broker."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from parts import Mosquitto, free_port, mosquitto, program, python, until, wait_for_port

__all__ = ["Mosquitto", "free_port", "mosquitto", "program", "python", "until", "wait_for_port"]

PACKAGES = {"postgres": "postgresql"}
"""Debian's name of a part, where it is another one."""
_NOT_RUN: dict[str, int] = {}

# How long an example takes, a computer decides that has other things to do as well.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

LONG = ("simulation/test_mutants", "end_to_end/chaos", "hostile/test_fuzz", "/street/")
"""Files that take minutes go first: whoever had one of them last would be waited for."""


def pytest_configure() -> None:
    """What runs in a shell's background has Ctrl-C ignored, and so has all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not any(each in item.nodeid for each in LONG))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for part in mark.args:
            if program(part) is None:
                if os.environ.get("CI"):
                    pytest.fail(f"{part} is missing, and CI skips nothing")
                _NOT_RUN[part] = _NOT_RUN.get(part, 0) + 1
                pytest.skip(f"{part} is not installed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for part, count in _NOT_RUN.items():
        terminalreporter.write_line(
            f"NOT RUN: {count} tests that need {part}; install it: sudo apt-get install {PACKAGES.get(part, part)}",
            red=True,
            bold=True,
        )


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Ask for it in a test that is marked ``needs("mosquitto")``."""
    with mosquitto(tmp_path) as running:
        yield running

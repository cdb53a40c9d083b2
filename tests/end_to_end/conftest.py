"""Fixtures of the whole chain and of a real browser."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import program
from playwright.sync_api import Browser, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from chain import Chain
from chain import chain as run_chain

expect.set_options(timeout=30_000)
"""A sale goes through five processes before its receipt is on the page."""
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with run_chain(tmp_path) as running:
        yield running


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=list(QUIET))
        yield browser
        browser.close()

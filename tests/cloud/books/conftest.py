"""Clerks for the books, of one database or of both."""

from pathlib import Path

import pytest
from clerk import Clerk


@pytest.fixture
def clerk(tmp_path: Path, sqlite_database: Path) -> Clerk:
    return Clerk(tmp_path, str(sqlite_database))


@pytest.fixture
def any_clerk(tmp_path: Path, database: str) -> Clerk:
    """Of either database."""
    return Clerk(tmp_path, database)

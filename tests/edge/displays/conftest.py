"""Glass of every kind."""

import pytest


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A painter's thread that has no turn for three seconds has not hung: it is waited for."""
    monkeypatch.setattr("edge.displays.PATIENCE_S", 30.0)

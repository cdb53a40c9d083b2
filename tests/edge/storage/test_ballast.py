from pathlib import Path

import pytest

from edge.storage import ballast as module
from edge.storage.ballast import BYTES, Ballast


def test_with_plenty_of_room_it_takes_some_and_gives_it_back_once(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path)
    ballast.lay_down()
    ballast.lay_down()
    taken = (tmp_path / "ballast").stat()
    assert taken.st_size == BYTES
    assert taken.st_blocks * 512 >= BYTES, "room that is really taken"
    assert ballast.let_go()
    assert list(tmp_path.iterdir()) == []
    assert not ballast.let_go()


def test_with_little_room_it_takes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLENTY", 2**62)
    Ballast(tmp_path).lay_down()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_taken_whole_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "BYTES", 2**62)
    Ballast(tmp_path).lay_down()
    assert list(tmp_path.iterdir()) == []
    assert "no ballast" in caplog.text


def test_a_folder_that_is_gone_has_no_room(tmp_path: Path) -> None:
    gone = Ballast(tmp_path / "gone")
    assert gone.free() == 0
    gone.lay_down()
    assert not gone.let_go()

import os
import tomllib
from pathlib import Path

import pytest

from edge.config import read_text
from edge.wizard.written import backup_of, document, merged, put

TREE = {
    "broker": {"host": "b", "port": 8883},
    "machine": "vm-1",
    "tap": "virtual:0001=12000",
    "receipts": {"link": "https://chek.example/r/"},
    "display": [{"kind": "kiosk"}, {"kind": "png", "file": "x.png"}],
    "products": {"0001": "Чай"},
}


def test_answers_are_read_back_as_they_were_given() -> None:
    text = document(TREE)
    assert tomllib.loads(text) == TREE
    assert read_text(text, "x").display[1].__struct_config__.tag == "png"
    assert text.startswith("# Written by: python -m edge setup\n")


def test_new_answers_replace_old_ones_and_leave_the_others() -> None:
    old = {"machine": "old", "broker": {"host": "b", "ca": "x"}, "products": {"0001": "Чай"}}
    new = {"machine": "new", "broker": {"host": "c", "ca": None}, "display": [{"kind": "kiosk"}]}
    assert merged(old, new) == {
        "machine": "new",
        "broker": {"host": "c"},
        "products": {"0001": "Чай"},
        "display": [{"kind": "kiosk"}],
    }


def test_a_file_is_put_there_whole_and_for_the_service_to_read(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "edge.toml"
    put(file, "one")
    assert (file.read_text("utf-8"), file.stat().st_mode & 0o777) == ("one", 0o644)
    assert list(file.parent.iterdir()) == [file]


def test_the_one_before_is_kept_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    for text in ("one", "two", "three"):
        put(file, text)
    assert file.read_text("utf-8") == "three"
    assert backup_of(file).read_text("utf-8") == "two"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["edge.toml", "edge.toml.bak"]


def test_where_it_cannot_be_written_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        put(tmp_path / "file" / "edge.toml", "x")
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208, plainly what is there

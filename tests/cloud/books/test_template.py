from pathlib import Path

from cloud.books import rows, sheets
from cloud.books.kinds import MACHINE
from cloud.books.template import template


def test_an_example_is_a_file_without_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "machines.csv"
    file.write_text(template(MACHINE.columns), "utf-8")
    assert file.read_bytes().startswith(b"\xef\xbb\xbfid;register;planogram;number;address;")
    read = list(rows.read(sheets.rows(file), MACHINE.columns, ["id"]))
    assert [row.said["id"] for row in read] == ["vm-000123", "vm-000124"]
    assert not [row.wrong for row in read if row.wrong]

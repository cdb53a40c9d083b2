"""The machine is a judge of the decoder, so it may share nothing with it but bytes and text."""

import ast
from pathlib import Path

import pytest

import mdb.virtual

MODULES = sorted(Path(mdb.virtual.__path__[0]).glob("*.py"))
SHARED = {"mdb.byte", "mdb.block", "mdb.trace"}
FROM_BLOCK = {"checksum", "MAX_BLOCK"}


@pytest.mark.parametrize("module", MODULES, ids=lambda each: each.stem)
def test_a_module_of_the_machine_knows_nothing_of_the_decoder(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(each.name.split(".")[0] == "mdb" for each in node.names)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mdb":
            assert node.module in SHARED or str(node.module).startswith("mdb.virtual")
            if node.module == "mdb.block":
                assert {each.name for each in node.names} <= FROM_BLOCK

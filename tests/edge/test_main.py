"""``python -m edge``: which commands there are, and how each is asked for help."""

import importlib
import subprocess
import sys

import pytest
from parts import ROOT, python

from edge.__main__ import COMMANDS, main
from edge.errors import ConfigError


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert f"usage: python -m edge {name}" in told
    assert "examples:" in told
    assert f"python -m edge {name}" in told.partition("examples:")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_a_module_of_its_own(name: str) -> None:
    tool = importlib.import_module(f"edge.tools.{name}")
    assert callable(tool.add_arguments)
    assert callable(tool.run)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert all(f"    {name}" in told for name in COMMANDS)


def test_only_the_command_that_is_called_is_loaded() -> None:
    code = (
        "import sys; from edge.__main__ import main; main(['sample']);"
        "sys.exit(any(each in sys.modules for each in ('edge.agent', 'PIL', 'aiohttp', 'paho')))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == 0


def test_a_user_s_mistake_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", "/none/such.toml"]) == 2
    assert capsys.readouterr().err.startswith("chekomat-edge: /none/such.toml: cannot be read")
    assert issubclass(ConfigError, Exception)


def test_no_command_at_all_is_a_mistake() -> None:
    ended = subprocess.run(python("edge"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "usage: python -m edge" in ended.stderr

"""The shape of the tree: what imports what, how long a module is, and what it is called."""

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from parts import ROOT

PACKAGES = ("mdb", "edge", "cloud")
MODULES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
FOLDERS = {folder for module in MODULES for folder in module.relative_to(ROOT).parents}
LONGEST = 400
DRAWERS = {
    *("util", "utils", "utility", "utilities", "helper", "helpers", "manager", "managers"),
    *("handler", "handlers", "processor", "service", "services", "common", "misc", "base"),
    *("data", "info", "lib", "core", "shared", "stuff"),
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_modules_to_look_at() -> None:
    assert {module.relative_to(ROOT).parts[0] for module in MODULES} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_claims_our_import_name(package: str) -> None:
    assert set(packages_distributions().get(package, [])) <= {"chekomat"}
    loaded = __import__(package).__file__
    assert loaded is not None
    assert Path(loaded).parent == ROOT / package


def test_arrows_point_down() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    ended = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " 0 broken" in ended.stdout


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_module_has_one_subject_and_says_it(module: Path) -> None:
    text = module.read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST
    if "migrations/versions" not in named(module):
        assert text.startswith('"""')


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_no_module_is_a_drawer(module: Path) -> None:
    assert not DRAWERS & set(module.stem.strip("_").split("_"))


def test_no_folder_is_a_drawer() -> None:
    assert not DRAWERS & {folder.name for folder in FOLDERS}


def test_the_tests_are_no_packages() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_every_module_of_the_machine_has_its_test() -> None:
    tested = {file.stem.removeprefix("test_") for file in (ROOT / "tests" / "edge").rglob("*.py")}
    modules = {
        module.stem.strip("_")
        for module in (ROOT / "edge").rglob("*.py")
        if module.stem
        not in {
            "__init__",
            "errors",
            "screen",
            "panels",
            "displays",
            "printers",
            "receipts",
        }  # values, and glue
        and "wire" not in module.parts  # has a folder of its own
    }
    assert modules <= tested

"""The sample configurations: every key is there, with its default, explained, and they load."""

import re
import tomllib
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from deploy.secured import DEPLOY

import cloud.config
import edge.config
import edge.config.sample

SAMPLES = {
    "edge": (DEPLOY / "edge/config.toml", edge.config.Config),
    "cloud": (DEPLOY / "cloud/config.toml", cloud.config.Config),
}
OPTIONAL = ("display.", "printer.", "technician.")
"""Tables that a machine may do without; their keys need not be set."""
UNSET = re.compile(r"^#(?=[^\s#])", re.MULTILINE)
"""A key that is not set: a '#' without a space."""


def whole(sample: Path) -> str:
    """The sample with every key set."""
    return UNSET.sub("", sample.read_text("utf-8"))


def structs(kind: object) -> Iterator[type[msgspec.Struct]]:
    """The tables that a key of this type may hold."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    elif typing.get_origin(kind) in {dict, tuple, types.UnionType, typing.Annotated, typing.Union}:
        for each in typing.get_args(kind):
            yield from structs(each)


def keys_of(table: type[msgspec.Struct], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that a file may have, dotted, with its default; names of one's own are left out."""
    tag = table.__struct_config__.tag
    here = f"{above}{tag}." if tag else above
    for field in msgspec.structs.fields(table):
        inner = list(structs(field.type))
        if not inner:
            yield f"{here}{field.name}", field.default
        for each in inner:
            yield from keys_of(each, f"{here}{field.name}.")


def keys_in(
    value: dict[str, Any], table: type[msgspec.Struct], above: str = ""
) -> Iterator[tuple[str, Any]]:
    """Every key that a parsed file has, in the same words."""
    tag = table.__struct_config__.tag
    here = f"{above}{tag}." if tag else above
    for field in msgspec.structs.fields(table):
        if field.name not in value:
            continue
        inner, below = list(structs(field.type)), value[field.name]
        if not inner:
            yield f"{here}{field.name}", below
        for one in _tables(below, field.type) if inner else ():
            kind = next(
                each for each in inner if each.__struct_config__.tag in {None, one.get("kind")}
            )
            yield from keys_in(one, kind, f"{here}{field.name}.")


def _tables(below: list[dict[str, Any]] | dict[str, Any], kind: object) -> list[dict[str, Any]]:
    if isinstance(below, list):
        return below
    return list(below.values()) if typing.get_origin(kind) is dict else [below]


def here(text: str, tmp_path: Path) -> Path:
    """The sample as a file."""
    file = tmp_path / "config.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_machine_s_sample_is_what_its_command_prints() -> None:
    shipped = (DEPLOY / "edge/config.toml").read_text("utf-8")
    assert shipped == edge.config.sample.sample(), (
        "run: python -m edge sample > deploy/edge/config.toml"
    )


@pytest.mark.parametrize("side", SAMPLES)
def test_a_sample_has_every_key_and_no_other(side: str) -> None:
    sample, table = SAMPLES[side]
    written = {key for key, _ in keys_in(tomllib.loads(whole(sample)), table)}
    assert written == {key for key, _ in keys_of(table)}


@pytest.mark.parametrize("side", SAMPLES)
@pytest.mark.parametrize("read", [Path.read_text, whole], ids=["as it is", "with every key set"])
def test_a_sample_loads(side: str, read: Callable[[Path], str], tmp_path: Path) -> None:
    load = {"edge": edge.config.load, "cloud": cloud.config.load}[side]
    load(here(read(SAMPLES[side][0]), tmp_path))


@pytest.mark.parametrize("side", SAMPLES)
def test_a_key_that_is_not_set_shows_its_default(side: str) -> None:
    sample, table = SAMPLES[side]
    defaults = dict(keys_of(table))
    is_set = {key for key, _ in keys_in(tomllib.loads(sample.read_text("utf-8")), table)}
    for key, value in keys_in(tomllib.loads(whole(sample)), table):
        default = defaults[key]
        if key not in is_set and default is not msgspec.NODEFAULT and default is not None:
            assert value == (list(default) if isinstance(default, tuple) else default), key


@pytest.mark.parametrize("side", SAMPLES)
def test_a_key_that_must_be_set_is_set(side: str) -> None:
    sample, table = SAMPLES[side]
    is_set = {key for key, _ in keys_in(tomllib.loads(sample.read_text("utf-8")), table)}
    for key, default in keys_of(table):
        if default is msgspec.NODEFAULT and not key.startswith(OPTIONAL):
            assert key in is_set, key


@pytest.mark.parametrize("side", SAMPLES)
def test_every_key_stands_below_an_explanation(side: str) -> None:
    explained: set[str] = set()
    for paragraph in SAMPLES[side][0].read_text("utf-8").split("\n\n"):
        lines = UNSET.sub("", paragraph).splitlines()
        for number, line in enumerate(lines):
            key = re.match(r'[\w"]+(?= = )', line)
            if key and key[0] not in explained:
                assert any(above.startswith("# ") for above in lines[:number]), line
                explained.add(key[0])

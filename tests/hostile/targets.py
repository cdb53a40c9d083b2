"""Targets: what may be fed with any bytes, by name. It raises only where a promise is broken.

To add some, put a module ``…_targets.py`` beside this one, with a mapping ``TARGETS`` of names to
callables that take bytes, and ``SEEDS`` of the same names to bytes that lead somewhere.
`make fuzz TARGET=NAME` finds them, and so does `test_fuzz.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

Target = Callable[[bytes], object]


def _modules() -> list[Any]:
    beside = sorted(Path(__file__).parent.glob("*_targets.py"))
    return [import_module(f"hostile.{each.stem}") for each in beside]


def _together(name: str) -> dict[str, Any]:
    pairs = [*chain.from_iterable(getattr(each, name).items() for each in _modules())]
    assert len(dict(pairs)) == len(pairs), "two targets have one name"
    return dict(pairs)


TARGETS: Mapping[str, Target] = _together("TARGETS")
SEEDS: Mapping[str, Sequence[bytes]] = _together("SEEDS")

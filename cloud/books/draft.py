"""Drafts: what is said, over what is there. Whatever is not said stays as it is."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, TypeVar

import msgspec

from cloud.books.kinds import Kind
from cloud.books.roubles import roubles
from cloud.fleet import Machine, Operator, Planogram, Product, Register, Shelf

T = TypeVar("T", Operator, Register, Product, Planogram, Shelf, Machine)

WITHIN: Final = ("policies", "settings")
"""Tables within a value: of these too, only what is said changes."""
_AMOUNTS: Final = {"price_min", "price_max", "most"}


def drafted(kind: type[T], before: T | None, said: Mapping[str, Any]) -> T:
    """The value as it would be; within a table, None takes an entry away.

    Raises:
        ValueError: it lacks something, or could not be so.
    """
    told: dict[str, Any] = {} if before is None else msgspec.to_builtins(before)
    told |= {name: value for name, value in said.items() if name not in WITHIN}
    for name in WITHIN:
        if name in said:
            entries = {**told.get(name, {}), **said[name]}
            told[name] = {key: value for key, value in entries.items() if value is not None}
    if lacking := [name for name in _required(kind) if name not in told]:
        raise ValueError(f"is new, and lacks {', '.join(lacking)}")
    try:
        return msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def differences(before: T, after: T) -> Iterator[str]:
    """What is not as it was: ``vat: none -> 10``."""
    was: dict[str, Any] = flat(before)
    now: dict[str, Any] = flat(after)
    for name in dict.fromkeys([*was, *now]):
        if was.get(name) != now.get(name):
            yield f"{name}: {shown(name, was.get(name))} -> {shown(name, now.get(name))}"


def shown(name: str, value: object) -> str:
    """A value for people; amounts in roubles."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case int() if name.rpartition(".")[2] in _AMOUNTS:
            return roubles(value)
        case float():
            return f"{value:g}"
        case date() | str() | int():
            return str(value)
    return msgspec.json.encode(value).decode()


def key_of(kind: Kind, thing: T) -> tuple[str, ...]:
    """What names it."""
    return kind.key_of(msgspec.to_builtins(thing))


def _required(kind: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind) if field.required]


def flat(thing: object) -> dict[str, Any]:
    """With the tables' entries under their names: ``policies.late``."""
    flat: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(thing).items():
        if name in WITHIN:
            flat |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            flat[name] = value
    return flat

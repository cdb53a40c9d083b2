"""The tables of a scenario file: keys taken one by one, and what their values may be."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

Table = Mapping[str, Any]
T = TypeVar("T")
_HEX: Final = "0123456789abcdef"


class ScenarioError(ValueError):
    """The file is no scenario; the message names the key and what was expected."""


class Keys:
    """One table: keys are taken out, and what is left is unknown."""

    def __init__(self, name: str, table: Table) -> None:
        self.name = name
        self._left = dict(table)
        self._known: list[str] = []

    def take(self, key: str, read: Callable[[object], T], default: T | None = None) -> T:
        """The value of a key; without a default it must be there."""
        self._known.append(key)
        if key not in self._left:
            if default is None:
                raise ScenarioError(f"{self._path(key)} is missing")
            return default
        try:
            return read(self._left.pop(key))
        except ValueError as error:
            raise ScenarioError(f"{self._path(key)}: {error}") from error

    def has(self, key: str) -> bool:
        """Whether a key stands there."""
        return key in self._left

    def table(self, key: str) -> "Keys | None":
        """A table in it, if it is there."""
        self._known.append(key)
        if key not in self._left:
            return None
        inner = self._left.pop(key)
        if not isinstance(inner, dict):
            raise ScenarioError(f"{self._path(key)}: expected a table, [{key}]")
        return Keys(self._path(key), inner)

    def tables(self, key: str) -> list["Keys"]:
        """A list of tables, numbered from one."""
        self._known.append(key)
        inner = self._left.pop(key, [])
        if not isinstance(inner, list) or not all(isinstance(each, dict) for each in inner):
            raise ScenarioError(f"{self._path(key)}: expected tables, [[{key}]]")
        return [Keys(f"{self._path(key)}[{n}]", each) for n, each in enumerate(inner, 1)]

    def end(self) -> None:
        """Nothing may be left."""
        for key in self._left:
            known = ", ".join(self._known)
            raise ScenarioError(f"{self._path(key)}: no such key; known are {known}")

    def _path(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key


def whole(least: int, most: int) -> Callable[[object], int]:
    """A whole number within bounds."""

    def read(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"expected a whole number from {least} to {most}, not {value!r}")
        return value

    return read


def one_of(known: tuple[str, ...]) -> Callable[[object], str]:
    """One of some words."""

    def read(value: object) -> str:
        if value not in known:
            raise ValueError(f"expected one of {', '.join(known)}, not {value!r}")
        return str(value)

    return read


def part(value: object) -> float:
    """A rate."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 0.5:
        raise ValueError(f"expected a part from 0.0 to 0.5, not {value!r}")
    return float(value)


def seconds(value: object) -> float:
    """A time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3600:
        raise ValueError(f"expected seconds, not {value!r}")
    return float(value)


def yes_or_no(value: object) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, not {value!r}")  # noqa: TRY004, one kind of error
    return value


def item(value: object) -> str:
    """Two bytes in hex."""
    told = value.lower() if isinstance(value, str) else ""
    if len(told) != 4 or set(told) - set(_HEX):
        raise ValueError(f'expected four hex digits such as "0001", not {value!r}')
    return told


def items(value: object) -> tuple[str, ...]:
    """Several of them."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"expected a list of items, not {value!r}")
    return tuple(item(each) for each in value)


def prices_of(value: object) -> dict[str, int]:
    """Items and their prices, minor units."""
    if not isinstance(value, dict) or not value:
        raise ValueError('expected { "0001" = 12000 }: an item and its price in minor units')
    return {item(key): whole(1, 2**32)(price) for key, price in value.items()}


def numbers(value: object) -> tuple[int, ...]:
    """Up to sixteen bytes."""
    if not isinstance(value, list) or len(value) > 16:
        raise ValueError(f"expected a list of at most sixteen numbers, not {value!r}")
    return tuple(whole(0, 255)(each) for each in value)


def address(value: object) -> int:
    """Of a cashless device."""
    if value not in {"10", "60"}:
        raise ValueError(f'expected "10" or "60", not {value!r}')
    return int(str(value), 16)


def currency_of(value: object) -> int:
    """ISO 4217 as the bus writes it: 1 and three BCD digits."""
    return 0x1000 | int(str(whole(1, 999)(value)).zfill(3), 16)

"""A scenario as TOML. Strict: whatever it does not know is a mistake, and it says which key."""

import tomllib
from collections.abc import Callable
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, get_args

from mdb.virtual.bill_validator import ValidatorMake
from mdb.virtual.card_reader import ReaderMake
from mdb.virtual.coin_changer import ChangerMake
from mdb.virtual.keys import (
    Keys,
    ScenarioError,
    address,
    currency_of,
    item,
    items,
    numbers,
    one_of,
    part,
    prices_of,
    seconds,
    whole,
    yes_or_no,
)
from mdb.virtual.machine import Make
from mdb.virtual.scenario import Scenario
from mdb.virtual.steps import DEEDS, HOWS, KINDS, MEDIA, Step, lacking
from mdb.virtual.unit import Unit
from mdb.virtual.vmc import Habits, Retort


def sample() -> str:
    """A commented scenario with every table in it."""
    return files("mdb.virtual").joinpath("sample.toml").read_text("utf-8")


def read_scenario(file: Path) -> Scenario:
    """The scenario of a file.

    Raises:
        ScenarioError: see there; the message begins with the file's name.
        OSError: it cannot be read.
    """
    try:
        return parse_scenario(file.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise ScenarioError(
            f"{file} is no scenario: expected TOML, a text in UTF-8; --sample prints one"
        ) from error
    except ScenarioError as error:
        raise ScenarioError(f"{file}: {error}") from error


def parse_scenario(text: str) -> Scenario:
    """The scenario of a text.

    Raises:
        ScenarioError: it is no TOML, or no scenario.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(str(error)) from error
    top = Keys("", table)
    make = _machine(top)
    steps = tuple(_step(keys, make) for keys in top.tables("step"))
    scenario = Scenario(
        make,
        steps,
        seed=top.take("seed", whole(0, 2**32), 1),
        loss=top.take("loss", part, 0.0),
        noise=top.take("noise", part, 0.0),
    )
    top.end()
    return scenario


def _machine(top: Keys) -> Make:
    keys = top.table("machine")
    if keys is None:
        raise ScenarioError("[machine] is missing: it holds at least prices")
    prices = keys.take("prices", prices_of)
    currency = keys.take("currency", currency_of, 0x1643)
    habits = _habits(keys)
    keys.end()
    readers = tuple(_reader(each, currency) for each in top.tables("reader"))
    if len({each.address for each in readers}) < len(readers):
        raise ScenarioError("reader: two of them have the same address")
    make = Make(
        prices,
        readers,
        _changer(top.table("changer"), currency),
        _validator(top.table("validator"), currency),
        gateway=top.take("gateway", yes_or_no, default=False),
        habits=habits,
    )
    for reader in readers:
        for each, price in prices.items():
            _fits(reader, each, price)
    return make


def _fits(reader: ReaderMake, named: str, price: int) -> None:
    width = 4 if reader.expanded and reader.level == 3 else 2
    try:
        units = reader.unit.units(price)
    except ValueError as error:
        raise ScenarioError(
            f"machine.prices.{named}: {error} (reader {reader.address:02x})"
        ) from None
    if units >= 2 ** (8 * width) - 1:
        raise ScenarioError(
            f"machine.prices.{named}: {price} does not fit reader {reader.address:02x};"
            f" at most {(2 ** (8 * width) - 2) * reader.unit.minor}"
        )


def _habits(keys: Keys) -> Habits:
    readers: dict[type, Callable[[object], Any]] = {
        int: whole(1, 3),
        float: seconds,
        bool: yes_or_no,
        str: one_of(get_args(Retort)),
    }
    taken = {
        each.name: keys.take(each.name, readers[type(each.default)], each.default)
        for each in fields(Habits)
    }
    return Habits(**taken)


def _reader(keys: Keys, currency: int) -> ReaderMake:
    made = ReaderMake(
        address=keys.take("address", address, 0x10),
        level=keys.take("level", whole(1, 3), 1),
        unit=_unit(keys, Unit(10, 2), 255),
        currency=currency,
        **{
            name: keys.take(name, yes_or_no, default=default)
            for name, default in (
                ("refund", True),
                ("multivend", True),
                ("cash_sale", True),
                ("expanded", False),
                ("negative_vend", False),
                ("always_idle", False),
                ("at_once", False),
                ("several", True),
            )
        },
        response_s=keys.take("response_s", whole(1, 255), 7),
    )
    keys.end()
    for name in ("expanded", "negative_vend", "always_idle"):
        if getattr(made, name) and made.level < 3:
            raise ScenarioError(f"{keys.name}.{name}: needs level = 3, not {made.level}")
    return made


def _changer(keys: Keys | None, currency: int) -> ChangerMake | None:
    if keys is None:
        return None
    every: tuple[int, ...] = (1, 2, 5, 10)
    coins = keys.take("coins", numbers, every)
    made = ChangerMake(
        level=keys.take("level", whole(2, 3), 3),
        unit=_unit(keys, Unit(100, 2), 255),
        currency=currency,
        coins=coins,
        tubes=keys.take("tubes", numbers, (20,) * len(coins)),
        tube_size=keys.take("tube_size", whole(1, 255), 50),
        alternative_payout=keys.take("alternative_payout", yes_or_no, default=True),
    )
    keys.end()
    if len(made.tubes) != len(coins):
        raise ScenarioError(f"{keys.name}.tubes: expected {len(coins)} numbers, one a coin")
    return made


def _validator(keys: Keys | None, currency: int) -> ValidatorMake | None:
    if keys is None:
        return None
    every: tuple[int, ...] = (5, 10, 20, 50, 100)
    bills = keys.take("bills", numbers, every)
    made = ValidatorMake(
        unit=_unit(keys, Unit(1000, 2), 0xFFFF),
        currency=currency,
        bills=bills,
        recycles=keys.take("recycles", numbers, ()),
    )
    keys.end()
    if any(kind >= len(made.bills) for kind in made.recycles):
        raise ScenarioError(f"{keys.name}.recycles: expected types from 0 to {len(made.bills) - 1}")
    return made


def _unit(keys: Keys, default: Unit, most: int) -> Unit:
    unit = Unit(
        keys.take("scale", whole(1, most), default.scale),
        keys.take("decimals", whole(0, 3), default.decimals),
    )
    try:
        _ = unit.minor
    except ValueError as error:
        raise ScenarioError(f"{keys.name}.scale: {error}") from None
    return unit


def _step(keys: Keys, make: Make) -> Step:
    do = keys.take("do", one_of(tuple(DEEDS)))
    deed, values = DEEDS[do], {}
    for name in (*deed.must, *deed.may, "times"):
        if keys.has(name):
            values[name] = keys.take(name, _FIELDS[name])
        elif name in deed.must:
            raise ScenarioError(f"{keys.name}.{name} is missing: {do!r} needs it")
    known = (*deed.must, *deed.may, "times")
    for name in [each.name for each in fields(Step) if keys.has(each.name)]:
        raise ScenarioError(f"{keys.name}.{name}: {do!r} knows only {', '.join(known)}")
    keys.end()
    step = Step(do, **values)
    if do == "vend" and not step.bought:
        raise ScenarioError(f"{keys.name}.item is missing: 'vend' needs item or items")
    for each in {*step.bought, step.item} - {""}:
        if each not in make.prices:
            raise ScenarioError(f"{keys.name}.item: {each!r} has no price in machine.prices")
    need = lacking(make, step)
    if need:
        raise ScenarioError(f"{keys.name}.do: {do!r} needs {need}")
    return step


_FIELDS: Final[dict[str, Callable[[object], Any]]] = {
    "item": item,
    "items": items,
    "reader": address,
    "media": one_of(MEDIA),
    "kind": one_of(tuple(KINDS)),
    "how": one_of(tuple(HOWS)),
    "amount": whole(1, 2**31),
    "charged": whole(0, 2**31),
    "refunded": yes_or_no,
    "accepted": yes_or_no,
    "commands": whole(1, 100),
    "seconds": seconds,
    "times": whole(1, 10_000),
}

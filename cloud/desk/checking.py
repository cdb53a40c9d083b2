"""Checking: credentials and the health of registers, asked of their providers. Changes nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import aiohttp
import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.words import COMMAND, printable, table
from cloud.errors import ConfigError, DecisionError
from cloud.fleet import Register
from cloud.providers import Finding
from cloud.registers import opened
from cloud.store import fleet

MARKS: Final[Mapping[str, str]] = {"good": "OK", "warning": "WARN", "bad": "FAIL", "wrong": "FAIL"}
COUNTED: Final = (("bad", "wrong"), ("warning", "doubtful"), ("good", "OK"))


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what was looked at, and what was found."""

    level: Literal["good", "warning", "bad", "wrong"]
    """`wrong`: it is the settings that are."""
    text: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A register, and what was found."""

    register: str
    provider: str
    found: list[Told]


async def registers(connection: AsyncConnection, name: str | None) -> Sequence[Register]:
    """The registers that are asked for.

    Raises:
        DecisionError: there is none, or none of that name.
    """
    found = await fleet.every(connection, Register)
    wanted = [each for each in found if name in {None, each.id}]
    if not wanted:
        there = ", ".join(each.id for each in found) or "there is none"
        step = f"{COMMAND}register --help"
        named = f"no register is called {name!r}: {there}" if name else "there is no register"
        raise DecisionError(f"{named}; {step}")
    return wanted


async def check(http: aiohttp.ClientSession, wanted: Sequence[Register]) -> list[Checked]:
    """Ask all of them at once."""
    return list(await asyncio.gather(*(_check(http, each) for each in wanted)))


async def _check(http: aiohttp.ClientSession, register: Register) -> Checked:
    found: Sequence[Finding]
    try:
        found = await opened(register, http).provider.check()
    except ConfigError as error:
        said = [Told(level="wrong", text=str(error).removeprefix(f"register {register.id}: "))]
    else:
        said = [Told(level=each.level, text=each.text) for each in found]
    return Checked(register=register.id, provider=register.provider, found=said)


def status(found: Sequence[Checked]) -> int:
    """0 all is well or only warned of, 1 something is wrong, 2 the settings are."""
    levels = {each.level for checked in found for each in checked.found}
    return 2 if "wrong" in levels else int("bad" in levels)


def lines(found: Sequence[Checked]) -> list[str]:
    """For a person: the findings, what to do, and the sum of it."""
    told: list[str] = []
    rows = [
        (MARKS[each.level], checked.register, printable(each.text))
        for checked in found
        for each in checked.found
    ]
    told += table(rows)
    for checked in found:
        levels = {each.level for each in checked.found}
        if "wrong" in levels:
            told.append(f"→ mend its settings: {COMMAND}register add {checked.register} …")
        elif "bad" in levels:
            told.append(
                f"→ register {checked.register}: see to it in the cabinet of {checked.provider},"
                f" then again: {COMMAND}check {checked.register}"
            )
    levels_all = [each.level for checked in found for each in checked.found]
    sums = {
        "bad": levels_all.count("bad") + levels_all.count("wrong"),
        "warning": levels_all.count("warning"),
        "good": levels_all.count("good"),
    }
    total = ", ".join(f"{sums[level]} {word}" for level, word in COUNTED if sums[level])
    return [*told, "", total]

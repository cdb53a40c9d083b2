"""``wish``: what is wanted of a machine's configuration, and whether it is in force there."""

import asyncio
import tomllib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from cloud.errors import ConfigError
from cloud.orders.line import Line
from edge.wire import Channel, Desired, MalformedMessageError, Reported, decode, encode
from edge.wire.messages import MAX_BYTES
from edge.wire.settings import Broker

ROOM: Final = MAX_BYTES - 1024
"""Of a wish: its topic goes into the same packet."""


def read_wish(file: Path, version: int) -> bytes:
    """The payload of a wish: a TOML file with ``[receipts]`` and ``[products]``.

    `version` names it where the file does not. The machine alone knows whether its values are
    right: it is older or younger than this program.

    Raises:
        ConfigError: the file is missing or no TOML, or has a table that no wish has.
    """
    try:
        written = {"version": version} | tomllib.loads(file.read_text("utf-8"))
        payload = encode(msgspec.convert(written, Desired))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{file}: {error}; a wish has [receipts], [products] and, if you like, a version"
        ) from error
    if len(payload) > ROOM:
        raise ConfigError(f"{file}: {len(payload)} bytes; at most {ROOM} go into a wish")
    return payload


async def wish(
    broker: Broker, machine: str, payload: bytes, wait_s: float, say: Callable[[str], None]
) -> int:
    """Publish it, retained, and wait for the machine's answer; 0 if it is in force, else 1.

    An empty payload withdraws what was wished.

    Raises:
        StartError: the broker is away or refuses.
    """
    digest = sha256(payload).hexdigest() if payload else None
    async with Line(broker, [Channel.REPORTED.of(machine)]) as line:
        await line.say(Channel.DESIRED.of(machine), payload, retain=True)
        try:
            async with asyncio.timeout(wait_s):
                reported = await _answer(line, digest)
        except TimeoutError:
            say(f"{machine}: no answer within {wait_s:g} s. {_later(payload)}")
            return 1
    if reported.error is not None:
        stays = "its file" if reported.version is None else f"version {reported.version}"
        say(f"{machine}: refused: {reported.error}")
        say(f"{stays} stays in force; send a right one, or --withdraw this one")
        return 1
    in_force = "its file alone" if reported.version is None else f"version {reported.version}"
    say(f"{machine}: {in_force} is in force")
    return 0


async def _answer(line: Line, digest: str | None) -> Reported:
    """The answer to this wish; the one before it is retained, and comes first."""
    while True:
        _, payload = await line.hear()
        try:
            reported = decode(payload, Reported)
        except MalformedMessageError:
            continue
        if reported.wish == digest:
            return reported


def _later(payload: bytes) -> str:
    if payload:
        return "The wish waits at the broker, and is answered when the machine connects"
    return (
        "A machine that is away for a week does not hear of it; a wish with nothing but a version"
        " waits for it"
    )

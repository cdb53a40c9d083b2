"""A doctor's round: every check of one machine, at the same time where they do not share a thing.

A check that itself fails, or never ends, is told like any other; the round always ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edge.checks import (
    Finding,
    adapter,
    as_words,
    both,
    broker,
    bus,
    certificate,
    clock,
    cloud,
    disk,
    display,
    network,
    outbox,
    printer,
)
from edge.checks.agent import Agent, look
from edge.checks.credentials import as_found
from edge.config import Config
from edge.wire.messages import Quality

NAMES: Final = (
    *("bus", "adapter", "disk", "outbox", "clock", "network", "broker", "certificate", "cloud"),
    *("display", "printer"),
)
"""Every check, in the order in which it is told."""
PATIENCE_S: Final = 90.0
"""Beyond what is listened for: no check waits that long by itself."""

Told = Callable[[Finding], None]


async def examine(config: Config, listen_s: float, told: Told) -> list[Finding]:
    """Make the round; `told` hears each finding as it comes, the list is in the order of `NAMES`.

    Raises:
        PermissionError: the data folder may not be looked into by this user.
    """
    data = Path(config.data)
    agent = await look(data)
    found: dict[str, Finding] = {}

    async def tell(names: Sequence[str], work: Awaitable[Sequence[Finding]]) -> None:
        for finding in await _guarded(names, work, listen_s + PATIENCE_S):
            found[finding.name] = finding
            told(finding)

    await asyncio.gather(
        tell(["adapter", "bus"], _bus(config, agent, listen_s)),
        tell(["disk"], _one(disk.check(data))),
        tell(["outbox"], _one(outbox.check(data, agent))),
        tell(["clock"], _at_once(lambda: clock.check(_quality(agent)))),
        tell(["network", "broker", "cloud"], _way(config, agent)),
        tell(["certificate"], _at_once(lambda: _certificate(config))),
        tell(
            ["display"],
            _one(display.check(config.display, agent, lawful=config.receipts.profile == "ru")),
        ),
        tell(["printer"], _one(printer.check(config.printer, agent))),
    )
    return [found[name] for name in NAMES]


async def _guarded(
    names: Sequence[str], work: Awaitable[Sequence[Finding]], seconds: float
) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        why = both(
            "не закончилась за {seconds:g} с",
            "it did not end within {seconds:g} s",
            seconds=seconds,
        )
    except Exception as error:  # noqa: BLE001, a mistake in one check must not hide the others
        why = both(
            "сломалась сама проверка: {kind}: {error}",
            "this check itself failed: {kind}: {error}",
            kind=type(error).__name__,
            error=as_words(error),
        )
    advice = both(
        "сообщите тому, кто ведёт эту программу, с этой строкой",
        "tell whoever maintains this program, with this line",
    )
    return [Finding(name, "fail", why, advice) for name in names]


async def _one(check: Awaitable[Finding]) -> Sequence[Finding]:
    return [await check]


async def _at_once(check: Callable[[], Finding]) -> Sequence[Finding]:
    return [check()]


def _quality(agent: Agent) -> Quality | None:
    return agent.status.clock.quality if agent.status is not None else None


async def _bus(config: Config, agent: Agent, listen_s: float) -> Sequence[Finding]:
    """Who is at the port, then what it hears: both need the port for themselves."""
    who = await adapter.check(config.tap, agent)
    if who.state == "fail":
        unheard = both("адаптера нет", "its adapter is not there")
        return [who, Finding(bus.NAME, "skipped", unheard)]
    return [who, await bus.check(config.tap, agent, listen_s)]


async def _way(config: Config, agent: Agent) -> Sequence[Finding]:
    """The way to the cloud; who cannot go one step is not sent to the next."""
    reached = await network.check(config.broker.host, config.broker.port)
    if agent.runs:
        return [reached, broker.judge_told(agent), cloud.judge_told(agent)]
    if reached.state == "fail":
        away = both("сеть до него не доходит", "the network does not lead to it")
        return [reached, Finding(broker.NAME, "skipped", away), cloud.judge(broker.Visit())]
    who = as_found(config.broker)
    wrong = next(who.unreadable(), None)
    if wrong is not None:
        failed = certificate.unreadable(wrong)
        seen = broker.Visit(error=failed.found, advice=failed.advice)
    else:
        seen = await broker.visit(who)
    return [reached, broker.judge(who, seen), cloud.judge(seen)]


def _certificate(config: Config) -> Finding:
    return certificate.check(as_found(config.broker), config.machine, datetime.now(UTC))

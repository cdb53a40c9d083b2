"""``run``: listen to the bus, keep and publish sales, show receipts."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import ssl
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.agent import Agent
from edge.buyer.presenter import Policy
from edge.buyer.stage import Stage
from edge.clock import SystemClock
from edge.config import Config, KioskDisplay, load
from edge.errors import ConfigError
from edge.panels import open_panels
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.uplink import subscriptions
from edge.wire import Channel, State, encode
from edge.wire.link import Link
from mdb.taps import Tap, VirtualMachine, open_tap

if TYPE_CHECKING:
    from edge.face import Face

EXAMPLES: Final = """\
examples:
  python -m edge run --config /etc/chekomat/edge.toml
  python -m edge run --config deploy/edge/config.toml --verbose
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the TOML file")
    parser.add_argument("--verbose", action="store_true", help="log each sale and receipt")


def run(arguments: argparse.Namespace) -> int:
    """Run until told to stop; 0."""
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    asyncio.run(_run(arguments.config))
    return 0


async def _run(file: Path) -> None:
    """Put the parts together and run them until SIGTERM or SIGINT."""
    config = load(file)
    tap = _tap(file, config)
    link = _link(file, config)
    clock = SystemClock()
    outbox = Outbox(Path(config.data) / "outbox.sqlite", os.urandom(4).hex())
    face = _face(tap, config)
    agent = Agent(
        machine=config.machine,
        tap=tap,
        vmc_only=tap.vmc_only,
        outbox=outbox,
        disk=Disk(),
        link=link,
        clock=clock,
        on_heard=face.heard if face else None,
    )
    async with open_panels(config.display, face) as displays:
        policy = Policy(
            qr=config.receipts.qr,
            link=config.receipts.link,
            show_s=config.receipts.show_s,
            patience_s=config.receipts.patience_s,
        )
        stage = Stage(displays, policy, config.products, clock, agent.keep_showing)
        await _until_told_to_stop(agent.run(stage))


def _tap(file: Path, config: Config) -> Tap:
    try:
        return open_tap(config.tap)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{file}: tap: {error}") from error


def _link(file: Path, config: Config) -> Link:
    death = encode(State(online=False))
    try:
        return Link(
            config.broker,
            client_id=f"chekomat-{config.machine}",
            subscriptions=subscriptions(config.machine),
            will=(Channel.STATE.of(config.machine), death),
        )
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{file}: broker: {error}") from error


def _face(tap: Tap, config: Config) -> "Face | None":
    kiosk = any(isinstance(table, KioskDisplay) for table in config.display)
    if not isinstance(tap, VirtualMachine) or not kiosk:
        return None
    from edge.face import Face  # noqa: PLC0415, a real machine has no use for it

    return Face(tap, config.products)


async def _until_told_to_stop(work: Coroutine[None, None, None]) -> None:
    running = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running

"""``run``: listen to the bus, keep and publish sales, show and print receipts."""

import argparse
import asyncio
import contextlib
import logging
import signal
from pathlib import Path
from typing import Final

from edge.assembly import assemble
from edge.config import Config, load
from edge.errors import ConfigError
from edge.journal import RecentLines, set_up
from edge.notify import Notify
from edge.uplink import subscriptions
from edge.wire import Channel, State, encode
from edge.wire.link import Link
from mdb.taps import Tap, open_tap

log = logging.getLogger(__name__)

ENDS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
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
    recent = set_up(verbose=arguments.verbose)
    asyncio.run(_run(arguments.config, recent))
    for number in ENDS:  # it has ended well, whoever else asks for it
        signal.signal(number, signal.SIG_IGN)
    return 0


async def _run(file: Path, recent: RecentLines) -> None:
    """Put the machine together and run it until SIGTERM, SIGINT, SIGHUP or a command."""
    config = load(file)
    notify = Notify.from_environment()
    running: asyncio.Task[None] | None = None

    def stop() -> None:
        # Once: whoever asks again must not cut short what is still being kept.
        if running is not None and not running.cancelling():
            notify.stopping()
            running.cancel()

    tap, link = _tap(file, config), _link(file, config)
    async with assemble(config, tap, link, recent=recent, notify=notify, stop=stop) as work:
        log.info("%s: listening to %s", config.machine, config.tap)
        running = asyncio.create_task(work())
        loop = asyncio.get_running_loop()
        for number in ENDS:
            loop.add_signal_handler(number, stop)
        with contextlib.suppress(asyncio.CancelledError):
            await running


def _tap(file: Path, config: Config) -> Tap:
    try:
        return open_tap(config.tap)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{file}: tap: {error}") from error


def _link(file: Path, config: Config) -> Link:
    for wrong in config.broker.unreadable():
        raise ConfigError(f"{file}: {wrong}")
    death = encode(State(online=False))
    try:
        return Link(
            config.broker,
            client_id=f"chekomat-{config.machine}",
            subscriptions=subscriptions(config.machine),
            will=(Channel.STATE.of(config.machine), death),
        )
    except (OSError, ValueError) as error:
        broker = config.broker
        told = f"ca {broker.ca!r}, certificate {broker.certificate!r}, key {broker.key!r}"
        raise ConfigError(
            f"{file}: broker: {told}: one of them is no PEM file of its kind, or they do not belong"
            f" together: {error}; see with: python -m edge doctor --config {file}"
        ) from error

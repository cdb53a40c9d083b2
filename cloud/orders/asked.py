"""What was asked on the command line, as values, checked before anything is sent."""

import argparse
import time
import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from cloud.errors import ConfigError
from cloud.orders.line import broker_of
from cloud.orders.tell import Order, tell
from cloud.orders.wish import read_wish, wish
from edge.wire import Command
from edge.wire.orders import Capture, CollectLogs, Reprint, Restart, ShowLast, ShowText

Say = Callable[[str], None]


def told(arguments: argparse.Namespace, say: Say, note: Say) -> Coroutine[Any, Any, int]:
    """``tell``, ready to run.

    Raises:
        ConfigError: a value is out of the contract's range, or the configuration is wrong.
    """
    broker = broker_of(arguments.config, arguments.certificate, arguments.key)
    command_id = arguments.id or uuid.uuid4().hex
    expires_at = datetime.now(UTC) + timedelta(seconds=arguments.expires_s)
    command = _command(arguments, expires_at.isoformat(timespec="milliseconds"))
    output = getattr(arguments, "output", None)
    order = Order(arguments.machine, command_id, command, arguments.expires_s, output)
    return tell(broker, order, say, note)


def wished(arguments: argparse.Namespace, say: Say) -> Coroutine[Any, Any, int]:
    """``wish``, ready to run.

    Raises:
        ConfigError: the wish or the configuration is wrong.
    """
    broker = broker_of(arguments.config, arguments.certificate, arguments.key)
    payload = b"" if arguments.withdraw else read_wish(arguments.file, time.time_ns() // 1_000_000)
    return wish(broker, arguments.machine, payload, arguments.wait_s, say)


def _command(arguments: argparse.Namespace, expires_at: str) -> Command:
    """The command, checked by the contract itself."""
    command: Command
    match arguments.deed:
        case "show-text":
            command = ShowText(expires_at=expires_at, text=arguments.text, for_s=arguments.for_s)
        case "show-last":
            command = ShowLast(expires_at=expires_at)
        case "reprint":
            command = Reprint(expires_at=expires_at, sale_id=arguments.sale)
        case "restart":
            command = Restart(expires_at=expires_at)
        case "capture":
            command = Capture(expires_at=expires_at, minutes=arguments.minutes)
        case _:
            command = CollectLogs(expires_at=expires_at, lines=arguments.lines)
    try:
        msgspec.convert(msgspec.to_builtins(command), Command)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{arguments.deed}: {error}") from error
    return command

"""``tell``: one command to one machine, and its answer.

A command is repeated under its id while nothing comes: the machine does it once and answers every
time, so whatever the broker loses is only late.
"""

import asyncio
import contextlib
import gzip
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cloud.errors import ConfigError, StartError
from cloud.orders.line import Line
from edge.wire import Channel, Command, MalformedMessageError, Result, decode, encode
from edge.wire.orders import Capture
from edge.wire.settings import Broker

REPEAT_S: Final = 10.0
MOST_BYTES: Final = 256 * 1024 * 1024
"""Of what an answer holds, unpacked."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of whom; `wait_s` is how long from the last sign of it an answer is awaited."""

    machine: str
    command_id: str
    command: Command
    wait_s: float
    output: Path | None = None
    """Where what it brings is written: packed if the name ends in ``.gz``, else as text."""


@dataclass(slots=True)
class Answer:
    """The answer as it comes together: its last word, and the parts of what it brings. Pure."""

    parts: dict[int, bytes] = field(default_factory=dict)
    last: Result | None = None

    def take(self, result: Result) -> None:
        """One message of it, in any order, any number of times."""
        if self.last is not None and self.last.parts != result.parts:
            self.parts.clear()
        if result.status == "running" and not result.text and self.last is not None:
            return
        self.last = result
        if result.status == "done":
            self.parts[result.part] = result.body

    @property
    def result(self) -> Result | None:
        """Its last word, once nothing of it is missing."""
        last = self.last
        if last is None or last.status == "running":
            return None
        if last.status == "done" and len(self.parts) < last.parts:
            return None
        return last

    @property
    def body(self) -> bytes:
        """What it brings, packed by gzip; empty if nothing."""
        return b"".join(self.parts[number] for number in sorted(self.parts))

    @property
    def progress(self) -> str:
        """How far it is, for a person who waits."""
        if self.last is None:
            return "no answer yet"
        if self.last.status == "done":
            return f"part {len(self.parts)} of {self.last.parts}"
        return self.last.text or self.last.status


async def tell(
    broker: Broker, order: Order, say: Callable[[str], None], note: Callable[[str], None]
) -> int:
    """Ask and wait; 0 if it was done, 1 if not. `say` takes the answer, `note` the progress.

    Raises:
        ConfigError: the output cannot be written.
        StartError: the broker is away or refuses, or no answer came.
    """
    if order.output is not None:
        _check_room(order.output)
    answered = Channel.result_of(order.machine, order.command_id)
    async with Line(broker, [answered]) as line:
        note(f"command {order.command_id} to {order.machine}")
        answer = await _ask(line, order, note)
    result = answer.result
    if result is None or result.status != "done":
        say(f"{order.machine}: {'no answer' if result is None else _of(result)}")
        return 1
    _bring(order, answer.body, say)
    say(f"{order.machine}: {_of(result)}")
    return 0


async def _ask(line: Line, order: Order, note: Callable[[str], None]) -> Answer:
    """Until it is answered as a whole, or nothing new was heard of it for too long."""
    topic = Channel.command_of(order.machine, order.command_id)
    loop = asyncio.get_running_loop()
    answer, told = Answer(), ""
    deadline = loop.time() + order.wait_s
    while answer.result is None:
        left = deadline - loop.time()
        if left <= 0:
            raise StartError(
                f"{order.machine}: {answer.progress}, and nothing more within {order.wait_s:g} s;"
                f" ask again with --id {order.command_id}: it is answered, and not done twice"
            )
        if not await line.say(topic, encode(order.command)):
            note("nobody listens there: is the machine on, and its name right? Trying again")
        with contextlib.suppress(TimeoutError):
            while answer.result is None:
                async with asyncio.timeout(min(REPEAT_S, left)):
                    _, payload = await line.hear()
                _take(answer, payload, note)
                if answer.progress != told:
                    told = answer.progress
                    if answer.result is None:
                        note(told)
                    deadline = loop.time() + order.wait_s + _work_s(order, answer)
    return answer


def _take(answer: Answer, payload: bytes, note: Callable[[str], None]) -> None:
    try:
        answer.take(decode(payload, Result))
    except MalformedMessageError as error:
        note(f"an answer that is none: {error}")


def _work_s(order: Order, answer: Answer) -> float:
    """How long the machine works before there is anything to be heard of it."""
    running = answer.last is not None and answer.last.status == "running"
    return 60 * order.command.minutes if running and isinstance(order.command, Capture) else 0


def _of(result: Result) -> str:
    return f"{result.status}: {_printable(result.text)}" if result.text else result.status


def _bring(order: Order, body: bytes, say: Callable[[str], None]) -> None:
    """What the answer brought, where it was asked for."""
    if not body:
        return
    content = _unpacked(order, body)
    if order.output is None:
        say(_printable(content.decode(errors="replace")))
        return
    packed = order.output.suffix == ".gz"
    part = _part(order.output)
    try:
        part.write_bytes(body if packed else content)
        part.replace(order.output)
    except OSError as error:
        raise StartError(f"--output: {order.output}: {error.strerror or error}") from error
    say(f"{order.output}: {order.output.stat().st_size} bytes")


def _unpacked(order: Order, body: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            content = packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise StartError(f"{order.machine}: what it sent is damaged: {error}") from error
    if len(content) > MOST_BYTES:
        raise StartError(f"{order.machine}: what it sent is longer than {MOST_BYTES >> 20} MB")
    return content


def _check_room(output: Path) -> None:
    """Before minutes are spent on it."""
    if output.is_dir():
        raise ConfigError(f"--output: {output}: is a folder")
    part = _part(output)
    try:
        part.touch()
        part.unlink()
    except OSError as error:
        raise ConfigError(f"--output: {output}: {error.strerror or error}") from error


def _part(output: Path) -> Path:
    return output.with_name(f"{output.name}.part")


def _printable(text: str) -> str:
    """A machine's words do not move a terminal's cursor."""
    return "".join(each if each.isprintable() or each in "\n\t" else "�" for each in text)

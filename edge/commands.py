"""Commands from the cloud: each is done at most once, before its expiry, and always answered.

    decide      an id, what is known of it and the time in; do it, or the answer, out: pure
    Commands    does what was decided, remembers its end, and says it

A command is remembered as begun before it is done. So a power cut in the middle ends in the answer
that it was interrupted, and not in a second slip.
"""

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from edge.attachments import Attachments, part, parts_of
from edge.capture import Capture
from edge.clock import Moment, unix_ms
from edge.wire import Channel, Command, MalformedMessageError, Result, decode, encode, read_command
from edge.wire.messages import MESSAGE_TEXT
from edge.wire.orders import Capture as CaptureBus
from edge.wire.orders import CollectLogs, Reprint, Restart, ShowLast, ShowText

log = logging.getLogger(__name__)

TRUSTED: Final = frozenset({"synced", "corrected"})
"""Qualities of a clock that an expiry can be judged by."""
WAIT_S: Final = 30.0
"""How long a part of an answer waits for the broker; whoever asked asks again."""
GOODBYE_S: Final = 3.0
RUNNING: Final = Result(status="running")
INTERRUPTED: Final = Result(
    status="failed",
    text="it was begun, and the machine went down before its end; it is not done again",
)


@dataclass(frozen=True, slots=True)
class Do:
    """It is to be done."""

    command: Command


@dataclass(frozen=True, slots=True)
class Answer:
    """It is not to be done; `known` if this was its answer before."""

    result: Result
    known: bool = False


def decide(command: Command, known: Result | None, now: Moment, *, running: bool) -> Do | Answer:
    """What to do about a command.

    Where the clock is not to be trusted nobody can tell whether it came in time. Then what a buyer
    would see or hold, and a restart, is refused: it may be days old. A capture and the logs only
    look, and a machine with a broken clock is the one they are wanted of: they are done.

    `known` is what was remembered under its id; `running`, that it is being done right now.
    """
    if running:
        return Answer(RUNNING)
    if known is not None:
        return Answer(known, known=True)
    expires_ms = unix_ms(command.expires_at)
    if expires_ms is None:
        return Answer(_failed(f"expires_at: {command.expires_at!r} is no time with a zone"))
    if now.quality not in TRUSTED:
        if isinstance(command, CaptureBus | CollectLogs):
            return Do(command)
        return Answer(
            _failed(
                f"this machine's clock is {now.quality}: it cannot tell whether the command came"
                " in time; try again when it has the time, or ask for the logs"
            )
        )
    if expires_ms <= now.unix_ms:
        words = f"it expired at {command.expires_at}, and here it is {now.iso}"
        return Answer(Result(status="expired", text=_short(words)))
    return Do(command)


class NotDoneError(Exception):
    """A deed that could not be done; the message says why, in the operator's words."""


class Deeds(Protocol):
    """What a machine can do when it is asked to.

    - Each tells in words what it did, or raises NotDoneError with why not.
    - None but a restart waits for a buyer: what cannot be done now is not done.
    """

    async def show_text(self, text: str, for_s: float) -> str:
        """Show a text while nobody is buying, for so many seconds; an empty one ends it."""
        ...

    async def show_last(self) -> str:
        """Show the last sale's receipt again, if nobody is buying."""
        ...

    async def reprint(self, sale_id: str | None) -> str:
        """Print a slip again, marked as a copy; the last sale's if none is named."""
        ...

    async def restart(self) -> None:
        """End the process in order when nobody is buying; the answer has been given."""
        ...

    async def logs(self, lines: int) -> str:
        """The last log lines, secrets never among them."""
        ...


class Commands:
    """One machine's commands.

    Args:
        remember: commit what a command was answered; raises where the disk refuses.
        recall: what was remembered under an id.
        publish: a topic and a body, at QoS 1; the future is the link's.
    """

    def __init__(
        self,
        *,
        machine: str,
        remember: Callable[[str, bytes], Awaitable[None]],
        recall: Callable[[str], Awaitable[bytes | None]],
        publish: Callable[[str, bytes], "asyncio.Future[bool]"],
        deeds: Deeds,
        capture: Capture,
        attachments: Attachments,
        now: Callable[[], Moment],
    ) -> None:
        self._machine = machine
        self._remember = remember
        self._recall = recall
        self._publish = publish
        self._deeds = deeds
        self._capture = capture
        self._attachments = attachments
        self._now = now
        self._running: set[str] = set()
        self._capturing: str | None = None
        self._due: asyncio.Queue[tuple[str, Command | Result]] = asyncio.Queue()

    async def receive(self, command_id: str, payload: bytes) -> None:
        """Take a command. When this returns, a repetition will not do it twice. Never raises."""
        try:
            decided = await self._decide(command_id, payload)
        except Exception as error:
            log.exception("command %s: not taken", command_id)
            decided = Answer(_failed(f"this machine's disk: {error}"))
        match decided:
            case Do(command):
                self._due.put_nowait((command_id, command))
            case Answer(result, known=True) if result.status == "done":
                # What it brought is sent again, and that takes its time.
                self._running.add(command_id)
                self._due.put_nowait((command_id, result))
            case Answer(result):
                log.info("command %s: %s: %s", command_id, result.status, result.text)
                self._say(command_id, result)

    async def run(self) -> None:
        """Do what is to be done, each beside the others, until cancelled."""
        await asyncio.to_thread(self._attachments.tidy)
        async with asyncio.TaskGroup() as group:
            while True:
                command_id, due = await self._due.get()
                group.create_task(self._work(command_id, due), name=f"command {command_id}")

    async def _decide(self, command_id: str, payload: bytes) -> Do | Answer:
        try:
            command = read_command(payload)
        except MalformedMessageError as error:
            return Answer(_failed(f"no command that this version knows: {error}"))
        running = command_id in self._running
        told = None if running else await self._recall(command_id)
        known = None if told is None else decode(told, Result)
        decided = decide(command, known, self._now(), running=running)
        match decided:
            case Do(CaptureBus()) if self._capturing is not None:
                decided = Answer(_failed("another capture is being made; one at a time"))
                await self._remember(command_id, encode(decided.result))
            case Do(command):
                await self._remember(command_id, encode(INTERRUPTED))
                self._running.add(command_id)
                if isinstance(command, CaptureBus):
                    self._capturing = command_id
            case Answer(result, known=False) if not running:
                await self._remember(command_id, encode(result))
        return decided

    async def _work(self, command_id: str, due: Command | Result) -> None:
        try:
            if isinstance(due, Result):
                await self._send(command_id, due)
                return
            log.info("command %s: %s", command_id, type(due).__name__)
            result = await self._attempt(command_id, due)
            log.info("command %s: %s: %s", command_id, result.status, result.text)
            await self._note_down(command_id, result)
            await self._send(command_id, result)
            if isinstance(due, Restart):
                await self._deeds.restart()
        except Exception:
            # Nothing that is asked of it ends a machine: whoever asked is told when they ask again.
            log.exception("command %s", command_id)
            self._running.discard(command_id)

    async def _note_down(self, command_id: str, result: Result) -> None:
        try:
            await self._remember(command_id, encode(result))
        except Exception:
            # It stands there as begun: it is not done again, and this one time it is answered right.
            log.exception("command %s: its end is not remembered", command_id)

    async def _attempt(self, command_id: str, command: Command) -> Result:
        """Do it; what became of it. The recorder is free from then on, whoever is still to be told."""
        try:
            return Result(status="done", text=_short(await self._do(command_id, command)))
        except NotDoneError as error:
            return _failed(str(error))
        except Exception as error:
            log.exception("command %s", command_id)
            return _failed(f"this machine's fault: {type(error).__name__}: {error}")
        finally:
            if self._capturing == command_id:
                self._capturing = None

    async def _do(self, command_id: str, command: Command) -> str:
        match command:
            case ShowText(text=text, for_s=for_s):
                return await self._deeds.show_text(text, for_s)
            case ShowLast():
                return await self._deeds.show_last()
            case Reprint(sale_id=sale_id):
                return await self._deeds.reprint(sale_id)
            case Restart():
                return "restarting"
            case CaptureBus(minutes=minutes):
                return await self._capture_bus(command_id, minutes)
            case CollectLogs(lines=lines):
                text = await self._deeds.logs(lines)
                await asyncio.to_thread(self._keep_logs, command_id, text)
                return f"{len(text.splitlines())} lines"

    async def _capture_bus(self, command_id: str, minutes: float) -> str:
        file = await asyncio.to_thread(self._attachments.begin, command_id, ".mdb.gz")
        # Nothing of the bus is heard between this word and the record: whoever hears it may press.
        self._say(command_id, Result(status="running", text=f"recording for {minutes:g} min"))
        captured = await self._capture.record(minutes, file)
        await asyncio.to_thread(self._attachments.keep, file)
        return captured.words

    def _keep_logs(self, command_id: str, text: str) -> None:
        file = self._attachments.begin(command_id, ".log.gz")
        file.write_bytes(gzip.compress(text.encode()))
        self._attachments.keep(file)

    async def _send(self, command_id: str, result: Result) -> None:
        """Say it, with what it brought; one part waits for the other, and sales go between.

        It is running until its last word is said, not until the broker has that: whoever heard it
        may ask again at once, and is not told that what was done is being done.
        """
        file = await asyncio.to_thread(self._attachments.find, command_id)
        if file is None or result.status != "done":
            self._running.discard(command_id)
            await asyncio.wait([self._say(command_id, result)], timeout=GOODBYE_S)
            return
        parts = await asyncio.to_thread(parts_of, file)
        for number in range(1, parts + 1):
            body = await asyncio.to_thread(part, file, number)
            one = Result(status="done", text=result.text, part=number, parts=parts, body=body)
            if number == parts:
                self._running.discard(command_id)
            said = self._say(command_id, one)
            await asyncio.wait([said], timeout=WAIT_S)
            if not said.done() or said.cancelled() or said.exception() is not None:
                log.warning("command %s: part %s of %s is not sent", command_id, number, parts)
                self._running.discard(command_id)
                return

    def _say(self, command_id: str, result: Result) -> "asyncio.Future[bool]":
        return self._publish(Channel.result_of(self._machine, command_id), encode(result))


def _failed(words: str) -> Result:
    return Result(status="failed", text=_short(words))


def _short(words: str) -> str:
    return words if len(words) <= MESSAGE_TEXT else f"{words[: MESSAGE_TEXT - 1]}…"

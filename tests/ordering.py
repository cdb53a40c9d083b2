"""A machine that takes commands and wishes, by the machine's own parts; and the commands' process."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from parts import ROOT

from edge.attachments import Attachments
from edge.capture import Capture
from edge.clock import Moment, SystemClock
from edge.commands import Commands, NotDoneError
from edge.config import Config, Receipts
from edge.shadow import Applied, apply
from edge.wire import Channel, encode, parse, parse_command
from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker

MACHINE = "vm-000123"
SETTINGS = """\
database = "unused.sqlite"
public_url = "https://receipts.example"
[broker]
port = {port}
{more}
"""


def settings(folder: Path, port: int, more: str = "") -> Path:
    """A fiscaliser's configuration, as far as whoever orders needs it."""
    file = folder / "cloud.toml"
    file.write_text(SETTINGS.format(port=port, more=more), "utf-8")
    return file


async def cloud(*arguments: object) -> tuple[int | None, str, str]:
    """Run ``python -m cloud``: exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cloud", *map(str, arguments)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


class Synced(SystemClock):
    """The time is right, whatever the kernel of a test's computer knows of it."""

    def now(self) -> Moment:
        return replace(super().now(), quality="synced")


@dataclass
class Machine:
    """What was done, what is in force, and how it does what it is asked to."""

    folder: Path
    config: Config = field(
        default_factory=lambda: Config(
            machine=MACHINE, tap="virtual:", receipts=Receipts(link="https://chek.example/r/")
        )
    )
    done: list[tuple[object, ...]] = field(default_factory=list)
    memory: dict[str, bytes] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    deaf: int = 0
    """So many messages it does not hear."""
    noise: bytes = b""
    """Said on a command's answer before the answer."""
    in_force: bytes = b""
    version: int | None = None

    def __post_init__(self) -> None:
        self.clock = Synced()
        self.capture = Capture(self.clock, dict, title=MACHINE)

    async def show_text(self, text: str, for_s: float) -> str:
        self.done.append(("show_text", text, for_s))
        return "it will be shown"

    async def show_last(self) -> str:
        raise NotDoneError("there was no sale yet")

    async def reprint(self, sale_id: str | None) -> str:
        self.done.append(("reprint", sale_id))
        return "a copy is with the printer"

    async def restart(self) -> None:
        self.done.append(("restart",))

    async def logs(self, lines: int) -> str:
        return "".join(f"{number}: ещё строка\x1b[2J {number**9}\n" for number in range(lines))

    async def remember(self, command: str, result: bytes) -> None:
        self.memory[command] = result

    async def recall(self, command: str) -> bytes | None:
        return self.memory.get(command)

    def wished(self, payload: bytes) -> bytes:
        """A wish comes; the answer to it."""
        outcome = apply(self.config, payload, self.in_force)
        if isinstance(outcome, Applied):
            self.in_force, self.version = outcome.wish, outcome.version
            self.config = msgspec.structs.replace(self.config, receipts=outcome.config.receipts)
            return encode(outcome.reported)
        return encode(outcome.reported(self.version))

    @asynccontextmanager
    async def at(self, broker: Broker, client_id: str = MACHINE) -> AsyncIterator[None]:
        """It is connected and listens, for as long as the block lasts."""
        topics = [Channel.commands_of(MACHINE), Channel.DESIRED.of(MACHINE)]
        state = Channel.STATE.of(MACHINE)
        link = Link(broker, client_id, topics, (state, b"{}"))
        commands = Commands(
            machine=MACHINE,
            remember=self.remember,
            recall=self.recall,
            publish=lambda topic, body: link.publish(topic, body, 1),
            deeds=self,
            capture=self.capture,
            attachments=Attachments(self.folder / "captures"),
            now=self.clock.now,
        )
        listens = asyncio.Event()

        async def follow() -> None:
            async for happening in link:
                match happening:
                    case Connected():
                        # In the broker's order: after the subscriptions.
                        link.publish(state, b"{}", 1).add_done_callback(lambda _: listens.set())
                    case Incoming(topic, payload):
                        self.heard.append(topic)
                        await self._take(topic, payload, link, commands)
                        happening.acknowledge()

        link.start()
        tasks = [asyncio.create_task(commands.run()), asyncio.create_task(follow())]
        try:
            async with asyncio.timeout(10):
                await listens.wait()
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await link.stop()

    async def _take(self, topic: str, payload: bytes, link: Link, commands: Commands) -> None:
        if self.deaf > 0:
            self.deaf -= 1
            return
        if parse(topic) == (MACHINE, Channel.DESIRED):
            reported = Channel.REPORTED
            link.publish(reported.of(MACHINE), self.wished(payload), 1, retain=reported.retained)
            return
        addressed = parse_command(topic)
        assert addressed is not None
        if self.noise:
            link.publish(Channel.result_of(MACHINE, addressed[1]), self.noise, 1)
        await commands.receive(addressed[1], payload)

"""The assembly: a whole machine put together from its configuration."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.agent import Agent, Parts
from edge.attachments import Attachments
from edge.capture import Capture
from edge.clock import SystemClock
from edge.commands import Commands
from edge.config import Config, KioskDisplay
from edge.deeds import MachineDeeds
from edge.errors import StartError
from edge.in_force import InForce
from edge.journal import RecentLines
from edge.notify import Notify
from edge.panels import open_panels
from edge.printers.opening import open_printers
from edge.printers.print_queue import PrintQueue
from edge.stage import Stage
from edge.storage.ballast import Ballast
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.technician.unix_socket import NAME, serve_socket
from edge.telling import Teller
from edge.watchdog import Progress, feed
from edge.wire.link import Link
from mdb.taps import Tap, VirtualMachine

if TYPE_CHECKING:
    from edge.face import Face

SALVAGE_S: Final = 60.0
Work = Callable[[], Coroutine[None, None, None]]


@asynccontextmanager
async def assemble(
    config: Config,
    tap: Tap,
    link: Link,
    *,
    recent: RecentLines,
    notify: Notify,
    stop: Callable[[], None],
) -> AsyncIterator[Work]:
    """Open everything; the work that is given runs the machine until it is cancelled.

    `recent` holds the log for whoever asks for it; `stop` ends the process in order.

    Raises:
        ConfigError: something cannot be what the configuration says.
        StartError: the disk, a port or a display is in the way.
    """
    folder, clock = Path(config.data), SystemClock()
    ballast = Ballast(folder)
    disk = Disk(ballast.let_go, lambda: ballast.is_needed)
    progress = Progress(clock.boottime())

    def salvaging() -> None:
        """A salvage takes its time: it is asked for at the start, and is progress later."""
        notify.extend(SALVAGE_S)
        progress.mark("outbox", clock.boottime())

    async with AsyncExitStack() as stack:
        outbox = _outbox(folder, ballast, salvaging)
        # Also of a start that fails: one that was left open looks damaged to the next.
        stack.callback(outbox.close)
        stack.callback(disk.close)
        in_force = InForce(config, outbox, disk)
        face = _face(tap, config)
        agent = Agent(
            Parts(
                machine=config.machine,
                tap=tap,
                outbox=outbox,
                disk=disk,
                ballast=ballast,
                link=link,
                clock=clock,
                vmc_only=tap.vmc_only,
                on_heard=face.heard if face else None,
                product=in_force.product,
            )
        )
        profile = in_force.config.receipts.profile
        displays = await stack.enter_async_context(open_panels(config.display, face, profile))
        stage = Stage(
            displays,
            in_force.policy,
            in_force.config.products,
            agent.timeline,
            agent.keep_showing,
        )
        in_force.follow(stage.change)
        printing, words = _printing(config, agent)
        stack.push_async_callback(printing.close)
        commands = _commands(agent, stage, printing, recent, stop)
        agent.on_command, agent.on_desired = commands.receive, in_force.wished
        teller = Teller(
            agent,
            stage,
            displays,
            words,
            tap=config.tap,
            broker=config.broker,
            config_version=lambda: in_force.words,
        )
        await stack.enter_async_context(serve_socket(folder / NAME, teller.status))
        if config.technician is not None:
            from edge.technician.page import technician_page  # noqa: PLC0415, brings aiohttp

            await stack.enter_async_context(
                technician_page(config.technician, teller.status, clock.boottime)
            )

        async def work() -> None:
            progress.begin(clock.boottime())
            probes = agent.probes()
            fed = feed(notify, progress, lambda: agent.keeper.waiting > 0, probes, clock.boottime)
            notify.ready(f"{config.machine}: listening to {config.tap}")
            await agent.run(stage, printing, (commands.run(), fed))

        yield work


def _outbox(folder: Path, ballast: Ballast, meanwhile: Callable[[], None]) -> Outbox:
    """The outbox; on a full disk with the ballast let go."""
    epoch = os.urandom(4).hex()
    try:
        outbox = Outbox(folder / "outbox.sqlite", epoch, meanwhile)
    except StartError:
        if not ballast.is_needed or not ballast.let_go():
            raise
        outbox = Outbox(folder / "outbox.sqlite", epoch, meanwhile)
    ballast.lay_down()
    return outbox


def _face(tap: Tap, config: Config) -> "Face | None":
    kiosk = any(isinstance(table, KioskDisplay) for table in config.display)
    if not isinstance(tap, VirtualMachine) or not kiosk:
        return None
    from edge.face import Face  # noqa: PLC0415, a real machine has no use for it

    return Face(tap, config.products)


def _printing(config: Config, agent: Agent) -> tuple[PrintQueue, Mapping[str, str]]:
    """The printers, and the last word of each."""
    printers = open_printers(config.printer)
    words = dict.fromkeys(printers, "unknown")

    def said(name: str, word: str) -> None:
        if not word.startswith("dropped"):  # that is of a slip, and no state of the printer
            words[name] = word
        agent.alarms.printer_says(name, word)

    return PrintQueue(printers, agent.parts.clock, agent.keep_showing, said), words


def _commands(
    agent: Agent,
    stage: Stage,
    printing: PrintQueue,
    recent: RecentLines,
    stop: Callable[[], None],
) -> Commands:
    parts = agent.parts
    capture = Capture(
        parts.clock,
        lambda: agent.listener.context,
        title=parts.machine,
        vmc_only=parts.vmc_only,
    )
    agent.listener.record(capture.feed)

    async def remember(command: str, answer: bytes) -> None:
        await parts.disk.do(parts.outbox.memory.put_answer, command, answer)

    async def recall(command: str) -> bytes | None:
        return await parts.disk.do(parts.outbox.memory.answer, command)

    def publish(topic: str, body: bytes) -> "asyncio.Future[bool]":
        return parts.link.publish(topic, body, 1)

    return Commands(
        machine=parts.machine,
        remember=remember,
        recall=recall,
        publish=publish,
        deeds=MachineDeeds(
            outbox=parts.outbox,
            disk=parts.disk,
            stage=stage,
            printing=printing,
            slip=agent.slip,
            last_lines=recent.last,
            stop=stop,
            buying=lambda: agent.listener.buying,
        ),
        capture=capture,
        attachments=Attachments(parts.ballast.folder / "captures"),
        now=agent.timeline.now,
    )

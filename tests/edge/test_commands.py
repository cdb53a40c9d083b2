"""Commands: the decision as a table, and a tiny machine that is asked through a real broker."""

import asyncio
import gzip
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from parts import Mosquitto, until
from specimens import StillClock

from edge.attachments import Attachments
from edge.capture import Capture
from edge.clock import Moment
from edge.commands import INTERRUPTED, RUNNING, Answer, Commands, Do, NotDoneError, decide
from edge.wire import Channel, Command, Result, decode, encode, parse_command
from edge.wire.link import Connected, Incoming, Link
from edge.wire.messages import Quality
from edge.wire.orders import PART_BYTES, CollectLogs, Reprint, Restart, ShowLast, ShowText
from edge.wire.orders import Capture as CaptureBus
from edge.wire.settings import Broker
from mdb import Break

MACHINE = "vm-000123"
PAST, FUTURE = "2026-11-23T15:42:10Z", "2026-11-23T19:30:00+03:00"
ECHO = f"test/{MACHINE}/echo"
NOW = Moment(1_795_448_530_512, 5, "boot", "synced")
"""2026-11-23T15:42:10.512Z."""
EVERY: tuple[Command, ...] = (
    ShowText(expires_at=FUTURE, text="Сдачи нет"),
    Reprint(expires_at=FUTURE),
    ShowLast(expires_at=FUTURE),
    Restart(expires_at=FUTURE),
    CaptureBus(expires_at=FUTURE, minutes=1),
    CollectLogs(expires_at=FUTURE),
)
DIAGNOSTICS = (CaptureBus, CollectLogs)
DONE = Result(status="done", text="shown")
COMMANDS = pytest.mark.parametrize("command", EVERY, ids=lambda each: type(each).__name__)
"""Every command, in time."""


def at(quality: Quality) -> Moment:
    return replace(NOW, quality=quality)


def late(command: Command, expires_at: str = PAST) -> Command:
    return type(command)(
        **{name: getattr(command, name) for name in command.__struct_fields__}
        | {"expires_at": expires_at}
    )


@COMMANDS
@pytest.mark.parametrize("quality", ["synced", "corrected"])
def test_what_is_new_and_in_time_is_done(command: Command, quality: Quality) -> None:
    assert decide(command, None, at(quality), running=False) == Do(command)


@COMMANDS
@pytest.mark.parametrize("expires_at", [PAST, "2026-11-23T15:42:10.512Z", "0001-01-01T00:00:00Z"])
def test_what_came_too_late_is_answered_and_not_done(command: Command, expires_at: str) -> None:
    decided = decide(late(command, expires_at), None, NOW, running=False)
    assert isinstance(decided, Answer)
    assert decided.result.status == "expired"
    assert decided.result.text == f"it expired at {expires_at}, and here it is {NOW.iso}"


@COMMANDS
@pytest.mark.parametrize("quality", ["unsynced", "bounded"])
@pytest.mark.parametrize("expires_at", [PAST, FUTURE])
def test_without_the_time_only_what_looks_is_done(
    command: Command, quality: Quality, expires_at: str
) -> None:
    command = late(command, expires_at)
    decided = decide(command, None, at(quality), running=False)
    if isinstance(command, DIAGNOSTICS):
        assert decided == Do(command)
    else:
        assert isinstance(decided, Answer)
        assert decided.result.status == "failed"
        assert f"this machine's clock is {quality}" in decided.result.text


@COMMANDS
@pytest.mark.parametrize("known", [DONE, INTERRUPTED, Result(status="expired")])
@pytest.mark.parametrize("expires_at", [PAST, FUTURE, "soon"])
def test_what_was_answered_is_answered_again_and_not_done(
    command: Command, known: Result, expires_at: str
) -> None:
    for quality in ("synced", "unsynced"):
        decided = decide(late(command, expires_at), known, at(quality), running=False)  # type: ignore[arg-type]
        assert decided == Answer(known, known=True)


@COMMANDS
@pytest.mark.parametrize("known", [None, INTERRUPTED])
def test_what_is_being_done_is_running(command: Command, known: Result | None) -> None:
    assert decide(late(command), known, NOW, running=True) == Answer(RUNNING)


@pytest.mark.parametrize("expires_at", ["", "soon", "2026-11-23T15:42:10", "2026-13-01T00:00:00Z"])
def test_an_expiry_that_is_no_time_is_refused_in_words(expires_at: str) -> None:
    decided = decide(Restart(expires_at=expires_at), None, NOW, running=False)
    assert isinstance(decided, Answer)
    assert decided.result.status == "failed"
    assert f"{expires_at!r} is no time with a zone" in decided.result.text


@dataclass
class Machine:
    """What the commands are done to; it keeps what was done. `memory` outlives a restart."""

    folder: Path
    memory: dict[str, bytes] = field(default_factory=dict)
    done: list[object] = field(default_factory=list)
    clock: StillClock = field(default_factory=StillClock)
    full: bool = False
    hold: asyncio.Event | None = None
    bus: Capture = field(init=False)
    link: Link | None = None
    listens: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.bus = Capture(self.clock, dict, title="the test's bus")

    async def show_text(self, text: str, for_s: float) -> str:
        self.done.append((text, for_s))
        if self.hold is not None:
            await self.hold.wait()
        return "shown"

    async def show_last(self) -> str:
        raise NotDoneError("there was no sale yet")

    async def reprint(self, sale_id: str | None) -> str:
        raise LookupError(sale_id)

    async def restart(self) -> None:
        self.done.append(("restart", [decode(each, Result) for each in self.memory.values()]))

    async def logs(self, lines: int) -> str:
        return "".join(
            f"line {number} of a log, with words in it: {number**7}\n" for number in range(lines)
        )

    async def remember(self, command: str, result: bytes) -> None:
        if self.full:
            raise OSError("no space left on device")
        self.memory[command] = result

    async def recall(self, command: str) -> bytes | None:
        return self.memory.get(command)

    def commands(self, publish: Callable[[str, bytes], "asyncio.Future[bool]"]) -> Commands:
        return Commands(
            machine=MACHINE,
            remember=self.remember,
            recall=self.recall,
            publish=publish,
            deeds=self,
            capture=self.bus,
            attachments=Attachments(self.folder / "captures"),
            now=self.clock.now,
        )

    @asynccontextmanager
    async def at_work(self, broker: Mosquitto) -> AsyncIterator[None]:
        """The machine's process, from its start to its end."""
        state = Channel.STATE.of(MACHINE)
        self.link = Link(
            Broker(port=broker.port), MACHINE, [Channel.commands_of(MACHINE), ECHO], (state, b"")
        )
        self.listens.clear()
        link = self.link
        commands = self.commands(lambda topic, body: link.publish(topic, body, 1))
        self.link.start()
        tasks = [asyncio.create_task(commands.run()), asyncio.create_task(self._follow(commands))]
        try:
            await asyncio.wait_for(self.listens.wait(), 10)
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self.link.stop()

    async def _follow(self, commands: Commands) -> None:
        assert self.link is not None
        async for happening in self.link:
            match happening:
                case Connected():
                    # The broker takes things in order: once this is back, it has subscribed.
                    self.link.publish(ECHO, b"", 1)
                case Incoming(topic) if topic == ECHO:
                    self.listens.set()
                    happening.acknowledge()
                case Incoming(topic, payload):
                    addressed = parse_command(topic)
                    assert addressed is not None
                    await commands.receive(addressed[1], payload)
                    happening.acknowledge()


class Asking:
    """Whoever commands: keeps every answer, by the command's id."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.answers: dict[str, list[Result]] = defaultdict(list)
        self.connected = asyncio.Event()

    async def listen(self) -> None:
        async for happening in self._link:
            match happening:
                case Connected():
                    self.connected.set()
                case Incoming(topic, payload):
                    addressed = parse_command(topic)
                    assert addressed is not None
                    self.answers[addressed[1]].append(decode(payload, Result))
                    happening.acknowledge()

    def ask(self, command_id: str, command: Command | bytes) -> None:
        body = command if isinstance(command, bytes) else encode(command)
        self._link.publish(Channel.command_of(MACHINE, command_id), body, 1)

    async def answer(self, command_id: str, count: int = 1) -> list[Result]:
        """The answers of a command, once there are so many."""
        await until(lambda: len(self.answers[command_id]) >= count)
        return self.answers[command_id]


@pytest.fixture
async def asking(broker: Mosquitto) -> AsyncIterator[Asking]:
    link = Link(
        Broker(port=broker.port), "asking", [Channel.result_of(MACHINE, "+")], ("asking", b"")
    )
    asking = Asking(link)
    link.start()
    listening = asyncio.create_task(asking.listen())
    await asyncio.wait_for(asking.connected.wait(), 10)
    yield asking
    listening.cancel()
    await asyncio.wait([listening])
    await link.stop()


NEEDS_BROKER = pytest.mark.needs("mosquitto")


@NEEDS_BROKER
async def test_a_command_is_done_once_and_answered_every_time(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    machine = Machine(tmp_path)
    text = ShowText(expires_at=FUTURE, text="Сдачи нет", for_s=30)
    async with machine.at_work(broker):
        asking.ask("a1", text)
        await asking.answer("a1")
        asking.ask("a1", text)
        await asking.answer("a1", 2)
    # Another process of the machine knows it as well, and so does one whose time has come.
    machine.clock.seconds += 3600
    async with machine.at_work(broker):
        asking.ask("a1", text)
        assert await asking.answer("a1", 3) == [Result(status="done", text="shown")] * 3
    assert machine.done == [("Сдачи нет", 30)]


@NEEDS_BROKER
async def test_a_command_that_came_too_late_is_answered_again_as_expired(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    machine = Machine(tmp_path)
    async with machine.at_work(broker):
        asking.ask("a1", ShowText(expires_at=PAST, text="!"))
        asking.ask("a1", ShowText(expires_at=FUTURE, text="!"))
        answers = await asking.answer("a1", 2)
    assert [each.status for each in answers] == ["expired", "expired"]
    assert machine.done == []


@NEEDS_BROKER
async def test_what_goes_wrong_is_told_in_words(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    machine = Machine(tmp_path)
    async with machine.at_work(broker):
        asking.ask("last", ShowLast(expires_at=FUTURE))
        asking.ask("print", Reprint(expires_at=FUTURE))
        asking.ask("fly", b'{"do":"fly","expires_at":"x"}')
        asking.ask("what", b"\xff")
        said = {name: await asking.answer(name) for name in ("last", "print", "fly", "what")}
        # It goes on.
        asking.ask("a1", ShowText(expires_at=FUTURE, text="!"))
        await asking.answer("a1")
    assert {each.status for answers in said.values() for each in answers} == {"failed"}
    assert said["last"][0].text == "there was no sale yet"
    assert said["print"][0].text == "this machine's fault: LookupError: None"
    assert "no command that this version knows: Invalid value 'fly'" in said["fly"][0].text


@NEEDS_BROKER
async def test_a_command_repeated_while_it_is_done_is_running(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    machine = Machine(tmp_path, hold=asyncio.Event())
    text = ShowText(expires_at=FUTURE, text="!")
    async with machine.at_work(broker):
        asking.ask("a1", text)
        await until(lambda: machine.done)
        asking.ask("a1", text)
        assert (await asking.answer("a1"))[0] == RUNNING
        assert machine.hold is not None
        machine.hold.set()
        assert (await asking.answer("a1", 2))[1].status == "done"
    assert len(machine.done) == 1


@NEEDS_BROKER
async def test_a_power_cut_in_the_middle_is_no_second_time(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    machine = Machine(tmp_path, hold=asyncio.Event())
    text = ShowText(expires_at=FUTURE, text="!")
    async with machine.at_work(broker):
        asking.ask("a1", text)
        await until(lambda: machine.done)
    async with machine.at_work(broker):
        asking.ask("a1", text)
        assert await asking.answer("a1") == [INTERRUPTED]
    assert len(machine.done) == 1


@NEEDS_BROKER
async def test_a_restart_is_remembered_and_answered_before_it_is_done(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    machine = Machine(tmp_path)
    async with machine.at_work(broker):
        asking.ask("a1", Restart(expires_at=FUTURE))
        await until(lambda: machine.done)
    restarting = Result(status="done", text="restarting")
    assert machine.done == [("restart", [restarting])]
    async with machine.at_work(broker):
        asking.ask("a1", Restart(expires_at=FUTURE))
        assert await asking.answer("a1", 2) == [restarting] * 2
    assert len(machine.done) == 1


@NEEDS_BROKER
async def test_a_disk_that_takes_nothing_is_told_and_nothing_is_done(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    machine = Machine(tmp_path, full=True)
    async with machine.at_work(broker):
        asking.ask("a1", ShowText(expires_at=FUTURE, text="!"))
        (answer,) = await asking.answer("a1")
    assert answer.status == "failed"
    assert answer.text == "this machine's disk: no space left on device"
    assert machine.done == []


@NEEDS_BROKER
async def test_logs_come_in_parts_and_again_in_parts(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    machine = Machine(tmp_path)
    async with machine.at_work(broker):
        for time in (1, 2):
            asking.ask("a1", CollectLogs(expires_at=FUTURE, lines=10_000))
            await until(lambda time=time: whole(asking.answers["a1"], time))  # type: ignore[misc]
    answers = asking.answers["a1"]
    parts = answers[0].parts
    assert parts > 1
    assert [each.part for each in answers] == [*range(1, parts + 1)] * 2
    assert max(len(each.body) for each in answers) == PART_BYTES
    text = gzip.decompress(b"".join(each.body for each in answers[:parts])).decode()
    assert text == await machine.logs(10_000)
    assert {each.text for each in answers} == {"10000 lines"}
    assert answers[:parts] == answers[parts:]


def whole(answers: list[Result], times: int) -> bool:
    return bool(answers) and len(answers) >= times * answers[0].parts


@NEEDS_BROKER
async def test_the_bus_is_captured_one_at_a_time_and_sent_up(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    machine = Machine(tmp_path)
    capture = CaptureBus(expires_at=FUTURE, minutes=5)
    async with machine.at_work(broker):
        asking.ask("a1", capture)
        await asking.answer("a1")
        asking.ask("a1", capture)
        asking.ask("a2", capture)
        assert (await asking.answer("a2"))[0].text.startswith("another capture is being made")
        await until(lambda: machine.bus.busy)
        machine.bus.feed(Break(12.5))
        machine.clock.seconds += 300
        running, again, done = await asking.answer("a1", 3)
        asking.ask("a3", capture)
        await asking.answer("a3")
    assert (running.status, running.text) == ("running", "recording for 5 min")
    assert again == RUNNING
    assert (done.status, done.text) == ("done", "1 blocks of the bus in 300 s")
    assert b"12.500000 > BREAK" in gzip.decompress(done.body)
    assert asking.answers["a3"][0].status == "running"
    # Its answer is remembered without what it brought, and given again with it.
    assert decode(machine.memory["a1"], Result).body == b""
    async with machine.at_work(broker):
        asking.ask("a1", capture)
        assert (await asking.answer("a1", 4))[3] == done
        # The third was cut off by the end of its process.
        asking.ask("a3", capture)
        assert (await asking.answer("a3", 2))[1] == INTERRUPTED
    assert [each.name for each in (tmp_path / "captures").iterdir()] == ["a1.mdb.gz"]


async def test_the_recorder_is_free_while_the_last_recording_is_still_sent(tmp_path: Path) -> None:
    """Whoever has been told that one is done may ask for the next at once."""
    machine = Machine(tmp_path)
    said = list[Result]()

    def publish(_topic: str, body: bytes) -> "asyncio.Future[bool]":
        said.append(decode(body, Result))
        return asyncio.get_running_loop().create_future()  # the broker has not answered yet

    commands = machine.commands(publish)
    working = asyncio.create_task(commands.run())
    capture = encode(CaptureBus(expires_at=FUTURE, minutes=5))
    await commands.receive("a1", capture)
    await until(lambda: machine.bus.busy)
    machine.clock.seconds += 300
    await until(lambda: said[-1].status == "done")
    await commands.receive("a2", capture)
    await until(lambda: machine.bus.busy)
    assert [each.status for each in said] == ["running", "done", "running"]
    working.cancel()
    await asyncio.wait([working])


async def test_whoever_heard_the_last_word_may_ask_again_at_once(tmp_path: Path) -> None:
    """The broker may still owe its receipt of that word: what was done is not told as running."""
    machine = Machine(tmp_path)
    owed = list[tuple[Result, asyncio.Future[bool]]]()

    def publish(_topic: str, body: bytes) -> "asyncio.Future[bool]":
        owed.append((decode(body, Result), asyncio.get_running_loop().create_future()))
        return owed[-1][1]

    async def spoken(count: int) -> None:
        await until(lambda: len(owed) == count)

    commands = machine.commands(publish)
    working = asyncio.create_task(commands.run())
    text = encode(ShowText(expires_at=FUTURE, text="!"))
    for times in (1, 2):
        await commands.receive("text", text)
        await spoken(times)
    assert [said for said, _ in owed] == [DONE, DONE]

    owed.clear()
    logs = encode(CollectLogs(expires_at=FUTURE, lines=10_000))
    await commands.receive("logs", logs)
    await spoken(1)
    parts = owed[0][0].parts
    assert parts > 1
    await commands.receive("logs", logs)
    await spoken(2)
    assert owed.pop()[0] == RUNNING
    for number in range(1, parts):
        owed[number - 1][1].set_result(True)
        await spoken(number + 1)
    await commands.receive("logs", logs)
    await spoken(parts + 1)
    assert [said.part for said, _ in owed] == [*range(1, parts + 1), 1]
    working.cancel()
    await asyncio.wait([working])


async def test_what_could_not_be_sent_to_its_end_is_not_running_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes amid the parts, or the disk does: who asks again is answered."""
    machine, told = Machine(tmp_path), list[Result]()

    def publish(_topic: str, body: bytes) -> "asyncio.Future[bool]":
        told.append(decode(body, Result))
        lost: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        lost.cancel()
        return lost

    commands = machine.commands(publish)
    working = asyncio.create_task(commands.run())
    logs = encode(CollectLogs(expires_at=FUTURE, lines=10_000))
    unread = threading.Event()

    def fails(_file: Path, _number: int) -> bytes:
        unread.set()
        raise OSError("input/output error")

    async def asked(over: Callable[[], bool]) -> None:
        await commands.receive("logs", logs)
        await until(lambda: over() and not commands._running)  # noqa: SLF001, nobody is told of it

    await asked(lambda: len(told) == 1)
    await asked(lambda: len(told) == 2)
    monkeypatch.setattr("edge.commands.part", fails)
    await asked(unread.is_set)
    monkeypatch.undo()
    await asked(lambda: len(told) == 3)
    assert [each.part for each in told] == [1, 1, 1]
    working.cancel()
    await asyncio.wait([working])


@NEEDS_BROKER
async def test_a_capture_whose_disk_refuses_is_told_and_the_next_is_free(
    tmp_path: Path, broker: Mosquitto, asking: Asking
) -> None:
    (tmp_path / "captures").write_text("no folder")
    machine = Machine(tmp_path)
    async with machine.at_work(broker):
        for command in ("a1", "a2"):
            asking.ask(command, CaptureBus(expires_at=FUTURE, minutes=5))
            (failed,) = await asking.answer(command)
            assert failed.status == "failed"
            assert "File exists" in failed.text

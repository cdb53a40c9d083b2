"""``python -m cloud tell``: as a person meets it, with a machine behind a real broker."""

import asyncio
import gzip
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from ordering import MACHINE, Machine, cloud, settings
from parts import Mosquitto, free_port, until

from cloud.__main__ import main
from cloud.errors import StartError
from cloud.orders import line, tell
from cloud.orders.line import broker_of
from cloud.orders.tell import Answer, Order
from edge.attachments import Attachments
from edge.wire import Result
from edge.wire.orders import Capture, CollectLogs, Restart
from edge.wire.settings import Broker
from mdb import Break

NEEDS_BROKER = pytest.mark.needs("mosquitto")
SALE_ID = "0193a5d2-7c1e-7b54-9d0e-2f6f0a9c1b11"


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """`main` sets the log of its process up; this process has other tests to run."""
    yield
    structlog.reset_defaults()


def done(part: int, parts: int, body: bytes = b"") -> Result:
    return Result(status="done", text="all of it", part=part, parts=parts, body=body)


@given(st.permutations(range(1, 6)), st.lists(st.integers(1, 5)))
def test_an_answer_is_whole_once_every_part_is_here_in_any_order(
    order: list[int], again: list[int]
) -> None:
    answer = Answer()
    for number in (*again, *order):
        answer.take(done(number, 5, b"%d" % number))
    assert answer.result is not None
    assert answer.body == b"12345"


def test_an_answer_with_a_part_missing_is_none_yet() -> None:
    answer = Answer()
    assert (answer.result, answer.progress) == (None, "no answer yet")
    answer.take(Result(status="running", text="recording for 5 min"))
    assert (answer.result, answer.progress) == (None, "recording for 5 min")
    answer.take(Result(status="running"))
    assert answer.progress == "recording for 5 min"
    answer.take(done(2, 2))
    assert (answer.result, answer.progress) == (None, "part 1 of 2")
    answer.take(done(1, 2))
    assert answer.result == done(1, 2)


@pytest.mark.parametrize("status", ["failed", "expired"])
def test_an_answer_that_says_no_is_whole_at_once(status: str) -> None:
    answer = Answer()
    no = Result(status=status, text="no")  # type: ignore[arg-type]
    answer.take(no)
    assert answer.result == no
    assert answer.body == b""


@NEEDS_BROKER
@pytest.mark.parametrize(
    ("asked", "did"),
    [
        (["show-text", "Сдачи нет", "--for", "30"], ("show_text", "Сдачи нет", 30.0)),
        (["show-text", ""], ("show_text", "", 60.0)),
        (["reprint"], ("reprint", None)),
        (["reprint", SALE_ID], ("reprint", SALE_ID)),
        (["restart"], ("restart",)),
    ],
)
async def test_a_machine_does_what_it_is_told(
    tmp_path: Path, broker: Mosquitto, asked: list[str], did: tuple[object, ...]
) -> None:
    machine = Machine(tmp_path)
    config = settings(tmp_path, broker.port)
    async with machine.at(Broker(port=broker.port)):
        status, out, err = await cloud("tell", MACHINE, *asked, "--config", config, "--id", "a1")
        await until(lambda: machine.done)
    assert status == 0, err
    assert out.startswith(f"{MACHINE}: done: ")
    assert err == f"command a1 to {MACHINE}\n"
    assert machine.done == [did]


@NEEDS_BROKER
async def test_the_same_id_is_answered_again_and_not_done_twice(
    tmp_path: Path, broker: Mosquitto
) -> None:
    machine = Machine(tmp_path)
    config = settings(tmp_path, broker.port)
    order = ("tell", MACHINE, "show-text", "!", "--config", config, "--id", "a1")
    async with machine.at(Broker(port=broker.port)):
        answers = [await cloud(*order) for _ in range(2)]
    assert [(status, out) for status, out, _ in answers] == [
        (0, f"{MACHINE}: done: it will be shown\n")
    ] * 2
    assert len(machine.done) == 1


@NEEDS_BROKER
async def test_what_was_not_done_is_exit_1_with_the_machine_s_words(
    tmp_path: Path, broker: Mosquitto
) -> None:
    machine = Machine(tmp_path, noise=b"?")
    config = settings(tmp_path, broker.port)
    async with machine.at(Broker(port=broker.port)):
        status, out, err = await cloud("tell", MACHINE, "show-last", "--config", config)
    assert (status, out) == (1, f"{MACHINE}: failed: there was no sale yet\n")
    assert "an answer that is none: " in err


@NEEDS_BROKER
async def test_logs_are_printed_and_move_no_cursor(tmp_path: Path, broker: Mosquitto) -> None:
    machine = Machine(tmp_path)
    config = settings(tmp_path, broker.port)
    async with machine.at(Broker(port=broker.port)):
        told = await cloud("tell", MACHINE, "logs", "--lines", "3", "--config", config)
    status, out, _ = told
    assert status == 0
    assert out.splitlines()[:3] == (await machine.logs(3)).replace("\x1b", "�").splitlines()
    assert out.endswith(f"{MACHINE}: done: 3 lines\n")


@NEEDS_BROKER
@pytest.mark.parametrize("name", ["vm.log", "vm.log.gz"])
async def test_logs_of_many_parts_are_one_file(
    tmp_path: Path, broker: Mosquitto, name: str
) -> None:
    machine = Machine(tmp_path)
    config, output = settings(tmp_path, broker.port), tmp_path / name
    asked = ("logs", "--lines", "10000", "--output", output)
    async with machine.at(Broker(port=broker.port)):
        status, out, err = await cloud("tell", MACHINE, *asked, "--config", config)
    assert status == 0, err
    written = output.read_bytes()
    text = gzip.decompress(written) if name.endswith(".gz") else written
    assert text.decode() == await machine.logs(10_000)
    assert "part 2 of " in err
    assert out.startswith(f"{output}: {len(written)} bytes\n")
    assert not output.with_name(f"{name}.part").exists()


@NEEDS_BROKER
async def test_a_capture_is_waited_for_and_written(tmp_path: Path, broker: Mosquitto) -> None:
    machine = Machine(tmp_path)
    config, output = settings(tmp_path, broker.port), tmp_path / "bus.mdb"
    # Less patience than the capture takes: what runs is waited for.
    asked = ("capture", "--minutes", "0.2", "--output", output, "--expires-s", "10")

    async def hum() -> None:
        await until(lambda: machine.capture.busy)
        machine.capture.feed(Break(12.5))

    async with machine.at(Broker(port=broker.port)):
        told, _ = await asyncio.gather(cloud("tell", MACHINE, *asked, "--config", config), hum())
    status, out, err = told
    assert status == 0, err
    assert "recording for 0.2 min" in err
    assert f"{MACHINE}: done: 1 blocks of the bus" in out
    assert "12.500000 > BREAK\n" in output.read_text("utf-8")


async def ask(order: Order, broker: Mosquitto) -> tuple[int, list[str], list[str]]:
    said: list[str] = []
    noted: list[str] = []
    status = await tell.tell(Broker(port=broker.port), order, said.append, noted.append)
    return status, said, noted


@NEEDS_BROKER
async def test_that_it_records_is_not_said_before_it_does(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever heard it presses: what follows is what the recording is for."""
    machine = Machine(tmp_path)
    begin, begins, goes_on = Attachments.begin, threading.Event(), threading.Event()

    def slowly(self: Attachments, command_id: str, suffix: str) -> Path:
        begins.set()
        assert goes_on.wait(30)
        return begin(self, command_id, suffix)

    monkeypatch.setattr(Attachments, "begin", slowly)
    capture = Capture(expires_at="2126-01-01T00:00:00Z", minutes=0.01)
    noted = list[str]()
    order = Order(MACHINE, "a1", capture, 30, tmp_path / "bus.mdb")
    async with machine.at(Broker(port=broker.port)):
        told = asyncio.create_task(tell.tell(Broker(port=broker.port), order, print, noted.append))
        await until(begins.is_set)
        # What was said before this answer has come before it.
        beside = Order(MACHINE, "a2", Restart(expires_at="2126-01-01T00:00:00Z"), 30)
        assert (await ask(beside, broker))[0] == 0
        assert noted == [f"command a1 to {MACHINE}"]
        goes_on.set()
        assert await told == 0
    assert noted[-1] == "recording for 0.01 min"


@NEEDS_BROKER
async def test_a_command_that_the_broker_lost_is_asked_again(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell, "REPEAT_S", 0.1)
    machine = Machine(tmp_path, deaf=2)
    order = Order(MACHINE, "a1", Restart(expires_at="2126-01-01T00:00:00Z"), 30)
    async with machine.at(Broker(port=broker.port)):
        status, said, _ = await ask(order, broker)
    assert (status, said) == (0, [f"{MACHINE}: done: restarting"])
    assert len(machine.heard) >= 3


@NEEDS_BROKER
async def test_parts_that_were_lost_on_the_way_come_again(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell, "REPEAT_S", 0.2)
    machine = Machine(tmp_path)
    output = tmp_path / "log"
    order = Order(
        MACHINE, "a1", CollectLogs(expires_at="2126-01-01T00:00:00Z", lines=9000), 30, output
    )
    lost = iter([True])
    take = Answer.take

    def lossy(self: Answer, result: Result) -> None:
        if not (result.part == 2 and next(lost, False)):
            take(self, result)

    monkeypatch.setattr(Answer, "take", lossy)
    async with machine.at(Broker(port=broker.port)):
        status, _, _ = await ask(order, broker)
    assert status == 0
    assert output.read_text("utf-8") == await machine.logs(9000)


@NEEDS_BROKER
async def test_a_machine_that_is_not_there_is_exit_1_with_the_next_step(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = settings(tmp_path, broker.port)
    order = ("tell", MACHINE, "restart", "--config", config, "--expires-s", "0.3", "--id", "a1")
    status, out, err = await cloud(*order)
    assert (status, out) == (1, "")
    assert "nobody listens there: is the machine on, and its name right?" in err
    assert err.endswith(
        f"chekomat-cloud: {MACHINE}: no answer yet, and nothing more within 0.3 s;"
        " ask again with --id a1: it is answered, and not done twice\n"
    )


@NEEDS_BROKER
async def test_what_is_damaged_is_not_written(tmp_path: Path, broker: Mosquitto) -> None:
    machine = Machine(tmp_path)
    config, output = settings(tmp_path, broker.port), tmp_path / "bus.mdb"
    machine.memory["a1"] = b'{"status":"done"}'
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures/a1.mdb.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    asked = ("capture", "--output", output, "--id", "a1", "--config", config)
    async with machine.at(Broker(port=broker.port)):
        status, _, err = await cloud("tell", MACHINE, *asked)
    assert status == 1
    assert f"{MACHINE}: what it sent is damaged: " in err
    assert not output.exists()


async def test_a_broker_that_is_away_is_exit_1(tmp_path: Path) -> None:
    port = free_port()
    config = settings(tmp_path, port)
    status, out, err = await cloud("tell", MACHINE, "restart", "--config", config)
    assert (status, out) == (1, "")
    assert err == f"chekomat-cloud: broker at 127.0.0.1:{port}: [Errno 111] Connection refused\n"


async def test_a_broker_that_says_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "CONNECT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        order = Order(MACHINE, "a1", Restart(expires_at=""), 1)
        with pytest.raises(StartError, match=r"no answer within 0\.2 s"):
            await tell.tell(Broker(port=silent.getsockname()[1]), order, print, print)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["show-text", "x" * 201], "show-text: Expected `str` of length <= 200"),
        (["reprint", "last"], "reprint: Expected `str` matching regex"),
        (["capture", "--minutes", "61", "--output", "x"], "capture: Expected `float` <= 60"),
        (["capture", "--minutes", "nan", "--output", "x"], "capture: Expected `float`"),
        (["logs", "--lines", "0"], "logs: Expected `int` >= 1"),
        (["logs", "--output", "/none/x"], "--output: /none/x: No such file or directory"),
        (["logs", "--output", "/"], "--output: /"),
    ],
)
def test_a_mistake_in_what_was_asked_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str], said: str
) -> None:
    config = settings(tmp_path, free_port())
    assert main(["tell", MACHINE, *asked, "--config", str(config)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "asked",
    [
        [MACHINE],
        [MACHINE, "fly"],
        [MACHINE, "capture"],
        ["cloud", "restart"],
        ["vm/1", "restart"],
        ["+", "restart"],
        [MACHINE, "restart", "--id", "a/b"],
        [MACHINE, "restart", "--expires-s", "0"],
        [MACHINE, "restart", "--expires-s", "nan"],
        [MACHINE, "show-text", "!", "--for", "soon"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["tell", *asked])
    assert "usage: python -m cloud tell" in capsys.readouterr().err


def test_who_has_a_certificate_orders_with_one_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = f'ca = "{tmp_path}/ca.crt"\ncertificate = "/run/mqtt.crt"\nkey = "/run/mqtt.key"\n'
    config = settings(tmp_path, free_port(), more)
    assert main(["tell", MACHINE, "restart", "--config", str(config)]) == 2
    assert capsys.readouterr().err == (
        f"chekomat-cloud: --certificate: {tmp_path}/operator.crt is no file you may read; one"
        " certificate serves one connection, and the fiscaliser's is in use: make one with"
        " `deploy/broker/certificates.sh machine operator`\n"
    )
    for name in ("operator.crt", "operator.key", "other.crt"):
        (tmp_path / name).write_text("")
    beside = broker_of(config, None, None)
    assert (beside.certificate, beside.key) == (
        str(tmp_path / "operator.crt"),
        str(tmp_path / "operator.key"),
    )
    given_one = broker_of(config, tmp_path / "other.crt", None)
    assert given_one.certificate == str(tmp_path / "other.crt")
    # What is no certificate is told as one.
    assert main(["tell", MACHINE, "restart", "--config", str(config)]) == 2
    assert "chekomat-cloud: broker: " in capsys.readouterr().err


def test_a_wrong_configuration_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path, 0)
    assert main(["tell", MACHINE, "restart", "--config", str(config)]) == 2
    assert f"{config}: broker.port: " in capsys.readouterr().err

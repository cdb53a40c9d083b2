from pathlib import Path
from random import Random

import pytest
from boards.listener import TRACES, concluded, framed, listening, signals_of, words
from boards.outlet import Socket
from boards.qibixx import Board
from parts import until

from mdb import qibixx as sniff
from mdb.block import Block, Single
from mdb.byte import Line
from mdb.taps import qibixx
from mdb.taps.qibixx import DIALOGUE, NOTHING, SNIFF, VERSION, Host, Phase, Qibixx, Told


def sniffed(trace: Path, first_tick: int = 5_000_000) -> list[str] | None:
    """What an adapter prints of a trace; None if there is something in it that it keeps back."""
    lines = []
    for index, each in enumerate(framed(signals_of(trace))):
        tick = f"{first_tick + 50 * index:010d}"
        match each:
            case Single():
                told = each.answer.name
            case Block(line=Line.VMC):
                told = f"{each.data[:1].hex()},{each.data[1:].hex()}"
            case Block():
                told = each.data.hex()
            case _:
                return None
        lines.append(f"x,{'00' if each.line is Line.VMC else '80'},{tick},{told}")
    return lines


def swapped(lines: list[str]) -> list[str]:
    """Out of order, but none by much."""
    chance = Random(7)
    return [
        line
        for _, line in sorted(enumerate(lines), key=lambda each: each[0] + chance.uniform(0, 2.5))
    ]


TOLD = [(trace, lines) for trace in TRACES if (lines := sniffed(trace)) is not None]


def test_most_traces_can_be_told_by_an_adapter() -> None:
    assert len(TOLD) > 10


@pytest.fixture
def board(socket: Socket) -> Board:
    return Board(socket)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qibixx, "ANSWER_S", 0.1)
    monkeypatch.setattr(qibixx, "WAKE_S", 0.02)


@pytest.mark.parametrize(("trace", "lines"), TOLD, ids=[each.stem for each, _ in TOLD])
async def test_what_an_adapter_prints_means_what_the_file_means(
    trace: Path, lines: list[str], board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = signals_of(trace)
    await board.plug()
    tap = Qibixx.open(str(board.socket.path))
    async with listening(tap) as heard:
        with monkeypatch.context() as patch:
            patch.setattr(qibixx, "HOLD_S", 3600)  # this machine may stand still between two lines
            await board.hears_bus([*swapped(lines), "garbage"])
            await until(lambda: tap.unreadable)
        await until(lambda: len(heard) == len(told))
    board.close()
    assert words(heard) == words(told)
    assert concluded(heard) == concluded(told)
    assert [each.at for each in heard] == sorted(each.at for each in heard)


async def test_it_is_asked_until_it_has_started(board: Board) -> None:
    board.boot_s = 0.4
    await board.plug()
    async with listening(Qibixx.open(str(board.socket.path))) as heard:
        await board.hears_bus(["x,00,0000000001,12,"])
        await until(lambda: len(heard) == 2)
    board.close()
    assert board.asked[0] == "V"
    assert board.asked[-1] == "X,1"
    assert set(board.asked) == {"V", "X,1"}


async def test_it_is_asked_again_when_it_refused(board: Board) -> None:
    board.refusals = 3
    await board.plug()
    async with listening(Qibixx.open(str(board.socket.path))):
        await until(lambda: board.sniffing)
    board.close()


async def test_one_that_started_again_is_asked_again(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qibixx, "SILENCE_S", 0.3)
    await board.plug()
    async with listening(Qibixx.open(str(board.socket.path))) as heard:
        await board.hears_bus(["x,00,4294967295,12,", "x,80,4294967295,ACK"])
        await until(lambda: len(heard) == 3)
        board.start()  # not unplugged: nothing but silence tells
        await board.hears_bus(["x,00,0000000020,12,", "x,80,0000000080,0301f4"])
        await until(lambda: len(heard) == 9)
    board.close()
    assert words(heard) == ">12 <ACK >12 <0301f4"
    assert [each.at for each in heard] == sorted(each.at for each in heard)
    assert heard[-1].at - heard[0].at < 60


async def test_one_that_was_unplugged_is_found_again(board: Board) -> None:
    await board.plug()
    async with listening(Qibixx.open(str(board.socket.path))) as heard:
        await board.hears_bus(
            ["x,00,0009000000,12,", "x,80,0009000060,05"], cut="x,00,0009000090,13,02"
        )
        await until(lambda: len(heard) == 4)
        board.unplug()
        await board.plug()
        await board.hears_bus(["x,80,0000000001,ACK", "x,00,0000000020,12,", "x,80,0000000080,ACK"])
        await until(lambda: len(heard) == 7)
    board.close()
    assert words(heard) == ">12 <05 >12 <ACK"
    assert [each.at for each in heard] == sorted(each.at for each in heard)


async def test_lines_before_a_loss_are_handed_over_though_they_waited(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qibixx, "HOLD_S", 3600)
    await board.plug()
    tap = Qibixx.open(str(board.socket.path))
    async with listening(tap) as heard:
        await board.hears_bus(["x,80,0009000060,ACK", "x,00,0009000000,12,", "garbage"])
        await until(lambda: tap.unreadable)
        board.unplug()
        await until(lambda: len(heard) == 3)
    board.close()
    assert words(heard) == ">12 <ACK"


async def test_lost_and_broken_lines_cost_themselves(board: Board) -> None:
    await board.plug()
    tap = Qibixx.open(str(board.socket.path))
    async with listening(tap) as heard:
        await board.hears_bus(
            [
                "x,00,0000000001,12,",
                *("x,80,00000", "x,80,0000000009,0", "\x7f\x01garbage", "x,80,0000x,00,00,12,"),
                "c,STATUS,ENABLED",
                "x,80,0000000060,ACK",
            ]
        )
        await until(lambda: len(heard) == 3)
    board.close()
    assert words(heard) == ">12 <ACK"
    assert tap.unreadable == 4


async def test_one_that_never_answers_is_opened_again(
    board: Board, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(qibixx, "ANSWER_S", 0.01)
    monkeypatch.setattr(qibixx, "PATIENCE", 3)
    board.mute = True
    await board.plug()
    async with listening(Qibixx.open(str(board.socket.path))) as heard:
        await until(lambda: "it does not answer" in caplog.text)
        board.mute = False
        monkeypatch.setattr(qibixx, "ANSWER_S", 0.2)
        await board.hears_bus(["x,00,0000000001,12,"])
        await until(lambda: len(heard) == 2)
    board.close()


def test_it_hears_both_lines(board: Board) -> None:
    board.socket.plug()
    assert not Qibixx.open(str(board.socket.path)).vmc_only


def test_a_port_must_be_named() -> None:
    with pytest.raises(ValueError, match="no port is named; expected such as"):
        Qibixx.open("")


TALK: list[tuple[float, str | None, bytes]] = [
    (0.0, None, VERSION),
    (0.05, None, NOTHING),
    (0.5, None, VERSION),  # it was starting
    (0.6, "v,4.0.2.0,30ff6d06", SNIFF),
    (0.7, "x,ERR", NOTHING),
    (1.0, None, VERSION),
    (1.1, "v,4.0.2.0,30ff6d06", SNIFF),
    (1.15, "x,ACK", NOTHING),
    (5.0, None, NOTHING),  # a silent bus
    (6.2, None, SNIFF),
    (6.21, "x,ACK", NOTHING),
    (7.0, "v,4.0.2.0,30ff6d06", SNIFF),  # it says by itself that it started
]


def test_the_talk_goes_on_as_the_adapter_answers() -> None:
    host = Host(float("-inf"))
    for now, line, said in TALK:
        assert (host.elapsed(now) if line is None else host.hear(line, now)) == said, now


def test_one_that_sniffs_is_not_silent() -> None:
    host = Host(0.0)
    host.hear("v,4", 0.0)
    host.hear("x,ACK", 0.0)
    for second in range(100):
        host.sniffed(float(second))
        assert host.elapsed(second + 1.0) == NOTHING


def test_nothing_but_two_commands_is_ever_said() -> None:
    assert {said for _, said in DIALOGUE.values()} == {VERSION, SNIFF, NOTHING}


@pytest.mark.parametrize("phase", Phase)
def test_silence_is_never_the_end_of_the_talk(phase: Phase) -> None:
    assert DIALOGUE[phase, Told.SILENCE][1] != NOTHING


def test_the_emulator_prints_lines_the_file_reader_reads() -> None:
    trace, lines = TOLD[0]
    assert words(sniff.read(lines)) == words(signals_of(trace))

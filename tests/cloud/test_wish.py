"""``python -m cloud wish``: as a person meets it, with a machine behind a real broker."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from ordering import MACHINE, Machine, cloud, settings
from parts import Mosquitto, free_port, until

from cloud.__main__ import main
from cloud.errors import ConfigError
from cloud.orders.wish import read_wish
from edge.wire import Desired, decode, encode
from edge.wire.settings import Broker

NEEDS_BROKER = pytest.mark.needs("mosquitto")


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """`main` sets the log of its process up; this process has other tests to run."""
    yield
    structlog.reset_defaults()


WISH = """\
version = 7
[receipts]
show_s = 90
[products]
0001 = "Капучино"
"""


def a_wish(folder: Path, text: str = WISH) -> Path:
    file = folder / "wish.toml"
    file.write_text(text, "utf-8")
    return file


def test_a_file_becomes_a_wish(tmp_path: Path) -> None:
    told = decode(read_wish(a_wish(tmp_path), 1), Desired)
    assert told == Desired(version=7, receipts={"show_s": 90}, products={"0001": "Капучино"})


def test_a_file_without_a_version_is_given_one(tmp_path: Path) -> None:
    assert decode(read_wish(a_wish(tmp_path, ""), 1795448530), Desired).version == 1795448530


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version = ", "is no TOML: "),
        ("tap = 1", "Object contains unknown field `tap`"),
        ("receipts = 1", "Expected `object`, got `int` - at `$.receipts`; a wish has [receipts]"),
        ("version = -1", "`$.version`"),
        (
            "[products]\n" + "\n".join(f'{n:04x} = "{"x" * 60}"' for n in range(999)),
            "at most 64512",
        ),
    ],
)
def test_a_file_that_is_no_wish_is_told_in_words(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as told:
        read_wish(a_wish(tmp_path, text), 1)
    assert str(told.value).startswith(f"{tmp_path}/wish.toml: ")
    assert words in str(told.value)


def test_a_file_that_is_not_there_or_is_no_text_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(settings(tmp_path, free_port()))
    file = tmp_path / "wish.toml"
    assert main(["wish", MACHINE, str(file), "--config", config]) == 2
    assert f"{file}: cannot be read: No such file" in capsys.readouterr().err
    file.write_bytes(b"\xff")
    assert main(["wish", MACHINE, str(file), "--config", config]) == 2
    assert f"{file}: is no TOML" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [[], [MACHINE], [MACHINE, "f", "--withdraw"], ["#", "f"]])
def test_what_makes_no_sense_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["wish", *asked])
    assert "usage: python -m cloud wish" in capsys.readouterr().err


@NEEDS_BROKER
async def test_a_wish_is_applied_refused_and_withdrawn(tmp_path: Path, broker: Mosquitto) -> None:
    config = settings(tmp_path, broker.port)
    file = a_wish(tmp_path)
    machine = Machine(tmp_path)

    async def wish(*what: object) -> tuple[int | None, str, str]:
        return await cloud("wish", MACHINE, *what, "--config", config)

    async with machine.at(Broker(port=broker.port)):
        assert await wish(file) == (0, f"{MACHINE}: version 7 is in force\n", "")
        assert machine.config.receipts.show_s == 90
        # The answer to the one before is retained, and is not taken for this one's.
        a_wish(tmp_path, WISH.replace("7", "8").replace("90", "30"))
        status, out, _ = await wish(file)
        assert status == 1
        assert out == (
            f"{MACHINE}: refused: config/desired: receipts.show_s: expected at least 40, found 30;"
            " the law wants the QR on the screen for forty seconds or until the next settlement"
            ' (profile = "none" where that law is not yours)\n'
            "version 7 stays in force; send a right one, or --withdraw this one\n"
        )
        assert machine.config.receipts.show_s == 90
        assert await wish("--withdraw") == (0, f"{MACHINE}: its file alone is in force\n", "")
    assert machine.in_force == b""


@NEEDS_BROKER
async def test_wishes_without_a_version_are_told_apart(tmp_path: Path, broker: Mosquitto) -> None:
    config = settings(tmp_path, broker.port)
    machine = Machine(tmp_path)
    async with machine.at(Broker(port=broker.port)):
        for seconds in (50, 60):
            wish = a_wish(tmp_path, f"receipts = {{ show_s = {seconds} }}")
            status, out, _ = await cloud("wish", MACHINE, wish, "--config", config)
            assert status == 0, out
            assert machine.config.receipts.show_s == seconds


@NEEDS_BROKER
async def test_the_same_version_with_other_words_is_not_taken_for_it(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = settings(tmp_path, broker.port)
    machine = Machine(tmp_path)
    async with machine.at(Broker(port=broker.port)):
        for text, expected in ((WISH, 0), (WISH, 0), (WISH.replace("90", "91"), 1)):
            order = ("wish", MACHINE, a_wish(tmp_path, text), "--config", config)
            status, out, _ = await cloud(*order)
            assert status == expected, out
    assert "version: 7 is in force, and says other things" in out


@NEEDS_BROKER
async def test_a_wish_waits_for_a_machine_that_is_away(tmp_path: Path, broker: Mosquitto) -> None:
    config = settings(tmp_path, broker.port)
    order = ("wish", MACHINE, a_wish(tmp_path), "--config", config, "--wait-s", "0.2")
    status, out, _ = await cloud(*order)
    assert status == 1
    assert out == (
        f"{MACHINE}: no answer within 0.2 s. The wish waits at the broker, and is answered when"
        " the machine connects\n"
    )
    machine = Machine(tmp_path)
    async with machine.at(Broker(port=broker.port)):
        await until(lambda: machine.version == 7)
        assert json.loads(machine.in_force) == json.loads(encode(decode(machine.in_force, Desired)))
        # Asked again it is answered at once.
        assert (await cloud(*order[:-2]))[:2] == (0, f"{MACHINE}: version 7 is in force\n")

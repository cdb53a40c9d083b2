"""``setup`` as a process: with flags alone, and with a person at a real terminal."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import ROOT, python
from PIL import Image
from specimens import read
from typist import at_terminal

from edge.config import load
from edge.wizard.trial import CONTENT

AP113 = ROOT / "tests" / "traces" / "ap113-single-vend.mdb"
TAP = f"replay:{AP113}?pace=0"


def setup(*arguments: str | Path, lang: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python("edge", "setup", "--lang", lang, *map(str, arguments)),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def flags(folder: Path, **changes: str | None) -> list[str]:
    """Everything that has to be said."""
    named = {
        "config": str(folder / "edge.toml"),
        "machine": "vm-000123",
        "tap": TAP,
        "broker": "mqtt.chek.example",
        "link": "https://chek.example/r/",
        "display": f"png,file={folder / 'screen.png'}",
    } | changes
    return [
        part for key, value in named.items() if value is not None for part in (f"--{key}", value)
    ]


def test_flags_alone_listen_show_print_and_write(tmp_path: Path) -> None:
    slips = tmp_path / "slips"
    ended = setup(*flags(tmp_path), "--panel", "7in-800x480", "--printer", f"file,folder={slips}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "There are: cashless 1." in ended.stdout
    assert "The picture is on the screen." in ended.stdout
    assert "The test slip was sent." in ended.stdout
    assert "systemctl enable --now chekomat-edge" in ended.stdout
    assert "Not there yet: broker.ca: /etc/chekomat/ca.crt" in ended.stdout
    assert "Not there yet: broker.key: /etc/chekomat/mqtt.key" in ended.stdout
    with Image.open(slips / "0001.png") as image:
        assert read(image) == CONTENT
    with Image.open(tmp_path / "screen.png") as image:
        assert image.getextrema() == (255, 255)  # shown, and wiped behind it
    config = load(tmp_path / "edge.toml")
    assert (config.machine, config.tap) == ("vm-000123", TAP)
    assert (config.broker.host, config.broker.port) == ("mqtt.chek.example", 8883)
    assert config.broker.key == "/run/credentials/chekomat-edge.service/mqtt.key"
    assert config.display[0].width_mm == 154.1  # type: ignore[union-attr]
    assert config.printer[0].__struct_config__.tag == "file"


def test_a_terminal_shows_the_picture_too(tmp_path: Path) -> None:
    ended = setup(*flags(tmp_path, display="terminal"), "--no-listen")
    assert ended.returncode == 0
    assert "ПРОБА" in ended.stdout
    assert "▀" in ended.stdout


@pytest.mark.parametrize("flag", ["machine", "broker", "link"])
def test_a_flag_that_is_missing_is_named_and_nothing_is_written(tmp_path: Path, flag: str) -> None:
    ended = setup(*flags(tmp_path, **{flag: None}), "--no-listen", "--no-picture")
    assert ended.returncode == 2
    assert ended.stderr == f"chekomat-edge: --{flag} is missing\n"
    assert not (tmp_path / "edge.toml").exists()


def test_a_tap_is_not_guessed_where_there_is_none(tmp_path: Path) -> None:
    ended = setup(*flags(tmp_path, tap=None))
    assert ended.returncode == 2
    assert "--tap is missing" in ended.stderr


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"machine": "vm/1"}, "--machine: machine: Expected letters, digits"),
        ({"machine": "cloud"}, "--machine: 'cloud' is the cloud's own name"),
        ({"tap": "qibixx:/dev/none"}, "--tap: there is no port '/dev/none'"),
        ({"broker": "host:x"}, "--broker: 'host:x' is no HOST:PORT"),
        ({"broker": "host:70000"}, "--broker: port: Expected `int` <= 65535, found 70000"),
        ({"link": "chek.example"}, "--link: link: Expected `str` matching regex"),
        ({"display": "wall"}, "--display: kind: Invalid value 'wall'; allowed are"),
        ({"display": "png"}, "--display: the key `file` is missing"),
        ({"panel": "big"}, "--panel: no panel is called 'big'"),
        ({"printer": "network"}, "--printer: the key `host` is missing"),
    ],
)
def test_a_wrong_flag_is_named_with_what_was_expected(
    tmp_path: Path, changes: dict[str, str], told: str
) -> None:
    ended = setup(*flags(tmp_path, **changes), "--no-listen", "--no-picture", "--no-slip")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"chekomat-edge: {told}")
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "edge.toml").exists()


def test_a_dry_run_prints_the_file_and_writes_nothing(tmp_path: Path) -> None:
    ended = setup(*flags(tmp_path), "--dry-run", "--no-listen")
    assert ended.returncode == 0
    assert list(tmp_path.iterdir()) == []
    file = tmp_path / "piped.toml"
    file.write_text(ended.stdout, "utf-8")
    assert load(file).machine == "vm-000123"


def test_without_tls_the_port_is_another_and_no_file_is_asked_for(tmp_path: Path) -> None:
    for broker, ca in (("127.0.0.1:1883", None), ("127.0.0.1", "none")):
        more = [] if ca is None else ["--ca", ca]
        ended = setup(*flags(tmp_path, broker=broker), *more, "--dry-run", "--no-listen")
        assert "port = 1883" in ended.stdout
        assert "ca = " not in ended.stdout


def test_a_file_that_is_there_is_only_replaced_by_force_and_kept(tmp_path: Path) -> None:
    quiet = ["--no-listen", "--no-picture"]
    assert setup(*flags(tmp_path), *quiet).returncode == 0
    before = (tmp_path / "edge.toml").read_text("utf-8")
    refused = setup(*flags(tmp_path, machine="vm-2"), *quiet)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert (tmp_path / "edge.toml").read_text("utf-8") == before
    assert setup(*flags(tmp_path, machine="vm-2"), *quiet, "--force").returncode == 0
    assert load(tmp_path / "edge.toml").machine == "vm-2"
    assert (tmp_path / "edge.toml.bak").read_text("utf-8") == before


def test_the_answers_before_are_kept_where_no_flag_says_otherwise(tmp_path: Path) -> None:
    quiet = ["--no-listen", "--no-picture", "--force"]
    setup(*flags(tmp_path), *quiet)
    file = tmp_path / "edge.toml"
    file.write_text(file.read_text("utf-8") + '\n[products]\n"0001" = "Чай"\n', "utf-8")
    ended = setup("--config", file, "--machine", "vm-7", *quiet)
    assert (ended.returncode, ended.stderr) == (0, "")
    config = load(file)
    assert (config.machine, config.tap, config.broker.port) == ("vm-7", TAP, 8883)
    assert config.products == {"0001": "Чай"}


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = str(tmp_path / "file" / "edge.toml")
    ended = setup(*flags(tmp_path, config=config), "--no-listen", "--no-picture")
    assert ended.returncode == 1
    assert "cannot be written: " in ended.stderr
    assert "--config" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_session_in_russian_is_russian_to_its_end(tmp_path: Path) -> None:
    slips = tmp_path / "slips"
    ended = setup(
        *flags(tmp_path), "--panel", "7in-800x480", "--printer", f"file,folder={slips}", lang="ru"
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    for line in ended.stdout.splitlines():
        assert re.search("[а-яё]", line, re.IGNORECASE), line
    assert "Принтер file: готов, бумага есть." in ended.stdout
    assert "Пока нет: broker.ca: /etc/chekomat/ca.crt: нет такого файла" in ended.stdout
    refused = setup(*flags(tmp_path, panel="big"), "--force", "--no-listen", lang="ru")
    assert refused.returncode == 2
    assert refused.stderr.startswith("chekomat-edge: --panel: панели 'big' нет; есть 10in-")


@pytest.fixture
def adapter() -> Iterator[str]:
    """A port at which somebody answers ``V`` as a Qibixx adapter does, in a thread of its own."""
    end, other = os.openpty()
    port = os.ttyname(other)
    stop = threading.Event()

    def answer() -> None:
        os.set_blocking(end, False)
        text = b""
        while not stop.wait(0.01):
            try:
                text += os.read(end, 100)
            except (BlockingIOError, OSError):
                continue
            while b"\n" in text:
                said, _, text = text.partition(b"\n")
                os.write(end, {b"V": b"v,4.0.2.0,30ff6d06\n", b"X,1": b"x,ACK\n"}.get(said, b""))

    thread = threading.Thread(target=answer)
    thread.start()
    yield port
    stop.set()
    thread.join()
    os.close(end)
    os.close(other)


def test_ports_are_told_with_who_is_at_them(adapter: str) -> None:
    ended = setup("--ports-only", "--port", adapter, "--port", "/dev/none", lang="ru")
    assert ended.returncode == 0
    assert f"{adapter}: адаптер Qibixx, версия 4.0.2.0" in ended.stdout
    assert "/dev/none: не открыть: /dev/none: такого порта нет" in ended.stdout


def test_the_only_adapter_that_is_found_is_taken(tmp_path: Path, adapter: str) -> None:
    ended = setup(*flags(tmp_path, tap=None), "--port", adapter, "--dry-run", "--listen-s", "0.5")
    assert ended.returncode == 0
    assert f'tap = "qibixx:{adapter}"' in ended.stdout
    assert "Silence. Is the machine on" in ended.stderr


def test_a_person_is_led_through_it_in_russian(tmp_path: Path, adapter: str) -> None:
    file = tmp_path / "edge.toml"
    arguments = ("--config", file, "--lang", "ru", "--port", adapter, "--listen-s", "1")
    with at_terminal("setup", *arguments) as typist:
        typist.expect(f"{adapter}: адаптер Qibixx")
        typist.expect("Где слушать шину?")
        typist.expect(f"1  qibixx:{adapter}")
        typist.answer("Номер [1]: ", "1")
        typist.expect("Тишина. Автомат включён?")
        typist.answer("Номер [1]: ", "1")  # again
        typist.expect("Тишина.")
        typist.answer("Номер [1]: ", "2")  # somewhere else
        typist.expect("Где слушать шину?")
        typist.answer("Номер [1]: ", "2")  # a machine in memory
        typist.expect("Слышно: ")
        typist.expect("картридер 1")
        typist.answer("Номер автомата", "автомат 5")
        typist.expect("  Не годится: нужны латинские буквы, цифры")
        typist.answer("Номер автомата", "vm-000005")
        typist.answer("Брокер MQTT", "127.0.0.1:1883")
        typist.answer("Сертификат центра", "")
        typist.answer("Адрес страниц чеков", "https://chek.example/r/")
        typist.expect("Какой экран?")
        typist.expect("Номер [1]: ")
        asked = typist.seen.rpartition("Какой экран?")[2]
        assert "kiosk: страница для браузера" in asked
        typist.type(next(line for line in asked.splitlines() if "png:" in line).split()[0])
        typist.expect("Какая панель?")
        typist.answer("Номер [1]: ", "4")
        typist.answer("file: файл с картинкой", str(tmp_path / "screen.png"))
        typist.answer("«ПРОБА»? [Д/н]: ", "")
        typist.expect("Какой принтер чеков?")
        typist.expect("принтер чеков на USB")
        typist.answer("Номер [1]: ", "")
        typist.expect(f"Записан и проверен {file}.")
        assert typist.ended() == 0
    config = load(file)
    assert (config.machine, config.tap) == ("vm-000005", "virtual:0001=12000,0002=9000")
    assert (config.broker.host, config.broker.port, config.broker.ca) == ("127.0.0.1", 1883, None)
    assert config.display[0].width_mm == 108.0  # type: ignore[union-attr]
    with Image.open(tmp_path / "screen.png") as image:
        assert image.getextrema() == (255, 255)  # the person has seen it


def test_a_person_who_would_rather_keep_the_file_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text("mine", "utf-8")
    with at_terminal("setup", "--config", file, "--lang", "en") as typist:
        typist.answer("is there already. Replace it", "")
        typist.expect("Nothing was written.")
        assert typist.ended() == 1
    assert file.read_text("utf-8") == "mine"


def test_ctrl_c_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    with at_terminal("setup", "--config", file, "--tap", TAP) as typist:
        typist.expect("The machine's id")
        typist.process.send_signal(2)
        assert typist.ended() == 0
    assert not file.exists()
    assert "Traceback" not in typist.seen


def test_its_help_shows_examples() -> None:
    ended = setup("--help")
    assert ended.returncode == 0
    assert "python -m edge setup --ports-only" in ended.stdout

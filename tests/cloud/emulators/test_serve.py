"""``python -m cloud emulate``: its options, and what an operator is told when it listens."""

import argparse
import asyncio
import shlex
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from parts import ROOT, free_port

from cloud.books.settings import finished, from_pairs
from cloud.emulators import keys
from cloud.emulators.arguments import EMULATORS, add_emulate
from cloud.emulators.serve import serve
from cloud.errors import ConfigError, StartError
from cloud.fleet import Register
from cloud.listening import listening
from cloud.registers import opened

WRITTEN = [name for name, (module, _) in EMULATORS.items() if find_spec(module)]


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m cloud")
    add_emulate(parser.add_subparsers(dest="command").add_parser)
    return parser.parse_args(["emulate", *arguments])


@asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[str]:
    """The emulator, where it listens."""
    listen = f"127.0.0.1:{free_port()}"
    task = asyncio.ensure_future(serve(parsed(*arguments, "--listen", listen)))
    try:
        async with asyncio.timeout(10):
            while not task.done():
                try:
                    _, writer = await asyncio.open_connection(*listen.split(":"))
                except OSError:
                    await asyncio.sleep(0.002)
                    continue
                writer.close()
                await writer.wait_closed()
                break
        if task.done():
            task.result()
        yield f"http://{listen}"
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_the_options_that_a_demo_and_an_operator_use_are_these() -> None:
    told = parsed(
        *("cloudkassir", "--listen", "127.0.0.1:1", "--public-id", "p", "--secret-file", "s"),
        *("--inn", "7708806062", "--webhook", "http://h", "--delay", "1.5", "--ledger", "l"),
    )
    assert (told.provider, told.listen, told.public_id) == ("cloudkassir", "127.0.0.1:1", "p")
    assert (told.secret_file, told.ledger) == (Path("s"), Path("l"))
    assert (told.inn, told.webhook, told.delay) == ("7708806062", "http://h", 1.5)


def test_a_provider_gets_only_its_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    for name in WRITTEN:
        with pytest.raises(SystemExit, match="0"):
            parsed(name, "--help")
        told = capsys.readouterr().out
        assert "examples:" in told
        assert "--ledger FILE" in told
        assert ("--public-id ID" in told) is (name == "cloudkassir")


@pytest.mark.parametrize(
    "arguments",
    [[], ["other"], ["cloudkassir", "--delay", "-1"], ["cloudkassir", "--delay", "x"]]
    + [["cloudkassir", "--listen", each] for each in ("foo", ":80", "h:", "h:x", "h:0", "h:65536")],
)
def test_what_was_not_asked_well_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parsed(*arguments)
    assert "usage: python -m cloud emulate" in capsys.readouterr().err


def test_only_the_emulator_that_is_asked_for_is_loaded() -> None:
    code = (
        "import sys; from cloud.__main__ import _parser; _parser().parse_args(['serve']);"
        "assert not [name for name in sys.modules if name == 'cloud.emulators.drive'];"
        "_parser().parse_args(['emulate', 'cloudkassir']);"
        "print(*sorted(name for name in sys.modules if name.startswith('cloud.emulators.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.rpartition(".")[2].partition("_")[0] for name in done.stdout.split()}
    assert loaded & {*EMULATORS, "atol"} == {"cloudkassir"}


async def test_it_says_where_it_listens_and_the_secret_that_nobody_else_could_tell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serving("cloudkassir", "--public-id", "me") as url, aiohttp.ClientSession() as http:
        async with http.get(f"{url}/ledger") as answer:
            assert await answer.json() == []
        first, second, *_ = capsys.readouterr().out.splitlines()
        assert first == f"cloudkassir listens on {url}, ledger {url}/ledger"
        words, _, secret = second.rpartition(" ")
        assert words == "public id me, secret"
        headers = {"Authorization": aiohttp.encode_basic_auth("me", secret)}
        async with http.post(f"{url}/test", headers=headers) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("name", WRITTEN)
async def test_what_it_prints_can_be_pasted_and_opens_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    async with serving(name), aiohttp.ClientSession() as http:
        printed = capsys.readouterr().out.splitlines()
        for line in printed:
            if line.startswith("(umask"):
                written = await asyncio.create_subprocess_shell(line, cwd=tmp_path)
                assert await written.wait() == 0
        _, _, _, command, deed, register, _, provider, *pairs = shlex.split(printed[-1])
        assert (command, deed, register) == ("register", "add", "main")
        told = from_pairs(pairs[1::2], provider)
        whole = finished(
            Register(id="main", operator="coffee", provider=provider, settings=told),  # type: ignore[arg-type]
            None,
        )
        found = await opened(whole, http).provider.check()
        assert "`url`" not in " ".join(each.text for each in found)
        assert found[0].level == "good", found


@pytest.mark.parametrize("name", WRITTEN)
async def test_every_provider_has_its_ledger_where_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where keys are made, if it makes some
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    async with serving(name) as url, aiohttp.ClientSession() as http:
        told = capsys.readouterr().out.splitlines()
        where = url if told[0].startswith(f"{name} listens on http:") else f"https{url[4:]}"
        assert told[0] == f"{name} listens on {where}, ledger {where}/ledger"
        assert len(told) > 1
        async with http.get(f"{where}/ledger", ssl=trust) as answer:
            assert await answer.json() == []


async def test_a_secret_of_a_file_is_used_and_not_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("tell nobody\n", "utf-8")
    arguments = ("--secret-file", str(tmp_path / "secret"), "--ledger", str(tmp_path / "ledger"))
    async with serving("cloudkassir", *arguments) as url, aiohttp.ClientSession() as http:
        headers = {"Authorization": aiohttp.encode_basic_auth("demo", "tell nobody")}
        async with http.post(f"{url}/test", headers=headers) as answer:
            assert answer.status == 200
    told = capsys.readouterr().out
    assert told.startswith(f"cloudkassir listens on {url}, ledger {url}/ledger\n")
    assert f"--set secret_file={tmp_path / 'secret'}" in told
    assert "tell nobody" not in told
    assert (tmp_path / "ledger").stat().st_size


async def test_what_is_in_the_way_is_named_by_its_option(tmp_path: Path) -> None:
    none = tmp_path / "none"
    with pytest.raises(ConfigError, match=f"--secret-file: {none} cannot be read: No such file"):
        await serve(parsed("cloudkassir", "--secret-file", str(none)))
    with pytest.raises(StartError, match=f"--ledger {none}/ledger: "):
        await serve(parsed("cloudkassir", "--ledger", f"{none}/ledger"))
    with pytest.raises(StartError, match=r"--listen: 203.0.113.1:1 cannot be listened on"):
        await serve(parsed("cloudkassir", "--listen", "203.0.113.1:1"))


async def test_it_listens_over_https_where_the_provider_does(tmp_path: Path) -> None:
    made = keys.opened(tmp_path / "keys", datetime.now(UTC))
    listen = f"127.0.0.1:{free_port()}"
    trust = ssl.create_default_context(cafile=made.file("ca.crt"))
    async with (
        listening("--listen", listen, web.Application(), made.context()),
        aiohttp.ClientSession() as http,
        http.get(f"https://{listen}/", ssl=trust) as answer,
    ):
        assert answer.status == 404

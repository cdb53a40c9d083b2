"""The command against an agent's socket, as a process of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
from parts import ROOT, python, until

from edge.technician.status import BusStatus, LinkStatus, Status
from edge.technician.unix_socket import NAME, serve_socket

WELL = Status(
    machine="vm-000123",
    uptime_s=100.0,
    bus=BusStatus(tap="virtual:", last_byte_s=0.1),
    link=LinkStatus(broker="127.0.0.1:1883", connected=True, since_s=9.0, cloud_online=True),
)
AWAY = msgspec.structs.replace(WELL, link=LinkStatus(broker="127.0.0.1:1883", cert_days=3))


async def status(*arguments: str | Path) -> tuple[int | None, str, str]:
    command = python("edge", "status", *map(str, arguments))
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode, said.decode(), complained.decode()


def agent(folder: Path, told: Sequence[Status]) -> AbstractAsyncContextManager[None]:
    """Answers with each in turn, and with the last one from then on."""
    left = list(told)

    async def tell() -> Status:
        return left.pop(0) if len(left) > 1 else left[0]

    return serve_socket(folder / NAME, tell)


async def test_all_is_well(tmp_path: Path) -> None:
    async with agent(tmp_path, [WELL]):
        code, said, complained = await status("--data", tmp_path)
    assert (code, complained) == (0, "")
    assert said.startswith("vm-000123: All is well\n")
    assert "127.0.0.1:1883 · connected" in said


async def test_what_needs_a_hand_is_said_and_ends_with_one(tmp_path: Path) -> None:
    async with agent(tmp_path, [AWAY]):
        code, said, _ = await status("--data", tmp_path, "--lang", "ru")
    assert code == 1
    assert said.startswith("vm-000123: Требует внимания: 2\n")
    assert "!! Нет связи с 127.0.0.1:1883" in said
    assert " ! Сертификат истекает через 3 дн." in said


async def test_the_folder_is_the_configurations(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(
        f'machine = "vm-1"\ntap = "virtual:0001=100"\ndata = "{tmp_path}"\n'
        '[receipts]\nqr = "fiscal"\n',
        "utf-8",
    )
    async with agent(tmp_path, [WELL]):
        code, said, complained = await status("--config", file)
    assert (code, complained) == (0, "")
    assert said.startswith("vm-000123: ")


async def test_a_program_gets_the_status_as_json(tmp_path: Path) -> None:
    async with agent(tmp_path, [AWAY]):
        code, said, _ = await status("--data", tmp_path, "--json")
    assert code == 1
    assert msgspec.json.decode(said, type=Status) == AWAY
    assert json.loads(said)["link"]["cert_days"] == 3


async def test_no_agent_and_no_configuration_are_told_apart(tmp_path: Path) -> None:
    code, said, complained = await status("--data", tmp_path)
    assert (code, said) == (1, "")
    assert f"the agent does not run: nobody answers at {tmp_path}/{NAME}" in complained
    code, _, complained = await status("--config", tmp_path / "none.toml")
    assert code == 2
    assert "none.toml: cannot be read" in complained
    code, _, complained = await status("--data", tmp_path, "--config", "x")
    assert code == 2
    assert "not allowed with" in complained


async def test_watch_says_it_again_while_the_agent_comes_and_goes(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *python("edge", "status", "--watch", "--data", str(tmp_path)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    stdout, said = process.stdout, ""

    async def listen() -> None:
        nonlocal said
        async for line in stdout:
            said += line.decode()

    listening = asyncio.create_task(listen())
    await until(lambda: "does not run" in said)
    async with agent(tmp_path, [AWAY, WELL]):
        await until(lambda: "Needs a hand" in said)
        await until(lambda: "All is well" in said)
    before = len(said)
    await until(lambda: "does not run" in said[before:])
    process.send_signal(signal.SIGINT)
    await listening
    assert await process.wait() == 0


def test_it_is_quick_to_load_and_loads_no_server() -> None:
    code = (
        "import sys, edge.tools.status;"
        "print(*{'aiohttp', 'PIL', 'serial', 'sqlite3', 'paho'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == ""


async def test_its_help_has_examples_and_the_exit_status() -> None:
    code, said, _ = await status("--help")
    assert code == 0
    assert "python -m edge status --watch" in said
    assert "exit status: 0" in said

"""Adapters: who is at a serial port. They are asked only what they answer without touching a bus."""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edge.checks import NOTHING, Finding, as_is, as_words, both, joined
from edge.checks.agent import Agent
from edge.checks.patience import within
from edge.technician.words import Text
from mdb.qibixx import is_sniff_line
from mdb.trace import NotATraceError, parse_line

Kind = Literal["qibixx", "lines", "uart", "silent", "unusable"]

NAME: Final = "adapter"
BY_ID: Final = Path("/dev/serial/by-id")
BAUD: Final = 115_200
WAKE_S: Final = 0.6
"""How long a port is only listened to: who talks by itself is not asked."""
ANSWER_S: Final = 0.8
QUESTIONS: Final = 3
"""An adapter is deaf while it starts."""
PATIENCE_S: Final = WAKE_S + QUESTIONS * ANSWER_S + 5


@dataclass(frozen=True, slots=True)
class Adapter:
    """Who is at a port. `told` is its version, its first line, or why it could not be asked."""

    port: str
    kind: Kind
    told: Text = NOTHING

    @property
    def tap(self) -> str | None:
        """The tap that listens to it; None where nobody is."""
        return f"{self.kind}:{self.port}" if self.kind in {"qibixx", "lines", "uart"} else None


def ports(more: Iterable[str] = ()) -> list[str]:
    """The serial ports of this computer, and `more`; each once, by the name that stays."""
    from serial.tools import list_ports  # type: ignore[import-untyped]  # noqa: PLC0415

    found = [str(each.device) for each in sorted(list_ports.comports())]
    return list(dict.fromkeys([*lasting(found, BY_ID), *more]))


def lasting(found: Iterable[str], by_id: Path) -> list[str]:
    """Each port by the name that stays when it is plugged in elsewhere, if it has one."""
    names: dict[str, str] = {}
    if by_id.is_dir():
        names = {os.path.realpath(each): str(each) for each in sorted(by_id.iterdir())}
    return [names.get(os.path.realpath(each), each) for each in found]


async def identify(port: str) -> Adapter:
    """Ask who is at a port; takes up to three seconds."""
    try:
        return await within(PATIENCE_S, _identify, port)
    except TimeoutError:
        return Adapter(port, "unusable", both("совсем не отвечает", "it does not answer at all"))


async def identify_all(named: Sequence[str]) -> list[Adapter]:
    """Ask at every port, at the same time."""
    return list(await asyncio.gather(*(identify(each) for each in named)))


def _identify(port: str) -> Adapter:
    from mdb.taps.port import check  # noqa: PLC0415, only here is pyserial needed

    try:
        check(port)
    except (OSError, ValueError) as error:
        return Adapter(port, "unusable", not_opened(port, error))
    if any(Path(each).name.startswith("ttyAMA") for each in (port, os.path.realpath(port))):
        # One of the Pi's own UARTs: it stands on the bus itself, nothing may be said to it.
        return Adapter(port, "uart", both("порт самого Raspberry Pi", "one of the Pi's own UARTs"))
    import serial  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        with serial.Serial(port, BAUD, timeout=0.05, write_timeout=1, exclusive=True) as opened:
            return _talk(port, opened)
    except (OSError, ValueError) as error:
        return Adapter(port, "unusable", not_opened(port, error))


def not_opened(port: str, error: Exception) -> Text:
    """Why a port, or a tap, cannot be opened: our own reasons in both languages, others as told."""
    told = as_words(error)
    return Text(_not_opened(port, error, told) or told, told)


def _not_opened(port: str, error: Exception, told: str) -> str | None:
    """In Russian what `mdb.taps` says by itself; an error of the system has a number."""
    from mdb.taps.port import InUseError  # noqa: PLC0415, only here is pyserial needed

    if isinstance(error, OSError) and error.errno is not None:
        return None
    match error:
        case InUseError():
            return (
                f"{port}: порт занят другой программой; какой, покажет: sudo fuser -v"
                " (может быть, это сам агент: sudo systemctl stop chekomat-edge)"
            )
        case FileNotFoundError():
            return f"{port}: такого порта нет; адаптер подключён, UART включён?"
        case PermissionError():
            return f"{port}: порт не для этого пользователя; он в группе порта (обычно dialout)?"
        case ValueError() if "is no serial port" in told:
            return f"{port}: это не последовательный порт; нужен такой, как /dev/ttyACM0"
        case ValueError() if "no tap is called" in told:
            return f"{port}: такого источника нет; есть {told.rpartition('known are ')[2]}"
    return None


def _talk(port: str, opened: "object") -> Adapter:
    heard = _Lines(opened)
    known = _known(port, heard.until(WAKE_S))
    for _ in range(QUESTIONS):
        if known is not None:
            break
        heard.say(b"V\n")
        known = _known(port, heard.until(ANSWER_S, stop="v,"))
    return known or Adapter(port, "silent", as_is(heard.first))


class _Lines:
    """What comes from a port, line by line."""

    def __init__(self, opened: "object") -> None:
        self._port = opened
        self._text = b""
        self.first = ""

    def say(self, said: bytes) -> None:
        with contextlib.suppress(OSError):  # a port that takes nothing is told as silent
            self._port.write(said)  # type: ignore[attr-defined]

    def until(self, seconds: float, stop: str | None = None) -> list[str]:
        """The lines that end within so long, or up to one that begins so."""
        deadline, lines = time.monotonic() + seconds, []
        while time.monotonic() < deadline:
            self._text += self._port.read(256).replace(b"\0", b"")  # type: ignore[attr-defined]
            *ended, self._text = self._text.replace(b"\r", b"\n").split(b"\n")
            lines += [line.decode("ascii", "replace").strip() for line in ended if line.strip()]
            self._text = self._text[-400:]
            self.first = self.first or (lines[0][:60] if lines else "")
            if stop is not None and any(line.startswith(stop) for line in lines):
                break
        return lines


def _known(port: str, lines: list[str]) -> Adapter | None:
    for line in lines:
        if line.startswith("v,"):
            return Adapter(port, "qibixx", as_is(line.removeprefix("v,")))
    if any(is_sniff_line(line) for line in lines):
        return Adapter(
            port, "qibixx", both("неизвестна, уже слушает", "unknown, it sniffs already")
        )
    told = next((line for line in lines if _is_trace(line)), None)
    return Adapter(port, "lines", as_is(told)) if told else None


def _is_trace(line: str) -> bool:
    try:
        return bool(parse_line(line.partition("#")[0].strip()))
    except NotATraceError:
        return False


async def check(tap: str, agent: Agent) -> Finding:
    """The adapter of a configured tap."""
    scheme, _, address = tap.partition(":")
    if scheme not in {"qibixx", "lines", "uart"}:
        none = both("для {scheme} не нужен", "{scheme} needs none", scheme=scheme)
        return Finding(NAME, "skipped", none)
    named = address.partition("?")[0].split(",")
    if agent.runs:
        held = both(
            "порт занят работающим агентом: {ports}",
            "the running agent has {ports}",
            ports=", ".join(named),
        )
        return Finding(NAME, "skipped", held)
    return judge(scheme, await identify_all(named))


def judge(scheme: str, found: Sequence[Adapter]) -> Finding:
    """Whether at these ports is what the tap expects."""
    for each in found:
        if each.kind == "unusable":
            return Finding(
                NAME,
                "fail",
                each.told,
                both(
                    "подключите адаптер; какие порты есть: python -m edge setup --ports-only",
                    "plug it in, and see which ports there are: python -m edge setup --ports-only",
                ),
            )
        if scheme == "qibixx" and each.kind != "qibixx":
            return Finding(
                NAME,
                "fail",
                both(
                    "{port} не отвечает, как адаптер Qibixx",
                    "{port} does not answer as a Qibixx adapter does",
                    port=each.port,
                ),
                both(
                    "отключите адаптер и подключите снова; если это другое устройство, задайте в"
                    " `tap` то, что найдёт python -m edge setup",
                    "unplug it and plug it in again; if it is another device, set `tap` to what"
                    " python -m edge setup finds",
                ),
            )
        if scheme == "lines" and each.kind == "qibixx":
            return Finding(
                NAME,
                "fail",
                both("{port}: адаптер Qibixx", "{port} is a Qibixx adapter", port=each.port),
                both('задайте tap = "qibixx:{port}"', 'set tap = "qibixx:{port}"', port=each.port),
            )
    told = (
        both("{port}: {who}", "{port}: {who}", port=each.port, who=_who(scheme, each))
        for each in found
    )
    return Finding(NAME, "ok", joined("; ", told))


def _who(scheme: str, adapter: Adapter) -> Text:
    match adapter.kind:
        case "qibixx":
            return both("Qibixx, версия {told}", "Qibixx, version {told}", told=adapter.told)
        case "lines":
            return both("печатает шину в нашем формате", "prints our trace format")
        case _ if scheme == "uart":
            return both("открывается", "can be opened")
        case _:
            return both("открывается, но пока молчит", "can be opened, and says nothing yet")

"""The network: a way out, the broker's name, and its door."""

import ipaddress
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from edge.checks import Finding, as_is, as_words, both
from edge.checks.patience import within
from edge.technician.words import Text

NAME: Final = "network"
ROUTES: Final = (Path("/proc/net/route"), Path("/proc/net/ipv6_route"))
RESOLVING_S: Final = 6.0
CONNECTING_S: Final = 6.0
UP: Final = 0x1
REJECT: Final = 0x200
"""Flags of a route (route(8))."""
CABLE: Final = both(
    "подключён ли модем или кабель, получен ли адрес? см.: ip address; ip route",
    "is the modem or the cable in, and has it an address? see: ip address; ip route",
)


async def check(host: str, port: int) -> Finding:
    """The way to a broker, as far as its port."""
    try:
        addresses = await within(RESOLVING_S, _resolve, host, port)
    except TimeoutError:
        return _unresolved(host, both("сервер имён не отвечает", "no answer from a name server"))
    except OSError as error:
        return _unresolved(host, as_is(as_words(error)))
    local = all(ipaddress.ip_address(each).is_loopback for each in addresses)
    if not local and not has_route():
        lost = both(
            "выхода в сеть нет: нет маршрута по умолчанию",
            "no way out: there is no default route",
        )
        return Finding(NAME, "fail", lost, CABLE)
    where = f"{host}:{port}" + ("" if host in addresses else f" ({addresses[0]})")
    began = time.monotonic()
    try:
        await within(CONNECTING_S, _knock, host, port)
    except (TimeoutError, OSError) as error:
        return judge_refusal(where, error)
    reached = both(
        "{where} отвечает за {ms:.0f} мс",
        "{where} is reached in {ms:.0f} ms",
        where=where,
        ms=(time.monotonic() - began) * 1000,
    )
    return Finding(NAME, "ok", reached)


def _unresolved(host: str, why: Text) -> Finding:
    if not has_route():
        lost = both(
            "выхода в сеть нет: нет маршрута по умолчанию, и {host} не найти",
            "no way out: there is no default route, and {host} cannot be found",
            host=host,
        )
        return Finding(NAME, "fail", lost, CABLE)
    return Finding(
        NAME,
        "fail",
        both(
            "имя {host} не найти: {why}",
            "the name {host} cannot be found: {why}",
            host=host,
            why=why,
        ),
        both(
            "нет ли ошибки в broker.host? Кого спрашивают об именах, покажет: resolvectl status",
            "is broker.host spelled right? see which name server is asked: resolvectl status",
        ),
    )


def judge_refusal(where: str, error: Exception) -> Finding:
    """Why a port cannot be reached, and who has to do something."""
    if isinstance(error, ConnectionRefusedError):
        return Finding(
            NAME,
            "fail",
            both("{where}: соединение отвергнуто", "{where}: connection refused", where=where),
            both(
                "компьютер есть, но порт никто не слушает: верен ли broker.port, запущен ли брокер?",
                "the computer is there and nobody listens: is broker.port right, does the broker"
                " run?",
            ),
        )
    if isinstance(error, TimeoutError):
        return Finding(
            NAME,
            "fail",
            both("{where}: нет ответа", "{where}: no answer", where=where),
            both(
                "мешает межсетевой экран, или этот порт закрыл оператор связи; верен ли broker.port?",
                "a firewall in between, or the modem's operator blocks that port; is broker.port"
                " right?",
            ),
        )
    return Finding(
        NAME,
        "fail",
        as_is(f"{where}: {as_words(error)}"),
        both("см.: ip address; ip route", "see: ip address; ip route"),
    )


def has_route(files: tuple[Path, Path] = ROUTES) -> bool:
    """Whether there is a default route, of either protocol (proc(5))."""
    old, new = files
    if old.exists():
        for line in old.read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1] == "00000000" and fields[7] == "00000000" and int(fields[3], 16) & UP:
                return True
    if new.exists():
        for line in new.read_text("ascii").splitlines():
            fields = line.split()
            flags = int(fields[8], 16)
            if int(fields[0], 16) == 0 and fields[1] == "00" and flags & UP and not flags & REJECT:
                return True
    return False


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _knock(host: str, port: int) -> None:
    with closing(socket.create_connection((host, port), timeout=CONNECTING_S)):
        pass

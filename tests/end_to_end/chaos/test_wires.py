"""The bad network is as bad as it says, and well again afterwards."""

import socket
import threading
from collections.abc import Iterator

import pytest
from end_to_end.chaos.wires import Wire, network
from parts import free_port

SHORT_S = 0.2


@pytest.fixture
def wire() -> Iterator[Wire]:
    """To somebody who says everything again."""
    with socket.create_server(("127.0.0.1", 0)) as listening, network(1) as wires:
        threading.Thread(target=_echo, args=(listening,), daemon=True).start()
        yield wires.wire("test", listening.getsockname()[1])


@pytest.fixture
def caller(wire: Wire) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", wire.port), timeout=20) as connection:
        assert _said(connection, b"hello") == b"hello"
        yield connection


def test_what_is_cut_is_reset(wire: Wire, caller: socket.socket) -> None:
    wire.cut()

    with pytest.raises(ConnectionResetError):
        caller.recv(1)


def test_what_stalls_arrives_later_and_whole(wire: Wire, caller: socket.socket) -> None:
    wire.stall()
    caller.settimeout(SHORT_S)
    with pytest.raises(TimeoutError):
        _said(caller, b"anybody?")

    wire.clear()

    caller.settimeout(20)
    assert caller.recv(100) == b"anybody?"


def test_what_stalls_and_is_cut_never_arrives(wire: Wire, caller: socket.socket) -> None:
    wire.stall()
    caller.sendall(b"anybody?")
    wire.cut()
    wire.clear()

    with pytest.raises(ConnectionResetError):
        caller.recv(1)


def test_what_is_slow_arrives_whole(wire: Wire, caller: socket.socket) -> None:
    wire.slow(0.001)

    assert _said(caller, bytes(range(256)) * 8) == bytes(range(256)) * 8


def test_who_is_refused_is_reset_and_comes_in_again_later(wire: Wire) -> None:
    wire.refuse()
    with pytest.raises(ConnectionResetError):
        _heard_by_a_new_caller(wire)

    wire.clear()

    with socket.create_connection(("127.0.0.1", wire.port), timeout=20) as again:
        assert _said(again, b"hello") == b"hello"


def test_who_nobody_listens_to_is_reset() -> None:
    with network(1) as wires:
        made = wires.wire("test", free_port())
        with pytest.raises(ConnectionResetError):
            _heard_by_a_new_caller(made)


def _echo(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_repeat, args=(connection,), daemon=True).start()


def _repeat(connection: socket.socket) -> None:
    with connection:
        try:
            while said := connection.recv(4096):
                connection.sendall(said)
        except OSError:
            return


def _heard_by_a_new_caller(wire: Wire) -> bytes:
    """The reset may come while it still connects."""
    with socket.create_connection(("127.0.0.1", wire.port), timeout=20) as caller:
        return caller.recv(1)


def _said(connection: socket.socket, said: bytes) -> bytes:
    connection.sendall(said)
    heard = b""
    while len(heard) < len(said):
        heard += connection.recv(4096)
    return heard

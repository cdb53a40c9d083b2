import contextlib
import socket

import pytest
from parts import free_port

from edge.printers import PrinterLostError
from edge.printers.network import open_network


def test_a_printer_on_a_port_is_written_to_and_read_from() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = open_network("127.0.0.1", listener.getsockname()[1])
        peer, _ = listener.accept()
        with peer:
            port.write(b"out", 1)
            peer.sendall(b"in")
            assert (peer.recv(10), port.read(1)) == (b"out", b"in")
            port.close()
            assert peer.recv(10) == b""


def test_what_it_has_not_taken_is_not_sent_on_when_it_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        port = open_network("127.0.0.1", listener.getsockname()[1])
        peer, _ = listener.accept()
        with peer:
            with pytest.raises(PrinterLostError) as lost:
                port.write(b"x" * 5_000_000, 0.1)
            port.close(forget=True)
            received = 0
            with contextlib.suppress(ConnectionResetError):
                while some := len(peer.recv(65536)):
                    received += some
            assert received < lost.value.sent  # what was under way is gone


def test_nobody_there_is_an_error_of_the_system() -> None:
    with pytest.raises(ConnectionRefusedError):
        open_network("127.0.0.1", free_port())


def test_a_name_that_nobody_knows_is_one_too() -> None:
    with pytest.raises(socket.gaierror):
        open_network("printer.invalid", 9100)

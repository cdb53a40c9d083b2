import os
import socket
import threading
import tty
from collections.abc import Iterator
from functools import partial

import pytest

from edge.printers import PrinterLostError
from edge.printers.ports import Port


@pytest.fixture
def ends() -> Iterator[tuple[int, Port]]:
    """A terminal: the printer's end, and the port."""
    far, near = os.openpty()
    tty.setraw(near)
    port = Port(near, partial(os.close, near))
    yield far, port
    port.close()
    try:
        os.close(far)
    except OSError:
        return  # the test has pulled it


def test_bytes_go_both_ways(ends: tuple[int, Port]) -> None:
    far, port = ends
    port.write(b"\x10\x04\x01", 1)
    assert os.read(far, 10) == b"\x10\x04\x01"
    os.write(far, b"\x12\x16")
    assert port.read(1) == b"\x12\x16"


def test_silence_is_nothing_and_ends(ends: tuple[int, Port]) -> None:
    _, port = ends
    assert port.read(0) == b""
    assert port.read(0.01) == b""


def test_what_is_there_is_read_without_waiting(ends: tuple[int, Port]) -> None:
    far, port = ends
    os.write(far, b"late")
    assert port.read(0) == b"late"


def test_more_than_the_kernel_holds_goes_while_it_is_taken(ends: tuple[int, Port]) -> None:
    far, port = ends
    sent, taken = bytes(range(256)) * 400, bytearray()

    def take() -> None:
        while len(taken) < len(sent):
            taken.extend(os.read(far, 512))

    printer = threading.Thread(target=take)
    printer.start()
    port.write(sent, 5)
    printer.join()
    assert bytes(taken) == sent


def test_a_printer_that_takes_no_more_is_lost_with_the_bytes_counted(
    ends: tuple[int, Port],
) -> None:
    _, port = ends
    with pytest.raises(PrinterLostError, match="takes no more") as lost:
        port.write(b"x" * 200_000, 0.05)
    assert 0 < lost.value.sent < 200_000


def test_a_pulled_cable_is_a_loss_to_writer_and_reader(ends: tuple[int, Port]) -> None:
    far, port = ends
    os.close(far)
    with pytest.raises(PrinterLostError):
        port.read(1)
    with pytest.raises(PrinterLostError) as lost:
        port.write(b"x", 1)
    assert lost.value.sent == 0


def test_a_connection_that_was_closed_is_a_loss() -> None:
    near, far = socket.socketpair()
    port = Port(near.fileno(), near.close)
    far.close()
    with pytest.raises(PrinterLostError, match="closed the connection"):
        port.read(1)
    port.close()


def test_a_device_that_reads_nothing_is_silent_and_not_gone() -> None:
    nothing = os.open("/dev/null", os.O_RDWR)  # always readable, always empty, as some usblp are
    port = Port(nothing, partial(os.close, nothing), reads_empty=True)
    assert port.read(0.05) == b""
    port.close()


def test_bytes_that_the_other_side_has_not_taken_are_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        near = socket.create_connection(listener.getsockname())
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        port = Port(near.fileno(), near.close)
        port.write(b"x" * 200_000, 0.1)
        with pytest.raises(PrinterLostError, match="takes no more") as lost:
            port.drain(200_000, 0.1)
        assert 0 < lost.value.sent < 200_000
        port.close()


def test_one_that_was_reset_while_bytes_were_on_their_way_may_have_had_some() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        near = socket.create_connection(listener.getsockname())
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        port = Port(near.fileno(), near.close)
        peer, _ = listener.accept()
        port.write(b"x" * 200_000, 1)
        peer.close()  # with bytes unread: a reset
        with pytest.raises(PrinterLostError, match="is gone") as lost:
            port.drain(200_000, 5)
        assert lost.value.sent > 0
        port.close()


def test_what_is_to_be_forgotten_is_forgotten_before_it_is_closed() -> None:
    done = list[str]()
    near, far = os.openpty()
    port = Port(near, lambda: done.append("closed"), forget=lambda: done.append("forgotten"))
    port.close(forget=True)
    port.close()
    assert done == ["forgotten", "closed", "closed"]
    os.close(near)
    os.close(far)

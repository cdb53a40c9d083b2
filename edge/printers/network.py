"""``network``: a printer that listens on TCP, port 9100 by custom."""

import socket
import struct
from typing import Final

from edge.printers.ports import Port

CONNECT_S: Final = 3.0


def open_network(host: str, port: int) -> Port:
    """Connect.

    Raises:
        OSError: nobody answers there, or the name is not known.
    """
    connection = socket.create_connection((host, port), timeout=CONNECT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reset = struct.pack("ii", 1, 0)
    return Port(
        connection.fileno(),
        connection.close,
        forget=lambda: connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset),
    )

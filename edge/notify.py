"""What systemd is told (sd_notify(3)): that the agent is ready, alive, or on its way out.

A datagram to the socket that `NOTIFY_SOCKET` names; without it, outside systemd, a no-op. Nothing
here raises: a word that is not heard must not stop a sale.
"""

import logging
import os
import socket
from collections.abc import Mapping
from typing import Final

log = logging.getLogger(__name__)

MOST: Final = 200
"""Characters of a status line: `systemctl status` shows no more in a row."""


class Notify:
    """The line to systemd.

    `address` is a path, or a name in the abstract namespace with ``@`` before it; None says
    nothing. `watchdog_s` is how often at least it wants to hear `feed`; None for never.
    """

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        self._address = address
        self.watchdog_s = watchdog_s

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, pid: int | None = None
    ) -> "Notify":
        """As systemd has set it: NOTIFY_SOCKET, WATCHDOG_USEC and, if it is for us, WATCHDOG_PID."""
        address = environment.get("NOTIFY_SOCKET") or None
        if address is not None and address[0] not in "/@":
            log.warning(
                "NOTIFY_SOCKET is no socket of this machine: %r; systemd hears nothing", address
            )
            address = None
        wanted = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", "")
        ours = not meant or meant == str(os.getpid() if pid is None else pid)
        usec = int(wanted) if wanted.isascii() and wanted.isdigit() else 0
        watched = address is not None and ours and usec > 0
        return cls(address, usec / 1_000_000 if watched else None)

    def ready(self, status: str = "") -> None:
        """It works now; `systemctl start` returns."""
        self._say("READY=1", *self._status(status))

    def status(self, words: str) -> None:
        """One line for `systemctl status`."""
        self._say(*self._status(words))

    def feed(self) -> None:
        """The watchdog's food."""
        self._say("WATCHDOG=1")

    def extend(self, seconds: float) -> None:
        """Starting or stopping takes longer: at least so many seconds more, from now."""
        self._say(f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")

    def stopping(self) -> None:
        """It is on its way out."""
        self._say("STOPPING=1")

    def _status(self, words: str) -> tuple[str, ...]:
        line = " ".join(words.split())[:MOST]
        return (f"STATUS={line}",) if line else ()

    def _say(self, *assignments: str) -> None:
        if self._address is None or not assignments:
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                # A queue that is full must not hold up the event loop.
                line.setblocking(False)
                line.sendto("\n".join(assignments).encode("utf-8", "replace"), address)
        except OSError as error:
            log.debug("systemd did not hear %s: %s", assignments[0], error)

"""The agent: whether it runs on this outbox, and what it says of itself.

What it holds is not opened a second time; it is asked.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.checks.patience import within
from edge.errors import StartError
from edge.technician.status import Status
from edge.technician.unix_socket import NAME, ask

ASKING_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent of one data folder. `status` is what it says, None where it cannot be asked."""

    runs: bool
    status: Status | None = None


STOPPED: Final = Agent(runs=False)


def holds(data: Path) -> bool:
    """Whether an agent has locked the folder of its outbox. The lock is tried and let go at once.

    Raises:
        PermissionError: the folder may not be opened by this user.
    """
    try:
        folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(folder)
    return False


async def look(data: Path) -> Agent:
    """The agent of a data folder, asked for what it knows if it runs.

    Raises:
        PermissionError: the folder may not be opened by this user.
    """
    if not holds(data):
        return STOPPED
    try:
        return Agent(runs=True, status=await within(ASKING_S, ask, data / NAME))
    except (StartError, TimeoutError):
        return Agent(runs=True)

"""Topics: one machine is one prefix, ``vend/v1/<machine>/…``, and one ACL pattern."""

import re
from enum import Enum
from typing import Final

from edge.wire.messages import END, MACHINE

PREFIX: Final = "vend/v1"
CLOUD: Final = "cloud"
"""The one name no machine may have."""
CLOUD_STATE: Final = f"{PREFIX}/{CLOUD}/state"


class Channel(Enum):
    """What is said on a topic: its last part, and whether the broker retains it."""

    SALE = ("sale", False)
    ACK = ("ack", False)
    RECEIPT = ("receipt", False)
    RECEIPT_ACK = ("receipt/ack", False)
    SHOWN = ("shown", False)
    STATE = ("state", True)
    HEALTH = ("health", True)
    INCIDENT = ("incident", False)
    NOTED = ("noted", False)
    DESIRED = ("config/desired", True)
    REPORTED = ("config/reported", True)

    def __init__(self, tail: str, retained: bool) -> None:  # noqa: FBT001, a column of the table
        self.tail = tail
        self.retained = retained

    @property
    def qos(self) -> int:
        """Health may be lost; all else is delivered at least once."""
        return 0 if self is Channel.HEALTH else 1

    @property
    def of_all(self) -> str:
        """The filter for every machine's topic."""
        return f"{PREFIX}/+/{self.tail}"

    def of(self, machine: str) -> str:
        """One machine's topic."""
        return f"{PREFIX}/{machine}/{self.tail}"

    @staticmethod
    def commands_of(machine: str) -> str:
        """The filter for every command to one machine."""
        return f"{PREFIX}/{machine}/cmd/+"

    @staticmethod
    def command_of(machine: str, command: str) -> str:
        """The topic of one command to one machine; `command` is its id."""
        return f"{PREFIX}/{machine}/cmd/{command}"

    @staticmethod
    def result_of(machine: str, command: str) -> str:
        """The topic of its answer."""
        return f"{PREFIX}/{machine}/cmd/{command}/result"


_MACHINE: Final = re.compile(MACHINE)
_COMMAND: Final = re.compile(rf"^{PREFIX}/([^/]+)/cmd/([A-Za-z0-9_-]{{1,64}})(/result)?" + END)
_BY_TAIL: Final = {channel.tail: channel for channel in Channel}


def parse(topic: str) -> tuple[str, Channel] | None:
    """The machine and channel of a topic; None for the cloud's own and for strangers'."""
    if not topic.startswith(f"{PREFIX}/"):
        return None
    machine, _, tail = topic[len(PREFIX) + 1 :].partition("/")
    channel = _BY_TAIL.get(tail)
    if channel is None or machine == CLOUD or not _MACHINE.match(machine):
        return None
    return machine, channel


def parse_command(topic: str) -> tuple[str, str, bool] | None:
    """The machine, the command's id and whether it is the answer; None for another topic."""
    found = _COMMAND.match(topic)
    if found is None or found[1] == CLOUD or not _MACHINE.match(found[1]):
        return None
    return found[1], found[2], found[3] is not None

"""The configuration: one TOML file, strict, checked as a whole before anything starts.

It also holds the fleet: the operator, the registers, the machines and what is in their slots.
"""

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, field

from cloud.errors import ConfigError
from cloud.receipt import Subject, Taxation
from edge.wire.messages import MachineId
from edge.wire.settings import Broker, Item, Listen, SettingsError, Table, read

Text = Annotated[str, Meta(min_length=1, max_length=243)]
"""As long as the shortest provider's field for an address."""


class Operator(Table, frozen=True, kw_only=True):
    """``[operator]``: whose sales these are. INN as registered, taxation system by name."""

    name: Text
    inn: Annotated[str, Meta(pattern=r"^(\d{10}|\d{12})$")]
    taxation: Literal["osn", "usn_income", "usn_income_outcome", "esn", "patent"]

    @property
    def taxation_system(self) -> Taxation:
        """Tag 1055."""
        return Taxation[self.taxation.upper()]


class Register(Table, frozen=True, kw_only=True):
    """``[registers.NAME]``: one account at a provider. The secret is a file's content."""

    provider: Literal["cloudkassir"]
    url: Annotated[str, Meta(pattern=r"^https?://")] = "https://api.cloudpayments.ru"
    public_id: Text
    secret_file: str
    timeout_s: Annotated[float, Meta(gt=0, le=12)] = 10.0

    def secret(self) -> str:
        """Read the secret; it is never kept in a value that is printed."""
        return Path(self.secret_file).read_text("utf-8").strip()


class Slot(Table, frozen=True, kw_only=True):
    """``[slots.ITEM]``: what an item number on the bus is, and its VAT."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    vat: Literal["none", "0", "5", "7", "10", "standard"] = "none"
    subject: Literal["goods", "excisable", "service"] = "goods"

    @property
    def settlement_subject(self) -> Subject:
        """Tag 1212."""
        return Subject[self.subject.upper()]


class Machine(Table, frozen=True, kw_only=True):
    """``[machines.ID]``: where it stands, whose register serves it, what differs in its slots."""

    register: str
    address: Text
    place: Text
    timezone: str = "Europe/Moscow"
    slots: dict[Item, Slot] = field(default_factory=dict)


class Config(Table, frozen=True, kw_only=True):
    """The whole file."""

    database: str
    listen: Listen = "127.0.0.1:8080"
    cabinet: Listen = "127.0.0.1:8090"
    public_url: Annotated[str, Meta(pattern=r"^https?://\S+[^/\s]$")]
    broker: Broker = Broker()
    operator: Operator
    registers: dict[str, Register]
    machines: dict[MachineId, Machine] = field(default_factory=dict)
    slots: dict[Item, Slot] = field(default_factory=dict)

    def receipt_page(self, token: str) -> str:
        """The buyer's page of a sale."""
        return f"{self.public_url}/r/{token}"

    def slot(self, machine: Machine, item: str | None) -> Slot | None:
        """What is in a slot: the machine's own word first, then the fleet's."""
        if item is None:
            return None
        return machine.slots.get(item) or self.slots.get(item)


def load(file: Path) -> Config:
    """Read and check a configuration.

    Raises:
        ConfigError: the file is missing, no TOML, or a key is unknown, missing or out of range.
    """
    try:
        config = read(file, Config, sample="deploy/cloud/config.toml")
    except SettingsError as error:
        raise ConfigError(str(error)) from error
    for problem in _problems(config):
        raise ConfigError(f"{file}: {problem}")
    return config


def _problems(config: Config) -> list[str]:
    """What one key alone cannot tell."""
    problems = []
    for name, register in config.registers.items():
        if not Path(register.secret_file).is_file():
            problems.append(
                f"registers.{name}.secret_file: {register.secret_file} is no file;"
                " write the provider's API secret into it, readable by the service alone"
            )
    for name, machine in config.machines.items():
        if machine.register not in config.registers:
            known = ", ".join(config.registers)
            problems.append(
                f"machines.{name}.register: no register {machine.register!r}; known: {known}"
            )
        try:
            ZoneInfo(machine.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            problems.append(f"machines.{name}.timezone: no zone is called {machine.timezone!r}")
    return problems

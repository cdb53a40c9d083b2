"""The configuration: one TOML file, strict, checked as a whole before anything starts.

It says where the database, the broker and the pages are. The fleet is in the database
(`python -m cloud operator | register | product | planogram | machine`).
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from cloud.errors import ConfigError
from edge.wire.settings import Broker, Listen, SettingsError, Table, read


class Config(Table, frozen=True, kw_only=True):
    """The whole file."""

    database: Annotated[str, Meta(min_length=1)]
    """A file for SQLite, or `postgresql://…`; a password stands in a passfile, never here."""
    listen: Listen = "127.0.0.1:8080"
    cabinet: Listen = "127.0.0.1:8090"
    public_url: Annotated[str, Meta(pattern=r"^https?://\S+[^/\s]$")]
    api_token_file: Annotated[str, Meta(min_length=1)] | None = None
    """A file with the word that the API at `cabinet` asks for; without it there is no API."""
    broker: Broker = Broker()

    def receipt_page(self, token: str) -> str:
        """The buyer's page of a sale."""
        return f"{self.public_url}/r/{token}"


OF_THE_FLEET = ("operator", "registers", "machines", "slots")
"""Tables of the file before the fleet moved into the database."""


def load(file: Path) -> Config:
    """Read and check a configuration.

    Raises:
        ConfigError: the file is missing, no TOML, or a key is unknown, missing or out of range.
    """
    try:
        return read(file, Config, sample="deploy/cloud/config.toml")
    except SettingsError as error:
        moved = any(f"`{name}`" in str(error) for name in OF_THE_FLEET)
        hint = "; the fleet is in the database now: see python -m cloud operator --help"
        raise ConfigError(f"{error}{hint if moved else ''}") from error

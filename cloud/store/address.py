"""Where the database is: a file for SQLite, or a URL of PostgreSQL, as the configuration has it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from cloud.errors import ConfigError

_SECRET: Final = ("password", "sslpassword")
"""What a URL may carry and nobody may read."""


@dataclass(frozen=True, slots=True)
class Address:
    """Of one database; said with `str`, it has no password in it."""

    url: sa.URL
    file: Path | None
    """None: it is a server's."""

    def __str__(self) -> str:
        if self.file is not None:
            return str(self.file)
        shown = self.url.set(drivername="postgresql").difference_update_query(_SECRET)
        without = sa.URL.create(
            shown.drivername,
            username=shown.username,
            host=shown.host,
            port=shown.port,
            database=shown.database,
            query=shown.query,
        )
        return without.render_as_string(hide_password=False)

    def asynchronous(self) -> sa.URL:
        """For the engine that serves."""
        return self.url if self.file is None else self.url.set(drivername="sqlite+aiosqlite")


def address(database: str | Path) -> Address:
    """Read what stands under `database`; a bare path is a file.

    Raises:
        ConfigError: it is a URL, and none of PostgreSQL; or nothing that a file could be called.
    """
    text = str(database)
    scheme, is_url, _ = text.partition("://")
    if not is_url:
        if not Path(text).name or "\0" in text:
            raise ConfigError(f"database: expected a file or postgresql://…, found {text!r}")
        return Address(sa.URL.create("sqlite", database=text), Path(text))
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ConfigError(f"database: expected a file or postgresql://…, found {scheme}://…")
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        # The library's words repeat the URL, and what is in it.
        raise ConfigError(
            "database: this is no URL; expected postgresql://USER@HOST:PORT/NAME"
        ) from None
    return Address(url.set(drivername="postgresql+psycopg"), None)

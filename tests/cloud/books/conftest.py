"""A clerk: does what a command line asks of the books, in this process, and repeats what was said."""

import argparse
import shlex
from pathlib import Path

import pytest

from cloud.books.arguments import add_books
from cloud.books.desk import kept

CONFIG = 'database = "{}"\npublic_url = "https://receipts.example"\n'
COFFEE = (
    "operator add coffee --name 'ООО «Кофе на ходу»' --inn 7708806062 --taxation usn_income",
    "register add main --provider komtet --set shop_id=1041 --set queue=7"
    " --set secret_file=/dev/null",
    "product add cappuccino --name 'Капучино 200 мл' --vat standard",
    "product add tea --name Чай",
    "planogram add hot",
    "planogram set hot 0001 cappuccino",
    "machine add vm-000123 --register main --planogram hot --address 'г. Москва' --place холл",
)
"""A whole fleet, as a person would type it."""


class Clerk:
    """``await clerk("machine list")``: the lines that were said."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self._config = folder / "cloud.toml"
        self._config.write_text(CONFIG.format(database), "utf-8")

    async def __call__(self, line: str, *more: str | Path) -> list[str]:
        arguments = self.parsed(line, *more)
        said: list[str] = []
        assert await kept(arguments, said.append, self.notes.append) == 0
        return said

    async def refused(self, line: str, *more: str | Path) -> tuple[list[str], str]:
        """What was said, and the mistake."""
        from cloud.errors import ConfigError

        said: list[str] = []
        with pytest.raises(ConfigError) as error:
            await kept(self.parsed(line, *more), said.append, self.notes.append)
        return said, str(error.value)

    def parsed(self, line: str, *more: str | Path) -> argparse.Namespace:
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers(dest="command", required=True)
        add_books(commands.add_parser, self._config)
        return parser.parse_args([*shlex.split(line), *map(str, more)])

    async def coffee(self) -> None:
        """The whole fleet."""
        for line in COFFEE:
            await self(line)

    def file(self, name: str, text: str, encoding: str = "utf-8") -> Path:
        file = self.folder / name
        file.write_bytes(text.encode(encoding))
        return file


@pytest.fixture
def clerk(tmp_path: Path, sqlite_database: Path) -> Clerk:
    return Clerk(tmp_path, str(sqlite_database))


@pytest.fixture
def any_clerk(tmp_path: Path, database: str) -> Clerk:
    """Of either database."""
    return Clerk(tmp_path, database)

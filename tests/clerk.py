"""A clerk: does what a command line asks of the books, in this process, and repeats what was said."""

import argparse
import shlex
from pathlib import Path

import pytest

from cloud.books.arguments import add_books
from cloud.books.desk import done, kept
from cloud.errors import ConfigError
from cloud.fleet import Machine, Operator, Planogram, Product, Register, Shelf
from cloud.store import Store, fleet

CONFIG = 'database = "{}"\npublic_url = "https://receipts.example"\n'
FLEET = (
    Operator(id="coffee", name="ООО «Кофе на ходу»", inn="7708806062", taxation="usn_income"),
    Register(
        id="main",
        operator="coffee",
        provider="komtet",
        settings={"shop_id": "1041", "queue": 7, "secret_file": "/dev/null"},
    ),
    Product(id="cappuccino", operator="coffee", name="Капучино 200 мл", vat="standard"),
    Product(id="tea", operator="coffee", name="Чай"),
    Planogram(id="hot", operator="coffee"),
    Shelf(operator="coffee", planogram="hot", slot="0001", product="cappuccino"),
    Machine(
        id="vm-000123",
        operator="coffee",
        register="main",
        planogram="hot",
        address="г. Москва",
        place="холл",
    ),
)


class Clerk:
    """``await clerk("machine list")``: the lines that were said."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self._database = database
        self._config = folder / "cloud.toml"
        self._config.write_text(CONFIG.format(database), "utf-8")

    async def __call__(self, line: str, *more: str | Path) -> list[str]:
        said: list[str] = []
        await self._do(self.parsed(line, *more), said)
        return said

    async def refused(self, line: str, *more: str | Path) -> tuple[list[str], str]:
        """What was said, and the mistake."""
        said: list[str] = []
        with pytest.raises(ConfigError) as error:
            await self._do(self.parsed(line, *more), said)
        return said, str(error.value)

    async def kept(self, line: str, *more: str | Path) -> list[str]:
        """The same from the configuration on; it takes longer."""
        said: list[str] = []
        assert await kept(self.parsed(line, *more), said.append, self.notes.append) == 0
        return said

    def parsed(self, line: str, *more: str | Path) -> argparse.Namespace:
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers(dest="command", required=True)
        add_books(commands.add_parser, self._config)
        return parser.parse_args([*shlex.split(line), *map(str, more)])

    async def coffee(self) -> None:
        """A whole fleet."""
        store = Store(self._database)
        async with store.transaction() as connection:
            for each in FLEET:
                await fleet.put(connection, each, "test", 1)
        await store.close()

    def file(self, name: str, text: str, encoding: str = "utf-8") -> Path:
        file = self.folder / name
        file.write_bytes(text.encode(encoding))
        return file

    async def _do(self, arguments: argparse.Namespace, said: list[str]) -> None:
        store = Store(self._database)
        try:
            await done(store, arguments, said.append, self.notes.append)
        finally:
            await store.close()

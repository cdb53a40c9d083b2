"""The demo's way: start the parts in order, then wait for a person, or sell and sum up."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from cloud.demo import settings
from cloud.demo.broker import broker
from cloud.demo.fleet import stock
from cloud.demo.places import Places, Running
from cloud.demo.processes import python, run, until_it_answers
from cloud.demo.selling import sell


async def demo(sales: int | None, broker_name: str | None = None) -> int:
    """Run it; the exit status says whether every sale has its one receipt."""
    places = Places.free()
    with tempfile.TemporaryDirectory(prefix="chekomat-") as folder:
        async with parts(Path(folder), places, broker_name) as running:
            if sales is None:
                _say_where(places)
                await asyncio.Event().wait()
                return 0
            summary = await sell(
                running, sales, lambda done: print(f"{done} / {sales}", flush=True)
            )
    # Last of all: the parts have ended and nobody speaks any more.
    print(summary.as_json(), flush=True)
    return 0 if summary.good else 1


def _say_where(places: Places) -> None:
    print(
        f"""
  Автомат · the machine     {places.url(places.kiosk)}/machine
  Кабинет · the cabinet     {places.url(places.cabinet)}/
  Касса · the register      {places.url(places.emulator)}/ledger

  Ctrl-C ends everything.
""",
        flush=True,
    )


@asynccontextmanager
async def parts(
    folder: Path, places: Places, broker_name: str | None = None
) -> AsyncIterator[Running]:
    """Broker, register, cloud and machine, each up before the next; down again in turn.

    Raises:
        StartError: one of them does not start, or ends by itself.
    """
    secret = folder / "secret"
    secret.write_text(secrets.token_hex(16), "utf-8")
    secret.chmod(0o600)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        version = await stack.enter_async_context(broker(folder, places.broker, broker_name))
        public = places.url(places.public)
        emulator, kiosk = places.url(places.emulator), places.url(places.kiosk)
        cloud_toml, edge_toml = folder / "cloud.toml", folder / "edge.toml"
        database = folder / "cloud.sqlite"
        cloud_toml.write_text(settings.cloud(database, places, version), "utf-8")
        edge_toml.write_text(settings.edge(folder, places, version), "utf-8")
        emulate = python(
            *("cloud", "emulate", "cloudkassir", "--listen", f"127.0.0.1:{places.emulator}"),
            *("--secret-file", str(secret), "--ledger", str(folder / "ledger.sqlite")),
            *("--webhook", f"{public}/hook/main", "--public-id", settings.PUBLIC_ID),
        )
        await stack.enter_async_context(run("emulator", emulate))
        await until_it_answers(http, f"{emulator}/ledger")
        await stock(database, folder, places)
        await stack.enter_async_context(
            run("cloud", python("cloud", "serve", "--config", str(cloud_toml)))
        )
        await until_it_answers(http, f"{public}/healthz")
        await stack.enter_async_context(
            run("edge", python("edge", "run", "--config", str(edge_toml)))
        )
        await until_it_answers(http, f"{kiosk}/machine")
        yield Running(http, places, version)

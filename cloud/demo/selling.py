"""Selling without a person, and the sum of it.

The figures come from three ledgers that do not know each other: the machine's own of what it
dispensed, the register's of what it recorded, and the display's of which picture a page had when.
Nothing is taken from the counters of whoever sends.
"""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import aiohttp

from cloud.demo.places import Running
from cloud.demo.round_trip import round_trips
from cloud.demo.settings import DRINKS
from cloud.errors import StartError

PATIENCE_S: Final = 20.0
SALE_ID: Final = 36
"""A key begins with its sale's id, so long; what follows tells attempts apart."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the ledgers say. Times are milliseconds, vend on the bus to fiscal QR on the display."""

    sales: int
    receipts: int
    duplicates: int
    lost: int
    wrong: int
    p50_ms: float
    p95_ms: float
    bare_p50_ms: float = 0.0
    """A bare QoS 1 round trip through the same broker, in the same run."""

    @property
    def good(self) -> bool:
        """Every sale has its one receipt, and it was shown."""
        return self.sales == self.receipts and not (self.duplicates or self.lost or self.wrong)

    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


async def sell(running: Running, sales: int, progress: Callable[[int], None]) -> Summary:
    """Press drinks one after another, each when the last one's receipt is on the screen.

    Raises:
        StartError: no receipt came to the screen in good time.
    """
    http, places = running.http, running.places
    kiosk, emulator = places.url(places.kiosk), places.url(places.emulator)
    items = list(DRINKS)
    async with _page(http, kiosk) as painted:
        for number in range(sales):
            how = "cash" if number % 3 == 2 else "cashless"
            await http.post(f"{kiosk}/machine/press/{items[number % len(items)]}?by={how}")
            await _until_ready(painted, number + 1)
            progress(number + 1)
    machine = await _get(http, f"{kiosk}/machine/ledger")
    register = await _get(http, f"{emulator}/ledger")
    display = await _get(http, f"{kiosk}/record")
    bare = await round_trips(places.broker, running.mqtt)
    summary = summarize(machine, register, display)
    return replace(summary, bare_p50_ms=round(1000 * statistics.median(bare), 1))


def summarize(
    machine: Sequence[dict[str, Any]],
    register: Sequence[dict[str, Any]],
    display: Sequence[dict[str, Any]],
) -> Summary:
    """Hold the three ledgers against each other. Sales were made one at a time, in order."""
    shown = [each for each in display if each["kind"] == "ready"]
    documents = {each["key"][:SALE_ID]: each for each in register}
    waits, wrong = [], 0
    for vend, picture in zip(machine, shown, strict=False):
        document = documents.get(picture["sale_id"])
        right = document is not None and (document["qr"], document["total"]) == (
            picture["qr"],
            vend["price"],
        )
        wrong += not right
        waits.append(1000 * (picture["painted_at"] - vend["at"]))
    receipts = len({each["sale_id"] for each in shown} & set(documents))
    return Summary(
        sales=len(machine),
        receipts=receipts,
        duplicates=len(register) - len(documents),
        lost=len(machine) - len(documents),
        wrong=wrong,
        p50_ms=round(statistics.median(waits), 1) if waits else 0.0,
        p95_ms=round(sorted(waits)[max(0, -(-len(waits) * 95 // 100) - 1)], 1) if waits else 0.0,
    )


@asynccontextmanager
async def _page(http: aiohttp.ClientSession, kiosk: str) -> AsyncIterator["asyncio.Queue[str]"]:
    """A kiosk page without a browser: takes each picture and says, as a page does, that it has it."""
    kinds: asyncio.Queue[str] = asyncio.Queue()
    async with http.get(f"{kiosk}/events", timeout=aiohttp.ClientTimeout(total=None)) as events:
        watching = asyncio.ensure_future(_watch(http, kiosk, events, kinds))
        try:
            yield kinds
        finally:
            watching.cancel()


async def _watch(
    http: aiohttp.ClientSession,
    kiosk: str,
    events: aiohttp.ClientResponse,
    kinds: "asyncio.Queue[str]",
) -> None:
    async for line in events.content:
        if line.startswith(b"data: "):
            picture = json.loads(line[6:])
            async with http.post(f"{kiosk}/painted/{picture['frame']}"):
                kinds.put_nowait(picture["kind"])


async def _until_ready(kinds: "asyncio.Queue[str]", number: int) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while await kinds.get() != "ready":
                pass
    except TimeoutError:
        raise StartError(
            f"sale {number}: no receipt on the screen within {PATIENCE_S:.0f} s"
        ) from None


async def _get(http: aiohttp.ClientSession, url: str) -> Any:  # noqa: ANN401, a ledger
    async with http.get(url) as response:
        return await response.json()

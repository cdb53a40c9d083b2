"""The virtual machine's front door over real HTTP: press a drink, hear the bus, read the ledger."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from parts import until

from edge.face import Face
from mdb import Sale, Sniffer
from mdb.taps import VirtualMachine

Client = TestClient[web.Request, web.Application]
PRODUCTS = {"0001": "Капучино", "0002": "<b>Чай & лимон</b>"}


class Shop:
    """A virtual machine, its face, and a listener on its bus."""

    def __init__(self) -> None:
        self.machine = VirtualMachine({"0001": 12000, "0002": 9550, "0a02": 100})
        self.face = Face(self.machine, PRODUCTS)
        self.sold: list[Sale] = []

    async def listen(self) -> None:
        sniffer = Sniffer()
        async for signal in self.machine:
            for heard in sniffer.listen(signal):
                self.sold += [each for each in heard.events if isinstance(each, Sale)]
                self.face.heard(heard)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    opened = Shop()
    listening = asyncio.create_task(opened.listen())
    yield opened
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(shop.face.routes())
    async with TestClient(TestServer(app)) as opened:
        yield opened


async def test_the_page_offers_every_drink_with_its_price(client: Client) -> None:
    async with client.get("/machine") as answer:
        page = await answer.text()
    assert '<button data-item="0001"><b>Капучино</b><span>120 ₽</span></button>' in page
    assert "<b>&lt;b&gt;Чай &amp; лимон&lt;/b&gt;</b><span>95.50 ₽</span>" in page
    assert '<button data-item="0a02"><b>0a02</b><span>1 ₽</span></button>' in page
    assert "{{" not in page


async def test_a_pressed_drink_is_sold_and_stands_in_the_ledger(client: Client, shop: Shop) -> None:
    for path in ("0001", "0002?by=cash", "0a02?by=cashless"):
        async with client.post(f"/machine/press/{path}") as answer:
            assert answer.status == 202
    await until(lambda: len(shop.sold) == 3)
    async with client.get("/machine/ledger") as answer:
        ledger = await answer.json()
    expected = [("0001", 12000, "cashless"), ("0002", 9550, "cash"), ("0a02", 100, "cashless")]
    assert [(each["item"], each["price"], each["by"]) for each in ledger] == expected
    assert [(each.item, each.amount) for each in shop.sold] == [
        (item, price) for item, price, _ in expected
    ]


@pytest.mark.parametrize("path", ["0003", "0001?by=cheque", "%3Cb%3E", "0001?by="])
async def test_what_the_machine_has_not_cannot_be_pressed(
    client: Client, shop: Shop, path: str
) -> None:
    async with client.post(f"/machine/press/{path}") as answer:
        assert answer.status == 404
        assert "no item" in (await answer.json())["error"]
    assert shop.machine.ledger == []


async def test_who_watches_the_bus_hears_what_was_said_and_what_is_said_now(
    client: Client, shop: Shop
) -> None:
    shop.machine.press("0001")
    await until(lambda: shop.sold)
    async with client.get("/machine/bus") as stream:
        lines = [line async for line in until_said(stream.content, "SALE  item 0001")]
        assert any("VEND REQUEST" in line for line in lines)
        shop.machine.press("0002", "cash")
        assert [line async for line in until_said(stream.content, "SALE  item 0002")]


async def until_said(lines: AsyncIterator[bytes], end: str) -> AsyncIterator[str]:
    async with asyncio.timeout(10):
        async for line in lines:
            yield line.decode()
            if end in line.decode():
                return

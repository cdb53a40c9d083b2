"""The buyer's page: from the first second, until it is the receipt. In two languages."""

import asyncio
from collections.abc import AsyncIterator
from html import escape, unescape
from typing import Self

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from shop import (
    INN,
    MACHINE,
    a_config,
    a_document,
    a_sale,
    id_of,
    now_ms,
    sell,
    settings,
    token_of,
)

from cloud.bell import Bell
from cloud.config import Config
from cloud.outcome import Dead, Done
from cloud.store import Store, receipts
from cloud.web.buyer import Buyer, svg
from cloud.web.words import WORDS
from edge.wire import Sale, Tender

HOSTILE = "<script>alert('Кофе & \"Ко\"')</script>"
PAGE = f"/r/{token_of(1)}"
Client = TestClient[web.Request, web.Application]


async def serve(store: Store, news: Bell, config: Config) -> Client:
    app = web.Application()
    app.add_routes(Buyer(config, store, news).routes())
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


@pytest.fixture
def news() -> Bell:
    return Bell()


@pytest.fixture
async def client(store: Store, news: Bell) -> AsyncIterator[Client]:
    served = await serve(store, news, a_config())
    yield served
    await served.close()


async def page(client: Client, path: str = PAGE, language: str = "", status: int = 200) -> str:
    async with client.get(path, headers={"Accept-Language": language}) as answer:
        assert answer.status == status
        assert answer.content_type == "text/html"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        return await answer.text()


async def issue(store: Store, news: Bell, number: int = 1) -> None:
    async with store.transaction() as connection:
        done = Done(a_document(number, total=a_sale(number).amount or 0))
        await receipts.record(connection, id_of(number), done, now_ms(), None)
    news.ring()


def says(text: str, language: str, word: str) -> bool:
    return WORDS[language][word] in unescape(text)


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_from_the_first_second_the_receipt_is_being_made(
    client: Client, language: str
) -> None:
    text = await page(client, language=language)
    assert f'<html lang="{language}">' in text
    assert says(text, language, "making")


async def test_a_token_that_nobody_knows_is_answered_like_one_on_its_way(
    store: Store, client: Client
) -> None:
    # The amount apart: it is on the machine's screen as well.
    before = await page(client)
    await sell(store, a_sale(amount=None, kind="token"), config=a_config())
    assert (await page(client, f"/r/{token_of(2)}")).replace(token_of(2), token_of(1)) == before


async def test_a_sale_on_its_way_shows_its_amount(store: Store, client: Client) -> None:
    await sell(store, a_sale())
    text = await page(client)
    assert says(text, "ru", "making")
    assert "<b>120,10 ₽</b>" in text
    assert 'id="qr"' not in text


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_it_becomes_the_receipt(
    store: Store, client: Client, news: Bell, language: str
) -> None:
    paid = (Tender(by="cash", amount=10000), Tender(by="cashless-1", amount=2010))
    await sell(store, a_sale(tenders=paid))
    await issue(store, news)
    text = await page(client, language=language)
    facts = [
        *("Капучино 200 мл", "120,10 ₽", "100,00", "20,10", "21,66", "22 %"),
        *("ООО «Кофе на ходу»", INN, f"№ {MACHINE}", "23.11.2026 15:42"),
        *("г. Москва, ул. Примерная, д. 1", "ТЦ «Ромашка», 1 этаж"),
        *("9999078900000001", "3141592653", escape(a_document().qr)),
    ]
    assert [fact for fact in facts if fact not in text] == []
    words = ["receipt", "cash", "cashless", "taxation", "USN_INCOME", "check", "fn", "fd", "fp"]
    assert [word for word in words if not says(text, language, word)] == []
    assert "<svg" in text


async def test_a_receipt_without_vat_says_so(store: Store, client: Client, news: Bell) -> None:
    no_vat = a_config(slots={"0001": {"name": "Чай", "vat": "none"}})
    await sell(store, a_sale(), config=no_vat)
    await issue(store, news)
    assert says(await page(client), "ru", "vat_none")


async def test_the_code_on_the_page_is_the_fiscal_qr() -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    import qrcode
    from PIL import Image, ImageDraw

    # The path's modules as a bitmap: what a phone's camera would see.
    text = a_document().qr
    code = qrcode.QRCode(border=4)
    code.add_data(text)
    drawn = svg(text)
    side = float(drawn.split('viewBox="0 0 ')[1].split()[0])
    image = Image.new("L", (round(side * 20), round(side * 20)), 255)
    pen = ImageDraw.Draw(image)
    for part in drawn.split(' d="')[1].split('"')[0].split("M")[1:]:
        numbers = part.rstrip("z").replace("H", " ").replace("V", " ").replace(",", " ").split()
        left, top, right, bottom = (round(float(number) * 20) for number in numbers[:4])
        pen.rectangle((left, top, right - 1, bottom - 1), fill=0)
    (read,) = zxingcpp.read_barcodes(image)
    assert read.text == text


@pytest.mark.parametrize(
    ("told", "word"),
    [(a_sale(kind="return"), "needs_hand"), (a_sale(kind="free"), "no_receipt")],
)
async def test_a_sale_without_a_receipt_says_what_is(
    store: Store, client: Client, told: Sale, word: str
) -> None:
    await sell(store, told)
    for language in ("ru", "en"):
        text = await page(client, language=language)
        assert says(text, language, word)
        assert says(text, language, f"{word}_hint")


async def test_a_refusal_keeps_its_reason_from_the_buyer(store: Store, client: Client) -> None:
    await sell(store, a_sale())
    async with store.transaction() as connection:
        held = await receipts.lease(connection, "main", "one", now_ms())
        job = await receipts.next_job(connection, "main", now_ms())
        assert held is not None
        assert job is not None
        await receipts.intend(connection, held, job, "{}", now_ms())
        await receipts.record(connection, job.key, Dead("code 25: unpaid"), now_ms(), held)
    text = await page(client)
    assert says(text, "ru", "needs_hand")
    assert "unpaid" not in text


async def test_a_link_in_capitals_opens_too(store: Store, client: Client, news: Bell) -> None:
    # A QR code in capitals is smaller; some scanners hand it over as it is.
    await sell(store, a_sale())
    await issue(store, news)
    lower = await page(client)
    assert await page(client, PAGE.upper()) == lower
    assert await page(client, f"/r/{token_of(1).upper()}") == lower
    assert f'"/r/{token_of(1)}/events"' in lower


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "k7q2m9x40000000",
        "k7q2m9x4000000012",
        "k7q2m9x4000000i1",  # no i, l, o, u in our alphabet
        "k7q2m9x400000001%0A",
        "%D0%BA7q2m9x40000001",
        "k7q2m9x4%2F0000001",
        "................",
    ],
)
async def test_a_malformed_link_is_no_page(client: Client, token: str) -> None:
    for language in ("ru", "en"):
        text = await page(client, f"/r/{token}", language, status=404)
        assert says(text, language, "no_such")
    async with client.get(f"/r/{token}/events") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "ru"),
        ("", "de-DE,de;q=0.9", "ru"),
        ("", "de-DE,en-GB;q=0.8,ru;q=0.5", "en"),
        ("", "EN", "en"),
        ("", " en ;q=1", "en"),
        ("", ",;,", "ru"),
        ("?lang=ru", "en", "ru"),
        ("?lang=en", "ru", "en"),
        ("?lang=xx", "en", "en"),
    ],
)
async def test_the_readers_language_is_spoken(
    client: Client, query: str, header: str, language: str
) -> None:
    assert f'<html lang="{language}">' in await page(client, PAGE + query, header)


async def test_hostile_names_are_text(store: Store, news: Bell) -> None:
    told = settings()
    told["slots"]["0001"]["name"] = HOSTILE
    told["operator"]["name"] = HOSTILE
    told["machines"][MACHINE].update(address=HOSTILE, place=HOSTILE)
    config = a_config(**told)
    client = await serve(store, news, config)
    await sell(store, a_sale(), config=config)
    await issue(store, news)
    text = await page(client)
    await client.close()
    assert HOSTILE not in text
    assert "<script>alert" not in text
    assert unescape(text).count(HOSTILE) == 4


# Live. -------------------------------------------------------------------------------------------


class Stream:
    """What a browser's EventSource makes of the stream."""

    def __init__(self, client: Client) -> None:
        self._answer = client.get(f"{PAGE}/events")

    async def __aenter__(self) -> Self:
        self._open = await self._answer
        assert self._open.content_type == "text/event-stream"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open.close()

    async def next(self) -> tuple[str, str] | None:
        """The next event's kind and text; None at the end of the stream."""
        kind, lines = "message", list[str]()
        async with asyncio.timeout(10):
            async for raw in self._open.content:
                line = raw.decode().rstrip("\r\n")
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data:"):
                    lines.append(line.removeprefix("data:").removeprefix(" "))
                elif not line and lines:
                    return kind, "\n".join(lines)
        return None


async def test_the_page_becomes_the_receipt_by_itself_and_is_done(
    store: Store, client: Client, news: Bell
) -> None:
    async with Stream(client) as stream:
        first = await stream.next()
        assert first is not None
        assert says(first[1], "ru", "making")
        await sell(store, a_sale())
        news.ring()
        second = await stream.next()
        assert second is not None
        assert "120,10 ₽" in second[1]
        await issue(store, news)
        third = await stream.next()
        assert third is not None
        assert third[0] == "message"
        assert escape(a_document().qr) in third[1]
        assert await stream.next() == ("done", "")
        assert await stream.next() is None


async def test_what_does_not_change_is_not_said_again(
    store: Store, client: Client, news: Bell
) -> None:
    await sell(store, a_sale())
    async with Stream(client) as stream:
        await stream.next()
        await sell(store, a_sale(2))
        await issue(store, news, 2)
        await issue(store, news, 1)
        told = await stream.next()
    assert told is not None
    assert escape(a_document(1).qr) in told[1]


async def test_a_finished_receipt_is_said_once_and_the_stream_ends(
    store: Store, client: Client, news: Bell
) -> None:
    await sell(store, a_sale())
    await issue(store, news)
    async with Stream(client) as stream:
        told = [await stream.next() for _ in range(3)]
    assert told[0] is not None
    assert told[1:] == [("done", ""), None]

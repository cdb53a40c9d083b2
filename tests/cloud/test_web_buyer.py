"""The buyer's page: from the first second, until it is the receipt. In two languages."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from html import escape, unescape
from pathlib import Path
from typing import Self

import msgspec
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from parts import until
from shop import (
    INN,
    MACHINE,
    MACHINE_AT_WORK,
    OPERATOR,
    SITE,
    a_document,
    a_fleet,
    a_sale,
    eventually,
    hear,
    id_of,
    leave,
    now_ms,
    rows,
    sell,
    stock,
    token_of,
)
from structlog.testing import capture_logs

from cloud.amends import return_of
from cloud.bell import Bell
from cloud.fiscal import FiscalDocument
from cloud.fleet import Policies
from cloud.outcome import Dead, Done
from cloud.receipt import Cause, Purpose, Receipt
from cloud.store import Store, decisions, receipts
from cloud.store.receipts import Asked
from cloud.store.schema import receipt
from cloud.web.buyer import MOST_OPEN, Buyer, svg
from cloud.web.words import WORDS
from edge.wire import Sale, Tender

HOSTILE = "<script>alert('Кофе & \"Ко\"')</script>"
PAGE = f"/r/{token_of(1)}"
Client = TestClient[web.Request, web.Application]


async def serve(store: Store, news: Bell, most_open: int = MOST_OPEN) -> Client:
    app = web.Application()
    app.add_routes(Buyer(store, news, most_open=most_open, look_s=0.1).routes())
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """What is read is tested on both databases elsewhere; here it is what is made of it."""
    return sqlite_store


@pytest.fixture
def news() -> Bell:
    return Bell()


@pytest.fixture
async def client(store: Store, news: Bell) -> AsyncIterator[Client]:
    served = await serve(store, news)
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
    await leave(store)
    await hear(store, Done(a_document(number, total=a_sale(number).amount or 0)), id_of(number))
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
    await sell(store, a_sale(amount=None, kind="token"))
    assert (await page(client, f"/r/{token_of(2)}")).replace(token_of(2), token_of(1)) == before


async def test_a_sale_on_its_way_shows_its_amount(store: Store, client: Client) -> None:
    await sell(store, a_sale())
    text = await page(client)
    assert says(text, "ru", "making")
    assert "<b>120,10&nbsp;₽</b>" in text
    assert 'id="qr"' not in text


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_it_becomes_the_receipt(
    store: Store, client: Client, news: Bell, language: str
) -> None:
    paid = (Tender(by="cash", amount=10000), Tender(by="cashless-1", amount=2010))
    await sell(store, a_sale(tenders=paid))
    await issue(store, news)
    text = await page(client, language=language)
    numbers = {
        "ru": ("120,10&nbsp;₽", "100,00", "20,10", "21,66", "22\u00a0%", "23.11.2026 15:42"),
        "en": ("120.10&nbsp;₽", "100.00", "20.10", "21.66", "22%", "23 Nov 2026 15:42"),
    }
    facts = [
        *numbers[language],
        *("Капучино 200 мл", "ООО «Кофе на ходу»", INN, f"№ {MACHINE}"),
        *("г. Москва, ул. Примерная, д. 1", "ТЦ &#34;Ромашка&#34;, 1 этаж"),
        *("9999078900000001", "3141592653", escape(a_document().qr)),
    ]
    assert [fact for fact in facts if fact not in text] == []
    words = ["receipt", "cash", "cashless", "taxation", "USN_INCOME", "check", "fn", "fd", "fp"]
    assert [word for word in words if not says(text, language, word)] == []
    assert "<svg" in text


async def test_a_receipt_without_vat_says_so(store: Store, client: Client, news: Bell) -> None:
    await sell(store, a_sale(item="0002"))
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
    await leave(store)
    await hear(store, Dead("code 25: unpaid"))
    text = await page(client)
    assert says(text, "ru", "needs_hand")
    assert "unpaid" not in text


async def ask(store: Store, asked: Receipt) -> None:
    async with store.transaction() as connection:
        told = [Asked(asked, MACHINE, "main", now_ms())]
        await receipts.ask(connection, told, "test", now_ms())


async def the_request(store: Store) -> Receipt:
    (row,) = await rows(store, sa.select(receipt.c.request))
    return msgspec.json.decode(row.request, type=Receipt)


async def close(store: Store) -> None:
    async with store.transaction() as connection:
        why = "made at the till: 17"
        await decisions.close(connection, id_of(1), Purpose.INCOME, why, "anna", now_ms())


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_a_sale_that_was_closed_by_hand_says_whom_to_ask(
    store: Store, client: Client, language: str
) -> None:
    await sell(store, a_sale())
    await close(store)
    text = await page(client, language=language)
    assert says(text, language, "closed_title")
    assert OPERATOR.name in text
    assert INN in text
    assert "till" not in text


@pytest.mark.parametrize(
    ("cause", "word"),
    [
        (Cause(by_order=False, day="2026-11-23"), "of_ones_own"),
        (Cause(by_order=True, day="2026-11-23", number="77-1"), "by_order"),
    ],
)
@pytest.mark.parametrize("language", ["ru", "en"])
async def test_a_correction_says_that_it_is_one_and_of_which_day(
    store: Store, client: Client, language: str, cause: Cause, word: str
) -> None:
    await sell(store, a_sale())
    await close(store)
    asked = await the_request(store)
    replaced = msgspec.structs.replace(asked, purpose=Purpose.CORRECTION, cause=cause)
    await ask(store, replaced)
    await leave(store)
    await hear(store, Done(a_document(5)), f"{id_of(1)}-c")
    text = unescape(await page(client, language=language))
    receipt_of, correction = WORDS[language]["receipt"], WORDS[language]["correction"]
    assert f"<h1>{receipt_of} · {correction}</h1>" in text
    assert f"<dd>{'23.11.2026' if language == 'ru' else '23 Nov 2026'}</dd>" in text
    assert says(text, language, word)
    assert (cause.number in text) is cause.by_order or not cause.number
    assert a_document(5).qr in text


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_a_returned_receipt_shows_the_document_of_its_return(
    store: Store, client: Client, news: Bell, language: str
) -> None:
    await sell(store, a_sale())
    await issue(store, news)
    assert 'id="returned"' not in await page(client, language=language)
    await ask(store, return_of(await the_request(store), a_document(), "2026-11-24T10:00:00"))
    await leave(store)
    back = FiscalDocument(
        fn="9999078900000001", fd=9, fp=271828182, at="20261124T1000", total=12010, sign=2
    )
    await hear(store, Done(back), f"{id_of(1)}-r")
    text = unescape(await page(client, language=language))
    income, returned = text.split('<section id="returned">')
    assert a_document().qr in income
    assert says(returned, language, "income_return")
    assert [fact for fact in (back.qr, "271828182", "<dd>9</dd>") if fact not in returned] == []


async def test_a_sale_that_its_seller_gives_no_receipt_for_is_not_called_free(
    store: Store, client: Client
) -> None:
    policies = Policies(fiscalise_cashless=False)
    machine = msgspec.structs.replace(MACHINE_AT_WORK, policies=policies)
    paid = (Tender(by="cashless-1", amount=12010),)
    await sell(store, a_sale(tenders=paid), site=msgspec.structs.replace(SITE, machine=machine))
    text = await page(client)
    assert says(text, "ru", "closed_title")
    assert not says(text, "ru", "no_receipt_hint")


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
    replace = msgspec.structs.replace
    machine = replace(MACHINE_AT_WORK, address=HOSTILE, place=HOSTILE)
    product = replace(SITE.products["cappuccino"], name=HOSTILE)
    await stock(store, *a_fleet(replace(OPERATOR, name=HOSTILE)))
    site = replace(SITE, machine=machine, products={**SITE.products, product.id: product})
    client = await serve(store, news)
    await sell(store, a_sale(), site=site)
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
        assert "120,10&nbsp;₽" in second[1]
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


async def test_so_many_pages_may_wait_and_no_more(store: Store, news: Bell) -> None:
    client = await serve(store, news, most_open=2)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            stream = await stack.enter_async_context(Stream(client))
            await stream.next()
        async with client.get(f"{PAGE}/events") as refused:
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "30"
        assert says(await page(client), "ru", "making")

    async def has_room() -> bool:
        news.ring()  # a stream finds out that its page is gone when it has something to say
        async with client.get(f"{PAGE}/events") as answer:
            return answer.status == 200

    await sell(store, a_sale())
    await eventually(has_room)
    await client.close()


async def test_a_store_that_cannot_be_read_is_asked_again(
    tmp_path: Path, migrated: Path, news: Bell
) -> None:
    threads = set(threading.enumerate())
    folder = tmp_path / "not there yet"
    store = Store(folder / "cloud.sqlite")
    client = await serve(store, news)
    for language in ("ru", "en"):
        async with client.get(PAGE, headers={"Accept-Language": language}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            text = await answer.text()
        assert says(text, language, "busy")
        assert '<meta http-equiv="refresh" content="5">' in text
    with capture_logs() as logged:
        async with Stream(client) as stream:
            await until(lambda: logged)
            folder.mkdir()
            shutil.copy(migrated, folder / "cloud.sqlite")
            await sell(store, a_sale())
            await issue(store, news)
            told = await stream.next()
            while told is not None and "<svg" not in told[1]:
                told = await stream.next()
    assert told is not None
    assert escape(a_document().qr) in told[1]
    await client.close()
    await store.close()
    # The driver's thread of a connection that failed says goodbye by itself.
    await until(lambda: set(threading.enumerate()) <= threads)

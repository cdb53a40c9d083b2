"""The kiosk page in a real browser, at every size, read by a decoder; when its agent is away; when it goes itself."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web
from parts import free_port, program, until
from PIL import Image
from playwright.async_api import Browser, Error, Page, Request, async_playwright, expect
from specimens import FISCAL, StillClock, read, receipt, sale

from edge.buyer.panel import Panel, fit
from edge.buyer.picture import Picture
from edge.buyer.presenter import Answered, Policy, Sold, Tick
from edge.buyer.qr import encode
from edge.buyer.short_link import with_short_link
from edge.displays.kiosk import BEAT_S, Kiosk
from edge.server import serve
from edge.stage import UNSEEN_S, Stage
from edge.wire import Shown

QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
pytestmark = pytest.mark.needs("chromium")
expect.set_options(timeout=30_000)  # playwright's own five seconds are few for a busy machine
SIZES = [
    *[(128, 128), (240, 240), (250, 122), (320, 240), (240, 320), (480, 320), (320, 480)],
    *[(800, 480), (480, 800), (1024, 600), (1280, 800), (1920, 1080)],
]
LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
READY = Picture(
    "ready",
    "Ваш чек",
    "Your receipt",
    product="Горячий шоколад с маршмеллоу и корицей",
    amount="12 345,00 ₽",
    hint="Проверьте в приложении «Проверка чеков ФНС»",
    hint_en="Fiscal QR code",
    code=encode(FISCAL),
    link=LINK,
)
SHORT = with_short_link(READY)
IDLE = Picture("idle", "Выберите напиток", "Choose a drink")
NOTICE = Picture("notice", "Автомат на обслуживании до 15:00. Приносим извинения. " * 3, "")
ROWS = ["title", "title_en", "mark", "mark_en", "product", "amount", "hint", "hint_en"]


@pytest.fixture(autouse=True)
def quick_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that comes up at once."""
    monkeypatch.setattr("edge.stage.START_S", UNSEEN_S)


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program("chromium"), args=list(QUIET)
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def served(kiosk: Kiosk, port: int) -> AsyncIterator[None]:
    server: web.AppRunner = await serve(f"127.0.0.1:{port}", kiosk.routes())
    try:
        yield
    finally:
        await server.cleanup()


async def shown(kiosk: Kiosk, picture: Picture) -> None:
    seen: list[str] = []
    kiosk.show(picture, seen.append)
    await until(lambda: seen)


async def photo(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(await page.screenshot())).convert("L")


@pytest.mark.parametrize("ratio", [1, 1.5])
async def test_a_phone_reads_the_page_at_every_size(chromium: Browser, ratio: float) -> None:
    kiosk, port = Kiosk(), free_port()
    async with served(kiosk, port):
        page = await (await chromium.new_context(device_scale_factor=ratio)).new_page()
        kiosk.show(IDLE, lambda _: None)
        await page.goto(f"http://127.0.0.1:{port}/")
        for width, height in SIZES:
            await page.set_viewport_size(
                {"width": int(width / ratio), "height": int(height / ratio)}
            )
            pixels = Panel(round(int(width / ratio) * ratio), round(int(height / ratio) * ratio))
            for picture in (READY, SHORT):
                await shown(kiosk, picture)
                image = await photo(page)
                assert picture.code is not None
                assert read(image) == picture.code.text
                module = await page.evaluate(
                    "(() => { const svg = document.querySelector('#code svg');"
                    " return svg.getBoundingClientRect().width / svg.dataset.size"
                    " * devicePixelRatio; })()"
                )
                assert module == pytest.approx(round(module), abs=0.01)
                found = fit(pixels, picture.code.size)
                assert found is not None
                if picture is READY:
                    assert round(module) == found.module_px
                assert 2 <= round(module) <= found.module_px
            for kind in (READY, SHORT, IDLE, NOTICE):
                await shown(kiosk, kind)
                assert await _outside(page) == [], (width, height, kind.kind)


async def _outside(page: Page) -> list[str]:
    """Rows of words that are not wholly on the page."""
    outside: list[str] = await page.evaluate(
        """(rows) => rows.filter((id) => {
          const row = document.getElementById(id), box = row.getBoundingClientRect();
          if (!row.textContent || !box.height) return false;
          return box.left < 0 || box.top < -1 || box.right > innerWidth || box.bottom > innerHeight + 1
            || row.scrollWidth > row.clientWidth + 1;
        })""",
        ROWS,
    )
    return outside


async def test_the_page_says_that_a_code_is_not_the_fiscal_one(chromium: Browser) -> None:
    kiosk, port = Kiosk(short_link=True), free_port()
    async with served(kiosk, port):
        page = await chromium.new_page(viewport={"width": 480, "height": 320})
        await page.goto(f"http://127.0.0.1:{port}/")
        await shown(kiosk, READY)
        await expect(page.locator("#mark")).to_be_visible()
        await expect(page.locator("#mark")).to_have_text("Это не фискальный QR-код")
        await expect(page.locator("#mark_en")).to_be_visible()
        assert read(await photo(page)) == LINK.upper()


async def test_the_page_comes_back_by_itself_and_blank_it_is_while_its_agent_is_away(
    chromium: Browser,
) -> None:
    port = free_port()
    page = await chromium.new_page(viewport={"width": 480, "height": 320})
    await page.clock.install()
    async with served(first := Kiosk(), port):
        await page.goto(f"http://127.0.0.1:{port}/")
        first.show(READY, lambda _: None)
        await expect(page.locator("#code")).to_be_visible()
    await expect(page.locator("#offline")).to_be_visible()
    assert read(await photo(page)) == FISCAL
    await page.clock.fast_forward(61_000)
    await expect(page.locator("#code")).to_be_hidden()
    await expect(page.locator("#title")).to_be_hidden()
    async with served(second := Kiosk(), port):
        second.show(READY, lambda _: None)
        await expect(page.locator("#code")).to_be_visible()
        await expect(page.locator("#offline")).to_be_hidden()
        await asyncio.sleep(0)
        assert read(await photo(page)) == FISCAL


async def test_an_answer_that_is_no_stream_is_asked_again(chromium: Browser) -> None:
    kiosk, port = Kiosk(), free_port()
    page = await chromium.new_page(viewport={"width": 480, "height": 320})
    asked: list[int] = []

    async def broken(_request: web.Request) -> web.Response:
        asked.append(1)
        return web.Response(status=503)

    routes = [each for each in kiosk.routes() if isinstance(each, web.RouteDef)]
    without = [each for each in routes if each.path != "/events"]
    server = await serve(f"127.0.0.1:{port}", [*without, web.get("/events", broken)])
    await page.goto(f"http://127.0.0.1:{port}/")
    await until(lambda: asked)
    await server.cleanup()
    async with served(kiosk, port):
        kiosk.show(READY, lambda _: None)
        await expect(page.locator("#code")).to_be_visible()


async def _close(page: Page) -> None:
    await page.close()


async def _crash(page: Page) -> None:
    with suppress(Error):
        await page.goto("chrome://crash")


async def _leave(page: Page) -> None:
    await page.goto("about:blank")


async def _hide(page: Page) -> None:
    await _be(page, hidden="true")


async def _be(page: Page, hidden: str) -> None:
    await page.evaluate(
        f"Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }});"
        "document.dispatchEvent(new Event('visibilitychange'));"
    )


@pytest.mark.parametrize("go", [_close, _crash, _leave, _hide])
async def test_a_page_that_goes_ends_the_evidence_and_its_kiosk_fails_until_another_comes(
    chromium: Browser, go: Callable[[Page], Awaitable[None]]
) -> None:
    kiosk, port, clock, shown, bought = Kiosk(), free_port(), StillClock(), list[Shown](), sale()
    stage = Stage({"kiosk": kiosk}, Policy(qr="fiscal"), {}, clock, shown.append)
    stage.happen(Sold(bought))
    stage.happen(Answered(bought, receipt(bought)))
    clock.seconds += UNSEEN_S
    stage.happen(Tick())
    assert stage.failing == ("kiosk",)
    async with served(kiosk, port):
        page = await chromium.new_page()
        await page.goto(f"http://127.0.0.1:{port}/")
        await until(lambda: stage.failing == ())
        times = [clock.now().iso]
        clock.seconds += 5
        times.append(clock.now().iso)
        await go(page)
        await until(lambda: shown)
        clock.seconds += UNSEEN_S
        stage.happen(Tick())
        assert stage.failing == ("kiosk",)
        page = await chromium.new_page()
        await page.goto(f"http://127.0.0.1:{port}/")
        await until(lambda: stage.failing == ())
        times.append(clock.now().iso)
        clock.seconds += 10
        times.append(clock.now().iso)
        stage.close()
    assert [(each.shown_at, each.hidden_at, each.reason) for each in shown] == [
        (times[0], times[1], "gone"),
        (times[2], times[3], "stopped"),
    ]


async def test_a_page_that_nobody_can_see_is_blank_and_comes_back_as_it_should_be(
    chromium: Browser,
) -> None:
    kiosk, port, heard = Kiosk(), free_port(), list[str]()
    kiosk.watch(lambda: heard.append("gone"))
    kiosk.show(READY, lambda _: heard.append("ready"))
    async with served(kiosk, port):
        page = await chromium.new_page(viewport={"width": 480, "height": 320})
        await page.goto(f"http://127.0.0.1:{port}/")
        await until(lambda: heard == ["ready"])
        await _be(page, hidden="true")
        await until(lambda: heard == ["ready", "gone"])
        await expect(page.locator("#code")).to_be_hidden()
        await expect(page.locator("#title")).to_be_hidden()
        await _be(page, hidden="false")
        await until(lambda: heard == ["ready", "gone", "ready"])
        await expect(page.locator("#offline")).to_be_hidden()
        assert read(await photo(page)) == FISCAL


async def test_where_one_of_two_pages_goes_the_evidence_goes_on(chromium: Browser) -> None:
    kiosk, port, heard = Kiosk(), free_port(), list[str]()
    kiosk.watch(lambda: heard.append("gone"))
    async with served(kiosk, port):
        pages = [await chromium.new_page() for _ in range(2)]
        for page in pages:
            await page.goto(f"http://127.0.0.1:{port}/")
        said: set[Page] = set()

        def finished(request: Request) -> None:
            if "/painted/" in request.url:
                said.add(request.frame.page)  # and again, where its stream was cut meanwhile

        for page in pages:
            page.on("requestfinished", finished)
        kiosk.show(READY, heard.append)
        await until(lambda: len(said) == 2)
        await pages[0].close()
        await asyncio.sleep(2 * BEAT_S)
        assert len(heard) == 1
        await pages[1].close()
        await until(lambda: heard[1:] == ["gone"])

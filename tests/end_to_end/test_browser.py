"""The pages in a real browser; the QR read back from the picture by another's decoder."""

import io
import re

import pytest
import zxingcpp
from chain import Chain, sale_of
from PIL import Image
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.needs("mosquitto", "chromium")


def read_code(page: Page) -> str:
    """The one QR code on the page, as a phone would read it from the glass."""
    image = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    (code,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    return code.text


def test_a_drink_is_picked_and_its_receipt_lights_up_on_the_machine(
    chain: Chain, chromium: Browser
) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{chain.kiosk}/machine")
    screen = page.frame_locator("iframe")
    expect(screen.locator("#title")).to_have_text("Выберите напиток")

    page.click("button[data-item='0003']")

    expect(screen.locator("#title")).to_have_text("Ваш чек")
    expect(screen.locator("#amount")).to_have_text("120,00 ₽")
    expect(page.locator("#bus")).to_contain_text("SALE  item 0003  120.00 RUB")
    (document,) = chain.documents()
    assert read_code(page) == document["qr"]
    with page.expect_popup() as popup:
        page.click("#receipt")
    expect(popup.value.locator("#total")).to_have_text("120.00 ₽")  # English, as the browser


@pytest.mark.parametrize("size", [(320, 240), (480, 800), (800, 480), (1080, 1920)])
def test_the_kiosk_page_shows_the_fiscal_code_on_any_panel(
    chain: Chain, chromium: Browser, size: tuple[int, int]
) -> None:
    page = chromium.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(chain.kiosk)
    chain.press("0004")

    expect(page.locator("#title")).to_have_text("Ваш чек")
    (document,) = chain.documents()
    assert read_code(page) == document["qr"]
    module = page.evaluate(
        "(() => { const svg = document.querySelector('#code svg');"
        " return svg.getBoundingClientRect().width / Number(svg.dataset.size); })()"
    )
    assert module == int(module) >= 2
    price = page.locator("#amount").bounding_box()
    assert price is not None
    assert price["x"] >= 0
    assert price["x"] + price["width"] <= size[0]


def test_the_display_says_what_it_painted(chain: Chain, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(chain.kiosk)
    chain.press("0001")
    expect(page.locator("#title")).to_have_text("Ваш чек")
    (document,) = chain.documents()

    chain.until(lambda: _painted(chain, "ready"))

    (ready,) = _painted(chain, "ready")
    assert (ready["sale_id"], ready["qr"]) == (sale_of(document), document["qr"])


def test_the_receipt_page_works_from_the_first_second_and_becomes_the_receipt(
    chain: Chain, chromium: Browser
) -> None:
    machine = chromium.new_page()
    machine.goto(chain.kiosk)
    chain.kill("cloud")
    chain.press("0002")
    expect(machine.locator("#title")).to_have_text("Чек оформляется…")
    link = read_code(machine)
    assert re.fullmatch(rf"{chain.public}/r/[0-9a-z]{{16}}", link)
    chain.kill("emulator")
    chain.start("cloud")

    page = chromium.new_page(locale="ru-RU")
    page.goto(link)
    expect(page.locator("h1")).to_have_text("Чек оформляется")
    chain.start("emulator")

    expect(page.locator("h1")).to_have_text("Кассовый чек · приход", timeout=40_000)
    (document,) = chain.documents()
    assert read_code(page) == document["qr"]
    expect(machine.locator("#title")).to_have_text("Ваш чек", timeout=20_000)


def test_the_pages_speak_english_too(chain: Chain, chromium: Browser) -> None:
    chain.press("0006", by="cash")
    chain.until(lambda: chain.documents() and chain.untold() == 0)
    page = chromium.new_page(locale="en-US")

    page.goto(chain.cabinet)
    expect(page.locator("h1")).to_have_text("Cabinet")
    page.click("tbody a")

    expect(page.locator("h1")).to_have_text("Fiscal receipt · income")
    expect(page.locator("main")).to_contain_text("Cash")


def test_the_cabinet_lists_a_sale_as_it_happens(chain: Chain, chromium: Browser) -> None:
    page = chromium.new_page(locale="ru-RU")
    page.goto(chain.cabinet)
    expect(page.locator("#sales")).to_contain_text("Продаж ещё не было")

    chain.press("0005")

    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Горячий шоколад")
    expect(row).to_contain_text("выдан")
    expect(row).to_contain_text("ООО «Кофе на ходу»")
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth === 390")


def _painted(chain: Chain, kind: str) -> list[dict[str, object]]:
    return [each for each in chain.get(f"{chain.kiosk}/record") if each["kind"] == kind]

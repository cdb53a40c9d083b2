"""The technician's page over real HTTP, and in a real browser on a phone's glass."""

import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from parts import free_port, program
from playwright.async_api import Browser, async_playwright, expect

from edge.config.technician import Technician
from edge.errors import ConfigError
from edge.technician.gate import IDLE_S, OF_ONE, WAIT_S
from edge.technician.page import COOKIE, TechnicianPage, technician_page
from edge.technician.status import DisplayStatus, Status

PIN = "407155"
expect.set_options(timeout=30_000)  # playwright's own five seconds are few for a busy machine
Client = TestClient[web.Request, web.Application]


class Machine:
    """What the page asks, and the boot time it is told."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self.now = 1000.0
        self.fails = False

    async def ask(self) -> Status:
        if self.fails:
            raise ValueError("nobody knows")
        return self.status


@pytest.fixture
def machine(well: Status) -> Machine:
    return Machine(well)


@pytest.fixture
async def client(machine: Machine) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(TechnicianPage(PIN, machine.ask, lambda: machine.now).routes())
    async with TestClient(TestServer(app), cookie_jar=CookieJar(unsafe=True)) as opened:
        yield opened


async def enter(client: Client, pin: str = PIN) -> int:
    async with client.post("/pin", data={"pin": pin}, allow_redirects=False) as answer:
        return answer.status


async def status_of(client: Client, language: str = "en") -> int:
    async with client.get(f"/status?lang={language}") as answer:
        return answer.status


async def test_without_the_pin_there_is_only_the_question_for_it(client: Client) -> None:
    async with client.get("/") as answer:
        page = await answer.text()
    assert 'data-view="pin"' in page
    assert "vm-000123" not in page
    async with client.get("/status") as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "pin"})


async def test_the_right_pin_opens_the_status(client: Client) -> None:
    assert await enter(client) == 303
    async with client.get("/") as answer:
        assert 'data-view="status"' in await answer.text()
    async with client.get("/status?lang=en") as answer:
        told = await answer.json()
    assert told["machine"] == "vm-000123"
    assert (told["verdict"], told["concerns"]) == ("All is well", [])
    assert {"name": "Pending", "value": "1"} in told["sections"][0]["rows"]


async def test_the_cookie_is_for_this_page_alone(client: Client) -> None:
    async with client.post("/pin", data={"pin": PIN}, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert re.match(rf"{COOKIE}=[\w-]{{43}};", cookie)
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert PIN not in cookie


async def test_an_invented_cookie_opens_nothing(client: Client) -> None:
    await enter(client)
    client.session.cookie_jar.clear()
    async with client.get("/status", cookies={COOKIE: "x" * 43}) as answer:
        assert answer.status == 401


async def test_a_wrong_pin_is_told_and_too_many_make_it_wait(
    client: Client, machine: Machine
) -> None:
    async with client.post("/pin", data={"pin": "0000"}) as answer:
        page = await answer.text()
        assert answer.status == 403
    assert "Неверный PIN" in page
    assert "Wrong PIN" in page
    assert [await enter(client, "0000") for _ in range(OF_ONE - 1)] == [403, 403, 403, 429]
    async with client.post("/pin", data={"pin": PIN}) as answer:
        page = await answer.text()
        assert answer.status == 429
    assert "подождите 5 мин" in page
    assert "wait for 5 min" in page
    machine.now += WAIT_S
    assert await enter(client) == 303


async def test_a_session_ends_when_nobody_uses_it(client: Client, machine: Machine) -> None:
    await enter(client)
    machine.now += IDLE_S
    assert await status_of(client) == 200
    machine.now += IDLE_S + 1
    assert await status_of(client) == 401


async def test_a_form_of_any_other_shape_is_refused(client: Client) -> None:
    for body in (b"", b"pin", b"pin=\xff\xfe", b"nip=407155"):
        async with client.post("/pin", data=body, allow_redirects=False) as answer:
            assert answer.status in {403, 429}
    async with client.post("/pin", data=b"x" * 300, allow_redirects=False) as answer:
        assert answer.status == 413


async def test_every_answer_is_kept_by_nobody_and_framed_by_nobody(client: Client) -> None:
    await enter(client)
    policies = set()
    for path in ("/", "/", "/status"):
        async with client.get(path) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            policies.add(answer.headers.get("Content-Security-Policy", ""))
    policies.remove("")
    assert len(policies) == 2  # a nonce of its own each time
    for policy in policies:
        assert policy.startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


async def test_nothing_but_a_pin_can_be_sent(client: Client) -> None:
    await enter(client)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in ("/", "/status"):
            async with client.request(method, path) as answer:
                assert answer.status == 405


async def test_an_agent_that_cannot_tell_is_said(
    client: Client, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    await enter(client)
    machine.fails = True
    assert await status_of(client) == 503
    assert "nobody knows" in caplog.text
    machine.fails = False
    assert await status_of(client) == 200


def pin_file(folder: Path) -> str:
    file = folder / "technician.pin"
    file.write_text(f"{PIN}\n", "ascii")
    file.chmod(0o600)
    return str(file)


async def test_it_listens_where_the_configuration_says(tmp_path: Path, machine: Machine) -> None:
    table = Technician(listen=f"127.0.0.1:{free_port()}", pin_file=pin_file(tmp_path))
    async with (
        technician_page(table, machine.ask, lambda: 0.0),
        ClientSession() as browser,
        browser.get(f"http://{table.listen}/") as answer,
    ):
        assert answer.status == 200
    with socket.socket() as after:
        host, _, port = table.listen.partition(":")
        assert after.connect_ex((host, int(port))) != 0


async def test_a_port_in_use_keeps_no_agent_from_its_work(
    tmp_path: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        went_on = False
        table = Technician(listen=listen, pin_file=pin_file(tmp_path))
        async with technician_page(table, machine.ask, lambda: 0.0):
            went_on = True
    assert went_on
    assert f"technician: {listen} cannot be listened on" in caplog.text


async def test_a_pin_that_is_none_stops_the_start(tmp_path: Path, machine: Machine) -> None:
    table = Technician(listen="127.0.0.1:1", pin_file=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"technician\.pin_file"):
        async with technician_page(table, machine.ask, lambda: 0.0):
            pass


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program("chromium"), args=quiet)
        yield browser
        await browser.close()


@pytest.mark.needs("chromium")
@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("ru-RU", ("Всё в порядке", "Требует внимания: 1", "Экран 1-spi не показывает")),
        ("en-US", ("All is well", "Needs a hand: 1", "Display 1-spi cannot show")),
    ],
)
async def test_a_technician_with_a_phone_sees_it_live(
    client: Client, machine: Machine, chromium: Browser, locale: str, words: tuple[str, str, str]
) -> None:
    phone = await chromium.new_context(viewport={"width": 390, "height": 844}, locale=locale)
    page = await phone.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    address = str(client.make_url("/"))

    await page.goto(address)
    await page.fill("#digits", "1111")
    await page.click("#pin button")
    await expect(page.locator("#message")).to_contain_text("Неверный PIN")
    complaints.clear()  # the browser itself reports a 403
    await page.fill("#digits", PIN)
    await page.click("#pin button")

    await expect(page.locator("#verdict")).to_contain_text(words[0])
    await expect(page.locator("#sections")).to_contain_text("Капучино")
    failing = (DisplayStatus(name="1-spi", failing="no answer <b>"),)
    machine.status = msgspec.structs.replace(machine.status, displays=failing)
    await expect(page.locator("#verdict")).to_contain_text(words[1])
    await expect(page.locator("#concerns")).to_contain_text(words[2])
    await expect(page.locator("#concerns")).to_contain_text("no answer <b>")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width == 390
    assert complaints == []

    await page.click("#language")
    other = "Needs a hand: 1" if locale == "ru-RU" else "Требует внимания: 1"
    await expect(page.locator("#verdict")).to_contain_text(other)
    machine.fails = True
    await expect(page.locator("#away")).to_be_visible()
    machine.fails = False
    await expect(page.locator("#away")).to_be_hidden()
    machine.now += IDLE_S + 1
    await expect(page.locator("#pin")).to_be_visible()
    await phone.close()

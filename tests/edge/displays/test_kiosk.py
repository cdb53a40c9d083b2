"""The kiosk over real HTTP: a page is told what to show, and says when it is on the glass; it goes."""

import asyncio
import json
import logging
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from parts import until
from PIL import Image, ImageDraw
from specimens import FISCAL, StillClock, read, receipt, sale

from edge.buyer.panel import Panel
from edge.buyer.picture import Picture, picture_of
from edge.buyer.presenter import Answered, Policy, Sold, Tick
from edge.buyer.qr import encode
from edge.buyer.screen import Idle, Making, Ready, Screen
from edge.displays.kiosk import Kiosk, svg
from edge.stage import UNSEEN_S, Stage
from edge.wire import Shown

LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
READY = Ready(sale(), 2, FISCAL, LINK, statutory=True, late=False)
Client = TestClient[web.Request, web.Application]


@pytest.fixture(autouse=True)
def quick_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that comes up at once."""
    monkeypatch.setattr("edge.stage.START_S", UNSEEN_S)


class Page:
    """What a browser does: reads events, and says that a frame was painted."""

    def __init__(self, client: Client, lines: AsyncIterator[bytes]) -> None:
        self._client = client
        self._lines = lines
        self._stream = ""

    async def told(self) -> dict[str, Any]:
        async for line in self._lines:
            if line.startswith(b"id: "):
                self._stream = line.removeprefix(b"id: ").decode().strip()
            if line.startswith(b"data: "):
                picture: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                return picture
        raise AssertionError("the stream has ended")

    async def paint(self, frame: str) -> None:
        await paint(self._client, f"{frame}?stream={self._stream}")

    async def paint_what_it_is_told(self) -> str:
        frame = str((await self.told())["frame"])
        await self.paint(frame)
        return frame

    async def beats(self, times: int) -> None:
        """Wait until the kiosk has tried this stream so often."""
        while times:
            times -= (await anext(self._lines)).startswith(b":")


async def paint(client: Client, what: str) -> None:
    async with client.post(f"/painted/{what}") as answer:
        assert answer.status == 204


@pytest.fixture
async def kiosk() -> Kiosk:
    return Kiosk()


@pytest.fixture
async def client(kiosk: Kiosk) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(kiosk.routes())
    async with TestClient(TestServer(app)) as opened:
        yield opened


@asynccontextmanager
async def page_of(client: Client) -> AsyncIterator[Page]:
    async with client.get("/events") as stream:
        assert stream.content_type == "text/event-stream"
        yield Page(client, aiter(stream.content))


def show(kiosk: Kiosk, screen: Screen) -> list[str]:
    """Show it; what is said to be painted goes into the list."""
    seen: list[str] = []
    kiosk.show(picture_of(screen, {"0001": "Капучино"}), seen.append)
    return seen


def photographed(code: str, module: int = 4) -> Image.Image:
    """The SVG as a browser fills it: the white ground, then one black rectangle a run."""
    side = int(re.findall(r'viewBox="0 0 (\d+) \1"', code)[0])
    ground, path = re.findall(r' d="([^"]+)"', code)
    assert ground == f"M0 0h{side}v{side}H0z"
    image = Image.new("L", (side, side), 128)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, side - 1, side - 1), fill=255)
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path)
    assert "".join(f"M{x} {y}h{there}v1h-{back}z" for x, y, there, back in runs) == path
    for x, y, there, back in runs:
        assert there == back
        pen.rectangle((int(x), int(y), int(x) + int(there) - 1, int(y)), fill=0)
    return image.resize((side * module, side * module), Image.Resampling.NEAREST)


@pytest.mark.parametrize("text", [FISCAL, LINK, "0", "Чек 1"])
def test_a_phone_reads_the_drawing(text: str) -> None:
    assert read(photographed(svg(encode(text)))) == text


def test_the_drawing_has_four_modules_of_white_around_the_code() -> None:
    code = encode(FISCAL)
    dark = photographed(svg(code), 1).point(lambda value: 255 - value).getbbox()
    assert dark == (4, 4, 4 + code.size, 4 + code.size)
    assert f'data-size="{code.size + 8}"' in svg(code)


async def test_a_page_is_told_which_page_its_agent_has_and_so_can_load_itself_anew(
    kiosk: Kiosk, client: Client
) -> None:
    show(kiosk, READY)
    async with client.get("/") as answer:
        text = await answer.text()
    async with page_of(client) as page:
        version = (await page.told())["page"]
    assert re.fullmatch("[0-9a-f]{12}", version)
    assert f'const PAGE = "{version}"' in text
    assert "{{" not in text


async def test_the_short_link_is_shown_and_marked_where_that_is_wanted() -> None:
    kiosk = Kiosk(Panel(320, 240), short_link=True)
    app = web.Application()
    app.add_routes(kiosk.routes())
    async with TestClient(TestServer(app)) as opened, page_of(opened) as page:
        show(kiosk, READY)
        told = await page.told()
        await page.paint(told["frame"])
        async with opened.get("/record") as answer:
            record = await answer.json()
    assert read(photographed(told["code"])) == LINK.upper() == record[0]["qr"]
    assert (told["mark"], told["mark_en"]) == ("Это не фискальный QR-код", "Not the fiscal QR code")
    assert kiosk.panel == Panel(320, 240)


async def test_the_page_asks_nobody_else_for_anything(client: Client) -> None:
    async with client.get("/") as answer:
        page = await answer.text()
        assert answer.content_type == "text/html"
    assert re.findall(r"(?:https?:)?//[\w.]+\.\w+", page) == []
    assert "@import" not in page


async def test_a_page_is_told_every_picture_and_a_phone_reads_it(
    kiosk: Kiosk, client: Client
) -> None:
    show(kiosk, Idle())
    async with page_of(client) as page:
        idle = await page.told()
        assert (idle["kind"], idle["code"], idle["sale_id"]) == ("idle", None, None)
        show(kiosk, Making(sale(), LINK))
        making = await page.told()
        assert read(photographed(making["code"])) == LINK
        show(kiosk, READY)
        ready = await page.told()
        assert read(photographed(ready["code"])) == FISCAL
        assert (ready["product"], ready["amount"]) == ("Капучино", "125,10 ₽")
        assert (ready["sale_id"], ready["rev"]) == (sale().sale_id, 2)
    assert len({idle["frame"], making["frame"], ready["frame"]}) == 3


async def test_a_page_that_opens_late_or_twice_sees_what_is_shown_now(
    kiosk: Kiosk, client: Client
) -> None:
    show(kiosk, Idle())
    show(kiosk, READY)
    async with page_of(client) as first, page_of(client) as second:
        assert await first.told() == await second.told()
        show(kiosk, Idle())
        assert (await first.told())["kind"] == (await second.told())["kind"] == "idle"


async def test_a_picture_is_seen_when_the_first_page_says_so_and_once(
    kiosk: Kiosk, client: Client
) -> None:
    seen = show(kiosk, READY)
    async with page_of(client) as first, page_of(client) as second:
        frame = (await first.told())["frame"]
        await second.told()
        assert seen == []
        await first.paint(frame)
        await second.paint(frame)
    assert seen == [frame]
    assert re.fullmatch("[0-9a-f]{64}", frame)


async def test_a_page_that_paints_too_late_or_makes_it_up_proves_nothing(
    kiosk: Kiosk, client: Client
) -> None:
    before = show(kiosk, READY)
    async with page_of(client) as page:
        frame = (await page.told())["frame"]
        after = show(kiosk, Idle())
        await page.paint(frame)
        await page.paint("0" * 64)
    assert (before, after) == ([], [])


async def test_the_record_is_what_the_pages_said(kiosk: Kiosk, client: Client) -> None:
    async with page_of(client) as page:
        for screen in (Idle(), READY):
            show(kiosk, screen)
            await page.paint((await page.told())["frame"])
    async with client.get("/record") as answer:
        record = await answer.json()
    assert [(each["kind"], each["sale_id"], each["rev"], each["qr"]) for each in record] == [
        ("idle", None, 0, None),
        ("ready", sale().sale_id, 2, FISCAL),
    ]
    assert record[0]["painted_at"] <= record[1]["painted_at"]


async def test_a_page_that_was_closed_keeps_nobody_waiting(kiosk: Kiosk, client: Client) -> None:
    show(kiosk, Idle())
    async with page_of(client) as gone:
        await gone.told()
    async with page_of(client) as stays:
        await stays.told()
        for screen in (READY, Idle(), READY):
            show(kiosk, screen)
        assert [(await stays.told())["kind"] for _ in range(3)] == ["ready", "idle", "ready"]


class Watch:
    """Who shows a picture, and hears that it was seen and went."""

    def __init__(self, kiosk: Kiosk) -> None:
        self.heard: list[str] = []
        kiosk.watch(lambda: self.heard.append("gone"))
        self.frame = ""
        kiosk.show(picture_of(READY, {}), self.painted)

    def painted(self, frame: str) -> None:
        self.frame = frame
        self.heard.append("seen")


async def test_a_page_that_closes_takes_its_picture_along_and_one_that_comes_brings_it_back(
    kiosk: Kiosk, client: Client
) -> None:
    watch = Watch(kiosk)
    for times in (1, 2):
        async with page_of(client) as page:
            await page.paint_what_it_is_told()
            await page.beats(1)
            assert watch.heard == ["seen", "gone"] * (times - 1) + ["seen"]
        await until(lambda times=times: watch.heard == ["seen", "gone"] * times)
    async with client.get("/record") as answer:
        assert [each["frame"] for each in await answer.json()] == [watch.frame] * 2


async def test_a_picture_is_gone_with_the_last_page_that_painted_it(
    kiosk: Kiosk, client: Client
) -> None:
    watch = Watch(kiosk)
    async with page_of(client) as stays:
        async with page_of(client) as goes:
            await goes.paint_what_it_is_told()
            await stays.paint_what_it_is_told()
        await stays.beats(3)
        assert watch.heard == ["seen"]
    await until(lambda: watch.heard == ["seen", "gone"])


async def test_a_page_that_has_not_painted_holds_no_picture(kiosk: Kiosk, client: Client) -> None:
    watch = Watch(kiosk)
    async with page_of(client) as slow:
        await slow.told()
        async with page_of(client) as quick:
            await quick.paint_what_it_is_told()
        await until(lambda: watch.heard == ["seen", "gone"])
        await slow.paint(watch.frame)
        assert watch.heard == ["seen", "gone", "seen"]


async def test_a_page_that_goes_before_it_painted_takes_nothing_along(
    kiosk: Kiosk, client: Client
) -> None:
    watch = Watch(kiosk)
    async with page_of(client) as stays:
        async with page_of(client) as goes:
            await goes.told()
            await stays.paint_what_it_is_told()
        await stays.beats(3)
        kiosk.show(picture_of(Idle(), {}), lambda _: None)
        await stays.told()
    async with page_of(client) as later:
        await later.beats(3)
    assert watch.heard == ["seen"]


async def test_where_no_page_is_open_nothing_was_painted(kiosk: Kiosk, client: Client) -> None:
    watch = Watch(kiosk)
    async with page_of(client) as page:
        frame = await page.paint_what_it_is_told()
        await paint(client, f"{frame}?stream=4711")
        await paint(client, f"{frame}?stream=")
    await until(lambda: watch.heard == ["seen", "gone"])
    await page.paint(frame)
    await paint(client, frame)
    await paint(client, f"{frame}?stream=4711")
    assert watch.heard == ["seen", "gone"]
    async with client.get("/record") as answer:
        assert len(await answer.json()) == 1


async def test_a_player_that_names_no_stream_is_there_while_its_stream_is_open(
    kiosk: Kiosk, client: Client
) -> None:
    watch = Watch(kiosk)
    async with page_of(client) as player:
        await paint(client, (await player.told())["frame"])
        await player.beats(1)
        assert watch.heard == ["seen"]
        await paint(client, watch.frame)
        assert watch.heard == ["seen"]
    await until(lambda: watch.heard == ["seen", "gone"])


async def test_the_evidence_is_of_the_time_that_a_page_was_there(
    kiosk: Kiosk, client: Client
) -> None:
    clock, shown, bought = StillClock(), list[Shown](), sale(1)
    stage = Stage({"kiosk": kiosk}, Policy(qr="fiscal"), {}, clock, shown.append)
    stage.happen(Sold(bought))
    stage.happen(Answered(bought, receipt(bought)))
    times = [clock.now().iso]
    async with page_of(client) as page:
        frame = await page.paint_what_it_is_told()
        clock.seconds += 7
        times.append(clock.now().iso)
    await until(lambda: shown)
    clock.seconds += 3
    times.append(clock.now().iso)
    async with page_of(client) as page:
        await page.paint_what_it_is_told()
        clock.seconds += 50
        times.append(clock.now().iso)
        stage.happen(Tick())
    assert [(each.shown_at, each.hidden_at, each.reason) for each in shown] == [
        (times[0], times[1], "gone"),
        (times[2], times[3], "timeout"),
    ]
    assert {(each.rev, each.frame_sha256, each.display) for each in shown} == {(1, frame, "kiosk")}
    assert (stage.failing, stage.faults) == ((), 0)


async def test_a_kiosk_without_a_page_fails_until_a_page_is_there(
    kiosk: Kiosk, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    clock = StillClock()
    stage = Stage({"kiosk": kiosk}, Policy(), {}, clock, lambda _: None)
    for seconds, failing in ((UNSEEN_S - 1, ()), (1, ("kiosk",)), (60, ("kiosk",))):
        clock.seconds += seconds
        stage.happen(Tick())
        assert stage.failing == failing
    with caplog.at_level(logging.WARNING):
        async with page_of(client) as page:
            await page.paint_what_it_is_told()
            clock.seconds += 1000
            stage.happen(Tick())
            assert (stage.failing, stage.faults) == ((), 1)
    assert caplog.text.count("no page shows its picture") == 1
    assert caplog.text.count("display kiosk: works again") == 1


async def test_a_page_that_takes_nothing_any_more_is_gone(
    kiosk: Kiosk,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("edge.displays.kiosk.DEAF_S", 1)
    caplog.set_level("WARNING")
    watch = Watch(kiosk)
    async with page_of(client) as page:
        frame = (await page.told())["frame"]
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.connect((client.server.host, client.server.port))
        deaf.send(b"GET /events HTTP/1.1\r\nHost: kiosk\r\n\r\n")
        await asyncio.to_thread(deaf.recv, 10)
        for number in range(500):
            kiosk.show(Picture("notice", f"{number} {'x' * 20_000}", ""), lambda _: None)
        kiosk.show(picture_of(READY, {}), watch.painted)
        await paint(client, f"{frame}?stream=2")  # the first is closed, and may not be noticed yet
        assert watch.heard == ["seen"]
        await until(lambda: watch.heard == ["seen", "gone"])
    async with page_of(client) as page:
        await page.paint_what_it_is_told()
    assert watch.heard == ["seen", "gone", "seen"]
    assert caplog.text == ""

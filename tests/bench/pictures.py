"""The displays: a receipt's picture handed over until it is out, beside its QR code alone."""

import asyncio
import os
import statistics
import tempfile
import threading
import time
import tty
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from figure import Figure
from specimens import receipt, sale

from edge.buyer import qr
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture, picture_of
from edge.buyer.screen import Ready
from edge.displays import Display

ROUNDS = 30
SEVEN = Panel(width=800, height=480, width_mm=154, height_mm=86)


async def measure_pictures() -> Iterator[Figure]:
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for name, display in _displays(Path(folder)):
            ours, bare = [], []
            for number in range(1, ROUNDS + 1):
                shown = _ready(number)
                began = time.perf_counter()
                picture = picture_of(shown, {})
                await _painted(display, picture)
                ours.append(time.perf_counter() - began)
                began = time.perf_counter()
                qr.encode(f"{shown.qr}0")
                bare.append(time.perf_counter() - began)
            display.close()
            figures.append(
                Figure(
                    f"receipt to picture, {name}",
                    1000 * statistics.median(ours),
                    1000 * statistics.median(bare),
                    "ms",
                    "its QR code alone",
                )
            )
    return iter(figures)


def _ready(number: int) -> Ready:
    of = sale(number)
    code = receipt(of).qr
    assert code is not None
    return Ready(of, 1, code, None, statutory=True, late=False)


async def _painted(display: Display, picture: Picture) -> None:
    painted = asyncio.Event()
    display.show(picture, lambda _: painted.set())
    async with asyncio.timeout(10):
        await painted.wait()


def _displays(folder: Path) -> Iterator[tuple[str, Display]]:
    from luma.core.interface.serial import noop

    from edge.displays.framebuffer import Framebuffer, Geometry
    from edge.displays.luma import Luma
    from edge.displays.png import Png
    from edge.displays.pole import Pole
    from edge.displays.terminal import Terminal

    yield "terminal", Terminal(StringIO())
    yield "png 800 x 480", Png(folder / "screen.png", SEVEN)
    memory = Geometry(width=800, height=480, bits=32, stride=3200)
    device = folder / "fb0"
    device.write_bytes(bytes(480 * 3200))
    yield "framebuffer 800 x 480 x 32", Framebuffer(device, memory, SEVEN, rotate=0)
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    threading.Thread(target=_swallow, args=(ours,), daemon=True).start()
    yield "pole 2 x 20", Pole(os.ttyname(theirs), baud=9600, columns=20, rows=2)
    panel = Panel(width=320, height=240, width_mm=58, height_mm=43)
    yield "luma ili9341 320 x 240", Luma("ili9341", noop, panel, gpio=noop())


def _swallow(descriptor: int) -> None:
    while True:
        try:
            os.read(descriptor, 4096)
        except OSError:
            return

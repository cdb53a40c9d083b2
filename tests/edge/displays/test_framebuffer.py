"""A frame buffer made of real files: what is written is read back pixel by pixel, as the glass does."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from parts import until
from PIL import Image
from specimens import FISCAL, read

from edge.buyer.layout import draw, fingerprint
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.buyer.qr import encode
from edge.displays.framebuffer import Framebuffer, Geometry, geometry
from edge.errors import StartError

LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
READY = Picture(
    "ready", "Ваш чек", "Your receipt", "Капучино", "125,10 ₽", code=encode(FISCAL), link=LINK
)


@dataclass(frozen=True)
class Kernel:
    """A device file and what the kernel says of it."""

    device: Path
    graphics: Path

    def says(self, **values: str) -> None:
        for name, value in values.items():
            (self.graphics / "fb0" / name).write_text(f"{value}\n")

    def glass(self, memory: Geometry) -> Image.Image:
        """What would be seen: every pixel unpacked one by one."""
        seen = Image.new("RGB", (memory.width, memory.height))
        raw, step = self.device.read_bytes(), memory.bits // 8
        pixels = []
        for y in range(memory.height):
            for x in range(memory.width):
                at = y * memory.stride + x * step
                pixels.append(_colour(raw[at : at + step]))
        seen.putdata(pixels)
        return seen


def _colour(pixel: bytes) -> tuple[int, int, int]:
    if len(pixel) > 2:
        blue, green, red = pixel[:3]
        return red, green, blue
    value = int.from_bytes(pixel, "little")
    return (value >> 11) * 255 // 31, (value >> 5 & 63) * 255 // 63, (value & 31) * 255 // 31


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    made = Kernel(tmp_path / "dev" / "fb0", tmp_path / "graphics")
    made.device.parent.mkdir()
    made.device.write_bytes(b"")
    (made.graphics / "fb0").mkdir(parents=True)
    made.says(virtual_size="160,128", bits_per_pixel="32", stride="640")
    return made


async def shown(display: Framebuffer, picture: Picture = READY) -> str:
    seen: list[str] = []
    display.show(picture, seen.append)
    await until(lambda: seen)
    return seen[0]


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("rest", [0, 12], ids=["close", "padded"])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
async def test_the_glass_shows_the_picture_whatever_its_bits_rows_and_turn(
    kernel: Kernel, bits: int, rest: int, rotate: int
) -> None:
    kernel.says(bits_per_pixel=str(bits), stride=str(160 * bits // 8 + rest))
    memory = geometry(kernel.device, kernel.graphics)
    assert memory == Geometry(160, 128, bits, 160 * bits // 8 + rest)
    display = Framebuffer(kernel.device, memory, Panel(160, 128), rotate=rotate)
    evidence = await shown(display)
    wanted = draw(READY, display.panel)
    assert wanted.size == ((160, 128) if rotate % 180 == 0 else (128, 160))
    assert evidence == fingerprint(wanted)
    # As the panel is mounted: the buyer turns the glass back.
    seen = kernel.glass(memory).rotate(rotate, expand=True).convert("L")
    assert read(seen) == FISCAL
    worst = max(
        abs(one - other) for one, other in zip(seen.tobytes(), wanted.tobytes(), strict=True)
    )
    assert worst <= (8 if bits == 16 else 0)
    assert kernel.device.stat().st_size == memory.stride * 128
    display.close()
    assert kernel.glass(memory).getextrema() == ((255, 255),) * 3


async def test_a_second_screen_in_the_same_memory_is_not_written_to(kernel: Kernel) -> None:
    kernel.says(virtual_size="160,256", modes="U:160x128p-0")
    memory = geometry(kernel.device, kernel.graphics)
    assert (memory.width, memory.height) == (160, 128)
    kernel.says(modes="U:1920x1080p-0")
    assert geometry(kernel.device, kernel.graphics).height == 256


async def test_the_short_link_is_shown_where_that_is_wanted(kernel: Kernel) -> None:
    memory = geometry(kernel.device, kernel.graphics)
    display = Framebuffer(kernel.device, memory, Panel(160, 128), short_link=True)
    await shown(display)
    assert read(kernel.glass(memory)) == LINK.upper()
    display.close()


def test_a_device_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"fb7 is not there.*Raspberry Pi 5.*kiosk"):
        geometry(tmp_path / "fb7", tmp_path)


@pytest.mark.parametrize(
    "told", [{"bits_per_pixel": "8"}, {"stride": "600"}, {"virtual_size": "160"}, {"stride": "x"}]
)
def test_memory_that_cannot_be_written_is_refused(kernel: Kernel, told: dict[str, str]) -> None:
    kernel.says(**told)
    with pytest.raises(StartError, match=r"^display framebuffer: .*fb0 "):
        geometry(kernel.device, kernel.graphics)


def test_a_device_that_may_not_be_written_to_is_told_at_the_start(kernel: Kernel) -> None:
    memory = geometry(kernel.device, kernel.graphics)
    kernel.device.unlink()
    kernel.device.mkdir()
    with pytest.raises(StartError, match=r"cannot be written to: Is a directory.*video"):
        Framebuffer(kernel.device, memory, Panel(160, 128))


def _gone(device: Path) -> None:
    device.unlink()


def _full(device: Path) -> None:
    device.unlink()
    device.symlink_to("/dev/full")


@pytest.mark.parametrize("breaks", [_gone, _full])
async def test_a_panel_that_fails_is_said_once_and_shows_the_next_picture(
    kernel: Kernel, breaks: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    memory = geometry(kernel.device, kernel.graphics)
    display, seen = Framebuffer(kernel.device, memory, Panel(160, 128)), list[str]()
    await shown(display)
    breaks(kernel.device)
    display.show(READY, seen.append)
    await until(lambda: caplog.records)
    assert seen == []
    kernel.device.unlink(missing_ok=True)
    kernel.device.write_bytes(b"")
    await shown(display)
    assert read(kernel.glass(memory)) == FISCAL
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    display.close()


async def test_the_evidence_does_not_come_before_the_pixels(kernel: Kernel) -> None:
    memory = geometry(kernel.device, kernel.graphics)
    display = Framebuffer(kernel.device, memory, Panel(160, 128))
    size: list[int] = []
    display.show(READY, lambda _: size.append(os.stat(kernel.device).st_size))  # noqa: PTH116
    await until(lambda: size)
    assert size == [memory.stride * memory.height]
    display.close()

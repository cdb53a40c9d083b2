from pathlib import Path

import pytest

from edge.displays._edid import parse, size_mm


def edid(
    mm: tuple[int, int] = (154, 86), cm: tuple[int, int] = (15, 9), *, timing: bool = True
) -> bytes:
    """The 128 bytes of a panel, by VESA's table."""
    block = bytearray(128)
    block[:8] = bytes.fromhex("00ffffffffffff00")
    block[21:23] = bytes(cm)
    if timing:
        block[54:56] = b"\x01\x1d"
        block[66], block[67] = mm[0] & 255, mm[1] & 255
        block[68] = mm[0] >> 8 << 4 | mm[1] >> 8
    block[127] = -sum(block) % 256
    return bytes(block)


@pytest.mark.parametrize("mm", [(154, 86), (527, 296), (1210, 680)])
def test_the_millimetres_of_the_first_timing_are_taken(mm: tuple[int, int]) -> None:
    assert parse(edid(mm)) == mm


def test_without_a_timing_the_centimetres_are_taken() -> None:
    assert parse(edid(cm=(22, 13), timing=False)) == (220.0, 130.0)


@pytest.mark.parametrize(
    "nothing",
    [
        edid((160, 90), (16, 9)),
        edid((0, 0), (0, 0)),
        b"",
        edid()[:100],
        bytes(128),
        edid()[:20] + b"\xff" + edid()[21:],
    ],
    ids=["a ratio", "zeroes", "empty", "short", "no header", "wrong sum"],
)
def test_what_is_no_size_is_not_taken_for_one(nothing: bytes) -> None:
    assert parse(nothing) is None


def test_the_one_panel_that_is_connected_is_asked(tmp_path: Path) -> None:
    for name, content in {"card1-HDMI-A-1": edid(), "card1-HDMI-A-2": b""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "edid").write_bytes(content)
    assert size_mm(tmp_path) == (154.0, 86.0)
    (tmp_path / "card1-HDMI-A-2" / "edid").write_bytes(edid((527, 296)))
    assert size_mm(tmp_path) is None


def test_a_machine_without_connectors_knows_nothing(tmp_path: Path) -> None:
    assert size_mm(tmp_path / "none") is None

"""What a panel on HDMI says of itself (EDID): its millimetres. No display; displays are told by it.

The kernel keeps it under /sys/class/drm for every connector. VESA E-EDID 1.4: bytes 21 and 22 are
centimetres, the first detailed timing at 54 has pixels and millimetres.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

CONNECTORS: Final = Path("/sys/class/drm")
_HEADER: Final = bytes.fromhex("00ffffffffffff00")
_RATIOS: Final = {(16, 9), (4, 3), (16, 10), (160, 90), (1600, 900), (400, 300), (160, 100)}
"""Panels that give the ratio of their sides in place of their size."""


def size_mm(connectors: Path = CONNECTORS) -> tuple[float, float] | None:
    """Width and height in millimetres of the one panel that is connected; None if not known."""
    found = [size for size in map(parse, _edids(connectors)) if size]
    return found[0] if len(found) == 1 else None


def parse(edid: bytes) -> tuple[float, float] | None:
    """The size that an EDID gives, or None where it gives none, or a ratio."""
    if len(edid) < 128 or edid[:8] != _HEADER or sum(edid[:128]) % 256:
        return None
    timing = edid[54:72]
    millimetres = (timing[12] | (timing[14] & 0xF0) << 4, timing[13] | (timing[14] & 0x0F) << 8)
    if any(timing[:2]) and all(millimetres) and millimetres not in _RATIOS:
        return float(millimetres[0]), float(millimetres[1])
    centimetres = (edid[21], edid[22])
    if all(centimetres) and centimetres not in _RATIOS:
        return 10.0 * centimetres[0], 10.0 * centimetres[1]
    return None


def _edids(connectors: Path) -> Iterator[bytes]:
    try:
        for file in sorted(connectors.glob("*/edid")):
            yield file.read_bytes()
    except OSError:
        return

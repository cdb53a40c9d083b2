"""A panel: pixels and millimetres, and whether a lawful QR code can be shown on it. Pure.

The figures are those of the order ЕД-7-20/236@ for the display of an automatic device; the 20 mm
are taken as the code's without its quiet zone, the stricter reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

FISCAL_MODULES: Final = 33
"""Modules on a side of the fiscal code: version 4, always (`edge.buyer.qr`)."""
LEAST_MODULE_PX: Final = 2
LEAST_MM: Final = 20.0
LEAST_CONTRAST: Final = 250.0
LEAST_NITS: Final = 250
QUIET: Final = 4
"""White modules around a code where they fit (ISO/IEC 18004, 6.3.8)."""
LEAST_QUIET: Final = 2
"""Below two, a black bezel makes phones miss the code."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A sheet of glass as the buyer sees it: pixels, and what is known of it beyond them.

    `width_mm` and `height_mm` are those of the pixels, without a frame; `contrast` is its first
    number in 250:1; `nits` is cd/m². None is not known.
    """

    width: int
    height: int
    width_mm: float | None = None
    height_mm: float | None = None
    contrast: float | None = None
    nits: int | None = None
    backlit: bool = True

    @property
    def pitch(self) -> float | None:
        """Millimetres a pixel; where pixels are not square, the smaller side counts."""
        sides = [
            mm / px
            for mm, px in ((self.width_mm, self.width), (self.height_mm, self.height))
            if mm is not None
        ]
        return min(sides, default=None)

    def turned(self, degrees: int) -> "Panel":
        """The same glass, mounted with a turn of 0, 90, 180 or 270 degrees."""
        if degrees % 180 == 0:
            return self
        return replace(
            self,
            width=self.height,
            height=self.width,
            width_mm=self.height_mm,
            height_mm=self.width_mm,
        )


@dataclass(frozen=True, slots=True)
class Fit:
    """How a code of `modules` a side stands in a square: pixels a module, pixels of white around.

    `symbol_mm` is the code's side without the white, or None where the panel's pitch is not known.
    """

    modules: int
    module_px: int
    quiet_px: int
    symbol_mm: float | None = None

    @property
    def symbol_px(self) -> int:
        """The code's side without the white."""
        return self.modules * self.module_px

    @property
    def quiet(self) -> float:
        """The white around in modules."""
        return self.quiet_px / self.module_px


def fit(panel: Panel, modules: int) -> Fit | None:
    """The largest whole-pixel module with two modules of white; then as much white as four.

    None where not even one pixel a module fits.
    """
    side = min(panel.width, panel.height)
    module = side // (modules + 2 * LEAST_QUIET)
    if module == 0:
        return None
    symbol = modules * module
    quiet = min(QUIET * module, (side - symbol) // 2)
    pitch = panel.pitch
    return Fit(modules, module, quiet, None if pitch is None else symbol * pitch)


def scannable(panel: Panel, modules: int) -> Fit | None:
    """The same, or None where a phone would be shown less than two pixels a module."""
    found = fit(panel, modules)
    return found if found is not None and found.module_px >= LEAST_MODULE_PX else None


def objections(panel: Panel, modules: int = FISCAL_MODULES) -> Sequence[str]:
    """Why a lawful code cannot be shown, each with its figures; none, if nothing known forbids it."""
    found = fit(panel, modules)
    module_px = found.module_px if found else 0
    wrong = []
    if module_px < LEAST_MODULE_PX:
        wrong.append(
            f"on {panel.width}x{panel.height} pixels a module of the code gets {module_px} px,"
            f" and a phone needs {LEAST_MODULE_PX}"
        )
    if found and found.symbol_mm is not None and found.symbol_mm < LEAST_MM:
        wrong.append(
            f"the code is {_down(found.symbol_mm)} mm wide, and the law wants {LEAST_MM:.0f}"
        )
    if panel.contrast is not None and panel.contrast < LEAST_CONTRAST:
        wrong.append(
            f"its contrast is {panel.contrast:g}:1, and the law wants {LEAST_CONTRAST:.0f}:1"
        )
    if panel.backlit and panel.nits is not None and panel.nits < LEAST_NITS:
        wrong.append(f"it gives {panel.nits} cd/m², and the law wants {LEAST_NITS} of a backlight")
    return wrong


def doubts(panel: Panel) -> Sequence[str]:
    """What of the law cannot be checked, and which keys would tell."""
    unknown = []
    if panel.pitch is None:
        unknown.append(
            f"whether the code is {LEAST_MM:.0f} mm wide cannot be checked:"
            " set width_mm and height_mm"
        )
    if panel.contrast is None:
        unknown.append(
            f"whether its contrast is {LEAST_CONTRAST:.0f}:1 cannot be checked: set contrast"
        )
    if panel.backlit and panel.nits is None:
        unknown.append(f"whether it gives {LEAST_NITS} cd/m² cannot be checked: set nits")
    return unknown


def _down(mm: float) -> str:
    """A length with one decimal that is never rounded up to the limit it misses."""
    return f"{int(mm * 10) / 10:.1f}"

"""Printers by their kind: how wide the head is, which page is CP866, what it can do. Pure.

A name stands for a family; what one printer has otherwise, its table in the configuration says.
The widths are printable dots, not those of the roll.
"""

from dataclasses import dataclass
from math import ceil
from typing import Final

from edge.printers.escpos import QrForm

CODE_MM: Final = 20.0
"""Tag 1196 on paper: at least 20 x 20 mm (order ЕД-7-20/236@), taken without the quiet zone."""
MODULE_MM: Final = 0.35
"""A telephone has to see single modules: what a very long text needs more than the law."""
QUIET: Final = 4
"""Modules of white around a code (ISO/IEC 18004)."""
LETTER: Final = (12, 24)
"""Dots of a letter of font A."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A printer as it stands here.

    `dots` are across the printable width. `code_page` is the printer's number of CP866.
    `qr_form` is how it takes its own QR, None where it has none; it is used only with `native`.
    `settle_s` is how long after the last byte a slip may still be on its way to the paper.
    `header` are the operator's lines above every slip; `ttl_s` is for how long a slip waits for
    the printer (boot time, seconds).
    """

    name: str
    dots: int = 384
    dots_per_mm: float = 8.0
    code_page: int = 17
    qr_form: QrForm | None = None
    native: bool = False
    has_cutter: bool = False
    has_status: bool = True
    clears: bool = False
    """It knows DLE DC4 8 and forgets half a slip, rather than print it when paper returns."""
    settle_s: float = 3.0
    header: tuple[str, ...] = ()
    ttl_s: float = 120.0

    @property
    def columns(self) -> int:
        """Letters in a line."""
        return self.dots // LETTER[0]

    def module(self, modules: int) -> int | None:
        """Dots a module, so that a code of so many modules has 20 mm; None where it is too wide."""
        dots = self.dots_of_module(modules)
        return dots if (modules + 2 * QUIET) * dots <= self.dots else None

    def dots_of_module(self, modules: int) -> int:
        """The same, whether it fits or not."""
        size_mm = max(CODE_MM / modules, MODULE_MM)
        return ceil(round(size_mm * self.dots_per_mm, 6))


PROFILES: Final = {
    profile.name: profile
    for profile in (
        Profile("generic-58"),
        # POS-5890, NT-5890K, ZJ-5870: CP866 elsewhere, no QR of their own, silent when asked.
        Profile("pos-5890-clones", code_page=59, has_status=False),
        Profile("generic-80", dots=576, has_cutter=True),
        Profile("custom-vkp80", dots=576, qr_form="custom", has_cutter=True),
        Profile("custom-kpm", dots=576, qr_form="custom", has_cutter=True),
        # TM-T20 has 576 dots of 8 a mm, TM-T88 512 of 7.1: with the fewer and the finer a code
        # fits both, and is larger than it must be on the second.
        Profile("epson-tm", dots=512, qr_form="epson", has_cutter=True, clears=True),
    )
}

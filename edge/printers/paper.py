"""Paper: what a printer would have made of the bytes, as a picture. Strict, as a test wants it.

An interpreter of its own: it shares no code with the writer but the size of a letter, and refuses
what it does not know rather than guess.
"""

from typing import Final

from PIL import Image, ImageDraw, ImageFont

from edge.printers.profiles import LETTER, Profile

WHITE, BLACK = 255, 0
LINE: Final = 30
"""Dots from one line to the next, unless the letters are higher."""
MARGIN: Final = 40
"""Dots of the roll left and right of what the head reaches."""
KNIFE_LINES: Final = 3
"""From the head to the knife."""
_CORRECTIONS: Final = {48: "L", 49: "M", 50: "Q", 51: "H"}
_CODECS: Final = {0: "cp437"}


class UnreadableError(ValueError):
    """Bytes that this printer would not obey; says which and where."""


class Roll:
    """A roll of paper under the head of a printer of that profile. Feed it bytes; look at it."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._image = Image.new("L", (profile.dots, 64), WHITE)
        self._height = 0
        self._pages = {**_CODECS, profile.code_page: "cp866"}
        self.cuts: list[int] = []
        """Rows at which it was cut."""
        self.text: list[str] = []
        """The lines of letters."""
        self._plain = {b"\x1b@": self._reset, b"\x1c.": self._ignore}
        self._valued = {
            b"\x1bt": self._set_page,
            b"\x1ba": self._set_align,
            b"\x1bE": self._set_bold,
            b"\x1d!": self._set_scale,
            b"\x1bd": self._feed_lines,
            b"\x1bJ": self._feed,
            b"\x10\x04": self._ignore,  # it was answered while it came in
        }
        self._long = {b"\x1dV": self._cut, b"\x1dv": self._raster, b"\x1d(": self._code}
        self._reset()

    def _reset(self) -> None:
        self._page, self._align, self._bold, self._scale = 0, 0, False, (1, 1)
        self._line: list[str] = []
        self._qr: dict[int, bytes] = {}

    @property
    def image(self) -> Image.Image:
        """What the head has printed, without the edges of the roll, greyscale."""
        return self._image.crop((0, 0, self._profile.dots, max(1, self._height)))

    @property
    def picture(self) -> Image.Image:
        """The paper as it comes out, edges and all."""
        printed = self.image
        whole = Image.new("L", (printed.width + 2 * MARGIN, printed.height + MARGIN), WHITE)
        whole.paste(printed, (MARGIN, MARGIN))
        return whole

    def print(self, received: bytes) -> None:
        """Obey the bytes, whole commands of them.

        Raises:
            UnreadableError: there is a command among them that it does not know, or half of one.
        """
        at = 0
        while at < len(received):
            length = self._obey(received, at)
            if at + length > len(received):
                raise UnreadableError(f"byte {at}: half a command at the end")
            at += length

    def _obey(self, received: bytes, at: int) -> int:
        """Obey the command there; how many bytes it has."""
        if received[at] >= 0x20:
            self._line.append(self._letter(received[at]))
            return 1
        if received[at] == 0x0A:
            self._end_line()
            return 1
        command, value = received[at : at + 2], received[at + 2 : at + 3]
        if command in self._plain:
            self._plain[command]()
            return 2
        if command in self._valued:
            self._valued[command](value[0] if value else 0)
            return 3
        if command in self._long:
            return self._long[command](received, at)
        raise UnreadableError(f"byte {at}: no such command: {command.hex(' ')}")

    def _set_page(self, value: int) -> None:
        self._page = value

    def _set_align(self, value: int) -> None:
        self._align = value

    def _set_bold(self, value: int) -> None:
        self._bold = bool(value & 1)

    def _set_scale(self, value: int) -> None:
        self._scale = (value >> 4) + 1, (value & 15) + 1

    def _feed_lines(self, value: int) -> None:
        for _ in range(value):
            self._end_line()

    def _ignore(self, *_: int) -> None:
        """Nothing on paper follows from it."""

    def _letter(self, value: int) -> str:
        if self._page not in self._pages:
            return "?"
        return bytes([value]).decode(self._pages[self._page], "replace")

    def _end_line(self) -> None:
        line, self._line = "".join(self._line), []
        across, down = self._scale
        if line:
            self.text.append(line)
            if len(line) * LETTER[0] * across > self._profile.dots:
                raise UnreadableError(f"the line is wider than the paper: {line!r}")
            drawn = _draw(line, bold=self._bold)
            drawn = drawn.resize((drawn.width * across, drawn.height * down), Image.Resampling.BOX)
            self._put(drawn)
        self._feed(max(LINE, LETTER[1] * down + 6))

    def _put(self, drawn: Image.Image) -> None:
        """Place it under the head; the paper is not fed."""
        left = (self._profile.dots - drawn.width) // 2 if self._align == 1 else 0
        self._grow(self._height + drawn.height)
        self._image.paste(drawn, (left, self._height))

    def _feed(self, dots: int) -> None:
        self._height += dots
        self._grow(self._height)

    def _grow(self, height: int) -> None:
        if height > self._image.height:
            longer = Image.new("L", (self._image.width, 2 * height), WHITE)
            longer.paste(self._image, (0, 0))
            self._image = longer

    def _cut(self, received: bytes, at: int) -> int:
        mode = int.from_bytes(received[at + 2 : at + 3], "big")
        self._feed(KNIFE_LINES * LINE if mode >= 65 else 0)
        self.cuts.append(self._height)
        return 4 if mode >= 65 else 3

    def _raster(self, received: bytes, at: int) -> int:
        head = received[at : at + 8]
        if head[2:4] != b"0\x00" or len(head) < 8:
            raise UnreadableError(f"byte {at}: a raster of another kind: {head.hex(' ')}")
        width, height = (int.from_bytes(head[each : each + 2], "little") for each in (4, 6))
        dots = received[at + 8 : at + 8 + width * height]
        if len(dots) < width * height:
            raise UnreadableError(f"byte {at}: half a raster")
        if width * 8 > self._profile.dots:
            raise UnreadableError(f"byte {at}: a raster of {width * 8} dots is too wide")
        light = bytes(255 - each for each in dots)
        band = Image.frombytes("1", (width * 8, height), light).convert("L")
        self._put(band)
        self._feed(height)
        return 8 + width * height

    def _code(self, received: bytes, at: int) -> int:
        """GS ( k, only in the form that this printer has."""
        length = int.from_bytes(received[at + 3 : at + 5], "little")
        said = received[at + 5 : at + 5 + length]
        if self._profile.qr_form is None or received[at + 2 : at + 3] != b"k" or said[:1] != b"1":
            raise UnreadableError(f"byte {at}: no such command: {received[at : at + 6].hex(' ')}")
        function, parameters = said[1], said[2:]
        self._qr[function] = parameters
        if function == 0x41 and len(parameters) != (2 if self._profile.qr_form == "epson" else 1):
            raise UnreadableError(f"byte {at}: another maker's QR model: {said.hex(' ')}")
        if function == 0x51:
            self._print_code()
        return 5 + length

    def _print_code(self) -> None:
        import qrcode  # noqa: PLC0415, only a printer with a QR of its own needs it

        level = _CORRECTIONS[self._qr[0x45][0]]
        code = qrcode.QRCode(
            error_correction=getattr(qrcode.constants, f"ERROR_CORRECT_{level}"), border=0
        )
        code.add_data(self._qr[0x50][1:], optimize=0)
        code.make()
        rows = code.get_matrix()
        small = Image.new("L", (len(rows), len(rows)), WHITE)
        for y, row in enumerate(rows):
            for x, dark in enumerate(row):
                if dark:
                    small.putpixel((x, y), BLACK)
        side = len(rows) * self._qr[0x43][0]
        if side > self._profile.dots:
            return  # as printers do: a symbol that is too wide is silently none
        self._put(small.resize((side, side), Image.Resampling.NEAREST))
        self._feed(side)


def _draw(line: str, *, bold: bool) -> Image.Image:
    """Letters in their cells, in dots: black or white."""
    across, down = LETTER
    drawn = Image.new("1", (len(line) * across, down), 1)
    pen = ImageDraw.Draw(drawn)
    pen.fontmode = "1"
    font = _font(bold=bold)
    for place, letter in enumerate(line):
        pen.text((place * across, 18), letter, fill=0, font=font, anchor="ls")
    return drawn.convert("L")


def _font(*, bold: bool) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    try:
        return ImageFont.truetype(f"DejaVuSansMono{'-Bold' if bold else ''}.ttf", 20)
    except OSError:
        # No DejaVu on this machine; the picture loses its letters' shapes, the code stays.
        return ImageFont.load_default(20)

"""ESC/POS, the language of receipt printers: what is asked of one, as bytes. Pure.

Only what every 58 mm head understands is used, and one thing more for those that are known to:
the printer's own QR. Names and numbers are those of Epson's command reference.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, Literal

Align = Literal["left", "centre"]
QrForm = Literal["epson", "custom"]
"""How a printer wants its own QR's model named: Epson's way, or Custom's (TG02H)."""

RESET: Final = b"\x1b@"
"""ESC @: defaults again, whatever another program left behind."""
NO_KANJI: Final = b"\x1c."
"""FS . : many 58 mm heads wake up in Chinese and would eat Cyrillic by pairs."""
NEWLINE: Final = b"\n"
CUT: Final = b"\x1dVB\x00"
"""GS V 66 0: feed to the knife and cut, leaving a bridge."""
CLEAR: Final = b"\x10\x14\x08\x01\x03\x20\x01\x06\x02\x08"
"""DLE DC4 8: forget at once what was received and not printed (Epson; not the cheap heads)."""

STATUS: Final = (1, 2, 3, 4)
"""The four questions of DLE EOT: printer, cause of being offline, error, paper."""
BAND: Final = 96
"""Rows of a raster at once; small heads have small buffers."""

_CORRECTION: Final = {"L": 48, "M": 49, "Q": 50, "H": 51}
_SPELT: Final = {
    "₽": "руб.",
    **dict.fromkeys("«»“”„", '"'),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("‐‑‒–—−", "-"),
    "…": "...",
    "×": "x",
    "•": "*",
    "€": "EUR",
    "™": "(tm)",
    "©": "(c)",
    "®": "(R)",
}
"""What page 866 has no letter for, written with what it has."""
_ENCODING: Final = "cp866"


def code_page(number: int) -> bytes:
    """ESC t: the printer's page of that number; which one is CP866 depends on the printer."""
    return b"\x1bt" + bytes([number])


def align(where: Align) -> bytes:
    """ESC a."""
    return b"\x1ba" + bytes([("left", "centre").index(where)])


def bold(*, on: bool) -> bytes:
    """ESC E."""
    return b"\x1bE" + bytes([on])


def size(width: int, height: int) -> bytes:
    """GS ! : letters so many times as wide and as high, each 1 to 8."""
    return b"\x1d!" + bytes([(width - 1) << 4 | (height - 1)])


def feed_lines(lines: int) -> bytes:
    """ESC d: print what is there and feed so many lines, 0 to 255."""
    return b"\x1bd" + bytes([lines])


def feed_dots(dots: int) -> bytes:
    """ESC J: feed by dots, any number of them."""
    whole, rest = divmod(dots, 255)
    return b"\x1bJ\xff" * whole + (b"\x1bJ" + bytes([rest]) if rest else b"")


def ask_status(question: int) -> bytes:
    """DLE EOT n: answered at once with one byte, even where the printer does not print."""
    return b"\x10\x04" + bytes([question])


def spell(text: str) -> str:
    """The text in letters of CP866: ₽ as руб., accents dropped, the unknown as a question mark.

    Control characters become spaces: a product's name is no command.
    """
    return "".join(_letter(letter) for letter in unicodedata.normalize("NFC", text))


def _letter(letter: str) -> str:
    if letter in _SPELT:
        return _SPELT[letter]
    if letter.isspace() or not letter.isprintable():
        return " "
    if _is_known(letter):
        return letter
    plain = "".join(
        each for each in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(each)
    )
    return plain if plain and _is_known(plain) else "?"


def _is_known(text: str) -> bool:
    try:
        return bool(text.encode(_ENCODING))
    except UnicodeEncodeError:
        return False


def text(line: str) -> bytes:
    """The letters of a line in CP866, without its end."""
    return spell(line).encode(_ENCODING)


def raster(rows: Sequence[Sequence[bool]], left: int = 0) -> bytes:
    """GS v 0: dots, dark is True, in bands, `left` dots of white before each row.

    The white is sent rather than asked for: not every head centres a raster. No dot stands alone
    in a code of two dots a module or more, so that no byte of it can be DLE, which printers obey
    at once even inside a picture.
    """
    return b"".join(_bands([(False,) * left + tuple(row) for row in rows]))


def _bands(rows: Sequence[tuple[bool, ...]]) -> Iterator[bytes]:
    for top in range(0, len(rows), BAND):
        band = [_packed(row) for row in rows[top : top + BAND]]
        width, height = len(band[0]), len(band)
        yield (
            b"\x1dv0\x00"
            + width.to_bytes(2, "little")
            + height.to_bytes(2, "little")
            + b"".join(band)
        )


def _packed(row: Sequence[bool]) -> bytes:
    """Eight dots a byte, the first one highest."""
    width = -(-len(row) // 8)
    bits = 0
    for dark in row:
        bits = bits << 1 | dark
    return (bits << width * 8 - len(row)).to_bytes(width, "big")


def qr(content: bytes, module: int, correction: str, form: QrForm) -> bytes:
    """GS ( k: the printer's own QR, `module` dots a module (1 to 16); it chooses the version.

    Function 65 (model), 67 (size), 69 (correction), 80 (store), 81 (print). Custom's printers name
    the model in one byte, 0; the other functions are taken to be Epson's.
    """
    model = b"\x41\x32\x00" if form == "epson" else b"\x41\x00"
    parts = (
        model,
        b"\x43" + bytes([module]),
        b"\x45" + bytes([_CORRECTION[correction]]),
        b"\x50\x30" + content,
        b"\x51\x30",
    )
    return b"".join(
        b"\x1d(k" + (len(part) + 1).to_bytes(2, "little") + b"1" + part for part in parts
    )

"""``pole``: a customer display on a serial line, two rows of twenty letters, in Epson's commands.

It cannot show a QR code: it says what was bought, for how much, and the code by which the receipt
is found on the operator's page.
"""

import contextlib
import termios
from hashlib import sha256
from typing import Final

import serial  # type: ignore[import-untyped]

from edge.buyer.picture import Picture
from edge.displays import Painted, Painter
from edge.errors import StartError

RESET: Final = b"\x1b@"
CODE_PAGE: Final = b"\x1bt"
CLEAR: Final = b"\x0c"
MOVE: Final = b"\x1f$"
"""``US $ column row``, both from 1."""
NO_CURSOR: Final = b"\x1fC\x00"
WRITE_S: Final = 3.0
LOST: Final = (OSError, termios.error)
_PLAIN: Final = str.maketrans(
    {"₽": "руб.", "€": "EUR", "…": "...", "\u00a0": " ", "\u202f": " "}
    | dict.fromkeys("«»„“”", '"')
    | dict.fromkeys("—–·", "-")
    | {"’": "'"}
)


class Pole:
    """Rows of text; `code_page` is the number by which the display calls `encoding`, or None."""

    panel = None

    def __init__(
        self,
        port: str,
        *,
        baud: int = 9600,
        columns: int = 20,
        rows: int = 2,
        encoding: str = "cp866",
        code_page: int | None = 17,
    ) -> None:
        self._port = port
        self._baud = baud
        self._size = (columns, rows)
        self._encoding = encoding
        self._code_page = code_page
        self._line: serial.Serial | None = None
        try:
            self._open()
        except LOST as error:
            raise StartError(
                f"display pole: {port} cannot be opened: {error}; plug it in, see"
                " `ls /dev/serial/by-id`, and give the service the group dialout"
            ) from error
        self._painter = Painter("pole", self._paint, self._wipe)

    def show(self, picture: Picture, painted: Painted) -> None:
        """Show it as soon as the line has time."""
        self._painter.show(picture, painted)

    def close(self) -> None:
        """An empty display."""
        self._painter.close()

    def _paint(self, picture: Picture) -> str:
        text = rows_of(picture, *self._size)
        body = b"".join(
            MOVE + bytes([1, number]) + row.encode(self._encoding, "replace")
            for number, row in enumerate(text, 1)
        )
        self._send(CLEAR + body)
        return sha256(body).hexdigest()

    def _wipe(self) -> None:
        self._send(CLEAR)
        self._drop()

    def _send(self, told: bytes) -> None:
        """Write it; a line that was unplugged and is back again is opened anew, once."""
        try:
            self._open().write(told)
        except LOST:
            self._drop()
            try:
                self._open().write(told)
            except LOST:
                self._drop()
                raise

    def _open(self) -> serial.Serial:
        if self._line is None:
            line = serial.Serial(self._port, self._baud, write_timeout=WRITE_S, exclusive=True)
            page = b"" if self._code_page is None else CODE_PAGE + bytes([self._code_page])
            line.write(RESET + page + NO_CURSOR)
            self._line = line
        return self._line

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(*LOST):
                line.close()


def rows_of(picture: Picture, columns: int, rows: int) -> list[str]:
    """What stands in each row: the purchase first, then how to find its receipt."""
    title = plain(picture.title)
    code = _code(picture.link, columns)
    product, when = plain(picture.product), plain(picture.when)
    bought = _bought(product, plain(picture.amount), columns)
    if rows <= 2 and picture.late:
        # Without its title a late receipt would look like that of whoever stands there.
        said = [_dated(when or title, product, plain(picture.amount), columns), code or title]
    elif not bought:
        said = [title, plain(picture.title_en), plain(picture.hint)]
    elif rows > 2:
        said = [title, bought, code, plain(picture.hint)]
    else:
        said = [bought, code or title]
    lines: list[str] = []
    for each in said:
        cut = _cut(each, columns)
        room = rows - len(lines)
        if len(cut) <= room or not lines:
            lines += cut[:room]
        elif bought and room:
            lines.append(each[:columns])
    return [line.ljust(columns) for line in [*lines, *[""] * rows][:rows]]


def plain(text: str) -> str:
    """Text without signs that such a display lacks, and without any that could command it."""
    return "".join(letter for letter in text.translate(_PLAIN) if letter.isprintable())


def _bought(product: str, amount: str, columns: int) -> str:
    """Product and price in one row, of which the product gives way."""
    room = columns - len(amount) - 1
    if not amount or room < 3:
        return (amount or product)[:columns]
    return f"{product[:room].rstrip().ljust(room)} {amount}" if product else amount


def _dated(when: str, product: str, amount: str, columns: int) -> str:
    """The same with its time before it, which gives way to nothing."""
    dated = _bought(f"{when} {product}".strip(), amount, columns)
    return dated if dated.startswith(when) else when[:columns]


def _code(link: str | None, columns: int) -> str:
    """``Код K7Q2M9X4T8B3C5WZ``: the end of the receipt page's address."""
    last = (link or "").rstrip("/").rpartition("/")[2].upper()
    for word in ("Чек: ", "Код "):
        if last and len(word + last) <= columns:
            return word + last
    return ""


def _cut(text: str, columns: int) -> list[str]:
    if len(text) <= columns:
        return [text] if text else []
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) <= columns:
            lines[-1] = longer
        else:
            lines.append(word[:columns])
    return [line for line in lines if line]

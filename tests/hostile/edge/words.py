"""Names and words on glass and paper, whatever somebody has put into them."""

import json
import re
from dataclasses import replace
from typing import Final

import msgspec
from specimens import receipt, sale

from edge.buyer.layout import draw
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture, picture_of
from edge.buyer.policy import Policy, making, ready
from edge.buyer.screen import Notice, Screen
from edge.buyer.words import clean
from edge.displays import terminal
from edge.displays.kiosk import Kiosk
from edge.displays.pole import rows_of
from edge.printers.paper import Roll
from edge.printers.profiles import PROFILES
from edge.printers.slip import TooWideError, render, slip_of
from edge.wire import Receipt, decode, encode
from edge.wire.messages import MalformedMessageError

POLICY: Final = Policy(link="https://chek.example/r/")
PANELS: Final = {Panel(480, 320, 73.4, 49.0): False, Panel(128, 64): True, Panel(32, 32): True}
"""Each with whether it has black and white alone."""
ROWS: Final = ((20, 2), (8, 1), (40, 4))
SOLD: Final = sale()
COMMANDS: Final = re.compile(
    rb"\x1b[@]|\x1c\.|\x1bt.|\x1ba.|\x1bE.|\x1d!.|\x1bd.|\x1bJ.|\x1dVB\x00|\n|[\x20-\xff]",
    re.DOTALL,
)
"""All that a slip means, but for its raster."""


def hold(told: bytes) -> None:
    """The bytes are a product's name, a notice, and what a receipt says."""
    name = told.decode("utf-8", "surrogateescape" if told[:1] == b"\xff" else "replace")
    paper(name)
    for screen in (Notice(clean(name)), making(SOLD, POLICY), *_of_receipt(name)):
        glass(screen, name)


def glass(screen: Screen, name: str) -> None:
    """No display fails, is commanded, or says what cannot be seen."""
    picture = picture_of(screen, {SOLD.item or "": name})
    for panel, mono in PANELS.items():
        draw(picture, panel, mono=mono)
    for columns, rows in ROWS:
        for row in rows_of(picture, columns, rows):
            assert len(row) == columns
            assert row.isprintable(), row
    said = terminal.render(replace(picture, code=None))
    assert all(each.isprintable() for each in said.split("\n")), said
    kiosk(picture)


def kiosk(picture: Picture) -> None:
    """What goes to the page is one line of JSON, and it can be written as UTF-8."""
    page = Kiosk()
    page.show(picture, lambda _frame: None)
    event = page._event  # noqa: SLF001, what a page that opens now is sent
    assert event.encode()
    assert "\n" not in event
    assert "\r" not in event
    assert json.loads(event)["product"] == picture.product


def paper(name: str) -> None:
    """A slip has the commands it means, and as many of them whatever stands in it."""
    profile = replace(PROFILES["generic-58"], header=(name[:200] or " ",))
    for told in (receipt(SOLD), *_receipts(name)):
        slip = slip_of(SOLD, told, name)
        if slip is None:
            continue
        try:
            sent = render(slip, profile)
        except TooWideError:
            continue  # a code that says more than a fiscal one does
        Roll(profile).print(sent)
        assert _commanded(sent), sent


def _commanded(sent: bytes) -> bool:
    """Whether letters, line ends and a slip's own commands are all there is outside its rasters."""
    at = 0
    while at < len(sent):
        if sent[at : at + 4] == b"\x1dv0\x00":
            width, height = (int.from_bytes(sent[at + n : at + n + 2], "little") for n in (4, 6))
            at += 8 + width * height
            continue
        found = COMMANDS.match(sent, at)
        if found is None:
            return False
        at = found.end()
    return True


def _of_receipt(name: str) -> list[Screen]:
    shown = [ready(SOLD, each, POLICY, late=True) for each in _receipts(name)]
    return [each for each in shown if each is not None]


def _receipts(name: str) -> list[Receipt]:
    """Receipts that say it wherever a receipt may, as far as the wire lets them through."""
    whole = receipt(SOLD)
    said = name.encode("utf-8", "replace").decode()[:256]
    fiscal = whole.fiscal and msgspec.structs.replace(whole.fiscal, at=said)
    spoilt = [
        msgspec.structs.replace(whole, qr=said),
        msgspec.structs.replace(whole, link=said),
        msgspec.structs.replace(
            whole, qr=f"t={said[:60]}&s={said[:60]}&fn=1&i={said[:60]}&fp=1", fiscal=None
        ),
        msgspec.structs.replace(whole, fiscal=fiscal),
    ]
    passed = []
    for each in spoilt:
        try:
            passed.append(decode(encode(each), Receipt))
        except MalformedMessageError:
            continue
    return passed


SEEDS: Final = [
    each.encode("utf-8", "surrogateescape")
    for each in (
        "Капу\udcffчино",
        "\x1b@\x1d\x56\x00\x1dv0\x00\x10\x04\x01",
        "\u202eевтоК\u202c \u2066x\u2069\u200b\ufeff\u00ad",
        "Кофе" * 300,
        "☕️👩‍👩‍👧‍👦🇷🇺" * 20,
        "й" + "\u0301\u0336\u0489" * 300,
        "</script><script>alert(1)</script>{{page}}&amp;\r\ndata: x\r\n\r\n",
        "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029",
    )
]

"""``[[display]]``: the screens of a machine, one table each."""

from typing import Annotated

from msgspec import Meta

from edge.wire.settings import Listen, Table


class TerminalDisplay(Table, frozen=True, kw_only=True, tag="terminal", tag_field="kind"):
    """``[[display]] kind = "terminal"``."""


class PngDisplay(Table, frozen=True, kw_only=True, tag="png", tag_field="kind"):
    """``[[display]] kind = "png"``: an image file of the panel's size in pixels."""

    file: str
    width: Annotated[int, Meta(ge=74, le=8192)] = 800
    height: Annotated[int, Meta(ge=74, le=8192)] = 480


class KioskDisplay(Table, frozen=True, kw_only=True, tag="kiosk", tag_field="kind"):
    """``[[display]] kind = "kiosk"``: a page for a full-screen browser."""

    listen: Listen = "127.0.0.1:8081"


DisplayTable = TerminalDisplay | PngDisplay | KioskDisplay

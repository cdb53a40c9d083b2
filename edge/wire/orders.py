"""What the cloud may ask a machine to do (`cmd/<id>`), what it wants set, and the answers.

A command has an expiry and an id. The same id again is answered again and not done again; what
came too late is answered, and not done.
"""

from typing import Annotated, Literal

from msgspec import Meta

from edge.wire.messages import MESSAGE_TEXT, Counter, SaleId, Short, _Message


class _Order(_Message, frozen=True, kw_only=True, tag_field="do"):
    """A command. `expires_at` is a time with a zone; later than that it is not done."""

    expires_at: Short


class ShowText(_Order, frozen=True, kw_only=True, tag="show_text"):
    """Show a text on the screen while nobody is buying."""

    text: Annotated[str, Meta(min_length=1, max_length=200)]
    for_s: Annotated[float, Meta(gt=0, le=86400)] = 60.0


class Reprint(_Order, frozen=True, kw_only=True, tag="reprint"):
    """Print a sale's slip again, marked as a copy; the last sale's if none is named."""

    sale_id: SaleId | None = None


class ShowLast(_Order, frozen=True, kw_only=True, tag="show_last"):
    """Show the last sale's receipt again, if nobody is buying."""


class Restart(_Order, frozen=True, kw_only=True, tag="restart"):
    """End the agent; whoever keeps it running starts it again."""


class Capture(_Order, frozen=True, kw_only=True, tag="capture"):
    """Record the bus and send the trace up, compressed."""

    minutes: Annotated[float, Meta(gt=0, le=60)]


class CollectLogs(_Order, frozen=True, kw_only=True, tag="collect_logs"):
    """Send the agent's last log lines up, compressed."""

    lines: Annotated[int, Meta(ge=1, le=10_000)] = 1000


Command = ShowText | Reprint | ShowLast | Restart | Capture | CollectLogs


class Result(_Message, frozen=True, kw_only=True):
    """`cmd/<id>/result`: what became of a command; `body` is part `part` of `parts` of a gzip."""

    status: Literal["running", "done", "failed", "expired"]
    text: Annotated[str, Meta(max_length=MESSAGE_TEXT)] = ""
    part: Annotated[int, Meta(ge=1)] = 1
    parts: Annotated[int, Meta(ge=1)] = 1
    body: bytes = b""


class Reported(_Message, frozen=True, kw_only=True):
    """`config/reported`: the version in force, and why the last wish was refused, if it was."""

    version: Counter | None
    error: Annotated[str, Meta(max_length=MESSAGE_TEXT)] | None = None

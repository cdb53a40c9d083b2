"""What the cloud may ask a machine to do (`cmd/<id>`), what it wants set, and the answers.

A command has an expiry and an id. The same id again is answered again and not done again; what
came too late is answered, and not done.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, field

from edge.wire.messages import (
    END,
    MESSAGE_TEXT,
    Counter,
    SaleId,
    Short,
    _Message,
    decode_any,
)

PART_BYTES: Final = 40 * 1024
"""Of an answer's body in one message: written as text it still fits."""
MOST_PARTS: Final = 1000


class _Order(_Message, frozen=True, kw_only=True, tag_field="do"):
    """A command. `expires_at` is a time with a zone; later than that it is not done."""

    expires_at: Short


class ShowText(_Order, frozen=True, kw_only=True, tag="show_text"):
    """Show a text on the screen while nobody is buying; an empty one takes the last one back."""

    text: Annotated[str, Meta(max_length=200)]
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


def read_command(payload: bytes) -> Command:
    """Read one command.

    Raises:
        MalformedMessageError: it is none, or none this version knows.
    """
    command: Command = decode_any(payload, Command)
    return command


class Result(_Message, frozen=True, kw_only=True):
    """`cmd/<id>/result`: what became of a command.

    `body` is part `part` of `parts` of what it brought, compressed by gzip: at most `PART_BYTES`.
    """

    status: Literal["running", "done", "failed", "expired"]
    text: Annotated[str, Meta(max_length=MESSAGE_TEXT)] = ""
    part: Annotated[int, Meta(ge=1, le=MOST_PARTS)] = 1
    parts: Annotated[int, Meta(ge=1, le=MOST_PARTS)] = 1
    body: bytes = b""

    def __post_init__(self) -> None:
        """What one field alone cannot tell."""
        if self.part > self.parts:
            raise ValueError(f"part {self.part} of {self.parts}")


class Desired(_Message, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`config/desired`: what the cloud wants set, over the machine's own file. Retained.

    Strict, unlike other messages: a machine that knows not all of it refuses it as a whole. An
    empty payload withdraws the wish. `version` is a name: what is another one is applied, whether
    greater or less. The values are checked by the machine, by its file's own rules.
    """

    version: Counter
    receipts: dict[Short, Any] = field(default_factory=dict)
    """Keys of ``[receipts]``; those not named stay as the file has them."""
    products: dict[Short, Any] = field(default_factory=dict)
    """Names by item number; those not named stay as the file has them."""


class Reported(_Message, frozen=True, kw_only=True):
    """`config/reported`: the version in force, and why the last wish was refused, if it was."""

    version: Counter | None
    """None while the machine's file alone is in force."""
    error: Annotated[str, Meta(max_length=MESSAGE_TEXT)] | None = None
    wish: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}" + END)] | None = None
    """Which wish this answers: the SHA-256 of its payload; None where none is retained."""

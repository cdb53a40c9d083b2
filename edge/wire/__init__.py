"""The contract between a machine and the cloud, v1. The machine owns it; the cloud follows.

- A sale is delivered at least once; `sale_id` makes it once.
- Sales of one machine and epoch carry `seq` without gaps; order of arrival is not promised.
- PUBACK says that the broker has a message, and proves nothing. The cloud's `ack` says that it has
  committed a sale; only then may the machine let go of it.
- A receipt is repeated until the machine says it is on its disk. It may never come: nobody waits.
- So are the evidence of showings and the incidents: repeated until the cloud's `noted` names them.
- A command is done once, before its expiry, or not at all; it is answered either way.
- State may be lost; the last one is retained, and said again on every connect.
- Fields are only ever added, each with a default; unknown ones are ignored.
"""

from edge.wire.messages import (
    MAX_AMOUNT,
    Ack,
    CloudState,
    Fiscal,
    Health,
    Incident,
    MalformedMessageError,
    Noted,
    Receipt,
    ReceiptAck,
    Sale,
    Shown,
    State,
    Tender,
    decode,
    encode,
)
from edge.wire.orders import Command, Desired, Reported, Result, read_command
from edge.wire.topics import CLOUD_STATE, Channel, parse, parse_command

__all__ = [
    "CLOUD_STATE",
    "MAX_AMOUNT",
    "Ack",
    "Channel",
    "CloudState",
    "Command",
    "Desired",
    "Fiscal",
    "Health",
    "Incident",
    "MalformedMessageError",
    "Noted",
    "Receipt",
    "ReceiptAck",
    "Reported",
    "Result",
    "Sale",
    "Shown",
    "State",
    "Tender",
    "decode",
    "encode",
    "parse",
    "parse_command",
    "read_command",
]

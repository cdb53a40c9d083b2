"""A sale: the bus's fact with a name, a place and a time.

Pure: time, identity and chance come in as arguments.
"""

import uuid
from typing import Final

from edge.clock import Moment
from edge.wire import MAX_AMOUNT, Sale, Tender
from mdb import event

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Thirty-two characters that nobody mistakes for one another (no i, l, o, u)."""
TOKEN_BYTES: Final = 10
"""Eighty bits: nobody guesses the way to another's receipt."""


def sale_id(unix_ms: int, chance: bytes) -> str:
    """A UUIDv7 (RFC 9562, 5.7): 48 bits of time, then ten bytes of chance."""
    value = int.from_bytes(max(0, unix_ms).to_bytes(6, "big") + chance, "big")
    value &= ~(0xF << 76) & ~(0x3 << 62)
    return str(uuid.UUID(int=value | 0x7 << 76 | 0x2 << 62))


def token(chance: bytes) -> str:
    """The receipt page's key: sixteen characters of `ALPHABET` from ten bytes of chance."""
    value = int.from_bytes(chance, "big")
    return "".join(ALPHABET[value >> shift & 31] for shift in range(75, -1, -5))


def sale_of(
    vend: event.Sale | event.Return,
    *,
    machine: str,
    epoch: str,
    seq: int,
    moment: Moment,
    chance: bytes,
    wall: str | None = None,
) -> Sale:
    """Name a vend. `chance` is twenty random bytes: ten for the id, ten for the token.

    `wall` is what the machine's clock said, where `moment` is worked out and says something else.
    """
    return Sale(
        sale_id=sale_id(moment.unix_ms, chance[:TOKEN_BYTES]),
        machine=machine,
        epoch=epoch,
        seq=seq,
        sold_at=moment.iso,
        clock=moment.quality,
        boot_id=moment.boot_id,
        boottime_ms=moment.boottime_ms,
        item=vend.item,
        kind=vend.kind.value if isinstance(vend, event.Sale) else "return",
        amount=_tellable(vend.amount),
        currency=vend.currency,
        tenders=tuple(
            Tender(by=tender.by, amount=_tellable(tender.amount))  # type: ignore[arg-type]
            for tender in vend.tenders
        ),
        confidence=vend.confidence.value,
        raw=dict(vend.raw),
        token=token(chance[TOKEN_BYTES:]),
        wall=wall,
    )


def _tellable(amount: int | None) -> int | None:
    """No vend costs as much: an amount out of the wire's bounds is not known; `raw` keeps it."""
    return amount if amount is not None and 0 <= amount <= MAX_AMOUNT else None

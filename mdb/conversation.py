"""The conversation on a bus, for a person to read: who said what, in the standard's words."""

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from mdb import event
from mdb.block import Address
from mdb.event import Event, Kind
from mdb.exchange import Exchange, Fate
from mdb.money import Money
from mdb.scaling import Scaling
from mdb.sniffer import Heard
from mdb.vocabulary.file_transport import FileMessage
from mdb.vocabulary.message import ByPeripheral, Message, Poll, Unknown

NAMES: Final = {each.value: each.name.lower().replace("_", " ") for each in Address}
GREEN, YELLOW, RED, DIM, PLAIN = "\x1b[1;32m", "\x1b[33m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
COLOURS: Final = {
    "sale": GREEN,
    "return": GREEN,
    "revalue": GREEN,
    "vend_failed": YELLOW,
    "vend_denied": YELLOW,
    "vend_cancelled": YELLOW,
    "vend_uncertain": RED,
    "bus_fault": RED,
    "reader_malfunction": RED,
}
PAID: Final = {"amount", "currency"}
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def lines(heard: Heard, *, colour: bool) -> Iterator[str]:
    """One settled exchange as lines; empty polls are left out."""
    exchange = heard.exchange
    if exchange is not None and exchange.fate not in {Fate.MOVED_ON, Fate.GIVEN_UP}:
        device = NAMES.get(exchange.address, f"address {exchange.address:02X}")
        for message in heard.said:
            if isinstance(message, Poll):
                continue
            if _by_reader(message, exchange):
                at, who, data = exchange.reply_at, f"{device} > VMC", exchange.reply or b""
            else:
                at, who, data = exchange.at, f"VMC > {device}", exchange.command
            unheard = "  (no answer)" if exchange.fate is Fate.SILENT else ""
            text = f"{at:12.4f}  {who:18}  {_hex(data):20}  {_say(message)}{unheard}"
            text = text.rstrip()
            yield f"{DIM}{text}{PLAIN}" if colour and unheard else text
    for concluded in heard.events:
        text = f"{concluded.at:12.4f}  {'=' * 18}  {_conclude(concluded)}"
        yield f"{COLOURS.get(concluded.name, DIM)}{text}{PLAIN}" if colour else text


def _by_reader(message: Message, exchange: Exchange) -> bool:
    if isinstance(message, Unknown):
        return message.raw != exchange.command
    if isinstance(message, FileMessage):
        return not message.by_vmc
    return isinstance(message, ByPeripheral)


def _hex(data: bytes) -> str:
    return data.hex(" ").upper() if len(data) <= 8 else f"{data[:7].hex(' ').upper()} …"


def _say(message: Message) -> str:
    if isinstance(message, Unknown):
        return ""
    words = _WORDS.sub(" ", type(message).__name__).upper()
    told = [(each.name, getattr(message, each.name)) for each in fields(message)]
    return "  ".join([words, *(f"{name} {_value(value)}" for name, value in told if _tells(value))])


def _tells(value: object) -> bool:
    """Whether a field says something: zero does, nothing does not."""
    return value not in (None, b"", "", ())


def _value(value: object) -> str:
    match value:
        case bytes():
            return value.hex().upper()
        case bool():
            return "yes" if value else "no"
        case Scaling():
            return f"{value.currency or value.code} x {value.scale} / 10^{value.decimals}"
        case _:
            return str(value)


def _conclude(concluded: Event) -> str:
    words = concluded.name.upper().replace("_", " ")
    match concluded:
        case event.Sale() | event.Return() | event.TransactionReported():
            by = ", ".join(tender.by for tender in concluded.tenders) or "nobody paid"
            kind = "" if isinstance(concluded, event.Return) else f"  {_kind(concluded.kind)}"
            money = _money(concluded.amount, concluded.currency)
            sure = f"  {concluded.confidence.value}"
            return f"{words}  item {concluded.item or 'unknown'}  {money}  {by}{kind}{sure}"
        case event.BusFault():
            return f"{words}  {concluded.reason}  {concluded.raw.get('bytes')}"
        case _:
            told = {each.name: getattr(concluded, each.name) for each in fields(concluded)}
            for plain in ("at", "address", "raw"):
                told.pop(plain, None)
            pairs = [
                f"{name} {value}" for name, value in told.items() if value and name not in PAID
            ]
            if told.get("amount") is not None:
                pairs.append(_money(told["amount"], told.get("currency")))
            elif "amount" not in told and told.get("currency"):
                pairs.append(str(told["currency"]))
            return "  ".join([words, *pairs])


def _kind(kind: Kind | str) -> str:
    return kind if isinstance(kind, str) else kind.value


def _money(amount: int | None, currency: str | None) -> str:
    return "amount unknown" if amount is None else str(Money(amount, currency))

"""Satellite vends: follows one universal satellite device and concludes what it vended.

The VMC takes the money for a satellite, so a vend here is told elsewhere as well: to a reader, as
CASH SALE or to a gateway. Which of them it belongs to the bus does not say, as the item numbers may
differ; so it is an event of its own and no sale.
"""

from dataclasses import dataclass, replace
from typing import Final

from mdb import event
from mdb.context import UNHEARD, Context
from mdb.event import Event
from mdb.exchange import TOOK_EFFECT, Exchange
from mdb.scaling import Scaling
from mdb.vend import Vend
from mdb.vocabulary import satellite
from mdb.vocabulary.message import JustReset, Message, Reset

PRICES_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What will be vended next; `taken` once the VMC has said that it has the money."""

    item: bytes
    price: int | None
    taken: bool


class SatelliteVends:
    """One universal satellite device, 40h, 48h or 50h."""

    def __init__(self, address: int, context: Context = UNHEARD) -> None:
        self.address = address
        self.context = context
        self._prices: dict[bytes, int] = {}
        self._chosen: _Chosen | None = None

    def feed(self, exchange: Exchange) -> tuple[list[Message], list[Event]]:
        """Take a settled exchange; return the messages in it and what they conclude."""
        said: list[Message] = []
        events: list[Event] = []
        if not exchange.repeated:
            command = satellite.decode_command(exchange.command)
            said.append(command)
            if exchange.fate in TOOK_EFFECT:
                self._take(command)
        if exchange.reply is not None:
            for message in satellite.decode_reply(exchange.reply):
                said.append(message)
                events += self._answer(message, exchange.reply_at)
        return said, events

    def _take(self, command: Message) -> None:
        match command:
            case Reset() | satellite.Deny() | satellite.Home():
                self._chosen = None
            case satellite.SatelliteSetup():
                scaling = Scaling(command.scale, command.decimals, None)
                self.context = replace(self.context, vmc_level=command.level, scaling=scaling)
            case satellite.Price() if (
                command.item in self._prices or len(self._prices) < PRICES_KEPT
            ):
                self._prices[command.item] = command.units
            case satellite.Approve() if self._chosen is not None:
                self._chosen = replace(self._chosen, taken=True)
            case satellite.Select():
                price = self._prices.get(command.item)
                self._chosen = _Chosen(command.item, price, taken=True)

    def _answer(self, message: Message, at: float) -> list[Event]:
        match message:
            case satellite.SatelliteRequest():
                self._chosen = _Chosen(message.item, message.price, taken=False)
            case satellite.NotVended():
                self._chosen = None
            case satellite.Vended() if self._chosen is not None and self._chosen.taken:
                chosen, self._chosen = self._chosen, None
                amount = None if chosen.price is None else self.context.units(chosen.price)
                raw = {"price": chosen.price, "item": chosen.item.hex()}
                name = Vend(item=chosen.item).name
                return [event.SatelliteVended(at, self.address, name, amount, raw)]
            case JustReset():
                self._chosen = None
                return [event.PeripheralReset(at, self.address)]
        return []

"""Intake: a sale becomes a receipt to ask for, or says why not. Pure.

Machine to operator to register, slot to product, VAT of that day: all decided here, once, and
frozen. A sale that cannot be placed is kept with its reason until somebody names what is missing.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from cloud.config import Config, Machine
from cloud.receipt import Purpose, Receipt
from cloud.vat import rate_on
from edge.wire import Sale

ROUBLES: Final = "RUB"


@dataclass(frozen=True, slots=True)
class Placed:
    """A receipt to ask this register for."""

    receipt: Receipt
    register: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """No receipt, by rule."""

    reason: str


@dataclass(frozen=True, slots=True)
class Attention:
    """A person must say something first."""

    reason: str


Disposition = Placed | Skipped | Attention


def place(sale: Sale, config: Config, received_at: datetime) -> Disposition:
    """What to do with a sale."""
    if sale.kind in {"free", "test"}:
        return Skipped(f"{sale.kind} vend")
    if sale.amount == 0:
        return Skipped("nothing was paid")
    machine = config.machines.get(sale.machine)
    if machine is None:
        return Attention(f"unknown machine {sale.machine}: add it under [machines]")
    slot = config.slot(machine, sale.item)
    if slot is None:
        return Attention(f"unknown slot {sale.item}: add it under [slots] or the machine's own")
    vat = rate_on(slot.vat, sale_day(sale, machine, received_at))
    if vat is None:
        return Attention(f"VAT {slot.vat} % was not law on the day of the sale")
    if sale.amount is None:
        return Attention("the amount is not known: the bus did not say it")
    if unfit := _unfit(sale):
        return Attention(unfit)
    cash = min(sale.amount, sum(part.amount or 0 for part in sale.tenders if part.by == "cash"))
    receipt = Receipt(
        sale_id=sale.sale_id,
        purpose=Purpose.INCOME,
        inn=config.operator.inn,
        taxation=config.operator.taxation_system,
        machine=sale.machine,
        address=machine.address,
        place=machine.place,
        name=slot.name,
        subject=slot.settlement_subject,
        vat=vat,
        amount=sale.amount,
        cash=cash,
        cashless=sale.amount - cash,
    )
    return Placed(receipt, machine.register)


def _unfit(sale: Sale) -> str:
    """Why no income receipt can be made of it; empty if one can."""
    if sale.kind == "return":
        return "goods came back: a return receipt is made by hand"
    if sale.currency not in {ROUBLES, None}:
        return f"the currency is {sale.currency}, a receipt is in roubles"
    return ""


def sale_day(sale: Sale, machine: Machine, received_at: datetime) -> date:
    """The day of the sale where the machine stands; of its arrival if its clock was not right."""
    zone = ZoneInfo(machine.timezone)
    if sale.clock != "unsynced":
        try:
            when = datetime.fromisoformat(sale.sold_at)
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(zone).date()
        except (ValueError, OverflowError):
            pass  # no time of day, or one at the calendar's edge
    return received_at.astimezone(zone).date()

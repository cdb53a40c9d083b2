"""Whom the VMC tells of a sale besides the reader that paid, and the books it is written into."""

from dataclasses import replace
from typing import Final

from mdb.virtual.card_reader import VEND, CardReader
from mdb.virtual.gateway import ADDRESS, Transaction
from mdb.virtual.machine import Machine
from mdb.virtual.truth import Kind, Vend

FLAGS: Final[dict[str, int]] = {
    "paid": 0x0000,
    "free": 0x8000,
    "test": 0x4000,
    "negative": 0x2000,
    "token": 0x1000,
}
"""Bits 15 to 12 of the item number in CASH SALE (7.4.10)."""


def report(machine: Machine, vend: Vend, price: int, bills: int = 0, change: int = 0) -> None:
    """Write a vend down, and tell the gateway if there is one."""
    machine.truth.deeds.append(vend)
    if machine.gateway:
        item = bytes.fromhex(vend.item or "FFFF")
        unit = machine.make.unit
        told = Transaction(vend.kind, item, price, unit, vend.tenders, bills, change)
        machine.tell(machine.gateway, 3, *told.command()[1:])


def tell_cash_sale(
    machine: Machine, item: str, minor: int, kind: str = "paid", first: CardReader | None = None
) -> int | None:
    """CASH SALE to whoever wants it; the address of who was told first, None if nobody was."""
    wanting = [each for each in machine.readers if each.make.cash_sale]
    wanting.sort(key=lambda each: each is not first)
    told = int(item, 16) | FLAGS[kind]
    for each in wanting if machine.habits.tells_both else wanting[:1]:
        currency = each.currency if each.width == 4 else b""
        money = each.money(minor)
        machine.tell(each, VEND, 0x05, *money, *told.to_bytes(2, "big"), *currency)
    return wanting[0].address if wanting else None


def cash_vend(machine: Machine, vend: Vend, price: int, bills: int, change: int) -> None:
    """Tell the readers of a cash vend, and write down who was told."""
    kind: Kind = vend.kind
    address = tell_cash_sale(machine, vend.item or "FFFF", price, kind)
    if address is None and machine.gateway:
        address = ADDRESS
    done = replace(vend, at=machine.wire.now, address=address or 0, told=address is not None)
    report(machine, done, price, bills, change)

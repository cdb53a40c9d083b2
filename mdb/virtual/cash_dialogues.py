"""What happens between a buyer with coins and bills and a VMC (MDB 4.2, sections 5, 6, 7.4.10)."""

from typing import Final

from mdb.virtual.bill_validator import BillValidator
from mdb.virtual.card_dialogues import Session
from mdb.virtual.card_reader import CardReader
from mdb.virtual.coin_changer import MOST_PER_PAYOUT, TOKEN_CREDIT, CoinChanger
from mdb.virtual.machine import Machine
from mdb.virtual.reports import cash_vend, report, tell_cash_sale
from mdb.virtual.start_up import accept_cash
from mdb.virtual.truth import Kind, Paid, Return, Vend

MOST_UNITS: Final = 255
"""An alternative payout asks for one byte of units."""
STACK, GIVE_BACK = 0x01, 0x00


def buy(machine: Machine, item: str, paid: int | None = None) -> None:
    """Coins and bills worth `paid` (or as near above the price as they go), goods, and change."""
    price = machine.make.prices[item]
    bills = pay_in(machine, max(paid or 0, price))
    accept_cash(machine, accepting=False)
    machine.work()
    change = max(0, machine.credit - price)
    vend = Vend(0.0, item, "paid", price, (Paid("cash", price),), 0)
    if machine.habits.change_first:
        pay_out(machine, change)
        cash_vend(machine, vend, price, bills, change)
    else:
        cash_vend(machine, vend, price, bills, change)
        pay_out(machine, change)
    _close(machine)


def mixed(machine: Machine, reader: CardReader, item: str, cash: int) -> None:
    """Cash first, the rest by card, and CASH SALE of the cash part once the goods are out."""
    price = machine.make.prices[item]
    bills = pay_in(machine, cash)
    part = min(machine.credit, price - reader.make.unit.minor)
    session = Session(machine, reader)
    if session.request(item, price - part, price - part):
        session.succeed(item)
        tell_cash_sale(machine, item, part, first=reader)
        tenders = (Paid(reader.by, price - part), Paid("cash", part))
        vend = Vend(machine.wire.now, item, "paid", price, tenders, reader.address)
        report(machine, vend, price, bills)
        machine.credit -= part
    session.end()
    pay_out(machine, machine.credit)
    _close(machine)


def coins_beside_card(machine: Machine, reader: CardReader, item: str, coins: int) -> None:
    """Coins go in, a card pays everything, and the coins come back."""
    price = machine.make.prices[item]
    pay_in(machine, coins)
    session = Session(machine, reader)
    if session.request(item, price, price):
        session.succeed(item)
        report(machine, session.sold(item, price), price)
    session.end()
    pay_out(machine, machine.credit)
    _close(machine)


def lever(machine: Machine, coins: int) -> None:
    """Coins go in, and the escrow lever brings them back."""
    pay_in(machine, coins)
    changer = _changer(machine)
    changer.pull_lever()
    machine.poll(changer)
    pay_out(machine, machine.credit)
    _close(machine)


def bill_given_back(machine: Machine, kind: int = 0) -> None:
    """A bill in escrow that the VMC does not want."""
    if machine.validator:
        machine.validator.insert(kind)
        _decide(machine, GIVE_BACK)
    _close(machine)


def coin_rejected(machine: Machine, kind: int = 0) -> None:
    """A coin that falls through."""
    changer = _changer(machine)
    changer.reject(kind)
    machine.poll(changer)


def without_money(machine: Machine, item: str, kind: Kind) -> None:
    """A free, test or token vend as CASH SALE tells it, by the flags of the item."""
    if kind == "token" and machine.changer and TOKEN_CREDIT in machine.changer.make.coins:
        machine.changer.insert(machine.changer.make.coins.index(TOKEN_CREDIT))
        machine.poll(machine.changer)
    machine.work()
    token = kind == "token"
    tenders = (Paid("cash", None),) if token else ()
    vend = Vend(0.0, item, kind, None if token else 0, tenders, 0)
    cash_vend(machine, vend, machine.make.prices[item], 0, 0)
    _close(machine)


def taken_back(machine: Machine, item: str) -> None:
    """A negative vend in cash: goods come back, coins go out, if there are coins for that."""
    value = machine.make.prices[item]
    if _changer(machine).change_for(value) is None:
        return
    pay_out(machine, value)
    address = tell_cash_sale(machine, item, value, "negative")
    if address is not None:
        tenders = (Paid("cash", value),)
        machine.truth.deeds.append(Return(machine.wire.now, item, value, tenders, address))
    _close(machine)


def pay_in(machine: Machine, minor: int) -> int:
    """Put money in until the credit is there, the largest first; return the bills' part."""
    bills = 0
    validator, changer = machine.validator, machine.changer
    for kind in _largest_first(len(validator.make.bills)) if validator else ():
        while validator and machine.credit + validator.worth(kind) <= minor:
            validator.insert(kind)
            bills += validator.worth(kind)
            _decide(machine, STACK)
            machine.wait(machine.habits.coin_s)
    for kind in _largest_first(len(changer.make.coins)) if changer else ():
        while changer and changer.worth(kind) and machine.credit < minor:
            if machine.credit + changer.worth(kind) > minor and kind:
                break
            _insert(machine, changer, kind)
    if validator and machine.credit < minor:
        validator.insert(0)
        bills += validator.worth(0)
        _decide(machine, STACK)
    return bills


def pay_out(machine: Machine, minor: int) -> None:
    """Change: bills of the recycler, then coins, as far as there are any."""
    minor -= _pay_bills(machine, minor)
    changer = machine.changer
    if changer is None:
        return
    least = changer.make.unit.minor
    if changer.make.level == 3 and changer.make.alternative_payout:
        while minor >= least:
            units = min(minor // least, MOST_UNITS)
            if changer.change_for(units * least) is None:
                return
            _pay_units(machine, changer, units)
            minor -= units * least
        return
    for kind, count in enumerate(changer.change_for(minor) or ()):
        for begun in range(0, count, MOST_PER_PAYOUT):
            now = min(MOST_PER_PAYOUT, count - begun)
            machine.vmc.pay(changer, 0x0D, now << 4 | kind)
            _until_paid(machine, changer)


def _pay_units(machine: Machine, changer: CoinChanger, units: int) -> None:
    machine.vmc.pay(changer, 0x0F, 0x02, units)
    if machine.habits.asks_paid_value:
        while machine.vmc.tell(changer, 0x0F, 0x04):
            machine.wire.pause(machine.habits.repeat_s)
    else:
        _until_paid(machine, changer)
    machine.vmc.tell(changer, 0x0F, 0x03)


def _pay_bills(machine: Machine, minor: int) -> int:
    paid, validator = 0, machine.validator
    for kind in _largest_first(len(validator.make.bills)) if validator else ():
        if validator is None or not validator.recycled[kind]:
            continue
        count = min((minor - paid) // validator.worth(kind), validator.recycled[kind])
        if count:
            machine.vmc.pay(validator, 0x37, 0x06, kind, *count.to_bytes(2, "big"))
            _until_paid(machine, validator)
            machine.vmc.tell(validator, 0x37, 0x08)
            paid += count * validator.worth(kind)
    return paid


def _until_paid(machine: Machine, device: CoinChanger | BillValidator) -> None:
    while any(each in {b"\x02", b"\x22"} for each in machine.vmc.tell(device, device.address | 3)):
        machine.wire.pause(machine.habits.repeat_s)


def _insert(machine: Machine, changer: CoinChanger, kind: int) -> None:
    changer.insert(kind)
    machine.poll(changer)
    machine.wait(machine.habits.coin_s)


def _decide(machine: Machine, decision: int) -> None:
    """A bill came to escrow: stack it, or give it back."""
    validator = machine.validator
    if validator:
        machine.poll(validator)
        machine.escrow = None
        machine.tell(validator, 5, decision)
        machine.poll(validator)


def _close(machine: Machine) -> None:
    """The buyer has gone; what is in the machine stays there."""
    machine.credit = 0
    accept_cash(machine, accepting=True)
    machine.round()
    machine.settle_cash()


def _largest_first(types: int) -> range:
    return range(types - 1, -1, -1)


def _changer(machine: Machine) -> CoinChanger:
    if machine.changer is None:
        raise LookupError("the machine has no coin changer")
    return machine.changer

"""How the VMC starts its peripherals (MDB 4.2: 7.3.1, 5.4, 6.4, 9.3)."""

from mdb.virtual.bill_validator import BillValidator
from mdb.virtual.card_reader import (
    EXPANDED_CURRENCY,
    EXPANSION,
    PERIPHERAL_ID,
    READER,
    SETUP,
    CardReader,
)
from mdb.virtual.coin_changer import CoinChanger
from mdb.virtual.gateway import Gateway
from mdb.virtual.machine import VMC_NAME, Machine
from mdb.virtual.peripheral import Peripheral

CONFIG = 0x01


def switch_on(machine: Machine) -> None:
    """Power: everybody is reset and started."""
    for each in machine.peripherals:
        reset(machine, each)


def reset(machine: Machine, who: Peripheral) -> None:
    """RESET, and start again."""
    machine.tell(who, 0)
    start(machine, who)


def start(machine: Machine, who: Peripheral) -> None:
    """From JUST RESET on; what a VMC does whenever it hears that (App. 3)."""
    machine.expect_reset(who)
    match who:
        case CardReader():
            _start_reader(machine, who)
        case CoinChanger():
            _start_changer(machine, who)
        case BillValidator():
            _start_validator(machine, who)
        case Gateway():
            _start_gateway(machine, who)


def accept_cash(machine: Machine, *, accepting: bool) -> None:
    """COIN TYPE and BILL TYPE: all or none."""
    every = (0xFF, 0xFF) if accepting else (0x00, 0x00)
    if machine.changer:
        machine.tell(machine.changer, 4, *every, 0xFF, 0xFF)
    if machine.validator:
        machine.tell(machine.validator, 4, *every, *every)


def _start_reader(machine: Machine, reader: CardReader) -> None:
    level = machine.habits.level
    machine.tell(reader, SETUP, 0x00, level, 0x10, 0x01, 0x01)
    _fetch(machine, reader, CONFIG)
    machine.tell(reader, SETUP, 0x01, 0xFF, 0xFF, 0x00, 0x00)
    if reader.level > 1 and machine.habits.asks_names:
        machine.tell(reader, EXPANSION, 0x00, *VMC_NAME)
        _fetch(machine, reader, PERIPHERAL_ID)
    if reader.level == 3 and reader.options:
        machine.tell(reader, EXPANSION, 0x04, *reader.options.to_bytes(4, "big"))
        if reader.options & EXPANDED_CURRENCY:
            prices = b"\xff" * 4 + b"\x00" * 4 + reader.currency
            machine.tell(reader, SETUP, 0x01, *prices)
    machine.tell(reader, READER, 0x01)


def _fetch(machine: Machine, who: Peripheral, code: int) -> None:
    """What a command was answered with: now, or at a POLL of this peripheral alone."""
    while machine.heard(who, code) is None:
        machine.wire.pause(machine.habits.repeat_s)
        machine.poll(who)


def _start_changer(machine: Machine, changer: CoinChanger) -> None:
    machine.tell(changer, 1)
    if changer.make.level == 3:
        if machine.habits.asks_names:
            machine.tell(changer, 7, 0x00)
        machine.tell(changer, 7, 0x01, 0, 0, 0, int(changer.make.alternative_payout))
    machine.tell(changer, 2)
    machine.tell(changer, 4, 0xFF, 0xFF, 0xFF, 0xFF)


def _start_validator(machine: Machine, validator: BillValidator) -> None:
    machine.tell(validator, 1)
    if machine.habits.asks_names:
        machine.tell(validator, 7, 0x02 if validator.make.recycles else 0x00)
    if validator.make.recycles:
        machine.tell(validator, 7, 0x01, 0, 0, 0, 0x02)
    machine.tell(validator, 2, 0x00, 0x00)
    machine.tell(validator, 6)
    machine.tell(validator, 4, 0xFF, 0xFF, 0xFF, 0xFF)


def _start_gateway(machine: Machine, gateway: Gateway) -> None:
    unit = machine.make.unit
    machine.tell(gateway, 1, machine.habits.level, unit.scale, unit.decimals)
    _fetch(machine, gateway, CONFIG)
    machine.tell(gateway, 7, 0x00)
    _fetch(machine, gateway, 0x06)
    machine.tell(gateway, 7, 0x01, 0, 0, 0, 0x02)
    machine.tell(gateway, 4, 0x01)

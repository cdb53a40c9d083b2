"""The virtual machine as a tap: what its bus says of money, at the bus's own pace."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from time import CLOCK_BOOTTIME, clock_gettime

from mdb.byte import Break, Signal
from mdb.taps.virtual import VirtualMachine
from mdb.trace import Transcript


async def lines(machine: VirtualMachine) -> AsyncIterator[str]:
    """What is said, for ever, without times."""
    transcript = Transcript()
    async with aclosing(_listen(machine)) as signals:
        async for signal in signals:
            for line in transcript.feed(signal):
                yield line.split(" ", 1)[1]


async def _listen(machine: VirtualMachine) -> AsyncIterator[Signal]:
    async for signal in machine:
        yield signal


async def until_sold(machine: VirtualMachine, count: int) -> list[str]:
    """What is said until the ledger has so many vends, and a little after."""
    told: list[str] = []
    async with asyncio.timeout(20), aclosing(lines(machine)) as heard:
        async for line in heard:
            told.append(line)
            if len(machine.ledger) == count and line == "> 12 12":
                break
    return told


def money(told: list[str]) -> list[str]:
    """Coins and bills: what the changer or the validator says when money moves."""
    return [line for line in told if line[:3] in {"< 4", "< 5", "< 8", "< 9"} and len(line) > 5]


async def test_a_listener_hears_that_no_cash_is_in_play() -> None:
    machine = VirtualMachine({"0001": 12000})
    machine.press("0001")
    told = await until_sold(machine, 1)
    assert "> 0B 0B" in told
    assert "> 33 33" in told
    assert money(told) == []
    assert "> 13 00 04 B0 00 01 C8" in told
    assert "> 13 02 00 01 16" in told


async def test_a_buyer_with_cash_pays_before_the_sale_is_told_and_gets_change() -> None:
    machine = VirtualMachine({"0001": 12000, "0002": 9550})
    machine.press("0001", "cash")
    machine.press("0002", "cash")
    told = await until_sold(machine, 2)
    exact, changed = told.index("> 13 05 04 B0 00 01 CD"), told.index("> 13 05 03 BB 00 02 D8")
    assert money(told[:exact]) == ["< 91 91", "< 81 81", "< 55 29 7E", "< 55 2A 7F"]
    assert not any(line.startswith("> 0D") for line in told[:exact])
    paid_out = [line for line in told[exact:changed] if line.startswith("> 0D")]
    assert paid_out == ["> 0D 11 1E", "> 0D 23 30"]  # 0.50 and two of 2.00


async def test_when_the_small_coins_have_gone_the_buyer_pays_exactly() -> None:
    machine = VirtualMachine({"0002": 10})
    for _ in range(6):
        machine.press("0002", "cash")
    await until_sold(machine, 6)
    assert [vend.price for vend in machine.ledger] == [10] * 6


async def test_the_ledger_is_written_when_the_reader_s_ack_has_been_heard() -> None:
    machine = VirtualMachine({"0001": 12000})
    machine.press("0001")
    before = clock_gettime(CLOCK_BOOTTIME)
    async with asyncio.timeout(20), aclosing(_listen(machine)) as signals:
        async for signal in signals:
            assert not isinstance(signal, Break)
            if machine.ledger:
                break
    (vend,) = machine.ledger
    assert signal.value == 0x00
    assert before < signal.at < vend.at
    assert (vend.item, vend.price, vend.by) == ("0001", 12000, "cashless")


async def test_who_listens_again_hears_the_machine_switched_on_again() -> None:
    machine = VirtualMachine({"0001": 12000})
    for count in (1, 2):
        machine.press("0001")
        told = await until_sold(machine, count)
        assert told[0] == "> 10 10"

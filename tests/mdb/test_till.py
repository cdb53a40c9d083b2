"""What each exchange of a changer, validator or hopper moves, in and out of the one ledger."""

from collections.abc import Callable, Iterable
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.block import Address
from mdb.cash import Ledger
from mdb.context import UNHEARD, Context
from mdb.event import CashMovement, Event, PeripheralReset, TillConfigured
from mdb.exchange import Exchange, Fate
from mdb.scaling import Scaling
from mdb.till import Till
from mdb.vocabulary import changer, hopper, validator

COINS = Context(scaling=Scaling(100, 2, "RUB"), credits=(1, 2, 5, 10, 50, 0xFF))
BILLS = Context(scaling=Scaling(1000, 2, "RUB"), credits=(5, 10, 50))
DEVICES = {
    0x08: ((changer.decode_command, changer.decode_reply), COINS),
    0x30: ((validator.decode_command, validator.decode_reply), BILLS),
    0x58: ((hopper.decode_command, hopper.decode_reply), COINS),
    0x70: ((hopper.decode_command, hopper.decode_reply), COINS),
}
Story = Iterable[Exchange]
Booked = dict[str, int | None]


def said(command: str, reply: str | None = None, fate: Fate = Fate.HEARD) -> Exchange:
    data = bytes.fromhex(command)
    told = None if reply is None else bytes.fromhex(reply)
    return Exchange(data[0] & 0xF8, data, 1.0, told, 1.0, fate)


def till(address: int, ledger: Ledger, context: Context | None = None) -> Till:
    decode, known = DEVICES[address]
    at_once = address == Address.CHANGER
    return Till(address, decode, ledger, known if context is None else context, at_once=at_once)


def hear(story: Story, contexts: Callable[[int], Context | None] = lambda _: None) -> list[Event]:
    ledger = Ledger()
    tills = {address: till(address, ledger, contexts(address)) for address in DEVICES}
    events = [event for each in story for event in tills[each.address].feed(each)[1]]
    events += [event for each in tills.values() for event in each.settle(2.0)]
    return [*events, *ledger.flush(2.0)]


def booked(*story: Exchange) -> tuple[int, int]:
    """What went in and what came out, over all movements."""
    told = [each for each in hear(story) if isinstance(each, CashMovement)]
    assert all(each.amount is not None or each.raw["deposited"] == 0 for each in told)
    return (
        sum(int(each.raw["deposited"] or 0) for each in told),
        sum(int(each.raw["paid_out"] or 0) for each in told),
    )


BY_ONE: dict[str, tuple[Exchange, int, int]] = {
    "a coin to the cash box": (said("0B", "44 00"), 5000, 0),
    "a coin to the tubes": (said("0B", "54 03"), 5000, 0),
    "a coin rejected": (said("0B", "74 03"), 0, 0),
    "an unused way": (said("0B", "64 03"), 0, 0),
    "two coins are two": (said("0B", "43 01 43 02"), 2000, 0),
    "a token": (said("0B", "45 01"), 0, 0),
    "coins out by hand": (said("0B", "93 02"), 0, 0),
    "a slug": (said("0B", "21"), 0, 0),
    "busy, and a coin": (said("0B", "0A 43 00"), 1000, 0),
    "an unknown status, and a coin": (said("0B", "1A 43 00"), 1000, 0),
    "coins out": (said("0D 43"), 0, 4000),
    "coins out, nobody answered": (said("0D 43", fate=Fate.SILENT), 0, 0),
    "coins out, given up": (said("0D 43", fate=Fate.GIVEN_UP), 0, 0),
    "coins out, the VMC moved on": (said("0D 43", fate=Fate.MOVED_ON), 0, 4000),
    "coins out, the changer's line unheard": (said("0D 43", fate=Fate.UNSEEN), 0, 4000),
    "counts of which nobody heard what was asked": (said("0F 03", "02 00 01"), 0, 700),
    "acceptance": (said("0C 00 1F FF FF"), 0, 0),
    "tubes": (said("0A", "00 00 11 00 08"), 0, 0),
    "filled by a controlled hand": (said("0F 06", "01 02"), 0, 0),
    "paid by a controlled hand": (said("0F 07", "01 02"), 0, 0),
    "a bill stacked": (said("33", "80"), 5000, 0),
    "a bill to the recycler": (said("33", "B1"), 10000, 0),
    "a bill in escrow": (said("33", "90"), 0, 0),
    "a bill given back": (said("33", "A0"), 0, 0),
    "a bill rejected": (said("33", "C0"), 0, 0),
    "a bill filled in by hand": (said("33", "D1"), 0, 0),
    "a bill taken out by hand": (said("33", "E1"), 0, 0),
    "a bill from recycler to cash box": (said("33", "F1"), 0, 0),
    "just reset and disabled": (said("33", "06 09"), 0, 0),
    "a bill and disabled": (said("33", "82 09"), 50000, 0),
    "stack it": (said("35 01"), 0, 0),
    "bills out": (said("37 06 01 00 02"), 0, 20000),
    "a value in bills out": (said("37 07 00 0A"), 0, 10000),
    "bills out, nobody answered": (said("37 06 01 00 02", fate=Fate.SILENT), 0, 0),
    "hopper coins out": (said("5D 00 03 00 02"), 0, 2000),
    "a value in hopper coins out": (said("5D 01 00 07"), 0, 700),
    "the second hopper's": (said("75 00 03 00 02"), 0, 2000),
    "hopper coins out by hand": (said("5B", "93 0002 0001"), 0, 0),
}


@pytest.mark.parametrize(("exchange", "into", "out"), BY_ONE.values(), ids=BY_ONE)
def test_what_one_exchange_moves(exchange: Exchange, into: int, out: int) -> None:
    assert booked(exchange) == (into, out)


BUSY, DONE = said("0B", "02"), said("0B")
ASK = said("0F 02 07")
COUNTS_BUSY, COUNTS = said("0F 03"), said("0F 03", "00 01 01")
FIRST, SECOND, NO_MORE = said("0F 04", "05"), said("0F 04", "02"), said("0F 04")

PAYOUTS: dict[str, tuple[list[Exchange], int]] = {
    "asked for, and nothing more is told": ([ASK], 700),
    "busy": ([ASK, BUSY, BUSY, DONE], 700),
    "counts": ([ASK, COUNTS_BUSY, BUSY, COUNTS_BUSY, COUNTS], 700),
    "counts of nothing": ([ASK, said("0F 03", "00")], 0),
    "counts of less": ([ASK, said("0F 03", "01 01")], 300),
    "values": ([ASK, FIRST, SECOND, NO_MORE], 700),
    "values of less": ([ASK, FIRST, NO_MORE], 500),
    "one value": ([ASK, BUSY, said("0F 04", "07"), NO_MORE], 700),
    "values, then counts": ([ASK, FIRST, SECOND, NO_MORE, COUNTS], 700),
    "a value, then counts": ([ASK, FIRST, COUNTS_BUSY, COUNTS], 700),
    "values of less, then counts": ([ASK, FIRST, NO_MORE, said("0F 03", "00 00 01")], 500),
    "counts, then the value": ([ASK, COUNTS, said("0F 04", "07"), NO_MORE], 700),
    "counts between values": ([ASK, FIRST, COUNTS, SECOND, NO_MORE], 700),
    "a value of nothing": ([ASK, said("0F 04", "00"), NO_MORE], 0),
    "finished at once": ([ASK, NO_MORE], 0),
    "counts said again": ([ASK, COUNTS, COUNTS_BUSY], 700),
    "two payouts": ([ASK, COUNTS, ASK, COUNTS], 1400),
    "two payouts by values": ([ASK, FIRST, SECOND, NO_MORE, ASK, FIRST, SECOND, NO_MORE], 1400),
    "two payouts nobody told of": ([ASK, DONE, ASK], 1400),
    "one payout nobody told of, and one by counts": ([ASK, DONE, ASK, COUNTS], 1400),
    "coins, then a payout": ([said("0D 13"), ASK, COUNTS], 1700),
    "a payout, then coins": ([ASK, COUNTS, said("0D 13")], 1700),
    "coins while a payout is not told yet": ([ASK, said("0D 13"), COUNTS], 1700),
    "a RESET in the middle": ([ASK, FIRST, said("08"), said("0B", "0B")], 500),
}


@pytest.mark.parametrize(("story", "out"), PAYOUTS.values(), ids=PAYOUTS)
def test_a_changer_s_payout_counts_once_however_it_is_told(story: list[Exchange], out: int) -> None:
    assert booked(*story) == (0, out)


@pytest.mark.parametrize("order", list(permutations([COUNTS, FIRST, SECOND])))
def test_a_payout_told_in_any_order_counts_once(order: tuple[Exchange, ...]) -> None:
    assert booked(ASK, *order, NO_MORE) == (0, 700)


@pytest.mark.parametrize("told", [[COUNTS], [FIRST, SECOND], [FIRST, SECOND, COUNTS]])
@pytest.mark.parametrize("at", [0, 1])
def test_a_coin_that_comes_in_while_a_payout_is_told_does_not_double_it(
    told: list[Exchange], at: int
) -> None:
    coin = said("0B", "43 00")
    assert booked(ASK, *told[:at], coin, *told[at:]) == (1000, 700)


RECYCLED: dict[str, tuple[list[Exchange], int]] = {
    "asked for": ([said("37 06 01 0002")], 20000),
    "counts": ([said("37 06 01 0002"), said("37 08"), said("37 08", "0000 0002")], 20000),
    "counts of less": ([said("37 06 01 0002"), said("37 08", "0000 0001")], 10000),
    "counts of nothing": ([said("37 06 01 0002"), said("37 08", "0000 0000")], 0),
    "a value": ([said("37 07 000F"), said("37 09", "000A"), said("37 09", "0005")], 15000),
    "a value, then counts": (
        [said("37 07 000F"), said("37 09", "000F"), said("37 09"), said("37 08", "0001 0001")],
        15000,
    ),
    "counts, then a value": (
        [said("37 07 000F"), said("37 08", "0001 0001"), said("37 09", "000F"), said("37 09")],
        15000,
    ),
    "busy": ([said("37 06 01 0001"), said("33", "22"), said("33", "22"), said("33")], 10000),
    "cancelled": (
        [said("37 06 01 0002"), said("37 0A"), said("37 08", "0000 0001")],
        10000,
    ),
    "a bill filled in meanwhile": (
        [said("37 06 01 0001"), said("33", "D1"), said("37 08", "0000 0001")],
        10000,
    ),
}


@pytest.mark.parametrize(("story", "out"), RECYCLED.values(), ids=RECYCLED)
def test_a_recycler_s_payout_counts_once_however_it_is_told(
    story: list[Exchange], out: int
) -> None:
    assert booked(*story) == (0, out)


HOPPED: dict[str, tuple[list[Exchange], int]] = {
    "asked for": ([said("5D 00 03 0002")], 2000),
    "a poll": ([said("5D 00 03 0002"), said("5B", "A3 0002 0010")], 2000),
    "a poll of less": ([said("5D 00 03 0002"), said("5B", "A3 0001 0010")], 1000),
    "counts": ([said("5D 00 03 0002"), said("5E 00"), said("5E 00", "0000 0000 0000 0002")], 2000),
    "a poll, then counts": (
        [
            *(said("5D 00 03 0002"), said("5B", "02"), said("5B", "A3 0002 0010")),
            said("5E 00", "0000 0000 0000 0002"),
        ],
        2000,
    ),
    "counts, then a poll": (
        [
            *(said("5D 00 03 0002"), said("5E 00", "0000 0000 0000 0002")),
            said("5B", "A3 0002 0010"),
        ],
        2000,
    ),
    "values": ([said("5D 01 0007"), said("5E 01", "0005"), said("5E 01", "0002")], 700),
    "values, then counts": (
        [said("5D 01 0007"), said("5E 01", "0007"), said("5E 01"), said("5E 00", "0000 0001 0001")],
        700,
    ),
    "values and a poll": (
        [said("5D 01 000A"), said("5E 01", "000A"), said("5E 01"), said("5B", "A3 0001 0010")],
        1000,
    ),
    "a poll of two types": (
        [said("5D 01 0007"), said("5B", "A1 0001 0010 A2 0001 0010")],
        700,
    ),
    "polls of two types": (
        [said("5D 01 0007"), said("5B", "82 0001 0010"), said("5B", "A1 0001 0010")],
        700,
    ),
}


@pytest.mark.parametrize(("story", "out"), HOPPED.values(), ids=HOPPED)
def test_a_hopper_s_payout_counts_once_however_it_is_told(story: list[Exchange], out: int) -> None:
    assert booked(*story) == (0, out)


@pytest.mark.parametrize("exchange", [said("0B", "47 01"), said("33", "85"), said("0D 1F")])
def test_a_type_that_was_not_told_leaves_the_movement_without_an_amount(exchange: Exchange) -> None:
    (told,) = hear([exchange])
    assert isinstance(told, CashMovement)
    assert told.amount is None


UNKNOWN = {
    "a coin": [said("0B", "43 00")],
    "a bill": [said("33", "81")],
    "coins out": [said("0D 13")],
    "a payout": [said("0F 02 07"), said("0F 03", "01")],
    "a payout by value": [said("0F 02 07"), said("0F 04", "05"), said("0F 04", "02")],
    "a hopper's": [said("5D 00 01 0001"), said("5B", "A1 0001 0001")],
}


@pytest.mark.parametrize("story", UNKNOWN.values(), ids=UNKNOWN)
def test_without_a_setup_no_worth_is_known(story: list[Exchange]) -> None:
    (told,) = hear(story, lambda _: UNHEARD)
    assert isinstance(told, CashMovement)
    assert (told.amount, told.raw["deposited"], told.raw["paid_out"]) == (None, 0, 0)


def test_nothing_paid_has_a_known_worth_of_nothing() -> None:
    assert hear([said("0F 03", "00 00")], lambda _: UNHEARD) == []


SETUPS = {
    "coins": (said("09", "02 16 43 64 02 00 17 01 02 05 0A 0A 19"), said("0B", "43 00"), 1000),
    "a hopper": (
        said("59", f"01 1643 64 02 05 0000 0000 01 02 05 0A {'00' * 12}"),
        said("5D 00 03 0001"),
        -1000,
    ),
    **{
        f"bills, {setup}": (
            said("31", f"{setup} 00 C8 00 1F FF 01 05 0A 32 64"),
            said("33", "80"),
            1000,
        )
        for setup in ("01 18 10 00 0A 00", "01 18 10 00 64 01", "01 18 10 03 E8 02")
    },
}


@pytest.mark.parametrize(("setup", "moved", "amount"), SETUPS.values(), ids=SETUPS)
def test_what_types_are_worth_is_told_once_and_kept(
    setup: Exchange, moved: Exchange, amount: int
) -> None:
    configured, told = hear([setup, moved], lambda _: UNHEARD)
    assert isinstance(configured, TillConfigured)
    assert isinstance(told, CashMovement)
    assert int(told.raw["deposited"] or 0) - int(told.raw["paid_out"] or 0) == amount
    assert (told.currency, configured.currency) == ("RUB", "RUB")


def test_a_bill_in_escrow_is_credit_once_it_is_stacked_and_none_if_it_is_given_back() -> None:
    escrow, stack, back = said("33", "92"), said("35 01"), said("35 00")
    assert booked(escrow, stack, said("33", "82")) == (50000, 0)
    assert booked(escrow, back, said("33", "A2")) == (0, 0)
    coin = said("0B", "43 00")
    (told,) = hear([coin, escrow, back, said("33", "A2")])
    assert isinstance(told, CashMovement)
    assert (told.amount, told.raw["returned"]) == (1000, 50000)


def test_tills_share_one_credit() -> None:
    (told,) = hear([said("33", "80"), said("0D 14")])
    assert isinstance(told, CashMovement)
    assert (told.amount, told.raw["deposited"], told.raw["paid_out"]) == (0, 5000, 5000)


def test_a_dispense_said_again_is_one_and_a_later_one_another() -> None:
    again = Exchange(8, bytes.fromhex("0D13"), 1.0, repeated=True)
    assert booked(said("0D 13"), again) == (0, 1000)
    assert booked(said("0D 13"), said("0B"), said("0D 13")) == (0, 2000)


def test_a_start_anew_is_told() -> None:
    assert hear([said("0B", "0B")]) == [PeripheralReset(1.0, 0x08)]
    assert hear([said("33", "06 09")]) == [PeripheralReset(1.0, 0x30)]
    assert hear([said("5B", "0B")]) == [PeripheralReset(1.0, 0x58)]


def test_what_was_asked_for_is_settled_once() -> None:
    ledger = Ledger()
    coins = till(0x08, ledger)
    coins.feed(ASK)
    coins.settle(2.0)
    coins.settle(2.0)
    (told,) = ledger.flush(2.0)
    assert isinstance(told, CashMovement)
    assert told.raw["paid_out"] == 700


@given(
    address=st.sampled_from(list(DEVICES)),
    command=st.binary(min_size=1, max_size=6),
    reply=st.none() | st.binary(min_size=1, max_size=35),
    known=st.booleans(),
)
def test_no_bytes_make_a_till_trip(
    address: int, command: bytes, reply: bytes | None, *, known: bool
) -> None:
    ledger = Ledger()
    device = till(address, ledger, None if known else UNHEARD)
    for _ in range(2):
        device.feed(Exchange(address, bytes([address | command[0] & 7, *command[1:]]), 0.0, reply))
    device.settle(1.0)
    for told in ledger.flush(1.0):
        assert isinstance(told, CashMovement)
        assert int(told.raw["deposited"] or 0) >= 0
        assert int(told.raw["paid_out"] or 0) >= 0


@pytest.mark.parametrize(
    ("reply", "apart", "deposited"),
    [
        ("80", 0.2, 5000),  # the ACK was missed
        ("80", 4.0, 10000),  # another bill; nobody recorded the empty polls in between
        ("90", 4.0, 0),
    ],
)
def test_a_bill_told_again_at_once_is_one_and_later_another(
    reply: str, apart: float, deposited: int
) -> None:
    ledger = Ledger()
    bills = till(0x30, ledger)
    for at in (1.0, 1.0 + apart):
        bills.feed(said("33", reply)._replace(at=at))
    told = [each for each in ledger.flush(9.0) if isinstance(each, CashMovement)]
    assert sum(int(each.raw["deposited"] or 0) for each in told) == deposited

"""Cash: what each byte of a changer and a validator moves, and when a movement is concluded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.block import Address
from mdb.cash import NOTHING, Changer, Ledger, Moved, Till, Validator
from mdb.event import CashMovement
from mdb.exchange import Exchange, Fate
from mdb.scaling import Scaling

COINS = Till(Scaling(100, 2, "RUB"), (1, 2, 5, 10, 50, 0xFF))
BILLS = Till(Scaling(1000, 2, "RUB"), (5, 10, 50))


def said(command: str, reply: str | None = None, fate: Fate = Fate.HEARD) -> Exchange:
    data = bytes.fromhex(command)
    told = None if reply is None else bytes.fromhex(reply)
    return Exchange(data[0] & 0xF8, data, 1.0, told, 1.0, fate)


@pytest.mark.parametrize(
    ("exchange", "moved"),
    [
        (said("0B"), NOTHING),
        (said("0B", "44 00"), Moved(deposited=5000)),  # to the cash box
        (said("0B", "54 03"), Moved(deposited=5000)),  # to the tubes
        (said("0B", "74 03"), NOTHING),  # rejected
        (said("0B", "64 03"), NOTHING),  # unused routing
        (said("0B", "43 01 43 02"), Moved(deposited=2000)),  # two coins are two
        (said("0B", "45 01"), NOTHING),  # a token
        (said("0B", "47 01"), Moved(unknown=True)),  # a type that was not told
        (said("0B", "93 02"), NOTHING),  # by hand
        (said("0B", "21"), NOTHING),  # a slug
        (said("0B", "0A 43 00"), Moved(deposited=1000)),  # busy, and a coin
        (said("0B", "43"), Moved(deposited=1000)),  # its count is missing
        (said("0D 43"), Moved(paid_out=4000)),
        (said("0D 43", fate=Fate.SILENT), NOTHING),
        (said("0D 43", fate=Fate.MOVED_ON), Moved(paid_out=4000)),
        (said("0F 03", "02 00 01"), Moved(paid_out=700)),
        (said("0F 02 07"), NOTHING),  # asked for; what is paid comes in PAYOUT STATUS
        (said("0C 00 1F FF FF"), NOTHING),
        (said("0A", "00 00 11 00 08"), NOTHING),
    ],
)
def test_what_a_changers_exchange_moves(exchange: Exchange, moved: Moved) -> None:
    assert Changer(COINS).feed(exchange) == moved


@pytest.mark.parametrize(
    ("exchange", "moved"),
    [
        (said("33", "80"), Moved(deposited=5000)),  # stacked
        (said("33", "B1"), Moved(deposited=10000)),  # to the recycler
        (said("33", "90"), NOTHING),  # in escrow
        (said("33", "A0"), NOTHING),  # came back
        (said("33", "D1"), NOTHING),  # filled by hand
        (said("33", "F1"), NOTHING),  # recycler to cash box
        (said("33", "06 09"), NOTHING),
        (said("33", "82 09"), Moved(deposited=50000)),
        (said("33", "85"), Moved(unknown=True)),
        (said("37 06 01 00 02"), Moved(paid_out=20000)),
        (said("37 07 00 0A"), Moved(paid_out=10000)),
        (said("35 01"), NOTHING),
    ],
)
def test_what_a_validators_exchange_moves(exchange: Exchange, moved: Moved) -> None:
    assert Validator(BILLS).feed(exchange) == moved


def test_what_coins_are_worth_is_told_once_and_kept() -> None:
    changer = Changer()
    assert changer.feed(said("0B", "43 00")) == Moved(unknown=True)
    changer.feed(said("09", "02 16 43 64 02 00 17 01 02 05 0A 0A 19"))
    assert changer.feed(said("0B", "43 00")) == Moved(deposited=1000)


@pytest.mark.parametrize("setup", ["01 18 10 00 0A 00", "01 18 10 00 64 01", "01 18 10 03 E8 02"])
def test_three_ways_to_say_ten_roubles_are_ten_roubles(setup: str) -> None:
    validator = Validator()
    validator.feed(said("31", f"{setup} 00 C8 00 1F FF 01 05 0A 32 64"))
    assert validator.feed(said("33", "80")) == Moved(deposited=1000)


def test_a_payout_that_nobody_itemised_was_paid_as_asked() -> None:
    changer = Changer(COINS)
    changer.feed(said("0F 02 07"))
    assert changer.settle() == Moved(paid_out=700)
    assert changer.settle() == NOTHING
    changer.feed(said("0F 02 07"))
    changer.feed(said("0F 03", "00"))
    assert changer.settle() == NOTHING


def movement(amount: int | None, deposited: int, paid_out: int, told: int = 0) -> CashMovement:
    raw = {"deposited": deposited, "paid_out": paid_out, "told": told}
    return CashMovement(1.0, Address.CHANGER, amount, "RUB", raw)


def moves(ledger: Ledger, moved: Moved) -> list[object]:
    return list(ledger.add(moved, COINS, 1.0, Address.CHANGER))


def test_money_that_comes_back_whole_is_a_movement_of_nothing() -> None:
    ledger = Ledger()
    assert moves(ledger, Moved(deposited=100)) == []
    assert moves(ledger, Moved(paid_out=100)) == [movement(0, 100, 100)]
    assert ledger.flush(COINS, 1.0) == []


def test_what_was_told_as_sold_is_spent() -> None:
    ledger = Ledger()
    moves(ledger, Moved(deposited=100))
    assert ledger.sold(60, COINS, 1.0) == []
    assert moves(ledger, Moved(paid_out=40)) == [movement(60, 100, 40, 60)]


def test_what_nobody_told_of_is_kept_and_known_at_the_end() -> None:
    ledger = Ledger()
    moves(ledger, Moved(deposited=100))
    moves(ledger, Moved(paid_out=40))
    assert ledger.flush(COINS, 1.0) == [movement(60, 100, 40)]
    assert ledger.flush(COINS, 1.0) == []


def test_a_sale_for_which_no_coin_was_heard_moves_nothing() -> None:
    ledger = Ledger()
    assert ledger.sold(60, COINS, 1.0) == []
    assert ledger.flush(COINS, 1.0) == []


def test_a_movement_with_a_coin_of_no_known_worth_has_no_amount() -> None:
    ledger = Ledger()
    assert moves(ledger, Moved(unknown=True)) == []
    assert moves(ledger, Moved(deposited=100, paid_out=100)) == []
    assert ledger.flush(COINS, 1.0) == [movement(None, 100, 100)]


@given(st.binary(max_size=20), st.binary(min_size=1, max_size=6))
def test_no_bytes_make_a_till_trip(reply: bytes, command: bytes) -> None:
    for till in (Changer(), Changer(COINS), Validator(), Validator(BILLS)):
        moved = till.feed(Exchange(8, command, 0.0, reply))
        assert moved.deposited >= 0
        assert moved.paid_out >= 0

"""Coins and bills in and out, byte for byte, and what the machine keeps."""

import pytest

from mdb.byte import Break, Line, Signal
from mdb.virtual import cash_dialogues as cash
from mdb.virtual.bill_validator import ValidatorMake
from mdb.virtual.card_dialogues import buy
from mdb.virtual.card_reader import ReaderMake
from mdb.virtual.coin_changer import ChangerMake
from mdb.virtual.machine import Machine, Make
from mdb.virtual.start_up import switch_on
from mdb.virtual.truth import Paid
from mdb.virtual.unit import TENTHS, Unit
from mdb.virtual.vmc import Habits
from mdb.virtual.wire import Fate, Wire

HABITS = Habits(motor_s=0.0, poll_s=0.0)
ROUBLES = ChangerMake(coins=(1, 2, 5, 10), tubes=(3, 3, 3, 3))


def machine(
    changer: ChangerMake | None = ROUBLES,
    validator: ValidatorMake | None = None,
    *readers: ReaderMake,
    gateway: bool = False,
) -> Machine:
    prices = {"0001": 1200}
    made = Machine(
        Make(prices, readers, changer, validator, gateway=gateway, habits=HABITS), Wire()
    )
    switch_on(made)
    return made


def said(blocks: list[tuple[Signal, ...]]) -> list[str]:
    return [
        bytes(each.value for each in block if not isinstance(each, Break)).hex(" ").upper()
        for block in blocks
    ]


def told(made: Machine) -> list[str]:
    return said(made.wire.take())


def test_a_changer_is_started_as_the_standard_says() -> None:
    made = machine()
    heard = told(made)
    assert heard[:8] == [
        "08 08",
        "00",
        "0B 0B",
        "0B 0B",
        "00",
        "09 09",
        "03 16 43 64 02 00 0F 01 02 05 0A E3",
        "00",
    ]
    assert "0F 01 00 00 00 01 11" in heard
    assert "00 00 03 03 03 03 0C" in heard  # TUBE STATUS
    assert "0C FF FF FF FF 08" in heard


def test_a_validator_is_started_as_the_standard_says() -> None:
    heard = told(machine(None, ValidatorMake()))
    assert heard[:4] == ["30 30", "00", "33 33", "06 09 0F"]  # just reset, and disabled
    assert "01 16 43 03 E8 02 00 C8 00 00 FF 05 0A 14 32 64 C7" in heard
    assert "32 00 00 32" in heard
    assert "34 FF FF FF FF 30" in heard


def test_coins_pay_exactly_and_stay() -> None:
    made = machine()
    told(made)
    cash.buy(made, "0001")
    heard = told(made)
    assert [each for each in heard if each[0] == "5"] == ["53 04 57", "51 04 55"]  # 10 and 2
    assert made.truth.cash_kept == 1200
    assert not [each for each in heard if each.startswith(("0D", "0F 02"))]


def test_a_report_is_asked_for_again_at_once() -> None:
    """Appendix 3: the same answer twice is one coin, so the VMC makes sure."""
    made = machine()
    told(made)
    assert made.changer is not None
    made.changer.insert(3)
    made.poll(made.changer)
    assert told(made) == ["0B 0B", "53 04 57", "00", "0B 0B", "00"]


def test_change_is_paid_by_value_and_asked_for_by_coins() -> None:
    made = machine()
    cash.pay_in(made, 2000)
    told(made)
    cash.pay_out(made, 800)
    assert told(made) == [
        *("0F 02 08 19", "00"),
        *("0B 0B", "02 02", "00", "0B 0B", "02 02", "00", "0B 0B", "00"),
        *("0F 03 12", "01 01 01 00 03", "00"),
    ]


def test_a_level_2_changer_dispenses_coins_one_type_at_a_time() -> None:
    made = machine(ChangerMake(2, coins=(1, 2, 5, 10), tubes=(3, 3, 3, 3)))
    told(made)
    cash.pay_out(made, 800)
    assert [each for each in told(made) if each.startswith("0D")] == [
        "0D 10 1D",
        "0D 11 1E",
        "0D 12 1F",
    ]
    assert made.changer is not None
    assert made.changer.tubes == [2, 2, 2, 3]


@pytest.mark.parametrize("lost", [b"\x0d\x10\x1d", b"\x00"], ids=["the command", "its ACK"])
def test_a_payout_that_was_not_acknowledged_is_paid_once(lost: bytes) -> None:
    """Whether it began is asked by a POLL; appendix 3 forbids to repeat it blindly."""
    made = machine(ChangerMake(2, coins=(1, 2, 5, 10), tubes=(3, 3, 3, 3)))
    told(made)
    left = [lost]

    def fates(_line: Line, values: bytes) -> Fate:
        if left and values == left[0]:
            left.clear()
            return Fate.LOST_TO_RECEIVER
        return Fate.HEARD

    made.wire.fates = fates
    cash.pay_out(made, 100)
    assert made.changer is not None
    assert made.changer.tubes == [2, 3, 3, 3]
    assert told(made).count("0D 10 1D") == 1 + (lost != b"\x00")


def test_a_bill_is_secured_by_stacking_it() -> None:
    made = machine(ROUBLES, ValidatorMake(), ReaderMake())
    told(made)
    cash.buy(made, "0001", 5000)
    heard = told(made)
    at = heard.index("90 90")
    assert heard[at + 1 :][:9] == [
        "00",
        "33 33",
        "00",
        "35 01 36",
        "00",
        "33 33",
        "80 80",
        "00",
        "33 33",
    ]
    assert made.truth.cash_kept == 1200
    (vend,) = made.truth.vends
    assert vend.tenders == (Paid("cash", 1200),)


def test_a_bill_may_come_back_or_go_to_the_recycler_and_out_again() -> None:
    made = machine(ROUBLES, ValidatorMake(recycles=(0,)))
    told(made)
    cash.bill_given_back(made, 0)
    assert "A0 A0" in told(made)
    assert made.truth.cash_kept == 0
    cash.pay_in(made, 5000)
    assert "B0 B0" in told(made)
    cash.pay_out(made, 5000)
    heard = told(made)
    assert "37 06 00 00 01 3E" in heard
    assert made.validator is not None
    assert made.validator.kept == 0


def test_the_lever_brings_the_coins_back() -> None:
    made = machine()
    cash.lever(made, 1200)
    assert "01 01" in told(made)
    assert made.truth.cash_kept == 0
    assert made.truth.deeds == []


def test_a_rejected_coin_is_no_credit() -> None:
    made = machine()
    cash.coin_rejected(made, 2)
    assert "72 00 72" in told(made)
    assert made.credit == 0


def test_a_full_tube_sends_its_coins_to_the_cash_box() -> None:
    made = machine(ChangerMake(coins=(1, 2, 5, 10), tubes=(3, 3, 3, 50)))
    told(made)
    cash.pay_in(made, 1000)
    assert "43 32 75" in told(made)


def test_a_mixed_payment_tells_the_cash_part_right_after_success() -> None:
    made = machine(ROUBLES, None, ReaderMake(unit=TENTHS))
    told(made)
    cash.mixed(made, made.reader(), "0001", 500)
    heard = [each for each in told(made) if each.startswith("13")]
    assert heard == ["13 00 00 46 00 01 5A", "13 02 00 01 16", "13 05 00 32 00 01 4B", "13 04 17"]
    (vend,) = made.truth.vends
    assert vend.tenders == (Paid("cashless-1", 700), Paid("cash", 500))
    assert vend.amount == 1200
    assert made.truth.cash_kept == 500


def test_coins_beside_a_card_come_back() -> None:
    made = machine(ROUBLES, None, ReaderMake(unit=TENTHS))
    cash.coins_beside_card(made, made.reader(), "0001", 500)
    (vend,) = made.truth.vends
    assert vend.tenders == (Paid("cashless-1", 1200),)
    assert made.truth.cash_kept == 0


def test_a_gateway_is_told_of_every_vend_in_a_full_block() -> None:
    made = machine(None, None, ReaderMake(unit=TENTHS), gateway=True)
    told(made)
    buy(made, made.reader(), ["0001"])
    (report,) = [each for each in told(made) if each.startswith("1B")]
    assert len(report.split()) == 36
    assert report.startswith("1B 01 01 00 01 00 78 00 00 00 00 00 00 00 78 00 00")


def test_without_a_reader_that_wants_it_the_gateway_alone_knows() -> None:
    made = machine(ROUBLES, None, gateway=True)
    cash.buy(made, "0001")
    (vend,) = made.truth.vends
    assert (vend.told, vend.address) == (True, 0x18)


def test_a_machine_without_coins_has_no_lever() -> None:
    with pytest.raises(LookupError, match="no coin changer"):
        cash.lever(machine(None, ValidatorMake()), 100)


@pytest.mark.parametrize(
    ("unit", "minor"), [(Unit(10, 2), 10), (Unit(1, 0), 100), (Unit(100, 3), 10), (Unit(5, 1), 50)]
)
def test_a_unit_is_scale_times_ten_to_the_minus_decimals(unit: Unit, minor: int) -> None:
    assert unit.minor == minor
    assert unit.units(3 * minor) == 3
    with pytest.raises(ValueError, match="no multiple"):
        unit.units(3 * minor + 1)


def test_a_unit_below_a_kopeck_is_refused() -> None:
    with pytest.raises(ValueError, match="no whole minor unit"):
        _ = Unit(1, 3).minor

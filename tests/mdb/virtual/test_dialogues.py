"""Each dialogue's bytes, written down by hand from the standard's layouts and the reference's
vectors (section 7.5), with a machine that polls nobody but the reader."""

from collections.abc import Callable

import pytest

from mdb.byte import Break, Line, Signal
from mdb.virtual import card_dialogues as card
from mdb.virtual import cash_dialogues as cash
from mdb.virtual.card_reader import TOKEN, Media, ReaderMake
from mdb.virtual.machine import Machine, Make
from mdb.virtual.start_up import switch_on
from mdb.virtual.truth import Kind, Paid, Return, Revalue, Vend
from mdb.virtual.unit import Unit
from mdb.virtual.vmc import Habits
from mdb.virtual.wire import Wire

CENTS = Unit(1, 2)
HABITS = Habits(motor_s=0.0, asks_names=False)
PRICES = {"000a": 150}
Does = Callable[[Machine], None]


def machine(reader: ReaderMake, *others: ReaderMake, habits: Habits = HABITS) -> Machine:
    made = Machine(Make(PRICES, (reader, *others), habits=habits), Wire())
    switch_on(made)
    made.wire.take()
    return made


def said(blocks: list[tuple[Signal, ...]]) -> list[str]:
    """Blocks as text, with their mode bits as the reference writes them: 113 is 13 with it set."""
    told = []
    for block in blocks:
        if isinstance(block[0], Break):
            told.append("> BREAK")
            continue
        values = [each for each in block if not isinstance(each, Break)]
        who = ">" if values[0].line is Line.VMC else "<"
        told.append(f"{who} " + " ".join(f"{each.mode:d}{each.value:02X}" for each in values))
    return told


def without_idle(told: list[str]) -> list[str]:
    """What was said but for POLLs that nothing came of, and the VMC's ACKs."""
    left: list[str] = []
    for line in told:
        if line == "< 100" and left and left[-1] in {"> 112 012", "> 162 062"}:
            left.pop()
        elif line != "> 000":
            left.append(line)
    return [line for line in left if line not in {"> 112 012", "> 162 062"}]


def after(reader: ReaderMake, does: Does) -> tuple[list[str], Machine]:
    made = machine(reader)
    does(made)
    return without_idle(said(made.wire.take())), made


EURO = ReaderMake(unit=CENTS, currency=0x1978, response_s=5, multivend=False)
EXPANDED = ReaderMake(level=3, unit=CENTS, expanded=True, negative_vend=True)
BEGIN_L1 = "< 003 0FF 0FF 101"
REQUEST = "> 113 000 000 096 000 00A 0B3"
APPROVED = "< 005 000 096 19B"
SUCCESS = "> 113 002 000 00A 01F"
END = ["> 113 004 017", "< 100", "< 007 107"]


def test_a_level_1_reader_is_started_as_the_standard_says() -> None:
    made = Machine(Make(PRICES, (EURO,), habits=HABITS), Wire())
    switch_on(made)
    assert said(made.wire.take()) == [
        *("> 110 010", "< 100"),
        *("> 112 012", "< 000 100", "> 000"),
        *("> 111 000 003 010 001 001 026", "< 100"),
        *("> 112 012", "< 001 001 019 078 001 002 005 009 1A4", "> 000"),
        *("> 111 001 0FF 0FF 000 000 010", "< 100"),
        *("> 114 001 015", "< 100"),
    ]


def test_a_level_3_reader_with_32_bit_money_is_told_so_and_told_its_prices_again() -> None:
    made = Machine(Make(PRICES, (EXPANDED,), habits=Habits(motor_s=0.0)), Wire())
    switch_on(made)
    told = said(made.wire.take())
    names = next(line for line in told if line.startswith("> 117 000"))
    assert len(names.split()) == 1 + 32
    answer = next(line for line in told if line.startswith("< 009"))
    assert len(answer.split()) == 1 + 34 + 1
    at = told.index("> 117 004 000 000 000 00A 025")
    assert told[at + 1 :] == [
        "< 100",
        "> 111 001 0FF 0FF 0FF 0FF 000 000 000 000 016 043 067",
        "< 100",
        "> 114 001 015",
        "< 100",
    ]


def test_1_a_single_vend() -> None:
    told, made = after(EURO, lambda m: card.buy(m, m.reader(), ["000a"]))
    assert told == [BEGIN_L1, REQUEST, "< 100", APPROVED, SUCCESS, "< 100", *END]
    (vend,) = made.truth.deeds
    assert vend == Vend(vend.at, "000a", "paid", 150, (Paid("cashless-1", 150),), 0x10)


def test_2_several_vends_in_one_session() -> None:
    told, made = after(EURO, lambda m: card.buy(m, m.reader(), ["000a", "000a"]))
    once = [REQUEST, "< 100", APPROVED, SUCCESS, "< 100"]
    assert told == [BEGIN_L1, *once, *once, *END]
    assert len(made.truth.deeds) == 2


def test_a_quick_reader_answers_the_command_itself() -> None:
    quick = ReaderMake(unit=CENTS, at_once=True)
    told, _ = after(quick, lambda m: card.buy(m, m.reader(), ["000a"]))
    assert told == [BEGIN_L1, REQUEST, APPROVED, SUCCESS, "< 100", "> 113 004 017", "< 007 107"]


def test_a_vend_in_32_bit_money() -> None:
    told, _ = after(EXPANDED, lambda m: card.buy(m, m.reader(), ["000a"]))
    assert told == [
        "< 003 0FF 0FF 0FF 0FF 0FF 0FF 0FF 0FF 000 000 000 072 075 016 043 000 13B",
        "> 113 000 000 000 000 096 000 00A 0B3",
        "< 100",
        "< 005 000 000 000 096 19B",
        SUCCESS,
        "< 100",
        *END,
    ]


@pytest.mark.parametrize(("media", "bits"), [(Media.FREE, "080"), (Media.TEST, "040")])
def test_free_and_test_media_say_so_in_begin_session(media: Media, bits: str) -> None:
    reader = ReaderMake(level=2, unit=CENTS)
    told, made = after(reader, lambda m: card.buy(m, m.reader(), ["000a"], media))
    assert told[0].startswith(f"< 003 0FF 0FF 0FF 0FF 0FF 0FF {bits} 000 000 1")
    (vend,) = made.truth.vends
    assert (vend.kind, vend.amount, vend.tenders) == (media.name.lower(), 0, ())


def test_a_token_is_approved_as_ffff() -> None:
    told, made = after(EURO, lambda m: card.buy(m, m.reader(), ["000a"], verdict=TOKEN))
    assert "< 005 0FF 0FF 103" in told
    assert made.truth.vends[0].amount is None


def test_4b_the_buyer_cancels() -> None:
    told, made = after(EURO, lambda m: card.cancelled(m, m.reader(), "000a"))
    assert told == [BEGIN_L1, REQUEST, "< 100", "> 113 001 014", "< 100", "< 006 106", *END]
    assert made.truth.deeds == []


def test_5_nothing_fell_and_the_money_goes_back() -> None:
    told, made = after(EURO, lambda m: card.failed(m, m.reader(), "000a", refunded=True))
    failure = ["> 113 003 016", "< 100"]
    assert told == [BEGIN_L1, REQUEST, "< 100", APPROVED, *failure, *END]
    assert made.truth.deeds == []


def test_5a_nothing_fell_and_the_reader_loses_the_money() -> None:
    told, _ = after(EURO, lambda m: card.failed(m, m.reader(), "000a", refunded=False))
    failure = ["> 113 003 016", "< 100", "< 00A 0C0 1CA"]
    assert told == [BEGIN_L1, REQUEST, "< 100", APPROVED, *failure, *END]


def test_6_denied() -> None:
    told, _ = after(EURO, lambda m: card.denied(m, m.reader(), "000a"))
    assert told == [BEGIN_L1, REQUEST, "< 100", "< 006 106", *END]


def test_7_out_of_sequence_is_followed_by_a_reset() -> None:
    told, _ = after(ReaderMake(level=2, unit=CENTS), lambda m: card.out_of_sequence(m, m.reader()))
    assert told[:5] == ["> 113 004 017", "< 100", "< 00B 003 10E", "> 110 010", "< 100"]


def test_8_a_busy_reader_is_asked_again() -> None:
    made = machine(EURO)
    card.silent(made, made.reader(), 2)
    assert said(made.wire.take()) == ["> 112 012", "> 112 012", "> 112 012", "< 100"]


def test_10_goods_come_back_onto_the_card() -> None:
    reader = ReaderMake(level=3, unit=CENTS, negative_vend=True)
    told, made = after(reader, lambda m: card.taken_back(m, m.reader(), "000a"))
    assert told[1:6] == ["> 113 006 000 096 000 00A 0B9", "< 100", APPROVED, SUCCESS, "< 100"]
    assert [type(each) for each in made.truth.deeds] == [Return]


def test_11_always_idle_needs_no_session_before_the_request() -> None:
    reader = ReaderMake(level=3, unit=CENTS, always_idle=True)
    told, _ = after(reader, lambda m: card.buy(m, m.reader(), ["000a"]))
    assert told == [REQUEST, "< 100", APPROVED, SUCCESS, "< 100", *END]


def test_13_of_two_readers_the_loser_is_cancelled() -> None:
    one = ReaderMake(0x10, 3, CENTS, always_idle=True)
    made = machine(one, ReaderMake(0x60, 3, CENTS, always_idle=True))
    card.first_of_two(made, "000a", made.reader(0x60))
    told = without_idle(said(made.wire.take()))
    assert told == [
        *(REQUEST, "< 100", "> 163 000 000 096 000 00A 003", "< 100", APPROVED),
        *("> 113 001 014", "< 100", "< 006 106", "> 163 002 000 00A 06F", "< 100"),
        *("> 163 004 067", "< 100", "< 007 107", *END),
    ]
    assert [each.address for each in made.truth.deeds] == [0x60]


def test_money_onto_the_card() -> None:
    told, made = after(ReaderMake(level=2, unit=CENTS), lambda m: card.revalued(m, m.reader(), 500))
    assert "> 115 001 016" in told
    assert "< 00F 07F 0FF 18D" in told
    assert "> 115 000 001 0F4 00A" in told
    assert "< 00D 10D" in told
    assert [type(each) for each in made.truth.deeds] == [Revalue]


@pytest.mark.parametrize(
    ("how", "seen"),
    [("command", "> 110 010"), ("break", "> BREAK"), ("power", "< 000 100"), ("silence", SUCCESS)],
)
def test_a_reset_where_success_was_due_is_a_vend(how: card.Reset, seen: str) -> None:
    told, made = after(EURO, lambda m: card.reset_after_approval(m, m.reader(), "000a", how))
    assert seen in told
    assert [each.presumed for each in made.truth.vends] == [True]
    assert told[-2:] == ["> 114 001 015", "< 100"]


def test_cash_sale() -> None:
    told, made = after(EURO, lambda m: cash.buy(m, "000a"))
    assert told == ["> 113 005 000 096 000 00A 0B8", "< 100"]
    assert [each.kind for each in made.truth.vends] == ["paid"]


@pytest.mark.parametrize(
    ("kind", "block"),
    [
        ("test", "> 113 005 000 096 040 00A 0F8"),
        ("free", "> 113 005 000 096 080 00A 038"),
        ("token", "> 113 005 000 096 010 00A 0C8"),
    ],
)
def test_cash_sale_tells_the_kind_in_the_item_s_upper_bits(kind: Kind, block: str) -> None:
    told, made = after(EURO, lambda m: cash.without_money(m, "000a", kind))
    assert told == [block, "< 100"]
    assert [each.kind for each in made.truth.vends] == [kind]


def test_cash_sale_in_32_bit_money_names_the_currency() -> None:
    told, _ = after(EXPANDED, lambda m: cash.buy(m, "000a"))
    assert told == ["> 113 005 000 000 000 096 000 00A 016 043 011", "< 100"]


def test_a_reader_that_wants_no_cash_sales_is_told_none() -> None:
    reader = ReaderMake(unit=CENTS, cash_sale=False)
    told, made = after(reader, lambda m: cash.buy(m, "000a"))
    assert told == []
    assert [each.told for each in made.truth.vends] == [False]

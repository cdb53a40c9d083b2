"""The whole way, and what no bytes may do to it."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdb import Break, BusByte, Event, Line, Sale, Signal, Sniffer, read_trace
from mdb.block import MAX_BLOCK, Block
from mdb.context import Context
from mdb.event import BusFault, Return, VendRequested
from mdb.framing import Framer
from mdb.scaling import Scaling
from mdb.vend_cycle import KEPT, MOST_WAITING

Hear = Callable[..., list[Event]]
TRACES = sorted((Path(__file__).parents[1] / "traces").glob("*.mdb"))
SCARRED = {
    *("approval-lost-a-zero", "mdb-4.3-flags-or-noise", "repeated-cash-sale-lost-a-zero"),
    "success-of-another-item-then-reset",
}
"""They have a bad byte already; or their item is told but once."""
UNSCARRED = [trace for trace in TRACES if trace.stem not in SCARRED]
EUR = Context(3, 1, Scaling(1, 2, "EUR"))
TENS = Context(3, 1, Scaling(10, 2, "EUR"))
BOTH = {0x10: EUR, 0x60: EUR}

VEND = """
    > 13 00 0096 000A B3
    < 00
    > 12 12
    < 05 0096 9B
    > 00
    > 13 02 000A 1F
    < 00
"""


def conclude(signals: Iterable[Signal]) -> list[Event]:
    sniffer = Sniffer()
    heard = [each for signal in signals for each in sniffer.listen(signal)]
    return [event for each in [*heard, *sniffer.flush()] for event in each.events]


def signals_of(trace: Path) -> list[Signal]:
    return list(read_trace(trace.read_text("utf-8").splitlines()))


def no_more(heard: Counter[str | None], whole: Counter[str | None]) -> bool:
    """Whether each sale heard is one of the whole's, though its item may not have been heard."""
    return heard.total() <= whole.total() and heard - Counter({None: heard[None]}) <= whole


def goods(events: Iterable[Event]) -> Counter[str | None]:
    """What moved. Whether it went out or came back, only the request tells."""
    return Counter(each.item for each in events if isinstance(each, Sale | Return))


def amounts(events: Iterable[Event]) -> set[int | None]:
    """What was paid, in all and by each means, or would have been if it had not been free."""
    events = list(events)
    paid = [each for each in events if isinstance(each, Sale | Return)]
    parts = [tender.amount for each in paid for tender in each.tenders]
    asked = [each.amount for each in events if isinstance(each, VendRequested)]
    return {None, *(each.amount for each in paid), *parts, *asked}


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_dropped_in_anywhere_a_listener_invents_no_sale(trace: Path) -> None:
    signals = signals_of(trace)
    whole = goods(conclude(signals))
    for start in range(len(signals)):
        assert no_more(goods(conclude(signals[start:])), whole)


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_cut_anywhere_a_trace_holds_no_other_sale(trace: Path) -> None:
    signals = signals_of(trace)
    whole = goods(conclude(signals))
    for end in range(len(signals)):
        assert no_more(goods(conclude(signals[:end])), whole)


@pytest.mark.parametrize("trace", UNSCARRED, ids=lambda trace: trace.stem)
def test_one_bad_byte_costs_at_most_the_sale_it_is_part_of(trace: Path) -> None:
    signals = signals_of(trace)
    events = conclude(signals)
    whole, known = goods(events), amounts(events)
    for at, signal in enumerate(signals):
        if not isinstance(signal, BusByte):
            continue
        other_mode = BusByte(signal.value, not signal.mode, signal.line, signal.at)
        flipped = BusByte(signal.value ^ 0x10, signal.mode, signal.line, signal.at)
        for bad in ([], [flipped], [other_mode], [signal, signal]):
            events = conclude([*signals[:at], *bad, *signals[at + 1 :]])
            left = goods(events)
            assert amounts(events) <= known, (at, bad)
            assert left.total() >= whole.total() - 1, (at, bad)
            assert no_more(left, whole), (at, bad)


def test_the_whole_of_a_trace_is_heard_without_a_fault() -> None:
    for trace in TRACES:
        assert not [each for each in conclude(signals_of(trace)) if isinstance(each, BusFault)]


CASH_TWICE = {
    "told to both": ("10.0 > 13 05 0096 000A B8", "10.1 > 63 05 0096 000A 08", 1),
    "the second reader's first": ("10.0 > 63 05 0096 000A 08", "10.1 > 13 05 0096 000A B8", 1),
    "later than one round": ("10.0 > 13 05 0096 000A B8", "11.6 > 63 05 0096 000A 08", 2),
    "another price": ("10.0 > 13 05 0096 000A B8", "10.1 > 63 05 0095 000A 07", 2),
    "another item": ("10.0 > 13 05 0096 000A B8", "10.1 > 63 05 0096 000B 09", 2),
    "another flag": ("10.0 > 13 05 0096 000A B8", "10.1 > 63 05 0096 400A 48", 2),
}


@pytest.mark.parametrize(("first", "second", "sold"), CASH_TWICE.values(), ids=CASH_TWICE)
def test_cash_told_to_both_readers_is_one_sale(
    hear: Hear, first: str, second: str, sold: int
) -> None:
    story = f"{first}\n10.01 < 00\n{second}\n11.9 < 00"
    assert len(hear(story, BOTH)) == sold


FIRST, SECOND = "> 13 05 0096 000A B8", "> 63 05 0096 000A 08"
NEVER = "".join(f"{at / 10:.1f} {FIRST}\n" for at in range(100, 150, 5))
"""The VMC tells the first reader for five seconds, and nobody answers."""
GIVEN_UP = "15.2 > 10 10\n15.21 < 00\n"
UNANSWERED = {
    "given up, then the other reader": f"{NEVER}{GIVEN_UP}15.4 {SECOND}\n15.41 < 00",
    "the other reader, then given up": f"{NEVER}15.1 {SECOND}\n15.11 < 00\n{GIVEN_UP}",
    "the bus is reset, then the other reader": f"{NEVER}15.2 > BREAK\n15.6 {SECOND}\n15.61 < 00",
    "the other reader, then it is polled again": (
        f"{NEVER}15.1 {SECOND}\n15.11 < 00\n15.2 > 12 12\n15.21 < 00\n"
    ),
    "told once and given up seconds later, then the other reader": (
        f"10.0 {FIRST}\n10.2 > 12 12\n{GIVEN_UP}15.4 {SECOND}\n15.41 < 00"
    ),
    "told once and the bus is reset seconds later, then the other reader": (
        f"10.0 {FIRST}\n10.2 > 12 12\n15.2 > BREAK\n15.6 {SECOND}\n15.61 < 00"
    ),
    "the other reader meanwhile, and the first at last": (
        f"{NEVER}14.6 {SECOND}\n14.61 < 00\n15.0 {FIRST}\n15.01 < 00\n"
    ),
    "the other reader at the beginning, and the first at last": (
        f"10.0 {FIRST}\n10.1 {SECOND}\n10.11 < 00\n{NEVER[NEVER.index('10.5') :]}15.0 {FIRST}\n15.01 < 00\n"
    ),
}


@pytest.mark.parametrize("story", UNANSWERED.values(), ids=UNANSWERED)
def test_cash_told_to_a_reader_that_is_long_in_answering_and_to_the_other_is_one_sale(
    hear: Hear, story: str
) -> None:
    sold = [each for each in hear(story, BOTH) if isinstance(each, Sale)]
    assert [each.amount for each in sold] == [150]


CARD_ASKED = "> 63 00 0096 000A 03\n{0}1 < 00\n{0}2 > 62 62\n{0}3 < 05 0096 9B\n{0}4 > 00\n"
CARD_SOLD = "> 63 02 000A 6F\n{0}1 < 00\n"
ANOTHER_S = {
    "while it is told": "".join(
        [
            *(f"{at / 10:.1f} {FIRST}\n" for at in range(100, 130, 5)),
            *("12.6 ", CARD_ASKED.format("12.6"), "14.0 ", CARD_SOLD.format("14.0")),
            *(f"14.5 {FIRST}\n", GIVEN_UP),
        ]
    ),
    "when it has been told": "".join(
        [
            f"10.0 {FIRST}\n10.01 < 00\n",
            *(f"{at / 10:.1f} {SECOND}\n" for at in range(102, 130, 5)),
            *(f"13.0 {SECOND}\n13.01 < 00\n13.1 ", CARD_ASKED.format("13.1")),
            *("14.0 ", CARD_SOLD.format("14.0")),
        ]
    ),
}


@pytest.mark.parametrize("story", ANOTHER_S.values(), ids=ANOTHER_S)
def test_who_pays_by_card_just_after_another_s_cash_that_is_long_in_telling_has_a_sale_of_his_own(
    hear: Hear, story: str
) -> None:
    later = "".join(f"{at}.0 > 62 62\n{at}.01 < 00\n" for at in range(17, 23))
    sold = [each for each in hear(f"{story}{later}", BOTH) if isinstance(each, Sale)]
    assert sorted([tender.by for tender in each.tenders] for each in sold) == [
        ["cash"],
        ["cashless-2"],
    ]


def test_a_card_that_is_asked_just_behind_the_cash_part_pays_the_other_part(hear: Hear) -> None:
    story = (
        f"10.0 {FIRST}\n10.01 < 00\n10.2 {CARD_ASKED.format('10.2')}10.8 {CARD_SOLD.format('10.8')}"
    )
    sold = [each for each in hear(f"{story}13.0 > 62 62", BOTH) if isinstance(each, Sale)]
    assert [(each.amount, len(each.tenders)) for each in sold] == [(300, 2)]


def test_two_equal_sales_told_to_both_readers_are_two_though_the_first_answer_is_not_heard(
    hear: Hear,
) -> None:
    story = f"""
        10.0 {FIRST}
        10.1 {SECOND}
        10.11 < 00
        10.3 > 12 12
        10.31 < 00
        10.4 > 62 62
        10.41 < 00
        13.0 {FIRST}
        13.01 < 00
        13.1 {SECOND}
        13.11 < 00
    """
    assert len([each for each in hear(story, BOTH) if isinstance(each, Sale)]) == 2


def test_the_readers_may_differ_in_scale(hear: Hear) -> None:
    story = "> 13 05 0096 000A B8 \n < 00 \n > 63 05 000F 000A 81 \n < 00"
    (sale,) = hear(story, {0x10: EUR, 0x60: TENS})
    assert sale.address == 0x10


def test_two_equal_cash_sales_told_to_each_reader_in_turn_are_two(hear: Hear) -> None:
    first = "> 13 05 0096 000A B8 \n < 00 \n > 12 12 \n < 00 \n"
    second = "> 63 05 0096 000A 08 \n < 00 \n > 62 62 \n < 00 \n"
    assert len(hear((first + second) * 2, BOTH)) == 2
    assert len(hear(first * 2 + second * 2, BOTH)) == 2


def test_a_reader_that_is_dead_does_not_double_the_other_s_cash_sale(hear: Hear) -> None:
    story = """
        10.0 > 13 05 0096 000A B8
        10.1 < 00
        10.2 > 63 05 0096 000A 08
        14.0 > 13 05 0096 000B B9
        14.1 < 00
        16.0 > 60 60
    """
    assert [each.item for each in hear(story, BOTH) if isinstance(each, Sale)] == ["000a", "000b"]


def test_a_damaged_command_s_answer_is_not_taken_for_another_reader_s(hear: Hear) -> None:
    """Cashless 2 is not there; a POLL to cashless 1 is damaged; its answer is nobody's."""
    story = """
        > 62 62
        > 12 13
        < 05 0096 9B
        > 00
        > 60 60
    """
    assert [each for each in hear(story, BOTH) if isinstance(each, Sale)] == []


def test_the_context_can_be_kept_and_given_back(hear: Hear) -> None:
    setup = "> 11 00 03 10 01 01 26 \n < 01 01 1643 0A 02 07 09 77 \n > 00"
    before = Sniffer()
    for signal in read_trace(f"{i} {line}" for i, line in enumerate(setup.split("\n"))):
        before.feed(signal)
    scaling = Scaling(10, 2, "RUB", "1643")
    assert before.context == {0x10: Context(3, 1, scaling, display=16, features=9)}
    *_, sale = hear(VEND, before.context)
    assert isinstance(sale, Sale)
    assert (sale.amount, sale.currency) == (1500, "RUB")


def test_a_peripheral_nobody_knows_is_heard_out(hear: Hear) -> None:
    assert hear("> C3 01 02 C6 \n < 05 0096 9B \n > 00 \n > 1A 1A \n < 02 02 \n > 00") == []


def test_a_break_is_told(hear: Hear) -> None:
    assert [each.name for each in hear("> BREAK")] == ["bus_reset"]


words = st.builds(BusByte, st.integers(0, 255), st.booleans(), st.sampled_from(Line), st.just(0.0))
said = [signals_of(trace) for trace in TRACES]
pieces = st.builds(
    lambda trace, start, length: trace[start % len(trace) :][:length],
    st.sampled_from(said),
    st.integers(0, 200),
    st.integers(0, 40),
)
anything = st.lists(pieces | st.lists(words | st.just(Break(0.0)), max_size=40), max_size=12)


@settings(deadline=None, max_examples=60)
@given(anything)
def test_nothing_heard_raises_or_grows_what_is_kept(heard: list[list[Signal]]) -> None:
    sniffer = Sniffer()
    for signal in (signal for piece in heard for signal in piece):
        sniffer.feed(signal)
        framer = sniffer._framer  # noqa: SLF001
        assert max(len(framer._vmc), len(framer._peripheral)) <= MAX_BLOCK  # noqa: SLF001
        cycle = sniffer._cycle  # noqa: SLF001
        assert len(cycle._waiting) <= MOST_WAITING + 2  # noqa: SLF001
        assert len(cycle._cash_sales) <= KEPT  # noqa: SLF001
    sniffer.flush()
    assert len(sniffer._joiner._devices) <= 32  # noqa: SLF001
    assert not sniffer._cycle.holds  # noqa: SLF001


def blocks_in(noise: Iterable[Signal]) -> list[Block]:
    framer = Framer()
    framed = [each for signal in noise for each in framer.feed(signal)] + framer.flush()
    return [each for each in framed if isinstance(each, Block)]


def tells_of_a_sale(block: Block) -> bool:
    """SUCCESS, CASH SALE, or the approval that a reset would make a presumed sale."""
    if block.line is Line.VMC:
        return block.data[:1] in {b"\x13", b"\x63"} and block.data[1:2] in {b"\x02", b"\x05"}
    return b"\x05" in block.data


noises = st.lists(words | st.just(Break(0.0)), max_size=120)


@settings(deadline=None, max_examples=60)
@given(noises)
def test_noise_alone_sells_nothing(noise: list[Signal]) -> None:
    if not any(tells_of_a_sale(block) for block in blocks_in(noise)):
        assert not [each for each in conclude(noise) if isinstance(each, Sale)]


@settings(deadline=None, max_examples=60)
@given(noises.filter(lambda noise: not blocks_in(noise)))
def test_after_noise_one_good_exchange_is_enough(noise: list[Signal]) -> None:
    good = [line.strip() for line in f"> 12 12 \n < 00 \n {VEND}".split("\n") if line.strip()]
    vend = list(read_trace(f"{100 + i} {line}" for i, line in enumerate(good)))
    sold = [each for each in conclude([*noise, *vend]) if isinstance(each, Sale)]
    assert [(each.item, each.raw["approved"]) for each in sold] == [("000a", 150)]


def test_a_sale_that_may_have_a_cash_part_waits_no_longer_than_the_bus_is_silent() -> None:
    sniffer = Sniffer(BOTH)
    said = [line.strip() for line in VEND.splitlines() if line.strip()]
    signals = read_trace(f"{1 + i / 10} {line}" for i, line in enumerate(said))
    told = [each for signal in signals for each in sniffer.feed(signal)]
    assert not [each for each in told if isinstance(each, Sale)]
    assert sniffer.wait(2.0) == []
    assert [each.name for each in sniffer.wait(3.2)] == ["sale"]
    assert sniffer.wait(9.0) == []


def test_where_no_cash_part_can_come_nobody_waits() -> None:
    no_cash_sales = Context(3, 1, Scaling(1, 2, "EUR"), features=0)
    sniffer = Sniffer({0x10: no_cash_sales})
    said = [line.strip() for line in VEND.splitlines() if line.strip()]
    signals = read_trace(f"{1 + i / 10} {line}" for i, line in enumerate(said))
    assert [each.name for signal in signals for each in sniffer.feed(signal)][-1] == "sale"


VMC_LINE = """
    1.0 > 13 00 0096 000A B3
    1.2 > 12 12
    1.21 > 00
    3.0 > 13 02 000A 1F
    3.2 > 12 12
    5.0 > 13 05 0064 000B 87
    5.1 > 13 05 0064 000B 87
    5.2 > 12 12
    9.0 > 13 05 0064 000B 87
    9.2 > 12 12
    12.0 > 12 12
    12.2 > 12 12
    12.4 > 12 12
"""


def test_the_vmc_s_line_alone_tells_what_was_sold() -> None:
    sniffer = Sniffer(BOTH, vmc_only=True)
    told = [each for line in read_trace(VMC_LINE.split("\n")) for each in sniffer.feed(line)]
    sales = [each for each in told if isinstance(each, Sale)]
    assert [(each.item, each.amount, each.confidence.value) for each in sales] == [
        ("000a", None, "confirmed"),
        ("000b", 100, "presumed"),
        ("000b", 100, "presumed"),
    ]
    assert not [each for each in told if isinstance(each, BusFault)]


VAIN = [f"{at / 10:.1f}" for at in range(100, 150, 5)]
AT_LAST = "15.1 > 63 05 0096 000A 08"
TOLD_IN_VAIN = {
    "with polls between": [f"{at} {FIRST}\n{at[:-1]}{int(at[-1]) + 2} > 12 12" for at in VAIN],
    "without": [f"{at} {FIRST}" for at in VAIN],
    "first without, then with": [
        *(f"{at} {FIRST}" for at in VAIN),
        *("14.6 > 12 12", f"14.8 {FIRST}", "14.9 > 12 12"),
    ],
}


@pytest.mark.parametrize("last", [[], [AT_LAST]], ids=["alone", "and then the other reader"])
@pytest.mark.parametrize("told", TOLD_IN_VAIN.values(), ids=TOLD_IN_VAIN)
def test_on_the_vmc_s_line_alone_cash_told_for_seconds_in_vain_is_one_sale(
    told: list[str], last: list[str]
) -> None:
    sniffer = Sniffer(BOTH, vmc_only=True)
    story = "\n".join([*told, *last]).split("\n")
    heard = [each for signal in read_trace(story) for each in sniffer.listen(signal)]
    events = [event for each in [*heard, *sniffer.flush()] for event in each.events]
    assert [each.amount for each in events if isinstance(each, Sale)] == [150]


def test_on_the_vmc_s_line_alone_another_item_or_a_later_one_is_another_sale() -> None:
    sniffer = Sniffer(BOTH, vmc_only=True)
    story = [f"10.0 {FIRST}", "10.5 > 12 12", "11.0 > 13 05 0096 000B B9", "11.5 > 12 12"]
    story += ["13.0 > 13 05 0096 000B B9", "13.5 > 12 12"]
    heard = [each for signal in read_trace(story) for each in sniffer.listen(signal)]
    events = [event for each in [*heard, *sniffer.flush()] for event in each.events]
    assert [each.item for each in events if isinstance(each, Sale)] == ["000a", "000b", "000b"]

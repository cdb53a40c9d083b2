from collections import Counter as Tally

from bookkeeper import Books, Vend
from hypothesis import given
from hypothesis import strategies as st

from mdb.audit.counts import NOT_TOLD, Counter, Counts, Means, counts_of
from mdb.audit.dts import read_dts
from mdb.audit.segment import parse_segment

VENDS = st.lists(
    st.builds(
        Vend,
        st.sampled_from(["10", "11", "A*1"]),
        st.integers(0, 9000),
        st.sampled_from(["CA", "DA", "DB"]),
        st.sampled_from(["PA2", "PA3", "PA4"]),
        st.sampled_from(["0", "1"]),
    ),
    max_size=30,
)
WORDS = {"CA": "cash", "DA": "cashless-1", "DB": "cashless-2"}


def counted(*lines: bytes) -> Counts:
    return counts_of(map(parse_segment, lines))


@given(VENDS)
def test_what_a_machine_wrote_down_is_read(vends: list[Vend]) -> None:
    counts = counts_of(read_dts(Books(vends=vends).dts()).segments)
    paid = [vend for vend in vends if vend.kind == "PA2"]
    for device, word in WORDS.items():
        prices = [vend.price for vend in paid if vend.device == device]
        assert counts.totals.get(word, Counter(0, 0)) == Counter(len(prices), sum(prices))
    assert counts.totals["paid"] == Counter(len(paid), sum(vend.price for vend in paid))
    assert counts.selections.keys() == {vend.selection for vend in vends}
    for number, selection in counts.selections.items():
        of = Tally(Means(v.device, v.price_list) for v in paid if v.selection == number)
        assert {means: each.count for means, each in selection.by.items()} == of
        free = [v.price for v in vends if v.selection == number and v.kind == "PA4"]
        assert selection.vends["free"] == Counter(len(free), sum(free))


def test_count_and_value_stand_in_the_order_of_their_segment() -> None:
    counts = counted(b"VA1*500*2*30*1", b"PA1*7*250", b"PA2*2*500*1*30", b"TA2*1*2*3*4*50*6")
    assert counts.totals["paid"] == counts.selections["7"].vends["paid"] == Counter(2, 500)
    assert (counts.totals["token"], counts.totals["value token"]) == (Counter(2, 1), Counter(6, 50))


def test_cash_is_read_from_since_the_machine_was_initialised() -> None:
    counts = counted(b"CA3*1*2*3*4*50*60*70**8*90", b"CA4*1*2*30*40", b"CA10*1*20", b"CA8*1*21")
    assert counts.cash == {
        "in": 50,
        "to cashbox": 60,
        "to tubes": 70,
        "bills": 90,
        "out": 30,
        "out by hand": 40,
        "filled in": 20,
        "overpaid": 21,
    }


def test_what_is_told_of_no_selection_is_no_selections() -> None:
    counts = counted(b"PA2*9*9", b"PA7**CA*0*1*2*3", b"PA7*3*DA*1*100*4*400")
    assert counts.selections[""].by == {Means("CA", "0"): Counter(2, 3)}
    assert counts.selections["3"].by == {Means("DA", "1"): Counter(4, 400)}
    assert not counts.selections["3"].vends


def test_a_selection_that_is_told_in_two_pieces_is_one() -> None:
    counts = counted(b"PA1*7*250*TEA", b"PA2*2*500", b"PA1*8*1", b"PA1*7*260*TEA", b"PA4*1*0")
    seven = counts.selections["7"]
    assert (seven.price, seven.name) == (260, "TEA")
    assert seven.vends == {"paid": Counter(2, 500), "free": Counter(1, 0)}


def test_what_a_machine_does_not_tell_is_not_zero() -> None:
    counts = counted(b"VA1*?*2", b"CA3*1*1*1*1*x", b"CA2***30*1", b"DA2", b"PA1*7", b"PA2*2")
    assert counts.totals == {"paid": Counter(2, None), "cash": NOT_TOLD, "cashless-1": NOT_TOLD}
    assert counts.cash == {"in": None}
    assert counts.selections["7"].vends["paid"] == Counter(2, None)
    assert counts.selections["7"].price is None


def test_each_kind_has_its_segment_and_each_number_its_place() -> None:
    counts = counted(
        *(b"VA2*20*1", b"VA3*30*2", b"DA2*40*3", b"DB2*50*4", b"PA1*7*99*TEA"),
        *(b"PA3*5*60*1*1", b"PA4*6*70*1*1", b"PA8*7*80*1*90", b"PA7**DA*1*99*8*90*1*1"),
    )
    assert counts.totals == {
        "test": Counter(1, 20),
        "free": Counter(2, 30),
        "cashless-1": Counter(3, 40),
        "cashless-2": Counter(4, 50),
    }
    tea = counts.selections["7"]
    assert tea.vends == {"test": Counter(5, 60), "free": Counter(6, 70), "mixed": Counter(7, 80)}
    assert tea.by == {Means("DA", "1"): Counter(8, 90)}


def test_only_a_counter_of_nothing_is_not_used() -> None:
    assert [Counter(*each).used for each in ((0, 0), (1, 0), (0, 1), (None, 0), (0, None))] == [
        False,
        True,
        True,
        True,
        True,
    ]

from dataclasses import replace

import pytest
from bookkeeper import Books, Vend
from hypothesis import given
from hypothesis import strategies as st

from mdb.audit import (
    Audit,
    Counter,
    NoComparisonError,
    counts_since,
    imbalances,
    read_audit,
)
from mdb.audit.counts import Means

VENDS = st.lists(
    st.builds(
        Vend,
        st.sampled_from(["1", "2", "3"]),
        st.integers(0, 9000),
        st.sampled_from(["CA", "DA", "DB"]),
        st.sampled_from(["PA2", "PA3", "PA4"]),
        st.just("0"),
    ),
    max_size=20,
)
MORNING = [Vend("1", 100), Vend("1", 100, "DA"), Vend("2", 250)]


def read(*vends: Vend, serial: str = "ABC", decimals: str = "") -> Audit:
    return read_audit(Books(serial, decimals, [*vends]).dts())


@given(VENDS, VENDS)
def test_between_two_reads_is_what_was_sold_between_them(
    before: list[Vend], after: list[Vend]
) -> None:
    counts = counts_since(read(*before), read(*before, *after))
    paid = [vend for vend in after if vend.kind == "PA2"]
    assert counts.totals["paid"] == Counter(len(paid), sum(vend.price for vend in paid))
    for number, selection in counts.selections.items():
        of = [vend for vend in paid if vend.selection == number]
        assert selection.vends["paid"] == Counter(len(of), sum(vend.price for vend in of))
        for means, counter in selection.by.items():
            prices = [vend.price for vend in of if vend.device == means.device]
            assert counter == Counter(len(prices), sum(prices))
    assert imbalances(counts) == []


@given(VENDS)
def test_between_a_read_and_itself_is_nothing(vends: list[Vend]) -> None:
    counts = counts_since(read(*vends), read(*vends))
    assert not any(counter.used for counter in counts.totals.values())


def test_a_selection_and_a_means_that_are_new_began_at_zero() -> None:
    counts = counts_since(read(*MORNING), read(*MORNING, Vend("3", 70), Vend("2", 250, "DB")))
    assert counts.selections["3"].by == {Means("CA", "0"): Counter(1, 70)}
    assert counts.selections["2"].by[Means("DB", "0")] == Counter(1, 250)
    assert counts.totals["cashless-2"] == Counter(1, 250)


def test_what_either_read_does_not_tell_is_not_known() -> None:
    told = b"ID1*A\r\nVA1*%s*2\r\nCA3*****%s\r\nSE*2*1\r\n"
    blank, other = read_audit(told % (b"", b"100")), read_audit(told % (b"500", b"350"))
    assert counts_since(blank, other).totals["paid"] == Counter(0, None)
    assert counts_since(blank, other).cash == {"in": 250}
    assert counts_since(blank, read_audit(b"ID1*A\r\nSE*2*1\r\n")).totals == {}


@pytest.mark.parametrize(
    ("earlier", "later", "why"),
    [
        (read(*MORNING, serial="ABC"), read(*MORNING, serial="DEF"), "two machines.*'ABC/'"),
        (read(*MORNING), read(*MORNING, decimals="1"), "another currency"),
        (read(*MORNING), read(*MORNING[:2]), r"fell from 3 to 2 \(vends\): the machine was init"),
        (read(Vend("1", 9)), read(Vend("1", 4), Vend("2", 9)), r"from 9 to 4 \(selection 1\)"),
    ],
    ids=["another machine", "another currency", "initialised", "one selection initialised"],
)
def test_what_cannot_be_compared_is_refused(earlier: Audit, later: Audit, why: str) -> None:
    with pytest.raises(NoComparisonError, match=why):
        counts_since(earlier, later)


def test_the_earlier_read_comes_first() -> None:
    morning, evening = read(*MORNING), replace(read(*MORNING), read_at="2026-11-26T19:00:00")
    with pytest.raises(NoComparisonError, match="name the earlier one first"):
        counts_since(evening, morning)
    counts_since(morning, evening)


@pytest.mark.parametrize("which", ["earlier", "later"])
def test_a_damaged_read_is_not_compared(which: str) -> None:
    whole = Books("ABC", vends=MORNING).dts()
    cut = read_audit(whole[: whole.index(b"G85")])
    changed = read_audit(whole.replace(b"VA1*450", b"VA1*400"))
    for damaged, why in ((cut, "is cut off"), (changed, "has a wrong checksum")):
        reads = (damaged, read_audit(whole)) if which == "earlier" else (read_audit(whole), damaged)
        with pytest.raises(NoComparisonError, match=f"the {which} read {why}; read the machine"):
            counts_since(*reads)

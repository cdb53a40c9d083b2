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
from mdb.audit.counts import NOT_TOLD, Means

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


def read(*vends: Vend, **told: str) -> Audit:
    return read_audit(replace(Books(vends=[*vends]), **told).dts())


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


def bare(*segments: str) -> Audit:
    return read_audit("\n".join(["ID1*A", *segments, "SE*2*1", ""]).encode())


@pytest.mark.parametrize("earlier", ["VA1**2", "VA1*?*2", "VA1**", "VA1", "EA3*1"])
def test_what_the_earlier_read_does_not_tell_is_not_taken_for_zero(earlier: str) -> None:
    counts = counts_since(bare(earlier), bare("VA1*500*5", "CA3*1*1*1*1*900", "VA3*1*1"))
    assert counts.totals["paid"].value is None
    assert counts.totals["free"] == NOT_TOLD
    assert counts.cash == {"in": None}


def test_what_the_later_read_does_not_tell_is_not_known_either() -> None:
    counts = counts_since(bare("VA1*5*5", "CA3*1*1*1*1*9"), bare("VA1*?*6", "CA3*1*1*1*1*x"))
    assert counts.totals["paid"] == Counter(1, None)
    assert counts.cash == {"in": None}


def test_cash_is_what_went_between_the_reads() -> None:
    counts = counts_since(
        bare("CA3*1*1*1*1*900", "CA4*1*1*5*5"), bare("CA3*9*9*9*9*950", "CA4*9*9*6*5")
    )
    assert counts.cash == {"in": 50, "out": 1, "out by hand": 0}


MEANS = "PA7*1*CA*0*100*%d*%d"


@pytest.mark.parametrize(
    ("earlier", "later", "why"),
    [
        (read(*MORNING), read(*MORNING, serial="DEF"), "two machines.*'ABC1234567 B1 BOX'"),
        (read(*MORNING), read(*MORNING, board="B2"), "another board.*'ABC1234567 B2 BOX'"),
        (read(*MORNING), read(*MORNING, decimals="1"), "another currency"),
        (read(serial="", board=""), read(*MORNING), "the earlier read does not say of which"),
        (read(*MORNING), read(*MORNING, serial="", board=""), "the later read does not say"),
        (read(*MORNING), read(*MORNING[:2]), r"from 3 to 2 \(vends\): the machine was initialised"),
        (read(Vend("1", 9)), read(Vend("1", 4), Vend("2", 9)), r"from 9 to 4 \(selection 1\)"),
        (bare("CA3*1*1*1*1*9"), bare("CA3*1*1*1*1*8"), r"from 9 to 8 \(cash in\)"),
        (bare("PA1*1", MEANS % (2, 9)), bare("PA1*1", MEANS % (1, 9)), "from 2 to 1 .selection 1"),
        (bare("PA1*1", MEANS % (2, 9)), bare("PA1*1", MEANS % (2, 8)), "from 9 to 8 .selection 1"),
        (bare("DA2*1*1"), bare("CA2*1*1"), r"is not told any more \(vends\)"),
        (bare("PA1*1", MEANS % (2, 9)), bare("PA1*1"), r"is not told any more \(selection 1\)"),
        (bare("PA1*\x1b\r", "PA2*1"), bare("PA1*\x1b\r", "PA2*0"), r"selection \\x1b"),
    ],
)
def test_what_cannot_be_compared_is_refused(earlier: Audit, later: Audit, why: str) -> None:
    with pytest.raises(NoComparisonError, match=why):
        counts_since(earlier, later)


def test_a_selection_that_is_gone_leaves_its_vends_to_the_balance() -> None:
    counts = counts_since(read(*MORNING), bare_of(read(*MORNING, Vend("2", 250)), "2"))
    assert [each.what for each in imbalances(counts)] == ["paid vends", "paid vends"]
    assert imbalances(counts_since(read(*MORNING), bare_of(read(*MORNING), "2"))) == []


def bare_of(audit: Audit, gone: str) -> Audit:
    selections = {name: each for name, each in audit.counts.selections.items() if name != gone}
    return replace(audit, counts=replace(audit.counts, selections=selections))


def test_the_earlier_read_comes_first() -> None:
    morning, evening = read(*MORNING), read(*MORNING, *MORNING, clock="20261126*1900")
    with pytest.raises(NoComparisonError, match="name the earlier one first"):
        counts_since(evening, morning)
    counts_since(morning, evening)


def test_a_machines_clock_may_be_put_back_between_two_reads() -> None:
    counts = counts_since(read(*MORNING), read(*MORNING, Vend("2", 250), clock="20261126*0830"))
    assert counts.totals["paid"] == Counter(1, 250)


@pytest.mark.parametrize("which", ["earlier", "later"])
def test_a_damaged_read_is_not_compared(which: str) -> None:
    whole = Books("ABC", vends=MORNING).dts()
    cut = read_audit(whole[: whole.index(b"G85")])
    changed = read_audit(whole.replace(b"VA1*450", b"VA1*400"))
    for damaged, why in ((cut, "is cut off"), (changed, "has a wrong checksum")):
        reads = (damaged, read_audit(whole)) if which == "earlier" else (read_audit(whole), damaged)
        with pytest.raises(NoComparisonError, match=f"the {which} read {why}; read the machine"):
            counts_since(*reads)

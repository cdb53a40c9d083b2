from pathlib import Path

import pytest
from bookkeeper import Books, Vend
from hypothesis import given
from hypothesis import strategies as st

from mdb.audit import Imbalance, imbalances, read_audit
from mdb.audit.counts import counts_of
from mdb.audit.segment import parse_segment

VISION_BOX = Path(__file__).with_name("vision-box.dts")


def found(*lines: bytes) -> list[Imbalance]:
    return imbalances(counts_of(map(parse_segment, lines)))


def test_a_real_machines_counters_agree() -> None:
    assert imbalances(read_audit(VISION_BOX.read_bytes()).counts) == []


@given(
    st.lists(
        st.builds(Vend, st.sampled_from("12"), st.integers(0, 99), st.sampled_from(["CA", "DA"])),
        max_size=20,
    )
)
def test_books_that_were_kept_agree(vends: list[Vend]) -> None:
    assert imbalances(read_audit(Books(vends=vends).dts()).counts) == []


@pytest.mark.parametrize(
    ("lines", "what", "one", "other", "of_money"),
    [
        ((b"VA1*500*2", b"CA2*300*1", b"DA2*100*1"), "paid vends", 500, 400, True),
        ((b"VA1*500*2", b"PA1*7", b"PA2*3*500"), "paid vends", 2, 3, False),
        ((b"VA1*500*2", b"PA1*7", b"PA2*2*400"), "paid vends", 500, 400, True),
        ((b"PA1*7", b"PA2*2*500", b"PA7*7*CA*0*1*1*500"), "selection 7", 2, 1, False),
        ((b"PA1*7", b"PA2*2*500", b"PA7*7*CA*0*1*2*400"), "selection 7", 500, 400, True),
        ((b"CA3*1*1*1**500*100*100***100",), "cash in", 500, 300, True),
    ],
)
def test_what_does_not_come_out_is_told(
    lines: tuple[bytes, ...], what: str, one: int, other: int, *, of_money: bool
) -> None:
    assert [(each.what, each.one, each.other, each.of_money) for each in found(*lines)] == [
        (what, one, other, of_money)
    ]


def test_tokens_and_a_second_reader_are_means_of_payment_too() -> None:
    by = (b"CA2*1*1", b"DA2*20*1", b"DB2*300*1", b"TA2*4000*1***50000*1")
    assert found(b"VA1*54321*5", *by) == []


def test_a_vend_by_two_means_is_one_vend() -> None:
    """The standard's example: 0.40, of which 0.25 are cash and 0.15 a card's."""
    mixed = (b"PA7*7*CA*0*40*1*25", b"PA7*7*DA*0*40*1*15", b"PA8*1*25")
    assert found(b"PA1*7*40", b"PA2*1*40", *mixed) == []
    assert [each.what for each in found(b"PA1*7*40", b"PA2*2*40", *mixed)] == ["selection 7"]


def test_of_what_a_machine_does_not_tell_nothing_is_said() -> None:
    assert found(b"VA1*500*2") == []
    assert found(b"VA1*500*2", b"CA2*300*1") == []
    assert found(b"VA1*500*2", b"PA1*7", b"PA2*1*300", b"PA1*8") == []
    assert found(b"PA1*7", b"PA2*1*40", b"PA7*7*CA*0*40*1*40", b"PA8**25") == []
    assert found(b"VA1*500*2", b"CA2*300*1", b"DA2*?*1") == []
    assert found(b"PA1*7", b"PA2*2*500") == []
    assert found(b"PA1*7", b"PA7*7*CA*0*1*1*500") == []
    assert found(b"CA3*1*1*1*1*500*100*100*100") == []

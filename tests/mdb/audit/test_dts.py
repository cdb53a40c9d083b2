from pathlib import Path

import pytest
from bookkeeper import Books, Vend
from hypothesis import given
from hypothesis import strategies as st

from mdb.audit.dts import MOST_BYTES, Checksum, NotAnAuditError, read_dts

VISION_BOX = Path(__file__).with_name("vision-box.dts")
BOOKS = Books(vends=[Vend("10", 750), Vend("11", 380, "DA")])


def test_a_real_machines_file_is_whole() -> None:
    file = read_dts(VISION_BOX.read_bytes())
    assert (file.checksum, file.complete, len(file.segments)) == (Checksum.RIGHT, True, 146)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_a_file_kept_with_other_line_ends_has_the_same_checksum(line_end: bytes) -> None:
    assert read_dts(BOOKS.dts(line_end)).checksum is Checksum.RIGHT


def test_an_old_unit_swaps_the_bytes_of_the_checksum() -> None:
    right = read_dts(BOOKS.dts()).segments
    told = next(each.text(1) for each in right if each.name == "G85")
    assert read_dts(BOOKS.dts(checksum=told[2:] + told[:2])).checksum is Checksum.SWAPPED


@pytest.mark.parametrize("told", ["", "0", "12345", "G85!", "xxxx", " "])
def test_a_checksum_that_is_none_is_wrong(told: str) -> None:
    assert read_dts(b"ST*001*0001\r\nG85*" + told.encode()).checksum is Checksum.WRONG


def test_a_file_need_not_have_a_checksum() -> None:
    file = read_dts(b"ID1*ABC\r\nVA1*100*1\r\nSE*2*0001\r\n")
    assert (file.checksum, file.complete) == (Checksum.ABSENT, True)


@given(st.data())
def test_a_changed_byte_is_found(told: st.DataObject) -> None:
    whole = BOOKS.dts()
    begin, end = whole.index(b"ST*"), whole.index(b"G85")
    place = told.draw(st.integers(begin, end - 1))
    other = told.draw(st.integers(0x20, 0x7E).filter(lambda each: each != whole[place]))
    if whole[place] in b"\r\n":
        return
    damaged = whole[:place] + bytes([other]) + whole[place + 1 :]
    assert read_dts(damaged).checksum in {Checksum.WRONG, Checksum.ABSENT}


@given(st.integers(0, 1000))
def test_a_file_that_was_cut_off_is_not_complete(length: int) -> None:
    whole = BOOKS.dts()
    cut = whole[: min(length, whole.index(b"SE*"))]
    if any(cut.startswith(each) or b"\n" + each in cut for each in (b"DXS*", b"ST*")):
        assert not read_dts(cut).complete


def test_what_stands_before_and_behind_a_transfer_is_left_out() -> None:
    around = b"\x05\x10\x02reader 2.1\r\n" + BOOKS.dts() + BOOKS.dts() + b"bye\r\n"
    assert read_dts(around) == read_dts(BOOKS.dts())


@pytest.mark.parametrize("told", [b"", b"\0" * 99, b"0.1 > 10 10\n", b" DXS*"])
def test_what_is_no_audit_is_refused(told: bytes) -> None:
    with pytest.raises(NotAnAuditError, match="no line begins with"):
        read_dts(told)


def test_what_is_longer_than_any_audit_is_refused() -> None:
    with pytest.raises(NotAnAuditError, match="longer than any"):
        read_dts(b"ST*001*0001\n" + b"\n" * MOST_BYTES)

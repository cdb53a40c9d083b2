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
    assert (file.checksum, file.complete, len(file.segments)) == (Checksum.RIGHT, True, 142)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0\r\n\0"])
def test_a_file_kept_with_other_line_ends_has_the_same_checksum(line_end: bytes) -> None:
    assert read_dts(BOOKS.dts(line_end)).checksum is Checksum.RIGHT


def test_an_old_unit_swaps_the_bytes_of_the_checksum() -> None:
    whole = BOOKS.dts()
    told = whole[whole.index(b"G85*") + 4 :][:4].decode()
    assert read_dts(BOOKS.dts(checksum=told[2:] + told[:2])).checksum is Checksum.SWAPPED
    assert read_dts(BOOKS.dts(checksum=told.lower())).checksum is Checksum.RIGHT


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


@pytest.mark.parametrize(
    "beginning", [b"", b"G85*0000\r\nST*001*0001\r\n", b"VA1*1*1\r\n", b"\xef\xbb\xbf"]
)
def test_a_checksum_of_what_is_not_all_there_is_wrong(beginning: bytes) -> None:
    whole = BOOKS.dts()
    cut = b"ID1*A\r\n" + beginning + whole[whole.index(b"ID4*") :]
    assert read_dts(cut).checksum is Checksum.WRONG


def test_what_stands_around_a_set_is_left_out() -> None:
    around = b"\x05\x10reader 2.1\r\n" + BOOKS.dts() + b"VA1*9*9\r\n" + BOOKS.dts() + b"bye\r\n"
    assert read_dts(around) == read_dts(BOOKS.dts())
    assert read_dts(b"\xef\xbb\xbf" + BOOKS.dts()) == read_dts(BOOKS.dts())


@pytest.mark.parametrize("until", [b"VA1*", b"G85*", b"SE*"])
def test_an_attempt_that_failed_before_one_that_did_not_is_left_out(until: bytes) -> None:
    attempt = Books("OTHER", vends=[Vend("12", 1)]).dts()
    attempt = attempt[: attempt.index(until)]
    for again in (BOOKS.dts(), BOOKS.dts().removeprefix(b"DXS*CHK0000000*VA*V0/6*1\r\n")):
        file = read_dts(attempt + again)
        assert file.segments[-10:] == read_dts(BOOKS.dts()).segments[-10:]
        assert (file.checksum, file.complete) == (Checksum.RIGHT, True)
        assert all(each.text(1) != "OTHER" for each in file.segments)


def test_what_the_checksum_does_not_cover_is_not_read() -> None:
    whole = BOOKS.dts()
    for before in (b"SE*", b"ST*"):
        added = whole.replace(before, b"VA1*99999*999\r\n" + before)
        assert read_dts(added) == read_dts(whole)
    assert read_dts(whole).checksum is Checksum.RIGHT


def test_a_file_without_se_ends_with_dxe() -> None:
    file = read_dts(b"DXS*A\nID1*A\nVA1*1*1\nDXE*1*1\nVA1*2*2\n")
    assert (len(file.segments), file.complete) == (4, True)


def test_two_machines_in_one_set_are_refused() -> None:
    with pytest.raises(NotAnAuditError, match="two machines in one file"):
        read_dts(b"ST*1*1\nID1*A\nVA1*1*1\nID1*B\nVA1*2*2\nSE*1*1\n")


def test_a_dex_line_as_it_was_heard_is_refused() -> None:
    blocks = b"\x05\x10\x02DXS*A*VA*V0/6*1\r\nST*001*0001\r\n\x10\x17\xf5\x04\x10\x02ID1*A\r\n"
    with pytest.raises(NotAnAuditError, match="take the file out of its blocks"):
        read_dts(blocks)


@pytest.mark.parametrize("told", [b"", b"\0" * 99, b"0.1 > 10 10\n", b" DXS*", b"ST\nID1\n"])
def test_what_is_no_audit_is_refused(told: bytes) -> None:
    with pytest.raises(NotAnAuditError, match="no line begins with"):
        read_dts(told)


def test_what_is_longer_than_any_audit_is_refused() -> None:
    with pytest.raises(NotAnAuditError, match="longer than any"):
        read_dts(b"ST*001*0001\n" + b"\n" * MOST_BYTES)

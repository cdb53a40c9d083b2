import pytest
from boards.uart import marked
from hypothesis import given
from hypothesis import strategies as st

from mdb.parmrk import Unescaper

nine_bits = st.lists(st.tuples(st.sampled_from([0x00, 0x01, 0xAA, 0xFE, 0xFF]), st.booleans()))


def words(read: str) -> str:
    return " ".join(f"{mode:d}{value:02X}" for value, mode in Unescaper().feed(bytes.fromhex(read)))


READS = {
    "ff 00 00": "100",  # a peripheral's ACK, or a break
    "73 ff ff 04 ff 00 76": "073 0FF 004 176",
    "02 16 41 ff 00 59": "002 016 041 159",
    "0b ff 00 01": "00B 101",
    "0b": "00B",
    "ff 00 ff": "1FF",
    "ff ff ff ff": "0FF 0FF",
    "ff 00 ff ff ff": "1FF 0FF",
    "00 00": "000 000",
    "": "",
}


@pytest.mark.parametrize(("read", "heard"), READS.items())
def test_a_marked_byte_had_its_mode_bit_set(read: str, heard: str) -> None:
    assert words(read) == heard


@given(nine_bits, st.data())
def test_a_read_may_be_cut_anywhere(heard: list[tuple[int, bool]], data: st.DataObject) -> None:
    read = b"".join(marked(value, mode=mode) for value, mode in heard)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(read)), max_size=6)))
    unescaper = Unescaper()
    pieces = [read[a:b] for a, b in zip([0, *cuts], [*cuts, len(read)], strict=True)]
    assert [each for piece in pieces for each in unescaper.feed(piece)] == heard


@given(st.binary(max_size=60))
def test_whatever_is_read_only_an_escape_under_way_is_held(read: bytes) -> None:
    heard = Unescaper().feed(read)
    assert len(read) <= sum(3 if mode else 2 if value == 0xFF else 1 for value, mode in heard) + 2


def test_a_port_that_does_not_mark_loses_no_bytes() -> None:
    assert words("ff 13 00") == "0FF 013 000"

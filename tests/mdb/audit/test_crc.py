from bookkeeper import bitwise
from hypothesis import given
from hypothesis import strategies as st

from mdb.audit.crc import crc16


def test_it_is_the_checksum_that_the_standard_calls_for() -> None:
    assert crc16(b"123456789") == 0xBB3D
    assert crc16(b"") == 0


@given(st.lists(st.text("AZ09*", max_size=9), max_size=9))
def test_it_is_what_a_shift_register_makes(lines: list[str]) -> None:
    assert crc16("".join(f"{line}\r\n" for line in lines).encode()) == bitwise(lines)

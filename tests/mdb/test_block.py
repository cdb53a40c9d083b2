import pytest

from mdb.block import Address, Block, checksum
from mdb.byte import Line


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("02 0001 05 02 0007 01 02 05 14 FF", 0x2C),  # the standard's example (2.2)
        ("13 00 0096 000A", 0xB3),
        ("05 04E3", 0xEC),
        ("FF FF", 0xFE),
        ("00", 0x00),
        ("", 0x00),
    ],
)
def test_a_checksum_is_the_sum_of_the_bytes(data: str, expected: int) -> None:
    assert checksum(bytes.fromhex(data)) == expected


@pytest.mark.parametrize(
    ("first", "address"),
    [(0x13, Address.CASHLESS_1), (0x67, Address.CASHLESS_2), (0x0B, Address.CHANGER), (0xE9, 0xE8)],
)
def test_the_upper_five_bits_say_whom_a_block_is_for(first: int, address: int) -> None:
    assert Block(Line.VMC, bytes([first]), 0.0).address == address

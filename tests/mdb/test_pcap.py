import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mdb import read_trace
from mdb.pcap import Packets


@dataclass(frozen=True)
class Packet:
    at: float
    data: bytes


def read(file: bytes) -> Iterator[Packet]:
    """A reader of its own, by the file format's description."""
    magic, major, minor, _, _, longest, link = struct.unpack_from("<IHHiIII", file)
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 300)
    position = 24
    while position < len(file):
        seconds, micros, kept, length = struct.unpack_from("<IIII", file, position)
        assert micros < 1_000_000
        assert kept == length <= longest
        position += 16 + kept
        assert position <= len(file)
        yield Packet(seconds + micros / 1e6, file[position - kept : position])


def written(*story: str, start: float = 0.0) -> list[Packet]:
    packets = Packets(start)
    body = b"".join(each for signal in read_trace(story) for each in packets.feed(signal))
    return list(read(Packets.HEADER + body + b"".join(packets.flush())))


def packets(*story: str) -> list[str]:
    return [each.data.hex(" ") for each in written(*story)]


def test_a_block_keeps_its_checksum() -> None:
    assert packets("1 > 13 00 04 E3 00 01 FB", "1.1 < 00") == [
        "00 ff 13 00 04 e3 00 01 fb",
        "00 fe 10 00",
    ]


def test_a_peripheral_has_the_address_the_vmc_spoke_to_last() -> None:
    assert packets("1 > 62 62", "1.1 < 05 00 96 9B", "1.2 > 00", "2 > 0B 0B", "2.1 < FF") == [
        *("00 ff 62 62", "00 fe 60 05 00 96 9b", "00 ff 00", "00 ff 0b 0b", "00 fe 08 ff")
    ]


def test_whoever_answers_before_the_vmc_spoke_has_no_address() -> None:
    assert packets("1 < 00") == ["00 fe 00 00"]


def test_a_bus_reset_is_long_enough_for_the_dissector() -> None:
    assert packets("1 > BREAK") == ["00 fd 00"]


def test_damaged_blocks_are_packets_too() -> None:
    assert packets("1 > 12 13", "2 > 12 12", "2.1 < 05 00 96 9C", "3 << 05 00") == [
        *("00 ff 12 13", "00 ff 12 12", "00 fe 10 05 00 96 9c", "00 fe 10 05 00")
    ]


def test_ret_and_nak_of_the_vmc_are_blocks_of_one_byte() -> None:
    assert packets("1 > AA", "2 > FF") == ["00 ff aa", "00 ff ff"]


def test_the_last_command_is_not_lost() -> None:
    assert packets("1 > 12 12") == ["00 ff 12 12"]


def test_packets_have_the_capture_s_seconds() -> None:
    told = written("12.000001 > 12 12", "12.999999 < 00", "13 > BREAK")
    assert [each.at for each in told] == [12.000001, 12.999999, 13.0]


def test_packets_may_have_the_calendar_s() -> None:
    (told,) = written("12.5 > BREAK", start=1_795_000_000.25)
    assert told.at == 1_795_000_012.75

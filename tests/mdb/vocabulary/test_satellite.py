"""A universal satellite device's messages by their bytes (MDB 4.2, section 9)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.vocabulary import file_transport as files
from mdb.vocabulary import message as said
from mdb.vocabulary import satellite
from mdb.vocabulary.message import Message, Unknown
from mdb.vocabulary.satellite import decode_command, decode_reply

ITEM = b"\x00\x0a"
COMMANDS: dict[str, Message] = {
    "40": said.Reset(),
    "41 03 0102 02 1E": satellite.SatelliteSetup(3, 0x102, 2, 30),
    "42": said.Poll(),
    "43 00": satellite.Approve(),
    "43 01": satellite.Deny(),
    "43 02 000A": satellite.Select(ITEM),
    "43 03": satellite.Home(),
    "43 04": satellite.StatusRequest(),
    "44 00 01F4": satellite.Funds(500),
    "44 01 000A 0096 0000": satellite.Price(ITEM, 150),
    "45 00": satellite.Control(on=False),
    "45 01": satellite.Control(on=True),
    "47 00": said.RequestId(),
    "47 01 00000001": said.EnableOptions(1),
    "47 FB 40 00 00": files.FileRefused(True, 0x40, 0, 0),
}
ID = "514258 353331202020202020202020 4D444220202020202020200000 31 00000002"
ANSWERS: dict[str, Message] = {
    "00": said.JustReset(),
    "01 000A 0096": satellite.SatelliteRequest(ITEM, 150),
    "02": satellite.Vended(),
    "03 000A 0001": satellite.NotVended(ITEM, 1),
    "04 03 0541 000A 1E": satellite.SatelliteConfig(3, 0x541, ITEM),
    "05 000A": satellite.PriceRequest(ITEM),
    "06 0102": said.Status(0x102, "error"),
    f"07 {ID}": said.Identity("QBX", "531", "MDB"),
    "08 000A 0001": satellite.ItemStatus(ITEM, 1),
    "1B 00 40 01 FF 01": files.FileOffer(False, 0, 0x40, 1, 0xFF, wanted=True),
}
OFFSET = pytest.mark.parametrize("offset", [0, 8, 16], ids=["40h", "48h", "50h"])


@OFFSET
@pytest.mark.parametrize(("told", "message"), COMMANDS.items())
def test_a_command_is_read_at_each_address(told: str, message: Message, offset: int) -> None:
    data = bytes.fromhex(told)
    assert decode_command(bytes([data[0] + offset, *data[1:]])) == message


@pytest.mark.parametrize("told", COMMANDS)
def test_a_command_with_a_tail_or_cut_anywhere_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    for other in (data + b"\x2a", *(data[:cut] for cut in range(1, len(data)))):
        assert decode_command(other) == Unknown(other)


@pytest.mark.parametrize("told", ["43 05", "44 02", "45 02", "46", "47", "47 FF"])
def test_what_the_standard_does_not_know_is_kept_as_heard(told: str) -> None:
    assert decode_command(bytes.fromhex(told)) == Unknown(bytes.fromhex(told))


@pytest.mark.parametrize(("told", "message"), ANSWERS.items())
def test_an_answer_is_read(told: str, message: Message) -> None:
    assert decode_reply(bytes.fromhex(told)) == [message]


@pytest.mark.parametrize(("told", "message"), ANSWERS.items())
def test_no_other_message_follows(told: str, message: Message) -> None:
    both = bytes.fromhex(f"{told} 05 000A")
    assert isinstance(message, said.Unknown) or decode_reply(both) == [Unknown(both)]


@pytest.mark.parametrize("told", ANSWERS)
def test_an_answer_cut_anywhere_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    for cut in range(1, len(data)):
        assert decode_reply(data[:cut]) == [Unknown(data[:cut])]


MOVES = (satellite.SatelliteRequest, satellite.Vended, satellite.NotVended, said.JustReset)


@pytest.mark.parametrize(
    "told",
    [
        "01 00000A 0096",  # a zero doubled: no checksum sees it
        "01 000A 000096",
        "08 00000A 0002",
        "05 0000 0A",
    ],
)
def test_a_doubled_zero_asks_no_other_price_and_vends_nothing(told: str) -> None:
    read = decode_reply(bytes.fromhex(told))
    assert not any(isinstance(each, MOVES) for each in read)


@pytest.mark.parametrize("told", ["01 0A 0096", "01 000A 96", "08 0A 0002", "03 0A 0001"])
def test_a_lost_zero_asks_no_other_price_and_vends_nothing(told: str) -> None:
    read = decode_reply(bytes.fromhex(told))
    assert not any(isinstance(each, MOVES) for each in read)


@pytest.mark.parametrize("told", ["09", "FF 02", "20"])
def test_an_unknown_code_takes_the_rest_of_the_answer(told: str) -> None:
    data = bytes.fromhex(told)
    assert decode_reply(data) == [Unknown(data)]


@given(st.binary(min_size=1, max_size=35))
def test_any_command_is_read_or_kept(data: bytes) -> None:
    message = decode_command(data)
    assert not isinstance(message, said.ByPeripheral)
    assert not isinstance(message, Unknown) or message.raw == data


@given(st.binary(min_size=1, max_size=35))
def test_any_answer_is_read_or_kept(data: bytes) -> None:
    *read, last = decode_reply(data)
    assert not any(isinstance(message, Unknown) for message in read)
    assert not isinstance(last, Unknown) or data.endswith(last.raw)
    assert len(read) < len(data)

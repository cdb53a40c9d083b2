"""A coin hopper's messages by their bytes (MDB 4.2, section 10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.scaling import Scaling
from mdb.vocabulary import cash_message as cash
from mdb.vocabulary import file_transport as files
from mdb.vocabulary import hopper
from mdb.vocabulary import message as said
from mdb.vocabulary.hopper import decode_command, decode_reply
from mdb.vocabulary.message import Message, Unknown

COMMANDS: dict[str, Message] = {
    "58": said.Reset(),
    "59": said.Setup(),
    "5A": cash.StockRequest(),
    "5B": said.Poll(),
    "5C 0103": cash.Accept(0, 0x103),
    "5D 00 02 0103": cash.PayOut(kind=2, count=0x103),
    "5D 01 0102": cash.PayOutValue(0x102),
    "5E 00": cash.PaidCountsRequest(),
    "5E 01": cash.PaidValueRequest(),
    "5F 00": said.RequestId(),
    "5F 01 00000001": said.EnableOptions(1),
    "5F FE 58 00 01 03 00": files.FileOffer(True, 0x58, 0, 1, 3, wanted=False),
}
SIXTEEN = tuple(range(0x101, 0x111))
WORDS = "".join(f"{each:04x}" for each in SIXTEEN)
COG = "434f47 303030303030303030303030 463030313230303120202020 0290 00000001"
SETUP = f"01 1643 64 02 05 0000 0000 {bytes(range(1, 17)).hex()}"
ANSWERS: dict[tuple[str, str], Message] = {
    ("59", SETUP): cash.TillSetup(1, Scaling(100, 2, "RUB", "1643"), tuple(range(1, 17))),
    ("5A", f"0001 {WORDS}"): cash.Stock(1, SIXTEEN),
    ("5E 00", "0000 0002"): cash.PaidCounts((0, 2)),
    ("5E 00", WORDS): cash.PaidCounts(SIXTEEN),
    ("5E 01", "0102"): cash.PaidValue(0x102),
    ("5F 00", COG): said.Identity("COG", "000000000000", "F0012001"),
}
ACTIVITY: dict[str, list[Message]] = {
    "85 0002 0010": [hopper.Dispensed(5, 2, complete=False)],
    "A5 0102 0010": [hopper.Dispensed(5, 0x102, complete=True)],
    "95 0002 0010": [cash.ByHand(5, 2, filled=False)],
    "B5 0002 0010": [cash.ByHand(5, 2, filled=False)],
    "0B": [said.JustReset()],
    "02": [said.Status(2, "payout busy")],
    "0F": [said.Status(0x0F, "filled key pressed")],
    "05": [said.Status(5, "unknown")],
    "02 85 0001 0010": [said.Status(2, "payout busy"), hopper.Dispensed(5, 1, complete=False)],
    "A0 0001 0002 A1 0003 0004": [
        hopper.Dispensed(0, 1, complete=True),
        hopper.Dispensed(1, 3, complete=True),
    ],
}
OFFSET = pytest.mark.parametrize("offset", [0, 0x18], ids=["58h", "70h"])


def at(offset: int, told: str) -> bytes:
    data = bytes.fromhex(told)
    return bytes([data[0] + offset, *data[1:]])


@OFFSET
@pytest.mark.parametrize(("told", "message"), COMMANDS.items())
def test_a_command_is_read_at_either_address(told: str, message: Message, offset: int) -> None:
    assert decode_command(at(offset, told)) == message


@pytest.mark.parametrize("told", COMMANDS)
def test_a_command_with_a_tail_or_cut_anywhere_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    for other in (data + b"\x2a", *(data[:cut] for cut in range(1, len(data)))):
        assert decode_command(other) == Unknown(other)


@pytest.mark.parametrize("told", ["5D 02", "5E 02", "5F 02", "5F FF"])
def test_what_the_standard_does_not_know_is_kept_as_heard(told: str) -> None:
    assert decode_command(bytes.fromhex(told)) == Unknown(bytes.fromhex(told))


@OFFSET
@pytest.mark.parametrize(("command", "told", "message"), [(*t, m) for t, m in ANSWERS.items()])
def test_an_answer_is_read(command: str, told: str, message: Message, offset: int) -> None:
    assert decode_reply(at(offset, command), bytes.fromhex(told)) == [message]


@pytest.mark.parametrize(("told", "messages"), ACTIVITY.items())
def test_activity_is_read(told: str, messages: list[Message]) -> None:
    assert decode_reply(b"\x5b", bytes.fromhex(told)) == messages


@pytest.mark.parametrize(("told", "messages"), ACTIVITY.items())
def test_more_activity_may_follow(told: str, messages: list[Message]) -> None:
    both = decode_reply(b"\x5b", bytes.fromhex(f"{told} 02"))
    assert both == [*messages, said.Status(2, "payout busy")]


@pytest.mark.parametrize(("told", "messages"), ACTIVITY.items())
def test_activity_cut_anywhere_keeps_what_was_whole(told: str, messages: list[Message]) -> None:
    data = bytes.fromhex(told)
    for cut in range(1, len(data)):
        *whole, last = decode_reply(b"\x5b", data[:cut])
        assert whole == messages[: len(whole)]
        assert last in messages or isinstance(last, Unknown)


@pytest.mark.parametrize("told", ["85 000002 0010", "85 00020010 00", "A0 00000B 0002"])
def test_a_doubled_zero_moves_no_other_number_of_coins(told: str) -> None:
    """No checksum sees it; the answer is not understood to its end."""
    read = decode_reply(b"\x5b", bytes.fromhex(told))
    wrong = [each for each in read if isinstance(each, hopper.Dispensed) and each.count != 2]
    assert not wrong
    assert not any(isinstance(each, said.JustReset) for each in read)


SIZES = {
    "59": (26,),
    "5A": range(2, 35, 2),
    "5E 00": range(2, 34, 2),
    "5E 01": (2,),
    "5F 00": (33,),
    "5C 0000": (),
}


@pytest.mark.parametrize(("command", "sizes"), SIZES.items())
def test_an_answer_of_another_size_is_unknown(command: str, sizes: range | tuple[int, ...]) -> None:
    for length in range(1, 36):
        data = bytes(range(0x31, 0x31 + length))
        answer = decode_reply(bytes.fromhex(command), data)
        assert (answer == [Unknown(data)]) is (length not in sizes)


@given(st.binary(min_size=1, max_size=35))
def test_any_command_is_read_or_kept(data: bytes) -> None:
    message = decode_command(data)
    assert not isinstance(message, said.ByPeripheral)
    assert not isinstance(message, Unknown) or message.raw == data


@given(
    command=st.sampled_from([bytes.fromhex(told) for told in (*COMMANDS, "5F 55")]),
    data=st.binary(min_size=1, max_size=35),
)
def test_any_answer_is_read_or_kept(command: bytes, data: bytes) -> None:
    messages = decode_reply(command, data)
    assert 1 <= len(messages) <= len(data)
    kept = [each.raw for each in messages if isinstance(each, Unknown)]
    assert len(kept) <= 1
    assert all(data.endswith(raw) for raw in kept)


@given(st.lists(st.sampled_from(list(ACTIVITY)), min_size=1, max_size=5))
def test_of_joined_activity_nothing_is_lost_or_invented(told: list[str]) -> None:
    apart = [message for each in told for message in ACTIVITY[each]]
    assert decode_reply(b"\x5b", bytes.fromhex(" ".join(told))) == apart

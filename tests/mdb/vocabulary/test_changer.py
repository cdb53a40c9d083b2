"""A coin changer's messages by their bytes (MDB 4.2, section 5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.scaling import Scaling
from mdb.vocabulary import cash_message as cash
from mdb.vocabulary import changer
from mdb.vocabulary import file_transport as files
from mdb.vocabulary import message as said
from mdb.vocabulary.changer import decode_command, decode_reply
from mdb.vocabulary.message import Message, Unknown

COMMANDS: dict[str, Message] = {
    "08": said.Reset(),
    "09": said.Setup(),
    "0A": cash.StockRequest(),
    "0B": said.Poll(),
    "0C 001F FFFF": cash.Accept(0x001F, 0xFFFF),
    "0C 0000 00FF": cash.Accept(0, 0x00FF),
    "0D F3": cash.PayOut(kind=3, count=15),
    "0D 1F": cash.PayOut(kind=15, count=1),
    "0F 00": said.RequestId(),
    "0F 01 00000002": said.EnableOptions(2),
    "0F 02 07": cash.PayOutValue(7),
    "0F 03": cash.PaidCountsRequest(),
    "0F 04": cash.PaidValueRequest(),
    "0F 05": changer.DiagnosticsRequest(),
    "0F 06": changer.HandReportRequest(filled=True),
    "0F 07": changer.HandReportRequest(filled=False),
    "0F FA 00 08 01 FF 01": files.FileOffer(True, 0, 8, 1, 0xFF, wanted=True),
    "0F FD 08 00": files.FileWelcome(True, 8, 0),
}
COG = "434f47 303030303030303030303030 463030313230303120202020 0290 00000003"
SIXTEEN = tuple(range(1, 17))
ANSWERS: dict[tuple[str, str], Message] = {
    ("09", "02 1643 64 02 0017 01 02 05 0A 0A 19"): cash.TillSetup(
        2, Scaling(0x64, 2, "RUB", "1643"), (1, 2, 5, 10, 10, 25)
    ),
    ("09", "03 1978 05 02 000F 01 02 04 0A 14 28"): cash.TillSetup(
        3, Scaling(5, 2, "EUR", "1978"), (1, 2, 4, 10, 20, 40)
    ),
    # The standard's own example of a block (1.2).
    ("09", "02 0001 05 02 0007 01 02 05 14 FF"): cash.TillSetup(
        2, Scaling(5, 2, None, "0001"), (1, 2, 5, 20, 255)
    ),
    ("09", f"03 1978 01 02 FFFF {bytes(SIXTEEN).hex()}"): cash.TillSetup(
        3, Scaling(1, 2, "EUR", "1978"), SIXTEEN
    ),
    ("0A", "0000 11 00 08"): cash.Stock(0, (17, 0, 8)),
    ("0A", f"8001 {bytes(SIXTEEN).hex()}"): cash.Stock(0x8001, SIXTEEN),
    ("0F 00", COG): said.Identity("COG", "000000000000", "F0012001"),
    ("0F 03", "07 00 00 00"): cash.PaidCounts((7, 0, 0, 0)),
    ("0F 03", "00 01"): cash.PaidCounts((0, 1)),
    ("0F 03", bytes(SIXTEEN).hex()): cash.PaidCounts(SIXTEEN),
    ("0F 04", "05"): cash.PaidValue(5),
    ("0F 05", "0100 0600"): changer.Diagnostics("01000600"),
    ("0F 05", "0300"): changer.Diagnostics("0300"),
    ("0F 06", "00 02"): changer.HandReport((0, 2)),
    ("0F 07", bytes(SIXTEEN).hex()): changer.HandReport(SIXTEEN),
}
ACTIVITY: dict[str, list[Message]] = {
    "41 09": [cash.MoneyIn(1, recycled=False)],
    "52 1E": [cash.MoneyIn(2, recycled=True)],
    "5F FF": [cash.MoneyIn(15, recycled=True)],
    "62 1E": [Unknown(b"\x62")],  # an unused way
    "73 00": [cash.GivenBack(3, rejected=True)],
    "92 51": [cash.ByHand(2, 1, filled=False)],
    "F2 00": [cash.ByHand(2, 7, filled=False)],
    "21": [changer.Slugs(1)],
    "3F": [changer.Slugs(31)],
    "0B": [said.JustReset()],
    **{f"{code:02X}": [said.Status(code, told)] for code, told in changer.STATUS.items()},
    "1A": [said.Status(0x1A, "unknown")],
    "41 09 41 0A": [cash.MoneyIn(1, recycled=False), cash.MoneyIn(1, recycled=False)],
    "0A 43 0B 01": [
        said.Status(0x0A, "busy"),
        cash.MoneyIn(3, recycled=False),
        said.Status(1, "escrow lever"),
    ],
    "52 41 92 52": [cash.MoneyIn(2, recycled=True), cash.ByHand(2, 1, filled=False)],
}
STATUSES = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0A, 0x0C, 0x0D}


def read(command: str, told: str) -> list[Message]:
    return decode_reply(bytes.fromhex(command), bytes.fromhex(told))


@pytest.mark.parametrize(("told", "message"), COMMANDS.items())
def test_a_command_is_read(told: str, message: Message) -> None:
    assert decode_command(bytes.fromhex(told)) == message


@pytest.mark.parametrize("told", COMMANDS)
def test_a_command_with_a_tail_or_cut_anywhere_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    for other in (data + b"\x2a", *(data[:cut] for cut in range(1, len(data)))):
        assert decode_command(other) == Unknown(other)


@pytest.mark.parametrize("told", ["0E", "0F 08", "0F", "0F FF 01"])
def test_what_the_standard_does_not_know_is_kept_as_heard(told: str) -> None:
    assert decode_command(bytes.fromhex(told)) == Unknown(bytes.fromhex(told))


@pytest.mark.parametrize(("command", "told", "message"), [(*t, m) for t, m in ANSWERS.items()])
def test_an_answer_is_read(command: str, told: str, message: Message) -> None:
    assert read(command, told) == [message]


@pytest.mark.parametrize(("told", "messages"), ACTIVITY.items())
def test_activity_is_read(told: str, messages: list[Message]) -> None:
    assert read("0B", told) == messages


def test_the_statuses_are_the_standards() -> None:
    assert set(changer.STATUS) == STATUSES


@pytest.mark.parametrize(
    ("command", "size", "longest"),
    [
        ("09", 7, 23),
        ("0A", 2, 18),
        ("0F 00", 33, 33),
        ("0F 03", 1, 16),
        ("0F 04", 1, 1),
        ("0F 06", 1, 16),
    ],
)
def test_an_answer_shorter_or_longer_than_the_standard_s_is_unknown(
    command: str, size: int, longest: int
) -> None:
    for length in (*range(1, size), longest + 1, 35):
        data = bytes(range(0x31, 0x31 + length))
        assert decode_reply(bytes.fromhex(command), data) == [Unknown(data)]


@pytest.mark.parametrize("told", ["01", "01 00 06"])
def test_half_a_diagnostic_code_is_unknown(told: str) -> None:
    assert read("0F 05", told) == [Unknown(bytes.fromhex(told))]


@pytest.mark.parametrize("told", [each for each in ANSWERS if each[0] == "09"])
def test_a_setup_cut_anywhere_shifts_no_credit(told: tuple[str, str]) -> None:
    command, data = told[0], bytes.fromhex(told[1])
    whole = ANSWERS[told]
    assert isinstance(whole, cash.TillSetup)
    for cut in range(1, len(data)):
        (message,) = decode_reply(bytes.fromhex(command), data[:cut])
        if isinstance(message, cash.TillSetup):
            assert (message.level, message.scaling) == (whole.level, whole.scaling)
            assert message.credits == whole.credits[: cut - 7]
        else:
            assert message == Unknown(data[:cut])


@pytest.mark.parametrize(("told", "messages"), ACTIVITY.items())
def test_activity_cut_anywhere_keeps_what_was_whole(told: str, messages: list[Message]) -> None:
    data = bytes.fromhex(told)
    for cut in range(1, len(data)):
        *whole, last = decode_reply(b"\x0b", data[:cut])
        assert whole == messages[: len(whole)]
        assert last in messages or last == Unknown(data[cut - 1 : cut])


@pytest.mark.parametrize(("told", "messages"), ACTIVITY.items())
def test_more_activity_may_follow(told: str, messages: list[Message]) -> None:
    assert read("0B", f"{told} 02") == [*messages, said.Status(2, "payout busy")]


def test_a_file_is_offered_in_a_poll() -> None:
    assert read("0B", "1F 00 08 01 03 00") == [files.FileOffer(False, 0, 8, 1, 3, wanted=False)]
    assert read("0B", "1D 00 01 4458") == [files.FileBlock(False, 0, 1, b"DX")]


def test_an_answer_to_a_command_nobody_knows_is_kept() -> None:
    assert read("0E", "41 09") == [Unknown(b"\x41\x09")]


@given(st.binary(min_size=1, max_size=35))
def test_any_command_is_read_or_kept(data: bytes) -> None:
    message = decode_command(data)
    assert not isinstance(message, said.ByPeripheral)
    assert not isinstance(message, Unknown) or message.raw == data


@given(
    command=st.sampled_from([bytes.fromhex(told) for told in (*COMMANDS, "0E", "0F 55")]),
    data=st.binary(min_size=1, max_size=35),
)
def test_any_answer_is_read_or_kept(command: bytes, data: bytes) -> None:
    messages = decode_reply(command, data)
    assert 1 <= len(messages) <= len(data)
    kept = [each.raw for each in messages if isinstance(each, Unknown)]
    assert all(raw in data for raw in kept)
    if command != b"\x0b":
        assert len(messages) == 1
        assert not kept or kept == [data]


coins = st.sampled_from([told for told in ACTIVITY if told != "0B"])


@given(st.lists(coins, min_size=1, max_size=8))
def test_of_joined_activity_nothing_is_lost_or_invented(told: list[str]) -> None:
    apart = [message for each in told for message in ACTIVITY[each]]
    assert read("0B", " ".join(told)) == apart

"""Messages by their bytes, with the lengths of each level."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb import cashless
from mdb.cashless import Message, Unknown, VendDenied, decode_command, decode_reply

ITEM = bytes.fromhex("000A")

COMMANDS: dict[str, Message] = {
    "10": cashless.Reset(),
    "11 00 03 10 01 01": cashless.SetupConfig(level=3, columns=16, rows=1),
    "11 01 0541 0032": cashless.SetupPrices(highest=0x541, lowest=0x32),
    "12": cashless.Poll(),
    "13 00 04E3 0001": cashless.VendRequest(1251, bytes.fromhex("0001")),
    "13 01": cashless.VendCancel(),
    "13 02 000A": cashless.VendSuccess(ITEM),
    "13 03": cashless.VendFailure(),
    "13 04": cashless.SessionComplete(),
    "13 05 0096 000A": cashless.CashSale(150, ITEM),
    "13 06 0096 000A": cashless.NegativeVendRequest(150, ITEM),
    "14 00": cashless.ReaderDisable(),
    "14 01": cashless.ReaderEnable(),
    "14 02": cashless.ReaderCancel(),
    "15 00 01F4": cashless.RevalueRequest(500),
    "15 01": cashless.RevalueLimitRequest(),
    "17 00 514258 4D444220496E746572666365 303030303030303030303030 3130": cashless.RequestId(
        "QBX", "MDB Interfce", "000000000000"
    ),
}

MAKER = "514258 353331202020202020202020 4D444220202020202020200000 31"
REPLIES: dict[str, tuple[int | None, list[Message]]] = {
    "00": (1, [cashless.JustReset()]),
    "01 01 1643 0A 02 07 09": (1, [cashless.ReaderConfig(1, b"\x16\x43", 10, 2, 9)]),
    "03 01F4": (1, [cashless.BeginSession(500)]),
    "03 FFFF FFFFFFFF 00 0000": (2, [cashless.BeginSession(0xFFFF)]),
    "03 01F4 00000001 80 0000": (3, [cashless.BeginSession(500, 0x80)]),
    "04": (1, [cashless.SessionCancelRequest()]),
    "05 0096": (1, [cashless.VendApproved(150)]),
    "06": (1, [VendDenied()]),
    "07": (1, [cashless.EndSession()]),
    "08": (1, [cashless.Cancelled()]),
    f"09 {MAKER}": (1, [cashless.PeripheralId("QBX", "531", "MDB")]),
    f"09 {MAKER} 00000020": (3, [cashless.PeripheralId("QBX", "531", "MDB")]),
    "0A C0": (1, [cashless.Malfunction(0xC0)]),
    "0B": (1, [cashless.OutOfSequence()]),
    "0B 04": (2, [cashless.OutOfSequence()]),
    "0D": (2, [cashless.RevalueApproved()]),
    "0E": (2, [cashless.RevalueDenied()]),
    "0F 01F4": (2, [cashless.RevalueLimit(500)]),
    "11": (3, [cashless.TimeRequest()]),
    "12 03": (3, [cashless.DataEntryRequest()]),
    "13": (3, [cashless.DataEntryCancel()]),
    # The standard's example of several in one: denied, malfunction 07, session cancel request.
    "06 0A07 04": (1, [VendDenied(), cashless.Malfunction(7), cashless.SessionCancelRequest()]),
    "0B 04 ": (1, [cashless.OutOfSequence(), cashless.SessionCancelRequest()]),
}


def read(told: str, level: int | None) -> list[Message]:
    return decode_reply(bytes.fromhex(told), level)


@pytest.mark.parametrize(("told", "message"), COMMANDS.items())
def test_a_command_is_read(told: str, message: Message) -> None:
    assert decode_command(bytes.fromhex(told)) == message


@pytest.mark.parametrize(("told", "message"), COMMANDS.items())
def test_cashless_2_speaks_the_same(told: str, message: Message) -> None:
    data = bytes.fromhex(told)
    assert decode_command(bytes([data[0] + 0x50, *data[1:]])) == message


@pytest.mark.parametrize("told", COMMANDS)
def test_a_command_with_a_tail_is_unknown(told: str) -> None:
    data = bytes.fromhex(told) + b"\x2a"
    assert decode_command(data) == Unknown(data)


@pytest.mark.parametrize("told", COMMANDS)
def test_a_command_cut_anywhere_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    for cut in range(1, len(data)):
        assert decode_command(data[:cut]) == Unknown(data[:cut])


@pytest.mark.parametrize("told", ["13 07", "14 03 3132333400000000", "16", "17 FF 0506", "11 02"])
def test_what_this_level_does_not_know_is_kept_as_heard(told: str) -> None:
    assert decode_command(bytes.fromhex(told)) == Unknown(bytes.fromhex(told))


def test_an_expanded_request_is_not_read_with_shifted_fields() -> None:
    told = bytes.fromhex("13 00 00000096 000A")
    assert decode_command(told) == Unknown(told)


@pytest.mark.parametrize(("told", "level", "messages"), [(t, *r) for t, r in REPLIES.items()])
def test_an_answer_is_read(told: str, level: int, messages: list[Message]) -> None:
    assert read(told, level) == messages


@pytest.mark.parametrize(("told", "level", "messages"), [(t, *r) for t, r in REPLIES.items()])
def test_another_message_may_follow(told: str, level: int, messages: list[Message]) -> None:
    assert read(f"{told} 06", level) == [*messages, VendDenied()]


@pytest.mark.parametrize(("told", "level", "messages"), [(t, *r) for t, r in REPLIES.items()])
def test_an_answer_cut_anywhere_keeps_what_was_whole(
    told: str, level: int, messages: list[Message]
) -> None:
    data = bytes.fromhex(told)
    for cut in range(1, len(data)):
        *whole, last = decode_reply(data[:cut], level)
        assert whole == messages[: len(whole)]
        assert last in messages or isinstance(last, (Unknown, cashless.PeripheralId))


@pytest.mark.parametrize(
    ("told", "messages"),
    [
        ("03 01F4", [cashless.BeginSession(500)]),
        ("03 01F4 00000001 40 0000", [cashless.BeginSession(500, 0x40)]),
        ("03 01F4 04", [cashless.BeginSession(500), cashless.SessionCancelRequest()]),
        ("0B", [cashless.OutOfSequence()]),
        ("0B 04", [cashless.OutOfSequence()]),
        (f"09 {MAKER}", [cashless.PeripheralId("QBX", "531", "MDB")]),
        (f"09 {MAKER} 00000020", [cashless.PeripheralId("QBX", "531", "MDB")]),
    ],
)
def test_an_unheard_level_is_judged_by_the_length(told: str, messages: list[Message]) -> None:
    assert read(told, None) == messages


def test_a_display_request_is_as_long_as_the_display() -> None:
    told = b"\x02\x32" + b"Thank you       " + b"\x05\x00\x96"
    text = cashless.DisplayRequest("Thank you")
    assert decode_reply(told, 1, display=16) == [text, cashless.VendApproved(150)]
    assert decode_reply(told[:18], 1, display=16) == [text]
    assert decode_reply(told[:11], 1, display=16) == [text]
    assert decode_reply(told[:11], 1) == [text]


@pytest.mark.parametrize(
    "told",
    [
        "05 00000096",  # an expanded approval, where the start of the expanded mode was missed
        "05 000004E3",
        "05 000096",  # one byte doubled: zero bytes are invisible to the checksum
        "01 01 1643 0A 02 02 07 09",
    ],
)
def test_money_is_not_believed_in_an_answer_that_is_not_understood(told: str) -> None:
    assert read(told, 1) == [Unknown(bytes.fromhex(told))]


def test_just_reset_stands_alone() -> None:
    assert read("06 00", 1) == [VendDenied(), Unknown(b"\0")]


def test_media_may_be_free_or_for_tests() -> None:
    assert cashless.BeginSession(0, 0x80).free
    assert cashless.BeginSession(0, 0x40).test
    assert not cashless.BeginSession(0, 0x3F).free
    assert not cashless.BeginSession(0, 0x3F).test


@given(st.binary(min_size=1, max_size=35))
def test_any_command_is_read_or_kept(data: bytes) -> None:
    message = decode_command(data)
    assert not isinstance(message, Unknown) or message.raw == data


@given(
    data=st.binary(min_size=1, max_size=35),
    level=st.sampled_from([None, 1, 2, 3, 9]),
    display=st.sampled_from([None, 0, 16, 32, 65025]),
)
def test_any_answer_is_read_or_kept(data: bytes, level: int | None, display: int | None) -> None:
    *read, last = decode_reply(data, level, display)
    assert not any(isinstance(message, Unknown) for message in read)
    assert not isinstance(last, Unknown) or data.endswith(last.raw)

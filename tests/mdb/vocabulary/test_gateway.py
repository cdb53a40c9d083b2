"""A communications gateway's messages by their bytes (MDB 4.2, section 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.vocabulary import file_transport as files
from mdb.vocabulary import gateway
from mdb.vocabulary import message as said
from mdb.vocabulary.gateway import decode_command
from mdb.vocabulary.gateway import decode_reply as decode
from mdb.vocabulary.message import Message, Unknown

TRANSACTION = gateway.Transaction(
    kind=1,
    item=bytes.fromhex("0102"),
    price=0x0304,
    to_tubes=0x0506,
    to_cashbox=0x0708,
    bills=0x090A,
    cashless_1=0x0B0C,
    cashless_2=0x0D0E,
    revalued_1=0x0F10,
    revalued_2=0x1112,
    cash_out=0x1314,
    discount=0x1516,
    surcharge=0x1718,
    user_group=0x19,
    price_list=0x1A,
    when="202611251530",
)
REPORTED = f"1B 01 01 {bytes(range(1, 0x1B)).hex()} 20261125 1530"
NAME = "4d696c6b2063686f636f6c617465202020202020"
MODULE = "494354 303030303030303030303031 56372d525552353030303030 0120"
COMMANDS: dict[str, Message] = {
    "18": said.Reset(),
    "19 03 01 02": gateway.GatewaySetup(3, 1, 2),
    "1A": said.Poll(),
    REPORTED: TRANSACTION,
    "1B 02 45415f3031202020202020 20261125 1530 00000005 01".replace(
        "2020202020 20", "20202020 20"
    ): gateway.DtsEvent("EA_01", "202611251530", 5, active=True),
    f"1B 03 01 {MODULE}": gateway.Asset(1, "ICT000000000001V7-RUR500000\x01"),
    f"1B 03 81 {b'ASSET-1             '.hex()}": gateway.Asset(0x81, "ASSET-1"),
    "1B 04 1643 01 02": gateway.MoneyReport(bytes.fromhex("1643"), 1, 2),
    f"1B 05 0102 413130202020 {NAME} 01": gateway.Product(
        b"\x01\x02", "A10", "Milk chocolate", present=True
    ),
    "1C 00": gateway.Control(0),
    "1C 01": gateway.Control(1),
    "1C 02": gateway.Control(2),
    "1F 00": said.RequestId(),
    "1F 01 00000002": said.EnableOptions(2),
    "1F 02": gateway.WhatTime(),
    "1F FA 00 18 01 FF 01": files.FileOffer(True, 0, 0x18, 1, 0xFF, wanted=True),
}
ID = "514258 353331202020202020202020 4D444220202020202020200000 31 00000002"
ANSWERS: dict[str, Message] = {
    "00": said.JustReset(),
    "01 03 0102": gateway.GatewayConfig(3, 0x102),
    "02": said.Status(2, "request to transmit"),
    "03": said.Status(3, "data transmitted"),
    "05": said.Status(5, "event heard"),
    f"06 {ID}": said.Identity("QBX", "531", "MDB"),
    "07 64": gateway.Signal(100),
    "1B 00 18 01 FF 01": files.FileOffer(False, 0, 0x18, 1, 0xFF, wanted=True),
    "1C 00 18 05": files.FileRefused(False, 0, 0x18, 5),
    "1E 00 18": files.FileWelcome(False, 0, 0x18),
    "1F 00 18 01 03 00": files.FileOffer(False, 0, 0x18, 1, 3, wanted=False),
}


def decode_reply(data: bytes) -> list[Message]:
    return decode(b"\x1a", data)


@pytest.mark.parametrize(("told", "message"), COMMANDS.items(), ids=lambda each: str(each)[:24])
def test_a_command_is_read(told: str, message: Message) -> None:
    read = decode_command(bytes.fromhex(told))
    if isinstance(message, gateway.Asset):
        assert isinstance(read, gateway.Asset)
        assert (read.part, read.what[:7]) == (message.part, message.what[:7])
    else:
        assert read == message


def test_a_transaction_fills_a_block() -> None:
    assert len(bytes.fromhex(REPORTED)) == 35
    assert TRANSACTION.cash_in == 0x0506 + 0x0708 + 0x090A


@pytest.mark.parametrize("told", COMMANDS, ids=lambda told: told[:12])
def test_a_command_with_a_tail_or_cut_anywhere_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    for other in (data + b"\x2a", *(data[:cut] for cut in range(1, len(data)))):
        assert decode_command(other) == Unknown(other)


@pytest.mark.parametrize("told", ["1B 06", "1B", "1F 03", "1D", "1F FF"])
def test_what_the_standard_does_not_know_is_kept_as_heard(told: str) -> None:
    assert decode_command(bytes.fromhex(told)) == Unknown(bytes.fromhex(told))


@pytest.mark.parametrize(("told", "message"), ANSWERS.items())
def test_an_answer_is_read(told: str, message: Message) -> None:
    assert decode_reply(bytes.fromhex(told)) == [message]


def test_an_error_takes_the_rest_of_the_answer() -> None:
    assert decode_reply(b"\x04EGF1") == [gateway.GatewayError("EGF1")]
    assert decode_reply(b"\x02\x04EGF1") == [
        said.Status(2, "request to transmit"),
        gateway.GatewayError("EGF1"),
    ]


@pytest.mark.parametrize(("told", "message"), ANSWERS.items())
def test_another_message_may_follow(told: str, message: Message) -> None:
    if told != "00":
        assert decode_reply(bytes.fromhex(f"{told} 02")) == [
            message,
            said.Status(2, "request to transmit"),
        ]


@pytest.mark.parametrize("told", ANSWERS)
def test_an_answer_cut_anywhere_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    for cut in range(1, len(data)):
        assert decode_reply(data[:cut]) == [Unknown(data[:cut])]


def test_just_reset_stands_alone() -> None:
    """A signal of 0, its zero doubled: no checksum sees it."""
    assert said.JustReset() not in decode_reply(bytes.fromhex("07 00 00"))


@pytest.mark.parametrize("code", ["01", "07"])
def test_the_time_makes_no_other_message(code: str) -> None:
    """1F 02 asks for it; the standard names both codes for the answer (2.4)."""
    told = bytes.fromhex(f"{code} 27 01 15 10 30 00 05 03 00 00")
    read = decode(bytes.fromhex("1F 02"), told)
    assert said.JustReset() not in read
    assert not any(isinstance(each, gateway.GatewayConfig) for each in read)


@pytest.mark.parametrize("told", ["08", "FF 01 02", "20"])
def test_an_unknown_code_takes_the_rest_of_the_answer(told: str) -> None:
    data = bytes.fromhex(told)
    assert decode_reply(data) == [Unknown(data)]
    assert decode_reply(b"\x03" + data) == [said.Status(3, "data transmitted"), Unknown(data)]


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


@given(
    st.lists(st.sampled_from([told for told in ANSWERS if told != "00"]), min_size=1, max_size=5)
)
def test_of_joined_answers_nothing_is_lost_or_invented(told: list[str]) -> None:
    assert decode_reply(bytes.fromhex(" ".join(told))) == [ANSWERS[each] for each in told]

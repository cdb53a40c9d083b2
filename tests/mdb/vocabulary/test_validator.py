"""A bill validator's and a recycler's messages by their bytes (MDB 4.2, section 6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.scaling import Scaling
from mdb.vocabulary import cash_message as cash
from mdb.vocabulary import file_transport as files
from mdb.vocabulary import message as said
from mdb.vocabulary import validator
from mdb.vocabulary.message import Message, Unknown
from mdb.vocabulary.validator import decode_command, decode_reply

MODES = "00 01 02 03" + "00" * 12
COMMANDS: dict[str, Message] = {
    "30": said.Reset(),
    "31": said.Setup(),
    "32 0003": validator.Security(3),
    "33": said.Poll(),
    "34 012F FF00": cash.Accept(0x12F, 0xFF00),
    "34 0000 0034": cash.Accept(0, 0x34),
    "35 00": validator.Escrow(stack=False),
    "35 01": validator.Escrow(stack=True),
    "36": validator.StackerRequest(),
    "37 00": said.RequestId(),
    "37 01 00000002": said.EnableOptions(2),
    "37 02": said.RequestId(),
    "37 03": validator.RecyclerRequest(),
    f"37 04 0007 {MODES}": validator.RecyclerEnable(7, bytes.fromhex(MODES)),
    "37 05": cash.StockRequest(),
    "37 06 02 0103": cash.PayOut(kind=2, count=0x103),
    "37 07 0102": cash.PayOutValue(0x102),
    "37 08": cash.PaidCountsRequest(),
    "37 09": cash.PaidValueRequest(),
    "37 0A": validator.PayoutCancel(),
    "37 FD 30 00": files.FileWelcome(True, 0x30, 0),
}
ICT = "494354 303030303030303030303030 56372d525552353030303030 0120"
SIXTEEN = tuple(range(0x101, 0x111))
WORDS = "".join(f"{each:04x}" for each in SIXTEEN)
RUR = (1, 5, 10, 50, 100)


def rur(scale: int, decimals: int) -> Message:
    return cash.TillSetup(1, Scaling(scale, decimals, "RUB", "1810"), RUR)


ANSWERS: dict[tuple[str, str], Message] = {
    ("31", "01 1810 000A 00 00C8 001F FF 01 05 0A 32 64"): rur(10, 0),
    ("31", "01 1810 0064 01 00C8 001F FF 01 05 0A 32 64"): rur(100, 1),
    ("31", "01 1810 03E8 02 00C8 001F FF 01 05 0A 32 64"): rur(1000, 2),
    ("31", f"02 1978 0064 02 00C8 001F 00 {bytes(range(1, 17)).hex()}"): cash.TillSetup(
        2, Scaling(100, 2, "EUR", "1978"), tuple(range(1, 17))
    ),
    ("36", "00 0B"): validator.Stacker(full=False, bills=11),
    ("36", "81 0B"): validator.Stacker(full=True, bills=0x10B),
    ("37 00", ICT): said.Identity("ICT", "000000000000", "V7-RUR500000"),
    ("37 02", f"{ICT} 00000002"): said.Identity("ICT", "000000000000", "V7-RUR500000"),
    ("37 03", "0007"): validator.Recyclable(7),
    ("37 05", f"0003 {WORDS}"): cash.Stock(3, SIXTEEN),
    ("37 08", "0000 0002"): cash.PaidCounts((0, 2)),
    ("37 08", WORDS): cash.PaidCounts(SIXTEEN),
    ("37 09", "0102"): cash.PaidValue(0x102),
}
ACTIVITY: dict[str, list[Message]] = {
    "80": [cash.MoneyIn(0, recycled=False)],
    "8F": [cash.MoneyIn(15, recycled=False)],
    "92": [cash.InEscrow(2)],
    "A2": [cash.GivenBack(2, rejected=False)],
    "B2": [cash.MoneyIn(2, recycled=True)],
    "C2": [cash.GivenBack(2, rejected=True)],
    "D2": [cash.ByHand(2, 1, filled=True)],
    "E2": [cash.ByHand(2, 1, filled=False)],
    "F2": [validator.ToCashBox(2)],
    "43": [validator.Attempts(3)],
    "5F": [validator.Attempts(31)],
    "06": [said.JustReset()],
    **{f"{code:02X}": [said.Status(code, told)] for code, told in validator.STATUS.items()},
    "0D": [said.Status(0x0D, "unknown")],
    "06 09": [said.JustReset(), said.Status(9, "disabled")],
    "92 09": [cash.InEscrow(2), said.Status(9, "disabled")],
    "81 81 03": [*[cash.MoneyIn(1, recycled=False)] * 2, said.Status(3, "busy")],
}
STATUSES = {
    *{1, 2, 3, 4, 5, 7, 8, 9, 0x0A, 0x0B, 0x0C},
    *{0x21, 0x22, 0x23, 0x24, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2F},
}


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


@pytest.mark.parametrize("told", ["37", "37 0B", "37 FF", "36 00"])
def test_what_the_standard_does_not_know_is_kept_as_heard(told: str) -> None:
    assert decode_command(bytes.fromhex(told)) == Unknown(bytes.fromhex(told))


def test_only_the_lowest_bit_stacks_a_bill() -> None:
    assert decode_command(b"\x35\xff") == validator.Escrow(stack=True)


@pytest.mark.parametrize(("command", "told", "message"), [(*t, m) for t, m in ANSWERS.items()])
def test_an_answer_is_read(command: str, told: str, message: Message) -> None:
    assert read(command, told) == [message]


@pytest.mark.parametrize(("told", "messages"), ACTIVITY.items())
def test_activity_is_read(told: str, messages: list[Message]) -> None:
    assert read("33", told) == messages


@pytest.mark.parametrize(("told", "messages"), ACTIVITY.items())
def test_more_activity_may_follow(told: str, messages: list[Message]) -> None:
    assert read("33", f"{told} 09") == [*messages, said.Status(9, "disabled")]


@pytest.mark.parametrize(("told", "messages"), ACTIVITY.items())
def test_activity_cut_anywhere_keeps_what_was_whole(told: str, messages: list[Message]) -> None:
    data = bytes.fromhex(told)
    for cut in range(1, len(data)):
        assert decode_reply(b"\x33", data[:cut]) == messages[:cut]


def test_the_statuses_are_the_standards() -> None:
    assert set(validator.STATUS) == STATUSES


SIZES = {
    "31": range(11, 28),
    "36": (2,),
    "37 00": (29, 33),
    "37 02": (29, 33),
    "37 03": (2,),
    "37 05": range(2, 35, 2),
    "37 08": range(2, 34, 2),
    "37 09": (2,),
    "34 0007 0007": (),
}


@pytest.mark.parametrize(("command", "sizes"), SIZES.items())
def test_an_answer_of_another_size_is_unknown(command: str, sizes: range | tuple[int, ...]) -> None:
    for length in range(1, 36):
        data = bytes(range(0x31, 0x31 + length))
        answer = decode_reply(bytes.fromhex(command), data)
        assert (answer == [Unknown(data)]) is (length not in sizes)


def test_half_a_count_of_the_recycler_s_is_unknown() -> None:
    told = bytes.fromhex("0003 0001 00")  # a zero was lost or doubled
    assert decode_reply(b"\x37\x05", told) == [Unknown(told)]


def test_a_setup_cut_anywhere_shifts_no_credit() -> None:
    data = bytes.fromhex("01 1810 000A 00 00C8 001F FF 01 05 0A 32 64")
    for cut in range(1, len(data)):
        (message,) = decode_reply(b"\x31", data[:cut])
        if cut < 11:
            assert message == Unknown(data[:cut])
        else:
            assert message == cash.TillSetup(1, Scaling(10, 0, "RUB", "1810"), RUR[: cut - 11])


def test_a_file_is_offered_in_a_poll() -> None:
    assert read("33", "1F 00 30 01 03 00") == [files.FileOffer(False, 0, 0x30, 1, 3, wanted=False)]


@given(st.binary(min_size=1, max_size=35))
def test_any_command_is_read_or_kept(data: bytes) -> None:
    message = decode_command(data)
    assert not isinstance(message, said.ByPeripheral)
    assert not isinstance(message, Unknown) or message.raw == data


@given(
    command=st.sampled_from([bytes.fromhex(told) for told in (*COMMANDS, "37 55")]),
    data=st.binary(min_size=1, max_size=35),
)
def test_any_answer_is_read_or_kept(command: bytes, data: bytes) -> None:
    messages = decode_reply(command, data)
    assert 1 <= len(messages) <= len(data)
    kept = [each.raw for each in messages if isinstance(each, Unknown)]
    if command != b"\x33":
        assert len(messages) == 1
        assert not kept or kept == [data]
    else:
        assert not kept


@given(st.lists(st.sampled_from(list(ACTIVITY)), min_size=1, max_size=8))
def test_of_joined_activity_nothing_is_lost_or_invented(told: list[str]) -> None:
    apart = [message for each in told for message in ACTIVITY[each]]
    assert read("33", " ".join(told)) == apart

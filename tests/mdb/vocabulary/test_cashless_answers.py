"""A cashless device's answers by their bytes: of each level, in both widths of money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.vocabulary import age, cashless
from mdb.vocabulary import file_transport as files
from mdb.vocabulary import message as said
from mdb.vocabulary.cashless import VendDenied
from mdb.vocabulary.cashless_layout import decode_reply
from mdb.vocabulary.message import Message, Unknown

EUR = bytes.fromhex("1978")
MAKER = "514258 353331202020202020202020 4D444220202020202020200000 31"
ANSWERS: dict[str, tuple[int, list[Message]]] = {
    "00": (1, [said.JustReset()]),
    "01 01 1643 0A 02 07 09": (1, [cashless.ReaderConfig(1, b"\x16\x43", 10, 2, 9)]),
    "04": (1, [cashless.SessionCancelRequest()]),
    "06": (1, [VendDenied()]),
    "07": (1, [cashless.EndSession()]),
    "08": (1, [cashless.Cancelled()]),
    f"09 {MAKER}": (1, [said.Identity("QBX", "531", "MDB")]),
    f"09 {MAKER} 00000020": (3, [said.Identity("QBX", "531", "MDB")]),
    "0A C0": (1, [cashless.Malfunction(0xC0)]),
    "0B": (1, [cashless.OutOfSequence()]),
    "0B 04": (2, [cashless.OutOfSequence()]),
    "0D": (2, [cashless.RevalueApproved()]),
    "0E": (2, [cashless.RevalueDenied()]),
    "10 05 02 4142": (2, [cashless.UserFile(5, b"AB")]),
    "11": (3, [cashless.TimeRequest()]),
    "12 83": (3, [cashless.DataEntryRequest(3)]),
    "13": (3, [cashless.DataEntryCancel()]),
    "1B 00 10 01 FF 01": (3, [files.FileOffer(False, 0, 0x10, 1, 0xFF, wanted=True)]),
    "1C 00 10 05": (3, [files.FileRefused(False, 0, 0x10, 5)]),
    "1E 00 10": (3, [files.FileWelcome(False, 0, 0x10)]),
    "1F 00 10 01 03 00": (3, [files.FileOffer(False, 0, 0x10, 1, 3, wanted=False)]),
    # The standard's example of several in one: denied, malfunction 07, session cancel request.
    "06 0A07 04": (1, [VendDenied(), cashless.Malfunction(7), cashless.SessionCancelRequest()]),
    "0B 04 ": (1, [cashless.OutOfSequence(), cashless.SessionCancelRequest()]),
}
NARROW: dict[str, tuple[int, list[Message]]] = {
    "03 01F4": (1, [cashless.BeginSession(500)]),
    "03 FFFF FFFFFFFF 00 0000": (2, [cashless.BeginSession(0xFFFF)]),
    "03 01F4 00000001 80 0000": (3, [cashless.BeginSession(500, 0x80)]),
    "05 0096": (1, [cashless.VendApproved(150)]),
    "05 FFFF": (1, [cashless.VendApproved(0xFFFF)]),
    "0F 01F4": (2, [cashless.RevalueLimit(500)]),
}
WIDE: dict[str, tuple[int, list[Message]]] = {
    "03 000001F4 00000001 40 0000 656E 1978 00": (3, [cashless.BeginSession(500, 0x40, EUR)]),
    "03 FFFFFFFF FFFFFFFF 00 0000 656E FFFF 00": (
        3,
        [cashless.BeginSession(0xFFFFFFFF, 0, b"\xff\xff")],
    ),
    "05 00000096": (3, [cashless.VendApproved(150)]),
    "05 00010096": (3, [cashless.VendApproved(0x10096)]),
    "05 FFFFFFFF": (3, [cashless.VendApproved(0xFFFFFFFF)]),
    "0F 000001F4": (3, [cashless.RevalueLimit(500)]),
}
ROWS = [
    *((told, *row, False) for told, row in {**ANSWERS, **NARROW}.items()),
    *((told, *row, True) for told, row in {**ANSWERS, **WIDE}.items()),
]
EVERY = pytest.mark.parametrize(("told", "level", "messages", "expanded"), ROWS)


@EVERY
def test_an_answer_is_read(
    told: str, level: int, messages: list[Message], *, expanded: bool
) -> None:
    assert decode_reply(bytes.fromhex(told), level, expanded=expanded) == messages


@EVERY
def test_another_message_may_follow(
    told: str, level: int, messages: list[Message], *, expanded: bool
) -> None:
    both = decode_reply(bytes.fromhex(f"{told} 06"), level, expanded=expanded)
    assert both == [*messages, VendDenied()]


MONEY = (cashless.VendApproved, cashless.BeginSession, cashless.ReaderConfig, cashless.RevalueLimit)


@EVERY
def test_an_answer_cut_anywhere_keeps_what_was_whole_and_invents_no_money(
    told: str, level: int, messages: list[Message], *, expanded: bool
) -> None:
    data = bytes.fromhex(told)
    for cut in range(1, len(data)):
        *whole, last = decode_reply(data[:cut], level, expanded=expanded)
        assert whole == messages[: len(whole)]
        assert last in messages or isinstance(last, Unknown)
        assert not isinstance(last, MONEY)


@EVERY
def test_an_answer_with_noise_after_it_is_believed_of_no_money(
    told: str, level: int, messages: list[Message], *, expanded: bool
) -> None:
    data = bytes.fromhex(told) + b"\x2a"
    read = decode_reply(data, level, expanded=expanded)
    assert read[-1] in {Unknown(b"\x2a"), Unknown(data)}
    if any(isinstance(each, MONEY[:3]) for each in messages):
        assert read == [Unknown(data)]


def test_a_block_of_a_file_takes_the_rest_of_the_answer() -> None:
    told = bytes.fromhex("1D 00 01 4458530D")
    assert decode_reply(told, 3) == [files.FileBlock(False, 0, 1, b"DXS\r")]


def test_what_the_maker_diagnoses_takes_the_rest_of_the_answer() -> None:
    assert decode_reply(b"\xff\x06\x07", 1) == [cashless.ReaderDiagnostics(b"\x06\x07")]
    told = bytes.fromhex("FF 05 06 00 4452415650")
    assert decode_reply(told, 1) == [age.AgeOptions(0)]
    told = bytes.fromhex("FF 06 07 1E 10 4452415653")
    assert decode_reply(told, 1) == [age.AgeAnswer(allowed=True)]


@pytest.mark.parametrize(
    ("told", "messages"),
    [
        ("03 01F4", [cashless.BeginSession(500)]),
        ("03 01F4 00000001 40 0000", [cashless.BeginSession(500, 0x40)]),
        ("03 01F4 04", [cashless.BeginSession(500), cashless.SessionCancelRequest()]),
        ("0B", [cashless.OutOfSequence()]),
        ("0B 04", [cashless.OutOfSequence()]),
        (f"09 {MAKER}", [said.Identity("QBX", "531", "MDB")]),
        (f"09 {MAKER} 00000020", [said.Identity("QBX", "531", "MDB")]),
    ],
)
def test_an_unheard_level_is_judged_by_the_length(told: str, messages: list[Message]) -> None:
    assert decode_reply(bytes.fromhex(told), None) == messages


@pytest.mark.parametrize(
    ("told", "messages"),
    [
        ("05 0096", [cashless.VendApproved(150)]),
        ("05 00000096", [cashless.VendApproved(150)]),
        ("05 0096 06", [cashless.VendApproved(150), VendDenied()]),
        ("05 00000096 06", [cashless.VendApproved(150), VendDenied()]),
        ("03 000001F4 00000001 40 0000 656E 1978 00", [cashless.BeginSession(500, 0x40, EUR)]),
    ],
)
def test_an_unheard_width_is_judged_by_the_length(told: str, messages: list[Message]) -> None:
    assert decode_reply(bytes.fromhex(told), 3, expanded=None) == messages


@pytest.mark.parametrize(
    "told",
    [
        "05 0096 0607",  # 150 and two more messages, or 9 832 967
        "05 0000FFFF",  # nothing and the maker's diagnostics, or 65 535
        "05 FFFFFFFF",  # a token and diagnostics, or a token
        "05 0001 0404",
        "0F 0000 0407",
    ],
)
def test_what_either_width_makes_sense_of_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    assert decode_reply(data, 3, expanded=None) == [Unknown(data)]


def test_a_display_request_is_as_long_as_the_display() -> None:
    told = b"\x02\x32" + b"Thank you       " + b"\x05\x00\x96"
    text = cashless.DisplayRequest("Thank you")
    assert decode_reply(told, 1, display=16) == [text, cashless.VendApproved(150)]
    assert decode_reply(told[:18], 1, display=16) == [text]
    assert decode_reply(told[:11], 1, display=16) == [text]
    assert decode_reply(told[:11], 1) == [text]


@pytest.mark.parametrize(
    ("told", "expanded"),
    [
        ("05 00000096", False),  # the start of the expanded mode was missed
        ("05 000004E3", False),
        ("05 000096", False),  # one byte doubled: zero bytes are invisible to the checksum
        ("05 000096", None),
        ("05 000096", True),
        ("05 0096", True),
        ("05 0000000096", True),
        ("06 05 000096", False),
        ("01 01 1643 0A 02 02 07 09", False),
        ("03 0001F4 00000001 40 0000 656E 1978 00", True),
    ],
)
def test_money_is_not_believed_in_an_answer_that_is_not_understood(
    told: str, *, expanded: bool | None
) -> None:
    read = decode_reply(bytes.fromhex(told), 3, expanded=expanded)
    assert not any(isinstance(each, MONEY) for each in read)
    assert isinstance(read[-1], Unknown)


def test_a_doubled_zero_in_a_revalue_limit_is_no_other_limit() -> None:
    told = bytes.fromhex("0F 00 00 F4")
    assert not any(isinstance(each, MONEY) for each in decode_reply(told, 3))


@pytest.mark.parametrize("level", [None, 1, 2, 3])
def test_a_wide_session_tells_itself_by_its_length(level: int | None) -> None:
    told = bytes.fromhex("03 000001F4 00000001 40 0000 656E 1978 00")
    assert decode_reply(told, level, expanded=False) == [cashless.BeginSession(500, 0x40, EUR)]


def test_just_reset_stands_alone() -> None:
    assert decode_reply(bytes.fromhex("06 00"), 1) == [VendDenied(), Unknown(b"\0")]


@pytest.mark.parametrize("told", ["0C", "14 00 96 00 0A", "1A", "20 01"])
def test_an_unknown_code_takes_the_rest_of_the_answer(told: str) -> None:
    data = bytes.fromhex(told)
    assert decode_reply(data, 3) == [Unknown(data)]
    assert decode_reply(b"\x06" + data, 3) == [VendDenied(), Unknown(data)]


def test_media_may_be_free_or_for_tests() -> None:
    assert cashless.BeginSession(0, 0x80).free
    assert cashless.BeginSession(0, 0x40).test
    assert not cashless.BeginSession(0, 0x3F).free
    assert not cashless.BeginSession(0, 0x3F).test


@given(
    data=st.binary(min_size=1, max_size=35),
    level=st.sampled_from([None, 1, 2, 3, 9]),
    display=st.sampled_from([None, 0, 16, 32, 65025]),
    expanded=st.sampled_from([None, False, True]),
)
def test_any_answer_is_read_or_kept(
    data: bytes, level: int | None, display: int | None, *, expanded: bool | None
) -> None:
    *read, last = decode_reply(data, level, display, expanded=expanded)
    assert not any(isinstance(message, Unknown) for message in read)
    assert not isinstance(last, Unknown) or data.endswith(last.raw)
    assert len(read) < len(data)


codes = st.sampled_from([bytes.fromhex(told) for told in (*ANSWERS, *NARROW)])


@given(st.lists(codes.filter(lambda code: code[0] not in {0x00, 0x0B, 0x03, 0x09}), max_size=4))
def test_joined_messages_are_each_read_and_none_is_lost(joined: list[bytes]) -> None:
    apart = [message for each in joined for message in decode_reply(each, 2)]
    data = b"".join(joined)
    assert (decode_reply(data, 2) if data else []) == apart

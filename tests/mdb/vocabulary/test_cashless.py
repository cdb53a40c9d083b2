"""A cashless device's messages by their bytes: of each level, in both widths of money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.vocabulary import age, cashless
from mdb.vocabulary import file_transport as files
from mdb.vocabulary import message as said
from mdb.vocabulary.cashless_layout import decode_command as decode
from mdb.vocabulary.message import Message, Unknown

ITEM = bytes.fromhex("000A")
EUR, RUB = bytes.fromhex("1978"), bytes.fromhex("1643")
VMC = "514258 303030303030303030303030 4D444220496E746572666365 3130"


def read_command(
    told: bytes | str, *, expanded: bool | None = None, longer: bool = False
) -> Message:
    data = bytes.fromhex(told) if isinstance(told, str) else told
    return decode(data, expanded=expanded, longer=longer)[0]


PLAIN: dict[str, Message] = {
    "10": said.Reset(),
    "11 00 03 10 01 01": cashless.SetupConfig(level=3, columns=16, rows=1),
    "12": said.Poll(),
    "13 01": cashless.VendCancel(),
    "13 02 000A": cashless.VendSuccess(ITEM),
    "13 03": cashless.VendFailure(),
    "13 04": cashless.SessionComplete(),
    "14 00": cashless.ReaderDisable(),
    "14 01": cashless.ReaderEnable(),
    "14 02": cashless.ReaderCancel(),
    "14 03 3132333400000000": cashless.DataEntryResponse(),
    "14 03 FFFFFFFFFFFFFFFF": cashless.DataEntryResponse(),
    "15 01": cashless.RevalueLimitRequest(),
    f"17 00 {VMC}": cashless.VmcIdentity("QBX", "000000000000", "MDB Interfce"),
    "17 01 05": cashless.ReadUserFile(5),
    "17 02 05 02 4142": cashless.WriteUserFile(5, b"AB"),
    "17 03 26 11 25 15 30 00 03 48 00 FF": cashless.WriteTime("2611251530000348" + "00ff"),
    "17 04 00000022": said.EnableOptions(0x22),
    "17 FA 00 10 01 FF 01": files.FileOffer(
        by_vmc=True, to=0, source=0x10, file=1, blocks=0xFF, wanted=True
    ),
    "17 FB 10 00 05": files.FileRefused(by_vmc=True, to=0x10, source=0, delay=5),
    "17 FD 10 00": files.FileWelcome(by_vmc=True, to=0x10, source=0),
    "17 FE 10 00 01 03 00": files.FileOffer(
        by_vmc=True, to=0x10, source=0, file=1, blocks=3, wanted=False
    ),
    "17 FF 05 06 12 4452415650": age.AgeCheck(18),
    "17 FF 06 06 FF 4452415653": age.AgeQuestion(),
}
NARROW: dict[str, Message] = {
    "11 01 0541 0032": cashless.SetupPrices(highest=0x541, lowest=0x32),
    "11 01 FFFF 0000": cashless.SetupPrices(highest=0xFFFF, lowest=0),
    "13 00 04E3 0001": cashless.VendRequest(1251, bytes.fromhex("0001")),
    "13 05 0096 000A": cashless.CashSale(150, ITEM),
    "13 05 0096 400A": cashless.CashSale(150, bytes.fromhex("400A")),
    "13 06 0096 000A": cashless.NegativeVendRequest(150, ITEM),
    "15 00 01F4": cashless.RevalueRequest(500),
}
WIDE: dict[str, Message] = {
    "11 01 00010541 00000032 1978": cashless.SetupPrices(highest=0x10541, lowest=0x32),
    "11 01 FFFFFFFF 00000000 1978": cashless.SetupPrices(highest=0xFFFFFFFF, lowest=0),
    "13 00 00000096 000A": cashless.VendRequest(150, ITEM),
    "13 00 00010000 000A": cashless.VendRequest(0x10000, ITEM),
    "13 05 00000096 000A 1643": cashless.CashSale(150, ITEM, RUB),
    "13 06 00000096 000A": cashless.NegativeVendRequest(150, ITEM),
    "15 00 000001F4": cashless.RevalueRequest(500),
}
COMMANDS = {**PLAIN, **NARROW, **WIDE}
LENGTHENED = ("13 02", "13 03", "13 05")
"""What MDB 4.3 is known to lengthen (1.9)."""
OPEN_ENDED = ("17 FC", "17 FF")
FIXED = [told for told in COMMANDS if not told.startswith((*LENGTHENED, *OPEN_ENDED))]
WIDTHS = pytest.mark.parametrize("expanded", [None, False, True])


def is_vague(message: Message) -> bool:
    """Whether it says that something was sold, and nothing that noise may have changed."""
    match message:
        case cashless.CashSale(price=None, item=None, currency=None):
            return True
        case cashless.VendSuccess(item=b"\xff\xff"):
            return True
    return False


@WIDTHS
@pytest.mark.parametrize("offset", [0, 0x50], ids=["10h", "60h"])
@pytest.mark.parametrize(("told", "message"), COMMANDS.items())
def test_a_command_is_read_at_either_address_whatever_is_thought_of_the_width(
    told: str, message: Message, offset: int, *, expanded: bool | None
) -> None:
    data = bytes.fromhex(told)
    assert read_command(bytes([data[0] + offset, *data[1:]]), expanded=expanded) == message


@WIDTHS
@pytest.mark.parametrize("told", FIXED)
def test_a_command_with_a_tail_is_unknown(told: str, *, expanded: bool | None) -> None:
    data = bytes.fromhex(told) + b"\x2a"
    assert read_command(data, expanded=expanded, longer=True) == Unknown(data)


@WIDTHS
@pytest.mark.parametrize("told", FIXED)
def test_a_command_cut_anywhere_is_unknown_or_of_the_other_width(
    told: str, *, expanded: bool | None
) -> None:
    data = bytes.fromhex(told)
    narrow = {len(bytes.fromhex(each)) for each in NARROW if each[:5] == told[:5]}
    for cut in range(1, len(data)):
        if told not in WIDE or cut not in narrow:
            assert read_command(data[:cut], expanded=expanded) == Unknown(data[:cut])


@WIDTHS
@pytest.mark.parametrize("told", [each for each in COMMANDS if each.startswith(LENGTHENED)])
def test_what_mdb_4_3_lengthens_is_not_shortened(told: str, *, expanded: bool | None) -> None:
    data = bytes.fromhex(told)
    shortest = {2: 4, 3: 2, 5: 6}[data[1]]
    for cut in range(1, min(len(data), shortest)):
        read = read_command(data[:cut], expanded=expanded)
        assert read == Unknown(data[:cut]) or is_vague(read)


@pytest.mark.parametrize(
    "told",
    [
        "13 07",
        "13 08 00",
        "14 04",
        "15 02",
        "16",
        "16 00",
        "11",
        "11 02",
        "13",
        "17",
        "17 05",
        "17 F9",
    ],
)
def test_what_the_standard_does_not_know_is_kept_as_heard(told: str) -> None:
    assert read_command(told) == Unknown(bytes.fromhex(told))


def test_what_the_maker_diagnoses_is_kept() -> None:
    assert read_command("17 FF 0506") == cashless.Diagnostics(bytes.fromhex("0506"))


@WIDTHS
@pytest.mark.parametrize("told", NARROW)
def test_a_length_of_narrow_money_proves_that_it_is_narrow(
    told: str, *, expanded: bool | None
) -> None:
    assert decode(bytes.fromhex(told), expanded=expanded)[1] is False


@WIDTHS
@pytest.mark.parametrize("told", WIDE)
def test_a_length_of_wide_money_proves_that_it_is_wide(told: str, *, expanded: bool | None) -> None:
    assert decode(bytes.fromhex(told), expanded=expanded)[1] is True


@WIDTHS
@pytest.mark.parametrize("told", [*PLAIN, "13 07", "13 00 000096 000A"])
def test_other_blocks_prove_nothing(told: str, *, expanded: bool | None) -> None:
    assert decode(bytes.fromhex(told), expanded=expanded)[1] is expanded


TAILS = {
    "13 02 000A 01": cashless.VendSuccess(ITEM, b"\x01"),
    "13 02 000A 000B 01": cashless.VendSuccess(ITEM, bytes.fromhex("000B01")),
    "13 03 000A": cashless.VendFailure(ITEM),
    "13 03 000A 0096 01": cashless.VendFailure(bytes.fromhex("000A009601")),
    "13 05 0096 000A 80": cashless.CashSale(150, ITEM, None, b"\x80"),
    "13 05 00010096 010A 1643 80": cashless.CashSale(0x10096, b"\x01\x0a", RUB, b"\x80"),
}


@WIDTHS
@pytest.mark.parametrize(("told", "message"), TAILS.items())
def test_what_mdb_4_3_adds_is_kept(told: str, message: Message, *, expanded: bool | None) -> None:
    if told.startswith("13 05") and expanded is not (
        message != cashless.CashSale(150, ITEM, None, b"\x80")
    ):
        return  # with the other width agreed on, it is not this message: see below
    assert read_command(told, expanded=expanded, longer=True) == message


@pytest.mark.parametrize(
    ("told", "expanded"),
    [
        ("13 05 000096 000A", None),
        ("13 05 000096 000A", True),
        ("13 05 00000096 000A", True),
        ("13 05 00000096 000A 16", None),
        ("13 05 00000096 000A 16", True),
        ("13 05 000096 000A 1643", None),
        ("13 05 000096 000A 1643", True),  # a zero was lost, which no checksum sees
        ("13 05 00000096 00 1643", True),
    ],
)
def test_a_cash_sale_of_a_length_between_the_two_is_unknown(
    told: str, *, expanded: bool | None
) -> None:
    data = bytes.fromhex(told)
    message, width = decode(data, expanded=expanded)
    assert message == Unknown(data) or is_vague(message)
    assert width == expanded


def test_where_narrow_money_and_4_3_were_agreed_on_a_long_tail_is_no_wide_money() -> None:
    """3.2: a length tells the width without 4.3's options only."""
    told = bytes.fromhex("13 05 0096 000A 00000001")
    message, expanded = decode(told, expanded=False, longer=True)
    assert message in {Unknown(told), cashless.CashSale(150, ITEM, None, told[6:])}
    assert expanded is False


DOUBLED = [told for told in ("13 02 000A", "13 02 0A00", *NARROW, *WIDE) if "00" in told]


@WIDTHS
@pytest.mark.parametrize("told", DOUBLED)
def test_a_doubled_zero_is_not_taken_for_a_4_3_tail(told: str, *, expanded: bool | None) -> None:
    data = bytes.fromhex(told)
    for at in (at for at, value in enumerate(data) if value == 0 and at > 1):
        doubled = data[:at] + b"\0" + data[at:]
        read = read_command(doubled, expanded=expanded)
        assert read == Unknown(doubled) or is_vague(read)


@WIDTHS
@pytest.mark.parametrize("told", DOUBLED)
def test_a_lost_zero_makes_no_other_command(told: str, *, expanded: bool | None) -> None:
    data = bytes.fromhex(told)
    for at in (at for at, value in enumerate(data) if value == 0 and at > 1):
        short = data[:at] + data[at + 1 :]
        read = read_command(short, expanded=expanded)
        assert read == Unknown(short) or is_vague(read)


def test_wide_and_narrow_requests_of_one_price_are_told_apart_though_their_checksums_are_equal() -> (
    None
):
    narrow, wide = bytes.fromhex("13 00 0096 000A"), bytes.fromhex("13 00 00000096 000A")
    assert sum(narrow) % 256 == sum(wide) % 256 == 0xB3
    assert read_command(narrow) == read_command(wide) == cashless.VendRequest(150, ITEM)


@given(
    data=st.binary(min_size=1, max_size=35),
    expanded=st.sampled_from([None, False, True]),
    longer=st.booleans(),
)
def test_any_command_is_read_or_kept(data: bytes, *, expanded: bool | None, longer: bool) -> None:
    message, known = decode(data, expanded=expanded, longer=longer)
    assert not isinstance(message, said.ByPeripheral)
    assert not isinstance(message, Unknown) or (message.raw == data and known is expanded)


money = st.sampled_from([b"\x13\x00", b"\x13\x05", b"\x13\x06", b"\x15\x00", b"\x11\x01"])


@given(begin=money, rest=st.binary(max_size=12), expanded=st.sampled_from([None, False, True]))
def test_a_price_stands_where_one_of_the_two_widths_has_it(
    begin: bytes, rest: bytes, *, expanded: bool | None
) -> None:
    message = read_command(begin + rest, expanded=expanded)
    match message:
        case cashless.VendRequest(price=price) | cashless.CashSale(price=price):
            widths = {int.from_bytes(rest[:2], "big"), int.from_bytes(rest[:4], "big")}
            assert price in widths or is_vague(message)
        case cashless.RevalueRequest(amount=amount):
            assert amount == int.from_bytes(rest, "big")


@pytest.mark.parametrize("told", ["13 02 00000A", "13 05 000096 000A", "13 05 0096 00000A"])
def test_where_4_3_was_agreed_on_a_longer_block_is_believed(told: str) -> None:
    assert is_vague(read_command(told, expanded=False))
    assert not is_vague(read_command(told, expanded=False, longer=True))

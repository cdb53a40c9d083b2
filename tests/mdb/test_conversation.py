import pytest

from mdb import Event, Sniffer, event, read_trace
from mdb.conversation import lines
from mdb.event import Confidence, Kind, Tender
from mdb.sniffer import Heard


def tell(*story: str, colour: bool = False) -> list[str]:
    sniffer = Sniffer()
    heard = [each for s in read_trace(story) for each in sniffer.listen(s)] + sniffer.flush()
    return [line for each in heard for line in lines(each, colour=colour)]


def words(*story: str) -> list[str]:
    return [" ".join(line.split()) for line in tell(*story)]


def test_a_vend_is_read_in_the_standard_s_words() -> None:
    assert words(
        *("1 > 13 00 00 96 00 0A B3", "1.1 < 00", "1.2 > 12 12", "1.3 < 05 00 96 9B", "1.31 > 00"),
        *("2 > 13 02 00 0A 1F", "2.1 < 00"),
    ) == [
        "1.0000 VMC > cashless 1 13 00 00 96 00 0A VEND REQUEST price 150 item 000A",
        "1.0000 ================== VEND REQUESTED item 000a",
        "1.3000 cashless 1 > VMC 05 00 96 VEND APPROVED amount 150",
        "1.3000 ================== VEND APPROVED item 000a",
        "2.0000 VMC > cashless 1 13 02 00 0A VEND SUCCESS item 000A",
        "2.0000 ================== SALE item 000a amount unknown cashless-1 paid confirmed",
    ]


def test_empty_polls_are_left_out() -> None:
    assert words("1 > 12 12", "1.1 < 00", "2 > 33 33", "2.1 < 00") == []


def test_a_command_nobody_answers_is_told_once() -> None:
    told = words("1 > 14 01 15", "2 > 10 10", "2.1 < 00")
    assert told == [
        "1.0000 VMC > cashless 1 14 01 READER ENABLE (no answer)",
        "2.0000 VMC > cashless 1 10 RESET",
    ]
    told = words("1 > 13 05 00 96 00 0A B8", "2 > 10 10", "2.1 < 00")
    assert [line for line in told if "CASH SALE" in line] == [
        "1.0000 VMC > cashless 1 13 05 00 96 00 0A CASH SALE price 150 item 000A (no answer)"
    ]


@pytest.mark.parametrize(
    ("story", "told"),
    [
        (
            ["1 > 33 33", "1.1 < 91 91", "1.2 > 00"],
            ["1.1000 validator > VMC 91 IN ESCROW kind 1"],
        ),
        (
            ["1 > C3 01 C4", "1.1 < 02 02", "1.2 > 00"],
            ["1.0000 VMC > address C0 C3 01", "1.1000 address C0 > VMC 02"],
        ),
        (
            ["1 > 1F FD 00 18 34", "1.1 < 00"],
            ["1.0000 VMC > gateway 1F FD 00 18 FILE WELCOME by_vmc yes to 0 source 24"],
        ),
        (["1 > C3 01 C4", "1.1 < 00"], ["1.0000 VMC > address C0 C3 01"]),
        (["1 > 13 07 1A", "1.1 < 00"], ["1.0000 VMC > cashless 1 13 07"]),
        (
            ["1 > 12 12", "1.1 < 1B 01 1C", "1.2 > 00"],
            ["1.1000 cashless 1 > VMC 1B 01"],
        ),
        (
            ["1 > 12 13", "2 > 12 12"],
            ["1.0000 ================== BUS FAULT checksum 13, expected 12 1213"],
        ),
        (["1 > BREAK"], ["1.0000 ================== BUS RESET"]),
    ],
)
def test_what_is_not_decoded_is_told_in_bytes(story: list[str], told: list[str]) -> None:
    assert words(*story) == told


@pytest.mark.parametrize(
    ("concluded", "told"),
    [
        (
            event.Sale(
                *(9.0, 0x10, "0001", Kind.PAID, 12510, "RUB", (Tender("cash", 12510),)),
                Confidence.PRESUMED,
            ),
            "SALE  item 0001  125.10 RUB  cash  paid  presumed",
        ),
        (
            event.Sale(9.0, 0x10, None, Kind.FREE, 0, "RUB", ()),
            "SALE  item unknown  0.00 RUB  nobody paid  free  confirmed",
        ),
        (
            event.Return(9.0, 0x10, "0001", 50, "EUR", (Tender("cashless-1", 50),)),
            "RETURN  item 0001  0.50 EUR  cashless-1  confirmed",
        ),
    ],
)
def test_a_conclusion_stands_out(concluded: Event, told: str) -> None:
    (line,) = lines(Heard(None, (), (concluded,)), colour=False)
    assert line == f"{9:12.4f}  {'=' * 18}  {told}"
    (coloured,) = lines(Heard(None, (), (concluded,)), colour=True)
    assert coloured == f"\x1b[1;32m{line}\x1b[0m"


def test_colour_changes_no_words() -> None:
    story = ["1 > 13 02 00 0A 1F", "1.5 > 13 04 17", "1.6 < 07 07", "1.7 > 00", "2 > 12 13"]
    plain = tell(*story)
    coloured = tell(*story, colour=True)
    assert [line.split("m", 1)[-1].removesuffix("\x1b[0m") for line in coloured if "\x1b" in line]
    assert len(plain) == len(coloured)
    for bare, line in zip(plain, coloured, strict=True):
        assert bare in line

from datetime import date

import pytest
from stall import GTIN

from cloud.books import values


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (values.name, "кофе-1", "кофе-1"),
        (values.machine_id, "vm-000123", "vm-000123"),
        (values.printed(243), " г.  Москва \n", "г. Москва"),
        (values.inn, "7708806062", "7708806062"),
        (values.gtin, GTIN[1:], GTIN),
        (values.gtin, GTIN, GTIN),
        (values.email, "a@b.example", "a@b.example"),
        (values.slot, "1", "0001"),
        (values.slot, "0x1A", "001a"),
        (values.slot, "12", "0012"),
        (values.slot, "FFFF", "ffff"),
        (values.day, "2026-11-23", date(2026, 11, 23)),
        (values.day, "3.1.2026", date(2026, 1, 3)),
        (values.timezone, "Asia/Yekaterinburg", "Asia/Yekaterinburg"),
        (values.hours, "1,5", 1.5),
        (values.yes_no, "Да", True),
        (values.yes_no, "no", False),
        (values.vat, "10 %", "10"),
        (values.vat, "НДС 10%", "10"),
        (values.vat, "без НДС", "none"),
        (values.vat, "22%", "standard"),
        (values.dropped(values.slot), "none", None),
        (values.optional(values.email), " ", ""),
    ],
)
def test_a_text_becomes_its_value(read: values.Read, text: str, value: object) -> None:
    told = read(text)
    assert told == value
    assert type(told) is type(value)


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (values.name, "a b", "'a b' is no name; expected letters"),
        (values.name, "x" * 65, "at most 64"),
        (values.machine_id, "автомат", "is no machine's id; expected Latin letters"),
        (values.printed(5), "длинно", "has 6 characters on the receipt; expected at most 5"),
        (values.printed(2), "…", "has 3 characters on the receipt; expected at most 2"),
        (values.printed(9), "😀", "has no letter that a register prints"),
        (values.inn, "7708806063", "'7708806063' is no INN; expected 10 or 12 digits"),
        (values.gtin, "04600439931255", "is no GTIN; expected the 8, 12, 13 or 14 digits"),
        (values.gtin, "4,6E+12", "is no GTIN"),
        (values.email, "nobody", "is no address of e-mail"),
        (values.slot, "00001", "is no slot; expected up to four hex digits"),
        (values.slot, "g", "is no slot"),
        (values.day, "30.02.2026", "is no day; expected such as 2026-11-23 or 23.11.2026"),
        (values.day, "20261123", "is no day"),
        (values.timezone, "МСК", "is no time zone; expected its name, such as Europe/Moscow"),
        (values.hours, "0", "is no number of hours"),
        (values.hours, "nan", "is no number of hours"),
        (values.yes_no, "maybe", "is no answer; expected yes or no"),
        (values.vat, "18", "'18' is no rate of VAT; expected one of none, 0, 5, 7, 10, standard"),
        (values.vat, "20%", "standard is 20 % until 2025 and 22 % from 2026 on"),
    ],
)
def test_a_text_that_is_none_says_what_was_expected(
    read: values.Read, text: str, said: str
) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011, its words are looked at
        read(text)
    assert said in str(error.value)


def test_a_zero_that_a_spreadsheet_dropped_is_put_back_where_the_checksum_says_so() -> None:
    assert values.inn("105123458") == "0105123458"
    with pytest.raises(ValueError, match="no INN"):
        values.inn("105123457")

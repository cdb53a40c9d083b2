"""What a reader's money is: its width as agreed on, heard or inferred, and whose currency it is."""

from collections.abc import Callable, Sequence

import pytest
from dialogue import ask, line

from mdb.context import Context
from mdb.event import Event, Kind, Return, Revalue, Sale, Tender
from mdb.scaling import Scaling

Hear = Callable[..., list[Event]]
EUR = Scaling(1, 2, "EUR", "1978")
AGREED = {0x10: Context(3, 3, EUR, options=0b110, expanded=True)}
NARROW = {0x10: Context(3, 3, EUR, expanded=False)}
MISSED = {0x10: Context(3, 3, EUR)}


def sales(events: Sequence[Event]) -> list[tuple[str | None, str, int | None, str | None]]:
    return [
        (each.item, each.kind.value, each.amount, each.currency)
        for each in events
        if isinstance(each, Sale)
    ]


CONFIG = ask("11 00 03 10 01 01", "01 03 1978 01 02 07 09")
OPTIONS, RESET, JUST_RESET = ask("17 04 00000006"), ask("10"), ask("12", "00")
MUTE_OPTIONS = line(">", "17 04 00000006")
PLAIN_OPTIONS = ask("17 04 00000020")
MULTI_CURRENCY_ONLY, WIDE_ONLY = ask("17 04 00000004"), ask("17 04 00000002")
REQUEST, WIDE_REQUEST = ask("13 00 0096 000A"), ask("13 00 00000096 000A")
APPROVED, WIDE_APPROVED = ask("12", "05 0096"), ask("12", "05 00000096")
SUCCESS = ask("13 02 000A")
VEND, WIDE_VEND = REQUEST + APPROVED + SUCCESS, WIDE_REQUEST + WIDE_APPROVED + SUCCESS
APPROVED_ONLY, WIDE_APPROVED_ONLY = APPROVED + SUCCESS, WIDE_APPROVED + SUCCESS
PAID, UNREAD = ("000a", "paid", 150, "EUR"), ("000a", "paid", None, "EUR")

WIDTHS = {
    "narrow": (CONFIG + VEND, [PAID]),
    "wide as agreed on": (CONFIG + OPTIONS + WIDE_VEND, [PAID]),
    "wide money only": (CONFIG + WIDE_ONLY + WIDE_APPROVED_ONLY, [PAID]),
    "several currencies only": (CONFIG + MULTI_CURRENCY_ONLY + WIDE_APPROVED_ONLY, [PAID]),
    "other options": (CONFIG + PLAIN_OPTIONS + APPROVED_ONLY, [PAID]),
    "agreed on, but not acknowledged, and the VMC goes on": (
        CONFIG + MUTE_OPTIONS + ask("14 01") + WIDE_APPROVED_ONLY,
        [PAID],
    ),
    "agreed on, and the width left by a RESET": (
        CONFIG + OPTIONS + WIDE_VEND + RESET + JUST_RESET + APPROVED_ONLY,
        [PAID, PAID],
    ),
    "left by JUST RESET": (CONFIG + OPTIONS + WIDE_VEND + JUST_RESET + APPROVED_ONLY, [PAID, PAID]),
    "left by a break": (
        CONFIG + OPTIONS + WIDE_VEND + "> BREAK \n" + APPROVED_ONLY,
        [PAID, PAID],
    ),
    "left by a RESET nobody answered": (
        CONFIG + OPTIONS + WIDE_VEND + line(">", "10") + APPROVED_ONLY,
        [PAID, PAID],
    ),
    "left, and agreed on again": (
        CONFIG + OPTIONS + RESET + JUST_RESET + CONFIG + OPTIONS + WIDE_APPROVED_ONLY,
        [PAID],
    ),
    "switched off": (CONFIG + OPTIONS + PLAIN_OPTIONS + APPROVED_ONLY, [PAID]),
    "in expanded mode, narrow money is not believed": (CONFIG + OPTIONS + APPROVED_ONLY, [UNREAD]),
    "outside of it, wide money is not believed": (
        CONFIG + PLAIN_OPTIONS + WIDE_APPROVED_ONLY,
        [UNREAD],
    ),
}


@pytest.mark.parametrize(("story", "expected"), WIDTHS.values(), ids=WIDTHS)
def test_the_width_of_money_is_agreed_on_and_left_again(
    hear: Hear, story: str, expected: list[object]
) -> None:
    assert sales(hear(story)) == expected


INFERRED = {
    "by the request": (WIDE_VEND, [PAID]),
    "by the approval": (WIDE_APPROVED_ONLY, [PAID]),
    "by a narrow approval": (APPROVED_ONLY, [PAID]),
    "by the prices": (
        ask("11 01 00000541 00000032 1978") + WIDE_APPROVED_ONLY,
        [PAID],
    ),
    "by a revaluation": (ask("15 00 000001F4", "0D") + WIDE_APPROVED_ONLY, [PAID]),
    "by a cash sale": (
        ask("13 05 00000096 000A 1978") + ask("12") * 10 + WIDE_APPROVED_ONLY,
        [PAID, PAID],
    ),
    "by the session": (
        ask("12", "03 000001F4 00000001 00 0000 656E FFFF 00") + WIDE_APPROVED_ONLY,
        [PAID],
    ),
    "by the request, of what either width makes sense": (
        ask("13 00 0000FFFF 000A") + ask("12", "05 0000FFFF") + SUCCESS,
        [("000a", "paid", 65535, "EUR")],
    ),
    "of what either width makes sense, and nothing else was heard": (
        ask("12", "05 0000FFFF") + SUCCESS,
        [UNREAD],
    ),
}


@pytest.mark.parametrize(("story", "expected"), INFERRED.values(), ids=INFERRED)
def test_where_the_agreement_was_missed_a_length_tells_the_width(
    hear: Hear, story: str, expected: list[object]
) -> None:
    assert sales(hear(story, MISSED)) == expected


@pytest.mark.parametrize("story", [WIDE_VEND, ask("15 00 000001F4", "0D") + WIDE_APPROVED_ONLY])
def test_a_length_is_better_evidence_than_what_was_remembered(hear: Hear, story: str) -> None:
    assert sales(hear(story, NARROW)) == [PAID]


@pytest.mark.parametrize("story", [VEND, ask("13 05 0096 000A") + ask("12")])
def test_a_narrow_length_is_better_evidence_too(hear: Hear, story: str) -> None:
    assert sales(hear(story, AGREED)) == [PAID]


TOKENS = {
    "narrow": (NARROW, "05 FFFF", Kind.TOKEN, None),
    "wide": (AGREED, "05 FFFFFFFF", Kind.TOKEN, None),
    "wide, and 65535 is money": (AGREED, "05 0000FFFF", Kind.PAID, 65535),
}


@pytest.mark.parametrize(("known", "approved", "kind", "amount"), TOKENS.values(), ids=TOKENS)
def test_a_token_is_all_ones_of_the_width(
    hear: Hear, known: dict[int, Context], approved: str, kind: Kind, amount: int | None
) -> None:
    (sale,) = [
        each for each in hear(ask("12", approved) + SUCCESS, known) if isinstance(each, Sale)
    ]
    assert (sale.kind, sale.amount, sale.tenders) == (kind, amount, (Tender("cashless-1", amount),))


@pytest.mark.parametrize("gone", [RESET + JUST_RESET, JUST_RESET, "> BREAK \n"])
def test_a_token_that_a_reset_makes_a_presumed_sale_is_still_a_token(hear: Hear, gone: str) -> None:
    (sale,) = [
        each for each in hear(ask("12", "05 FFFFFFFF") + gone, AGREED) if isinstance(each, Sale)
    ]
    assert (sale.kind, sale.amount) == (Kind.TOKEN, None)


def begin(currency: str, media: str = "00") -> str:
    return ask("12", f"03 000001F4 00000001 {media} 0000 656E {currency} 00")


COMPLETE = ask("13 04", "07")
CURRENCIES = {
    "the session's": (begin("1643"), "RUB", 150, "1643"),
    "none told": (begin("FFFF"), "EUR", 150, "1978"),
    "without decimals": (begin("1392"), "JPY", None, "1392"),
    "a telephone code": (begin("0007"), None, 150, "0007"),
    "no BCD": (begin("1E39"), None, 150, "1e39"),
    "an unknown one": (begin("1000"), None, 150, "1000"),
}


@pytest.mark.parametrize(
    ("session", "currency", "amount", "code"), CURRENCIES.values(), ids=CURRENCIES
)
def test_in_expanded_mode_the_session_s_currency_wins_for_that_session(
    hear: Hear, session: str, currency: str | None, amount: int | None, code: str
) -> None:
    heard = hear(session + WIDE_VEND + WIDE_VEND + COMPLETE + WIDE_VEND, AGREED)
    first, second, after = (each for each in heard if isinstance(each, Sale))
    for sale in (first, second):
        assert (sale.currency, sale.amount, sale.raw["currency"]) == (currency, amount, code)
        assert sale.raw["approved"] == 150
    assert (after.currency, after.amount, after.raw["currency"]) == ("EUR", 150, "1978")


@pytest.mark.parametrize("end", [RESET + JUST_RESET, JUST_RESET, "> BREAK \n"])
def test_a_reset_ends_the_session_s_currency(hear: Hear, end: str) -> None:
    heard = hear(begin("1643") + end + VEND, AGREED)
    assert sales(heard) == [PAID]


def test_a_presumed_sale_has_the_session_s_currency(hear: Hear) -> None:
    heard = hear(begin("1643") + WIDE_REQUEST + WIDE_APPROVED + RESET, AGREED)
    assert sales(heard) == [("000a", "paid", 150, "RUB")]


def test_another_session_has_its_own_currency(hear: Hear) -> None:
    heard = hear(begin("1643") + COMPLETE + begin("FFFF") + WIDE_VEND, AGREED)
    assert sales(heard) == [PAID]
    lost_end = hear(begin("1643") + begin("1756") + WIDE_VEND, AGREED)
    assert sales(lost_end) == [("000a", "paid", 150, "CHF")]


def test_what_is_loaded_and_given_back_has_the_session_s_currency(hear: Hear) -> None:
    heard = hear(
        begin("1643")
        + ask("15 00 000001F4", "0D")
        + ask("13 06 00000096 000A")
        + WIDE_APPROVED
        + SUCCESS,
        AGREED,
    )
    (loaded,) = [each for each in heard if isinstance(each, Revalue)]
    (back,) = [each for each in heard if isinstance(each, Return)]
    assert (loaded.amount, loaded.currency) == (500, "RUB")
    assert (back.amount, back.currency) == (150, "RUB")


CASH = {
    "its own currency": ("13 05 00000096 000A 1643", "RUB", 150, "1643"),
    "none": ("13 05 00000096 000A FFFF", "EUR", 150, "1978"),
    "a telephone code": ("13 05 00000096 000A 0049", None, 150, "0049"),
    "narrow": ("13 05 0096 000A", "EUR", 150, "1978"),
}


@pytest.mark.parametrize(("told", "currency", "amount", "code"), CASH.values(), ids=CASH)
def test_a_cash_sale_has_its_own_currency_whatever_the_session_s(
    hear: Hear, told: str, currency: str | None, amount: int, code: str
) -> None:
    for session in ("", begin("1756")):
        heard = hear(session + ask(told) + ask("12"), AGREED)
        (sale,) = [each for each in heard if isinstance(each, Sale)]
        assert (sale.currency, sale.amount, sale.raw["currency"]) == (currency, amount, code)
        assert sale.tenders == (Tender("cash", amount),)


@pytest.mark.parametrize(
    ("code", "scale", "decimals", "amount"),
    [
        ("0007", "0A", "02", 1500),
        ("FFFF", "0A", "02", 1500),
        ("1E39", "01", "01", 1500),
        ("0049", "01", "00", 15000),
        ("0049", "01", "03", 15),
    ],
)
def test_where_no_currency_is_told_the_amount_has_two_decimals(
    hear: Hear, code: str, scale: str, decimals: str, amount: int
) -> None:
    config = ask("11 00 03 10 01 01", f"01 03 {code} {scale} {decimals} 07 09")
    (sale,) = [each for each in hear(config + VEND) if isinstance(each, Sale)]
    assert (sale.currency, sale.amount, sale.raw["currency"]) == (None, amount, code.lower())


@pytest.mark.parametrize(
    ("media", "kind"), [("80", "free"), ("C0", "free"), ("40", "test"), ("3F", "paid")]
)
def test_in_expanded_mode_media_are_free_or_for_tests_until_the_session_ends(
    hear: Hear, media: str, kind: str
) -> None:
    heard = hear(begin("1643", media) + WIDE_VEND + COMPLETE + WIDE_VEND, AGREED)
    assert [each.kind.value for each in heard if isinstance(each, Sale)] == [kind, "paid"]


@pytest.mark.parametrize("gone", [RESET, JUST_RESET, "> BREAK \n"])
def test_a_free_vend_that_a_reset_cut_short_is_a_free_one_presumed(hear: Hear, gone: str) -> None:
    heard = hear(begin("1643", "80") + WIDE_REQUEST + WIDE_APPROVED + gone, AGREED)
    (sale,) = [each for each in heard if isinstance(each, Sale)]
    assert (sale.kind, sale.amount, sale.tenders, sale.confidence.value) == (
        Kind.FREE,
        0,
        (),
        "presumed",
    )


@pytest.mark.parametrize(
    ("flag", "kind"), [("8", "free"), ("4", "test"), ("1", "token"), ("0", "paid")]
)
def test_a_wide_cash_sale_has_the_same_flags(hear: Hear, flag: str, kind: str) -> None:
    (sale,) = [
        each
        for each in hear(ask(f"13 05 00000096 {flag}00A 1978"), AGREED)
        if isinstance(each, Sale)
    ]
    assert (sale.item, sale.kind.value) == ("000a", kind)
    assert sale.amount == {"paid": 150, "token": None}.get(kind, 0)


def test_what_mdb_4_3_adds_is_kept_in_raw(hear: Hear) -> None:
    options = ask("17 04 00000060")
    heard = hear(CONFIG + options + REQUEST + APPROVED + ask("13 02 000A 000B 01"))
    (sale,) = [each for each in heard if isinstance(each, Sale)]
    assert (sale.item, sale.amount, sale.raw["tail"]) == ("000a", 150, "000b01")
    heard = hear(CONFIG + options + ask("13 05 0096 000A 80") + ask("12"))
    (sale,) = [each for each in heard if isinstance(each, Sale)]
    assert (sale.item, sale.amount, sale.raw["tail"]) == ("000a", 150, "80")


@pytest.mark.parametrize("known", [AGREED, NARROW, MISSED])
@pytest.mark.parametrize(
    "told", ["13 05 00000096 000A 1643", "13 05 0096 000A", "13 00 00000096 000A"]
)
def test_a_lost_or_doubled_zero_makes_no_other_amount(
    hear: Hear, told: str, known: dict[int, Context]
) -> None:
    data = bytes.fromhex(told)
    for at in (at for at, value in enumerate(data) if value == 0 and at > 1):
        for damaged in (data[:at] + data[at + 1 :], data[:at] + b"\0" + data[at:]):
            for event in hear(ask(damaged.hex()) + ask("12"), known):
                assert not isinstance(event, Return), damaged.hex()
                assert not isinstance(event, Sale) or event.amount is None, damaged.hex()
                assert event.name != "vend_requested", damaged.hex()

"""What a reader's conversation concludes, with the standard's own frames (1.50 EUR, item 10)."""

from collections.abc import Callable, Sequence

import pytest

from mdb.context import Context
from mdb.event import Confidence, Event, Kind, Return, Revalue, Sale, Tender
from mdb.scaling import Scaling

EUR = {0x10: Context(3, 1, Scaling(1, 2, "EUR")), 0x60: Context(3, 1, Scaling(1, 2, "EUR"))}

Hear = Callable[..., list[Event]]

BEGIN = "> 12 12 \n < 03 01F4 F8 \n > 00 \n"
REQUEST = "> 13 00 0096 000A B3 \n < 00 \n"
APPROVED = "> 12 12 \n < 05 0096 9B \n > 00 \n"
SUCCESS = "> 13 02 000A 1F \n < 00 \n"
FAILURE = "> 13 03 16 \n < 00 \n"
POLL = "> 12 12 \n < 00 \n"
COMPLETE = "> 13 04 17 \n < 07 07 \n > 00 \n"
RESET = "> 10 10 \n < 00 \n"
JUST_RESET = "> 12 12 \n < 00 00 \n > 00 \n"
CASH = "> 13 05 0096 000A B8 \n < 00 \n"
MUTE_SUCCESS = "> 13 02 000A 1F \n"
MUTE_CASH = "> 13 05 0096 000A B8 \n"


def sales(events: Sequence[Event]) -> list[tuple[str | None, str, int | None, str]]:
    return [
        (each.item, each.kind.value, each.amount, each.confidence.value)
        for each in events
        if isinstance(each, Sale)
    ]


def names(events: Sequence[Event]) -> list[str]:
    return [each.name for each in events]


PAID = ("000a", "paid", 150, "confirmed")
PRESUMED = ("000a", "paid", 150, "presumed")
UNHEARD = ("000a", "paid", None, "confirmed")

SALES = {
    "a single vend": (BEGIN + REQUEST + APPROVED + SUCCESS + COMPLETE, [PAID]),
    "what the reader approved is charged, not what was asked": (
        REQUEST + "> 12 12 \n < 05 0082 87 \n > 00 \n" + SUCCESS,
        [("000a", "paid", 130, "confirmed")],
    ),
    "an item of FFFF is the request's": (
        REQUEST + APPROVED + "> 13 02 FFFF 13 \n < 00",
        [PAID],
    ),
    "another item wins over the request's": (
        REQUEST + APPROVED + "> 13 02 000B 20 \n < 00",
        [("000b", "paid", 150, "confirmed")],
    ),
    "an item nobody named": ("> 13 02 FFFF 13 \n < 00", [(None, "paid", None, "confirmed")]),
    "a price of zero is paid with nothing": (
        "> 13 00 0000 000A 1D \n < 00 \n > 12 12 \n < 05 0000 05 \n > 00 \n" + SUCCESS,
        [("000a", "paid", 0, "confirmed")],
    ),
    "we joined after the approval": (SUCCESS + COMPLETE, [UNHEARD]),
    "we missed the approval": (REQUEST + SUCCESS, [UNHEARD]),
    "a success nobody acknowledged, and the VMC goes on": (
        REQUEST + APPROVED + MUTE_SUCCESS + COMPLETE,
        [PAID],
    ),
    "a success nobody acknowledged, said again": (
        REQUEST + APPROVED + MUTE_SUCCESS + POLL + SUCCESS + COMPLETE,
        [PAID],
    ),
    "a success said again at once": (REQUEST + APPROVED + SUCCESS + SUCCESS + COMPLETE, [PAID]),
    "a success said again, its second ACK unheard": (
        REQUEST + APPROVED + SUCCESS + MUTE_SUCCESS + COMPLETE,
        [PAID],
    ),
    "a success said again after a POLL": (
        REQUEST + APPROVED + SUCCESS + POLL + SUCCESS + COMPLETE,
        [PAID],
    ),
    "a success said again after a RESET": (
        REQUEST + APPROVED + SUCCESS + RESET + JUST_RESET + "> 14 01 15 \n < 00 \n" + SUCCESS,
        [PAID],
    ),
    "a success of another item behind a RESET": (
        REQUEST + APPROVED + SUCCESS + RESET + JUST_RESET + "> 13 02 000B 20 \n < 00 \n" * 2,
        [PAID, ("000b", "paid", None, "confirmed")],
    ),
    "a sale that is presumed, and a success that names another item": (
        REQUEST + APPROVED + RESET + JUST_RESET + "> 13 02 000B 20 \n < 00 \n",
        [PRESUMED],
    ),
    "a sale, another that is presumed, and its success after all": (
        (REQUEST + APPROVED + "> 13 02 000B 20 \n < 00 \n" + COMPLETE)
        + (REQUEST + APPROVED + RESET + JUST_RESET + SUCCESS),
        [("000b", "paid", PAID[2], "confirmed"), PRESUMED],
    ),
    "a success of another item, of which nothing else was heard": (
        REQUEST + APPROVED + SUCCESS + POLL + ("> 13 02 000B 20 \n < 00 \n" + POLL) * 2 + SUCCESS,
        [PAID, ("000b", "paid", None, "confirmed"), UNHEARD],
    ),
    "a success said again without its item": (
        REQUEST + APPROVED + SUCCESS + POLL + "> 13 02 FFFF 13 \n < 00 \n",
        [PAID],
    ),
    "what is loaded is not what the next vend costs": (
        "> 15 00 01F4 0A \n < 00 \n" + SUCCESS,
        [UNHEARD],
    ),
    "a success nobody acknowledged, and a RESET": (
        REQUEST + APPROVED + MUTE_SUCCESS + RESET,
        [PRESUMED],
    ),
    "a success nobody acknowledged, and the capture ends": (
        REQUEST + APPROVED + MUTE_SUCCESS,
        [],
    ),
    "a reset between approval and success": (REQUEST + APPROVED + RESET + JUST_RESET, [PRESUMED]),
    "a RESET nobody answers": (REQUEST + APPROVED + "> 10 10 \n" * 3, [PRESUMED]),
    "a break between approval and success": (
        REQUEST + APPROVED + "> BREAK \n" + RESET,
        [PRESUMED],
    ),
    "the reader resets itself, then comes the success": (
        REQUEST + APPROVED + JUST_RESET + SUCCESS + POLL + SUCCESS,
        [PRESUMED],
    ),
    "a reset after the success": (REQUEST + APPROVED + SUCCESS + RESET + JUST_RESET, [PAID]),
    "an approval the VMC never took, and a RESET": (
        REQUEST + "> 12 12 \n < 05 0096 9B \n" * 3 + RESET,
        [],
    ),
    "failed": (REQUEST + APPROVED + FAILURE + POLL + COMPLETE, []),
    "two equal vends in one session": ((REQUEST + APPROVED + SUCCESS) * 2 + COMPLETE, [PAID] * 2),
    "a request said twice is one": (REQUEST + REQUEST + APPROVED + SUCCESS, [PAID]),
    "disabled in the middle": (
        REQUEST + APPROVED + "> 14 00 14 \n < 00 \n" + SUCCESS + COMPLETE,
        [PAID],
    ),
    "thanks on the display and the approval in one answer": (
        "> 11 00 01 04 01 00 17 \n < 00 \n"
        + REQUEST
        + "> 12 12 \n < 02 32 48656C6F 05 0096 57 \n > 00 \n"
        + SUCCESS,
        [PAID],
    ),
    "cash": (CASH, [PAID]),
    "cash told again at once": (CASH + CASH, [PAID]),
    "cash told again after a POLL is another sale": (CASH + POLL + CASH, [PAID, PAID]),
    "cash nobody acknowledged, then acknowledged": (MUTE_CASH + POLL + CASH, [PAID]),
    "cash nobody acknowledged, and the VMC goes on": (MUTE_CASH + POLL + COMPLETE, [PRESUMED]),
    "cash nobody acknowledged, and the VMC gives up": (MUTE_CASH + POLL + RESET, [PRESUMED]),
    "cash nobody acknowledged, and a break": (MUTE_CASH + "> BREAK", [PRESUMED]),
    "cash for an item nobody named is no flag": (
        "> 13 05 0096 FFFF AC \n < 00",
        [(None, "paid", 150, "confirmed")],
    ),
    "a free vend": ("> 13 05 0096 800A 38 \n < 00", [("000a", "free", 0, "confirmed")]),
    "a test vend": ("> 13 05 0096 400A F8 \n < 00", [("000a", "test", 0, "confirmed")]),
    "a token in the coin slot": (
        "> 13 05 0096 100A C8 \n < 00",
        [("000a", "token", None, "confirmed")],
    ),
}


@pytest.mark.parametrize(("story", "expected"), SALES.values(), ids=SALES)
def test_what_was_sold(hear: Hear, story: str, expected: list[tuple[object, ...]]) -> None:
    assert sales(hear(story, EUR)) == expected


@pytest.mark.parametrize(("story", "expected"), SALES.values(), ids=SALES)
def test_a_story_is_told_without_a_fault(hear: Hear, story: str, expected: list[object]) -> None:
    assert "bus_fault" not in names(hear(story, EUR))
    assert len(sales(hear(story))) == len(expected)  # what was sold does not hang on the scaling


EVENTS = {
    "denied": (
        REQUEST + "> 12 12 \n < 06 06 \n > 00",
        ["vend_requested", "vend_denied"],
    ),
    "cancelled": (
        REQUEST + "> 13 01 14 \n < 00 \n > 12 12 \n < 06 06 \n > 00",
        ["vend_requested", "vend_cancelled"],
    ),
    "cancelled, the ACK unheard": (
        REQUEST + "> 13 01 14 \n > 12 12 \n < 06 06 \n > 00",
        ["vend_requested", "vend_cancelled"],
    ),
    "failed": (REQUEST + APPROVED + FAILURE, ["vend_requested", "vend_approved", "vend_failed"]),
    "failed, the VMC waited too long": (REQUEST + FAILURE, ["vend_requested", "vend_failed"]),
    "the refund failed": (
        APPROVED + FAILURE + "> 12 12 \n < 0A C0 CA \n > 00",
        ["vend_approved", "vend_failed", "reader_malfunction"],
    ),
    "the session ends without a word": (
        APPROVED + COMPLETE,
        ["vend_approved", "vend_uncertain", "session_ended"],
    ),
    "a new request without a word": (
        REQUEST + APPROVED + REQUEST,
        ["vend_requested", "vend_approved", "vend_uncertain", "vend_requested"],
    ),
    "a request nobody acknowledged, and its answer": (
        "> 13 00 0096 000A B3 \n" + APPROVED + SUCCESS,
        ["vend_requested", "vend_approved", "sale"],
    ),
    "goods come back": (
        "> 13 06 0096 000A B9 \n < 00 \n" + APPROVED + SUCCESS,
        ["return"],
    ),
    "goods come back, an ACK unheard": (
        "> 13 06 0096 000A B9 \n" + APPROVED + SUCCESS,
        ["return"],
    ),
    "media are loaded": ("> 15 00 01F4 0A \n < 0D 0D \n > 00", ["revalue"]),
    "media are loaded, an ACK unheard": (
        "> 15 00 01F4 0A \n > 12 12 \n < 0D 0D \n > 00",
        ["revalue"],
    ),
    "media are not loaded": ("> 15 00 01F4 0A \n < 0E 0E \n > 00", []),
    "the reader starts anew": (RESET + JUST_RESET, ["peripheral_reset"]),
    "a session": (BEGIN + BEGIN + COMPLETE, ["session_began", "session_ended"]),
}


@pytest.mark.parametrize(("story", "expected"), EVENTS.values(), ids=EVENTS)
def test_what_else_happened(hear: Hear, story: str, expected: list[str]) -> None:
    assert names(hear(story, EUR)) == expected


def test_a_sale_says_everything(hear: Hear) -> None:
    (sale,) = [each for each in hear(REQUEST + APPROVED + SUCCESS, EUR) if each.name == "sale"]
    raw = {
        "price": 150,
        "approved": 150,
        "item": "000a",
        "scale": 1,
        "decimals": 2,
        "currency": None,
    }
    tenders = (Tender("cashless-1", 150),)
    assert sale == Sale(
        *(0.5, 0x10, "000a", Kind.PAID, 150, "EUR", tenders, Confidence.CONFIRMED, raw)
    )


def test_a_token_has_a_tender_without_an_amount(hear: Hear) -> None:
    token = "> 12 12 \n < 05 FFFF 03 \n > 00 \n"
    (sale,) = [each for each in hear(REQUEST + token + SUCCESS, EUR) if isinstance(each, Sale)]
    assert (sale.kind, sale.amount, sale.tenders) == (
        Kind.TOKEN,
        None,
        (Tender("cashless-1", None),),
    )
    assert sale.raw["price"] == 150


@pytest.mark.parametrize(("media", "kind"), [("80 0000 79", Kind.FREE), ("40 0000 39", Kind.TEST)])
def test_the_media_make_a_vend_free_until_the_session_ends(
    hear: Hear, media: str, kind: Kind
) -> None:
    known = {0x10: Context(3, 3, Scaling(1, 2, "EUR"))}
    begin = f"> 12 12 \n < 03 01F4 00000001 {media} \n > 00 \n > 14 01 15 \n < 00 \n"
    vend = REQUEST + APPROVED + SUCCESS
    heard = hear(begin + vend + COMPLETE + vend, known)
    first, second = (each for each in heard if isinstance(each, Sale))
    assert (first.kind, first.amount, first.tenders, first.raw["price"]) == (kind, 0, (), 150)
    assert (second.kind, second.amount) == (Kind.PAID, 150)


def test_a_negative_cash_sale_is_a_return(hear: Hear) -> None:
    (back,) = hear("> 13 05 0096 200A D8 \n < 00", EUR)
    assert isinstance(back, Return)
    assert (back.item, back.amount, back.tenders) == ("000a", 150, (Tender("cash", 150),))


def test_a_return_whose_approval_was_missed_has_no_amount(hear: Hear) -> None:
    (back,) = hear("> 13 06 0096 000A B9 \n < 00 \n" + SUCCESS, EUR)
    assert isinstance(back, Return)
    assert (back.item, back.amount, back.raw["price"]) == ("000a", None, 150)


def test_loaded_money_is_no_sale(hear: Hear) -> None:
    (loaded,) = hear("> 15 00 01F4 0A \n < 0D 0D \n > 00", EUR)
    assert isinstance(loaded, Revalue)
    assert (loaded.amount, loaded.currency) == (500, "EUR")


def test_without_the_scaling_the_bus_s_numbers_are_kept(hear: Hear) -> None:
    (sale,) = [each for each in hear(REQUEST + APPROVED + SUCCESS) if isinstance(each, Sale)]
    assert (sale.amount, sale.currency, sale.raw["approved"]) == (None, None, 150)


@pytest.mark.parametrize(
    ("config", "currency", "amount"),
    [
        ("01 01 1643 0A 02 07 09 77", "RUB", 1500),
        ("01 01 1810 0A 02 07 09 46", "RUB", 1500),
        ("01 01 0007 0A 02 07 09 25", None, 1500),  # a telephone code
        ("01 01 1E39 0A 02 07 09 75", None, 1500),  # no BCD
        ("01 01 1643 01 03 07 09 6F", "RUB", 15),
        ("01 01 1392 01 00 07 09 B8", "JPY", 150),
    ],
)
def test_the_reader_s_setup_makes_the_money_known(
    hear: Hear, config: str, currency: str | None, amount: int
) -> None:
    setup = f"> 11 00 03 10 01 01 26 \n < {config} \n > 00 \n"
    *_, sale = hear(setup + REQUEST + APPROVED + SUCCESS)
    assert (sale.name, sale.currency, sale.amount) == ("sale", currency, amount)


def test_cashless_2_is_paid_by_cashless_2(hear: Hear) -> None:
    story = (
        "> 63 00 0096 000A 03 \n < 00 \n > 62 62 \n < 05 0096 9B \n > 00 \n > 63 02 000A 6F \n < 00"
    )
    *_, sale = hear(story, EUR)
    assert (sale.address, sale.tenders) == (0x60, (Tender("cashless-2", 150),))

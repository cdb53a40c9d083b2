"""What a VMC reports to a communications gateway, and what of it is a sale."""

from collections.abc import Callable, Sequence

import pytest
from dialogue import ask, line

from mdb.context import Context
from mdb.event import Confidence, Event, Kind, Return, Sale, Tender, TransactionReported
from mdb.exchange import Exchange, Fate
from mdb.gateway_reports import GatewayReports, as_vend
from mdb.scaling import Scaling

Hear = Callable[..., list[Event]]
KNOWN = Context(scaling=Scaling(10, 2, "EUR", "1978"))
EUR = Context(3, 3, Scaling(10, 2, "EUR"))
FIELDS = (
    *("price", "to_tubes", "to_cashbox", "bills", "cashless_1", "cashless_2"),
    *("revalued_1", "revalued_2", "cash_out", "discount", "surcharge"),
)


def report(kind: int = 1, item: int = 10, **units: int) -> bytes:
    money = b"".join(units.get(each, 0).to_bytes(2, "big") for each in FIELDS)
    head = bytes([0x1B, 0x01, kind]) + item.to_bytes(2, "big")
    return head + money + bytes.fromhex("0001 20261125 1530")


def said(command: bytes | str, reply: str | None = None, fate: Fate = Fate.HEARD) -> Exchange:
    data = bytes.fromhex(command) if isinstance(command, str) else command
    told = None if reply is None else bytes.fromhex(reply)
    return Exchange(0x18, data, 1.0, told, 1.1, fate)


def conclude(
    command: bytes, known: Context = KNOWN, fate: Fate = Fate.HEARD
) -> TransactionReported:
    _, (told,) = GatewayReports(known).feed(said(command, fate=fate))
    assert isinstance(told, TransactionReported)
    return told


def test_money_without_cents_is_told_by_another_peripheral_s_currency() -> None:
    known = Context(scaling=Scaling(100, 0, None))
    exchange = Exchange(0x18, report(price=15, cashless_1=15), 1.0)
    (told,) = GatewayReports(known).feed(exchange, "VND")[1]
    assert isinstance(told, TransactionReported)
    assert (told.amount, told.currency) == (1500, "VND")


CASH, FIRST, SECOND = "cash", "cashless-1", "cashless-2"
TENDERS: dict[str, tuple[bytes, int, list[tuple[str, int]]]] = {
    "coins and change": (
        report(price=15, to_tubes=10, to_cashbox=10, cash_out=5),
        150,
        [(CASH, 150)],
    ),
    "a bill and no change": (report(price=15, bills=20), 150, [(CASH, 150)]),
    "credit that was there before": (report(price=15, to_tubes=5), 150, [(CASH, 150)]),
    "a card": (report(price=15, cashless_1=15), 150, [(FIRST, 150)]),
    "the other reader's card": (report(price=15, cashless_2=15), 150, [(SECOND, 150)]),
    "a card and cash": (report(price=15, cashless_1=5, bills=10), 150, [(FIRST, 50), (CASH, 100)]),
    "two cards": (report(price=15, cashless_1=5, cashless_2=10), 150, [(FIRST, 50), (SECOND, 100)]),
    "a discount": (report(price=15, discount=5, cashless_1=10), 100, [(FIRST, 100)]),
    "a surcharge": (report(price=15, surcharge=5, cashless_1=20), 200, [(FIRST, 200)]),
    "no price told": (report(to_tubes=20, cash_out=5), 150, [(CASH, 150)]),
    "no price told, by card": (report(cashless_1=15), 150, [(FIRST, 150)]),
    "a price and no means": (report(price=15), 150, []),
    "nothing": (report(), 0, []),
}


@pytest.mark.parametrize(("command", "amount", "tenders"), TENDERS.values(), ids=TENDERS)
def test_what_was_paid_by_which_means(
    command: bytes, amount: int, tenders: list[tuple[str, int]]
) -> None:
    told = conclude(command)
    assert (told.kind, told.amount, told.currency) == ("paid", amount, "EUR")
    assert told.tenders == tuple(Tender(*each) for each in tenders)


@pytest.mark.parametrize(
    ("kind", "told", "sold"),
    [
        (1, "paid", Kind.PAID),
        (2, "token", Kind.TOKEN),
        (3, "free", Kind.FREE),
        (4, "test", Kind.TEST),
        (5, "revalue", None),
        (7, "vendless", None),
        (8, "service", None),
        (9, "09", None),
    ],
)
def test_a_report_has_a_kind_and_some_kinds_are_sales(
    kind: int, told: str, sold: Kind | None
) -> None:
    reported = conclude(report(kind, price=15, to_tubes=15))
    vend = as_vend(reported)
    assert reported.kind == told
    assert (vend.kind if isinstance(vend, Sale) else vend) == sold


def test_free_and_test_vends_have_the_amount_0_and_no_tenders() -> None:
    for kind in (3, 4):
        told = conclude(report(kind, price=15))
        assert (told.amount, told.tenders, told.raw["price"]) == (0, (), 15)


def test_a_token_s_sale_has_no_amount() -> None:
    vend = as_vend(conclude(report(2, price=15, to_tubes=15)))
    assert isinstance(vend, Sale)
    assert (vend.amount, vend.tenders) == (None, (Tender("cash", None),))


def test_a_negative_vend_is_a_return_of_what_was_paid_out() -> None:
    back = as_vend(conclude(report(6, price=15, cash_out=15)))
    assert isinstance(back, Return)
    assert (back.item, back.amount) == ("000a", 150)
    back = as_vend(conclude(report(6, cash_out=15)))  # no price told
    assert isinstance(back, Return)
    assert back.amount == 150


def test_a_report_says_everything() -> None:
    told = conclude(report(price=15, to_tubes=1, to_cashbox=2, bills=20, cash_out=8, discount=0))
    assert told.raw == {
        "price": 15,
        "item": "000a",
        "scale": 10,
        "decimals": 2,
        "to_tubes": 1,
        "to_cashbox": 2,
        "bills": 20,
        "cash_out": 8,
        "cashless_1": 0,
        "cashless_2": 0,
        "discount": 0,
        "surcharge": 0,
        "when": "202611251530",
    }
    assert (told.at, told.address, told.item) == (1.0, 0x18, "000a")


def test_an_item_of_ffff_is_none() -> None:
    assert conclude(report(item=0xFFFF, price=15)).item is None


def test_without_the_scaling_the_amount_is_unknown_and_the_units_are_kept() -> None:
    told = conclude(report(price=15, to_tubes=15), Context())
    assert (told.amount, told.currency, told.raw["price"]) == (None, None, 15)
    assert told.tenders == (Tender("cash", None),)


def test_the_scaling_is_the_vmc_s_and_the_currency_is_reported_or_the_machine_s() -> None:
    gateway = GatewayReports()
    gateway.feed(said("19 03 0A 02", "01 03 0005"))
    _, (told,) = gateway.feed(said(report(price=15)), "RUB")
    assert isinstance(told, TransactionReported)
    assert (told.amount, told.currency) == (150, "RUB")
    gateway.feed(said("1B 04 1978 01 02"))
    _, (told,) = gateway.feed(said(report(price=15)), "RUB")
    assert isinstance(told, TransactionReported)
    assert (told.amount, told.currency) == (15, "EUR")
    gateway.feed(said("19 03 0A 02"))
    _, (told,) = gateway.feed(said(report(price=15)), "RUB")
    assert isinstance(told, TransactionReported)
    assert (told.amount, told.currency) == (150, "EUR")


FATES = {
    Fate.HEARD: Confidence.CONFIRMED,
    Fate.MOVED_ON: Confidence.PRESUMED,
    Fate.GIVEN_UP: Confidence.PRESUMED,
    Fate.SILENT: None,
}


@pytest.mark.parametrize(("fate", "confidence"), FATES.items())
def test_a_report_counts_when_it_was_acknowledged(
    fate: Fate, confidence: Confidence | None
) -> None:
    _, told = GatewayReports(KNOWN).feed(said(report(price=15), fate=fate))
    assert [each.confidence for each in told if isinstance(each, TransactionReported)] == (
        [] if confidence is None else [confidence]
    )


def test_a_report_said_again_is_one() -> None:
    again = Exchange(0x18, report(price=15), 1.0, repeated=True)
    assert GatewayReports(KNOWN).feed(again)[1] == []


PAID = ask("13 00 000F 000A") + ask("12", "05 000F")
OUT = ask("13 02 000A")
VEND = PAID + OUT
TOLD_IN_CASH = ask("13 05 000F 000A") + ask("12")
PART_PAID = ask("13 00 0005 000A") + ask("12", "05 0005")
PART = PART_PAID + OUT
CASH_PART = ask("13 05 000A 000A") + ask("12")
BY_CARD = ask(report(price=15, cashless_1=15)) + ask("1A")
BY_CASH = ask(report(price=15, bills=20, cash_out=5)) + ask("1A")
MIXED = ask(report(price=15, cashless_1=5, bills=10)) + ask("1A")
NO_MEANS = ask(report(price=15)) + ask("1A")
LATER = ask("1A") * 10
SIGNAL_OF_0 = ask("1A", "07 00")
DOUBLED = line(">", "1A") + "< 07 00 00 07 \n > 00 \n"
STORIES: dict[str, tuple[str, int]] = {
    "told by nobody else": (BY_CARD, 1),
    "twice told by nobody else": (BY_CARD * 2, 2),
    "after the card's": (VEND + BY_CARD, 1),
    "before the card's": (PAID + BY_CARD + OUT, 1),
    "of a vend before the one that is begun": (BY_CARD + VEND, 2),
    "after the cash sale": (TOLD_IN_CASH + BY_CASH, 1),
    "before the cash sale": (BY_CASH + TOLD_IN_CASH, 1),
    "never": (VEND + LATER + TOLD_IN_CASH, 2),
    "each after its own": ((VEND + BY_CARD) * 3, 3),
    "all after all": (VEND * 2 + BY_CARD * 2, 2),
    "one not told": (VEND + BY_CARD * 2, 2),
    "another means": (VEND + BY_CASH, 2),
    "both means, each told": (VEND + LATER + TOLD_IN_CASH + BY_CARD + BY_CASH, 2),
    "a mixed one after both parts": (PART + CASH_PART + MIXED, 1),
    "a mixed one after both parts, cash first": (CASH_PART + PART + MIXED, 2),  # of cash, unheld
    "a mixed one before both parts": (PART_PAID + MIXED + OUT + CASH_PART, 1),
    "a mixed one between its parts": (PART + MIXED + CASH_PART, 1),
    "a mixed one whose cash nobody told": (PART + MIXED, 1),
    "a mixed one between its parts, then one told by nobody else": (
        PART + MIXED + CASH_PART + LATER + MIXED,
        2,
    ),
    "its means unknown": (VEND + NO_MEANS, 1),
    "a signal of 0 in between": (VEND + SIGNAL_OF_0 + BY_CARD, 1),
    "a signal of 0, a zero doubled, in between": (VEND + DOUBLED + BY_CARD, 1),
    "the gateway started anew in between": (VEND + ask("1A", "00") + BY_CARD, 1),
}


def goods(events: Sequence[Event]) -> list[Event]:
    return [each for each in events if isinstance(each, Sale | Return)]


@pytest.mark.parametrize(("story", "sold"), STORIES.values(), ids=STORIES)
def test_a_vend_that_is_reported_as_well_is_one(hear: Hear, story: str, sold: int) -> None:
    assert len(goods(hear(story, {0x10: EUR, 0x18: KNOWN}))) == sold


def test_a_report_is_told_beside_the_sale(hear: Hear) -> None:
    told = hear(VEND + BY_CARD, {0x10: EUR, 0x18: KNOWN})
    assert [each.name for each in told][-2:] == ["sale", "transaction_reported"]
    told = hear(BY_CARD, {0x10: EUR, 0x18: KNOWN})
    assert [each.name for each in told] == ["transaction_reported", "sale"]


def test_a_sale_that_only_a_gateway_was_told_of_is_the_gateway_s(hear: Hear) -> None:
    (sale,) = goods(hear(BY_CASH, {0x18: KNOWN}))
    assert isinstance(sale, Sale)
    assert (sale.address, sale.item, sale.amount, sale.tenders) == (
        0x18,
        "000a",
        150,
        (Tender("cash", 150),),
    )

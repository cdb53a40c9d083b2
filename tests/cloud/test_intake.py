"""A sale becomes a receipt, or says why not: the frozen request, each cause and its next step."""

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stall import (
    ARRIVAL,
    CODE,
    GTIN,
    MACHINE,
    SALE_ID,
    a_machine,
    a_product,
    a_sale,
    a_shelf,
    a_site,
    an_operator,
    machines,
    operators,
    products,
    sales,
    under,
)

from cloud.fleet import Answers, Policies, Site
from cloud.intake import Attention, Cause, Disposition, Placed, ReturnOf, Skipped, place
from cloud.receipt import Cause as CorrectionCause
from cloud.receipt import Marking, MarkingMode, Purpose, Receipt, Subject, Taxation
from cloud.vat import VatRate
from edge.wire import Sale, Tender

CASH = Tender(by="cash", amount=12010)
CARD = Tender(by="cashless-1", amount=12010)
OLD = a_sale(sold_at="2026-11-22T15:42:11Z")
"""Of an age of a day, to the second."""
REQUEUE = f"python -m cloud requeue {SALE_ID}"
RECEIPT = Receipt(
    sale_id=SALE_ID,
    purpose=Purpose.INCOME,
    inn="7708806062",
    taxation=Taxation.USN_INCOME,
    machine=MACHINE,
    address="г. Москва, ул. Примерная, д. 1",
    place='ТЦ "Ромашка", 1 этаж',
    name="Капучино 200 мл",
    subject=Subject.GOODS,
    vat=VatRate.VAT_22,
    amount=12010,
    cash=0,
    cashless=12010,
    sold_at="2026-11-23T18:42:10",
    zone=2,
    sender="checks@coffee.example",
)


def receipt_of(disposition: Disposition) -> Receipt:
    assert isinstance(disposition, Placed), disposition
    return disposition.receipt


def cause_of(disposition: Disposition) -> Cause:
    assert isinstance(disposition, Attention | Skipped), disposition
    return disposition.cause


def test_an_ordinary_sale_is_a_receipt_at_its_machines_register() -> None:
    assert place(a_sale(), a_site(), ARRIVAL) == Placed(RECEIPT, "main")


@pytest.mark.parametrize(
    ("tenders", "cash", "cashless"),
    [
        ((), 0, 12010),
        ((CASH,), 12010, 0),
        ((CARD,), 0, 12010),
        ((Tender(by="cashless-2", amount=2010), Tender(by="cash", amount=10000)), 10000, 2010),
        ((Tender(by="cash", amount=10000), Tender(by="cash", amount=2010)), 12010, 0),
        # A note that gave change, and a coin whose value the bus did not say.
        ((Tender(by="cash", amount=50000),), 12010, 0),
        ((Tender(by="cash", amount=None),), 12010, 0),
        ((Tender(by="cash", amount=None), Tender(by="cashless-1", amount=2010)), 10000, 2010),
        ((Tender(by="cash", amount=10000), Tender(by="cashless-1", amount=None)), 10000, 2010),
        ((Tender(by="cash", amount=None), Tender(by="cashless-1", amount=None)), 0, 12010),
    ],
)
def test_cash_and_cashless_make_the_whole(
    tenders: tuple[Tender, ...], cash: int, cashless: int
) -> None:
    receipt = receipt_of(place(a_sale(tenders=tenders), a_site(), ARRIVAL))
    assert (receipt.cash, receipt.cashless) == (cash, cashless)


@pytest.mark.parametrize(
    ("amount", "tenders", "cash", "cashless"),
    [
        # The bus told no scale, so neither the price nor what was paid of it.
        (None, (Tender(by="cash", amount=None),), 12010, 0),
        (None, (Tender(by="cashless-1", amount=None),), 0, 12010),
        # It told a price that is not the shelf's.
        (99, (Tender(by="cash", amount=99),), 12010, 0),
        (99, (Tender(by="cashless-1", amount=99),), 0, 12010),
        (50000, (Tender(by="cash", amount=50000),), 12010, 0),
        (99, (Tender(by="cashless-1", amount=9), Tender(by="cash", amount=90)), 12001, 9),
        (99999, (Tender(by="cashless-1", amount=99998), Tender(by="cash", amount=1)), 0, 12010),
    ],
)
def test_an_amount_that_a_person_says_was_paid_as_the_bus_told(
    amount: int | None, tenders: tuple[Tender, ...], cash: int, cashless: int
) -> None:
    sale = a_sale(amount=amount, tenders=tenders)
    receipt = receipt_of(place(sale, a_site(), ARRIVAL, Answers(amount=12010)))
    assert (receipt.cash, receipt.cashless) == (cash, cashless)


def test_the_machines_own_tags_are_told() -> None:
    machine = a_machine(number="EV-77/1", timezone="Asia/Kamchatka", internet=True)
    receipt = receipt_of(place(a_sale(), a_site(machine=machine, ffd="1.2"), ARRIVAL))
    assert receipt == msgspec.structs.replace(
        RECEIPT,
        machine="EV-77/1",
        zone=11,
        sold_at="2026-11-24T03:42:10",
        internet=True,
        ffd="1.2",
    )


def test_what_is_printed_is_told_in_the_registers_letters() -> None:
    site = a_site(a_product(name="«Café» — 0,2 л ☕"), machine=a_machine(address="д.\u00a01"))
    receipt = receipt_of(place(a_sale(), site, ARRIVAL))
    assert (receipt.name, receipt.address) == ('"Cafe" - 0,2 л', "д. 1")


@pytest.mark.parametrize(
    ("sale", "skipped"),
    [
        (a_sale(kind="free"), Skipped(Cause.FREE, "free vend")),
        (a_sale(kind="test"), Skipped(Cause.TEST, "test vend")),
        (a_sale(kind="free", amount=None), Skipped(Cause.FREE, "free vend")),
        (a_sale(amount=0), Skipped(Cause.UNPAID, "nothing was paid")),
    ],
)
def test_no_receipt_by_rule_whoever_sold_it(sale: Sale, skipped: Skipped) -> None:
    assert place(sale, a_site(), ARRIVAL) == skipped
    assert place(sale, None, ARRIVAL) == skipped


ASKED = [
    (
        a_sale(machine="vm-9"),
        None,
        Cause.UNKNOWN_MACHINE,
        "unknown machine vm-9: python -m cloud machine add vm-9 …",
    ),
    (
        a_sale(),
        a_site(machine=a_machine(timezone="Moscow")),
        Cause.INVALID,
        f"there is no time zone Moscow: python -m cloud machine add {MACHINE} …",
    ),
    (
        a_sale(item="0007"),
        a_site(),
        Cause.UNKNOWN_SLOT,
        (
            "unknown slot 0007 of planogram hot on 2026-11-23:"
            " python -m cloud planogram set hot 0007 PRODUCT"
        ),
    ),
    (
        a_sale(item=None),
        a_site(),
        Cause.UNKNOWN_SLOT,
        f"the bus did not say the slot: {REQUEUE} --product PRODUCT",
    ),
    (
        a_sale(),
        a_site(products={}),
        Cause.UNKNOWN_PRODUCT,
        f"unknown product cappuccino of operator coffee: {REQUEUE} --product PRODUCT",
    ),
    (
        a_sale(amount=None),
        a_site(),
        Cause.AMOUNT,
        f"the bus did not say the amount: {REQUEUE} --amount 120.00",
    ),
    (
        a_sale(currency="EUR"),
        a_site(),
        Cause.CURRENCY,
        f"the currency is EUR, a receipt is in roubles: {REQUEUE} --amount 120.00",
    ),
    (
        a_sale(sold_at="2024-12-31T12:00:00Z"),
        a_site(a_product(vat="5")),
        Cause.VAT,
        f"VAT 5 % of product cappuccino was not law on 2024-12-31: {REQUEUE} --product PRODUCT",
    ),
    (
        a_sale(kind="return"),
        a_site(),
        Cause.RETURN,
        f"goods came back, of which sale? {REQUEUE} --of SALE",
    ),
    (
        a_sale(confidence="presumed"),
        under(presumed="by_hand"),
        Cause.PRESUMED,
        (
            f"the bus did not confirm the sale: {REQUEUE} --presumed,"
            f" or python -m cloud resolve {SALE_ID} --skip REASON"
        ),
    ),
    (
        OLD,
        a_site(),
        Cause.LATE,
        (
            "sold at 2026-11-22T18:42:11, arrived 24 h later:"
            f" {REQUEUE} --late receipt, or --late correction"
        ),
    ),
    (
        a_sale(),
        under(most=12000),
        Cause.PRICE,
        f"the price 120.10 is over 120.00, the most of any sale at {MACHINE}: {REQUEUE} --price",
    ),
    (
        a_sale(),
        a_site(shelves={"0001": (a_shelf(price_max=12009),)}),
        Cause.PRICE,
        f"the price 120.10 is over 120.09, the most of slot 0001: {REQUEUE} --price",
    ),
    (
        a_sale(),
        a_site(shelves={"0001": (a_shelf(price_min=100005, price_max=None),)}),
        Cause.PRICE,
        f"the price 120.10 is under 1000.05, the least of slot 0001: {REQUEUE} --price",
    ),
    (
        a_sale(),
        a_site(a_product(marking="gtin_vend")),
        Cause.MARKING,
        "product cappuccino has no GTIN: python -m cloud product add cappuccino …",
    ),
    (
        a_sale(),
        a_site(a_product(marking="full_code")),
        Cause.MARKING,
        f"the marking code of the sold cappuccino is not known: {REQUEUE} --code CODE",
    ),
    (
        a_sale(),
        a_site(a_product(name="☕")),
        Cause.INVALID,
        "tag 1030: the name is empty: python -m cloud product add cappuccino …",
    ),
    (
        a_sale(),
        a_site(operator=an_operator(inn="7708806063")),
        Cause.INVALID,
        "tag 1018: 7708806063 is no taxpayer's number: python -m cloud operator add coffee …",
    ),
    (
        a_sale(machine="a-machine-with-a-long-name"),
        a_site(machine=a_machine(id="a-machine-with-a-long-name")),
        Cause.INVALID,
        (
            "tag 1036: the machine's number has 26 characters, at most 20 are allowed:"
            " python -m cloud machine add a-machine-with-a-long-name …"
        ),
    ),
    (
        a_sale(amount=10**10),
        a_site(),
        Cause.INVALID,
        (
            "tag 1020: the total is 10000000000 kopecks, it has to be 1 to 9999999999:"
            f" {REQUEUE} --amount 120.00"
        ),
    ),
    (
        a_sale(),
        a_site(a_product(marking="gtin_vend", gtin="04600439931257"), ffd="1.2"),
        Cause.INVALID,
        (
            "tag 2000: the kind is named by a GTIN, '04600439931257' is none:"
            " python -m cloud product add cappuccino …"
        ),
    ),
]


@pytest.mark.parametrize(("sale", "site", "cause", "reason"), ASKED)
def test_a_person_is_told_what_is_wrong_and_the_next_step(
    sale: Sale, site: Site | None, cause: Cause, reason: str
) -> None:
    assert place(sale, site, ARRIVAL) == Attention(cause, reason)


def test_every_cause_is_given_by_somebody() -> None:
    asked = {cause for _, _, cause, _ in ASKED}
    skipped = {Cause.FREE, Cause.TEST, Cause.UNPAID, Cause.POLICY}
    assert asked | skipped | {Cause.FOREIGN_MACHINE} == set(Cause)


@pytest.mark.parametrize(
    ("sale", "site", "answers"),
    [
        (a_sale(amount=None), a_site(), Answers(amount=12010)),
        (a_sale(amount=99), a_site(), Answers(amount=12010)),
        (a_sale(currency="EUR"), a_site(), Answers(amount=12010)),
        (a_sale(item="0099"), a_site(), Answers(product="cappuccino")),
        (a_sale(item=None), a_site(), Answers(product="cappuccino")),
        (a_sale(), under(most=1), Answers(price=True)),
        (a_sale(), a_site(shelves={"0001": (a_shelf(price_max=1),)}), Answers(price=True)),
        # The limits of a slot are of what is in it.
        (
            a_sale(),
            a_site(shelves={"0001": (a_shelf(price_max=1),)}),
            Answers(product="cappuccino"),
        ),
        (a_sale(confidence="presumed"), under(presumed="by_hand"), Answers(presumed=True)),
    ],
)
def test_what_a_person_answers_lets_it_go(sale: Sale, site: Site, answers: Answers) -> None:
    assert not isinstance(place(sale, site, ARRIVAL), Placed) or answers.amount
    assert place(sale, site, ARRIVAL, answers) == Placed(RECEIPT, "main")


@pytest.mark.parametrize(
    ("amount", "answers", "cause"),
    [
        (None, Answers(amount=0), Cause.UNPAID),
        (None, Answers(amount=20000), Cause.PRICE),
        (20000, Answers(late="receipt"), Cause.PRICE),
        (12010, Answers(product="tea"), Cause.UNKNOWN_PRODUCT),
        (12010, Answers(amount=12010, of="another"), None),
    ],
)
def test_an_answer_is_asked_about_like_the_sale_itself(
    amount: int | None, answers: Answers, cause: Cause | None
) -> None:
    told = place(a_sale(amount=amount), under(most=12010), ARRIVAL, answers)
    assert (None if isinstance(told, Placed) else cause_of(told)) is cause


def test_an_unsaid_currency_is_the_registers_own() -> None:
    assert place(a_sale(currency=None), a_site(), ARRIVAL) == Placed(RECEIPT, "main")


@pytest.mark.parametrize("amount", [10000, 12010, 12345])
def test_a_price_at_its_limits_is_within_them(amount: int) -> None:
    site = a_site(
        machine=a_machine(policies=Policies(most=12345)),
        shelves={"0001": (a_shelf(price_min=10000, price_max=12345),)},
    )
    assert receipt_of(place(a_sale(amount=amount), site, ARRIVAL)).amount == amount


@pytest.mark.parametrize(
    ("sold_at", "name"),
    [
        ("2026-11-09T20:59:59Z", "Чай"),
        ("2026-11-09T21:00:00Z", "Капучино 200 мл"),
        ("2026-11-23T15:00:00Z", "Капучино 200 мл"),
    ],
)
def test_what_is_in_a_slot_is_that_of_the_day_of_sale(sold_at: str, name: str) -> None:
    site = a_site(a_product(), a_product(id="tea", name="Чай"))
    shelves = (
        a_shelf(valid_from=date(2026, 11, 10)),
        a_shelf(product="tea", valid_until=date(2026, 11, 10)),
    )
    site = msgspec.structs.replace(site, shelves={"0001": shelves})
    placed = place(a_sale(sold_at=sold_at), site, ARRIVAL, Answers(late="receipt"))
    assert receipt_of(placed).name == name


@pytest.mark.parametrize(
    ("policies", "tenders", "skipped"),
    [
        ({"fiscalise_cash": False}, (CASH,), "fiscalise_cash"),
        ({"fiscalise_cash": False}, (CARD,), None),
        ({"fiscalise_cashless": False}, (CARD,), "fiscalise_cashless"),
        ({"fiscalise_cashless": False}, (), "fiscalise_cashless"),
        ({"fiscalise_cashless": False}, (CASH,), None),
        # Of a mixed payment one part is enough.
        ({"fiscalise_cash": False}, (Tender(by="cash", amount=10),), None),
        ({"fiscalise_cashless": False}, (Tender(by="cash", amount=10),), None),
        (
            {"fiscalise_cash": False, "fiscalise_cashless": False},
            (Tender(by="cash", amount=10),),
            "fiscalise_cash and fiscalise_cashless",
        ),
    ],
)
def test_a_sale_is_fiscalised_if_any_part_of_its_money_is(
    policies: dict[str, bool], tenders: tuple[Tender, ...], skipped: str | None
) -> None:
    told = place(a_sale(tenders=tenders), under(**policies), ARRIVAL)
    if skipped is None:
        assert isinstance(told, Placed)
    else:
        assert told == Skipped(Cause.POLICY, f"the operator does not want it: {skipped} off")


def test_what_is_not_fiscalised_is_asked_about_no_further() -> None:
    sale = a_sale(item="0099", tenders=(CASH,))
    assert cause_of(place(sale, under(fiscalise_cash=False), ARRIVAL)) is Cause.POLICY


def test_a_machines_policies_come_before_its_operators() -> None:
    operator = an_operator(policies=Policies(fiscalise_cash=False, presumed="by_hand"))
    machine = a_machine(policies=Policies(fiscalise_cash=True))
    site = a_site(operator=operator, machine=machine)
    assert isinstance(place(a_sale(tenders=(CASH,)), site, ARRIVAL), Placed)
    assert cause_of(place(a_sale(confidence="presumed"), site, ARRIVAL)) is Cause.PRESUMED


def test_a_presumed_sale_goes_its_way_where_nobody_objects() -> None:
    assert place(a_sale(confidence="presumed"), a_site(), ARRIVAL) == Placed(RECEIPT, "main")


@pytest.mark.parametrize(
    ("sold_at", "clock", "late"),
    [
        ("2026-11-22T15:42:12Z", "synced", False),
        ("2026-11-22T15:42:11Z", "synced", True),
        ("2026-11-22T15:42:11Z", "corrected", True),
        ("2026-11-22T15:42:11Z", "bounded", True),
        # Of an age that nobody knows.
        ("2026-11-22T15:42:11Z", "unsynced", False),
        ("1970-01-01T00:00:05Z", "unsynced", False),
        ("long ago", "synced", False),
    ],
)
def test_a_sale_is_late_from_a_day_on(sold_at: str, clock: str, *, late: bool) -> None:
    told = place(a_sale(sold_at=sold_at, clock=clock), a_site(), ARRIVAL)
    assert isinstance(told, Attention) is late


def test_how_late_is_late_is_the_operators_word() -> None:
    assert isinstance(place(OLD, under(late_after_h=24.5), ARRIVAL), Placed)
    assert cause_of(place(a_sale(), under(late_after_h=0.0001), ARRIVAL)) is Cause.LATE


CORRECTED = msgspec.structs.replace(
    RECEIPT,
    purpose=Purpose.CORRECTION,
    sold_at="2026-11-22T18:42:11",
    cause=CorrectionCause(by_order=False, day="2026-11-22"),
)
PLAIN = msgspec.structs.replace(RECEIPT, sold_at="2026-11-22T18:42:11")


@pytest.mark.parametrize(
    ("site", "answers", "receipt"),
    [
        (under(late="receipt"), Answers(), PLAIN),
        (under(late="correction"), Answers(), CORRECTED),
        (a_site(), Answers(late="receipt"), PLAIN),
        (a_site(), Answers(late="correction"), CORRECTED),
        (under(late="receipt"), Answers(late="correction"), CORRECTED),
        (under(late="correction"), Answers(late="receipt"), PLAIN),
    ],
)
def test_what_a_late_sale_gets_is_decided_by_rule_or_by_hand(
    site: Site, answers: Answers, receipt: Receipt
) -> None:
    assert receipt_of(place(OLD, site, ARRIVAL, answers)) == receipt


def test_a_sale_of_an_unknown_age_is_corrected_if_a_person_says_so() -> None:
    sale = a_sale(clock="unsynced")
    receipt = receipt_of(place(sale, a_site(), ARRIVAL, Answers(late="correction")))
    assert receipt.cause == CorrectionCause(by_order=False, day="2026-11-23")
    assert receipt.sold_at == "2026-11-23T18:42:11"


@pytest.mark.parametrize(
    ("zone", "rate"),
    [("Europe/Moscow", VatRate.VAT_20), ("Asia/Kamchatka", VatRate.VAT_22)],
)
def test_at_new_year_the_rate_changes_at_the_machines_midnight(zone: str, rate: VatRate) -> None:
    site = a_site(machine=a_machine(timezone=zone))
    soon = datetime(2025, 12, 31, 12, 30, 1, tzinfo=UTC)
    placed = place(a_sale(sold_at="2025-12-31T12:30:00Z"), site, soon)
    assert receipt_of(placed).vat is rate


@pytest.mark.parametrize("late", ["receipt", "correction"])
def test_what_arrives_late_keeps_the_rate_of_its_day(late: str) -> None:
    old = a_sale(sold_at="2025-12-30T12:00:00Z")
    assert receipt_of(place(old, under(late=late), ARRIVAL)).vat is VatRate.VAT_20


NONE = Marking(mode=MarkingMode.NONE)
WITHDRAWN = Marking(mode=MarkingMode.WITHDRAWN_BEFORE)
KIND = Marking(mode=MarkingMode.GTIN_VEND, gtin=GTIN)
PIECE = Marking(mode=MarkingMode.FULL_CODE, code=CODE)


@pytest.mark.parametrize(
    ("ffd", "subject", "marking", "told"),
    [
        ("1.05", "goods", NONE, Subject.GOODS),
        ("1.05", "goods", WITHDRAWN, Subject.GOODS),
        ("1.05", "goods", KIND, Subject.GOODS),
        ("1.05", "excisable", PIECE, Subject.EXCISABLE),
        ("1.05", "service", NONE, Subject.SERVICE),
        ("1.2", "goods", NONE, Subject.GOODS),
        ("1.2", "goods", WITHDRAWN, Subject.GOODS),
        ("1.2", "goods", KIND, Subject.GOODS_MARKED),
        ("1.2", "goods", PIECE, Subject.GOODS_MARKED),
        ("1.2", "excisable", KIND, Subject.EXCISABLE_MARKED),
        ("1.2", "excisable", PIECE, Subject.EXCISABLE_MARKED),
        ("1.2", "service", NONE, Subject.SERVICE),
    ],
)
def test_marked_goods_have_a_subject_of_their_own_in_the_later_format(
    ffd: str, subject: str, marking: Marking, told: Subject
) -> None:
    product = a_product(subject=subject, marking=marking.mode.value, gtin=GTIN)
    site = msgspec.structs.replace(a_site(product), ffd=ffd)
    receipt = receipt_of(place(a_sale(), site, ARRIVAL, Answers(code=CODE)))
    assert (receipt.subject, receipt.marking) == (told, marking)


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("", "is not known"),
        (GTIN, "is none"),
        (CODE.replace("\x1d", "#"), "is none"),
        ("010000000000001721JgXJ5.", f"is of GTIN 00000000000017, the product is {GTIN}"),
    ],
)
def test_a_code_has_to_be_that_of_the_product(code: str, wrong: str) -> None:
    site = a_site(a_product(marking="full_code", gtin=GTIN))
    told = place(a_sale(), site, ARRIVAL, Answers(code=code))
    assert isinstance(told, Attention)
    assert wrong in told.reason
    assert told.reason.endswith(f"{REQUEUE} --code CODE")


def test_a_service_has_no_mark() -> None:
    site = a_site(a_product(subject="service", marking="gtin_vend", gtin=GTIN))
    told = place(a_sale(), site, ARRIVAL)
    assert isinstance(told, Attention)
    assert told.reason.startswith("tag 1212: subject 4 with a mark is not lawful in FFD 1.05")


OLD_RATE = a_sale(sold_at="2018-12-31T12:00:00Z")


@pytest.mark.parametrize(
    ("tag", "sale", "site", "step"),
    [
        (1018, a_sale(), a_site(operator=an_operator(inn="1" * 10)), "operator add coffee …"),
        (
            1055,
            a_sale(),
            a_site(a_product(vat="5"), operator=an_operator(taxation="osn")),
            "operator add coffee …",
        ),
        (1117, a_sale(), a_site(operator=an_operator(email="checks")), "operator add coffee …"),
        (1009, a_sale(), a_site(machine=a_machine(address="☕")), f"machine add {MACHINE} …"),
        (1187, a_sale(), a_site(machine=a_machine(place="☕")), f"machine add {MACHINE} …"),
        (1036, a_sale(), a_site(machine=a_machine(number="№\n")), f"machine add {MACHINE} …"),
        (1030, a_sale(), a_site(a_product(name="☕")), "product add cappuccino …"),
        (1199, OLD_RATE, under(late="receipt"), f"requeue {SALE_ID} --product PRODUCT"),
        (
            1212,
            a_sale(),
            a_site(a_product(subject="service", marking="gtin_vend", gtin=GTIN)),
            "product add cappuccino …",
        ),
        (
            1162,
            a_sale(),
            a_site(a_product(marking="gtin_vend", gtin=GTIN[::-1])),
            "product add cappuccino …",
        ),
        (1020, a_sale(amount=10**10), a_site(), f"requeue {SALE_ID} --amount 120.00"),
    ],
)
def test_what_is_wrong_is_mended_where_it_comes_from(
    tag: int, sale: Sale, site: Site, step: str
) -> None:
    told = place(sale, site, ARRIVAL)
    assert cause_of(told) is Cause.INVALID
    assert isinstance(told, Attention)
    assert told.reason.startswith(f"tag {tag}: ")
    assert told.reason.endswith(f": python -m cloud {step}")


def test_all_that_is_wrong_is_told_at_once() -> None:
    site = a_site(a_product(name="☕"), operator=an_operator(email="checks", inn="1" * 10))
    told = place(a_sale(), site, ARRIVAL)
    assert isinstance(told, Attention)
    assert [tag in told.reason for tag in ("1018", "1117", "1030")] == [True] * 3
    assert told.reason.endswith("python -m cloud operator add coffee …")


@pytest.mark.parametrize("amount", [None, 12010])
def test_goods_that_came_back_are_of_the_sale_that_a_person_names(amount: int | None) -> None:
    sale = a_sale(kind="return", amount=amount)
    told = place(sale, a_site(), ARRIVAL, Answers(of="the sale"))
    assert told == ReturnOf("the sale", "2026-11-23T18:42:10")


sites = st.builds(
    lambda product, machine, operator, ffd: msgspec.structs.replace(
        a_site(product), machine=machine, operator=operator, ffd=ffd
    ),
    products,
    machines,
    operators,
    st.sampled_from(["1.05", "1.2"]),
)


@given(sales, sites)
def test_a_fleet_in_which_all_is_right_has_a_receipt_for_every_sale(sale: Sale, site: Site) -> None:
    code = f"01{site.products['cappuccino'].gtin}21JgXJ5."
    receipt = receipt_of(place(sale, site, ARRIVAL, Answers(code=code)))
    assert receipt.cash + receipt.cashless == receipt.amount == sale.amount
    assert receipt.vat.percent in {None, 0, 5, 7, 10, 20, 22}


wild = st.builds(
    a_sale,
    machine=st.text(),
    sold_at=st.text() | st.datetimes().map(datetime.isoformat),
    clock=st.sampled_from(["synced", "corrected", "bounded", "unsynced"]),
    item=st.none() | st.text(),
    kind=st.sampled_from(["paid", "free", "test", "token", "return"]),
    amount=st.none() | st.integers(0, 10**12),
    currency=st.none() | st.text(),
    confidence=st.sampled_from(["confirmed", "presumed"]),
)


@given(
    wild,
    st.none()
    | st.builds(
        lambda product, machine, operator: msgspec.structs.replace(
            a_site(product), machine=machine, operator=operator
        ),
        st.builds(
            a_product,
            name=st.text(),
            gtin=st.text(),
            marking=st.sampled_from(["none", "gtin_vend", "full_code"]),
        ),
        st.builds(a_machine, id=st.text(), address=st.text(), timezone=st.text()),
        st.builds(an_operator, inn=st.text(), email=st.text()),
    ),
    st.builds(Answers, code=st.text(), of=st.text()),
)
def test_no_sale_and_no_fleet_is_too_strange_to_be_answered(
    sale: Sale, site: Site | None, answers: Answers
) -> None:
    told = place(sale, site, ARRIVAL, answers)
    if isinstance(told, Attention):
        assert "python -m cloud " in told.reason

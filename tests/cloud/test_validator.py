"""What would be wrong with a receipt: every change for the worse is found, in its own tag."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stall import ARRIVAL, CODE, GTIN, a_product, a_sale, a_site

from cloud.fleet import Answers
from cloud.intake import Placed, place
from cloud.receipt import Cause, Marking, MarkingMode, Purpose, Receipt, Subject, Taxation
from cloud.validator import Problem, problems
from cloud.vat import VatRate

DAY = date(2026, 11, 23)
KIND = Marking(mode=MarkingMode.GTIN_VEND, gtin=GTIN)
PIECE = Marking(mode=MarkingMode.FULL_CODE, code=CODE)


def a_receipt(ffd: str = "1.05", marking: str = "none", **told: object) -> Receipt:
    """As intake makes it; what is told differs."""
    site = msgspec.structs.replace(a_site(a_product(marking=marking, gtin=GTIN)), ffd=ffd)
    placed = place(a_sale(), site, ARRIVAL, Answers(code=CODE))
    assert isinstance(placed, Placed)
    return msgspec.structs.replace(placed.receipt, **told)


RETURN = a_receipt(purpose=Purpose.INCOME_RETURN, basis="3141592653")
BY_ONESELF = Cause(by_order=False, day="2026-11-22")
CORRECTION = a_receipt(purpose=Purpose.CORRECTION, cause=BY_ONESELF)
RECEIPTS = [
    a_receipt(),
    a_receipt("1.2"),
    a_receipt("1.05", "gtin_vend"),
    a_receipt("1.2", "gtin_vend"),
    a_receipt("1.05", "full_code"),
    a_receipt("1.2", "full_code"),
    RETURN,
    CORRECTION,
]

FOR_THE_WORSE: list[tuple[int, dict[str, object]]] = [
    (1018, {"inn": "7708806063"}),
    (1018, {"inn": ""}),
    (1055, {"taxation": Taxation.OSN, "vat": VatRate.VAT_5}),
    (1055, {"taxation": Taxation.PATENT, "vat": VatRate.VAT_7}),
    (1117, {"sender": "checks"}),
    (1117, {"sender": "checks@coffee"}),
    (1117, {"sender": "a b@coffee.example"}),
    (1117, {"sender": "чеки@coffee.example"}),
    (1117, {"sender": "a@b@coffee.example"}),
    (1117, {"sender": f"{'x' * 60}@b.cc"}),
    (1036, {"machine": ""}),
    (1036, {"machine": "x" * 21}),
    (1036, {"machine": "№\n1"}),
    (1009, {"address": " "}),
    (1009, {"address": "у" * 244}),
    (1009, {"address": "д. 1 — 2"}),
    (1187, {"place": ""}),
    (1187, {"place": "у" * 244}),
    (1187, {"place": "ТЦ «Ромашка»"}),
    (1011, {"zone": 0}),
    (1011, {"zone": 12}),
    (1012, {"sold_at": "2026-11-23T18:42:10Z"}),
    (1012, {"sold_at": "2026-11-23T18:42"}),
    (1012, {"sold_at": "2026-11-31T18:42:10"}),
    (1012, {"sold_at": "now"}),
    (1030, {"name": ""}),
    (1030, {"name": "ё" * 129}),
    (1030, {"name": "Кофе ☕"}),
    (1030, {"name": "Кофе\x07"}),
    (1199, {"vat": VatRate.VAT_20}),
    (1020, {"amount": 0, "cash": 0, "cashless": 0}),
    (1020, {"amount": -1, "cash": 0, "cashless": -1}),
    (1020, {"amount": 10**10, "cash": 10**10, "cashless": 0}),
    (1020, {"cash": 1}),
    (1020, {"cashless": 12009}),
    (1031, {"cash": -1, "cashless": 12011}),
    (1081, {"cashless": 12011}),
    (1081, {"cash": 12011, "cashless": -1}),
]


@pytest.mark.parametrize("receipt", RECEIPTS)
def test_nothing_is_wrong_with_what_intake_makes(receipt: Receipt) -> None:
    assert problems(receipt, DAY) == ()


@pytest.mark.parametrize(("tag", "worse"), FOR_THE_WORSE)
def test_a_change_for_the_worse_is_found_in_its_tag(tag: int, worse: dict[str, object]) -> None:
    found = problems(msgspec.structs.replace(a_receipt(), **worse), DAY)
    assert tag in {each.tag for each in found}
    assert all(each.reason for each in found)


@given(st.sampled_from(RECEIPTS), st.lists(st.sampled_from(FOR_THE_WORSE), max_size=4))
def test_changes_for_the_worse_do_not_hide_each_other(
    receipt: Receipt, changes: list[tuple[int, dict[str, object]]]
) -> None:
    kept = {field: (tag, worse) for tag, worse in changes for field in worse}
    told = [
        (tag, worse) for tag, worse in changes if all(kept[field][1] is worse for field in worse)
    ]
    for _, worse in told:
        receipt = msgspec.structs.replace(receipt, **worse)
    found = {each.tag for each in problems(receipt, DAY)}
    # An old rate is no fault of a return, and a sum can be right again by two faults.
    excused = {1020, 1031, 1081} | ({1199} if receipt.purpose is Purpose.INCOME_RETURN else set())
    assert {tag for tag, _ in told} - excused <= found


@pytest.mark.parametrize(
    "better",
    [
        {"inn": "500100732259"},
        {"sender": ""},
        {"machine": "x" * 20},
        {"address": "у" * 243, "place": "у" * 243, "name": "ё" * 128},
        {"zone": None},
        {"zone": 1},
        {"zone": 11},
        {"sold_at": ""},
        {"vat": VatRate.VAT_5},
        {"vat": VatRate.NONE, "taxation": Taxation.PATENT},
        {"amount": 1, "cashless": 1},
        {"amount": 9_999_999_999, "cashless": 9_999_999_999},
        {"cash": 12010, "cashless": 0},
        {"cash": 10, "cashless": 12000},
        {"subject": Subject.SERVICE},
    ],
)
def test_what_is_just_lawful_is_left_alone(better: dict[str, object]) -> None:
    assert problems(msgspec.structs.replace(a_receipt(), **better), DAY) == ()


@pytest.mark.parametrize("marking", [KIND, PIECE, Marking(mode=MarkingMode.NONE)])
@pytest.mark.parametrize("ffd", ["1.05", "1.2"])
@pytest.mark.parametrize("subject", Subject)
def test_a_subject_goes_with_its_format_and_its_mark(
    ffd: str, marking: Marking, subject: Subject
) -> None:
    marked, named = subject.value in {31, 33}, marking.mode is not MarkingMode.NONE
    lawful = {
        "1.05": subject.value in {1, 2} or (subject.value == 4 and not named),
        "1.2": named == marked,
    }
    found = problems(a_receipt(ffd, marking=marking.mode.value, subject=subject), DAY)
    assert [each.tag for each in found] == ([] if lawful[ffd] else [1212])


@pytest.mark.parametrize(("ffd", "tag"), [("1.05", 1162), ("1.2", 2000)])
@pytest.mark.parametrize(
    ("mode", "marking"),
    [
        ("gtin_vend", Marking(mode=MarkingMode.GTIN_VEND)),
        ("gtin_vend", Marking(mode=MarkingMode.GTIN_VEND, gtin="04600439931257")),
        ("gtin_vend", Marking(mode=MarkingMode.GTIN_VEND, gtin=GTIN[1:])),
        ("gtin_vend", Marking(mode=MarkingMode.GTIN_VEND, gtin=GTIN, code=CODE)),
        ("full_code", Marking(mode=MarkingMode.FULL_CODE)),
        ("full_code", Marking(mode=MarkingMode.FULL_CODE, code=GTIN)),
        ("full_code", Marking(mode=MarkingMode.FULL_CODE, code=CODE.replace("\x1d", " "))),
        ("full_code", Marking(mode=MarkingMode.FULL_CODE, gtin=GTIN, code=CODE)),
        ("none", Marking(mode=MarkingMode.NONE, gtin=GTIN)),
        ("withdrawn_before", Marking(mode=MarkingMode.WITHDRAWN_BEFORE, code=CODE)),
    ],
)
def test_a_mark_is_what_its_mode_asks_for(ffd: str, tag: int, mode: str, marking: Marking) -> None:
    receipt = msgspec.structs.replace(a_receipt(ffd, mode), marking=marking)
    assert [each.tag for each in problems(receipt, DAY)] == [tag]


@pytest.mark.parametrize(
    ("vat", "day", "lawful"),
    [
        (VatRate.VAT_20, date(2025, 12, 31), {"income", "return", "correction"}),
        (VatRate.VAT_20, date(2026, 1, 1), {"return"}),
        (VatRate.VAT_20, date(2018, 12, 31), set()),
        (VatRate.VAT_22, date(2025, 12, 31), set()),
        (VatRate.VAT_22, date(2026, 1, 1), {"income", "return", "correction"}),
        (VatRate.VAT_5, date(2024, 12, 31), set()),
        (VatRate.VAT_7, date(2025, 1, 1), {"income", "return", "correction"}),
        (VatRate.VAT_10, date(2019, 1, 1), {"income", "return", "correction"}),
    ],
)
def test_a_return_may_have_a_rate_of_the_past_and_nothing_one_of_the_future(
    vat: VatRate, day: date, lawful: set[str]
) -> None:
    cause = Cause(by_order=False, day=day.isoformat())
    asked = {"income": a_receipt(), "return": RETURN, "correction": CORRECTION}
    for word, receipt in asked.items():
        told = msgspec.structs.replace(receipt, vat=vat, cause=receipt.cause and cause)
        tags = [each.tag for each in problems(told, day)]
        assert tags == ([] if word in lawful else [1199]), word


def test_a_correction_is_held_against_the_law_of_the_day_it_names() -> None:
    last_year = msgspec.structs.replace(BY_ONESELF, day="2025-12-31")
    told = msgspec.structs.replace(CORRECTION, cause=last_year)
    assert [each.tag for each in problems(told, DAY)] == [1199]
    assert problems(msgspec.structs.replace(told, vat=VatRate.VAT_20), DAY) == ()


@pytest.mark.parametrize(
    ("receipt", "worse", "tag"),
    [
        (RETURN, {"basis": ""}, 1192),
        (RETURN, {"basis": "31415926535"}, 1192),
        (RETURN, {"basis": "fp"}, 1192),
        (a_receipt(), {"basis": "3141592653"}, 1192),
        (CORRECTION, {"basis": "3141592653"}, 1192),
        (CORRECTION, {"cause": None}, 1173),
        (RETURN, {"cause": BY_ONESELF}, 1173),
        (a_receipt(), {"cause": BY_ONESELF}, 1173),
        (CORRECTION, {"cause": Cause(by_order=False, day="22.11.2026")}, 1178),
        (CORRECTION, {"cause": Cause(by_order=False, day="20261122")}, 1178),
        (CORRECTION, {"cause": Cause(by_order=False, day="2026-11-31")}, 1178),
        (CORRECTION, {"cause": Cause(by_order=False, day="2026-11-24")}, 1178),
        (CORRECTION, {"cause": Cause(by_order=True, day="2026-11-22")}, 1179),
        (CORRECTION, {"cause": Cause(by_order=True, day="2026-11-22", number="7" * 33)}, 1179),
        (CORRECTION, {"cause": Cause(by_order=True, day="2026-11-22", number="«7»")}, 1179),
        (CORRECTION, {"cause": Cause(by_order=True, day="2026-11-22", number="7/Д")}, None),
        (CORRECTION, {"cause": Cause(by_order=False, day="2026-11-23", number="7")}, None),
        (RETURN, {"basis": "1"}, None),
    ],
)
def test_returns_and_corrections_say_of_what(
    receipt: Receipt, worse: dict[str, object], tag: int | None
) -> None:
    found = problems(msgspec.structs.replace(receipt, **worse), DAY)
    assert [each.tag for each in found] == ([] if tag is None else [tag])


def test_a_machine_sells_for_full_payment_alone() -> None:
    prepaid = a_receipt(method=None)
    assert problems(prepaid, DAY) == (Problem(1214, "a machine sells for full payment"),)

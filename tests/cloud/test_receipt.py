import msgspec
import pytest
from till import RECEIPT

from cloud.receipt import Cause, Marking, MarkingMode, Method, Purpose, Receipt, Subject, Taxation


@pytest.mark.parametrize(
    ("member", "tag"),
    [
        (Taxation.OSN, 0),
        (Taxation.USN_INCOME, 1),
        (Taxation.USN_INCOME_OUTCOME, 2),
        (Taxation.ESN, 4),  # 3 was abolished in 2021
        (Taxation.PATENT, 5),
        (Subject.GOODS, 1),
        (Subject.EXCISABLE, 2),
        (Subject.SERVICE, 4),
        (Subject.EXCISABLE_UNMARKED, 30),
        (Subject.EXCISABLE_MARKED, 31),
        (Subject.GOODS_UNMARKED, 32),
        (Subject.GOODS_MARKED, 33),
        (Method.FULL_PAYMENT, 4),
    ],
)
def test_words_have_the_formats_numbers(member: Taxation | Subject | Method, tag: int) -> None:
    assert member.value == tag


@pytest.mark.parametrize(
    ("purpose", "sign"),
    [(Purpose.INCOME, 1), (Purpose.INCOME_RETURN, 2), (Purpose.CORRECTION, 1)],
)
def test_a_correction_of_income_is_income(purpose: Purpose, sign: int) -> None:
    assert purpose.sign == sign


@pytest.mark.parametrize(
    "receipt",
    [
        RECEIPT,
        msgspec.structs.replace(
            RECEIPT,
            purpose=Purpose.CORRECTION,
            ffd="1.2",
            subject=Subject.GOODS_MARKED,
            marking=Marking(mode=MarkingMode.FULL_CODE, code="0104600439931256215\x1d93dGVz"),
            zone=None,
            internet=False,
            cause=Cause(by_order=True, day="2026-11-23", number="7/Д"),
        ),
    ],
)
def test_a_receipt_survives_the_store_as_it_is(receipt: Receipt) -> None:
    assert msgspec.json.decode(msgspec.json.encode(receipt), type=Receipt) == receipt


def test_a_receipt_of_an_earlier_version_is_read_with_what_it_did_not_say() -> None:
    told = msgspec.to_builtins(RECEIPT)
    for later in ("ffd", "method", "marking", "sold_at", "zone", "sender", "internet", "basis"):
        del told[later]
    old = msgspec.convert(told, Receipt)
    assert (old.ffd, old.method, old.zone) == ("1.05", Method.FULL_PAYMENT, None)
    assert old.marking.mode is MarkingMode.NONE


def test_a_receipt_is_frozen() -> None:
    with pytest.raises(AttributeError):
        RECEIPT.amount = 1  # type: ignore[misc]


def test_a_receipt_without_its_place_is_none() -> None:
    told = msgspec.to_builtins(RECEIPT)
    del told["place"]
    with pytest.raises(msgspec.ValidationError, match="place"):
        msgspec.convert(told, Receipt)

import msgspec
import pytest
from shop import RECEIPT

from cloud.receipt import Purpose, Subject, Taxation


@pytest.mark.parametrize(
    ("member", "tag"),
    [
        (Purpose.INCOME, 1),
        (Purpose.INCOME_RETURN, 2),
        (Taxation.OSN, 0),
        (Taxation.USN_INCOME, 1),
        (Taxation.USN_INCOME_OUTCOME, 2),
        (Taxation.ESN, 4),  # 3 was abolished in 2021
        (Taxation.PATENT, 5),
        (Subject.GOODS, 1),
        (Subject.EXCISABLE, 2),
        (Subject.SERVICE, 4),
    ],
)
def test_words_have_the_formats_numbers(member: Purpose | Taxation | Subject, tag: int) -> None:
    assert member.value == tag


def test_a_receipt_is_frozen() -> None:
    with pytest.raises(AttributeError):
        RECEIPT.amount = 1  # type: ignore[misc]


def test_a_receipt_without_its_place_is_none() -> None:
    told = msgspec.to_builtins(RECEIPT)
    del told["place"]
    with pytest.raises(msgspec.ValidationError, match="place"):
        msgspec.convert(told, type(RECEIPT))

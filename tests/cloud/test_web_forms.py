"""Numbers on our pages, as each language writes them."""

from datetime import UTC, datetime

import pytest

from cloud.web.forms import FORMS


@pytest.mark.parametrize(
    ("kopecks", "russian", "english"),
    [
        (None, "—", "—"),
        (0, "0,00", "0.00"),
        (5, "0,05", "0.05"),
        (12010, "120,10", "120.10"),
        (123456789, "1\u00a0234\u00a0567,89", "1,234,567.89"),
    ],
)
def test_money(kopecks: int | None, russian: str, english: str) -> None:
    assert [FORMS[lang].rub(kopecks) for lang in ("ru", "en")] == [russian, english]


def test_times_shares_and_days() -> None:
    noon = datetime(2026, 11, 3, 15, 4, 5, tzinfo=UTC)
    ru, en = FORMS["ru"], FORMS["en"]
    assert [each.seconds(1234) for each in (ru, en)] == ["1,23", "1.23"]
    assert [each.share(22) for each in (ru, en)] == ["22\u00a0%", "22%"]
    assert [each.when(noon) for each in (ru, en)] == ["03.11.2026 15:04", "03 Nov 2026 15:04"]
    assert [each.minute(noon) for each in (ru, en)] == ["03.11 15:04", "03 Nov 15:04"]
    assert [each.second(noon) for each in (ru, en)] == ["03.11 15:04:05", "03 Nov 15:04:05"]
    assert [each.date(noon) for each in (ru, en)] == ["03.11.2026", "03 Nov 2026"]

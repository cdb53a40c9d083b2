"""Links to the pages of documents, by the forms of the reference: section 2.2."""

from dataclasses import replace

import pytest

from cloud.fiscal import FiscalDocument
from cloud.ofd import link

INN = "7708806062"
DOCUMENT = FiscalDocument(
    fn="9288000100014915",
    fd=108,
    fp=3004144185,
    at="20180522T122800",
    total=450005,
    rnm="0000000400054952",
)


@pytest.mark.parametrize(
    ("ofd_inn", "page"),
    [
        (
            "7709364346",
            "https://consumer.1-ofd.ru/v1?t=20180522T122800&s=4500.05&fn=9288000100014915&i=108&fp=3004144185&n=1",
        ),
        (
            "9715260691",
            "https://lk.platformaofd.ru/web/noauth/cheque?fn=9288000100014915&fp=3004144185&i=108",
        ),
        ("7704211201", "https://receipt.taxcom.ru/v01/show?fp=3004144185&s=4500.05"),
        (
            "7841465198",
            "https://ofd.ru/rec/7708806062/0000000400054952/9288000100014915/108/3004144185",
        ),
        ("7605016030", "https://ofd.sbis.ru/rec/0000000400054952/220518/3004144185"),
        (
            "6663003127",
            "https://cash.kontur.ru/CashReceipt/View/FN/9288000100014915/FD/108/FP/3004144185",
        ),
        ("7704358518", "https://ofd.yandex.ru/vaucher/0000000400054952/108/3004144185"),
        # One that tells its pages only to those who ask it with a token; and nobody.
        ("7728699517", None),
        ("7700000000", None),
        ("", None),
    ],
)
def test_each_operator_has_pages_of_its_own_form(ofd_inn: str, page: str | None) -> None:
    assert link(DOCUMENT, INN, ofd_inn) == page


@pytest.mark.parametrize(
    ("ofd_inn", "page"),
    [
        ("7605016030", None),
        ("7704358518", None),
        ("7841465198", "https://check.ofd.ru/rec/9288000100014915/108/3004144185"),
    ],
)
def test_without_the_registers_number_a_page_may_not_be_known(
    ofd_inn: str, page: str | None
) -> None:
    assert link(replace(DOCUMENT, rnm=""), INN, ofd_inn) == page


def test_numbers_padded_as_the_format_has_them_are_the_same() -> None:
    assert link(DOCUMENT, f"{INN}  ", "7841465198  ") == link(DOCUMENT, INN, "7841465198")
    assert link(DOCUMENT, f"{INN}  ", "7841465198  ") is not None


def test_a_returns_page_is_asked_for_as_a_return() -> None:
    page = link(replace(DOCUMENT, sign=2), INN, "7709364346")
    assert page is not None
    assert page.endswith("&n=2")

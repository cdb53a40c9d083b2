"""Operators of fiscal data: where each shows a document to its buyer."""

from collections.abc import Callable
from typing import Final

from cloud.fiscal import FiscalDocument


def link(document: FiscalDocument, inn: str, ofd_inn: str) -> str | None:
    """The page of a document; None if its operator is unknown, or needs what we do not know.

    `inn` is the seller's (tag 1018), `ofd_inn` the operator's (tag 1017); the format pads both
    with spaces.
    """
    form = _PAGES.get(ofd_inn.strip())
    return form(document, inn.strip()) if form else None


def _first(document: FiscalDocument, _: str) -> str:
    return f"https://consumer.1-ofd.ru/v1?{document.qr}"


def _platforma(document: FiscalDocument, _: str) -> str:
    return (
        "https://lk.platformaofd.ru/web/noauth/cheque"
        f"?fn={document.fn}&fp={document.fp}&i={document.fd}"
    )


def _taxcom(document: FiscalDocument, _: str) -> str:
    rubles, kopecks = divmod(document.total, 100)
    return f"https://receipt.taxcom.ru/v01/show?fp={document.fp}&s={rubles}.{kopecks:02d}"


def _ofd_ru(document: FiscalDocument, inn: str) -> str:
    """The short form does without the register."""
    numbers = f"{document.fn}/{document.fd}/{document.fp}"
    if inn and document.rnm:
        return f"https://ofd.ru/rec/{inn}/{document.rnm}/{numbers}"
    return f"https://check.ofd.ru/rec/{numbers}"


def _tensor(document: FiscalDocument, _: str) -> str | None:
    day = f"{document.at[6:8]}{document.at[4:6]}{document.at[2:4]}"
    rnm = document.rnm
    return f"https://ofd.sbis.ru/rec/{rnm}/{day}/{document.fp}" if rnm else None


def _kontur(document: FiscalDocument, _: str) -> str:
    return (
        "https://cash.kontur.ru/CashReceipt/View"
        f"/FN/{document.fn}/FD/{document.fd}/FP/{document.fp}"
    )


def _yandex(document: FiscalDocument, _: str) -> str | None:
    rnm = document.rnm
    return f"https://ofd.yandex.ru/vaucher/{rnm}/{document.fd}/{document.fp}" if rnm else None


_PAGES: Final[dict[str, Callable[[FiscalDocument, str], str | None]]] = {
    "7709364346": _first,
    "9715260691": _platforma,
    "7704211201": _taxcom,
    "7841465198": _ofd_ru,
    "7605016030": _tensor,
    "6663003127": _kontur,
    "7704358518": _yandex,
}
"""By the operator's INN. OFD-YA (7728699517) has no page that could be told beforehand."""

"""The page of a document, as an operator of fiscal data would show it."""

from html import escape
from typing import Final

from aiohttp import web

from cloud.emulators.drive import Document

_STYLE: Final = (
    "body{font:16px/1.5 monospace;background:#eee;display:grid;place-items:center;margin:2em}"
    "main{background:#fff;padding:2em;min-width:20em;box-shadow:0 1px 6px #0003}"
    "table{width:100%}td:last-child{text-align:right}h1{font-size:1.1em}"
)


def document_page(document: Document | None) -> web.Response:
    """The document, or 404."""
    if document is None:
        return web.Response(status=404, text="Документ не найден · No such document")
    told = document.request
    receipt = told["CustomerReceipt"]
    lines = "".join(
        f"<tr><td>{escape(line['Label'])}</td><td>{line['Amount']:.2f}</td></tr>"
        for line in receipt["Items"]
    )
    rows = {
        "ИТОГ": f"{document.total / 100:.2f}",
        "Безналичными": f"{receipt['Amounts'].get('Electronic', 0):.2f}",
        "Наличными": f"{receipt['Amounts'].get('Cash', 0):.2f}",
        "ИНН": told["Inn"],
        "Место расчётов": receipt.get("CalculationPlace", ""),
        "Дата": document.at.strftime("%d.%m.%Y %H:%M"),
        "Смена": document.shift,
        "Чек": document.number_in_shift,
        "ФН": document.fn,
        "ФД": document.fd,
        "ФП": document.fp,
    }
    body = "".join(
        f"<tr><td>{name}</td><td>{escape(str(value))}</td></tr>" for name, value in rows.items()
    )
    return web.Response(
        content_type="text/html",
        text=f"<!doctype html><meta charset=utf-8><title>Чек {document.fd}</title>"
        f"<style>{_STYLE}</style><main><h1>КАССОВЫЙ ЧЕК · эмулятор</h1>"
        f"<table>{lines}</table><hr><table>{body}</table></main>",
    )

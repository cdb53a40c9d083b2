"""The page of a document, as an operator of fiscal data would show it."""

from html import escape
from typing import Final

from aiohttp import web

from cloud.emulators.drive import Document

_STYLE: Final = (
    "body{font:16px/1.5 monospace;background:#eee;display:grid;place-items:center;margin:1em}"
    "main{background:#fff;padding:1.5em;max-width:26em;box-shadow:0 1px 6px #0003}"
    "table{width:100%}td{vertical-align:top;overflow-wrap:anywhere}"
    "td:last-child{text-align:right}h1{font-size:1.1em}"
)
_NAMED: Final = {
    "1018": "ИНН",
    "1055": "СНО",
    "1199": "Ставка НДС",
    "1212": "Предмет расчёта",
    "1214": "Способ расчёта",
    "1031": "Наличными",
    "1081": "Безналичными",
    "1036": "Автомат №",
    "1009": "Адрес расчётов",
    "1187": "Место расчётов",
    "1162": "Код товара",
    "2000": "Код маркировки",
    "1178": "Дата корректируемого расчёта",
}
_SIGNS: Final = {1: "ПРИХОД", 2: "ВОЗВРАТ ПРИХОДА", 3: "РАСХОД", 4: "ВОЗВРАТ РАСХОДА"}


def document_page(document: Document | None) -> web.Response:
    """The document, or 404."""
    if document is None:
        return web.Response(status=404, text="Документ не найден · No such document")
    told = document.told
    kind = "КАССОВЫЙ ЧЕК КОРРЕКЦИИ" if told.correction else "КАССОВЫЙ ЧЕК"
    rows = {
        str(told.tags.get("1030", "—")): f"{told.total / 100:.2f}",
        "ИТОГ": f"{told.total / 100:.2f}",
        **{f"{word} ({tag})": told.tags[tag] for tag, word in _NAMED.items() if tag in told.tags},
        "Дата": document.at.strftime("%d.%m.%Y %H:%M:%S"),
        "Смена": document.shift,
        "Чек": document.number_in_shift,
        "ФН": document.fn,
        "ФД": document.fd,
        "ФП": document.fp,
    }
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>"
        for name, value in rows.items()
    )
    return web.Response(
        content_type="text/html",
        text="<!doctype html><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width">'
        f"<title>Чек {document.fd}</title><style>{_STYLE}</style>"
        f"<main><h1>{kind} · эмулятор</h1><p>{_SIGNS[told.sign]}</p><table>{body}</table></main>",
    )

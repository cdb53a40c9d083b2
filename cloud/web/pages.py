"""Templates, and the two languages that they speak."""

from pathlib import Path
from typing import Any, Final

import jinja2
from aiohttp import web

from cloud.web.words import WORDS
from mdb.money import Money

_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def language(request: web.Request) -> str:
    """``?lang=`` first, then what the browser prefers; Russian where it says neither."""
    asked = request.query.get("lang")
    if asked is not None and asked in WORDS:
        return asked
    for part in request.headers.get("Accept-Language", "").split(","):
        code = part.split(";")[0].strip()[:2].lower()
        if code in WORDS:
            return code
    return "ru"


def render(request: web.Request, template: str, **values: Any) -> str:  # noqa: ANN401
    """A template in the reader's language."""
    code = language(request)
    words = WORDS[code]
    return _TEMPLATES.get_template(template).render(lang=code, say=words, rub=rub, **values)


def page(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:  # noqa: ANN401
    """A whole page."""
    return web.Response(
        text=render(request, template, **values),
        content_type="text/html",
        status=status,
        headers={
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": (
                "default-src 'self'; style-src 'self' 'unsafe-inline';"
                " script-src 'self' 'unsafe-inline'; img-src 'self' data:"
            ),
        },
    )


def rub(kopecks: int | None) -> str:
    """``1 234,50``, as an amount is written in Russian."""
    if kopecks is None:
        return "—"
    whole, _, part = str(Money(kopecks, None)).partition(".")
    return f"{int(whole):,}".replace(",", "\u00a0") + f",{part}"

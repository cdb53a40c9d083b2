"""Templates, and the two languages that they speak."""

from pathlib import Path
from typing import Any, Final

import jinja2
from aiohttp import web

from cloud.web.forms import FORMS
from cloud.web.words import WORDS

AGAIN_S: Final = 5
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
    speech = {"lang": code, "say": WORDS[code], "form": FORMS[code]}
    return _TEMPLATES.get_template(template).render(**speech, **values)


def busy(request: web.Request) -> web.Response:
    """The store cannot be read now: a page that asks again by itself."""
    answer = page(request, "busy.html", status=503, again_s=AGAIN_S)
    answer.headers["Retry-After"] = str(AGAIN_S)
    return answer


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

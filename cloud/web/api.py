"""The API of the desk, at the cabinet's address: what needs a hand, and what people decide of it.

    GET  /api/attention?machine=&cause=&all=1
    GET  /api/sales/{sale}
    POST /api/sales/{sale}/requeue | resolve | return | correct     JSON, as in cloud/desk/orders.py

``Authorization: Bearer WORD`` with the word in the file `api_token_file`. Every answer is JSON; what
is not done is answered with ``{"error": "…"}``, in the words of the command line: 400 what was sent
makes no sense, 401, 404 there is no such sale, 409 it is not to be had (why, and what to do first),
503 the store is busy.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from cloud.bell import Bell
from cloud.clock import now_ms
from cloud.config import Config
from cloud.desk.attention import look
from cloud.desk.finding import NoSuchSaleError, find
from cloud.desk.orders import Correct, Decision, Requeue, Resolve, Return, decide
from cloud.desk.settled import By
from cloud.desk.story import story
from cloud.errors import ConfigError, DecisionError
from cloud.store import BUSY, Store
from cloud.store.attention import CAUSES
from cloud.store.sites import Sites

ORDERS: Final[Mapping[str, type[Decision]]] = {
    "requeue": Requeue,
    "resolve": Resolve,
    "return": Return,
    "correct": Correct,
}
WHO: Final = "api"
"""Who decides, where a body does not say."""
SHORTEST: Final = 16
"""A word that is shorter can be guessed."""
Answering = Callable[[web.Request], Awaitable[object]]


class Api:
    """Routes for programs that hold the word."""

    def __init__(self, store: Store, word: str, due: Bell, news: Bell) -> None:
        self._store = store
        self._sites = Sites()
        self._word = word.encode()
        self._due = due
        self._news = news

    @staticmethod
    def word(config: Config) -> str | None:
        """The word that callers have to know; None: there is no API.

        Raises:
            ConfigError: its file cannot be read, or holds no word that is long enough.
        """
        file = config.api_token_file
        if file is None:
            return None
        try:
            word = Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise ConfigError(f"api_token_file: {file}: {reason}") from error
        if len(word) < SHORTEST or not word.isascii() or any(each.isspace() for each in word):
            raise ConfigError(
                f"api_token_file: {file}: expected one word of {SHORTEST} characters or more;"
                f" make one: openssl rand -hex 32 > {file}"
            )
        return word

    def routes(self) -> Sequence[web.RouteDef]:
        """Routes beside the cabinet's."""
        return [
            web.get("/api/attention", self._answering(self._attention)),
            web.get("/api/sales/{sale}", self._answering(self._show)),
            web.post("/api/sales/{sale}/{order}", self._answering(self._decide)),
        ]

    def _answering(
        self, answer: Answering
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Let in who knows the word; put what went wrong into words."""

        async def answered(request: web.Request) -> web.StreamResponse:
            if not self._knows(request):
                said = "expected Authorization: Bearer and the word of api_token_file"
                refusal = _error(HTTPStatus.UNAUTHORIZED, said)
                refusal.headers["WWW-Authenticate"] = "Bearer"
                return refusal
            try:
                told = await answer(request)
            except NoSuchSaleError as error:
                return _error(HTTPStatus.NOT_FOUND, str(error))
            except DecisionError as error:
                return _error(HTTPStatus.CONFLICT, str(error))
            except (ConfigError, msgspec.DecodeError, UnicodeDecodeError) as error:
                return _error(HTTPStatus.BAD_REQUEST, str(error))
            except web.RequestPayloadError:
                return _error(HTTPStatus.BAD_REQUEST, "the body cannot be unpacked")
            except BUSY:
                return _error(HTTPStatus.SERVICE_UNAVAILABLE, "the store is busy; try again")
            return web.Response(body=msgspec.json.encode(told), content_type="application/json")

        return answered

    def _knows(self, request: web.Request) -> bool:
        scheme, _, word = request.headers.get("Authorization", "").partition(" ")
        told = word.strip().encode("utf-8", "surrogateescape")
        return hmac.compare_digest(told, self._word) and scheme.lower() == "bearer"

    async def _attention(self, request: web.Request) -> object:
        query = request.query
        cause = query.get("cause")
        if cause not in {None, *CAUSES}:
            raise ConfigError(f"cause: expected one of {', '.join(CAUSES)}, not {cause!r}")
        async with self._store.reading() as connection:
            return await look(
                connection,
                now_ms(),
                machine=query.get("machine"),
                cause=cause,
                everything=query.get("all", "") in {"1", "true"},
            )

    async def _show(self, request: web.Request) -> object:
        async with self._store.reading() as connection:
            return await story(connection, await find(connection, request.match_info["sale"]))

    async def _decide(self, request: web.Request) -> object:
        kind = ORDERS.get(request.match_info["order"])
        if kind is None:
            raise NoSuchSaleError(f"expected one of {', '.join(ORDERS)}")
        body = await request.read()
        order = msgspec.json.decode(body or b"{}", type=kind)
        by = By(order.who or WHO, now_ms())
        settled = await decide(self._store, self._sites, request.match_info["sale"], order, by)
        if not order.dry_run:
            self._due.ring()
            self._news.ring()
        return settled


def _error(status: HTTPStatus, said: str) -> web.Response:
    return web.json_response({"error": said}, status=status)

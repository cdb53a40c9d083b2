"""What people open: strange addresses and names are answered, escaped, and open nobody else's receipt."""

from collections.abc import AsyncIterator, Sequence
from html.parser import HTMLParser
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hostile.cloud.intray import a_mailbox
from hostile.malice import TEXTS, garbage, tampered, texts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop import (
    MACHINE_AT_WORK,
    OPERATOR,
    SITE,
    a_config,
    a_document,
    a_fleet,
    a_sale,
    hear,
    id_of,
    leave,
    sell,
    states,
    stock,
    token_of,
)
from yarl import URL

from cloud.bell import Bell
from cloud.outcome import Dead, Done
from cloud.store import Store
from cloud.web.api import Api
from cloud.web.buyer import Buyer
from cloud.web.cabinet import Cabinet
from cloud.web.health import Health
from edge.wire import Channel, Incident, encode

Client = TestClient[web.Request, web.Application]
WORD = "open-sesame-open-sesame"
KNOWN = {"Authorization": f"Bearer {WORD}"}
SECRET_NAME = "Секретный капучино"
"""What stands on the receipt that nobody here has the token of."""
unhurried = settings(
    max_examples=60,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def served(*routes: Sequence[web.RouteDef]) -> AsyncIterator[Client]:
    app = web.Application()
    for each in routes:
        app.add_routes(each)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
async def client(store: Store) -> AsyncIterator[Client]:
    """What everybody may open."""
    async for each in served(
        Buyer(store, Bell(), look_s=0.05).routes(), Health(store, None, "one").routes()
    ):
        yield each


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Client]:
    """What is the operator's alone."""
    bell = Bell()
    async for each in served(
        Cabinet(a_config(), store, bell).routes(), Api(store, WORD, bell, bell).routes()
    ):
        yield each


async def a_secret(store: Store) -> None:
    """Somebody's receipt, issued; and another sale that needs a hand."""
    product = msgspec.structs.replace(SITE.products["cappuccino"], name=SECRET_NAME)
    site = msgspec.structs.replace(SITE, products={**SITE.products, product.id: product})
    await sell(store, a_sale(1), a_sale(2, amount=None), site=site)
    (key,) = await leave(store)
    await hear(store, Done(a_document()), key)


tokens = (
    st.sampled_from(
        ["", "..", "%2e%2e", token_of(1)[:15], token_of(1)[:-1] + "%", token_of(1) + "\n"]
    )
    | texts
    | st.text("0123456789abcdefghjkmnpqrstvwxyz%_'\0", min_size=16, max_size=16)
).filter(lambda token: token.lower() != token_of(1))
queries = st.dictionaries(st.sampled_from(["lang", "machine", "cause", "all"]), texts, max_size=3)
languages = st.sampled_from(["", ";;;,,,", "q=0", "ru;q=", "\xff", "en" * 3000, "*", "ru-\u202e"])


def encoded(path: str) -> str:
    return quote(path.encode("utf-8", "surrogatepass"), safe="%")


@unhurried
@given(token=tokens, query=queries, language=languages, capital=st.booleans())
async def test_a_strange_token_opens_nobodys_receipt(
    store: Store, client: Client, token: str, query: dict[str, str], language: str, *, capital: bool
) -> None:
    if not await states(store):
        await a_secret(store)
    path = URL(f"/{'R' if capital else 'r'}/{encoded(token)}", encoded=True).update_query(query)
    async with client.get(
        path, headers={"Accept-Language": language.encode("latin-1", "replace").decode("latin-1")}
    ) as answer:
        text = await answer.text()
        assert answer.status in {200, 400, 404}, text
    assert SECRET_NAME not in text
    assert "9999078900000001" not in text


async def test_the_right_token_opens_it(store: Store, client: Client) -> None:
    """Or what stands above would say nothing."""
    await a_secret(store)
    async with client.get(f"/r/{token_of(1)}") as answer:
        assert SECRET_NAME in await answer.text()


ORDERS = {
    "requeue": {"amount": 100, "price": True, "late": "receipt", "product": "tea", "code": "", "of": id_of(2), "register": "main", "who": "x"},
    "resolve": {"issued": a_document(2).qr, "purpose": "income", "insist": True},
    "return": {"duplicate": True},
    "correct": {"by_order": "12", "day": "2026-11-23"},
}  # fmt: skip


@unhurried
@given(told=st.data())
async def test_whatever_the_api_is_asked_it_is_answered_in_json(
    store: Store, desk: Client, told: st.DataObject
) -> None:
    if not await states(store):
        await a_secret(store)
    order = told.draw(st.sampled_from([*ORDERS]))
    sale = told.draw(st.sampled_from([id_of(2), id_of(9), token_of(2), "0"]) | texts)
    body = told.draw(garbage | tampered({**ORDERS[order], "dry_run": True}))
    path = URL(f"/api/sales/{encoded(sale)}/{order}", encoded=True)
    extra = told.draw(
        st.sampled_from(
            [{}, {}, {"Content-Encoding": "gzip", "Connection": "close"}, {"Content-Type": "?"}]
        )
    )
    async with desk.post(path, data=body, headers={**KNOWN, **extra}) as answer:
        assert answer.status in {200, 400, 404, 409, 413, 415}, await answer.text()
    query = told.draw(queries)
    for asked in (
        URL(f"/api/sales/{encoded(sale)}", encoded=True),
        URL("/api/attention").with_query(query),
    ):
        async with desk.get(asked, headers=KNOWN) as answer:
            assert answer.status in {200, 400, 404, 409}, await answer.text()


@unhurried
@given(word=texts, scheme=st.sampled_from(["Bearer", "bearer", "Basic", "", "Bearer Bearer"]))
async def test_who_guesses_the_word_changes_nothing(desk: Client, word: str, scheme: str) -> None:
    said = f"{scheme} {word}".encode("latin-1", "replace").decode("latin-1")
    said = "".join(each for each in said if each >= " " and each != "\x7f")
    async with desk.get("/api/attention", headers={"Authorization": said}) as answer:
        assert answer.status == 401


# What is in a page. ------------------------------------------------------------------------------


class Reader(HTMLParser):
    """The elements of a page, what their attributes say, and its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, frozenset[str]]] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, frozenset(name for name, _ in attrs)))

    @property
    def scripts(self) -> int:
        return sum(tag == "script" for tag, _ in self.elements)

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


async def shown(client: Client, path: str) -> Reader:
    async with client.get(path, headers={"Accept-Language": "en"}) as answer:
        assert answer.status == 200
        return read(await answer.text())


async def a_shop_of(store: Store, name: str) -> None:
    """Everything that has a name has this one: a receipt, a refusal, a sale that is stuck, an incident."""
    replace = msgspec.structs.replace
    machine = replace(MACHINE_AT_WORK, address=name, place=name)
    operator = replace(OPERATOR, name=name)
    product = replace(SITE.products["cappuccino"], name=name)
    await stock(store, *a_fleet(operator))
    site = replace(
        SITE, machine=machine, operator=operator, products={**SITE.products, product.id: product}
    )
    await sell(
        store,
        a_sale(1),
        a_sale(2),
        a_sale(3, item=name[:256] or None, sold_at=name[:256]),
        site=site,
    )
    for key in await leave(store):
        await hear(store, Done(a_document()) if key == id_of(1) else Dead(name or "x"), key)
    told = Incident(
        epoch="0" * 8, number=1, kind=name[:256], text=name[:256], at=name[:256], clock="synced",
        boot_id="", boottime_ms=0,
    )  # fmt: skip
    async with a_mailbox(store) as mailbox:
        await mailbox.take((Channel.INCIDENT.of("vm-000123"), encode(told)))


ODD = [each for each in TEXTS if each.strip()]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("number", range(len(ODD)), ids=lambda number: ascii(ODD[number])[:24])
async def test_names_are_text_and_nothing_else(
    store: Store, client: Client, desk: Client, number: int
) -> None:
    name = ODD[number]
    await a_shop_of(store, name)
    pages = [await shown(client, f"/r/{token_of(1)}"), await shown(desk, "/")]
    for page in pages:
        assert {tag for tag, _ in page.elements} <= TAGS
        assert not {each for _, names in page.elements for each in names if each.startswith("on")}
        assert page.scripts <= 1
    if not set(name) & set("\0\r\n\ufeff"):  # which no page, or no receipt, can hold
        assert name.strip()[:80] in "".join(pages[1].said)
    if (await states(store)).get(id_of(1)) == "issued":
        assert (len(pages[0].elements), len(pages[0].said)) == OF_A_RECEIPT


TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "script",
        "h1",
        "h2",
        "div",
        "span",
    ),
    *("dl", "dt", "dd", "svg", "path", "ul", "li", "b", "code", "table", "thead", "tr", "th"),
    *("tbody", "td", "a", "link", "p", "section", "header", "nav"),
}
OF_A_RECEIPT = (44, 62)
"""So many elements and texts it has, whatever stands in them."""

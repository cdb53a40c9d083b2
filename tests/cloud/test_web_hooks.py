"""Pushes: merged with what asking finds; whatever is sent, the answer is never a fault of ours."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parts import until
from shop import (
    SECRET,
    SETTINGS,
    Account,
    a_document,
    a_fleet,
    a_sale,
    hear,
    id_of,
    incidents,
    leave,
    now_ms,
    sell,
    states,
    stock,
    the_attempts,
    the_receipt,
    write,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.bell import Bell
from cloud.fiscal import FiscalDocument
from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown
from cloud.providers import Attempt, Finding, Notice, Provider
from cloud.providers.cloudkassir import CloudKassir, Settings
from cloud.receipt import Purpose, Receipt
from cloud.registers import Opened
from cloud.store import Store, decisions
from cloud.store.schema import receipt
from cloud.web.hooks import Hooks

Client = TestClient[web.Request, web.Application]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def news() -> Bell:
    return Bell()


@pytest.fixture
def due() -> Bell:
    return Bell()


class Hinting:
    """A provider whose pushes say only that there is news: ``KEY`` or ``KEY NAME``."""

    memory_s = 0.0
    by_key = False
    knows_repeats = False

    def compose(self, receipt: Receipt, key: str) -> str:
        raise NotImplementedError(receipt, key)

    async def submit(self, attempt: Attempt) -> Outcome:
        raise NotImplementedError(attempt)

    async def ask(self, attempt: Attempt) -> Outcome:
        raise NotImplementedError(attempt)

    async def check(self) -> Sequence[Finding]:
        raise NotImplementedError

    def notice(self, body: bytes, _headers: Mapping[str, str]) -> Notice | None:
        key, _, name = body.decode().partition(" ")
        return Notice(key, None, name or None) if key else None


@pytest.fixture
async def client(store: Store, due: Bell, news: Bell, tmp_path: Path) -> AsyncIterator[Client]:
    secret = tmp_path / "its.secret"
    secret.write_text(SECRET, "utf-8")
    settings = msgspec.convert({**SETTINGS, "secret_file": str(secret)}, Settings)
    providers: dict[str, Provider] = {}
    async with aiohttp.ClientSession() as http:
        for name in ("main", "side"):
            providers[name] = CloudKassir(http, settings)
        providers["twin"], providers["hinting"] = CloudKassir(http, settings), Hinting()
        registers = {
            name: Opened(
                Account(
                    id=name,
                    operator="coffee",
                    provider="ferma" if name == "hinting" else "cloudkassir",
                    settings={"public_id": "another"} if name == "side" else {},
                ),
                settings,
                provider,
            )
            for name, provider in providers.items()
        }
        app = web.Application()
        app.add_routes(Hooks(store, registers, due, news).routes())
        async with TestClient(TestServer(app)) as served:
            yield served


async def sent(store: Store, *numbers: int) -> None:
    """Sales whose receipts are with the provider."""
    await sell(store, *(a_sale(number) for number in numbers))
    await leave(store)


def told(document: FiscalDocument, key: str) -> dict[str, str]:
    return {
        "Id": "sc_1",
        "DocumentNumber": str(document.fd),
        "FiscalNumber": document.fn,
        "QrCodeUrl": f"https://qr.example/receipt?q={quote(document.qr)}",
        "Url": "https://ofd.example/1",
        "InvoiceId": key,
    }


def sign(body: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()


async def push(
    client: Client, body: bytes, signature: str | None = None, kind: str = FORM, to: str = "main"
) -> tuple[int, str]:
    headers = {"Content-HMAC": signature or sign(body), "Content-Type": kind}
    async with client.post(f"/hook/{to}", data=body, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_a_push_issues_a_receipt_and_is_taken(
    store: Store, client: Client, news: Bell
) -> None:
    await sent(store, 1)
    heard = news.listen()
    body = urlencode(told(a_document(), id_of(1))).encode()
    assert await push(client, body) == (200, '{"code": 0}')
    row = await the_receipt(store)
    (used,) = await the_attempts(store)
    assert (row.state, row.fd, used.provider_id) == ("issued", 1, "sc_1")
    assert row.link == "https://ofd.example/1"
    assert heard.is_set()


async def test_a_push_that_comes_twice_changes_nothing(store: Store, client: Client) -> None:
    await sent(store, 1)
    body = urlencode(told(a_document(), id_of(1))).encode()
    await push(client, body)
    before = await the_receipt(store)
    assert await push(client, body) == (200, '{"code": 0}')
    assert await the_receipt(store) == before
    assert await incidents(store) == []


async def test_a_second_document_is_an_incident_and_is_taken(store: Store, client: Client) -> None:
    await sent(store, 1)
    for fd in (1, 2):
        body = urlencode(told(a_document(fd), id_of(1))).encode()
        assert (await push(client, body))[0] == 200
    assert (await the_receipt(store)).fd == 1
    assert await incidents(store) == ["duplicate receipt"]


async def test_a_document_of_another_sale_is_an_incident_and_is_taken(
    store: Store, client: Client
) -> None:
    await sent(store, 1, 2)
    for number in (1, 2):
        body = urlencode(told(a_document(1), id_of(number))).encode()
        assert (await push(client, body))[0] == 200
    assert (await states(store))[id_of(2)] != "issued"
    assert await incidents(store) == ["document of another sale"]


async def test_a_push_about_nothing_of_ours_is_taken(store: Store, client: Client) -> None:
    body = urlencode(told(a_document(), "of somebody else")).encode()
    assert await push(client, body) == (200, '{"code": 0}')
    assert await states(store) == {}


@pytest.mark.parametrize("signature", ["wrong", "ключ", "="])
async def test_a_wrong_signature_changes_nothing(
    store: Store, client: Client, signature: str
) -> None:
    await sent(store, 1)
    body = urlencode(told(a_document(), id_of(1))).encode()
    status, text = await push(client, body, signature)
    assert (status, json.loads(text)) == (401, {"error": "wrong signature"})
    assert await states(store) == {id_of(1): "submitted"}


async def test_a_register_that_is_not_ours_is_404(client: Client) -> None:
    assert (await push(client, b"", to="other"))[0] == 404


async def test_a_push_to_the_address_of_the_accounts_other_register_is_believed(
    store: Store, client: Client
) -> None:
    """An account has one address for its pushes, whatever registers it has."""
    await sent(store, 1)
    body = urlencode(told(a_document(), id_of(1))).encode()
    assert (await push(client, body, to="twin"))[0] == 200
    assert await states(store) == {id_of(1): "issued"}


async def test_a_push_to_another_accounts_address_changes_nothing_and_is_taken(
    store: Store, client: Client
) -> None:
    await sent(store, 1)
    body = urlencode(told(a_document(), id_of(1))).encode()
    assert (await push(client, body, to="side"))[0] == 200
    assert await states(store) == {id_of(1): "submitted"}


async def test_a_push_of_the_register_that_a_receipt_was_moved_from_is_believed(
    store: Store, client: Client
) -> None:
    """It had called the key dead, and recorded it after all."""
    side = Account(id="side", operator="coffee", provider="cloudkassir", settings=dict(SETTINGS))
    await stock(store, *a_fleet(side))
    await sent(store, 1)
    await hear(store, Dead("no such group"))
    async with store.transaction() as connection:
        await decisions.requeue(connection, id_of(1), Purpose.INCOME, "olga", 1, register="side")
    body = urlencode(told(a_document(), id_of(1))).encode()
    assert (await push(client, body, to="main"))[0] == 200
    row = await the_receipt(store)
    assert (row.state, row.register) == ("issued", "main")
    assert await incidents(store) == ["recorded after all"]


async def test_a_push_about_a_receipt_that_was_closed_is_taken_and_overrules(
    store: Store, client: Client
) -> None:
    await sent(store, 1)
    await hear(store, Dead("code 13"))
    async with store.transaction() as connection:
        await decisions.close(connection, id_of(1), Purpose.INCOME, "nobody bought it", "olga", 1)
    body = urlencode(told(a_document(), id_of(1))).encode()
    assert (await push(client, body))[0] == 200
    assert await states(store) == {id_of(1): "issued"}


async def hinted(store: Store, *outcomes: Outcome) -> None:
    """A receipt at a register that only hints, and what it said of it."""
    await stock(store, *a_fleet())
    account = Account(id="hinting", operator="coffee", provider="ferma", settings={})
    await stock(store, account)
    await sell(store, a_sale())
    async with store.transaction() as connection:
        await decisions.requeue(connection, id_of(1), Purpose.INCOME, "olga", 1, register="hinting")
    await leave(store, "hinting")
    for outcome in outcomes:
        await hear(store, outcome, register="hinting")


async def test_a_hint_lets_the_lane_ask_at_once_and_rings_it(
    store: Store, client: Client, due: Bell, news: Bell
) -> None:
    await hinted(store, Accepted())
    rung, heard = due.listen(), news.listen()
    assert (await push(client, f"{id_of(1)} sc_1".encode(), to="hinting"))[0] == 200
    (used,) = await the_attempts(store)
    assert ((await the_receipt(store)).next_at <= now_ms(), used.provider_id) == (True, "sc_1")
    assert (rung.is_set(), heard.is_set()) == (True, False)


@pytest.mark.parametrize("body", [b"of somebody else", b""])
async def test_a_hint_about_nothing_of_ours_is_taken(
    store: Store, client: Client, body: bytes
) -> None:
    await hinted(store, Accepted("sc_1"))
    before = await the_receipt(store)
    assert await push(client, body, to="hinting") == (200, '{"code": 0}')
    assert await the_receipt(store) == before


async def test_a_hint_about_what_is_issued_changes_no_document(
    store: Store, client: Client
) -> None:
    await hinted(store, Done(a_document()))
    assert (await push(client, id_of(1).encode(), to="hinting"))[0] == 200
    row = await the_receipt(store)
    assert (row.state, row.fd) == ("issued", 1)
    assert await leave(store, "hinting") == []


async def test_a_hint_of_a_receipt_that_waits_for_a_person_has_the_provider_asked(
    store: Store, client: Client, due: Bell
) -> None:
    await hinted(store, Unknown("look for it", final=True))
    rung = due.listen()
    assert (await push(client, f"{id_of(1)} sc_1".encode(), to="hinting"))[0] == 200
    (used,) = await the_attempts(store)
    assert (used.hinted, used.provider_id, rung.is_set()) == (True, "sc_1", True)
    assert await states(store) == {id_of(1): "attention"}


# Many at once. -----------------------------------------------------------------------------------


class Counting(Store):
    """How many transactions there were; each waits until it may go on."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.count = 0
        self.busy = False
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        self.count += 1
        self.begun.set()
        await self.go_on.wait()
        if self.busy:
            raise sa.exc.TimeoutError("another process has been writing all the time")
        async with self._inner.transaction() as connection:
            yield connection


@pytest.fixture
async def crowded(
    store: Store, due: Bell, news: Bell, tmp_path: Path
) -> AsyncIterator[tuple[Counting, Client]]:
    secret = tmp_path / "its.secret"
    secret.write_text(SECRET, "utf-8")
    settings = msgspec.convert({**SETTINGS, "secret_file": str(secret)}, Settings)
    account = Account(id="main", operator="coffee", provider="cloudkassir")
    counting = Counting(store)
    async with aiohttp.ClientSession() as http:
        opened = {"main": Opened(account, settings, CloudKassir(http, settings))}
        app = web.Application()
        app.add_routes(Hooks(counting, opened, due, news).routes())
        async with TestClient(TestServer(app)) as served:
            yield counting, served


async def crowd(
    counting: Counting, client: Client, *pushes: tuple[FiscalDocument, str]
) -> "asyncio.Future[list[tuple[int, str]]]":
    """Pushes that all came before the first of them was written."""
    bodies = [urlencode(told(*each)).encode() for each in pushes]
    answers = [asyncio.ensure_future(push(client, bodies[0]))]
    await asyncio.wait_for(counting.begun.wait(), 10)
    answers += [asyncio.ensure_future(push(client, each)) for each in bodies[1:]]
    return asyncio.gather(*answers)


async def all_came(client: Client, count: int) -> None:
    """Until so many requests are being served."""
    server = client.server.handler
    await until(lambda: server is not None and server.requests_count >= count)


async def test_pushes_that_come_together_are_written_together(
    store: Store, crowded: tuple[Counting, Client]
) -> None:
    counting, client = crowded
    numbers = range(1, 31)
    await sent(store, *numbers)
    pushes = [(a_document(number), id_of(number)) for number in numbers]
    answers = await crowd(counting, client, *pushes)
    await all_came(client, len(pushes))
    counting.go_on.set()
    assert {status for status, _ in await answers} == {200}
    assert set((await states(store)).values()) == {"issued"}
    assert counting.count <= 10


async def test_one_push_that_cannot_be_written_spoils_no_other(
    store: Store, crowded: tuple[Counting, Client]
) -> None:
    counting, client = crowded
    await sent(store, 1, 2, 3)
    await write(store, sa.update(receipt).where(receipt.c.sale_id == id_of(2)).values(request="{}"))
    pushes = [(a_document(number), id_of(number)) for number in (1, 2, 3)]
    answers = await crowd(counting, client, *pushes)
    await all_came(client, len(pushes))
    counting.go_on.set()
    assert [status for status, _ in await answers] == [200, 500, 200]
    assert await states(store) == {id_of(1): "issued", id_of(2): "submitted", id_of(3): "issued"}


async def test_pushes_that_find_the_store_busy_are_to_come_again(
    store: Store, crowded: tuple[Counting, Client]
) -> None:
    counting, client = crowded
    await sent(store, 1, 2)
    answers = await crowd(counting, client, (a_document(1), id_of(1)), (a_document(2), id_of(2)))
    await all_came(client, 2)
    counting.busy = True
    counting.go_on.set()
    assert [status for status, _ in await answers] == [503, 503]
    assert set((await states(store)).values()) == {"submitted"}


async def raw(client: Client, request: bytes) -> bytes:
    """The status line that these bytes are answered with; no client would send them."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(request)
    async with asyncio.timeout(20):
        line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-HMAC: \xff\xfe",
        b"X-Content-HMAC: \xc3\x28",
        b"Content-Type: \xff",
        b"Content-Encoding: gzip",
        b"Transfer-Encoding: chunked",
    ],
)
async def test_headers_that_are_no_text_are_no_fault_of_ours(
    client: Client, headers: bytes
) -> None:
    request = b"POST /hook/main HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n%b\r\n\r\na=1"
    line = await raw(client, request % headers)
    assert line.split()[1][:1] == b"4"


bodies = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(
        st.sampled_from(list(told(a_document(), ""))),
        st.one_of(
            st.text(max_size=20), st.sampled_from(["http://[", "?q=" + quote(a_document().qr)])
        ),
    ).map(lambda changed: urlencode({**told(a_document(), id_of(1)), **changed}).encode()),
    st.dictionaries(
        st.sampled_from(list(told(a_document(), ""))),
        st.none() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=3)),
    ).map(lambda changed: json.dumps({**told(a_document(), id_of(1)), **changed}).encode()),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=bodies, signed=st.booleans(), kind=st.sampled_from([FORM, "application/json", "?"]))
async def test_whatever_is_pushed_is_taken_or_refused(
    store: Store,
    client: Client,
    body: bytes,
    *,
    signed: bool,
    kind: str,
) -> None:
    if not await states(store):
        await sent(store, 1)
    status, _ = await push(client, body, None if signed else "guessed", kind)
    assert status == (200 if signed else 401)

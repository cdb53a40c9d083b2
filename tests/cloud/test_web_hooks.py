"""Pushes: merged with what asking finds; whatever is sent, the answer is never a fault of ours."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop import (
    SECRET,
    a_document,
    a_sale,
    id_of,
    incidents,
    sell,
    states,
    the_receipt,
)

from cloud.bell import Bell
from cloud.fiscal import FiscalDocument
from cloud.providers.cloudkassir import CloudKassir
from cloud.store import Store
from cloud.web.hooks import Hooks

Client = TestClient[web.Request, web.Application]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def news() -> Bell:
    return Bell()


@pytest.fixture
async def client(store: Store, news: Bell) -> AsyncIterator[Client]:
    provider = CloudKassir(None, "http://127.0.0.1", "demo", SECRET, 1)  # type: ignore[arg-type]
    app = web.Application()
    app.add_routes(Hooks(store, {"main": provider}, news).routes())
    async with TestClient(TestServer(app)) as served:
        yield served


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
    await sell(store, a_sale())
    heard = news.listen()
    body = urlencode(told(a_document(), id_of(1))).encode()
    assert await push(client, body) == (200, '{"code": 0}')
    row = await the_receipt(store)
    assert (row.state, row.fd, row.provider_id) == ("issued", 1, "sc_1")
    assert row.link == "https://ofd.example/1"
    assert heard.is_set()


async def test_a_push_that_comes_twice_changes_nothing(store: Store, client: Client) -> None:
    await sell(store, a_sale())
    body = urlencode(told(a_document(), id_of(1))).encode()
    await push(client, body)
    before = await the_receipt(store)
    assert await push(client, body) == (200, '{"code": 0}')
    assert await the_receipt(store) == before
    assert await incidents(store) == []


async def test_a_second_document_is_an_incident_and_is_taken(store: Store, client: Client) -> None:
    await sell(store, a_sale())
    for fd in (1, 2):
        body = urlencode(told(a_document(fd), id_of(1))).encode()
        assert (await push(client, body))[0] == 200
    assert (await the_receipt(store)).fd == 1
    assert await incidents(store) == ["duplicate receipt"]


async def test_a_document_of_another_sale_is_an_incident_and_is_taken(
    store: Store, client: Client
) -> None:
    await sell(store, a_sale(1), a_sale(2))
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
    await sell(store, a_sale())
    body = urlencode(told(a_document(), id_of(1))).encode()
    status, text = await push(client, body, signature)
    assert (status, json.loads(text)) == (401, {"error": "wrong signature"})
    assert await states(store) == {id_of(1): "waiting"}


async def test_a_register_that_is_not_ours_is_404(client: Client) -> None:
    assert (await push(client, b"", to="other"))[0] == 404


async def raw(client: Client, request: bytes) -> bytes:
    """The status line that these bytes are answered with; no client would send them."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(request)
    async with asyncio.timeout(5):
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
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
        await sell(store, a_sale())
    status, _ = await push(client, body, None if signed else "guessed", kind)
    assert status == (200 if signed else 401)

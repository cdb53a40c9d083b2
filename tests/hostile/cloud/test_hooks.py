"""Pushes that nobody's provider sent: never a fault of ours, and no document without a proof."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hostile.cloud.intray import OF_SALES
from hostile.malice import garbage, tampered, texts
from hostile.providers import PUSHES, Network, clients_in
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinds import KINDS
from shop import Account, a_fleet, a_sale, id_of, leave, rows, sell, stock

from cloud.bell import Bell
from cloud.providers import Account as Settled
from cloud.registers import Opened
from cloud.store import Store
from cloud.store.schema import attempt, history, incident, receipt
from cloud.web.hooks import Hooks

Client = TestClient[web.Request, web.Application]
TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "text/html",
    "?",
    "multipart/form-data",
    "",
)
SIGNATURES = ("Content-HMAC", "X-Content-HMAC", "X-HMAC-Signature", "Authorization", "X-Signature")
headers = st.fixed_dictionaries(
    {"Content-Type": st.sampled_from(TYPES)},
    optional=dict.fromkeys(
        SIGNATURES, st.sampled_from(["", "=", "AAAA", "0" * 32, "guessed", "ÿ"])
    ),
)


def bodies(kind: str) -> st.SearchStrategy[bytes]:
    push = PUSHES[kind]
    form = st.dictionaries(st.sampled_from(sorted(push)) | texts, texts, max_size=4)
    return (
        garbage
        | tampered(push)
        | form.map(lambda told: urlencode({**push, **told}, errors="replace").encode())
    )


@pytest.fixture
async def client(store: Store, tmp_path: Path) -> AsyncIterator[Client]:
    """The hook of a register of each kind; a receipt is on its way at each."""
    await stock(store, *a_fleet())
    opened = {}
    for number, (name, each) in enumerate(clients_in(tmp_path, Network()).items(), 1):
        register = Account(id=name, operator="coffee", provider=KINDS[name].provider, settings={})
        await stock(store, register)
        opened[name] = Opened(register, Settled(url="https://unused"), each)
        await sell(store, a_sale(number))
        move = sa.update(receipt).where(receipt.c.sale_id == id_of(number)).values(register=name)
        async with store.transaction() as connection:
            await connection.execute(move)
        await leave(store, name)
    app = web.Application()
    app.add_routes(Hooks(store, opened, Bell(), Bell()).routes())
    async with TestClient(TestServer(app)) as served:
        yield served


WHEN = {"next_at", "hinted", "provider_id"}
"""What a hint may change: that a provider is asked, and by which number."""


async def what_is_so(store: Store) -> Sequence[Sequence[Any]]:
    """Of every receipt, attempt and word of its history."""
    tables = (receipt, attempt, history, incident, *OF_SALES)
    return [
        tuple(each)
        for table in tables
        for each in await rows(
            store,
            sa.select(*(column for column in table.c if column.name not in WHEN)).order_by(
                *table.primary_key
            ),
        )
    ]


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(told=st.data())
async def test_whatever_a_stranger_pushes_nothing_is_so_that_was_not(
    store: Store, client: Client, kind: str, told: st.DataObject
) -> None:
    number = 1 + [*KINDS].index(kind)
    before = await what_is_so(store)
    body = told.draw(bodies(kind)).replace(id_of(1).encode(), id_of(number).encode())
    path = told.draw(st.sampled_from([kind, kind, kind, "other", "%00", "..%2f", "Ø"]))
    for _ in range(2):  # and replayed
        async with client.post(f"/hook/{path}", data=body, headers=told.draw(headers)) as answer:
            assert answer.status < 500 or answer.status == 503, await answer.text()
            assert answer.status in {200, 400, 401, 404, 413}
    assert await what_is_so(store) == before

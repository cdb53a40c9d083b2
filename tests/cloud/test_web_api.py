"""The API: the desk's own words and decisions, for who knows the word."""

import dataclasses
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from fate import LOST, REFUSED, accept, issue, meet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop import a_config, a_document, a_sale, id_of, now_ms, rows, sell, states, token_of

from cloud.bell import Bell
from cloud.desk.orders import Requeue, decide
from cloud.desk.settled import By
from cloud.errors import ConfigError, DecisionError
from cloud.store import Store, history
from cloud.store.schema import receipt
from cloud.store.sites import Sites
from cloud.web.api import SHORTEST, Api

WORD = "open-sesame-open-sesame"
KNOWN = {"Authorization": f"Bearer {WORD}"}


@dataclass
class Desk:
    """The API over real HTTP, and the bells it rings."""

    client: TestClient[web.Request, web.Application]
    due: Bell
    news: Bell

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.client.get(path, headers={**KNOWN, **headers}) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: object = None, number: int = 1) -> tuple[int, Any]:
        sent = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        path = f"/api/sales/{id_of(number)}/{path}"
        async with self.client.post(path, data=sent, headers=KNOWN) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def serving(store: Store) -> AsyncIterator[Desk]:
    due, news = Bell(), Bell()
    app = web.Application()
    app.add_routes(Api(store, WORD, due, news).routes())
    async with TestClient(TestServer(app)) as client:
        yield Desk(client, due, news)


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with serving(sqlite_store) as served:
        yield served


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


async def test_who_does_not_know_the_word_is_told_nothing(desk: Desk) -> None:
    wrong = ["", "Bearer", "Bearer wrong", f"Basic {WORD}", f"Bearer {WORD}x", WORD, "Bearer ключ"]
    paths = [("GET", "attention"), ("GET", "sales/1"), ("POST", "sales/1/return")]
    for told, (method, path) in itertools.product(wrong, paths):
        headers = {"Authorization": told} if told else {}
        async with desk.client.request(method, f"/api/{path}", headers=headers) as answer:
            assert answer.status == 401, told
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert set(await answer.json()) == {"error"}


async def test_the_word_may_be_told_as_the_standard_lets_it(desk: Desk) -> None:
    status, _ = await desk.get("/api/attention", Authorization=f"bearer  {WORD} ")
    assert status == 200


async def test_what_needs_a_hand_is_one_object(desk: Desk, store: Store) -> None:
    await sell(store, a_sale(1, amount=None), a_sale(2))
    await meet(store, REFUSED, 2)
    status, told = await desk.get("/api/attention")
    assert (status, told["total"]) == (200, 2)
    assert [each["cause"] for each in told["items"]] == ["amount", "refused"]
    _, one = await desk.get("/api/attention?cause=refused&machine=vm-000123&all=1")
    assert [each["sale_id"] for each in one["items"]] == [id_of(2)]
    status, wrong = await desk.get("/api/attention?cause=nonsense")
    assert status == 400
    assert wrong["error"].startswith("cause: expected one of")


async def test_a_sale_is_told_by_its_id_or_its_token(desk: Desk, store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    for name in (id_of(1), token_of(1)):
        status, told = await desk.get(f"/api/sales/{name}")
        assert (status, told["receipts"][0]["qr"]) == (200, a_document(1).qr)
    status, told = await desk.get("/api/sales/nothing")
    assert (status, "there is no sale" in told["error"]) == (404, True)


async def test_a_refusal_is_in_the_words_of_the_command_line(desk: Desk, store: Store) -> None:
    await sell(store, a_sale())
    await accept(store)
    status, told = await desk.post("requeue")
    assert status == 409
    with pytest.raises(DecisionError) as refusal:
        await decide(store, Sites(), id_of(1), Requeue(), By("anna", now_ms()))
    assert told == {"error": str(refusal.value)}


async def test_a_sale_goes_its_whole_way_by_the_api(desk: Desk, store: Store) -> None:
    await sell(store, a_sale(amount=None))
    due, news = desk.due.listen(), desk.news.listen()
    status, told = await desk.post("requeue", {"amount": 12010, "who": "anna"})
    assert (status, told["state"]) == (200, "waiting")
    assert due.is_set()
    assert news.is_set()
    await meet(store, LOST)
    status, told = await desk.post("resolve", {"not_issued": True})
    assert (status, told["state"]) == (200, "attention")
    await desk.post("requeue")
    await meet(store, LOST, attempt=1)
    status, told = await desk.post("resolve", {"issued": a_document(4).qr})
    assert (status, told["state"]) == (200, "issued")
    status, told = await desk.post("return")
    assert (status, told["purpose"], told["state"]) == (200, "income_return", "waiting")
    async with store.reading() as connection:
        by = [each.who for each in await history.of(connection, id_of(1)) if each.who != "lane"]
    assert set(by) == {"intake", "anna", "api"}


async def test_a_second_document_is_written_down_and_settled_by_the_api(
    desk: Desk, store: Store
) -> None:
    await sell(store, a_sale())
    await issue(store)
    old = {"issued": dataclasses.replace(a_document(2), at="20261101T1200").qr}
    for body, word in ((old, "--second"), ({**old, "second": True}, "--insist")):
        status, told = await desk.post("resolve", body)
        assert (status, word in told["error"]) == (409, True)
    status, _ = await desk.post("resolve", {**old, "second": True, "insist": True})
    assert status == 200
    assert len((await desk.get("/api/attention"))[1]["duplicates"]) == 1
    status, told = await desk.post("resolve", {"undone": "a typing error", "who": "anna"})
    assert (status, told["state"]) == (200, "receipt")
    assert (await desk.get("/api/attention"))[1]["duplicates"] == []


async def test_a_correction_is_asked_for_with_its_order(desk: Desk, store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, REFUSED)
    status, told = await desk.post("correct", {"by_order": "12-34", "day": "2026-11-22"})
    assert (status, told["purpose"]) == (200, "correction")
    (row,) = await rows(
        store, sa.select(receipt.c.request).where(receipt.c.purpose == "correction")
    )
    assert json.loads(row.request)["cause"] == {
        "by_order": True,
        "day": "2026-11-22",
        "number": "12-34",
    }


async def test_what_is_only_tried_rings_no_bell_and_changes_nothing(
    desk: Desk, store: Store
) -> None:
    await sell(store, a_sale())
    await issue(store)
    due = desk.due.listen()
    status, told = await desk.post("return", {"dry_run": True})
    assert (status, told["dry_run"]) == (200, True)
    assert not due.is_set()
    assert await states(store) == {id_of(1): "issued"}


@pytest.mark.parametrize(
    ("order", "body"),
    [
        ("requeue", b"{"),
        ("requeue", b"[]"),
        ("requeue", b"\xff"),
        ("requeue", b'{"code": "\xff"}'),
        ("requeue", {"amount": "120.00"}),
        ("requeue", {"amount": -1}),
        ("requeue", {"late": "never"}),
        ("requeue", {"nonsense": 1}),
        ("return", {"duplicate": "yes"}),
        ("correct", {"day": "yesterday"}),
        ("resolve", {}),
        ("resolve", {"skip": "x", "not_issued": True}),
        ("resolve", {"issued": "t=", "purpose": "none"}),
        ("return", {"who": ""}),
    ],
)
async def test_what_makes_no_sense_is_400_and_says_what_was_expected(
    desk: Desk, store: Store, order: str, body: object
) -> None:
    await sell(store, a_sale())
    status, told = await desk.post(order, body)
    assert status == 400
    assert set(told) == {"error"}


async def test_a_body_that_cannot_be_unpacked_is_400(desk: Desk, store: Store) -> None:
    """Found by hostile bodies: the answer was 500."""
    await sell(store, a_sale())
    path, headers = f"/api/sales/{id_of(1)}/requeue", {**KNOWN, "Content-Encoding": "gzip"}
    async with desk.client.post(path, data=b"{}", headers=headers) as answer:
        assert answer.status == 400
        assert await answer.json() == {"error": "the body cannot be unpacked"}


async def test_what_nobody_can_order_is_404(desk: Desk, store: Store) -> None:
    await sell(store, a_sale())
    assert (await desk.post("explode"))[0] == 404
    assert (await desk.post("return", number=9))[0] == 404


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50),
    body=st.binary(max_size=60),
)
async def test_whatever_is_sent_the_answer_is_never_a_fault_of_ours(
    desk: Desk, name: str, body: bytes
) -> None:
    path = f"/api/sales/{quote(name, safe='')}/requeue"
    async with desk.client.post(path, data=body, headers=KNOWN) as answer:
        assert answer.status in {400, 404}


@pytest.mark.needs("postgres")
async def test_on_postgresql_it_is_the_same(postgres_store: Store) -> None:
    async with serving(postgres_store) as desk:
        await sell(postgres_store, a_sale(1, amount=None), a_sale(2))
        assert (await desk.get("/api/attention"))[1]["total"] == 1
        status, told = await desk.post("requeue", {"amount": 100, "dry_run": True})
        assert (status, told["dry_run"]) == (200, True)
        assert (await desk.post("requeue", {"amount": 100}))[1]["state"] == "waiting"
        assert (await desk.get(f"/api/sales/{id_of(1)}"))[1]["answers"] == {"amount": 100}
        for name in ("\0", "ü", "0" * 40):
            assert (await desk.get(f"/api/sales/{quote(name, safe='')}"))[0] == 404


def test_without_a_file_there_is_no_api() -> None:
    assert Api.word(a_config()) is None


def test_the_word_stands_alone_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "word"
    file.write_text(f"{WORD}\n", "utf-8")
    assert Api.word(a_config(api_token_file=str(file))) == WORD


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"x" * (SHORTEST - 1), b"two words of the api", b"\xff"]
)
def test_a_file_without_a_good_word_is_refused(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "word"
    file.write_bytes(text)
    with pytest.raises(ConfigError, match="api_token_file: "):
        Api.word(a_config(api_token_file=str(file)))
    with pytest.raises(ConfigError, match="No such file"):
        Api.word(a_config(api_token_file=str(tmp_path / "nowhere")))

"""The cabinet: the latest sales, live, and the gauges."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from shop import (
    MACHINE,
    OPERATOR,
    a_config,
    a_document,
    a_sale,
    hear,
    id_of,
    leave,
    now_ms,
    sell,
    token_of,
    write,
)

from cloud.bell import Bell
from cloud.breaker import Circuit
from cloud.outcome import Dead, Done, Pause, Unknown
from cloud.store import Store, lanes, replies
from cloud.store.incidents import report
from cloud.store.schema import attempt, receipt, sale
from cloud.web.cabinet import ITEMS, LATEST, TROUBLES, Cabinet
from cloud.web.words import EN, RU

Client = TestClient[web.Request, web.Application]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def news() -> Bell:
    return Bell()


@pytest.fixture
async def client(store: Store, news: Bell) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(Cabinet(a_config(), store, news).routes())
    async with TestClient(TestServer(app)) as served:
        yield served


async def page(client: Client, path: str = "/") -> str:
    async with client.get(path) as answer:
        assert answer.status == 200
        return await answer.text()


async def issue(store: Store, number: int) -> None:
    await leave(store)
    await hear(store, Done(a_document(number)), id_of(number))


async def test_an_empty_cabinet_says_so_in_two_languages(client: Client) -> None:
    assert RU["none_yet"] in await page(client)
    assert EN["none_yet"] in await page(client, "/?lang=en")


async def test_a_sale_is_a_row_with_its_state(store: Store, client: Client) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3, kind="return"), a_sale(4, kind="test"))
    await sell(store, a_sale(5, item=HOSTILE))
    await issue(store, 2)
    async with store.transaction() as connection:
        await replies.told(connection, MACHINE, id_of(2), 1)
    text = await page(client)
    told = {int(row.split("#")[1].split("<")[0]): row for row in text.split("<tr data-sale=")[1:]}
    assert sorted(told) == [1, 2, 3, 4, 5]
    states = ["submitted", "issued", "attention", "skipped", "attention"]
    for number, state in enumerate(states, 1):
        assert f'class="{state}">{RU[state]}</a>' in told[number]
        assert f'href="https://receipts.example/r/{token_of(number)}"' in told[number]
        assert (RU["on_machine"] in told[number]) == (number == 2)
    assert "Капучино 200 мл" in told[1]
    assert OPERATOR.name in told[1]
    assert '<td class="fd">2</td>' in told[2]
    assert re.search(r"\d,\d\d с</td>", told[2])
    assert "came back" in told[3]
    assert HOSTILE not in text
    assert HOSTILE in unescape(told[5])


async def test_only_the_latest_are_listed(store: Store, client: Client) -> None:
    await sell(store, *(a_sale(number) for number in range(1, LATEST + 3)))
    for number in (1, 2):
        first = sa.update(sale).where(sale.c.seq == number).values(received_at=number)
        await write(store, first)
    text = await page(client)
    assert text.count("<tr data-sale=") == LATEST
    assert id_of(1) not in text
    assert id_of(2) not in text


async def test_the_latest_incidents_are_told_in_words(store: Store, client: Client) -> None:
    async with store.transaction() as connection:
        for number in range(TROUBLES + 1):
            detail = f"number {number}, {HOSTILE}"
            await report(connection, now_ms(), "outcome_unknown", detail, machine=MACHINE)
    shown = await page(client)
    assert f"number {TROUBLES}, " in shown
    assert "number 0, " not in shown
    assert HOSTILE not in shown


async def test_what_needs_a_hand_is_listed_with_its_reason_and_the_next_command(
    store: Store, client: Client
) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3, item="0009"))
    await leave(store)
    await hear(store, Dead(f"code 25: {HOSTILE}"), id_of(1))
    await hear(store, Unknown("no trace of it", final=True), id_of(2))
    text = unescape(await page(client))
    listed = {each[:36]: each for each in text.split('<li data-item="')[1:]}
    assert set(listed) == {id_of(1), id_of(2), id_of(3)}
    assert "code 25" in listed[id_of(1)]
    assert f"<code>python -m cloud requeue {id_of(1)}</code>" in listed[id_of(1)]
    assert f"<code>python -m cloud resolve {id_of(2)} " in listed[id_of(2)]
    assert "python -m cloud planogram set hot 0009 PRODUCT" in listed[id_of(3)]
    assert HOSTILE not in await page(client)


async def test_of_many_that_need_a_hand_the_oldest_are_listed(store: Store, client: Client) -> None:
    await sell(store, *(a_sale(number, item="0009") for number in range(1, ITEMS + 4)))
    text = await page(client)
    assert text.count("<li data-item=") == ITEMS
    assert f"{RU['more']} 3 · <code>python -m cloud attention</code>" in text


@pytest.mark.parametrize("twice", [1, ITEMS])
async def test_the_counter_counts_what_the_list_shows(
    store: Store, client: Client, twice: int
) -> None:
    late, *rest = range(1, twice + 2)
    await sell(store, *(a_sale(number) for number in (late, *rest)))
    await leave(store)
    for number in rest:
        await hear(store, Done(a_document(number)), id_of(number))
        await hear(store, Done(a_document(number + 100)), id_of(number))
    long_ago = sa.update(attempt).values(first_sent_at=now_ms() - 7_200_000)
    await write(store, long_ago)
    text = unescape(await page(client, "/?lang=en"))
    total = len(rest) + 1
    assert f'<div class="gauge bad"><b>{total}</b>{EN["attention_count"]}' in text
    listed = {each[:36]: each for each in text.split('<li data-item="')[1:]}
    assert id_of(late) in listed
    assert len(listed) == min(total, ITEMS)
    assert (f"{EN['more']} 1 · " in text) == (total > ITEMS)
    assert EN["duplicate"] in listed[id_of(2)]
    assert "--undone REASON</code>" in listed[id_of(2)]


async def test_a_register_that_stands_still_says_why_and_what_to_do(
    store: Store, client: Client
) -> None:
    assert "data-lane" not in await page(client)
    await sell(store, a_sale())
    async with store.transaction() as connection:
        shut = Circuit(pause=Pause.AUTH, reason="the password is wrong")
        await lanes.set_circuit(connection, "main", shut, now_ms())
    text = (await page(client, "/?lang=en")).split('<li data-lane="main">')[1].split("</li>")[0]
    assert "the password is wrong" in text
    assert f"1 {EN['waits']}" in text
    assert "<code>python -m cloud check main</code>" in text


async def test_the_cabinet_is_live(store: Store, client: Client, news: Bell) -> None:
    async with client.get("/events") as events, asyncio.timeout(10):
        assert events.content_type == "text/event-stream"
        text = ""
        while RU["none_yet"] not in text:
            text += (await events.content.readline()).decode()
        await sell(store, a_sale())
        news.ring()
        while id_of(1) not in text:
            text += (await events.content.readline()).decode()


async def test_the_gauges_are_metrics_as_well(store: Store, client: Client) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3, kind="return"))
    await issue(store, 2)
    await write(store, sa.update(receipt).values(born_at=now_ms() - 60_000))
    text = await page(client, "/metrics")
    gauges = dict(
        line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith(("#", "python"))
    )
    assert float(gauges["chekomat_open_receipts"]) == 1
    assert float(gauges["chekomat_attention"]) == 1
    assert float(gauges["chekomat_untold"]) == 1
    assert 60 <= float(gauges["chekomat_oldest_open_seconds"]) < 120
    assert MACHINE not in text


def test_both_languages_have_every_word() -> None:
    assert set(RU) == set(EN)
    assert all([*RU.values(), *EN.values()])

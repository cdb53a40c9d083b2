"""What every emulator does: faults, the control API, pushes, memory, the ledger and its pages."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from parts import ROOT
from till import KEY, Hook, Till, a_hook, a_till

from cloud.emulators._blueprint import Blueprint
from cloud.emulators.drive import Drive
from cloud.emulators.faults import Fault

AUTH = {"Authorization": "Bearer token"}


class Forgetful(Blueprint):
    """A provider that remembers a key for no time at all."""

    memory_s = 0.0


@dataclass
class Counter:
    """The till, and how a receipt is asked for at it."""

    till: Till
    hook: Hook

    async def sell(self, key: str = KEY) -> int | None:
        """The status of the answer; None if there was none."""
        try:
            async with self.till.http.post(
                f"{self.till.url}/receipts", json=self.told(key), headers=AUTH
            ) as answer:
                await answer.read()
                return answer.status
        except aiohttp.ClientError:
            return None

    def told(self, key: str) -> dict[str, Any]:
        goods = {"name": "Латте <300> мл", "vat": 6, "subject": 1, "method": 4}
        where = {"automat": "vm-1", "address": "Москва", "place": "ТЦ & Ко"}
        paid = {"cash": 9100, "cashless": 20000}
        company = {"inn": "7708806062", "tax": 1, "type": "income"}
        return {"id": key, **company, **goods, **where, **paid, "callback": self.hook.url}

    async def state(self, key: str = KEY) -> str | None:
        async with self.till.http.get(f"{self.till.url}/receipts/{key}") as answer:
            if answer.status == 404:
                return None
            told: str = (await answer.json())["state"]
            return told

    async def until(self, *wanted: str | None, key: str = KEY) -> None:
        async with asyncio.timeout(10):
            while await self.state(key) not in wanted:
                await asyncio.sleep(0.002)

    async def heard(self, count: int) -> list[bytes]:
        async with asyncio.timeout(10):
            while len(self.hook.heard) < count:
                await asyncio.sleep(0.002)
        return [body for body, _ in self.hook.heard]

    async def page(self, path: str) -> tuple[int, str]:
        async with self.till.http.get(f"{self.till.url}{path}") as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def a_counter(
    kind: type[Blueprint] = Blueprint, delay_s: float = 0, ledger: Path | None = None
) -> AsyncIterator[Counter]:
    async with a_hook() as hook, a_till(kind("token", Drive(ledger), delay_s)) as till:
        yield Counter(till, hook)


@pytest.fixture
async def counter() -> AsyncIterator[Counter]:
    async with a_counter() as running:
        yield running


OURS = json.dumps({"id": KEY}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("fault", "status", "state", "pushes"),
    [
        (None, 202, "done", [OURS]),
        (Fault.DROP_BEFORE_STORE, None, None, []),
        (Fault.DROP_AFTER_STORE, None, "done", [OURS]),
        (Fault.SERVER_FAULT, 500, None, []),
        (Fault.SERVER_FAULT_AFTER_STORE, 500, "done", [OURS]),
        (Fault.NONSENSE, 200, "done", [OURS]),
        (Fault.NO_CALLBACK, 202, "done", []),
        (Fault.CALLBACK_TWICE, 202, "done", [OURS, OURS]),
        (Fault.CALLBACK_FIRST, 202, "done", [OURS]),
        (Fault.BAD_SIGNATURE, 202, "done", [b"{}"]),
        (Fault.REFUSE, 400, None, []),
        (Fault.AUTH, 401, None, []),
        (Fault.BUSY, 503, None, []),
        (Fault.NO_REGISTER, 400, None, []),
        (Fault.EXPIRE, 202, "expired", [OURS]),
        (Fault.FAIL, 202, "failed", [OURS]),
        (Fault.LOSE, 202, None, []),
    ],
)
async def test_each_fault_does_what_it_says(
    counter: Counter,
    fault: Fault | None,
    status: int | None,
    state: str | None,
    pushes: list[bytes],
) -> None:
    if fault is not None:
        await counter.till.fault(fault.value)
    assert await counter.sell() == status
    await counter.until(state)
    assert await counter.till.keys() == ([KEY] if state == "done" else [])
    assert await counter.heard(len(pushes)) == pushes
    # The next receipt has no fault; once its push is here, any more of the first would be as well.
    await counter.sell("next")
    await counter.heard(len(pushes) + 1)
    assert [body for body, _ in counter.hook.heard[: len(pushes)]] == pushes


def test_every_fault_is_tried_but_the_one_that_waits() -> None:
    (mark,) = test_each_fault_does_what_it_says.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == {None, *Fault} - {Fault.CALLBACK_LATE}


def test_the_readme_tells_every_fault_and_every_order() -> None:
    text = (ROOT / "cloud/emulators/README.md").read_text("utf-8")
    assert [each.value for each in Fault if f"`{each.value}`" not in text] == []
    assert set(re.findall(r'`\{"(\w+)": ', text)) == {
        "fault",
        "clear",
        "forget",
        "lose",
        "delay_s",
        "drive",
        "clock_s",
    }


async def test_a_push_may_come_before_the_answer(counter: Counter) -> None:
    await counter.till.fault("callback_first")
    assert await counter.sell() == 202
    assert len(counter.hook.heard) == 1


async def test_a_push_comes_again_until_it_is_heard(counter: Counter) -> None:
    counter.hook.refuse = 1
    await counter.sell()
    assert await counter.heard(2) == [OURS, OURS]


async def test_a_push_to_nobody_does_no_harm(counter: Counter) -> None:
    counter.hook.url = "http://127.0.0.1:9/none"
    assert await counter.sell() == 202
    await counter.until("done")


async def test_faults_happen_as_often_as_ordered_and_in_order(counter: Counter) -> None:
    await counter.till.fault("refuse", 2)
    await counter.till.fault("busy")
    assert [await counter.sell() for _ in range(4)] == [400, 400, 503, 202]


async def test_faults_that_have_not_happened_can_be_taken_back(counter: Counter) -> None:
    await counter.till.fault("refuse", 100)
    await counter.till.control({"clear": True})
    assert await counter.sell() == 202


async def test_an_unknown_fault_is_answered_by_the_known_ones(counter: Counter) -> None:
    url = f"{counter.till.url}/control"
    async with counter.till.http.post(url, json={"fault": "fire"}) as answer:
        assert answer.status == 400
        assert "drop_after_store" in (await answer.json())["error"]


@pytest.mark.parametrize(
    "order",
    [
        *(b"", b"\xff", b"{", b"[]", b"[" * 100_000, b'{"foo": true}', b'{"fault": []}'),
        *(b'{"fault": "busy", "times": "x"}', b'{"fault": "busy", "times": 0}'),
        *(b'{"clock_s": 1e99}', b'{"drive": "x"}', b'{"delay_s": -1}'),
    ],
    ids=lambda each: repr(each[:40]),
)
async def test_what_is_no_order_is_answered_by_the_known_ones(
    counter: Counter, order: bytes
) -> None:
    async with counter.till.http.post(f"{counter.till.url}/control", data=order) as answer:
        assert answer.status == 400
        said = (await answer.json())["error"]
    assert "known orders: fault, times, clear, forget, lose, delay_s, drive, clock_s" in said
    assert await counter.sell() == 202


async def test_the_same_key_is_one_receipt_in_the_queue() -> None:
    async with a_counter(delay_s=3600) as counter:
        assert await counter.sell() == 202
        assert await counter.state() == "queued"
        assert await counter.sell() == 409
        assert await counter.till.ledger() == []


async def test_the_same_key_is_one_document(counter: Counter) -> None:
    assert await counter.sell() == 202
    await counter.until("done")
    assert await counter.sell() == 409
    assert await counter.till.keys() == [KEY]


async def test_a_forgotten_key_makes_a_second_document(counter: Counter) -> None:
    assert await counter.sell() == 202
    await counter.until("done")
    await counter.till.control({"forget": True})
    assert await counter.sell() == 202
    await counter.heard(2)
    assert await counter.till.keys() == [KEY, KEY]


async def test_a_key_is_forgotten_in_the_queue_as_well() -> None:
    async with a_counter(delay_s=3600) as counter:
        assert await counter.sell() == 202
        await counter.till.control({"forget": True})
        assert [await counter.sell(), await counter.sell()] == [202, 409]


async def test_a_key_is_forgotten_by_itself_when_its_time_is_over() -> None:
    async with a_counter(Forgetful) as counter:
        assert [await counter.sell(), await counter.sell()] == [202, 202]
        await counter.heard(2)
        assert await counter.till.keys() == [KEY, KEY]


async def test_what_waits_in_the_queue_can_be_lost(counter: Counter) -> None:
    await counter.till.control({"delay_s": 3600})
    assert await counter.sell() == 202
    await counter.till.control({"lose": True, "delay_s": 0})
    assert await counter.state() is None
    assert await counter.sell() == 202
    await counter.until("done")
    assert await counter.till.keys() == [KEY]


async def test_a_drive_that_is_full_records_nothing(counter: Counter) -> None:
    await counter.till.control({"drive": 1})
    await counter.sell()
    await counter.sell("next")
    await counter.until("failed", key="next")
    assert await counter.till.keys() == [KEY]
    await counter.till.control({"drive": None})
    await counter.sell("third")
    await counter.until("done", key="third")


async def test_the_registers_clock_can_be_ahead(counter: Counter) -> None:
    await counter.sell()
    await counter.until("done")
    await counter.till.control({"clock_s": 86400})
    await counter.sell("next")
    await counter.until("done", key="next")
    first, second = (
        datetime.fromisoformat(document["qr"][2:17]) for document in await counter.till.ledger()
    )
    assert timedelta(hours=24) <= second - first < timedelta(hours=25)


async def test_the_ledger_says_all_of_a_document(counter: Counter) -> None:
    await counter.sell()
    await counter.until("done")
    (document,) = await counter.till.ledger()
    assert document["request"] == counter.told(KEY)
    assert document["tags"] == {
        "1009": "Москва",
        "1018": "7708806062",
        "1030": "Латте <300> мл",
        "1031": "91.00",
        "1036": "vm-1",
        "1081": "200.00",
        "1187": "ТЦ & Ко",
        "1199": 6,
        "1212": 1,
        "1214": 4,
    }
    numbers = {name: document[name] for name in ("fd", "key", "total", "sign", "correction")}
    assert numbers == {"fd": 1, "key": KEY, "total": 29100, "sign": 1, "correction": False}
    assert f"&s=291.00&fn=9999{document['qr'].partition('&fn=9999')[2][:12]}&i=1&" in document["qr"]


async def test_a_document_has_a_page_by_its_qr_text_and_by_its_number(counter: Counter) -> None:
    await counter.sell()
    await counter.until("done")
    (document,) = await counter.till.ledger()
    for path in (f"/receipt?q={quote(document['qr'])}", f"/receipt?id={document['id']}"):
        status, page = await counter.page(path)
        assert status == 200
        assert "Латте &lt;300&gt; мл" in page
        assert "ТЦ &amp; Ко" in page
        assert all(f"<td>{told}</td>" in page for told in ("291.00", "200.00", "91.00"))
    for path in ("/receipt?q=t%3D1", "/receipt?id=none", "/receipt"):
        assert (await counter.page(path))[0] == 404


async def test_a_server_that_is_started_again_remembers_its_ledger(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    async with a_counter(ledger=file) as counter:
        await counter.sell()
        await counter.until("done")
    async with a_counter(ledger=file) as counter:
        assert await counter.state() == "done"
        assert await counter.sell() == 409
        assert await counter.till.keys() == [KEY]


async def test_it_ends_in_the_middle_of_its_work_without_a_word() -> None:
    async with a_counter(delay_s=3600) as counter:
        assert await counter.sell() == 202

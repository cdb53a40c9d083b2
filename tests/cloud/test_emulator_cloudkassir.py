"""The emulator keeps to what is known of the real one; its ledger hides nothing."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from parts import until
from shop import INN, SECRET

from cloud.emulators.cloudkassir import CloudKassir, Settings
from cloud.emulators.drive import Drive
from cloud.emulators.faults import Fault
from cloud.fiscal import read_qr

AUTH = aiohttp.encode_basic_auth("demo", SECRET)
RECEIPT: dict[str, Any] = {
    "Inn": INN,
    "Type": "Income",
    "InvoiceId": "sale-1",
    "AccountId": "vm-1",
    "CustomerReceipt": {
        "Items": [
            {
                "Label": "Латте <300> мл",
                "Price": 145.5,
                "Quantity": 2,
                "Amount": 291,
                "Vat": None,
                "Method": 4,
                "Object": 1,
            }
        ],
        "TaxationSystem": 1,
        "Amounts": {"Electronic": 200, "Cash": 91},
        "CalculationPlace": "ТЦ & Ко",
    },
}
Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def emulator(
    webhook: str | None = None, inn: str | None = None, delay_s: float = 0
) -> AsyncIterator[Client]:
    settings = Settings("demo", SECRET, inn, webhook, delay_s)
    async with TestClient(TestServer(CloudKassir(settings, Drive(None)).app())) as client:
        yield client


async def post(
    client: Client, path: str, body: object, key: str | None = None, auth: str = AUTH
) -> dict[str, Any]:
    headers = {"Authorization": auth, **({"X-Request-ID": key} if key else {})}
    async with client.post(path, json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told


async def sell(client: Client, key: str | None = "k-1") -> str:
    told = await post(client, "/kkt/receipt", RECEIPT, key)
    assert (told["Success"], told["Message"], told["Model"]["ErrorCode"]) == (True, "Queued", 0)
    number: str = told["Model"]["Id"]
    return number


async def status(client: Client, number: str) -> str:
    told = await post(client, "/kkt/receipt/status/get", {"Id": number})
    state: str = told["Model"]
    return state


async def processed(client: Client, number: str) -> None:
    async with asyncio.timeout(5):
        while await status(client, number) != "Processed":
            pass


async def ledger(client: Client) -> list[dict[str, Any]]:
    async with client.get("/ledger") as answer:
        told: list[dict[str, Any]] = await answer.json()
        return told


async def order(client: Client, **told: object) -> int:
    async with client.post("/control", json=told) as answer:
        return answer.status


@dataclass
class Hook:
    """The other end of a push: keeps what came and answers as it is told."""

    answers: list[web.Response] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def push(self, request: web.Request) -> web.Response:
        self.came.append((dict(request.headers), await request.read()))
        return self.answers.pop(0) if self.answers else web.json_response({"code": 0})

    def fields(self, index: int = 0) -> dict[str, str]:
        return dict(parse_qsl(self.came[index][1].decode()))

    def signed_by(self, secret: str, index: int = 0) -> bool:
        headers, body = self.came[index]
        right = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
        return headers["X-Content-HMAC"] == headers["Content-HMAC"] == right


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/push", hook.push)
    async with TestServer(app) as server:
        hook.url = str(server.make_url("/push"))
        yield hook


@pytest.mark.parametrize("auth", ["", "Basic ?", aiohttp.encode_basic_auth("demo", "guessed")])
@pytest.mark.parametrize("path", ["/test", "/kkt/receipt", "/kkt/receipt/status/get"])
async def test_the_api_is_for_who_has_the_secret(path: str, auth: str) -> None:
    async with emulator() as client:
        async with client.post(path, json={}, headers={"Authorization": auth}) as answer:
            assert answer.status == 401
            assert answer.content_type == "text/html"
        assert (await post(client, "/test", {}))["Success"] is True


async def test_a_receipt_goes_through_the_queue_to_its_details() -> None:
    async with emulator(delay_s=0.05) as client:
        number = await sell(client)
        assert await status(client, number) == "Queued"
        told = await post(client, "/kkt/receipt/get", {"Id": number})
        assert told == {"Success": False, "Message": "Receipt not found"}
        await processed(client, number)
        told = (await post(client, "/kkt/receipt/get", {"Id": number}))["Model"]
    assert told["Items"] == RECEIPT["CustomerReceipt"]["Items"]
    assert told["AdditionalData"]["InvoiceId"] == "sale-1"
    assert told["AdditionalData"]["Amount"] == 291
    assert quote("&s=291.00&") in told["AdditionalData"]["QrCodeUrl"]


async def test_nobody_knows_an_id_that_was_never_given() -> None:
    async with emulator() as client:
        assert await status(client, "sc_00") == "NotFound"
        told = await post(client, "/kkt/receipt/get", {"Id": "sc_00"})
        assert told == {"Success": False, "Message": "Receipt not found"}


async def test_the_same_key_is_the_same_receipt_and_no_key_is_always_another() -> None:
    async with emulator() as client:
        assert await sell(client, "k-1") == await sell(client, "k-1")
        assert await sell(client, "k-2") != await sell(client, "k-1")
        assert await sell(client, None) != await sell(client, None)
        assert [each["key"] for each in await ledger(client)] == ["k-1", "k-2", "", ""]


async def test_a_forgotten_key_makes_a_second_document() -> None:
    async with emulator() as client:
        first = await sell(client)
        assert await order(client, forget=True) == 200
        assert await sell(client) != first
        assert [each["invoice_id"] for each in await ledger(client)] == ["sale-1", "sale-1"]


async def test_wrong_contents_are_refused_with_200() -> None:
    async with emulator(inn="7700000000") as client:
        told = await post(client, "/kkt/receipt", RECEIPT)
        assert told["Model"] == {"ErrorCode": -1}
        assert told["Message"] == f"Компания с ИНН {INN} не найдена"
        assert await ledger(client) == []


async def test_a_push_is_a_signed_form(hook: Hook) -> None:
    async with emulator(hook.url) as client:
        number = await sell(client)
        await until(lambda: hook.came)
        (document,) = await ledger(client)
    told = hook.fields()
    assert hook.signed_by(SECRET)
    assert (told["Id"], told["InvoiceId"], told["AccountId"]) == (number, "sale-1", "vm-1")
    assert (told["Amount"], told["Type"], told["Inn"]) == ("291.00", "Income", INN)
    assert told["QrCodeUrl"].endswith(quote(document["qr"]))
    assert told["DocumentNumber"] == "1"
    assert json.loads(told["Receipt"]) == RECEIPT["CustomerReceipt"]
    sold = datetime.strptime(told["DateTime"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007, UTC by contract
    read = read_qr(document["qr"])
    assert read is not None
    here = datetime.fromisoformat(read.at)
    assert (here - sold.replace(second=0)).total_seconds() == 3 * 3600


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500, text='{"code":0}'),
        web.Response(text='{"code":13}'),
        web.Response(status=401, text="{}"),
    ],
    ids=["a fault", "another code", "no"],
)
async def test_a_push_comes_again_until_it_is_taken(hook: Hook, answer: web.Response) -> None:
    hook.answers = [answer]
    async with emulator(hook.url) as client:
        await sell(client)
        await until(lambda: len(hook.came) == 2)
    assert hook.came[0][1] == hook.came[1][1]


@pytest.mark.parametrize(
    ("fault", "status_code", "documents", "pushes"),
    [
        (None, 200, 1, 1),
        (Fault.DROP_BEFORE_STORE, None, 0, 0),
        (Fault.DROP_AFTER_STORE, None, 1, 1),
        (Fault.SERVER_FAULT, 500, 0, 0),
        (Fault.SERVER_FAULT_AFTER_STORE, 500, 1, 1),
        (Fault.CALLBACK_TWICE, 200, 1, 2),
        (Fault.CALLBACK_FIRST, 200, 1, 1),
        (Fault.NO_CALLBACK, 200, 1, 0),
        (Fault.BAD_SIGNATURE, 200, 1, 1),
        (Fault.REFUSE, 200, 0, 0),
    ],
)
async def test_each_fault_does_what_it_says(
    hook: Hook, fault: Fault | None, status_code: int | None, documents: int, pushes: int
) -> None:
    async with emulator(hook.url) as client:
        if fault is not None:
            await order(client, fault=fault.value)
        got = None
        try:
            headers = {"Authorization": AUTH, "X-Request-ID": "k-1"}
            async with client.post("/kkt/receipt", json=RECEIPT, headers=headers) as answer:
                got = answer.status
                if fault is Fault.CALLBACK_FIRST:
                    assert len(hook.came) == 1
        except aiohttp.ClientError:
            assert fault in {Fault.DROP_BEFORE_STORE, Fault.DROP_AFTER_STORE}
        assert got == status_code
        assert len(await ledger(client)) == documents
        # The next receipt has no fault; once its push is here, the first's would be as well.
        await sell(client, "k-2")
        await until(lambda: len(hook.came) == pushes + 1)
    assert all(
        hook.signed_by("wrong" if fault is Fault.BAD_SIGNATURE and not index else SECRET, index)
        for index in range(len(hook.came))
    )


async def test_a_fault_may_be_ordered_several_times_and_an_unknown_one_is_named() -> None:
    async with emulator() as client:
        assert await order(client, fault="refuse", times=2) == 200
        told = [await post(client, "/kkt/receipt", RECEIPT, "k") for _ in range(3)]
        assert [each["Success"] for each in told] == [False, False, True]
        async with client.post("/control", json={"fault": "fire"}) as answer:
            assert answer.status == 400
            assert "drop_after_store" in (await answer.json())["error"]


async def test_a_document_has_a_page_by_its_id_and_by_its_qr() -> None:
    async with emulator() as client:
        number = await sell(client)
        (document,) = await ledger(client)
        for path in (f"/{number}", f"/receipt?q={quote(document['qr'])}"):
            async with client.get(path) as answer:
                page = await answer.text()
            assert "Латте &lt;300&gt; мл" in page
            assert "ТЦ &amp; Ко" in page
            assert all(f"<td>{told}</td>" in page for told in ("291.00", "200.00", "91.00"))
        for path in ("/sc_00", "/receipt?q=t%3D1", "/receipt"):
            async with client.get(path) as answer:
                assert answer.status == 404

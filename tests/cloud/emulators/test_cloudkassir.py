"""The emulator keeps to what is known of the real one; its ledger hides nothing."""

import asyncio
import base64
import copy
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from till import INN, Hook, Till, a_hook, a_till

from cloud.emulators.cloudkassir import CloudKassir, Settings
from cloud.emulators.cloudkassir_checks import correction_problem, problem
from cloud.emulators.drive import Drive
from cloud.fiscal import read_qr

SECRET = "tell nobody"
AUTH = aiohttp.encode_basic_auth("demo", SECRET)
RECEIPT: dict[str, Any] = {
    "Inn": INN,
    "Type": "Income",
    "InvoiceId": "sale-1",
    "AccountId": "vm-1",
    "CustomerReceipt": {
        "Items": [
            {
                "Label": "Латте",
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
CORRECTION: dict[str, Any] = {
    "CorrectionReceiptData": {
        "OrganizationInn": INN,
        "VatRate": 6,
        "TaxationSystem": 5,
        "CorrectionReceiptType": 2,
        "CauseCorrection": {"CorrectionDate": "2026-11-20", "CorrectionNumber": "17"},
        "Amounts": {"Electronic": 200, "Cash": 91.5},
        "CorrectionType": 1,
    }
}


@dataclass
class Client:
    """Somebody who talks to it, with its secret or with another."""

    till: Till

    async def post(
        self, path: str, body: object = None, key: str | None = None, auth: str = AUTH
    ) -> Any:  # noqa: ANN401, whatever comes
        headers = {"Authorization": auth, **({"X-Request-ID": key} if key else {})}
        url = f"{self.till.url}{path}"
        async with self.till.http.post(url, json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def sell(self, key: str | None = "k-1", body: Any = RECEIPT) -> str:  # noqa: ANN401, JSON
        path = "/kkt/correction-receipt" if body is CORRECTION else "/kkt/receipt"
        told = await self.post(path, body, key)
        assert (told["Success"], told["Message"], told["Model"]["ErrorCode"]) == (True, "Queued", 0)
        number: str = told["Model"]["Id"]
        assert told["Model"]["ReceiptLocalUrl"] == f"{self.till.url}/{number}"
        return number

    async def status(self, number: str, kind: str = "receipt") -> str:
        state: str = (await self.post(f"/kkt/{kind}/status/get", {"Id": number}))["Model"]
        return state

    async def processed(self, number: str, kind: str = "receipt") -> None:
        async with asyncio.timeout(10):
            while await self.status(number, kind) != "Processed":
                await asyncio.sleep(0.002)


@asynccontextmanager
async def an_emulator(
    webhook: str | None = None,
    delay_s: float = 0,
    **told: Any,  # noqa: ANN401, its settings
) -> AsyncIterator[Client]:
    settings = Settings("demo", SECRET, webhook=webhook, delay_s=delay_s, **told)
    async with a_till(CloudKassir(settings, Drive(None))) as till:
        yield Client(till)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with an_emulator() as running:
        yield running


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with a_hook() as running:
        yield running


async def heard(hook: Hook, count: int = 1) -> dict[str, str]:
    """The fields of the last of so many pushes."""
    async with asyncio.timeout(10):
        while len(hook.heard) < count:
            await asyncio.sleep(0.002)
    return dict(parse_qsl(hook.heard[count - 1][0].decode()))


def sign(text: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha256)).decode()


API = [
    "/test",
    "/kkt/receipt",
    "/kkt/receipt/status/get",
    "/kkt/receipt/get",
    "/kkt/correction-receipt",
    "/kkt/correction-receipt/status/get",
    "/kkt/correction-receipt/get",
    "/kkt/get-all",
    "/kkt/state/get",
]


@pytest.mark.parametrize("auth", ["", "Basic ?", aiohttp.encode_basic_auth("demo", "guessed")])
async def test_the_api_is_for_who_has_the_secret(client: Client, auth: str) -> None:
    for path in API:
        async with client.till.http.post(
            f"{client.till.url}{path}", json={}, headers={"Authorization": auth}
        ) as answer:
            assert answer.status == 401
            assert answer.content_type == "text/html"
    assert (await client.post("/test", {}))["Success"] is True


async def test_a_receipt_waits_in_the_queue_and_has_no_details_there() -> None:
    async with an_emulator(delay_s=3600) as client:
        number = await client.sell()
        assert await client.status(number) == "Queued"
        told = await client.post("/kkt/receipt/get", {"Id": number})
        assert told == {"Success": False, "Message": "Receipt not found"}
        assert await client.till.ledger() == []


async def test_a_receipt_has_details_once_it_is_processed(client: Client) -> None:
    number = await client.sell()
    await client.processed(number)
    told = (await client.post("/kkt/receipt/get", {"Id": number}))["Model"]
    assert told["Items"] == RECEIPT["CustomerReceipt"]["Items"]
    beside = told["AdditionalData"]
    assert (beside["InvoiceId"], beside["Amount"], beside["Type"]) == ("sale-1", 291, "Income")
    assert quote("&s=291.00&") in beside["QrCodeUrl"]
    assert beside["SettlePlace"] == "Москва, дата-центр"


async def test_a_correction_has_details_without_a_time(client: Client) -> None:
    number = await client.sell(body=CORRECTION)
    await client.processed(number, "correction-receipt")
    assert await client.status(number) == "NotFound"
    told = (await client.post("/kkt/correction-receipt/get", {"Id": number}))["Model"]
    assert (told["Status"], told["Amounts"]["Sum"], told["DocumentNumber"]) == (
        "Processed",
        291.5,
        "1",
    )
    assert not {"DateTime", "QrCodeUrl"} & set(told)
    (document,) = await client.till.ledger()
    assert (document["total"], document["sign"], document["correction"]) == (29150, 2, True)
    assert document["tags"] == {
        "1009": "Москва, дата-центр",
        "1018": INN,
        "1031": "91.50",
        "1036": "00000001",
        "1055": 32,
        "1081": "200.00",
        "1173": 1,
        "1178": "2026-11-20",
        "1179": "17",
        "1199": 6,
    }
    # Each kind is found at its own address alone.
    other = await client.post("/kkt/receipt/get", {"Id": number})
    assert other == {"Success": False, "Message": "Receipt not found"}


async def test_nobody_knows_an_id_that_was_never_given(client: Client) -> None:
    bodies: list[Any] = [{"Id": "sc_00"}, {}, [], None]
    for body in bodies:
        told = await client.post("/kkt/receipt/status/get", body)
        assert (told["Success"], told["Model"]) == (True, "NotFound")
        for path in ("/kkt/receipt/get", "/kkt/correction-receipt/get"):
            assert (await client.post(path, body))["Message"] == "Receipt not found"


async def test_the_same_key_is_the_same_receipt_and_no_key_is_always_another(
    client: Client,
) -> None:
    assert await client.sell("k-1") == await client.sell("k-1")
    assert await client.sell("k-2") != await client.sell("k-1")
    numbers = [await client.sell(None), await client.sell(None)]
    for number in numbers:
        await client.processed(number)
    assert await client.till.keys() == ["k-1", "k-2", "", ""]


async def test_a_forgotten_key_makes_a_second_document(client: Client) -> None:
    first = await client.sell()
    await client.till.control({"forget": True})
    second = await client.sell()
    assert second != first
    await client.processed(second)
    asked = [each["request"]["InvoiceId"] for each in await client.till.ledger()]
    assert asked == ["sale-1", "sale-1"]


@pytest.mark.parametrize(
    ("told", "path", "body", "code"),
    [
        ({"inn": "7700000000"}, "/kkt/receipt", RECEIPT, -1),
        ({"inn": "7700000000"}, "/kkt/correction-receipt", CORRECTION, -1),
        ({"lacks": ["cash"]}, "/kkt/receipt", RECEIPT, 19),
        ({"lacks": ["terminal"]}, "/kkt/correction-receipt", CORRECTION, 16),
        ({"daily": 0}, "/kkt/receipt", RECEIPT, 22),
        ({}, "/kkt/receipt", CORRECTION, 11),
        ({}, "/kkt/receipt", None, 26),
    ],
)
async def test_what_is_not_taken_is_refused_with_200(
    told: dict[str, Any], path: str, body: object, code: int
) -> None:
    async with an_emulator(**told) as client:
        answer = await client.post(path, body)
        assert answer["Success"] is False
        assert answer["Model"] == {"ErrorCode": code}
        assert await client.till.ledger() == []


async def test_a_push_is_a_form_with_both_signatures(hook: Hook) -> None:
    async with an_emulator(hook.url) as client:
        number = await client.sell()
        told = await heard(hook)
        (document,) = await client.till.ledger()
        assert told["Url"] == f"{client.till.url}/{number}"
    body, headers = hook.heard[0]
    assert headers["Content-HMAC"] == sign(body)
    assert headers["X-Content-HMAC"] == sign(unquote_plus(body.decode()).encode())
    assert (told["Id"], told["InvoiceId"], told["AccountId"]) == (number, "sale-1", "vm-1")
    assert (told["Amount"], told["Type"], told["Inn"]) == ("291.00", "Income", INN)
    assert told["QrCodeUrl"].endswith(quote(document["qr"]))
    assert told["DocumentNumber"] == "1"
    assert json.loads(told["Receipt"]) == RECEIPT["CustomerReceipt"]
    sold = datetime.strptime(told["DateTime"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007, UTC by contract
    read = read_qr(document["qr"])
    assert read is not None
    assert (datetime.fromisoformat(read.at) - sold).total_seconds() == 3 * 3600


async def test_a_push_is_heard_when_it_is_answered_with_code_0(hook: Hook) -> None:
    hook.answer = '{"code":13}'
    async with an_emulator(hook.url) as client:
        await client.sell()
        await heard(hook, 1)
        hook.answer = '{ "code": 0 }'
        await heard(hook, 2)
    assert hook.heard[0][0] == hook.heard[1][0]


async def test_a_spoiled_push_has_a_wrong_signature_and_a_correction_has_none(hook: Hook) -> None:
    async with an_emulator(hook.url) as client:
        await client.processed(await client.sell(body=CORRECTION), "correction-receipt")
        await client.till.fault("bad_signature")
        await client.sell("k-2")
        await heard(hook)
    body, headers = hook.heard[0]
    assert headers["Content-HMAC"] == sign(body, "wrong")
    assert b"InvoiceId=sale-1" in body


async def test_the_state_of_the_register_follows_its_drive(client: Client) -> None:
    (register,) = await client.post("/kkt/get-all")
    names = {name: register[name] for name in ("DeviceNumber", "FiscalNumber")}
    state = await client.post("/kkt/state/get", names)
    assert (state["Status"], state["Warnings"], state["FnOccupancy"]) == (1, [], 0)
    await client.till.control({"drive": 62_500})
    assert (await client.post("/kkt/state/get", names))["FnOccupancy"] == 0.75
    await client.till.control({"drive": 0})
    state = await client.post("/kkt/state/get", names)
    assert (state["Status"], state["FnOccupancy"]) == (3, 1)
    assert state["IsReceiptProcessingBlocked"] is True
    assert (await client.post("/kkt/receipt", RECEIPT))["Model"] == {"ErrorCode": 8}
    stranger = await client.post("/kkt/state/get", {"FiscalNumber": "1"})
    assert stranger["Success"] is False


async def test_a_document_has_its_pages(client: Client) -> None:
    number = await client.sell()
    await client.processed(number)
    (document,) = await client.till.ledger()
    for path in (f"/{number}", f"/v1?{document['qr']}", f"/receipt?q={quote(document['qr'])}"):
        async with client.till.http.get(f"{client.till.url}{path}") as answer:
            assert answer.status == 200
            assert "ТЦ &amp; Ко" in await answer.text()
    for path in ("/sc_00", "/v1?t=1", "/v1"):
        async with client.till.http.get(f"{client.till.url}{path}") as answer:
            assert answer.status == 404


# Its checks. -------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "Inn": INN,
    "Type": "Income",
    "CustomerReceipt": {
        "Items": [
            {"Label": "Кофе", "Price": 0.1, "Quantity": 3, "Amount": 0.3}
            | {"Vat": 22, "Method": 4, "Object": 1},
            {"Label": "Ч" * 128, "Price": 120, "Quantity": 1, "Amount": 120}
            | {"Vat": None, "Method": 1, "Object": 4},
        ],
        "TaxationSystem": 0,
        "Amounts": {"Electronic": 100, "Cash": 20.3, "Credit": None},
        "Email": "",
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    told = copy.deepcopy(GOOD)
    inner: Any = told
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in way:
        inner = inner[step]
    inner[last] = value
    return told


def test_a_good_receipt_is_taken() -> None:
    assert problem(GOOD, None) is None
    assert problem(GOOD, INN) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("CustomerReceipt.Email", "buyer@example.ru"),
        # Change was given: cash may be more than the total.
        ("CustomerReceipt.Amounts", {"Cash": 500}),
        ("CustomerReceipt.Amounts", {"Electronic": 120.3}),
        ("CustomerReceipt.Items.0.Vat", 122),
        ("CustomerReceipt.TaxationSystem", 5),
    ],
)
def test_this_is_good_too(path: str, value: object) -> None:
    assert problem(changed(path, value), INN) is None


R, I = "CustomerReceipt", "CustomerReceipt.Items.0"  # noqa: E741


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("Inn", None, 11),
        ("Inn", "7700000000", -1),
        ("Type", "Gift", 27),
        ("Type", ["Income"], 27),
        (R, None, 12),
        (R, [], 12),
        (f"{R}.Items", [], 12),
        (f"{R}.Items", "кофе", 27),
        (f"{R}.Items", [None], 27),
        (f"{R}.TaxationSystem", 6, 27),
        (f"{R}.TaxationSystem", {}, 27),
        (f"{R}.Amounts", {}, 13),
        (f"{R}.Amounts", [], 27),
        (f"{R}.Amounts", None, 27),
        (f"{R}.Amounts", {"Electronic": 120.29}, 13),
        (f"{R}.Amounts", {"Electronic": 120.31}, 14),
        (f"{R}.Amounts", {"Electronic": 60.31, "AdvancePayment": 60}, 14),
        (f"{R}.Amounts", {"Electronic": "much"}, 27),
        (f"{R}.Amounts", {"Cash": float("inf")}, 27),
        (f"{R}.Amounts", {"Electronic": "120.30"}, 27),
        (f"{R}.Amounts", {"Electronic": 120.301}, 27),
        (f"{R}.CalculationPlace", "м" * 257, 27),
        (f"{I}.Amount", 0.301, 27),
        (f"{R}.Email", "nobody", 24),
        (f"{R}.Email", 1, 27),
        (f"{I}.Label", "", 27),
        (f"{I}.Label", "Ч" * 129, 27),
        (f"{I}.Vat", 18, 27),
        (f"{I}.Vat", [22], 27),
        (f"{I}.Method", 0, 27),
        (f"{I}.Object", "1", 27),
        (f"{I}.Price", 0.101, 23),
        (f"{I}.Price", float("nan"), 27),
        (f"{I}.Amount", 0.31, 27),
        (f"{I}.Quantity", 2, 27),
    ],
)
def test_the_first_thing_wrong_has_its_code(path: str, value: object, code: int) -> None:
    found = problem(changed(path, value), INN)
    assert found is not None
    assert found[0] == code
    assert found[1]


@pytest.mark.parametrize("told", [None, [], "x", 1, {}])
def test_what_is_no_receipt_has_a_code_too(told: object) -> None:
    assert problem(told, None) in {(26, "Данные не заполнены"), (11, "Не указан ИНН")}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Electronic", "Label", "Items"]), inner)
    ),
    max_leaves=5,
)


G = "CorrectionReceiptData"


def corrected(path: str, value: object) -> dict[str, Any]:
    told = copy.deepcopy(CORRECTION)
    inner: Any = told[G]
    *way, last = path.split(".")
    for step in way:
        inner = inner[step]
    inner[last] = value
    return told


def test_a_good_correction_is_taken() -> None:
    assert correction_problem(CORRECTION, INN) is None
    by_oneself = corrected("CorrectionType", 0)
    by_oneself[G]["CauseCorrection"]["CorrectionNumber"] = None
    assert correction_problem(by_oneself, None) is None


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("OrganizationInn", "", 11),
        ("OrganizationInn", "7700000000", -1),
        ("VatRate", 22, 27),
        ("VatRate", None, 27),
        ("TaxationSystem", 6, 27),
        ("CorrectionReceiptType", 0, 27),
        ("CorrectionType", 2, 27),
        ("CauseCorrection", None, 27),
        ("CauseCorrection.CorrectionDate", "20.11", 27),
        ("CauseCorrection.CorrectionNumber", "", 27),
        ("Amounts", {"Electronic": 0}, 27),
        ("Amounts", {"Electronic": "much"}, 27),
        ("Amounts", {"Electronic": "120.30"}, 27),
        ("PaymentAddress", "м" * 257, 27),
        ("CauseCorrection.CorrectionDate", "20.11.2026", 27),
        ("Items", [{}], 27),
    ],
)
def test_the_first_thing_wrong_with_a_correction_has_its_code(
    path: str, value: object, code: int
) -> None:
    found = correction_problem(corrected(path, value), INN)
    assert found is not None
    assert found[0] == code


@pytest.mark.parametrize(
    ("amounts", "code"),
    [({"Electronic": 0.29}, 13), ({"Electronic": 0.31}, 14), ({"Cash": 0.3}, None)],
)
def test_a_correction_is_paid_like_a_receipt(amounts: object, code: int | None) -> None:
    line = {"Label": "Чай", "Price": 0.3, "Quantity": 1, "Amount": 0.3, "Vat": 22}
    told = corrected("Items", [line | {"Method": 4, "Object": 1}])
    told[G]["Amounts"] = amounts
    found = correction_problem(told, INN)
    assert (found and found[0]) == code


@pytest.mark.parametrize("told", [None, [], "x", {}, {G: None}])
def test_what_is_no_correction_is_no_data(told: object) -> None:
    assert correction_problem(told, None) == (26, "Данные не заполнены")


@given(st.sampled_from(list(CORRECTION[G])), anything)
def test_nothing_that_a_correction_says_makes_it_fall(path: str, value: object) -> None:
    found = correction_problem(corrected(path, value), INN)
    assert found is None or isinstance(found[0], int)


@given(
    st.sampled_from(
        [*GOOD, *(f"{R}.{key}" for key in GOOD[R]), *(f"{I}.{key}" for key in GOOD[R]["Items"][0])]
    ),
    anything,
)
def test_nothing_that_is_sent_makes_it_fall(path: str, value: object) -> None:
    found = problem(changed(path, value), INN)
    assert found is None or isinstance(found[0], int)

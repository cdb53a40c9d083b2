"""Our client against its emulator, over real HTTP: every row of the outcome table.

Where the emulator is too well-behaved, a small server says what it is told to.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import aiohttp
import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from parts import free_port
from shop import (
    INN,
    MACHINE,
    RECEIPT,
    SECRET,
    Register,
    a_document,
    a_register,
    a_server,
)

from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown, Unsent
from cloud.providers import BadSignatureError, Notice
from cloud.providers.cloudkassir import CloudKassir
from cloud.receipt import Purpose, Subject, Taxation
from cloud.vat import VatRate

KEY = RECEIPT.sale_id
QR = a_document().qr
FIELDS = {
    "Id": "sc_1",
    "DocumentNumber": "1",
    "FiscalSign": "3141592653",
    "FiscalNumber": "9999078900000001",
    "Inn": INN,
    "Type": "Income",
    "Url": "https://receipts.example/sc_1",
    "QrCodeUrl": f"https://qr.example/receipt?q={quote(QR)}",
    "Amount": "120.10",
    "InvoiceId": KEY,
}
DONE = Done(a_document(), "sc_1", FIELDS["Url"])


def offline() -> CloudKassir:
    """The client where no request is made."""
    return CloudKassir(None, "http://127.0.0.1", "demo", SECRET, 1)  # type: ignore[arg-type]


BODY = offline().compose(RECEIPT)


def body_with(*path: str | int, value: object) -> str:
    told = json.loads(BODY)
    inner = told
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(told)


# The request. ------------------------------------------------------------------------------------


def test_a_receipt_becomes_this_request() -> None:
    assert json.loads(BODY) == {
        "Inn": INN,
        "Type": "Income",
        "InvoiceId": KEY,
        "AccountId": MACHINE,
        "CustomerReceipt": {
            "Items": [
                {
                    "Label": "Капучино 200 мл",
                    "Price": 120.10,
                    "Quantity": 1,
                    "Amount": 120.10,
                    "Vat": 22,
                    "Method": 4,
                    "Object": 1,
                    "MeasurementUnit": "шт",
                    "UnitCode": 0,
                }
            ],
            "TaxationSystem": 1,
            "Amounts": {"Electronic": 120.10, "Cash": 0},
            "CalculationPlace": "ТЦ «Ромашка», 1 этаж",
            "AdditionalReceiptInfos": [f"Автомат № {MACHINE}", "г. Москва, ул. Примерная, д. 1"],
        },
    }


def test_the_same_receipt_is_the_same_bytes() -> None:
    again = msgspec.json.decode(msgspec.json.encode(RECEIPT), type=type(RECEIPT))
    assert offline().compose(again) == BODY


@pytest.mark.parametrize(
    ("changed", "written"),
    [
        ({"vat": VatRate.NONE}, '"Vat":null'),
        ({"vat": VatRate.VAT_0}, '"Vat":0'),
        ({"purpose": Purpose.INCOME_RETURN}, '"Type":"IncomeReturn"'),
        ({"taxation": Taxation.PATENT}, '"TaxationSystem":5'),
        ({"subject": Subject.EXCISABLE}, '"Object":2'),
        ({"cash": 10000, "cashless": 2010}, '"Amounts":{"Electronic":20.10,"Cash":100.00}'),
        # Two decimals, by way of no float.
        ({"amount": 5}, '"Price":0.05'),
        ({"amount": 10**12}, '"Price":10000000000.00'),
        ({"amount": 900719925474099}, '"Amount":9007199254740.99'),
        ({"name": 'Кофе "со сливками"\\'}, '"Label":"Кофе \\"со сливками\\"\\\\"'),
    ],
)
def test_each_field_is_written_as_the_provider_reads_it(
    changed: dict[str, Any], written: str
) -> None:
    assert written in offline().compose(msgspec.structs.replace(RECEIPT, **changed))


# Against the emulator. ---------------------------------------------------------------------------


async def ask(register: Register, provider_id: str) -> Outcome:
    """Ask until it is out of the queue."""
    while True:
        told = await register.provider.ask(provider_id)
        if told != Accepted(provider_id):
            return told


async def test_a_receipt_is_accepted_and_asked_for(mute: Register) -> None:
    told = await mute.provider.submit(KEY, BODY)
    assert isinstance(told, Accepted)
    assert told.provider_id is not None
    done = await ask(mute, told.provider_id)
    (document,) = await mute.ledger()
    assert (document["key"], document["invoice_id"], document["total"]) == (KEY, KEY, 12010)
    assert isinstance(done, Done)
    assert (done.document.qr, done.provider_id) == (document["qr"], told.provider_id)
    assert done.link == f"/{told.provider_id}"


async def test_a_duplicate_is_the_same_answer(mute: Register) -> None:
    first = await mute.provider.submit(KEY, BODY)
    assert await mute.provider.submit(KEY, BODY) == first
    assert await mute.keys() == [KEY]


@pytest.mark.parametrize(
    ("fault", "reason", "documents"),
    [
        ("drop_before_store", "the answer was lost: ", 0),
        ("drop_after_store", "the answer was lost: ", 1),
        ("5xx", "500 from the provider", 0),
        ("5xx_after_store", "500 from the provider", 1),
    ],
)
async def test_a_lost_answer_is_unknown_and_its_repetition_is_the_same_receipt(
    mute: Register, fault: str, reason: str, documents: int
) -> None:
    await mute.fault(fault)
    told = await mute.provider.submit(KEY, BODY)
    assert isinstance(told, Unknown)
    assert told.reason.startswith(reason)
    assert len(await mute.ledger()) == documents
    assert isinstance(await mute.provider.submit(KEY, BODY), Accepted)
    assert await mute.keys() == [KEY]


async def test_a_key_is_forgotten_and_its_repetition_is_a_second_receipt(mute: Register) -> None:
    # This is why nobody repeats a request after `memory_s`.
    first = await mute.provider.submit(KEY, BODY)
    await mute.control({"forget": True})
    assert await mute.provider.submit(KEY, BODY) != first
    assert await mute.keys() == [KEY, KEY]


async def test_our_memory_of_a_key_is_shorter_than_the_providers() -> None:
    assert CloudKassir.memory_s < 3600


async def test_a_receipt_in_the_queue_is_accepted() -> None:
    async with a_register(None, pushes=False, delay_s=3600) as slow:
        told = await slow.provider.submit(KEY, BODY)
        assert isinstance(told, Accepted)
        assert told.provider_id is not None
        assert await slow.provider.ask(told.provider_id) == told


async def test_a_receipt_that_the_provider_lost_is_unknown(mute: Register) -> None:
    assert await mute.provider.ask("sc_00") == Unknown(
        "the provider says 'NotFound' of a receipt that it had accepted"
    )


async def test_a_wrong_secret_sends_nothing(mute: Register) -> None:
    stranger = mute.client(secret="guessed")
    refused = "401: the provider does not know public_id and secret"
    assert await stranger.submit(KEY, BODY) == Unsent(refused)
    assert await stranger.ask("sc_00") == Unsent(f"asking failed: {refused}")
    assert await mute.ledger() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", 26),
        ("[]", 26),
        (body_with("Inn", value=""), 11),
        (body_with("Inn", value="7700000000"), -1),
        (body_with("CustomerReceipt", "Items", value=[]), 12),
        (body_with("CustomerReceipt", "Amounts", value={"Electronic": 120.09}), 13),
        (body_with("CustomerReceipt", "Amounts", value={"Electronic": 120.11}), 14),
        (body_with("CustomerReceipt", "Items", 0, "Price", value=120.105), 23),
        (body_with("CustomerReceipt", "Email", value="nobody"), 24),
        (body_with("CustomerReceipt", "Items", 0, "Vat", value=18), 27),
        (body_with("Type", value="Gift"), 27),
    ],
)
async def test_wrong_contents_are_refused_for_good(mute: Register, body: str, code: int) -> None:
    told = await mute.provider.submit(KEY, body)
    assert isinstance(told, Dead)
    assert told.reason.startswith(f"code {code}: ")
    assert await mute.ledger() == []


async def test_a_refusal_on_demand_is_dead(mute: Register) -> None:
    await mute.fault("refuse")
    assert await mute.provider.submit(KEY, BODY) == Dead("code 27: Некорректные данные")


async def test_a_provider_that_does_not_listen_was_sent_nothing() -> None:
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{free_port()}"
        gone = CloudKassir(http, url, "demo", SECRET, 5)
        told = await gone.submit(KEY, BODY)
        asked = await gone.ask("sc_1")
    assert isinstance(told, Unsent)
    assert told.reason.startswith("no connection: ")
    assert isinstance(asked, Unsent)


async def test_a_name_that_nobody_has_was_sent_nothing() -> None:
    async with aiohttp.ClientSession() as http:
        nowhere = CloudKassir(http, "http://register.invalid", "demo", SECRET, 5)
        assert isinstance(await nowhere.submit(KEY, BODY), Unsent)


# Against a server that says what it is told to. --------------------------------------------------


@asynccontextmanager
async def answering(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], timeout_s: float = 5
) -> AsyncIterator[CloudKassir]:
    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        yield CloudKassir(http, url, "demo", SECRET, timeout_s)


async def say(
    status: int, body: bytes, question: Callable[[CloudKassir], Awaitable[Outcome]]
) -> Outcome:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    async with answering(answer) as provider:
        return await question(provider)


def submitted(provider: CloudKassir) -> Awaitable[Outcome]:
    return provider.submit(KEY, BODY)


def asked(provider: CloudKassir) -> Awaitable[Outcome]:
    return provider.ask("sc_1")


def refusal(code: object, message: str = "no") -> bytes:
    return json.dumps({"Success": False, "Message": message, "Model": {"ErrorCode": code}}).encode()


NONSENSE = {
    "nothing": b"",
    "a page": b"<html>Bad gateway</html>",
    "half an answer": b'{"Success":true,"Mod',
    "a list": b"[]",
    "a number": b"1",
    "bytes that are no text": b'{"Success":"\xff\xfe"}',
    "half a surrogate": b'{"Success":"\\ud800"}',
    "a deep hole": b"[" * 100_000,
    "no model": b'{"Success":true,"Message":"Queued","Model":null}',
    "no object as model": b'{"Success":true,"Model":[1]}',
    "no success and no code": b'{"Success":null}',
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("status", [200, 400, 404])
async def test_an_answer_that_makes_no_sense_is_unknown(status: int, body: bytes) -> None:
    assert isinstance(await say(status, body, submitted), Unknown)
    assert isinstance(await say(status, body, asked), Unknown | Unsent)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, Unsent("401: the provider does not know public_id and secret")),
        (429, Unsent("429: too many requests")),
        (500, Unknown("500 from the provider")),
        (502, Unknown("502 from the provider")),
        (503, Unknown("503 from the provider")),
        (504, Unknown("504 from the provider")),
    ],
)
async def test_a_status_says_whether_it_arrived(status: int, outcome: Outcome) -> None:
    assert await say(status, b"<html>", submitted) == outcome


async def test_a_provider_that_never_answers_is_unknown() -> None:
    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with answering(never, timeout_s=0.05) as provider:
        told = await provider.submit(KEY, BODY)
    assert told == Unknown("the answer was lost: TimeoutError")


async def test_an_answer_that_breaks_off_is_unknown() -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b'{"Success":true,"Model":{"Id":"sc_1"}}')
        assert request.transport is not None
        request.transport.close()
        return answer

    async with answering(half) as provider:
        assert isinstance(await provider.submit(KEY, BODY), Unknown)


CODES = [2, 3, *range(4, 8), *range(9, 22), *range(23, 28)]


@pytest.mark.parametrize("code", CODES)
async def test_a_numbered_refusal_waits_for_a_person(code: int) -> None:
    assert await say(200, refusal(code, "why"), submitted) == Dead(f"code {code}: why")


@pytest.mark.parametrize("code", [8, 22])
async def test_a_register_that_is_busy_is_asked_again(code: int) -> None:
    assert await say(200, refusal(code, "later"), submitted) == Unsent(f"code {code}: later")


@pytest.mark.parametrize("code", [-1, None, "13"])
async def test_an_error_that_is_not_in_the_list_says_nothing(code: object) -> None:
    assert isinstance(await say(200, refusal(code), submitted), Unknown)


async def test_a_company_that_the_provider_does_not_know_is_a_refusal() -> None:
    told = await say(200, refusal(-1, "Компания с ИНН 123 не найдена"), submitted)
    assert told == Dead("code -1: Компания с ИНН 123 не найдена")


async def test_success_without_an_id_is_unknown() -> None:
    body = b'{"Success":true,"Message":"Queued","Model":{"ErrorCode":0}}'
    assert isinstance(await say(200, body, submitted), Unknown)


async def test_the_register_may_fail_after_it_accepted() -> None:
    body = '{"Success":true,"Model":"Error","Warning":"ФН не отвечает"}'.encode()
    assert await say(200, body, asked) == Dead("the register failed: ФН не отвечает")


async def processed(details: object) -> Outcome:
    """What `ask` makes of a processed receipt with these details."""

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/status/get"):
            return web.json_response({"Success": True, "Model": "Processed"})
        if isinstance(details, int):
            return web.Response(status=details)
        return web.json_response(details)

    async with answering(answer) as provider:
        return await provider.ask("sc_1")


def details(**changed: object) -> dict[str, object]:
    told = {**FIELDS, "OfdReceiptUrl": FIELDS["Url"], **changed}
    return {"Success": True, "Model": {"AdditionalData": told}}


async def test_the_details_hold_the_document() -> None:
    assert await processed(details()) == DONE


@pytest.mark.parametrize(
    "told",
    [
        {"Success": False, "Message": "Receipt not found"},
        {"Success": True, "Model": {}},
        {"Success": True, "Model": {"AdditionalData": None}},
        details(QrCodeUrl=None),
        details(QrCodeUrl="https://qr.example/receipt"),
        details(QrCodeUrl="http://["),
        details(QrCodeUrl="https://qr.example/receipt?q=t%3d1"),
        # The numbers beside the QR are another document's.
        details(DocumentNumber="2"),
        details(FiscalNumber="9999078900000002"),
        details(DocumentNumber=None),
    ],
)
async def test_details_that_do_not_agree_issue_nothing(told: object) -> None:
    assert isinstance(await processed(told), Unknown)


async def test_details_that_cannot_be_had_are_asked_for_again() -> None:
    assert await processed(500) == Unsent("asking failed: 500 from the provider")


# Pushes. -----------------------------------------------------------------------------------------


def sign(text: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha256)).decode()


FORM = urlencode(FIELDS).encode()
DECODED = "&".join(f"{name}={value}" for name, value in FIELDS.items()).encode()


def push(body: bytes = FORM, **headers: str) -> Notice | None:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return offline().notice(body, {"Content-Type": "application/x-www-form-urlencoded", **told})


@pytest.mark.parametrize("header", ["X_Content_HMAC", "Content_HMAC"])
@pytest.mark.parametrize("signed", [FORM, DECODED], ids=["of the raw body", "of the decoded text"])
def test_either_header_may_be_of_either_reading(header: str, signed: bytes) -> None:
    assert push(**{header: sign(signed)}) == Notice(KEY, DONE)


def test_one_right_header_is_enough() -> None:
    assert push(X_Content_HMAC="wrong", Content_HMAC=sign(FORM)) == Notice(KEY, DONE)


def test_the_signature_is_what_openssl_says() -> None:
    # printf 'a=1&b=2' | openssl dgst -sha256 -hmac pass -binary | base64
    provider = CloudKassir(None, "http://x", "demo", "pass", 1)  # type: ignore[arg-type]
    right = "vl/ejL8VdpuGMoYnVqLlxm1k9j1gXBsmBAx9p0OXgB8="
    assert provider.notice(b"a=1&b=2", {"Content-HMAC": right}) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content_HMAC": ""},
        {"Content_HMAC": sign(FORM, "guessed")},
        {"Content_HMAC": sign(FORM + b" ")},
        {"Content_HMAC": sign(FORM).rstrip("=")},
        {"X_Content_HMAC": sign(FORM).lower()},
        {"X_Content_HMAC": "ключ"},
        {"X_Content_HMAC": "\udcff"},
        {"X_Content_HMAC": base64.b64encode(b"").decode()},
    ],
)
def test_a_push_that_is_not_signed_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadSignatureError):
        push(**headers)


def test_a_push_may_be_json() -> None:
    body = json.dumps({**FIELDS, "DocumentNumber": 1, "Amount": 120.1}).encode()
    told = push(body, Content_HMAC=sign(body), Content_Type="application/json; charset=utf-8")
    assert told == Notice(KEY, DONE)


def test_a_space_may_be_written_as_plus() -> None:
    body = FORM + b"&CalculationPlace=" + quote_plus("ТЦ «Ромашка», 1 этаж").encode()
    assert b"+" in body
    assert push(body, Content_HMAC=sign(body)) == Notice(KEY, DONE)


@pytest.mark.parametrize(
    "changed",
    [
        {"InvoiceId": ""},
        {"QrCodeUrl": ""},
        {"QrCodeUrl": "http://["},
        {"QrCodeUrl": f"https://qr.example/receipt?q={quote(QR.replace('n=1', 'n=3'))}"},
        {"DocumentNumber": "2"},
        {"FiscalNumber": "1"},
    ],
)
def test_a_push_that_says_nothing_of_a_document_is_nothing(changed: dict[str, str]) -> None:
    body = urlencode({**FIELDS, **changed}).encode()
    assert push(body, Content_HMAC=sign(body)) is None


def test_a_push_may_be_a_deep_hole() -> None:
    hole = b"[" * 100_000
    assert push(hole, Content_HMAC=sign(hole), Content_Type="application/json") is None


@given(
    st.one_of(
        st.binary(),
        st.text().map(str.encode),
        st.dictionaries(
            st.sampled_from(list(FIELDS)), st.one_of(st.text(), st.sampled_from(["http://[", QR]))
        ).map(lambda told: urlencode({**FIELDS, **told}).encode()),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(FIELDS)), inner),
        ).map(lambda told: json.dumps(told).encode()),
    ),
    st.sampled_from(["", "application/json", "application/x-www-form-urlencoded", "\udcff"]),
)
def test_whatever_a_signed_push_says_it_is_a_notice_or_nothing(
    body: bytes, content_type: str
) -> None:
    told = push(body, Content_HMAC=sign(body), Content_Type=content_type)
    assert told is None or isinstance(told.outcome, Done)

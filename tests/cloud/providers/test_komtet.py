"""Our client of Komtet Kassa against its emulator, over real HTTP: every row of the outcome table.

Where the emulator is too well-behaved, a small server says what it is told to.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from parts import free_port
from till import KEY, RECEIPT, Till, a_hook, a_server, a_till, an_attempt, settled

from cloud.emulators.drive import Drive
from cloud.emulators.komtet import Komtet as Emulator
from cloud.emulators.komtet import Settings as Account
from cloud.errors import ConfigError
from cloud.fiscal import FiscalDocument
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.providers import Attempt, BadSignatureError, Finding, Notice
from cloud.providers.komtet import Komtet, Settings
from cloud.receipt import Cause, Marking, MarkingMode, Purpose, Subject, Taxation
from cloud.vat import VatRate

SECRET = "tell nobody"
TASK = "234567890"
GTIN = "04600439931256"
CODE = f"01{GTIN}21JgXJ5.\x1d91EE06\x1d92c2lnbmF0dXJl"
HOOK = "https://hook.example/k"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", "utf-8")
    return str(file)


def settings(url: str, secret: str, **told: object) -> Settings:
    known = {"url": f"{url}/api/shop/v2", "shop_id": "demo", "secret_file": secret, "queue": 7}
    whole: dict[str, Any] = {"timeout_s": 5, **known, **told}
    return Settings(**whole)


def offline(secret: str, **told: object) -> Komtet:
    """The client where no request is made."""
    return Komtet(None, settings("http://127.0.0.1", secret, **told))  # type: ignore[arg-type]


@asynccontextmanager
async def a_shop(
    secret: str, told: dict[str, Any] | None = None, **of_emulator: object
) -> AsyncIterator[tuple[Komtet, Till, Emulator]]:
    emulator = Emulator(Account("demo", SECRET, 7, **of_emulator), Drive(None))
    async with a_till(emulator) as till:
        yield Komtet(till.http, settings(till.url, secret, **(told or {}))), till, emulator


async def submitted(provider: Komtet) -> Attempt:
    """An attempt that the provider has accepted, with its task's number."""
    attempt = an_attempt(provider)
    outcome = await provider.submit(attempt)
    assert isinstance(outcome, Accepted)
    assert outcome.provider_id is not None
    return Attempt(attempt.key, attempt.body, outcome.provider_id)


# The request. ------------------------------------------------------------------------------------


def task_of(provider: Komtet, **changed: object) -> dict[str, Any]:
    composed = provider.compose(msgspec.structs.replace(RECEIPT, **changed), KEY)
    task: dict[str, Any] = json.loads(composed)
    return task


def test_a_receipt_becomes_this_task(secret: str) -> None:
    assert task_of(offline(secret, callback_url=HOOK)) == {
        "external_id": KEY,
        "client": {"email": "checks@coffee.example"},
        "company": {
            "payment_address": "ТЦ «Ромашка», 1 этаж",
            "place_address": "г. Москва, ул. Примерная, д. 1",
            "sno": 1,
            "inn": "7708806062",
        },
        "print": False,
        "intent": "sell",
        "payments": [{"sum": 120.10, "type": "card"}],
        "positions": [
            {
                "name": "Капучино 200 мл",
                "price": 120.10,
                "quantity": 1,
                "total": 120.10,
                "measure": 0,
                "payment_method": "full_payment",
                "payment_object": "product",
                "vat": "22",
            }
        ],
        "additional_user_props": {"name": "Автомат №", "value": "vm-000123"},
        "timezone": 2,
        "callback_url": HOOK,
    }


def test_the_same_receipt_and_key_are_the_same_bytes(secret: str) -> None:
    again = msgspec.json.decode(msgspec.json.encode(RECEIPT), type=type(RECEIPT))
    composed = offline(secret).compose(RECEIPT, KEY)
    assert offline(secret).compose(again, KEY) == composed
    assert offline(secret).compose(RECEIPT, f"{KEY}-1") != composed


@pytest.mark.parametrize(
    ("changed", "written"),
    [
        ({"vat": VatRate.NONE}, '"vat":"no"'),
        ({"vat": VatRate.VAT_0}, '"vat":"0"'),
        ({"vat": VatRate.VAT_7}, '"vat":"7"'),
        ({"purpose": Purpose.INCOME_RETURN}, '"intent":"sellReturn"'),
        ({"basis": "3141592653"}, '"additional_check_props":"3141592653"'),
        ({"taxation": Taxation.PATENT}, '"sno":5'),
        ({"subject": Subject.EXCISABLE}, '"payment_object":"product_practical"'),
        ({"subject": Subject.SERVICE}, '"payment_object":"service"'),
        ({"subject": Subject.GOODS_UNMARKED}, '"payment_object":"tnm"'),
        ({"internet": False}, '"internet":false'),
        (
            {"cash": 10000, "cashless": 2010},
            '[{"sum":100.00,"type":"cash"},{"sum":20.10,"type":"card"}]',
        ),
        # Two decimals, by way of no float.
        ({"amount": 5}, '"price":0.05'),
        ({"amount": 900719925474099}, '"total":9007199254740.99'),
        ({"sender": ""}, '"client":{}'),
    ],
)
def test_each_field_is_written_as_the_provider_reads_it(
    secret: str, changed: dict[str, Any], written: str
) -> None:
    composed = offline(secret).compose(msgspec.structs.replace(RECEIPT, **changed), KEY)
    assert written in composed


def test_what_is_not_known_is_left_out(secret: str) -> None:
    task = task_of(offline(secret), zone=None)
    absent = {"timezone", "internet", "callback_url", "correction_info", "additional_check_props"}
    assert not absent & set(task)


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (Cause(by_order=False, day="2026-11-21"), {"type": "self", "base_date": "21.11.2026"}),
        (
            Cause(by_order=True, day="2026-01-02", number="17-А"),
            {"type": "instruction", "base_date": "02.01.2026", "base_number": "17-А"},
        ),
    ],
)
def test_a_correction_says_why(secret: str, cause: Cause, told: dict[str, str]) -> None:
    task = task_of(offline(secret), purpose=Purpose.CORRECTION, cause=cause)
    assert (task["intent"], task["correction_info"]) == ("sellCorrection", told)


RULE = {"federal_id": "030", "date": "16.06.2022", "number": "174", "value": "mode=vend"}


@pytest.mark.parametrize(
    ("marking", "told"),
    [
        (Marking(mode=MarkingMode.WITHDRAWN_BEFORE), {}),
        (
            Marking(mode=MarkingMode.GTIN_VEND, gtin=GTIN),
            {"mark_code": {"itf14": GTIN}, "sectoral_item_props": [RULE]},
        ),
        (Marking(mode=MarkingMode.FULL_CODE, code=CODE), {"mark_code": {"gs1m": CODE}}),
    ],
)
def test_a_mark_is_written_as_the_format_has_it(
    secret: str, marking: Marking, told: dict[str, Any]
) -> None:
    (position,) = task_of(offline(secret), ffd="1.2", marking=marking)["positions"]
    marks = {"mark_code", "sectoral_item_props"}
    assert {name: position[name] for name in marks & set(position)} == told


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), (b"\xff\xfe", "it is no UTF-8 text"), (b" \n", "empty")],
)
def test_a_secret_that_cannot_be_read_is_a_mistake_of_the_configuration(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"secret_file: {file} .*{why}"):
        offline(str(file))


def test_the_url_is_komtet_s_own_unless_it_is_set() -> None:
    told = msgspec.convert({"shop_id": "demo", "secret_file": "x", "queue": 7}, Settings)
    assert (told.url, told.ffd) == ("https://kassa.komtet.ru/api/shop/v2", "1.2")


# Against the emulator. ---------------------------------------------------------------------------


async def test_a_receipt_is_accepted_and_asked_for(secret: str) -> None:
    async with a_shop(secret) as (provider, till, _):
        attempt = await submitted(provider)
        done = await settled(provider, an_attempt(provider, key=f"{KEY}-1"))
        first, second = await till.ledger()
    assert isinstance(done, Done)
    assert (first["key"], first["total"], first["id"]) == (KEY, 12010, attempt.provider_id)
    assert second["id"] == done.provider_id
    # The QR of a task has no seconds.
    told, whole = done.document.qr.split("&"), second["qr"].split("&")
    assert (told[0], told[1:]) == (whole[0][:-2], whole[1:])


@pytest.mark.parametrize(
    ("purpose", "sign", "correction"),
    [(Purpose.INCOME_RETURN, 2, False), (Purpose.CORRECTION, 1, True)],
)
async def test_a_return_and_a_correction_are_documents_of_their_own(
    secret: str, purpose: Purpose, sign: int, *, correction: bool
) -> None:
    cause = Cause(by_order=False, day="2026-11-21") if correction else None
    receipt = msgspec.structs.replace(RECEIPT, purpose=purpose, cause=cause)
    async with a_shop(secret) as (provider, till, _):
        done = await settled(provider, an_attempt(provider, receipt))
        (document,) = await till.ledger()
    assert isinstance(done, Done)
    assert done.document.sign == sign
    assert (document["sign"], document["correction"]) == (sign, correction)


async def test_a_repeated_key_is_accepted_under_no_number(secret: str) -> None:
    async with a_shop(secret) as (provider, till, _):
        attempt = await submitted(provider)
        assert await provider.submit(attempt) == Accepted(None)
        assert await till.keys() == [KEY]


async def test_without_the_tasks_number_there_is_nothing_to_ask_with(secret: str) -> None:
    async with a_shop(secret) as (provider, _, _):
        assert not provider.by_key
        await submitted(provider)
        told = await provider.ask(an_attempt(provider))
    said = "the task's number was not heard, and Komtet looks nothing up by the key"
    assert told == Unsent(said)


@pytest.mark.parametrize(
    ("fault", "reason", "again", "documents"),
    [
        ("drop_before_store", "the answer was lost: ", False, 0),
        ("drop_after_store", "the answer was lost: ", True, 1),
        ("5xx", "neither accepted nor refused: 500 ", False, 0),
        ("5xx_after_store", "neither accepted nor refused: 500 ", True, 1),
        ("nonsense", "neither accepted nor refused: 200 ", True, 1),
    ],
)
async def test_a_lost_answer_is_unknown_and_its_repetition_is_the_same_receipt(
    secret: str, fault: str, reason: str, documents: int, *, again: bool
) -> None:
    async with a_shop(secret) as (provider, till, emulator):
        await till.fault(fault)
        told = await provider.submit(an_attempt(provider))
        assert isinstance(told, Unknown)
        assert told.reason.startswith(reason)
        assert len(emulator.entries) + len(await till.ledger()) == documents
        repeated = await provider.submit(an_attempt(provider))
        assert isinstance(repeated, Accepted)
        assert (repeated.provider_id is None) == again
        assert len(emulator.entries) + len(await till.ledger()) == 1


async def test_a_push_ends_the_wait_of_a_lost_answer(secret: str) -> None:
    async with a_hook() as hook, a_shop(secret, {"callback_url": hook.url}) as account:
        provider, till, _ = account
        await till.fault("drop_after_store")
        assert isinstance(await provider.submit(an_attempt(provider)), Unknown)
        told = await hook.notice(provider)
        (document,) = await till.ledger()
    assert told is not None
    assert isinstance(told.outcome, Done)
    assert (told.key, told.provider_id) == (KEY, document["id"])
    assert told.outcome.document.fd == document["fd"]


async def test_a_receipt_in_the_queue_is_accepted(secret: str) -> None:
    async with a_shop(secret, delay_s=3600) as (provider, _, _):
        attempt = await submitted(provider)
        assert await provider.ask(attempt) == Accepted(attempt.provider_id)


async def test_a_receipt_that_the_provider_lost_is_unknown(secret: str) -> None:
    async with a_shop(secret, delay_s=3600) as (provider, till, _):
        attempt = await submitted(provider)
        await till.control({"lose": True})
        told = await provider.ask(attempt)
    said = f"Komtet knows no task {attempt.provider_id}: the number is not this receipt's"
    assert told == Unknown(said, misled=True)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("refuse", Dead("422 Ошибка валидации Некорректные данные чека")),
        ("auth", Unsent("403 Ошибка Магазин заблокирован", Pause.AUTH)),
        ("busy", Unsent("429 Ошибка Слишком много запросов", retry_after_s=1.0)),
        ("no_register", Unsent("422 Ошибка валидации Очередь не активна", Pause.NO_REGISTER)),
    ],
)
async def test_a_refusal_records_nothing(secret: str, fault: str, outcome: Outcome) -> None:
    async with a_shop(secret) as (provider, till, emulator):
        await till.fault(fault)
        assert await provider.submit(an_attempt(provider)) == outcome
        assert (emulator.entries, await till.ledger()) == ({}, [])


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("expire", Dead("the register failed: Истекло время ожидания кассы")),
        ("fail", Dead("the register failed: Ошибка кассы")),
    ],
)
async def test_the_register_may_fail_after_it_was_accepted(
    secret: str, fault: str, outcome: Outcome
) -> None:
    async with a_shop(secret) as (provider, till, _):
        await till.fault(fault)
        assert await settled(provider, an_attempt(provider)) == outcome
        assert await till.ledger() == []


async def test_a_full_drive_is_not_the_receipts_fault(secret: str) -> None:
    async with a_shop(secret) as (provider, till, _):
        await till.control({"drive": 0})
        told = await settled(provider, an_attempt(provider))
    reason = "the register failed: Ресурс фискального накопителя исчерпан"
    assert told == Dead(reason, pause=Pause.DRIVE)


@pytest.mark.parametrize(
    "told", [{"shop_id": "somebody"}, {"secret_file": "wrong"}], ids=["shop", "secret"]
)
async def test_a_stranger_sends_nothing(secret: str, tmp_path: Path, told: dict[str, str]) -> None:
    (tmp_path / "wrong").write_text("guessed", "utf-8")
    if "secret_file" in told:
        told = {"secret_file": str(tmp_path / "wrong")}
    async with a_shop(secret, told) as (stranger, till, _):
        refused = Unsent("403 Ошибка Неверная подпись запроса", Pause.AUTH)
        assert await stranger.submit(an_attempt(stranger)) == refused
        asked = await stranger.ask(an_attempt(stranger, provider_id=TASK))
        assert asked == Unsent(f"asking failed: {refused.reason}", Pause.AUTH)
        assert await stranger.check() == [Finding("bad", f"queue 7: {refused.reason}")]
        assert await till.ledger() == []


async def test_check_says_what_the_queue_says(secret: str) -> None:
    async with a_shop(secret) as (provider, _, emulator):
        assert await provider.check() == [Finding("good", "queue 7 is active")]
        emulator.active = False
        assert await provider.check() == [Finding("bad", "queue 7 is not active: passive")]
        told = await provider.submit(an_attempt(provider))
        assert isinstance(told, Unsent)
        assert told.pause is Pause.NO_REGISTER


async def test_a_queue_that_there_is_none_of_is_no_register(secret: str) -> None:
    async with a_shop(secret, {"queue": 8}) as (provider, _, _):
        said = "404 Ошибка Очередь 8 не найдена"
        assert await provider.submit(an_attempt(provider)) == Unsent(said, Pause.NO_REGISTER)
        assert await provider.check() == [Finding("bad", f"queue 8: {said}")]


async def test_a_provider_that_does_not_listen_was_sent_nothing(secret: str) -> None:
    async with aiohttp.ClientSession() as http:
        gone = Komtet(http, settings(f"http://127.0.0.1:{free_port()}", secret))
        told = await gone.submit(an_attempt(gone))
        asked = await gone.ask(an_attempt(gone, provider_id=TASK))
        (found,) = await gone.check()
    assert isinstance(told, Unsent)
    assert told.reason.startswith("no connection: ")
    assert isinstance(asked, Unsent)
    assert found.level == "bad"


# Pushes. -----------------------------------------------------------------------------------------

FISCAL = {
    "i": "19158",
    "fn": "9999078902009656",
    "t": "20261123T1542",
    "n": 1,
    "fp": "0261762727",
    "s": "120.10",
}
DOCUMENT = FiscalDocument(
    fn="9999078902009656", fd=19158, fp=261762727, at="20261123T1542", total=12010
)
DONE_TASK = {
    "id": int(TASK),
    "external_id": KEY,
    "state": "done",
    "error_description": None,
    "fiscal_data": FISCAL,
}
DONE = Done(DOCUMENT, TASK)


def signed(body: bytes, url: str = HOOK, key: str = SECRET) -> dict[str, str]:
    """The signature that Komtet's own plugins for shops check."""
    text = b"POST" + url.encode() + body
    return {"X-HMAC-Signature": hmac.new(key.encode(), text, hashlib.md5).hexdigest()}


def read(secret: str, told: object, *, sign: bool = True, url: str | None = HOOK) -> Notice | None:
    body = json.dumps(told).encode()
    return offline(secret, callback_url=url).notice(body, signed(body) if sign else {})


def test_a_signed_push_is_the_providers_word(secret: str) -> None:
    assert read(secret, DONE_TASK) == Notice(KEY, DONE, TASK)


def test_a_push_without_a_signature_is_a_hint(secret: str) -> None:
    assert read(secret, DONE_TASK, sign=False) == Notice(KEY, None, TASK)


def test_a_push_to_an_address_that_is_not_known_is_a_hint(secret: str) -> None:
    # What the signature is over is not known then.
    assert read(secret, DONE_TASK, url=None) == Notice(KEY, None, TASK)


@pytest.mark.parametrize(
    "headers",
    [
        signed(b"another body"),
        signed(json.dumps(DONE_TASK).encode(), url="https://hook.example/other"),
        signed(json.dumps(DONE_TASK).encode(), key="guessed"),
        {"X-HMAC-Signature": ""},
        {"X-HMAC-Signature": "\udcff"},
    ],
)
def test_a_wrong_signature_changes_nothing(secret: str, headers: dict[str, str]) -> None:
    provider = offline(secret, callback_url=HOOK)
    with pytest.raises(BadSignatureError):
        provider.notice(json.dumps(DONE_TASK).encode(), headers)


def test_a_signature_may_be_in_capitals(secret: str) -> None:
    body = json.dumps(DONE_TASK).encode()
    headers = {name: text.upper() for name, text in signed(body).items()}
    assert offline(secret, callback_url=HOOK).notice(body, headers) == Notice(KEY, DONE, TASK)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"state": "error", "fiscal_data": None}, Notice(KEY, None, TASK)),
        ({"state": "new"}, Notice(KEY, None, TASK)),
        ({"fiscal_data": None}, Notice(KEY, None, TASK)),
        ({"fiscal_data": {**FISCAL, "t": "yesterday"}}, Notice(KEY, None, TASK)),
        ({"id": None}, Notice(KEY, Done(DOCUMENT))),
        ({"external_id": None}, None),
        ({"external_id": 7}, None),
    ],
)
def test_a_push_that_holds_no_document_is_a_hint(
    secret: str, changed: dict[str, Any], told: Notice | None
) -> None:
    assert read(secret, {**DONE_TASK, **changed}) == told


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"[]", b"[" * 100_000, b"id=1"])
def test_a_push_that_makes_no_sense_is_about_nothing(secret: str, body: bytes) -> None:
    assert offline(secret, callback_url=HOOK).notice(body, signed(body)) is None


@pytest.mark.parametrize("fault", ["callback_first", "callback_twice"])
async def test_a_push_may_come_early_or_twice(secret: str, fault: str) -> None:
    async with a_hook() as hook, a_shop(secret, {"callback_url": hook.url}) as account:
        provider, till, _ = account
        await till.fault(fault)
        attempt = await submitted(provider)
        for number in range(1 if fault == "callback_first" else 2):
            told = await hook.notice(provider, number)
            assert told is not None
            assert (told.key, told.provider_id) == (KEY, attempt.provider_id)
            assert told.outcome == await provider.ask(attempt)


async def test_a_push_that_is_signed_by_somebody_else_is_refused(secret: str) -> None:
    async with a_hook() as hook, a_shop(secret, {"callback_url": hook.url}) as account:
        provider, till, _ = account
        await till.fault("bad_signature")
        await submitted(provider)
        with pytest.raises(BadSignatureError):
            await hook.notice(provider)


async def test_an_account_whose_pushes_are_not_signed_hints(secret: str) -> None:
    async with (
        a_hook() as hook,
        a_shop(secret, {"callback_url": hook.url}, signs=False) as (provider, _, _),
    ):
        attempt = await submitted(provider)
        assert await hook.notice(provider) == Notice(KEY, None, attempt.provider_id)


# Against a server that says what it is told to. --------------------------------------------------

Question = Callable[[Komtet], Awaitable[Outcome]]


async def say(
    secret: str,
    question: Question,
    status: int,
    body: object,
    headers: dict[str, str] | None = None,
) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=raw, headers=headers)

    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        return await question(Komtet(http, settings(url, secret)))


def sent(provider: Komtet) -> Awaitable[Outcome]:
    return provider.submit(an_attempt(provider))


def asked(provider: Komtet) -> Awaitable[Outcome]:
    return provider.ask(an_attempt(provider, provider_id=TASK))


async def test_a_request_is_signed_over_method_address_and_body(secret: str) -> None:
    heard: list[tuple[str, str, bytes, str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        signature = request.headers["X-HMAC-Signature"]
        shop = request.headers["Authorization"]
        heard.append((request.method, str(request.url), await request.read(), signature, shop))
        return web.json_response({"id": 1, "state": "new"})

    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        provider = Komtet(http, settings(f"{url}/", secret))
        await sent(provider)
        await asked(provider)
    addresses = [f"{url}//api/shop/v2/queues/7/task", f"{url}//api/shop/v2/tasks/{TASK}"]
    assert [address for _, address, *_ in heard] == addresses
    for method, address, body, signature, shop in heard:
        text = f"{method}{address}".encode() + body
        assert signature == hmac.new(SECRET.encode(), text, hashlib.md5).hexdigest()
        assert shop == "demo"


NONSENSE = {
    "nothing": b"",
    "a page": b"<html>Bad gateway</html>",
    "half an answer": b'{"id":1,"sta',
    "a list": b"[]",
    "bytes that are no text": b'{"id":"\xff\xfe"}',
    "half a surrogate": b'{"id":"\\ud800"}',
    "a deep hole": b"[" * 100_000,
    "no number": b"{}",
    "a number that is none": b'{"id":{}}',
    "another receipt": b'{"id":1,"external_id":"other","state":"done"}',
    "a key that is none": b'{"id":1,"external_id":[]}',
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("status", [200, 302, 500])
async def test_an_answer_that_makes_no_sense_is_unknown(
    secret: str, status: int, body: bytes
) -> None:
    assert isinstance(await say(secret, sent, status, body), Unknown)
    assert isinstance(await say(secret, asked, status, body), Unknown | Unsent)


@pytest.mark.parametrize("body", [b"<html>", b"", b"{}", b"[]", b'{"id":1}'])
async def test_a_refusal_without_a_reason_is_unknown(secret: str, body: bytes) -> None:
    assert isinstance(await say(secret, sent, 422, body), Unknown)


async def test_a_refusal_is_read_however_deep_it_says_its_reason(secret: str) -> None:
    told: object = "плохая цена"
    for _ in range(300):
        told = [{"errors": told}]
    assert await say(secret, sent, 422, {"errors": told}) == Dead("422 плохая цена")


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (401, None, Unsent("401 b'busy'", Pause.AUTH)),
        (402, None, Unsent("402 b'busy'", Pause.BILLING)),
        (403, None, Unsent("403 b'busy'", Pause.AUTH)),
        (404, None, Unsent("404 b'busy'", Pause.NO_REGISTER)),
        (429, None, Unsent("429 b'busy'")),
        (503, {"Retry-After": "9"}, Unsent("503 b'busy'", retry_after_s=9.0)),
        (503, None, Unknown("neither accepted nor refused: 503 b'busy'")),
        (500, {"Retry-After": "9"}, Unknown("neither accepted nor refused: 500 b'busy'")),
        (504, None, Unknown("neither accepted nor refused: 504 b'busy'")),
    ],
)
async def test_a_status_says_whether_it_arrived(
    secret: str, status: int, headers: dict[str, str] | None, outcome: Outcome
) -> None:
    assert await say(secret, sent, status, b"busy", headers) == outcome


SENTENCE = f"external_id: Чек с внешним идентификатором {KEY} уже существует"


@pytest.mark.parametrize("status", [400, 409, 422, 500])
@pytest.mark.parametrize(
    "body",
    [
        {"title": "Ошибка валидации", "description": SENTENCE},
        {"errors": {"external_id": [SENTENCE.partition(": ")[2]]}},
        SENTENCE.encode(),
        json.dumps(SENTENCE).encode(),
        json.dumps([SENTENCE], ensure_ascii=False).encode(),
        {"title": "Ошибка валидации " * 20, "errors": [SENTENCE]},
    ],
)
async def test_a_known_key_is_accepted_however_it_is_said(
    secret: str, status: int, body: object
) -> None:
    assert await say(secret, sent, status, body) == Accepted(None)


@pytest.mark.parametrize("status", [408, 409, 425, 499])
async def test_what_was_cut_off_on_its_way_may_have_been_received(secret: str, status: int) -> None:
    assert isinstance(await say(secret, sent, status, {"title": "Request Timeout"}), Unknown)


@pytest.mark.parametrize(
    ("message", "pause"),
    [
        ("Очередь 7 неактивна", Pause.NO_REGISTER),
        ("Очередь не найдена", Pause.NO_REGISTER),
        ("Нет свободных касс", Pause.NO_REGISTER),
        ("Недостаточно средств на балансе", Pause.BILLING),
        ("Срок фискального накопителя истёк", Pause.DRIVE),
    ],
)
async def test_words_tell_that_the_receipt_is_not_at_fault(
    secret: str, message: str, pause: Pause
) -> None:
    assert await say(secret, sent, 422, {"title": message}) == Unsent(f"422 {message}", pause)


async def test_any_other_refusal_waits_for_a_person(secret: str) -> None:
    told = await say(secret, sent, 422, {"title": "positions.vat: Недопустимое значение"})
    assert told == Dead("422 positions.vat: Недопустимое значение")


async def test_a_provider_that_never_answers_is_unknown(secret: str) -> None:
    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with a_server(never) as url, aiohttp.ClientSession() as http:
        provider = Komtet(http, settings(url, secret, timeout_s=0.1))
        assert await sent(provider) == Unknown("the answer was lost: TimeoutError")
        asked_for = await asked(provider)
    assert asked_for == Unsent("asking failed: the answer was lost: TimeoutError")


@pytest.mark.parametrize(
    "changed",
    [{}, {"fiscal_data": {**FISCAL, "i": 19158, "s": 120.1, "n": "1"}}],
)
async def test_a_done_task_holds_the_document(secret: str, changed: dict[str, Any]) -> None:
    assert await say(secret, asked, 200, {**DONE_TASK, **changed}) == DONE


@pytest.mark.parametrize(
    "changed",
    [
        {"fiscal_data": {**FISCAL, "s": "120.11"}},
        {"fiscal_data": {**FISCAL, "n": 2}},
        {"fiscal_data": {**FISCAL, "t": "3333333333333"}},
        {"fiscal_data": {**FISCAL, "fn": None}},
        {"fiscal_data": {**FISCAL, "i": None}},
        {"fiscal_data": {**FISCAL, "fp": "-1"}},
        {"fiscal_data": {**FISCAL, "s": "nan"}},
        {"fiscal_data": {**FISCAL, "s": "1e3"}},
        {"fiscal_data": {**FISCAL, "i": 10**19}},
        {"fiscal_data": {**FISCAL, "i": 0}},
        {"fiscal_data": {**FISCAL, "fp": 2**32}},
    ],
)
async def test_a_done_task_without_our_document_is_a_persons(
    secret: str, changed: dict[str, Any]
) -> None:
    told = await say(secret, asked, 200, {**DONE_TASK, **changed})
    assert isinstance(told, Unknown)
    assert told.final
    assert told.reason.startswith("it has been recorded, but its document is none of ours: t=")
    assert f", i={changed['fiscal_data']['i']}, fp=" in told.reason
    assert told.reason.endswith("python -m cloud resolve ID --issued QR")


@pytest.mark.parametrize("fiscal", [None, [], {}, {**FISCAL, "fn": None, "i": None, "fp": ""}])
async def test_a_done_task_without_its_numbers_is_asked_for_again(
    secret: str, fiscal: object
) -> None:
    told = await say(secret, asked, 200, {**DONE_TASK, "fiscal_data": fiscal})
    assert told == Unsent("asking failed: done, but no document is told yet")


async def test_a_number_of_another_receipt_is_to_be_forgotten(secret: str) -> None:
    told = await say(secret, asked, 200, {**DONE_TASK, "external_id": f"{KEY}-1"})
    said = f"task {TASK} is of '{KEY}-1': the number is not this receipt's"
    assert told == Unknown(said, misled=True)


@pytest.mark.parametrize("changed", [{"external_id": None}, {"state": "printing"}, {"state": None}])
async def test_a_task_that_says_nothing_is_unknown(secret: str, changed: dict[str, Any]) -> None:
    told = await say(secret, asked, 200, {**DONE_TASK, **changed})
    assert isinstance(told, Unknown)
    assert (told.final, told.misled) == (False, False)


async def test_a_stored_body_that_is_none_of_ours_makes_no_document(secret: str) -> None:
    for body in ("", "{}", '{"intent":[],"positions":[]}', '{"positions":7}'):

        async def question(provider: Komtet, body: str = body) -> Outcome:
            return await provider.ask(Attempt(KEY, body, TASK))

        assert isinstance(await say(secret, question, 200, DONE_TASK), Unknown)


async def test_a_question_that_was_not_answered_leaves_things_as_they_are(secret: str) -> None:
    said = "asking failed: neither accepted nor refused: 502 b'gone'"
    assert await say(secret, asked, 502, b"gone") == Unsent(said)
    later = await say(secret, asked, 429, b"", {"Retry-After": "3"})
    assert later == Unsent("asking failed: 429 b''", retry_after_s=3.0)


def test_a_key_is_used_again_for_thirty_days(secret: str) -> None:
    assert timedelta(seconds=offline(secret).memory_s) == timedelta(days=30)

"""Our client of Ferma against its emulator, over real HTTP: every row of the outcome table.

Where the emulator is too well-behaved, a small server says what it is told to.
"""

import asyncio
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
from cloud.emulators.ferma import Ferma as Emulator
from cloud.emulators.ferma import Settings as Account
from cloud.errors import ConfigError
from cloud.fiscal import FiscalDocument
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.providers import Attempt, Finding, Notice
from cloud.providers.ferma import Ferma, Settings
from cloud.receipt import Cause, Marking, MarkingMode, Purpose, Subject, Taxation
from cloud.vat import VatRate

PASSWORD = "tell nobody/at all"
NUMBER = "29bd861f-aa7a-4a63-8385-b82a02febe3e"
GTIN = "04600439931256"
CODE = f"01{GTIN}21JgXJ5.\x1d91EE06\x1d92c2lnbmF0dXJl"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    return str(file)


def settings(url: str, secret: str, **told: object) -> Settings:
    known: dict[str, Any] = {
        "url": f"{url}/api",
        "login": "demo",
        "password_file": secret,
        "timeout_s": 5,
    }
    return Settings(**{**known, **told})


def offline(secret: str, **told: object) -> Ferma:
    """The client where no request is made."""
    return Ferma(None, settings("http://127.0.0.1", secret, **told))  # type: ignore[arg-type]


@asynccontextmanager
async def an_account(
    secret: str, told: dict[str, Any] | None = None, **of_emulator: object
) -> AsyncIterator[tuple[Ferma, Till, Emulator]]:
    emulator = Emulator(Account("demo", PASSWORD, **of_emulator), Drive(None))
    async with a_till(emulator) as till:
        yield Ferma(till.http, settings(till.url, secret, **(told or {}))), till, emulator


async def submitted(provider: Ferma) -> Attempt:
    """An attempt that the provider has accepted."""
    attempt = an_attempt(provider)
    outcome = await provider.submit(attempt)
    assert isinstance(outcome, Accepted)
    return Attempt(attempt.key, attempt.body, outcome.provider_id)


# The request. ------------------------------------------------------------------------------------


def request_of(provider: Ferma, **changed: object) -> dict[str, Any]:
    composed = provider.compose(msgspec.structs.replace(RECEIPT, **changed), KEY)
    asked: dict[str, Any] = json.loads(composed)["Request"]
    return asked


def test_a_receipt_becomes_this_request(secret: str) -> None:
    provider = offline(secret, callback_url="https://hook.example/f")
    assert json.loads(provider.compose(RECEIPT, KEY)) == {
        "Request": {
            "Inn": "7708806062",
            "Type": "Income",
            "InvoiceId": KEY,
            "LocalDate": "2026-11-23T18:42:10",
            "CallbackUrl": "https://hook.example/f",
            "CustomerReceipt": {
                "KktFA": True,
                "TaxationSystem": "SimpleIn",
                "PaymentType": 1,
                "InstallmentPlace": "ТЦ «Ромашка», 1 этаж",
                "InstallmentAddress": "г. Москва, ул. Примерная, д. 1",
                "BillAddress": "г. Москва, ул. Примерная, д. 1, ТЦ «Ромашка», 1 этаж",
                "AutomaticDeviceNumber": 123,
                "Email": "checks@coffee.example",
                "Timezone": 2,
                "Items": [
                    {
                        "Label": "Капучино 200 мл",
                        "Price": 120.10,
                        "Quantity": 1.0,
                        "Amount": 120.10,
                        "Vat": "Vat22",
                        "Measure": "PIECE",
                        "PaymentMethod": 4,
                        "PaymentType": 1,
                    }
                ],
                "PaymentItems": [{"PaymentType": 1, "Sum": 120.10}],
            },
        }
    }


def test_the_same_receipt_and_key_are_the_same_bytes(secret: str) -> None:
    again = msgspec.json.decode(msgspec.json.encode(RECEIPT), type=type(RECEIPT))
    composed = offline(secret).compose(RECEIPT, KEY)
    assert offline(secret).compose(again, KEY) == composed
    assert offline(secret).compose(RECEIPT, f"{KEY}-1") != composed


@pytest.mark.parametrize(
    ("changed", "written"),
    [
        ({"vat": VatRate.NONE}, '"Vat":"VatNo"'),
        ({"vat": VatRate.VAT_0}, '"Vat":"Vat0"'),
        ({"vat": VatRate.VAT_5}, '"Vat":"Vat5"'),
        ({"vat": VatRate.VAT_20}, '"Vat":"Vat20"'),
        ({"purpose": Purpose.INCOME_RETURN}, '"Type":"IncomeReturn"'),
        ({"basis": "3141592653"}, '"AdditionalReceiptProp":"3141592653"'),
        ({"taxation": Taxation.PATENT}, '"TaxationSystem":"Patent"'),
        ({"taxation": Taxation.ESN}, '"TaxationSystem":"UnifiedAgricultural"'),
        ({"subject": Subject.EXCISABLE}, '"PaymentMethod":4,"PaymentType":2'),
        ({"internet": True}, '"IsInternet":true'),
        (
            {"cash": 10000, "cashless": 2010},
            '[{"PaymentType":0,"Sum":100.00},{"PaymentType":1,"Sum":20.10}]',
        ),
        # Two decimals, by way of no float.
        ({"amount": 5}, '"Price":0.05'),
        ({"amount": 900719925474099}, '"Amount":9007199254740.99'),
        ({"name": 'Кофе "со сливками"'}, '"Label":"Кофе \\"со сливками\\""'),
        ({"machine": "7-12-A9"}, '"AutomaticDeviceNumber":7129'),
    ],
)
def test_each_field_is_written_as_the_provider_reads_it(
    secret: str, changed: dict[str, Any], written: str
) -> None:
    composed = offline(secret).compose(msgspec.structs.replace(RECEIPT, **changed), KEY)
    assert written in composed


def test_what_is_not_known_is_left_out(secret: str) -> None:
    customer = request_of(
        offline(secret), sold_at="", zone=None, sender="", machine="кофе", internet=None
    )
    assert not {"LocalDate", "CallbackUrl"} & set(customer)
    assert not {"Timezone", "Email", "AutomaticDeviceNumber", "IsInternet"} & set(
        customer["CustomerReceipt"]
    )


def test_an_address_is_cut_to_what_the_field_holds(secret: str) -> None:
    customer = request_of(offline(secret), address="а" * 243, place="м" * 243)["CustomerReceipt"]
    assert customer["BillAddress"] == f"{'а' * 243}, {'м' * 11}"
    assert customer["InstallmentPlace"] == "м" * 243


def test_the_newer_field_takes_the_machines_number_as_it_is(secret: str) -> None:
    customer = request_of(offline(secret, machine_field="AutomatNumber"))["CustomerReceipt"]
    assert customer["AutomatNumber"] == "vm-000123"
    assert "AutomaticDeviceNumber" not in customer


def test_names_of_rates_can_be_set(secret: str) -> None:
    provider = offline(secret, vat_names={"20": "ObsoleteVat20", "none": "NoVat"})
    rates = (VatRate.VAT_20, VatRate.NONE, VatRate.VAT_10)
    named = [request_of(provider, vat=rate)["CustomerReceipt"]["Items"][0]["Vat"] for rate in rates]
    assert named == ["ObsoleteVat20", "NoVat", "Vat10"]


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (
            Cause(by_order=False, day="2026-11-21"),
            {"Type": "SELF", "Description": "Расчёт без применения ККТ", "ReceiptDate": "21.11.26"},
        ),
        (
            Cause(by_order=True, day="2026-01-02", number="17-А"),
            {
                "Type": "INSTRUCTION",
                "Description": "По предписанию",
                "ReceiptDate": "02.01.26",
                "ReceiptId": "17-А",
            },
        ),
    ],
)
def test_a_correction_says_why(secret: str, cause: Cause, told: dict[str, str]) -> None:
    asked = request_of(offline(secret), purpose=Purpose.CORRECTION, cause=cause)
    assert asked["Type"] == "IncomeCorrection"
    assert asked["CustomerReceipt"]["CorrectionInfo"] == told


RULE = {"FoivId": "030", "DocDate": "16.06.2022", "DocNumber": "174", "Value": "mode=vend"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"ffd": "1.05", "marking": Marking(mode=MarkingMode.WITHDRAWN_BEFORE)}, {}),
        (
            {"ffd": "1.05", "marking": Marking(mode=MarkingMode.GTIN_VEND, gtin=GTIN)},
            {"MarkingCode": "490E042F1F968178"},
        ),
        (
            {"ffd": "1.05", "marking": Marking(mode=MarkingMode.FULL_CODE, code=CODE)},
            {"MarkingCode": "444D042F1F9681784A67584A352E"},
        ),
        (
            {"ffd": "1.2", "marking": Marking(mode=MarkingMode.GTIN_VEND, gtin=GTIN)},
            {
                "MarkingCodeData": {
                    "Type": "ITF14",
                    "Code": GTIN,
                    "PlannedStatus": "PIECE_PRODUCT_INCOME",
                },
                "IndustryItemRequisite": RULE,
            },
        ),
        (
            {
                "ffd": "1.2",
                "purpose": Purpose.INCOME_RETURN,
                "marking": Marking(mode=MarkingMode.FULL_CODE, code=CODE),
            },
            {
                "MarkingCodeData": {
                    "Type": "GS1M",
                    "Code": CODE,
                    "PlannedStatus": "PIECE_PRODUCT_RETURN",
                }
            },
        ),
    ],
)
def test_a_mark_is_written_as_the_format_has_it(
    secret: str, changed: dict[str, Any], told: dict[str, Any]
) -> None:
    item = request_of(offline(secret), **changed)["CustomerReceipt"]["Items"][0]
    marks = {"MarkingCode", "MarkingCodeData", "IndustryItemRequisite"}
    assert {name: item[name] for name in marks & set(item)} == told


# The settings. -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), (b"\xff\xfe", "it is no UTF-8 text"), (b" \n", "empty")],
)
def test_a_password_that_cannot_be_read_is_a_mistake_of_the_configuration(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"password_file: {file} .*{why}"):
        offline(str(file))


def test_a_zone_that_nobody_lives_in_is_refused() -> None:
    told = {"login": "demo", "password_file": "x", "timezone": "Europe/Nowhere"}
    with pytest.raises(msgspec.ValidationError, match="no zone is called 'Europe/Nowhere'"):
        msgspec.convert(told, Settings)


def test_the_url_is_ferma_s_own_unless_it_is_set() -> None:
    told = msgspec.convert({"login": "demo", "password_file": "x"}, Settings)
    assert (told.url, told.look_up) == ("https://ferma.ofd.ru/api", True)


# Against the emulator. ---------------------------------------------------------------------------


async def test_a_receipt_is_accepted_and_asked_for(secret: str) -> None:
    async with an_account(secret) as (provider, till, _):
        attempt = await submitted(provider)
        done = await settled(provider, attempt)
        (document,) = await till.ledger()
    assert isinstance(done, Done)
    assert (document["key"], document["total"], document["id"]) == (KEY, 12010, done.provider_id)
    assert done.document.qr == document["qr"]
    assert done.document.rnm == "0000000000000017"
    assert done.link == f"{till.url}/receipt?id={attempt.provider_id}"


async def test_a_receipt_is_issued_before_the_operator_of_fiscal_data_has_it(secret: str) -> None:
    async with an_account(secret) as (provider, till, _):
        made = await settled(provider, an_attempt(provider))
        assert isinstance(made, Done)
        await till.control({"clock_s": 60})
        assert await provider.ask(Attempt(KEY, an_attempt(provider).body, made.provider_id)) == made


@pytest.mark.parametrize("date", ["iso", "local", "utc"])
async def test_the_qr_has_local_time_whatever_the_answer_calls_it(secret: str, date: str) -> None:
    told = {"receipt_date": "utc" if date == "utc" else "local"}
    async with an_account(secret, told, date=date) as (provider, till, _):
        done = await settled(provider, an_attempt(provider))
        (document,) = await till.ledger()
    assert isinstance(done, Done)
    assert done.document.qr == document["qr"]


@pytest.mark.parametrize(
    ("purpose", "sign", "correction"),
    [(Purpose.INCOME_RETURN, 2, False), (Purpose.CORRECTION, 1, True)],
)
async def test_a_return_and_a_correction_are_documents_of_their_own(
    secret: str, purpose: Purpose, sign: int, *, correction: bool
) -> None:
    cause = Cause(by_order=False, day="2026-11-21") if correction else None
    receipt = msgspec.structs.replace(RECEIPT, purpose=purpose, cause=cause)
    async with an_account(secret) as (provider, till, _):
        done = await settled(provider, an_attempt(provider, receipt))
        (document,) = await till.ledger()
    assert isinstance(done, Done)
    assert (done.document.sign, done.document.qr) == (sign, document["qr"])
    assert (document["sign"], document["correction"]) == (sign, correction)


@pytest.mark.parametrize("duplicate", ["error", "same"])
async def test_a_repeated_key_is_the_same_receipt_in_both_readings(
    secret: str, duplicate: str
) -> None:
    async with an_account(secret, duplicate=duplicate) as (provider, till, _):
        first = await submitted(provider)
        assert await provider.submit(first) == Accepted(first.provider_id)
        assert isinstance(await settled(provider, first), Done)
        assert await provider.submit(first) == Accepted(first.provider_id)
        assert await till.keys() == [KEY]


@pytest.mark.parametrize(
    ("fault", "reason", "documents"),
    [
        ("drop_before_store", "the answer was lost: ", 0),
        ("drop_after_store", "the answer was lost: ", 1),
        ("5xx", "neither accepted nor refused: 500 ", 0),
        ("5xx_after_store", "neither accepted nor refused: 500 ", 1),
        ("nonsense", "neither accepted nor refused: 200 ", 1),
    ],
)
@pytest.mark.parametrize("duplicate", ["error", "same"])
async def test_a_lost_answer_is_unknown_and_its_repetition_is_the_same_receipt(
    secret: str, duplicate: str, fault: str, reason: str, documents: int
) -> None:
    async with an_account(secret, duplicate=duplicate) as (provider, till, emulator):
        await till.fault(fault)
        told = await provider.submit(an_attempt(provider))
        assert isinstance(told, Unknown)
        assert told.reason.startswith(reason)
        assert len(emulator.entries) + len(await till.ledger()) == documents
        assert isinstance(await settled(provider, an_attempt(provider)), Done)
        assert await till.keys() == [KEY]


async def test_a_lost_answer_is_looked_up_by_the_key(secret: str) -> None:
    async with an_account(secret) as (provider, till, _):
        assert provider.by_key
        await till.fault("drop_after_store")
        await provider.submit(an_attempt(provider))
        while isinstance(done := await provider.ask(an_attempt(provider)), Accepted):
            assert done.provider_id is not None
        (document,) = await till.ledger()
    assert isinstance(done, Done)
    assert (done.provider_id, done.document.qr) == (document["id"], document["qr"])


async def test_a_key_that_never_arrived_is_not_found_by_it(secret: str) -> None:
    async with an_account(secret) as (provider, _, _):
        told = await provider.ask(an_attempt(provider))
    assert told == Unsent("Ferma knows no such InvoiceId: code 1024: Чек не найден", absent=True)


async def test_without_a_look_up_a_lost_answer_stays_unknown(secret: str) -> None:
    async with an_account(secret, {"look_up": False}, look_up=False) as (provider, _, _):
        assert not provider.by_key
        assert isinstance(await provider.ask(an_attempt(provider)), Unknown)


async def test_a_look_up_that_the_provider_does_not_have_says_nothing(secret: str) -> None:
    async with an_account(secret, look_up=False) as (provider, _, _):
        told = await provider.ask(an_attempt(provider))
    assert told == Unknown("asked for it, Ferma says code 1025: Не указан ReceiptId")


async def test_a_receipt_in_the_queue_is_accepted(secret: str) -> None:
    async with an_account(secret, delay_s=3600) as (provider, _, _):
        attempt = await submitted(provider)
        assert await provider.ask(attempt) == Accepted(attempt.provider_id)
        assert await provider.ask(an_attempt(provider)) == Accepted(attempt.provider_id)


async def test_a_receipt_that_the_provider_lost_is_unknown(secret: str) -> None:
    async with an_account(secret, delay_s=3600) as (provider, till, _):
        attempt = await submitted(provider)
        await till.control({"lose": True})
        told = await provider.ask(attempt)
    assert told == Unknown("asked for it, Ferma says code 1024: Чек не найден")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("refuse", Dead("code 1020: Некорректные данные чека")),
        ("auth", Unsent("code 1021: Учётная запись заблокирована", Pause.AUTH)),
        ("busy", Unsent("code 1022: Слишком много запросов", retry_after_s=1.0)),
        ("no_register", Unsent("code 1023: Не найдена подходящая касса", Pause.NO_REGISTER)),
    ],
)
async def test_a_refusal_records_nothing(secret: str, fault: str, outcome: Outcome) -> None:
    async with an_account(secret) as (provider, till, emulator):
        await till.fault(fault)
        assert await provider.submit(an_attempt(provider)) == outcome
        assert (emulator.entries, await till.ledger()) == ({}, [])


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("expire", Dead("the register failed: Истекло время ожидания свободной кассы")),
        ("fail", Dead("the register failed: Ошибка фискального накопителя")),
    ],
)
async def test_the_register_may_fail_after_it_was_accepted(
    secret: str, fault: str, outcome: Outcome
) -> None:
    async with an_account(secret) as (provider, till, _):
        await till.fault(fault)
        assert await settled(provider, an_attempt(provider)) == outcome
        assert await till.ledger() == []


async def test_a_full_drive_is_not_the_receipts_fault(secret: str) -> None:
    async with an_account(secret) as (provider, till, _):
        await till.control({"drive": 0})
        told = await settled(provider, an_attempt(provider))
    reason = "the register failed: Ресурс фискального накопителя исчерпан"
    assert told == Dead(reason, pause=Pause.DRIVE)


async def test_a_token_that_ran_out_is_renewed_once(secret: str) -> None:
    async with an_account(secret) as (provider, till, emulator):
        await submitted(provider)
        before = emulator.forgotten_before
        await till.control({"forget": True})
        assert emulator.forgotten_before > before
        assert isinstance(await settled(provider, an_attempt(provider, key=f"{KEY}-1")), Done)


async def test_a_wrong_password_sends_nothing_and_is_not_told(secret: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guessed", "utf-8")
    async with an_account(secret, {"password_file": str(wrong)}) as (stranger, till, _):
        refused = Unsent("no token: Неверный логин или пароль", Pause.AUTH)
        assert await stranger.submit(an_attempt(stranger)) == refused
        asked = await stranger.ask(an_attempt(stranger, provider_id=NUMBER))
        assert asked == Unsent(f"asking failed: {refused.reason}", Pause.AUTH)
        assert await stranger.check() == [
            Finding("bad", "login demo: no token: Неверный логин или пароль")
        ]
        assert await till.ledger() == []


async def test_check_says_that_the_login_is_known(secret: str) -> None:
    async with an_account(secret) as (provider, _, _):
        assert await provider.check() == [Finding("good", "Ferma knows login demo")]


async def test_check_says_that_a_format_is_out_of_use(secret: str) -> None:
    async with an_account(secret, {"ffd": "1.05"}) as (provider, _, _):
        assert [each.level for each in await provider.check()] == ["warning", "good"]


async def test_a_provider_that_does_not_listen_was_sent_nothing(secret: str) -> None:
    async with aiohttp.ClientSession() as http:
        gone = Ferma(http, settings(f"http://127.0.0.1:{free_port()}", secret))
        told = await gone.submit(an_attempt(gone))
        assert isinstance(told, Unsent)
        assert told.reason.startswith("no token: no connection: ")
        assert isinstance(await gone.ask(an_attempt(gone, provider_id=NUMBER)), Unsent)
        assert isinstance(await gone.ask(an_attempt(gone)), Unknown)
        assert [each.level for each in await gone.check()] == ["bad"]


# Pushes. -----------------------------------------------------------------------------------------


async def test_a_push_is_a_hint(secret: str) -> None:
    async with a_hook() as hook, an_account(secret, {"callback_url": hook.url}) as account:
        provider, _, _ = account
        await submitted(provider)
        assert await hook.notice(provider) == Notice(KEY, None)


@pytest.mark.parametrize("fault", ["callback_first", "callback_twice"])
async def test_a_push_may_come_early_or_twice(secret: str, fault: str) -> None:
    async with a_hook() as hook, an_account(secret, {"callback_url": hook.url}) as account:
        provider, till, _ = account
        await till.fault(fault)
        attempt = await submitted(provider)
        for number in range(1 if fault == "callback_first" else 2):
            assert await hook.notice(provider, number) == Notice(KEY, None)
        assert isinstance(await settled(provider, attempt), Done)


async def test_a_foreign_push_is_about_a_key_that_is_none_of_ours(secret: str) -> None:
    async with a_hook() as hook, an_account(secret, {"callback_url": hook.url}) as account:
        provider, till, _ = account
        await till.fault("bad_signature")
        await submitted(provider)
        told = await hook.notice(provider)
    assert told is not None
    assert (told.key == KEY, told.outcome) == (False, None)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"InvoiceId": KEY}, Notice(KEY, None)),
        ({"Data": {"InvoiceId": KEY, "ReceiptId": NUMBER}}, Notice(KEY, None)),
        ({"ReceiptId": NUMBER, "Request": {"InvoiceId": KEY}}, Notice(KEY, None)),
        # Which receipt that is can only be told by whoever has stored the number.
        ({"ReceiptId": NUMBER, "StatusCode": 1}, None),
        ({"InvoiceId": 7}, None),
        ({"InvoiceId": ""}, None),
        ([], None),
        ({}, None),
    ],
)
def test_a_push_names_its_receipt_by_the_key(
    secret: str, body: object, told: Notice | None
) -> None:
    assert offline(secret).notice(json.dumps(body).encode(), {}) == told


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"[" * 100_000, b"InvoiceId=1"])
def test_a_push_that_makes_no_sense_is_about_nothing(secret: str, body: bytes) -> None:
    assert offline(secret).notice(body, {}) is None


# Against a server that says what it is told to. --------------------------------------------------

TOKEN = "99f5dbdc/2427+token"
GIVEN = {"Status": "Success", "Data": {"AuthToken": TOKEN}}
DEVICE = {
    "FN": "9999078902009656",
    "FDN": "0019158",
    "FPD": "0261762727",
    "RNM": "0000000001015454",
    "OfdReceiptUrl": "https://check.example/rec/1",
}
MADE = {
    "StatusCode": 2,
    "StatusName": "CONFIRMED",
    "ReceiptId": NUMBER,
    "ReceiptDateUtc": "2023-01-16T17:46:25",
    "ReceiptDateTimeIso": "2023-01-16T17:46:25+03:00[Europe/Moscow]",
    "Device": DEVICE,
}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Question = Callable[[Ferma], Awaitable[Outcome]]


@asynccontextmanager
async def answering(secret: str, answer: Answer, **told: object) -> AsyncIterator[Ferma]:
    """Gives a token, and answers everything else as it is told to."""

    async def whole(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("CreateAuthToken"):
            return web.json_response(GIVEN)
        assert request.query["AuthToken"] == TOKEN
        return await answer(request)

    async with a_server(whole) as url, aiohttp.ClientSession() as http:
        yield Ferma(http, settings(url, secret, **told))


async def say(
    secret: str,
    question: Question,
    status: int,
    body: bytes | dict[str, Any],
    headers: dict[str, str] | None = None,
    **told: object,
) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=raw, headers=headers)

    async with answering(secret, answer, **told) as provider:
        return await question(provider)


def sent(provider: Ferma) -> Awaitable[Outcome]:
    return provider.submit(an_attempt(provider))


def asked(provider: Ferma) -> Awaitable[Outcome]:
    return provider.ask(an_attempt(provider, provider_id=NUMBER))


def looked_up(provider: Ferma) -> Awaitable[Outcome]:
    return provider.ask(an_attempt(provider))


def failed(code: object, message: object) -> dict[str, Any]:
    return {"Status": "Failed", "Error": {"Code": code, "Message": message}}


def made(**changed: object) -> dict[str, Any]:
    return {"Status": "Success", "Data": {**MADE, **changed}}


NONSENSE = {
    "nothing": b"",
    "a page": b"<html>Bad gateway</html>",
    "half an answer": b'{"Status":"Success","Data":{"Rece',
    "a list": b"[]",
    "bytes that are no text": b'{"Status":"\xff\xfe"}',
    "half a surrogate": b'{"Status":"\\ud800"}',
    "a deep hole": b"[" * 100_000,
    "no number": b'{"Status":"Success","Data":{}}',
    "a number that is none": b'{"Status":"Success","Data":{"ReceiptId":7}}',
    "nothing in it": b'{"Status":"Success","Data":null}',
    "another word": b'{"Status":"Pending"}',
    "a failure without a reason": b'{"Status":"Failed"}',
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("status", [200, 302, 400, 404])
async def test_an_answer_that_makes_no_sense_is_unknown(
    secret: str, status: int, body: bytes
) -> None:
    assert isinstance(await say(secret, sent, status, body), Unknown)
    assert isinstance(await say(secret, looked_up, status, body), Unknown)
    assert isinstance(await say(secret, asked, status, body), Unknown | Unsent)


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (403, None, Unsent("403 b'busy'", Pause.AUTH)),
        (429, None, Unsent("429 b'busy'")),
        (429, {"Retry-After": "7"}, Unsent("429 b'busy'", retry_after_s=7.0)),
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


@pytest.mark.parametrize("status", [200, 400, 409, 500])
@pytest.mark.parametrize("code", [1019, "1019"])
async def test_a_known_key_is_accepted_with_any_status(
    secret: str, status: int, code: object
) -> None:
    body = failed(code, f"Чек уже существует --{NUMBER}-- токен")
    assert await say(secret, sent, status, body) == Accepted(NUMBER)


async def test_a_known_key_is_no_refusal_of_the_token(secret: str) -> None:
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response(failed(1019, f"Чек --{NUMBER}-- создан под другим токеном"))

    async with answering(secret, answer) as provider:
        assert await sent(provider) == Accepted(NUMBER)
    assert heard == ["/api/kkt/cloud/receipt"]


@pytest.mark.parametrize("status", [404, 500])
async def test_success_under_a_status_of_failure_is_unknown(secret: str, status: int) -> None:
    body = {"Status": "Success", "Data": {"ReceiptId": NUMBER}}
    assert isinstance(await say(secret, sent, status, body), Unknown)


async def test_a_known_key_without_the_number_is_asked_for_by_the_key(secret: str) -> None:
    assert await say(secret, sent, 200, failed(1019, "Чек уже существует")) == Accepted(None)


async def test_a_question_that_is_called_a_repetition_was_not_answered(secret: str) -> None:
    """Found by mutated answers: asking raised, and the lane ended with it."""
    repetition = failed(1019, f"Чек --{NUMBER}-- создан")
    known = await say(secret, asked, 200, repetition)
    sought = await say(secret, looked_up, 200, repetition)
    assert isinstance(known, Unsent)
    assert isinstance(sought, Unknown)
    assert "asking failed: 200" in known.reason


@pytest.mark.parametrize(
    ("message", "pause"),
    [
        ("Учетная запись не активна", Pause.AUTH),
        ("Тариф не оплачен", Pause.BILLING),
        ("Задолженность по договору", Pause.BILLING),
        ("Срок фискального накопителя истёк", Pause.DRIVE),
        ("Нет доступных касс для ИНН 7708806062", Pause.NO_REGISTER),
        ("Касса с таким РНМ не найдена", Pause.NO_REGISTER),
        ("Сервис перегружен", None),
    ],
)
async def test_words_tell_that_the_receipt_is_not_at_fault(
    secret: str, message: str, pause: Pause | None
) -> None:
    assert await say(secret, sent, 200, failed(7, message)) == Unsent(f"code 7: {message}", pause)


@pytest.mark.parametrize(
    "message",
    ["Некорректный ИНН кассира", "Кассовый чек не найден", "Не указан email", "Неверная сумма"],
)
async def test_any_other_refusal_waits_for_a_person(secret: str, message: str) -> None:
    assert await say(secret, sent, 200, failed(7, message)) == Dead(f"code 7: {message}")


@pytest.mark.parametrize(
    "message",
    [
        "Внутренняя ошибка",
        "Внутренняя ошибка: касса не найдена",
        "Ошибка на сервере",
        "Неизвестная ошибка. Повторите позже",
        "Превышено время ожидания ответа",
        "Internal Server Error",
        "The operation has timed out",
        "Execution Timeout Expired",
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_what_ferma_itself_failed_at_it_may_have_stored(
    secret: str, status: int, message: str
) -> None:
    told = await say(secret, sent, status, failed(7, message))
    assert told == Unknown(f"the provider failed: code 7: {message}")
    # Nor does it say anything of what was accepted.
    assert isinstance(await say(secret, asked, status, failed(7, message)), Unsent)


async def test_codes_that_became_known_overrule_the_words(secret: str) -> None:
    codes = {"7": "billing", "8": "receipt", "9": "busy", "10": "unknown"}
    told = [
        await say(secret, sent, 400, failed(code, "Касса не найдена"), codes=codes)
        for code in (7, 8, 9, 10)
    ]
    assert told == [
        Unsent("code 7: Касса не найдена", Pause.BILLING),
        Dead("code 8: Касса не найдена"),
        Unsent("code 9: Касса не найдена"),
        Unknown("the provider failed: code 10: Касса не найдена"),
    ]


async def test_a_failure_of_the_server_says_nothing_of_the_receipt(secret: str) -> None:
    told = await say(secret, sent, 500, failed(1, "Внутренняя ошибка"))
    assert told == Unknown("neither accepted nor refused: code 1: Внутренняя ошибка")


async def test_a_token_that_is_refused_again_is_the_accounts_fault(secret: str) -> None:
    said = "Токен не действителен"
    asked_with: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked_with.append(request.query["AuthToken"])
        return web.json_response(failed(3, said))

    async with answering(secret, answer) as provider:
        assert await sent(provider) == Unsent(f"code 3: {said}", Pause.AUTH)
    assert len(asked_with) == 2


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, failed(1, "no"), Unsent("no token: no", Pause.AUTH)),
        (401, b"", Unsent("no token: 401 b''", Pause.AUTH)),
        (400, failed(1, "blocked"), Unsent("no token: blocked", Pause.AUTH)),
        (429, failed(1, "later"), Unsent("no token: later")),
        (500, failed(1, "oops"), Unsent("no token: oops")),
        (200, b"<html>", Unsent("no token: 200 b'<html>': is the path in `url` right?")),
        (200, {"Status": "Success", "Data": {"AuthToken": ""}}, None),
    ],
)
async def test_without_a_token_nothing_is_sent(
    secret: str, status: int, body: bytes | dict[str, Any], outcome: Outcome | None
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/api/Authorization/CreateAuthToken"
        assert await request.json() == {"Login": "demo", "Password": PASSWORD}
        return web.Response(status=status, body=raw)

    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        told = await sent(Ferma(http, settings(url, secret)))
    assert isinstance(told, Unsent)
    assert outcome is None or told == outcome


async def test_a_provider_that_never_answers_is_unknown(secret: str) -> None:
    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with answering(secret, never, timeout_s=0.2) as provider:
        while [each.level for each in await provider.check()] != ["good"]:
            pass  # a slow machine: the token, too, has to come within the time
        assert await sent(provider) == Unknown("the answer was lost: TimeoutError")
        asked_for = await asked(provider)
    assert asked_for == Unsent("asking failed: the answer was lost: TimeoutError")


async def test_neither_the_token_nor_the_password_is_ever_told(secret: str) -> None:
    # A page that quotes what it was asked, and a peer that speaks no HTTP: aiohttp's own words of
    # that have the address in them.
    async def echo(request: web.Request) -> web.Response:
        text = f"{PASSWORD} {TOKEN} {request.url.raw_query_string}"
        if request.path.endswith("status"):
            return web.json_response(failed(1, text))
        return web.Response(text=text, status=502)

    async with answering(secret, echo) as provider:
        told = [await sent(provider), await asked(provider), await looked_up(provider)]

    async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asking = await reader.readuntil(b"\r\n\r\n")
        length = int(asking.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        given = json.dumps(GIVEN).encode()
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(given)
        writer.write(head + given if b"CreateAuthToken" in asking else b"HTTP/9.9 nonsense\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(garble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as http:
        garbled = await sent(Ferma(http, settings(f"http://127.0.0.1:{port}", secret)))
    assert isinstance(garbled, Unknown)
    for outcome in (*told, garbled):
        assert not isinstance(outcome, Accepted | Done)
        if outcome is not garbled:  # of which nothing is repeated
            assert "…" in outcome.reason  # type: ignore[attr-defined]
        for part in (PASSWORD, "tell nobody", TOKEN, "99f5dbdc"):
            assert part not in repr(outcome)


# What became of it. ------------------------------------------------------------------------------


def done(at: str = "20230116T174625", sign: int = 1) -> Done:
    document = FiscalDocument(
        fn="9999078902009656",
        fd=19158,
        fp=261762727,
        at=at,
        total=12010,
        sign=sign,
        rnm="0000000001015454",
    )
    return Done(document, NUMBER, "https://check.example/rec/1")


@pytest.mark.parametrize("code", [1, 2, "1"])
async def test_a_made_receipt_is_a_document_with_the_requests_total(
    secret: str, code: object
) -> None:
    assert await say(secret, asked, 200, made(StatusCode=code)) == done()


@pytest.mark.parametrize(
    ("changed", "told", "at"),
    [
        ({}, {}, "20230116T174625"),
        ({}, {"timezone": "Asia/Novosibirsk"}, "20230116T214625"),
        ({"ReceiptDateTimeIso": None}, {}, "20230116T174625"),
        ({"ReceiptDateTimeIso": None}, {"receipt_date": "utc"}, "20230116T204625"),
        ({"ReceiptDateTimeIso": None, "ReceiptDateUtc": "2023-01-16T14:46:25Z"}, {}, None),
        ({"ReceiptDateTimeIso": "soon"}, {}, "20230116T174625"),
    ],
)
async def test_the_document_has_the_registers_local_time(
    secret: str, changed: dict[str, Any], told: dict[str, Any], at: str | None
) -> None:
    assert await say(secret, asked, 200, made(**changed), **told) == done(at or "20230116T174625")


@pytest.mark.parametrize(
    "changed",
    [
        {"Device": {**DEVICE, "FN": None}},
        {"Device": {**DEVICE, "FN": "no"}},
        {"Device": {**DEVICE, "FDN": None}},
        {"Device": {**DEVICE, "FPD": "-1"}},
        {"Device": {**DEVICE, "FPD": "99999999999"}},
        {"Device": {**DEVICE, "FPD": 2**32}},
        {"Device": {**DEVICE, "FDN": 10**19}},
        {"Device": {**DEVICE, "FDN": 0}},
        {"ReceiptDateTimeIso": None, "ReceiptDateUtc": None},
        {"ReceiptDateTimeIso": "0001-01-01T00:00:00+14:00", "ReceiptDateUtc": "now"},
    ],
)
async def test_a_made_receipt_that_makes_no_document_is_a_persons(
    secret: str, changed: dict[str, Any]
) -> None:
    told = await say(secret, asked, 200, made(**changed))
    assert isinstance(told, Unknown)
    assert told.final
    said = "it has been recorded, but its status makes no document of ours: FN "
    assert told.reason.startswith(said)
    assert f", FPD {(changed.get('Device') or DEVICE)['FPD']}, at " in told.reason
    assert told.reason.endswith("python -m cloud resolve ID --issued QR")


@pytest.mark.parametrize(
    "device", [None, [], {}, {"FN": None, "FDN": 0, "RNM": "0000000001015454"}]
)
async def test_a_made_receipt_without_its_numbers_is_asked_for_again(
    secret: str, device: object
) -> None:
    told = await say(secret, asked, 200, made(Device=device))
    assert told == Unsent("asking failed: made, but no document is told yet")
    # Found by its key: now its number is known.
    assert await say(secret, looked_up, 200, made(Device=device)) == Accepted(NUMBER)


@pytest.mark.parametrize(
    "changed",
    [
        {"StatusCode": 4},
        {"StatusCode": None},
        {"StatusCode": True},
        {"ReceiptId": "another"},
    ],
)
async def test_a_status_that_is_none_of_ours_is_unknown(
    secret: str, changed: dict[str, Any]
) -> None:
    told = await say(secret, asked, 200, made(**changed))
    assert isinstance(told, Unknown)
    assert not told.final


async def test_a_stored_body_that_is_none_of_ours_makes_no_document(secret: str) -> None:
    for body in ("", "{}", '{"Request":{"Type":[],"CustomerReceipt":{}}}', '{"Request":[]}'):

        async def question(provider: Ferma, body: str = body) -> Outcome:
            return await provider.ask(Attempt(KEY, body, NUMBER))

        told = await say(secret, question, 200, made())
        assert isinstance(told, Unknown)
        assert told.final


async def test_a_question_that_was_not_answered_leaves_things_as_they_are(secret: str) -> None:
    said = "asking failed: neither accepted nor refused: 502 b'gone'"
    assert await say(secret, asked, 502, b"gone") == Unsent(said)
    assert await say(secret, looked_up, 502, b"gone") == Unknown(said, unasked=True)
    later = await say(secret, asked, 429, b"", {"Retry-After": "3"})
    assert later == Unsent("asking failed: 429 b''", retry_after_s=3.0)


def test_a_key_is_used_again_for_thirty_days(secret: str) -> None:
    assert timedelta(seconds=offline(secret).memory_s) == timedelta(days=30)

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
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, urlencode, urlsplit

import aiohttp
import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from parts import free_port
from till import INN, KEY, MACHINE, RECEIPT, Hook, Till, a_hook, a_server, a_till, settled

from cloud.emulators.cloudkassir import CloudKassir as Emulator
from cloud.emulators.cloudkassir import Settings as AccountThere
from cloud.emulators.drive import Drive
from cloud.errors import ConfigError
from cloud.fiscal import FiscalDocument, read_qr
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.providers import Attempt, BadSignatureError, Finding, Notice, Provider
from cloud.providers.cloudkassir import CloudKassir, Settings
from cloud.providers.cloudkassir.health import health
from cloud.receipt import Cause, Marking, MarkingMode, Purpose, Receipt, Subject, Taxation
from cloud.vat import VatRate

SECRET = "tell nobody"
DOCUMENT = FiscalDocument(
    "9999078900000001", 1, 3141592653, "20261123T1542", 12010, rnm="0000000000000001"
)
FIELDS = {
    "Id": "sc_1",
    "DocumentNumber": "1",
    "FiscalSign": "3141592653",
    "FiscalNumber": "9999078900000001",
    "RegNumber": "0000000000000001",
    "Inn": INN,
    "Type": "Income",
    "Url": "https://receipts.example/sc_1",
    "QrCodeUrl": f"https://qr.example/receipt?q={quote(DOCUMENT.qr)}",
    "Amount": "120.10",
    "InvoiceId": KEY,
}
DONE = Done(DOCUMENT, "sc_1", FIELDS["Url"])
CORRECTION = msgspec.structs.replace(
    RECEIPT,
    purpose=Purpose.CORRECTION,
    cause=Cause(by_order=False, day="2026-11-20"),
)


@pytest.fixture(scope="session")
def secret_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("secret") / "secret"
    file.write_text(f"{SECRET}\n", "utf-8")
    return str(file)


@pytest.fixture(scope="session")
def offline(secret_file: str) -> CloudKassir:
    """The client where no request is made."""
    return a_client(None, "http://127.0.0.1", secret_file)


def a_client(http: object, url: str, secret_file: str, **told: object) -> CloudKassir:
    file = {"url": url, "public_id": "demo", "secret_file": secret_file, "timeout_s": 5.0, **told}
    return CloudKassir(http, msgspec.convert(file, Settings))  # type: ignore[arg-type]


def composed(secret_file: str, receipt: Receipt = RECEIPT, **told: object) -> dict[str, Any]:
    client = a_client(None, "http://x", secret_file, **told)
    body: dict[str, Any] = json.loads(client.compose(receipt, KEY))
    return body


def changed(**told: object) -> Receipt:
    return msgspec.structs.replace(RECEIPT, **told)


@dataclass
class Shop:
    """The emulator, and our client of it."""

    till: Till
    provider: CloudKassir
    secret_file: str

    def attempt(self, receipt: Receipt = RECEIPT, key: str = KEY) -> Attempt:
        return Attempt(key, self.provider.compose(receipt, key))


@asynccontextmanager
async def a_shop(
    secret_file: str,
    webhook: str | None = None,
    delay_s: float = 0,
    **told: Any,  # noqa: ANN401, of the account
) -> AsyncIterator[Shop]:
    settings = AccountThere("demo", SECRET, INN, webhook, delay_s, **told)
    async with a_till(Emulator(settings, Drive(None))) as till:
        yield Shop(till, a_client(till.http, till.url, secret_file), secret_file)


@pytest.fixture
async def shop(secret_file: str) -> AsyncIterator[Shop]:
    async with a_shop(secret_file) as running:
        yield running


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with a_hook() as running:
        yield running


# The settings. -----------------------------------------------------------------------------------


@pytest.mark.parametrize("public_id", ["", "pk:1", "pk\n", "pk\x00"])
def test_a_public_id_that_basic_authority_cannot_tell_is_refused(public_id: str) -> None:
    told = {"public_id": public_id, "secret_file": "secret"}
    with pytest.raises(msgspec.ValidationError, match=r"\.public_id"):
        msgspec.convert(told, Settings)


def test_a_secret_that_cannot_be_read_is_named_by_key_and_file(tmp_path: Path) -> None:
    missing, foreign = tmp_path / "none", tmp_path / "foreign"
    foreign.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"^secret_file: .*none cannot be read: No such file"):
        a_client(None, "http://x", str(missing))
    with pytest.raises(
        ConfigError, match=r"^secret_file: .*foreign cannot be read: it is no UTF-8 text$"
    ):
        a_client(None, "http://x", str(foreign))


def test_the_secret_is_in_nothing_that_is_printed(offline: CloudKassir, secret_file: str) -> None:
    settings = Settings(public_id="demo", secret_file=secret_file)
    assert SECRET not in repr(settings) + repr(offline)
    assert settings.url == "https://api.cloudpayments.ru"


# The request. ------------------------------------------------------------------------------------


def test_a_receipt_becomes_this_request(secret_file: str) -> None:
    assert composed(secret_file) == {
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


def test_the_same_receipt_is_the_same_bytes_and_another_key_is_another_label(
    offline: CloudKassir,
) -> None:
    again = msgspec.json.decode(msgspec.json.encode(RECEIPT), type=type(RECEIPT))
    body = offline.compose(RECEIPT, KEY)
    assert offline.compose(again, KEY) == body
    assert offline.compose(RECEIPT, f"{KEY}-1") == body.replace(KEY, f"{KEY}-1")


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ({"vat": VatRate.NONE}, '"Vat":null'),
        ({"vat": VatRate.VAT_0}, '"Vat":0'),
        ({"vat": VatRate.VAT_7}, '"Vat":7'),
        ({"purpose": Purpose.INCOME_RETURN}, '"Type":"IncomeReturn"'),
        ({"taxation": Taxation.PATENT}, '"TaxationSystem":5'),
        ({"subject": Subject.EXCISABLE}, '"Object":2'),
        ({"cash": 10000, "cashless": 2010}, '"Amounts":{"Electronic":20.10,"Cash":100.00}'),
        ({"internet": False}, '"IsInternetPayment":false'),
        ({"basis": "3141592653"}, '"AdditionalReceiptRequisite":"3141592653"'),
        # Two decimals, by way of no float.
        ({"amount": 5}, '"Price":0.05'),
        ({"amount": 10**12}, '"Price":10000000000.00'),
        ({"amount": 900719925474099}, '"Amount":9007199254740.99'),
        ({"name": 'Кофе "со сливками"\\'}, '"Label":"Кофе \\"со сливками\\"\\\\"'),
    ],
)
def test_each_field_is_written_as_the_provider_reads_it(
    offline: CloudKassir, told: dict[str, Any], written: str
) -> None:
    assert written in offline.compose(changed(**told), KEY)


@pytest.mark.parametrize("field", ["TimeZoneCode", "RussiaTimeZone", None])
def test_the_time_zone_has_the_name_that_the_settings_give_it(
    secret_file: str, field: str | None
) -> None:
    customer = composed(secret_file, zone_field=field)["CustomerReceipt"]
    told = {name for name in customer if "zone" in name.lower()}
    assert told == ({field} if field else set())
    assert customer.get(field) == (2 if field else None)


def test_what_the_provider_agreed_to_is_put_in_with_the_receipts_own_words(
    secret_file: str,
) -> None:
    extra = {
        "AutomatNumber": "{machine}",
        "Place": {"Lines": ["{address}", "{place}"]},
        "IsBso": False,
        "CalculationPlace": "{place}!",
    }
    customer = composed(secret_file, extra_receipt_fields=extra)["CustomerReceipt"]
    assert customer["AutomatNumber"] == MACHINE
    assert customer["Place"] == {"Lines": [RECEIPT.address, RECEIPT.place]}
    assert customer["IsBso"] is False
    assert customer["CalculationPlace"] == f"{RECEIPT.place}!"


CODE = "010460043993125621JgXJ5.\x1d8005112000\x1d93abcd"


@pytest.mark.parametrize(
    ("ffd", "marking", "told"),
    [
        ("1.05", Marking(mode=MarkingMode.WITHDRAWN_BEFORE), {}),
        (
            "1.05",
            Marking(mode=MarkingMode.GTIN_VEND, gtin="04601234567890"),
            {
                "ProductCodeData": {"CodeProductNomenclature": "490E042F4EF3B2D2"},
                "SaleObjectData": "crpt=mrk&mode=vend",
            },
        ),
        (
            "1.2",
            Marking(mode=MarkingMode.GTIN_VEND, gtin="04601234567890"),
            {
                "RawMarkCode": "04601234567890",
                "IndustryRequisiteCollection": [
                    {
                        "Code": "030",
                        "DocumentDate": "2022-06-16",
                        "DocumentNumber": "174",
                        "RequisiteValue": "mode=vend",
                    }
                ],
            },
        ),
        (
            "1.05",
            Marking(mode=MarkingMode.FULL_CODE, code=CODE),
            {"ProductCodeData": {"CodeProductNomenclature": "444D042F1F9681784A67584A352E"}},
        ),
        ("1.2", Marking(mode=MarkingMode.FULL_CODE, code=CODE), {"RawMarkCode": CODE}),
    ],
)
def test_marked_goods_are_named_as_the_format_asks(
    secret_file: str, ffd: str, marking: Marking, told: dict[str, Any]
) -> None:
    line = composed(secret_file, changed(ffd=ffd, marking=marking))["CustomerReceipt"]["Items"][0]
    bare = composed(secret_file)["CustomerReceipt"]["Items"][0]
    assert {name: value for name, value in line.items() if name not in bare} == told


def test_a_correction_becomes_this_request(secret_file: str) -> None:
    told = composed(secret_file, CORRECTION)
    assert list(told) == ["CorrectionReceiptData"]
    inner = told["CorrectionReceiptData"]
    items = inner.pop("Items")
    assert items == composed(secret_file)["CustomerReceipt"]["Items"]
    assert inner == {
        "OrganizationInn": INN,
        "VatRate": 11,
        "TaxationSystem": 1,
        "CorrectionReceiptType": 1,
        "CauseCorrection": {"CorrectionDate": "2026-11-20", "CorrectionNumber": None},
        "Amounts": {"Electronic": 120.10, "Cash": 0},
        "CorrectionType": 0,
        "PaymentPlace": RECEIPT.place,
        "PaymentAddress": RECEIPT.address,
    }


def test_a_correction_by_order_names_the_order_and_the_settings_their_register(
    secret_file: str,
) -> None:
    cause = Cause(by_order=True, day="2026-11-20", number="17-08")
    receipt = msgspec.structs.replace(CORRECTION, cause=cause, vat=VatRate.NONE)
    inner = composed(secret_file, receipt, device_number="0001")["CorrectionReceiptData"]
    assert (inner["CorrectionType"], inner["DeviceNumber"], inner["VatRate"]) == (1, "0001", 6)
    assert inner["CauseCorrection"]["CorrectionNumber"] == "17-08"
    percent = composed(secret_file, CORRECTION, correction_vat="percent")
    assert percent["CorrectionReceiptData"]["VatRate"] == 22


# Against the emulator. ---------------------------------------------------------------------------


async def test_a_receipt_is_accepted_and_asked_for(shop: Shop) -> None:
    told = await shop.provider.submit(shop.attempt())
    assert isinstance(told, Accepted)
    done = await settled(shop.provider, shop.attempt())
    (document,) = await shop.till.ledger()
    assert (document["key"], document["total"], document["sign"]) == (KEY, 12010, 1)
    assert isinstance(done, Done)
    assert (done.document.qr, done.provider_id) == (document["qr"], told.provider_id)
    assert done.document.rnm == "0000000000000001"
    assert done.link == f"{shop.till.url}/v1?{document['qr']}"


async def test_the_document_has_our_tags_and_the_registers_number_and_address(shop: Shop) -> None:
    await settled(shop.provider, shop.attempt(changed(basis="42", internet=True)))
    tags = await shop.till.tags()
    assert tags == {
        "1009": "Москва, дата-центр",
        "1018": INN,
        "1030": RECEIPT.name,
        "1031": "0.00",
        "1036": "00000001",
        "1055": 2,
        "1081": "120.10",
        "1125": True,
        "1187": RECEIPT.place,
        "1192": "42",
        "1199": 11,
        "1212": 1,
        "1214": 4,
    }


async def test_a_return_is_a_document_of_its_own(shop: Shop) -> None:
    done = await settled(shop.provider, shop.attempt(changed(purpose=Purpose.INCOME_RETURN)))
    assert isinstance(done, Done)
    assert done.document.sign == 2
    assert done.document.qr.endswith("&n=2")


async def test_a_correction_is_made_and_asked_for_at_its_own_address(shop: Shop) -> None:
    done = await settled(shop.provider, shop.attempt(CORRECTION))
    (document,) = await shop.till.ledger()
    assert document["correction"] is True
    assert document["key"] == KEY
    tags = document["tags"]
    assert (tags["1178"], tags["1173"], tags["1199"]) == ("2026-11-20", 0, 11)
    assert (tags["1009"], tags["1187"]) == (RECEIPT.address, RECEIPT.place)
    assert isinstance(done, Done)
    assert (done.document.qr, done.document.total) == (document["qr"], 12010)
    assert done.document.ofd_inn == "7709364346"


async def test_a_correction_in_the_wrong_scale_is_refused(shop: Shop) -> None:
    client = a_client(shop.till.http, shop.till.url, shop.secret_file, correction_vat="percent")
    told = await client.submit(Attempt(KEY, client.compose(CORRECTION, KEY)))
    assert told == Dead("code 27: Некорректные данные")


async def test_a_duplicate_is_the_same_answer(shop: Shop) -> None:
    first = await shop.provider.submit(shop.attempt())
    assert await shop.provider.submit(shop.attempt()) == first
    assert await shop.till.keys() == [KEY]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("drop_before_store", "the answer was lost: "),
        ("drop_after_store", "the answer was lost: "),
        ("5xx", "500 from the provider"),
        ("5xx_after_store", "500 from the provider"),
        ("nonsense", "200, no object: b'<html>"),
    ],
)
@pytest.mark.parametrize("receipt", [RECEIPT, CORRECTION], ids=["receipt", "correction"])
async def test_a_lost_answer_is_unknown_and_its_repetition_is_the_same_receipt(
    shop: Shop, fault: str, reason: str, receipt: Receipt
) -> None:
    await shop.till.fault(fault)
    attempt = shop.attempt(receipt)
    told = await shop.provider.submit(attempt)
    assert isinstance(told, Unknown)
    assert told.reason.startswith(reason)
    assert isinstance(await settled(shop.provider, attempt), Done)
    assert await shop.till.keys() == [KEY]


async def test_a_key_is_forgotten_and_its_repetition_is_a_second_receipt(shop: Shop) -> None:
    # This is why nobody repeats a request after `memory_s`.
    first = await settled(shop.provider, shop.attempt())
    await shop.till.control({"forget": True})
    assert await settled(shop.provider, shop.attempt()) != first
    assert await shop.till.keys() == [KEY, KEY]


def test_our_memory_of_a_key_is_shorter_than_the_providers_and_no_key_is_looked_up() -> None:
    assert Emulator.memory_s - CloudKassir.memory_s == 300
    assert CloudKassir.by_key is False


async def test_a_key_cannot_be_looked_up(shop: Shop) -> None:
    told = await shop.provider.ask(shop.attempt())
    assert told == Unknown("CloudKassir looks nothing up by our key")


async def test_a_receipt_in_the_queue_is_accepted(secret_file: str) -> None:
    async with a_shop(secret_file, delay_s=3600) as slow:
        told = await slow.provider.submit(slow.attempt())
        assert isinstance(told, Accepted)
        known = replace(slow.attempt(), provider_id=told.provider_id)
        assert await slow.provider.ask(known) == told


@pytest.mark.parametrize("receipt", [RECEIPT, CORRECTION], ids=["receipt", "correction"])
async def test_a_receipt_that_the_provider_lost_is_unknown(shop: Shop, receipt: Receipt) -> None:
    await shop.till.fault("lose")
    assert await settled(shop.provider, shop.attempt(receipt)) == Unknown(
        "the provider says 'NotFound' of a receipt that it had accepted"
    )
    assert await shop.till.ledger() == []


@pytest.mark.parametrize("fault", ["fail", "expire"])
@pytest.mark.parametrize("receipt", [RECEIPT, CORRECTION], ids=["receipt", "correction"])
async def test_the_register_may_fail_after_it_accepted(
    shop: Shop, fault: str, receipt: Receipt
) -> None:
    await shop.till.fault(fault)
    assert await settled(shop.provider, shop.attempt(receipt)) == Dead(
        "the register failed: Ошибка кассы: обратитесь в поддержку"
    )
    assert await shop.till.ledger() == []


UNKNOWN_TO_THEM = "401: the provider does not know public_id and secret"


async def test_a_wrong_secret_sends_nothing_and_pauses_the_register(
    shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "guessed").write_text("guessed", "utf-8")
    stranger = a_client(shop.till.http, shop.till.url, str(tmp_path / "guessed"))
    assert await stranger.submit(shop.attempt()) == Unsent(UNKNOWN_TO_THEM, Pause.AUTH)
    known = replace(shop.attempt(), provider_id="sc_00")
    assert await stranger.ask(known) == Unsent(f"asking failed: {UNKNOWN_TO_THEM}", Pause.AUTH)
    assert await stranger.check() == [Finding("bad", UNKNOWN_TO_THEM)]
    assert await shop.till.ledger() == []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("refuse", Dead("code 27: Некорректные данные")),
        ("auth", Unsent(UNKNOWN_TO_THEM, Pause.AUTH)),
        ("busy", Unsent("code 22: Превышен дневной лимит тестовых чеков", None, 3660.0)),
        ("no_register", Unsent("code 15: Нет подходящей ККМ", Pause.NO_REGISTER)),
    ],
)
@pytest.mark.parametrize("receipt", [RECEIPT, CORRECTION], ids=["receipt", "correction"])
async def test_a_refusal_on_demand_leaves_the_key_free(
    shop: Shop, fault: str, outcome: Outcome, receipt: Receipt
) -> None:
    await shop.till.fault(fault)
    assert await shop.provider.submit(shop.attempt(receipt)) == outcome
    assert await shop.till.ledger() == []
    assert isinstance(await settled(shop.provider, shop.attempt(receipt)), Done)


async def test_a_full_drive_pauses_the_register(shop: Shop) -> None:
    await shop.till.control({"drive": 0})
    told = await shop.provider.submit(shop.attempt())
    assert told == Unsent("code 8: ФН переполнен", Pause.DRIVE)
    await shop.till.control({"drive": None})
    assert isinstance(await settled(shop.provider, shop.attempt()), Done)


@pytest.mark.parametrize(
    ("lacks", "paid", "code"),
    [("cash", {"cash": 12010, "cashless": 0}, 19), ("terminal", {}, 16)],
)
async def test_what_no_register_can_take_pauses_it(
    secret_file: str, lacks: str, paid: dict[str, int], code: int
) -> None:
    async with a_shop(secret_file, lacks={lacks}) as shop:
        told = await shop.provider.submit(shop.attempt(changed(**paid)))
    assert isinstance(told, Unsent)
    assert told.pause is Pause.NO_REGISTER
    assert told.reason.startswith(f"code {code}: ")


async def test_the_days_test_receipts_are_used_up(secret_file: str) -> None:
    async with a_shop(secret_file, daily=1) as shop:
        assert isinstance(await settled(shop.provider, shop.attempt()), Done)
        told = await shop.provider.submit(shop.attempt(key="another"))
    assert isinstance(told, Unsent)
    assert (told.pause, told.retry_after_s) == (None, 3660.0)


async def test_a_company_that_the_account_does_not_have_pauses_the_register(shop: Shop) -> None:
    told = await shop.provider.submit(shop.attempt(changed(inn="7700000000")))
    wanted = "code -1: Компания с ИНН 7700000000 не найдена"
    assert told == Unsent(wanted, Pause.NO_REGISTER)


def spoiled(shop: Shop, *path: str | int, value: object) -> str:
    told = json.loads(shop.attempt().body)
    inner = told
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(told)


R = "CustomerReceipt"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("Inn",), "", 11),
        ((R, "Items"), [], 12),
        ((R, "Amounts"), {"Electronic": 120.09}, 13),
        ((R, "Amounts"), {"Electronic": 120.11}, 14),
        ((R, "Items", 0, "Price"), 120.105, 23),
        ((R, "Email"), "nobody", 24),
        ((R, "Items", 0, "Vat"), 18, 27),
        (("Type",), "Gift", 27),
    ],
)
async def test_wrong_contents_are_refused_for_good(
    shop: Shop, path: tuple[str | int, ...], value: object, code: int
) -> None:
    told = await shop.provider.submit(Attempt(KEY, spoiled(shop, *path, value=value)))
    assert isinstance(told, Dead)
    assert told.again is False
    assert told.reason.startswith(f"code {code}: ")
    assert await shop.till.ledger() == []


async def test_a_provider_that_does_not_listen_was_sent_nothing(secret_file: str) -> None:
    async with aiohttp.ClientSession() as http:
        gone = a_client(http, f"http://127.0.0.1:{free_port()}", secret_file)
        attempt = Attempt(KEY, gone.compose(RECEIPT, KEY))
        told = await gone.submit(attempt)
        asked = await gone.ask(replace(attempt, provider_id="sc_1"))
        (finding,) = await gone.check()
    assert isinstance(told, Unsent)
    assert told.reason.startswith("no connection: ")
    assert isinstance(asked, Unsent)
    assert asked.reason.startswith("asking failed: no connection: ")
    assert finding.level == "bad"


async def test_a_push_tells_what_asking_tells(secret_file: str, hook: Hook) -> None:
    async with a_shop(secret_file, hook.url) as shop:
        done = await settled(shop.provider, shop.attempt())
        notice = await hook.notice(shop.provider)
        assert isinstance(done, Done)
        assert notice is not None
        assert notice.key == KEY
        assert isinstance(notice.outcome, Done)
        assert notice.outcome.document == done.document
        assert notice.outcome.link == f"{shop.till.url}/{done.provider_id}"


async def test_a_push_of_the_emulator_that_is_spoiled_is_refused(
    secret_file: str, hook: Hook
) -> None:
    async with a_shop(secret_file, hook.url) as shop:
        await shop.till.fault("bad_signature")
        await settled(shop.provider, shop.attempt())
        with pytest.raises(BadSignatureError):
            await hook.notice(shop.provider)


async def test_a_check_finds_a_good_account_and_changes_nothing(shop: Shop) -> None:
    found = await shop.provider.check()
    assert [each.level for each in found] == ["good"] * 5
    assert found[0].text == "CloudKassir knows public_id and secret"
    assert "the drive is 0% full" in found[2].text
    assert await shop.till.ledger() == []


async def test_a_check_finds_a_full_drive(shop: Shop) -> None:
    await shop.till.control({"drive": 0})
    bad = [each.text.partition(": ")[2] for each in await shop.provider.check() if each.level != "good"]  # fmt: skip
    assert bad == [
        "in error",
        "blocked, it issues no receipts",
        "the drive is 100% full",
        "ФН переполнен: замените ФН",
    ]


# Against a server that says what it is told to. --------------------------------------------------

Question = Callable[[Provider, Attempt], Awaitable[Outcome]]


@asynccontextmanager
async def answering(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], secret_file: str, **told: object
) -> AsyncIterator[CloudKassir]:
    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        yield a_client(http, url, secret_file, **told)


async def submitted(provider: Provider, attempt: Attempt) -> Outcome:
    return await provider.submit(attempt)


async def asked(provider: Provider, attempt: Attempt) -> Outcome:
    return await provider.ask(replace(attempt, provider_id="sc_1"))


async def say(
    secret_file: str,
    body: bytes,
    question: Question,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Outcome:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    async with answering(answer, secret_file) as provider:
        return await question(provider, Attempt(KEY, provider.compose(RECEIPT, KEY)))


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
@pytest.mark.parametrize("status", [200, 302, 404])
async def test_an_answer_that_makes_no_sense_is_unknown(
    secret_file: str, status: int, body: bytes
) -> None:
    assert isinstance(await say(secret_file, body, submitted, status), Unknown)
    told = await say(secret_file, body, asked, status)
    assert isinstance(told, Unsent)
    assert told.reason.startswith("asking failed: ")


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (401, {}, Unsent(UNKNOWN_TO_THEM, Pause.AUTH)),
        (429, {}, Unsent("429: too many requests")),
        (429, {"Retry-After": "7"}, Unsent("429: too many requests", None, 7.0)),
        (500, {}, Unknown("500 from the provider")),
        (502, {}, Unknown("502 from the provider")),
        (503, {}, Unknown("503 from the provider")),
        (504, {}, Unknown("504 from the provider")),
    ],
)
async def test_a_status_says_whether_it_arrived(
    secret_file: str, status: int, headers: dict[str, str], outcome: Unsent | Unknown
) -> None:
    assert await say(secret_file, b"<html>", submitted, status, headers) == outcome
    # It is accepted already: that stays, and so does what is wrong with the register.
    told = await say(secret_file, b"<html>", asked, status, headers)
    pause, retry = getattr(outcome, "pause", None), getattr(outcome, "retry_after_s", None)
    assert told == Unsent(f"asking failed: {outcome.reason}", pause, retry)


async def test_a_provider_that_never_answers_is_unknown(secret_file: str) -> None:
    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with answering(never, secret_file, timeout_s=0.05) as provider:
        told = await provider.submit(Attempt(KEY, provider.compose(RECEIPT, KEY)))
    assert told == Unknown("the answer was lost: TimeoutError")


async def test_an_answer_that_breaks_off_is_unknown(secret_file: str) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b'{"Success":true,"Model":{"Id":"sc_1"}}')
        assert request.transport is not None
        request.transport.close()
        return answer

    async with answering(half, secret_file) as provider:
        attempt = Attempt(KEY, provider.compose(RECEIPT, KEY))
        assert isinstance(await provider.submit(attempt), Unknown)


CODES: dict[int, Outcome] = {
    **{
        code: Dead(f"code {code}: why") for code in (4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 23, 24, 26, 27)
    },
    **{
        code: Unsent(f"code {code}: why", Pause.NO_REGISTER)
        for code in (2, 3, 15, 16, 17, 18, 19, 20, 21)
    },
    8: Unsent("code 8: why", Pause.DRIVE),
    22: Unsent("code 22: why", None, 3660.0),
    25: Unsent("code 25: why", Pause.BILLING),
}  # fmt: skip


async def test_every_code_of_the_list_has_its_class(secret_file: str) -> None:
    assert sorted(CODES) == list(range(2, 28))
    for code, outcome in CODES.items():
        assert await say(secret_file, refusal(code, "why"), submitted) == outcome


@pytest.mark.parametrize("code", [-1, 0, 1, 28, None, "13", 13.0, [13]])
async def test_an_error_that_is_not_in_the_list_says_nothing(
    secret_file: str, code: object
) -> None:
    assert isinstance(await say(secret_file, refusal(code), submitted), Unknown)


async def test_an_undefined_error_about_a_company_is_still_undefined(secret_file: str) -> None:
    told = await say(secret_file, refusal(-1, "ИНН: внутренняя ошибка"), submitted)
    assert told == Unknown("code -1: ИНН: внутренняя ошибка")


async def test_success_without_an_id_is_unknown(secret_file: str) -> None:
    body = b'{"Success":true,"Message":"Queued","Model":{"ErrorCode":0}}'
    assert isinstance(await say(secret_file, body, submitted), Unknown)


async def test_a_state_that_nobody_knows_changes_nothing(secret_file: str) -> None:
    told = await say(secret_file, b'{"Success":true,"Model":"Waiting"}', asked)
    assert told == Unsent("asking failed: the provider says 'Waiting': no message")


@pytest.fixture
def ended(secret_file: str) -> Callable[..., Awaitable[Outcome]]:
    """What `ask` makes of a receipt that has come to an end, with these details."""

    async def told(
        details: object, state: object = "Processed", receipt: Receipt = RECEIPT, **settings: object
    ) -> Outcome:
        async def answer(request: web.Request) -> web.Response:
            if request.path.endswith("/status/get"):
                return web.json_response({"Success": True, "Model": state, "Warning": "ФН"})
            if isinstance(details, int):
                return web.Response(status=details)
            return web.json_response(details)

        async with answering(answer, secret_file, **settings) as provider:
            return await asked(provider, Attempt(KEY, provider.compose(receipt, KEY)))

    return told


Ended = Callable[..., Awaitable[Outcome]]


def details(**told: object) -> dict[str, object]:
    fields = {**FIELDS, "OfdReceiptUrl": FIELDS["Url"], **told}
    return {"Success": True, "Model": {"AdditionalData": fields}}


def without_qr(**told: object) -> dict[str, object]:
    return details(QrCodeUrl=None, **told)


@pytest.mark.parametrize(
    "told",
    [
        details(),
        details(DocumentNumber=1, Amount=120.1, FiscalSign="03141592653"),
        # No number: a sample of the provider's has words there.
        details(FiscalSign="sign", Type="Type", Amount="much"),
        details(QrCodeUrl=f"https://qr.example/?x=1&{DOCUMENT.qr.replace('&n=1', '')}&n=1"),
        details(QrCodeUrl="http://[", Url=f"https://ofd.example/v1?n=1&{DOCUMENT.qr[:-4]}"),
        details(QrCodeUrl=f"https://qr.example/?q={quote(f'n=1&{DOCUMENT.qr[:-4]}')}"),
        details(QrCodeUrl=f"https://qr.example/?q={DOCUMENT.qr}"),
    ],
)
async def test_the_details_hold_the_document(ended: Ended, told: object) -> None:
    outcome = await ended(told)
    assert isinstance(outcome, Done)
    assert replace(outcome, link=FIELDS["Url"]) == DONE


@pytest.mark.parametrize("receipt", [RECEIPT, CORRECTION], ids=["receipt", "correction"])
@pytest.mark.parametrize("state", ["Processed", "Error"])
@pytest.mark.parametrize("number", ["1", None])
async def test_details_of_another_number_say_nothing_of_this_one(
    ended: Ended, receipt: Receipt, state: str, number: str | None
) -> None:
    other = details(Id="sc_2", InvoiceId=None, DocumentNumber=number)
    told = await ended(other, state, receipt)
    assert told == Unsent("asking failed: asked about sc_1, told of sc_2")


@pytest.mark.parametrize("number", [None, "", "SC_1", "sc_2", 4711, {"of": "another form"}])
async def test_details_that_bear_our_label_are_ours_whatever_number_they_call_themselves(
    ended: Ended, number: object
) -> None:
    """No source shows both numbers, so that of the details may be of another kind."""
    assert isinstance(await ended(details(Id=number)), Done)


@pytest.mark.parametrize(
    "told",
    [
        details(QrCodeUrl=None),
        details(QrCodeUrl="https://qr.example/receipt"),
        details(QrCodeUrl="http://["),
        details(QrCodeUrl="https://qr.example/receipt?q=t%3d1"),
        # Which of the two?
        details(QrCodeUrl=f"https://qr.example/?q={quote(DOCUMENT.qr + '&i=2')}"),
        # The numbers beside the QR are another document's.
        details(DocumentNumber="2"),
        details(FiscalNumber="9999078900000002"),
        details(FiscalSign="3141592654"),
        details(Amount=120.11),
        details(Type="IncomeReturn"),
        details(DocumentNumber=None),
        # No drive counts so far.
        details(
            DocumentNumber=2**32, QrCodeUrl=FIELDS["QrCodeUrl"].replace("i%3d1%", "i%3d4294967296%")
        ),
    ],
)
async def test_details_that_do_not_agree_are_a_persons(ended: Ended, told: object) -> None:
    outcome = await ended(told)
    assert isinstance(outcome, Unknown)
    assert outcome.final
    assert outcome.reason.startswith("it has been recorded, but ")
    assert "FiscalNumber 999907890000000" in outcome.reason
    assert outcome.reason.endswith("python -m cloud resolve ID --issued QR")


async def test_a_number_that_tells_of_another_receipt_shows_its_buyer_nothing(ended: Ended) -> None:
    """Of the same sum: nothing else would tell that it is another buyer's."""
    other = "0193a5d2-7c1e-7b54-9d0e-000000000002"
    outcome = await ended(details(InvoiceId=other))
    assert isinstance(outcome, Unknown)
    assert outcome.final
    assert outcome.reason.startswith(f"the provider's number sc_1 tells of receipt '{other}', ")
    for same in (KEY.upper(), None, ""):
        assert isinstance(await ended(details(InvoiceId=same)), Done)


@pytest.mark.parametrize(
    "model", [{}, {"AdditionalData": {}}, {"Id": "sc_1", "DocumentNumber": None, "Amount": 120.1}]
)
async def test_details_that_hold_no_trace_of_a_document_are_asked_for_again(
    ended: Ended, model: object
) -> None:
    outcome = await ended({"Success": True, "Model": model})
    assert isinstance(outcome, Unsent)
    assert outcome.reason.startswith("asking failed: processed, but the details hold nothing: ")


async def test_a_time_of_no_zone_makes_no_document_and_its_numbers_are_told(ended: Ended) -> None:
    outcome = await ended(without_qr(DateTime="2026-11-23T12:42:10"))
    assert isinstance(outcome, Unknown)
    assert "FiscalNumber 9999078900000001, DocumentNumber 1" in outcome.reason


@pytest.mark.parametrize("when", ["2026-11-23T12:42:10", "2026-11-23 12:42:10", "2026-11-23T12:42:10Z"])  # fmt: skip
async def test_a_time_whose_place_the_operator_knows_makes_a_document(
    ended: Ended, when: str
) -> None:
    outcome = await ended(without_qr(DateTime=when), hours_ahead=3)
    assert isinstance(outcome, Done)
    assert outcome.document == replace(DOCUMENT, at="20261123T154210")


async def test_a_time_of_a_clock_that_is_far_off_makes_a_qr_text_all_the_same(ended: Ended) -> None:
    outcome = await ended(without_qr(DateTime="0262-11-23T12:42:10"), hours_ahead=3)
    assert isinstance(outcome, Done)
    assert outcome.document == replace(DOCUMENT, at="02621123T154210")
    assert read_qr(outcome.document.qr) is not None


@pytest.mark.parametrize(
    "told",
    [
        {"DateTime": "today"},
        {"FiscalSign": "sign"},
        {"Type": "Expense"},
        {"Amount": None},
        {"DocumentNumber": 10**19},
        {"DocumentNumber": 0},
        {"FiscalSign": 2**32},
        {"Amount": 1e11},
    ],
)
async def test_a_document_is_not_made_of_less(ended: Ended, told: dict[str, object]) -> None:
    fields = {"DateTime": "2026-11-23T12:42:10", **told}
    assert isinstance(await ended(without_qr(**fields), hours_ahead=3), Unknown)


async def test_details_that_cannot_be_had_are_asked_for_again(ended: Ended) -> None:
    assert await ended(500) == Unsent("asking failed: 500 from the provider")
    told = {"Success": False, "Message": "Receipt not found"}
    wanted = "asking failed: processed, but no details: Receipt not found"
    assert await ended(told) == Unsent(wanted)


async def test_a_failure_is_believed_once_the_details_hold_no_document(ended: Ended) -> None:
    nothing = {"Success": False, "Message": "Receipt not found"}
    assert await ended(nothing, "Error") == Dead("the register failed: ФН")
    assert isinstance(await ended(500, "Error"), Unsent)
    told = await ended(details(), "Error")
    assert isinstance(told, Unknown)
    assert told.final
    said = "it has been recorded, but the status is 'Error': FiscalNumber 9999"
    assert told.reason.startswith(said)


async def test_a_correction_tells_its_state_and_its_document_in_its_own_way(ended: Ended) -> None:
    model = {
        **{name: FIELDS[name] for name in ("FiscalNumber", "DocumentNumber", "FiscalSign")},
        "Status": "Processed",
        "OfdReceiptUrl": "https://ofd.example/rec/1",
        "CorrectionReceiptType": 1,
        "Amounts": {"Sum": 120.1},
    }
    no_time = await ended({"Model": model}, {"Status": "Processed"}, CORRECTION)
    assert isinstance(no_time, Unknown)
    link = f"https://consumer.example/v1?{DOCUMENT.qr}"
    told = {"Model": {**model, "OfdReceiptUrl": link}}
    done = await ended(told, {"Status": "Processed"}, CORRECTION)
    assert done == Done(replace(DOCUMENT, rnm=""), "sc_1", link)
    failed = {"Model": {"Status": "Error", "ErrorMessage": "смена закрыта"}}
    outcome = await ended(failed, {"Status": "Error"}, CORRECTION)
    assert outcome == Dead("the register failed: смена закрыта")


@pytest.mark.parametrize(
    ("registers", "state", "wanted"),
    [
        ([], {}, ["good", "bad"]),
        ({"Model": [{"DeviceNumber": "1"}]}, {"Model": {"Status": 1}}, ["good", "good"]),
        ([{"DeviceNumber": "1"}], [], ["good", "warning"]),
        ({"Success": False}, {}, ["good", "warning"]),
        ("<html>", {}, ["good", "warning"]),
    ],
)
async def test_a_check_takes_whatever_it_is_answered(
    secret_file: str, registers: object, state: object, wanted: list[str]
) -> None:
    async def answer(request: web.Request) -> web.Response:
        told = {"/test": {"Success": True}, "/kkt/get-all": registers}
        return web.json_response(told.get(request.path, state))

    async with answering(answer, secret_file) as provider:
        assert [each.level for each in await provider.check()] == wanted


async def test_a_check_says_when_the_account_is_not_greeted(secret_file: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"Success": False, "Message": "closed"})

    async with answering(answer, secret_file) as provider:
        assert await provider.check() == [Finding("bad", "/test is answered: closed")]


TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("state", "level", "text"),
    [
        ({"Status": 1}, "good", "online"),
        ({"Status": 2}, "bad", "offline"),
        ({"Status": 3}, "bad", "in error"),
        ({"Status": 9}, "bad", "in state 9"),
        ({"IsReceiptProcessingBlocked": True}, "bad", "blocked, it issues no receipts"),
        ({"FnOccupancy": 0.5}, "good", "the drive is 50% full"),
        ({"FnOccupancy": 0.9}, "warning", "the drive is 90% full"),
        ({"FnOccupancy": 1}, "bad", "the drive is 100% full"),
        ({"OfdQueueDocsCount": 3}, "good", "3 documents wait for the operator of fiscal data"),
        ({"OfdQueueDocsCount": 20}, "warning", "20 documents wait for the operator of fiscal data"),
        ({"FiscalDateEnd": "2027-11-23T00:00:00"}, "good", "the drive may be used until 2027-11-23"),
        ({"FiscalDateEnd": "2026-12-23"}, "warning", "the drive may be used until 2026-12-23"),
        ({"FiscalDateEnd": "2026-11-22"}, "bad", "the drive may be used until 2026-11-22"),
        ({"Warnings": [{"Code": 4}, "x"]}, "warning", "4"),
        ({"Warnings": [{"Description": "ФН", "ResolveAction": "сменить"}]}, "warning", "ФН: сменить"),
    ],
)  # fmt: skip
def test_each_thing_about_a_register_is_a_finding(
    state: dict[str, Any], level: str, text: str
) -> None:
    told = {"DeviceNumber": "7", "FiscalNumber": "9999", **state}
    assert Finding(level, f"register 7, drive 9999: {text}") in health(told, TODAY)  # type: ignore[arg-type]


# Pushes. -----------------------------------------------------------------------------------------


def sign(text: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha256)).decode()


FORM = urlencode(FIELDS).encode()
DECODED = "&".join(f"{name}={value}" for name, value in FIELDS.items()).encode()


def push(provider: CloudKassir, /, body: bytes = FORM, **headers: str) -> Notice | None:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return provider.notice(body, {"Content-Type": "application/x-www-form-urlencoded", **told})


@pytest.mark.parametrize("header", ["X_Content_HMAC", "Content_HMAC"])
@pytest.mark.parametrize("signed", [FORM, DECODED], ids=["of the raw body", "of the decoded text"])
def test_either_header_may_be_of_either_reading(
    offline: CloudKassir, header: str, signed: bytes
) -> None:
    assert push(offline, FORM, **{header: sign(signed)}) == Notice(KEY, DONE)


def test_one_right_header_is_enough(offline: CloudKassir) -> None:
    told = push(offline, X_Content_HMAC="wrong", Content_HMAC=sign(FORM))
    assert told == Notice(KEY, DONE)


def test_the_signature_is_what_openssl_says(tmp_path: Path) -> None:
    # printf 'a=1&b=2' | openssl dgst -sha256 -hmac pass -binary | base64
    (tmp_path / "pass").write_text("pass", "utf-8")
    provider = a_client(None, "http://x", str(tmp_path / "pass"))
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
def test_a_push_that_is_not_signed_is_refused(
    offline: CloudKassir, headers: dict[str, str]
) -> None:
    with pytest.raises(BadSignatureError):
        push(offline, FORM, **headers)


def test_a_push_may_be_json(offline: CloudKassir) -> None:
    body = json.dumps({**FIELDS, "DocumentNumber": 1, "Amount": 120.1}).encode()
    headers = {"Content_HMAC": sign(body), "Content_Type": "application/json; charset=utf-8"}
    assert push(offline, body, **headers) == Notice(KEY, DONE)


def test_a_space_may_be_written_as_plus(offline: CloudKassir) -> None:
    body = FORM + b"&CalculationPlace=" + quote_plus("ТЦ «Ромашка», 1 этаж").encode()
    assert b"+" in body
    assert push(offline, body, Content_HMAC=sign(body)) == Notice(KEY, DONE)


@pytest.mark.parametrize(
    "told",
    [
        {"QrCodeUrl": ""},
        {"QrCodeUrl": "http://["},
        {"QrCodeUrl": f"https://qr.example/receipt?q={quote(DOCUMENT.qr.replace('n=1', 'n=3'))}"},
        {"DocumentNumber": "2"},
        {"FiscalNumber": "1"},
        {"Amount": "120.11"},
        {"Id": ""},
    ],
)
def test_a_push_that_proves_no_document_is_a_hint_to_ask(
    offline: CloudKassir, told: dict[str, str]
) -> None:
    body = urlencode({**FIELDS, **told}).encode()
    hint = Notice(KEY, None, {**FIELDS, **told}["Id"] or None)
    assert push(offline, body, Content_HMAC=sign(body)) == hint


def test_a_push_without_a_key_is_about_nothing_of_ours(offline: CloudKassir) -> None:
    body = urlencode({**FIELDS, "InvoiceId": ""}).encode()
    assert push(offline, body, Content_HMAC=sign(body)) is None


def test_a_push_may_be_a_deep_hole(offline: CloudKassir) -> None:
    hole = b"[" * 100_000
    headers = {"Content_HMAC": sign(hole), "Content_Type": "application/json"}
    assert push(offline, hole, **headers) is None


@given(
    st.one_of(
        st.binary(),
        st.text().map(str.encode),
        st.dictionaries(
            st.sampled_from([*FIELDS, "DateTime"]),
            st.one_of(st.text(), st.sampled_from(["http://[", DOCUMENT.qr, "0001-01-01"])),
        ).map(lambda told: urlencode({**FIELDS, **told}).encode()),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(FIELDS)), inner),
        ).map(lambda told: json.dumps(told).encode()),
    ),
    st.sampled_from(["", "application/json", "application/x-www-form-urlencoded", "\udcff"]),
)
def test_whatever_a_signed_push_says_it_is_a_notice_or_nothing(
    offline: CloudKassir, body: bytes, content_type: str
) -> None:
    told = push(offline, body, Content_HMAC=sign(body), Content_Type=content_type)
    assert told is None or isinstance(told.outcome, Done | None)


async def test_the_time_of_a_push_is_utc_in_the_emulator_as_one_source_says(
    secret_file: str, hook: Hook
) -> None:
    async with a_shop(secret_file, hook.url) as shop:
        told = await settled(shop.provider, shop.attempt())
        await hook.notice(shop.provider)
    fields = {name: each[0] for name, each in parse_qs(hook.heard[0][0].decode()).items()}
    assert urlsplit(fields["QrCodeUrl"]).netloc == "qr.cloudpayments.ru"
    pushed = datetime.fromisoformat(fields["DateTime"]).replace(tzinfo=UTC)
    assert isinstance(told, Done)
    here = datetime.fromisoformat(told.document.at).replace(tzinfo=UTC)
    assert here - pushed == timedelta(hours=3)

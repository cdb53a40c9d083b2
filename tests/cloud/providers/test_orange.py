"""Our client against its emulator, over real HTTPS: every row of the outcome table.

Where the emulator is too well-behaved, a small server says what it is told to.
"""

import argparse
import asyncio
import base64
import json
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from parts import free_port
from till import INN, KEY, MACHINE, RECEIPT, Till, a_hook, a_server, a_till, an_attempt, settled

from cloud.calling import tls
from cloud.emulators import keys
from cloud.emulators.drive import Drive
from cloud.emulators.keys import Keys
from cloud.emulators.orange import OrangeData as Emulator
from cloud.emulators.orange import Organisation, add, opened
from cloud.errors import ConfigError
from cloud.fiscal import FiscalDocument
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.providers import Attempt, BadSignatureError, Finding, Notice
from cloud.providers.orange import OrangeData, Settings
from cloud.providers.orange.document import document
from cloud.providers.orange.registers import findings
from cloud.receipt import Cause, Marking, MarkingMode, Purpose, Receipt, Subject, Taxation
from cloud.vat import VatRate

NOW = datetime.now(UTC)
TODAY = date(2026, 11, 23)
CODE = "0104601234567893215abcDE\x1d93XYZ="
OWN = Cause(by_order=False, day="2026-11-20")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return keys.opened(tmp_path_factory.mktemp("made") / "keys", NOW)


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """A signing key alone, and a short one: it is read in no time, and nobody checks it."""
    folder = tmp_path_factory.mktemp("light")
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "signing.key").write_bytes(pem)
    return Keys(folder)


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keys of somebody else, by an authority of their own."""
    return keys.opened(tmp_path_factory.mktemp("strange") / "keys", NOW)


def settings(made: Keys, url: str = "http://127.0.0.1:1", **told: Any) -> Settings:  # noqa: ANN401, any setting
    secured = {
        "ca": made.file("ca.crt"),
        "certificate": made.file("client.crt"),
        "certificate_key": made.file("client.key"),
    }
    ordinary = {"url": url, "inn": INN, "signing_key": made.file("signing.key"), "timeout_s": 5}
    shown = secured if url.startswith("https:") else {}
    return msgspec.convert({**ordinary, **shown, **told}, Settings)


def offline(made: Keys, **told: Any) -> OrangeData:  # noqa: ANN401, any setting
    """The client where no request is made."""
    return OrangeData(None, settings(made, **told))  # type: ignore[arg-type]


def composed(made: Keys, receipt: Receipt, **told: Any) -> str:  # noqa: ANN401, any setting
    """What a client with these settings composes; without reading its keys, which takes long."""
    return document(settings(made, **told), None, receipt, KEY)


def changed(**told: Any) -> Receipt:  # noqa: ANN401, any field
    return msgspec.structs.replace(RECEIPT, **told)


@dataclass(frozen=True)
class Shop:
    """The emulator with certificates, and clients of it."""

    made: Keys
    emulator: Emulator
    till: Till

    def client(self, **told: Any) -> OrangeData:  # noqa: ANN401, any setting
        return OrangeData(self.till.http, settings(self.made, self.till.url, **told))


@asynccontextmanager
async def a_shop(made: Keys, delay_s: float = 0, **told: Any) -> AsyncIterator[Shop]:  # noqa: ANN401, any field
    ours = Organisation(INN, made.signing(), certificate=made.client(), **told)
    emulator = Emulator(ours, Drive(None), delay_s)
    emulator.tls = made.context()
    shown = tls(made.file("ca.crt"))
    async with a_till(emulator, shown) as till:
        yield Shop(made, emulator, till)


@pytest.fixture
async def shop(made: Keys) -> AsyncIterator[Shop]:
    async with a_shop(made) as running:
        yield running


# The request. ------------------------------------------------------------------------------------


def test_a_receipt_becomes_this_document(made: Keys) -> None:
    assert json.loads(offline(made).compose(RECEIPT, KEY)) == {
        "id": KEY,
        "inn": INN,
        "group": "Vend",
        "key": INN,
        "content": {
            "ffdVersion": 2,
            "type": 1,
            "positions": [
                {
                    "quantity": 1,
                    "price": 120.10,
                    "tax": 11,
                    "text": "Капучино 200 мл",
                    "paymentMethodType": 4,
                    "paymentSubjectType": 1,
                }
            ],
            "checkClose": {"payments": [{"type": 2, "amount": 120.10}], "taxationSystem": 1},
            "customerContact": "none",
            "senderEmail": "checks@coffee.example",
            "automatNumber": MACHINE,
            "settlementAddress": "г. Москва, ул. Примерная, д. 1",
            "settlementPlace": "ТЦ «Ромашка», 1 этаж",
            "totalSum": 120.10,
            "timeZone": 2,
        },
    }


def test_the_same_receipt_and_key_are_the_same_bytes(made: Keys) -> None:
    again = msgspec.json.decode(msgspec.json.encode(RECEIPT), type=Receipt)
    assert composed(made, again) == composed(made, RECEIPT)


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ({"vat": VatRate.NONE}, '"tax":6'),
        ({"vat": VatRate.VAT_0}, '"tax":5'),
        ({"vat": VatRate.VAT_7}, '"tax":8'),
        ({"purpose": Purpose.INCOME_RETURN}, '"type":2'),
        ({"basis": "1234567890"}, '"additionalAttribute":"1234567890"'),
        ({"taxation": Taxation.PATENT}, '"taxationSystem":5'),
        ({"subject": Subject.EXCISABLE}, '"paymentSubjectType":2'),
        ({"ffd": "1.2"}, '"group":"Vend_2"'),
        ({"ffd": "1.2"}, '"ffdVersion":4'),
        ({"ffd": "1.2"}, '"quantityMeasurementUnit":0'),
        ({"zone": 11}, '"timeZone":11'),
        ({"internet": False}, '"isInternetStore":false'),
        (
            {"cash": 10000, "cashless": 2010},
            '"payments":[{"type":1,"amount":100.00},{"type":2,"amount":20.10}]',
        ),
        # Two decimals, by way of no float.
        ({"amount": 5}, '"price":0.05'),
        ({"amount": 9_999_999_999}, '"totalSum":99999999.99'),
    ],
)
def test_each_field_is_written_as_the_provider_reads_it(
    made: Keys, told: dict[str, Any], written: str
) -> None:
    assert written in composed(made, changed(**told))


@pytest.mark.parametrize(
    ("told", "absent"),
    [
        ({"zone": None}, "timeZone"),
        ({"sender": ""}, "senderEmail"),
        ({}, "isInternetStore"),
        ({}, "additionalAttribute"),
        ({}, "callback"),
        ({}, "quantityMeasurementUnit"),
        ({}, "nomenclatureCode"),
        ({"ffd": "1.2"}, "itemCode"),
        ({"ffd": "1.2"}, "plannedStatus"),
        ({"ffd": "1.2"}, "industryAttribute"),
    ],
)
def test_what_says_nothing_is_left_out(made: Keys, told: dict[str, Any], absent: str) -> None:
    assert absent not in composed(made, changed(**told))


@pytest.mark.parametrize(
    ("setting", "written"),
    [
        ({"key": "4010004"}, '"key":"4010004"'),
        ({"group": "Kiosk"}, '"group":"Kiosk"'),
        ({"vat_codes": {"22": 13}}, '"tax":13'),
        ({"customer_contact": "+79990000000"}, '"customerContact":"+79990000000"'),
        ({"callback_url": "https://gw.example/h"}, '"callbackUrl":"https://gw.example/h"'),
    ],
)
def test_a_setting_changes_the_document(made: Keys, setting: dict[str, Any], written: str) -> None:
    assert written in composed(made, RECEIPT, **setting)


@pytest.mark.parametrize(
    ("setting", "absent"),
    [
        ("total_sum", ["totalSum"]),
        ("automat_fields", ["automatNumber", "settlementAddress", "settlementPlace"]),
    ],
)
def test_what_a_group_does_not_take_can_be_left_out(
    made: Keys, setting: str, absent: list[str]
) -> None:
    body = composed(made, RECEIPT, **{setting: False})
    assert not any(name in body for name in absent)


def position(made: Keys, **told: Any) -> dict[str, Any]:  # noqa: ANN401, any field
    body = json.loads(composed(made, changed(**told)))
    line: dict[str, Any] = body["content"]["positions"][0]
    return line


def test_a_kind_of_goods_is_named_in_ffd_1_05(made: Keys) -> None:
    line = position(made, marking=Marking(mode=MarkingMode.GTIN_VEND, gtin="04601234567890"))
    assert base64.b64decode(line["nomenclatureCode"]) == bytes.fromhex("49 0E 04 2F 4E F3 B2 D2")
    assert line["additionalAttribute"] == "crpt=mrk&mode=vend"


def test_a_piece_is_named_in_ffd_1_05(made: Keys) -> None:
    code = "010460043993125621JgXJ5."
    line = position(made, marking=Marking(mode=MarkingMode.FULL_CODE, code=code))
    assert base64.b64decode(line["nomenclatureCode"]) == bytes.fromhex(
        "44 4D 04 2F 1F 96 81 78 4A 67 58 4A 35 2E"
    )
    assert "additionalAttribute" not in line


@pytest.mark.parametrize(("purpose", "status"), [(Purpose.INCOME, 1), (Purpose.INCOME_RETURN, 3)])
def test_a_kind_of_goods_is_named_in_ffd_1_2(made: Keys, purpose: Purpose, status: int) -> None:
    mark = Marking(mode=MarkingMode.GTIN_VEND, gtin="04601234567890")
    marked = {"marking": mark, "subject": Subject.GOODS_MARKED, "purpose": purpose}
    line = position(made, ffd="1.2", **marked)
    assert line["itemCode"] == "04601234567890"
    assert line["plannedStatus"] == status
    assert line["paymentSubjectType"] == 33
    assert line["industryAttribute"] == {
        "foivId": "030",
        "causeDocumentDate": "16.06.2022",
        "causeDocumentNumber": "174",
        "value": "mode=vend",
    }


def test_a_piece_is_named_in_ffd_1_2(made: Keys) -> None:
    line = position(made, ffd="1.2", marking=Marking(mode=MarkingMode.FULL_CODE, code=CODE))
    assert line["itemCode"] == CODE
    assert "industryAttribute" not in line


@pytest.mark.parametrize(
    ("vat", "summed"),
    [
        (VatRate.VAT_20, {"tax1Sum": 20.02}),
        (VatRate.VAT_10, {"tax2Sum": 10.92}),
        (VatRate.VAT_0, {"tax3Sum": 120.10}),
        (VatRate.NONE, {"tax4Sum": 120.10}),
        (VatRate.VAT_5, {"tax7Sum": 5.72}),
        (VatRate.VAT_7, {"tax8Sum": 7.86}),
        (VatRate.VAT_22, {"tax11Sum": 21.66}),
    ],
)
def test_a_correction_in_ffd_1_05_is_of_sums(
    made: Keys, vat: VatRate, summed: dict[str, float]
) -> None:
    told = changed(purpose=Purpose.CORRECTION, cause=OWN, vat=vat, cash=10000, cashless=2010)
    assert json.loads(composed(made, told))["content"] == {
        "type": 1,
        "correctionType": 0,
        "causeDocumentDate": "2026-11-20T00:00:00",
        "causeDocumentNumber": "б/н",
        "totalSum": 120.10,
        "cashSum": 100,
        "eCashSum": 20.10,
        "prepaymentSum": 0,
        "postpaymentSum": 0,
        "otherPaymentTypeSum": 0,
        **summed,
        "taxationSystem": 1,
        "customerContact": "none",
        "senderEmail": "checks@coffee.example",
        "automatNumber": MACHINE,
        "settlementAddress": "г. Москва, ул. Примерная, д. 1",
        "settlementPlace": "ТЦ «Ромашка», 1 этаж",
    }


def test_a_correction_in_ffd_1_2_is_a_receipt_with_a_cause(made: Keys) -> None:
    ordered = Cause(by_order=True, day="2026-11-20", number="17-3")
    told = {"ffd": "1.2", "cause": ordered}
    plain = json.loads(composed(made, changed(**told)))["content"]
    corrected = composed(made, changed(**told, purpose=Purpose.CORRECTION))
    assert json.loads(corrected)["content"] == {
        **plain,
        "correctionType": 1,
        "causeDocumentDate": "2026-11-20T00:00:00",
        "causeDocumentNumber": "17-3",
    }


# The settings. -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"certificate": "c.crt"}, "belong together"),
        ({"url": "https://api.orangedata.ru:12003", "certificate": None}, "belong together"),
        ({"callback_api_key_file": "k"}, "nothing would be pushed"),
        ({"inn": "77088060629"}, "inn"),
        ({"vat_codes": {"18": 1}}, "vat_codes"),
        ({"customer_contact": "nobody"}, "customer_contact"),
    ],
)
def test_settings_that_cannot_work_are_refused(made: Keys, told: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        settings(made, told.pop("url", "http://127.0.0.1:1"), **told)


def test_https_asks_for_a_certificate() -> None:
    with pytest.raises(msgspec.ValidationError, match="https asks for them"):
        msgspec.convert({"inn": INN, "signing_key": "k.pem"}, Settings)


@pytest.mark.parametrize(
    ("key", "file", "why"),
    [
        ("signing_key", "none.pem", "No such file"),
        ("signing_key", "client.key", "expected an RSA private key"),
        ("signing_key", "text", "expected an RSA private key"),
        ("certificate", "none.pem", "No such file"),
        ("certificate", "client.key", "expected a certificate"),
        ("callback_api_key_file", "none", "No such file"),
        ("callback_api_key_file", "empty", "expected one line of text"),
        ("callback_api_key_file", "bytes", "expected one line of text"),
    ],
)
def test_a_file_that_is_no_key_is_named(
    made: Keys, tmp_path: Path, key: str, file: str, why: str
) -> None:
    (tmp_path / "text").write_text("nothing of the kind")
    (tmp_path / "empty").touch()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    found = tmp_path / file if (tmp_path / file).exists() else made.folder / file
    told = {key: str(found), "certificate_key": made.file("client.key")}
    pushed = {"callback_url": "https://gw.example/h"}
    with pytest.raises(ConfigError, match=rf"^{key}: .*{file}: {why}"):
        offline(made, **{"certificate": made.file("client.crt"), **pushed, **told})


def test_a_key_that_is_not_the_certificates_is_told(made: Keys, strange: Keys) -> None:
    shown = {"certificate": made.file("client.crt"), "certificate_key": strange.file("client.key")}
    with pytest.raises(ConfigError, match=r"client\.key"):
        offline(made, **shown)


# Against the emulator. ---------------------------------------------------------------------------


async def test_a_receipt_is_accepted_and_asked_for(shop: Shop) -> None:
    provider = shop.client()
    attempt = an_attempt(provider)
    assert await provider.submit(attempt) == Accepted(KEY)
    done = await settled(provider, attempt)
    (document,) = await shop.till.ledger()
    assert isinstance(done, Done)
    assert (done.document.qr, done.provider_id) == (document["qr"], KEY)
    assert done.document.rnm == "0000000400054952"
    assert done.document.ofd_inn == "7700000000"
    assert done.link == f"https://cheques-lk.orangedata.ru/{INN}/{KEY}"


async def test_the_drive_records_the_tags_that_vending_needs(shop: Shop) -> None:
    await settled(shop.client(), an_attempt(shop.client()))
    assert await shop.till.tags() == {
        "1018": INN,
        "1209": 2,
        "1036": MACHINE,
        "1009": "г. Москва, ул. Примерная, д. 1",
        "1187": "ТЦ Ромашка, 1 этаж",
        "1008": "none",
        "1117": "checks@coffee.example",
        "1011": 2,
        "1030": "Капучино 200 мл",
        "1023": 1,
        "1079": "120.10",
        "1199": 11,
        "1212": 1,
        "1214": 4,
        "1055": 2,
        "1031": "0.00",
        "1081": "120.10",
    }


@pytest.mark.parametrize(
    ("told", "tags"),
    [
        (
            {"marking": Marking(mode=MarkingMode.GTIN_VEND, gtin="04601234567890")},
            {"1162": "490E042F4EF3B2D2", "1191": "crpt=mrk&mode=vend"},
        ),
        (
            {"ffd": "1.2", "marking": Marking(mode=MarkingMode.FULL_CODE, code=CODE)},
            {"2000": CODE, "2003": 1, "2108": 0, "1209": 4},
        ),
        (
            {"purpose": Purpose.INCOME_RETURN, "basis": "1234567890"},
            {"1192": "1234567890"},
        ),
        (
            {"purpose": Purpose.CORRECTION, "cause": OWN, "vat": VatRate.VAT_10},
            {"1173": 0, "1178": "2026-11-20", "1179": "б/н", "1199": 2, "1103": "10.92"},
        ),
        (
            {"purpose": Purpose.CORRECTION, "cause": OWN, "ffd": "1.2"},
            {"1173": 0, "1178": "2026-11-20", "1030": "Капучино 200 мл", "1199": 11},
        ),
    ],
)
async def test_each_kind_of_receipt_is_taken_and_asked_for(
    shop: Shop, told: dict[str, Any], tags: dict[str, Any]
) -> None:
    receipt = changed(**told)
    done = await settled(shop.client(), an_attempt(shop.client(), receipt))
    (document,) = await shop.till.ledger()
    assert isinstance(done, Done)
    assert done.document.qr == document["qr"]
    assert done.document.sign == receipt.purpose.sign == document["sign"]
    assert document["correction"] == (receipt.purpose is Purpose.CORRECTION)
    assert tags.items() <= document["tags"].items()


async def test_a_stored_document_goes_where_it_belongs_whatever_is_set_now(shop: Shop) -> None:
    correction = changed(purpose=Purpose.CORRECTION, cause=OWN)
    stored = an_attempt(shop.client(), correction)
    done = await settled(shop.client(ffd="1.2", group="Main", key="4010004"), stored)
    assert isinstance(done, Done)
    assert await shop.till.keys() == [KEY]


async def test_a_duplicate_is_accepted_and_is_the_same_receipt(shop: Shop) -> None:
    provider = shop.client()
    attempt = an_attempt(provider)
    first = await settled(provider, attempt)
    assert await provider.submit(attempt) == Accepted(KEY)
    assert await settled(provider, attempt) == first
    assert await shop.till.keys() == [KEY]


@pytest.mark.parametrize(
    ("fault", "documents"),
    [
        ("drop_before_store", 0),
        ("drop_after_store", 1),
        ("5xx", 0),
        ("5xx_after_store", 1),
        ("nonsense", 1),
    ],
)
async def test_a_lost_answer_is_unknown_and_can_be_asked_for(
    shop: Shop, fault: str, documents: int
) -> None:
    provider = shop.client()
    attempt = an_attempt(provider)
    await shop.till.fault(fault)
    assert isinstance(await provider.submit(attempt), Unknown)
    asked = await provider.ask(attempt)
    assert isinstance(asked, Accepted | Done) if documents else isinstance(asked, Unsent)
    assert isinstance(await settled(provider, attempt), Done)
    assert await shop.till.keys() == [KEY]


async def test_a_time_out_is_unknown(light: Keys) -> None:
    asked, over = asyncio.Event(), asyncio.Event()

    async def silent(_request: web.Request) -> web.Response:
        asked.set()
        await over.wait()
        return web.Response(status=201)

    async with a_server(silent) as url, aiohttp.ClientSession() as http:
        try:
            provider = OrangeData(http, settings(light, url, timeout_s=0.2))
            while not asked.is_set():  # a slow machine: the question has to come within the time
                told = await provider.submit(an_attempt(provider))
                assert isinstance(told, Unknown)
        finally:
            over.set()


async def test_a_receipt_in_the_queue_is_accepted(made: Keys) -> None:
    async with a_shop(made, delay_s=3600) as slow:
        provider = slow.client()
        attempt = an_attempt(provider)
        await provider.submit(attempt)
        assert await provider.ask(replace(attempt, provider_id=KEY)) == Accepted(KEY)


async def test_what_was_never_accepted_was_not_sent(shop: Shop) -> None:
    provider = shop.client()
    told = await provider.ask(an_attempt(provider))
    assert told == Unsent(
        f"the provider has no such receipt: Документ {KEY} не найден", absent=True
    )


async def test_what_was_accepted_and_is_gone_is_unknown(shop: Shop) -> None:
    provider = shop.client()
    await shop.till.fault("lose")
    told = await settled(provider, an_attempt(provider))
    assert isinstance(told, Unknown)
    assert told.reason.startswith("the provider does not know what it had accepted")


async def test_what_expired_in_the_queue_may_go_anew(shop: Shop) -> None:
    provider = shop.client()
    await shop.till.fault("expire")
    told = await settled(provider, an_attempt(provider))
    assert told == Dead("524: it expired in the provider's queue", again=True)
    # The id stays taken: only another one is a receipt.
    assert await provider.submit(an_attempt(provider)) == Accepted(KEY)
    assert isinstance(await settled(provider, an_attempt(provider, key=f"{KEY}-1")), Done)
    assert await shop.till.keys() == [f"{KEY}-1"]


async def test_a_marking_code_that_does_not_pass_waits_for_a_person(shop: Shop) -> None:
    provider = shop.client()
    await shop.till.fault("fail")
    told = await settled(provider, an_attempt(provider))
    assert isinstance(told, Dead)
    assert not told.again
    assert told.reason.startswith('422: the marking code did not pass: {"position":0')


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (
            "auth",
            Unsent("401: the provider does not accept the client certificate", Pause.AUTH),
        ),
        ("busy", Unsent("503: the provider is busy", retry_after_s=1)),
        ("no_register", Unsent("400: В группе 'Group' нет устройств", Pause.NO_REGISTER)),
        ("refuse", Dead("400: Недопустимое значение поля 'Text'")),
    ],
)
async def test_a_refusal_on_demand_is_told_and_nothing_is_recorded(
    shop: Shop, fault: str, outcome: Outcome
) -> None:
    provider = shop.client()
    await shop.till.fault(fault)
    assert await provider.submit(an_attempt(provider)) == outcome
    assert isinstance(await settled(provider, an_attempt(provider)), Done)
    assert await shop.till.keys() == [KEY]


async def test_a_refused_repetition_is_no_word_about_what_was_taken_before(shop: Shop) -> None:
    provider = shop.client()
    attempt = an_attempt(provider)
    await shop.till.fault("drop_after_store")
    assert isinstance(await provider.submit(attempt), Unknown)
    done = await settled(provider, attempt)
    await shop.till.fault("refuse")
    assert await provider.submit(attempt) == done
    assert await shop.till.keys() == [KEY]


async def test_a_repetition_that_no_register_takes_is_what_the_first_request_was(
    shop: Shop,
) -> None:
    """Said twice, it counts as refused: so it is said of what surely is not there alone."""
    provider = shop.client()
    attempt = an_attempt(provider)
    await shop.till.fault("drop_after_store")
    assert isinstance(await provider.submit(attempt), Unknown)
    done = await settled(provider, attempt)
    await shop.till.fault("no_register")
    assert await provider.submit(attempt) == done
    assert await shop.till.keys() == [KEY]


async def test_a_refused_repetition_of_what_expired_may_go_anew(shop: Shop) -> None:
    provider = shop.client()
    await shop.till.fault("expire")
    await settled(provider, an_attempt(provider))
    await shop.till.fault("refuse")
    told = await provider.submit(an_attempt(provider))
    assert told == Dead("524: it expired in the provider's queue", again=True)


@pytest.mark.parametrize("broken", [(500, b""), (400, b"<html>"), (401, b"")])
async def test_a_refusal_that_nobody_upholds_is_unknown(
    light: Keys, broken: tuple[int, bytes]
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.Response(status=400, body=errors("Нет текста"))
        return web.Response(status=broken[0], body=broken[1])

    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        provider = OrangeData(http, settings(light, url))
        told = await provider.submit(an_attempt(provider))
    assert told == Unknown("400: Нет текста; whether it was taken earlier could not be asked")


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"key": "4010004"}, "400: Ключ проверки подписи 'Key' 4010004 не найден"),
        ({"inn": "7727401209"}, "400: Ключ проверки подписи 'Key' 7727401209 не найден"),
    ],
)
async def test_a_key_that_the_provider_does_not_know_pauses_the_register(
    shop: Shop, setting: dict[str, str], reason: str
) -> None:
    provider = shop.client(**setting)
    assert await provider.submit(an_attempt(provider)) == Unsent(reason, Pause.AUTH)


async def test_a_wrong_signature_pauses_the_register(shop: Shop, strange: Keys) -> None:
    provider = shop.client(signing_key=strange.file("signing.key"))
    told = await provider.submit(an_attempt(provider))
    assert told == Unsent("400: Подпись документа не прошла проверку", Pause.AUTH)
    assert await shop.till.ledger() == []


async def test_automat_fields_in_a_group_without_automats_pause_the_register(shop: Shop) -> None:
    provider = shop.client(group="Main")
    told = await provider.submit(an_attempt(provider))
    assert isinstance(told, Unsent)
    assert told.pause is Pause.NO_REGISTER
    proper = shop.client(group="Main", automat_fields=False)
    assert isinstance(await settled(proper, an_attempt(proper)), Done)


async def test_what_is_wrong_with_a_document_is_dead(shop: Shop) -> None:
    provider = shop.client()
    told = await provider.submit(an_attempt(provider, changed(name="К" * 129)))
    assert told == Dead("400: Недопустимое значение поля 'Text'")


async def test_a_certificate_of_somebody_else_pauses_the_register(shop: Shop) -> None:
    keys.issue(shop.made.folder, "other", NOW)
    shown = {
        "certificate": shop.made.file("other.crt"),
        "certificate_key": shop.made.file("other.key"),
    }
    provider = shop.client(**shown)
    refused = Unsent("401: the provider does not accept the client certificate", Pause.AUTH)
    attempt = an_attempt(provider)
    assert await provider.submit(attempt) == refused
    # What it had accepted stays accepted: this says nothing about the receipt.
    assert await provider.ask(replace(attempt, provider_id=KEY)) == refused
    assert Finding("bad", "401: the client certificate is not accepted") in await provider.check()
    assert await shop.till.ledger() == []


async def test_a_certificate_of_a_strange_authority_gets_nothing_in(
    shop: Shop, strange: Keys
) -> None:
    shown = {
        "certificate": strange.file("client.crt"),
        "certificate_key": strange.file("client.key"),
    }
    provider = shop.client(**shown)
    told = await provider.submit(an_attempt(provider))
    # In TLS 1.3 the handshake is over for us before the server says no.
    assert isinstance(told, Unsent | Unknown)
    assert isinstance(await provider.ask(an_attempt(provider)), Unsent)
    assert await shop.till.ledger() == []


async def test_a_server_that_is_not_believed_is_sent_nothing(shop: Shop, strange: Keys) -> None:
    provider = shop.client(ca=strange.file("ca.crt"))
    told = await provider.submit(an_attempt(provider))
    assert isinstance(told, Unsent)
    assert told.reason.startswith("no connection: ")
    assert told.pause is None


async def test_a_provider_that_does_not_listen_was_sent_nothing(made: Keys) -> None:
    async with aiohttp.ClientSession() as http:
        gone = OrangeData(http, settings(made, f"http://127.0.0.1:{free_port()}"))
        attempt = an_attempt(gone)
        told, asked, checked = (
            await gone.submit(attempt),
            await gone.ask(attempt),
            await gone.check(),
        )
    assert isinstance(told, Unsent)
    assert isinstance(asked, Unsent)
    assert asked.reason.startswith("asking failed: no connection: ")
    assert [each.level for each in checked] == ["bad"]


async def test_both_spellings_are_the_same_document(made: Keys) -> None:
    async with a_shop(made, spelling="table") as other:
        done = await settled(other.client(), an_attempt(other.client()))
    assert isinstance(done, Done)
    assert done.document.ofd_inn == "7700000000"


async def test_the_page_is_told_where_buyers_may_open_it(shop: Shop) -> None:
    shut, elsewhere = shop.client(page=False), shop.client(page_url=f"{shop.till.url}/")
    attempt = an_attempt(shut)
    done = await settled(shut, attempt)
    assert isinstance(done, Done)
    assert done.link is None
    done = await elsewhere.ask(attempt)
    assert isinstance(done, Done)
    assert done.link == f"{shop.till.url}/{INN}/{KEY}"
    async with shop.till.http.get(done.link, ssl=shop.till.tls or True) as page:
        assert "КАССОВЫЙ ЧЕК" in await page.text()


async def test_plain_http_serves_where_nobody_asks_for_certificates(made: Keys) -> None:
    emulator = Emulator(Organisation(INN, made.signing()), Drive(None))
    async with a_till(emulator) as till:
        provider = OrangeData(till.http, settings(made, till.url))
        assert isinstance(await settled(provider, an_attempt(provider)), Done)
        assert await till.keys() == [KEY]


# Pushes. -----------------------------------------------------------------------------------------


async def test_a_push_is_a_hint(shop: Shop) -> None:
    async with a_hook() as hook:
        provider = shop.client(callback_url=hook.url)
        await provider.submit(an_attempt(provider))
        assert await hook.notice(provider) == Notice(KEY, None)
        assert isinstance(await provider.ask(an_attempt(provider)), Done)


async def test_a_push_shows_the_key_that_was_asked_for(shop: Shop, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_text("tell nobody\n")
    theirs.write_text("guessed\n")
    async with a_hook() as hook:
        provider = shop.client(callback_url=hook.url, callback_api_key_file=str(ours))
        other = shop.client(callback_url=hook.url, callback_api_key_file=str(theirs))
        await provider.submit(an_attempt(provider))
        assert await hook.notice(provider) == Notice(KEY, None)
        with pytest.raises(BadSignatureError):
            await hook.notice(other)


async def test_a_push_of_somebody_else_is_not_believed(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    async with a_hook() as hook:
        provider = shop.client(callback_url=hook.url, callback_api_key_file=str(tmp_path / "key"))
        await shop.till.fault("bad_signature")
        await provider.submit(an_attempt(provider))
        with pytest.raises(BadSignatureError):
            await hook.notice(provider)
        # Without a key nobody can tell, and it is no word of the provider in any case.
        assert await hook.notice(shop.client()) == Notice(f"{KEY}-of-somebody-else", None)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"X-Api-Key": "tell nobody"}, {}),
        ({"Authorization": "Bearer tell nobody"}, {}),
        ({}, {"callbackApiKey": "tell nobody"}),
        ({}, {"CallbackApiKey": "tell nobody"}),
    ],
)
def test_the_key_may_stand_in_any_header_or_in_the_body(
    made: Keys, tmp_path: Path, headers: dict[str, str], body: dict[str, str]
) -> None:
    (tmp_path / "key").write_text("tell nobody")
    pushed = {
        "callback_url": "https://gw.example/h",
        "callback_api_key_file": str(tmp_path / "key"),
    }
    provider = offline(made, **pushed)
    assert provider.notice(json.dumps({"ID": KEY, **body}).encode(), headers) == Notice(KEY, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"id":7}', b'{"id":""}', b"\xff"])
def test_a_push_about_nothing_of_ours_is_none(made: Keys, body: bytes) -> None:
    assert offline(made).notice(body, {}) is None


# Odd answers. ------------------------------------------------------------------------------------


def says(
    status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return answer


@asynccontextmanager
async def answered(
    made: Keys, status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> AsyncIterator[OrangeData]:
    """A client whose provider always says the same."""
    async with a_server(says(status, body, headers)) as url, aiohttp.ClientSession() as http:
        yield OrangeData(http, settings(made, url))


def errors(*texts: object) -> bytes:
    return json.dumps({"errors": texts}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("status", "body", "headers", "outcome"),
    [
        (201, b"anything", {}, Accepted(KEY)),
        (409, b"", {}, Accepted(KEY)),
        (400, errors("Wrong signature"), {}, Unsent("400: Wrong signature", Pause.AUTH)),
        (400, errors("Wrong 'Key'", "2"), {}, Unsent("400: Wrong 'Key'; 2", Pause.AUTH)),
        (
            400,
            b'{"Errors":["\xd0\x9d\xd0\xb5\xd1\x82 \xd0\xb3\xd1\x80\xd1\x83\xd0\xbf\xd0\xbf\xd1\x8b"]}',
            {},
            Unsent("400: Нет группы", Pause.NO_REGISTER),
        ),
        (400, errors("Код группы товаров"), {}, Dead("400: Код группы товаров")),
        (400, errors("Исключение"), {}, Dead("400: Исключение")),
        (400, errors({"position": 1}), {}, Dead('400: {"position":1}')),
        (
            400,
            b"<html>No required SSL certificate was sent",
            {},
            Unsent("400: b'<html>No required SSL certificate was sent'", Pause.AUTH),
        ),
        (400, b"", {}, Unknown("400 without errors: b''")),
        (400, b'{"errors":[]}', {}, Unknown("400 without errors: b'{\"errors\":[]}'")),
        (400, b"[" * 100_000, {}, Unknown(f"400 without errors: {b'[' * 80!r}")),
        (429, b"", {}, Unsent("429: the provider is busy")),
        (
            503,
            b"",
            {"Retry-After": "7"},
            Unsent("503: the provider is busy", retry_after_s=7),
        ),
        (503, b"", {"Retry-After": "Mon"}, Unsent("503: the provider is busy")),
        (503, b"<html>", {}, Unknown("503 from the provider: b'<html>'")),
        (200, b"{}", {}, Unknown("200 from the provider: b'{}'")),
        (302, b"", {"Location": "/"}, Unknown("302 from the provider: b''")),
        (404, b"", {}, Unknown("404 from the provider: b''")),
        (500, b"x", {}, Unknown("500 from the provider: b'x'")),
        (524, b"", {}, Unknown("524 from the provider: b''")),
    ],
)
async def test_an_odd_answer_to_a_document_is_no_more_than_it_says(
    light: Keys, status: int, body: bytes, headers: dict[str, str], outcome: Outcome
) -> None:
    async with answered(light, status, body, headers) as provider:
        assert await provider.submit(an_attempt(provider)) == outcome


STATUS = {
    "id": KEY,
    "deviceRN": "0000000400054952",
    "fsNumber": "9999078900001341",
    "ofdinn": "7728699517",
    "documentNumber": 117,
    "processedAt": "2026-11-23T18:42:11",
    "content": {"type": 1, "totalSum": 120.10},
    "fp": "0364009522",
}
DOCUMENT = FiscalDocument(
    fn="9999078900001341",
    fd=117,
    fp=364009522,
    at="20261123T184211",
    total=12010,
    rnm="0000000400054952",
    ofd_inn="7728699517",
)


def status(**told: object) -> bytes:
    return json.dumps({**STATUS, **told}).encode()


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (status(), DOCUMENT),
        (json.dumps({name.upper(): each for name, each in STATUS.items()}).encode(), DOCUMENT),
        (status(fp=364009522, documentNumber="117"), DOCUMENT),
        (status(processedAt="2026-11-23T18:42:11.1234567"), DOCUMENT),
        (status(processedAt="2026-11-23T18:42:11+03:00"), DOCUMENT),
        (status(content=None), DOCUMENT),
        (status(content={"type": 1, "totalSum": None}), DOCUMENT),
        (status(content={"type": 2, "totalSum": "120.00"}), replace(DOCUMENT, sign=2, total=12000)),
        (status(deviceRN=None, ofdinn=None), replace(DOCUMENT, rnm="", ofd_inn="")),
    ],
)
async def test_a_status_is_read_in_every_spelling(
    light: Keys, body: bytes, document: FiscalDocument
) -> None:
    async with answered(light, 200, body) as provider:
        told = await provider.ask(an_attempt(provider))
    assert isinstance(told, Done)
    assert told.document == document
    assert "fp=364009522&" in told.document.qr


async def test_a_document_without_totals_costs_what_its_only_piece_costs(light: Keys) -> None:
    async with answered(light, 200, status(content=None)) as provider:
        body = composed(light, RECEIPT, total_sum=False)
        told = await provider.ask(Attempt(KEY, body))
        assert isinstance(told, Done)
        assert told.document == DOCUMENT
        two = body.replace('"quantity":1', '"quantity":2')
        assert isinstance(await provider.ask(Attempt(KEY, two)), Unknown)


@pytest.mark.parametrize(
    "told",
    [
        {"id": "another"},
        {"fsNumber": None},
        {"fsNumber": "99990789000013411"},
        {"documentNumber": "many"},
        {"fp": None},
        {"fp": 2**32},
        {"documentNumber": 10**19},
        {"documentNumber": 0},
        {"content": {"type": 1, "totalSum": 10**11}},
        {"content": {"type": 1, "totalSum": "1e3"}},
        {"processedAt": "23.11.2026 18:42"},
        {"processedAt": "2026-11-23T18:42:11Z"},
        {"processedAt": "2026-13-23T18:42:11"},
        {"content": {"type": 3, "totalSum": 120.10}},
        {"content": {"type": 1, "totalSum": "much"}},
        {"content": {"type": 1, "totalSum": 120.101}},
    ],
)
async def test_a_status_without_a_document_of_ours_is_unknown(
    light: Keys, told: dict[str, object]
) -> None:
    async with answered(light, 200, status(**told)) as provider:
        asked = await provider.ask(an_attempt(provider))
    assert isinstance(asked, Unknown)
    assert asked.final
    said = "it has been recorded, but the document of the status is none of ours: id "
    assert asked.reason.startswith(said)
    assert f"documentNumber {({**STATUS, **told})['documentNumber']}, " in asked.reason
    assert asked.reason.endswith("python -m cloud resolve ID --issued QR")


async def test_a_status_without_any_number_is_asked_for_again(light: Keys) -> None:
    body = status(fsNumber=None, documentNumber=None, fp=None)
    async with answered(light, 200, body) as provider:
        told = await provider.ask(an_attempt(provider))
    assert isinstance(told, Unsent)
    assert told.reason.startswith("asking failed: 200 from the provider: ")


@asynccontextmanager
async def in_turn(made: Keys, *said: tuple[int, bytes]) -> AsyncIterator[OrangeData]:
    """A client whose questions are answered one after the other; its documents are refused."""
    left = iter(said)

    async def answer(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.Response(status=400, body=errors("Нет текста"))
        code, body = next(left)
        return web.Response(status=code, body=body)

    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        yield OrangeData(http, settings(made, url))
    assert next(left, None) is None


EXPIRED = Dead("524: it expired in the provider's queue", again=True)


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        ((524, b""), EXPIRED),
        ((524, b'{"errors":["expired"]}'), EXPIRED),
        ((202, b""), Accepted(KEY)),
        ((200, status()), None),
        (
            (524, b"error code: 524"),
            Unsent("asking failed: 524 from the provider: b'error code: 524'"),
        ),
        ((502, b""), Unsent("asking failed: 502 from the provider: b''")),
    ],
)
async def test_a_key_is_freed_only_by_what_is_said_twice(
    light: Keys, second: tuple[int, bytes], outcome: Outcome | None
) -> None:
    async with in_turn(light, (524, b""), second) as provider:
        told = await provider.ask(an_attempt(provider))
    assert told == outcome if outcome else isinstance(told, Done)


async def test_a_repetition_is_refused_for_good_only_by_the_provider_itself(light: Keys) -> None:
    async with in_turn(light, (400, b"error code: 400")) as provider:
        told = await provider.submit(an_attempt(provider))
    assert told == Unknown("400: Нет текста; whether it was taken earlier could not be asked")
    async with in_turn(light, (524, b""), (200, status())) as provider:
        assert isinstance(await provider.submit(an_attempt(provider)), Done)
    async with in_turn(light, (400, errors("Документ не найден"))) as provider:
        assert await provider.submit(an_attempt(provider)) == Dead("400: Нет текста")


@pytest.mark.parametrize(
    ("code", "body", "headers"),
    [
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (400, b"<html>400", {}),
        (422, b"<html>422", {}),
        (422, b"error code: 422", {}),
        (422, b"422", {}),
        # A gateway's own: the origin has not answered it in time.
        (524, b" <html>524", {}),
        (524, b"error code: 524", {}),
        (524, b"524", {}),
        (524, b"{", {}),
        (404, b"", {}),
        (500, b"", {}),
        (302, b"", {"Location": "/"}),
    ],
)
async def test_an_answer_that_tells_nothing_of_the_receipt_changes_nothing(
    light: Keys, code: int, body: bytes, headers: dict[str, str]
) -> None:
    async with answered(light, code, body, headers) as provider:
        attempt = replace(an_attempt(provider), provider_id=KEY)
        told = await provider.ask(attempt)
    assert told == Unsent(f"asking failed: {code} from the provider: {body!r}")


async def test_a_busy_provider_is_asked_again_when_it_says(light: Keys) -> None:
    async with answered(light, 503, b"", {"Retry-After": "30"}) as provider:
        told = await provider.ask(an_attempt(provider))
    assert told == Unsent("asking failed: 503 from the provider: b''", retry_after_s=30)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"errors":[{"position":0}]}', '{"position":0}'),
        (b'[{"position":0},{"position":1}]', '{"position":0}; {"position":1}'),
        (b"", "b''"),
    ],
)
async def test_a_failed_marking_check_is_told_in_both_forms(
    light: Keys, body: bytes, said: str
) -> None:
    async with answered(light, 422, body) as provider:
        told = await provider.ask(an_attempt(provider))
    assert told == Dead(f"422: the marking code did not pass: {said}")


async def test_the_stored_bytes_are_what_is_sent_and_signed(made: Keys) -> None:
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append((request.path, request.headers, await request.read()))
        return web.Response(status=201)

    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        provider = OrangeData(http, settings(made, url))
        stored = Attempt(KEY, ' {"id" : "с пробелами"}\n')
        await provider.submit(stored)
    ((path, headers, body),) = heard
    assert path == "/api/v2/documents/"
    assert body == stored.body.encode()
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    signature = base64.b64decode(headers["X-Signature"], validate=True)
    made.signing().verify(signature, body, padding.PKCS1v15(), hashes.SHA256())


async def test_a_key_is_escaped_where_it_stands_in_an_address(light: Keys) -> None:
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.raw_path)
        return web.Response(status=202)

    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        provider = OrangeData(http, settings(light, url))
        await provider.ask(an_attempt(provider, key="a/b?c"))
    assert heard == [f"/api/v2/documents/{INN}/status/a%2Fb%3Fc"]


# The registers. ----------------------------------------------------------------------------------


async def test_a_healthy_group_is_found_good(shop: Shop) -> None:
    found = await shop.client().check()
    assert [each.level for each in found] == ["good", "good"]
    assert found[0].text.startswith("the client certificate: good until ")
    assert f"drive {shop.emulator.drive.fn}: good until " in found[1].text


async def test_a_group_of_the_other_format_is_looked_at(made: Keys) -> None:
    async with a_shop(made, groups=("Vend_2",)) as newer:
        (_, bad) = await newer.client().check()
        assert bad == Finding(
            "bad",
            "the group Vend has no register: a receipt would wait in silence for 30 days",
        )
        assert [each.level for each in await newer.client(ffd="1.2").check()] == ["good", "good"]


async def test_what_waits_for_the_tax_service_is_told(shop: Shop) -> None:
    shop.emulator.unsent = 4
    shop.emulator.unsent_since = datetime.now(UTC).date() - timedelta(days=31)
    assert "the drive has blocked itself" in (await shop.client().check())[-1].text


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"fsExpirationDate": "2026-12-23T00:00:00"}, ["good"]),
        ({"fsExpirationDate": "2026-12-22T00:00:00"}, ["warning"]),
        ({"fsExpirationDate": "2026-11-22T00:00:00"}, ["bad"]),
        ({"fsExpirationDate": None}, ["warning"]),
        (
            {"unsentDocumentsCount": 1, "firstUnsentDocumentDate": "2026-11-21T10:00:00"},
            ["good"] * 2,
        ),
        (
            {"unsentDocumentsCount": 1, "firstUnsentDocumentDate": "2026-11-20T10:00:00"},
            ["good", "warning"],
        ),
        (
            {"UnsentDocumentsCount": 1, "FirstUnsentDocumentDate": "2026-10-24T10:00:00"},
            ["good", "bad"],
        ),
        ({"unsentDocumentsCount": 1}, ["good", "warning"]),
        ({"unsentDocumentsCount": 0, "firstUnsentDocumentDate": "2026-10-24"}, ["good"]),
    ],
)
def test_a_register_is_judged_by_its_days(told: dict[str, Any], expected: list[str]) -> None:
    device = {"deviceSN": "1", "fsNumber": "2", "fsExpirationDate": "2027-11-23", **told}
    assert [each.level for each in findings("Vend", [device], TODAY)] == expected


@pytest.mark.parametrize(
    ("code", "body", "asked"),
    [
        (200, b"<html>", ": is the path in `url` right?"),
        (404, b"", ": is the path in `url` right?"),
        (400, b"{}", ""),
        (500, b"", ""),
        (502, b"<html>", ""),
    ],
)
async def test_registers_that_cannot_be_looked_at_are_bad(
    light: Keys, code: int, body: bytes, asked: str
) -> None:
    async with answered(light, code, body) as provider:
        assert await provider.check() == [
            Finding("bad", f"the registers cannot be looked at: {code}, {body!r}{asked}")
        ]


# The emulator's settings. ------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--plain"], ["--key", "4010004"]])
async def test_the_lines_that_the_emulator_tells_open_it(made: Keys, options: list[str]) -> None:
    parser = argparse.ArgumentParser()
    add(parser)
    arguments = parser.parse_args(["--keys", str(made.folder), *options])
    arguments.listen, arguments.delay = "127.0.0.1:8085", 0.0
    emulator, lines = opened(arguments, Drive(None))
    told = tomllib.loads("\n".join(lines[:-1]))
    assert told.pop("provider") == "orange"
    assert told["url"] == f"http{'' if '--plain' in options else 's'}://127.0.0.1:8085"
    shown = None if "--plain" in options else tls(made.file("ca.crt"))
    async with a_till(emulator, shown) as till:
        account = msgspec.convert({**told, "url": till.url}, Settings)
        provider = OrangeData(till.http, account)
        assert isinstance(await settled(provider, an_attempt(provider)), Done)

"""The emulator keeps to what is known of the real one; its ledger hides nothing."""

import argparse
import asyncio
import base64
import copy
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from till import INN, Till, a_hook, a_till

from cloud.emulators import keys
from cloud.emulators.drive import Drive
from cloud.emulators.keys import Keys
from cloud.emulators.orange import OrangeData, Organisation, add, opened
from cloud.errors import ConfigError

RECEIPT: dict[str, Any] = {
    "id": "s-1",
    "inn": INN,
    "group": "Vend",
    "key": INN,
    "content": {
        "ffdVersion": 2,
        "type": 1,
        "positions": [{"quantity": 2.000, "price": 145.50, "tax": 6, "text": "Латте <300> мл"}],
        "checkClose": {
            "payments": [{"type": 2, "amount": 200}, {"type": 1, "amount": 100}],
            "taxationSystem": 5,
        },
        "customerContact": "none",
        "automatNumber": "000123",
        "settlementAddress": "г. Тверь",
        "settlementPlace": "Холл",
    },
}
SUMS: dict[str, Any] = {
    **RECEIPT,
    "content": {
        "correctionType": 1,
        "type": 1,
        "causeDocumentDate": "2026-11-20T00:00:00",
        "causeDocumentNumber": "17-3",
        "totalSum": 17.25,
        "cashSum": 10,
        "eCashSum": 7.25,
        "tax2Sum": 1.57,
        "taxationSystem": 0,
        "customerContact": "none",
        "automatNumber": "000123",
        "settlementAddress": "г. Тверь",
        "settlementPlace": "Холл",
    },
}
GONE = object()
"""In place of a value: the field is not there."""


def but(document: dict[str, Any], *path: str | int, value: object) -> dict[str, Any]:
    """The document with another value in one place."""
    told = copy.deepcopy(document)
    inner: Any = told
    for key in path[:-1]:
        inner = inner[key]
    if value is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return told


def line(**told: object) -> dict[str, Any]:
    ordinary = RECEIPT["content"]["positions"][0]
    return but(RECEIPT, "content", "positions", value=[{**ordinary, **told}])


def newer(**told: object) -> dict[str, Any]:
    """FFD 1.2."""
    measured = line(**{"quantityMeasurementUnit": 0, **told})
    return but(measured, "content", "ffdVersion", value=4)


def content(**told: object) -> dict[str, Any]:
    return but(RECEIPT, "content", value={**RECEIPT["content"], **told})


def close(**told: object) -> dict[str, Any]:
    return content(checkClose={**RECEIPT["content"]["checkClose"], **told})


def correction(**told: object) -> dict[str, Any]:
    return but(SUMS, "content", value={**SUMS["content"], **told})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return keys.opened(tmp_path_factory.mktemp("made") / "keys", datetime.now(UTC))


@pytest.fixture(scope="module")
def signing(made: Keys) -> rsa.RSAPrivateKey:
    pem = Path(made.file("signing.key")).read_bytes()
    key = load_pem_private_key(pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@dataclass(frozen=True)
class Api:
    """Somebody who signs and posts by hand."""

    till: Till
    emulator: OrangeData
    signing: rsa.RSAPrivateKey
    tls: ssl.SSLContext | None = None

    async def post(
        self,
        document: object = RECEIPT,
        path: str = "documents",
        signed: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, list[Any]]:
        """The status and the errors; `signed` is what the signature is over, if not the body."""
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        over = raw if signed is None else signed
        signature = self.signing.sign(over, padding.PKCS1v15(), hashes.SHA256())
        told = {"X-Signature": base64.b64encode(signature).decode()} if headers is None else headers
        url = f"{self.till.url}/api/v2/{path}/"
        async with self.till.http.post(url, data=raw, headers=told, ssl=self.tls or True) as answer:
            body = await answer.read()
            return answer.status, json.loads(body)["errors"] if body else []

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.till.http.get(self.till.url + path, ssl=self.tls or True) as answer:
            body = await answer.read()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(body) if is_json else body.decode()

    async def status(self, number: str = "s-1", kind: str = "documents") -> tuple[int, Any]:
        return await self.get(f"/api/v2/{kind}/{INN}/status/{number}")

    async def worked(self, number: str = "s-1", kind: str = "documents") -> tuple[int, Any]:
        """The status once it is no 202 any more."""
        async with asyncio.timeout(10):
            while (told := await self.status(number, kind))[0] == 202:
                await asyncio.sleep(0.005)
        return told


@asynccontextmanager
async def an_api(
    made: Keys,
    signing: rsa.RSAPrivateKey,
    delay_s: float = 0,
    drive: Drive | None = None,
    **told: Any,  # noqa: ANN401, any field
) -> AsyncIterator[Api]:
    emulator = OrangeData(Organisation(INN, made.signing(), **told), drive or Drive(None), delay_s)
    async with a_till(emulator) as till:
        yield Api(till, emulator, signing)


@pytest.fixture
async def api(made: Keys, signing: rsa.RSAPrivateKey) -> AsyncIterator[Api]:
    async with an_api(made, signing) as running:
        yield running


# Who may. ----------------------------------------------------------------------------------------


async def test_a_signature_is_over_the_very_bytes(api: Api) -> None:
    spaced = json.dumps(RECEIPT, indent=1).encode()
    assert await api.post(spaced) == (201, [])
    other = but(RECEIPT, "id", value="s-2")
    wrong = (400, ["Подпись документа не прошла проверку"])
    assert await api.post(other, signed=spaced) == wrong
    assert await api.post(other, headers={}) == wrong
    assert await api.post(other, headers={"X-Signature": "no base64!"}) == wrong
    await api.worked()
    assert await api.till.keys() == ["s-1"]


async def test_a_key_has_the_name_that_the_provider_knows(
    made: Keys, signing: rsa.RSAPrivateKey, api: Api
) -> None:
    partner = but(RECEIPT, "key", value="4010004")
    assert await api.post(partner) == (400, ["Ключ проверки подписи 'Key' 4010004 не найден"])
    async with an_api(made, signing, key="4010004") as other:
        assert await other.post(partner) == (201, [])


async def test_without_the_certificate_nothing_is_told(
    made: Keys, signing: rsa.RSAPrivateKey
) -> None:
    organisation = Organisation(INN, made.signing(), certificate=made.client())
    emulator = OrangeData(organisation, Drive(None))
    emulator.tls = made.context()
    bare = ssl.create_default_context(cafile=made.file("ca.crt"))
    shown = ssl.create_default_context(cafile=made.file("ca.crt"))
    shown.load_cert_chain(made.file("client.crt"), made.file("client.key"))
    async with a_till(emulator, bare) as till:
        api, ours = Api(till, emulator, signing, bare), Api(till, emulator, signing, shown)
        assert await api.post() == (401, [])
        assert await ours.post() == (201, [])
        assert (await ours.worked())[0] == 200
        assert (await api.status())[0] == 401
        assert (await api.get(f"/api/v2/devices/status/{INN}/Vend"))[0] == 401
        # The ledger and the buyer's page are open to everybody.
        assert await till.keys() == ["s-1"]
        assert (await api.get(f"/{INN}/s-1"))[0] == 200


async def test_a_certificate_that_is_asked_for_cannot_come_over_plain_http(
    made: Keys, signing: rsa.RSAPrivateKey
) -> None:
    async with an_api(made, signing, certificate=made.client()) as plain:
        assert await plain.post() == (401, [])


# What is taken. ----------------------------------------------------------------------------------


async def test_an_id_is_taken_once_for_ever(api: Api) -> None:
    assert await api.post() == (201, [])
    assert await api.post() == (409, [])
    await api.worked()
    await api.till.control({"forget": True})
    assert await api.post() == (409, [])
    assert await api.till.keys() == ["s-1"]


async def test_an_id_outlives_the_process(
    made: Keys, signing: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    for expected in ((201, []), (409, [])):
        drive = Drive(tmp_path / "ledger.sqlite")
        async with an_api(made, signing, drive=drive) as running:
            assert await running.post() == expected
            assert (await running.worked())[0] == 200


@pytest.mark.parametrize("name", ["automatNumber", "settlementAddress", "settlementPlace"])
async def test_a_group_for_automats_demands_what_other_groups_forbid(api: Api, name: str) -> None:
    said = name[0].upper() + name[1:]
    lacking = but(RECEIPT, "content", name, value=GONE)
    assert await api.post(lacking) == (400, [f"Не указано поле '{said}'"])
    status, wrong = await api.post(but(RECEIPT, "group", value="Main"))
    assert status == 400
    assert f"Поле '{said}' недопустимо: группа 'Main' без признака автомата" in wrong


async def test_a_group_without_automats_takes_what_has_none(api: Api) -> None:
    bare = but(RECEIPT, "group", value="Main")
    for name in ("automatNumber", "settlementAddress", "settlementPlace"):
        bare = but(bare, "content", name, value=GONE)
    assert await api.post(bare) == (201, [])
    (_, told) = await api.worked()
    assert "automatNumber" not in told["content"]
    assert "1036" not in await api.till.tags()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"{", "JSON"),
        (b"[]", "JSON"),
        (json.dumps(but(RECEIPT, "meta", value="x" * 32768)).encode(), "32768"),
        (but(RECEIPT, "id", value=GONE), "Не указан идентификатор документа 'Id'"),
        (but(RECEIPT, "id", value="x" * 65), "'Id'"),
        (but(RECEIPT, "inn", value="7727401209"), "Организация с ИНН 7727401209 не найдена"),
        (but(RECEIPT, "group", value="x" * 33), "'Group'"),
        (but(RECEIPT, "callbackUrl", value="x" * 1025), "'CallbackUrl'"),
        (but(RECEIPT, "callbackApiKey", value="x" * 3073), "'CallbackApiKey'"),
        (but(RECEIPT, "meta", value="x" * 129), "'Meta'"),
        (but(RECEIPT, "content", value=GONE), "'Content'"),
        (content(ffdVersion=3), "'FfdVersion'"),
        (content(type=5), "'Type'"),
        (content(type=True), "'Type'"),
        (content(customerContact="nobody"), "'CustomerContact'"),
        (content(customerContact=None), "Не указано поле 'CustomerContact'"),
        (content(senderEmail="nobody"), "'SenderEmail'"),
        (content(automatNumber="x" * 21), "'AutomatNumber'"),
        (content(settlementAddress="x" * 244), "'SettlementAddress'"),
        (content(settlementPlace=""), "'SettlementPlace'"),
        (content(additionalAttribute="x" * 17), "'AdditionalAttribute'"),
        (content(timeZone=12), "'TimeZone'"),
        (content(isInternetStore=1), "'IsInternetStore'"),
        (content(totalSum=290), "'TotalSum'"),
        (content(totalSum="291"), "'TotalSum'"),
        (content(positions=[]), "'Positions'"),
        (content(positions=RECEIPT["content"]["positions"] * 251), "'Positions'"),
        (content(positions=["Латте"]), "Некорректная структура документа"),
        (content(checkClose=None), "'CheckClose'"),
        (close(payments=[]), "'Payments'"),
        (close(payments=["всё"]), "Некорректная структура документа"),
        (close(payments=[{"type": 3, "amount": 291}]), "'Type'"),
        (close(payments=[{"type": 2, "amount": 100_000_000}]), "'Amount'"),
        (close(payments=[{"type": 2, "amount": 290.99}]), "Сумма оплат меньше суммы чека"),
        (close(payments=[{"type": 2, "amount": 291.01}]), "Сумма безналичных оплат больше"),
        (close(taxationSystem=6), "'TaxationSystem'"),
        (line(quantity=0), "'Quantity'"),
        (line(quantity=1.0000001), "'Quantity'"),
        (line(price=145.505), "'Price'"),
        (line(price="145.50"), "'Price'"),
        (line(tax=13), "'Tax'"),
        (line(text="x" * 129), "'Text'"),
        (line(text=""), "'Text'"),
        (line(paymentMethodType=8), "'PaymentMethodType'"),
        (line(paymentSubjectType=33), "'PaymentSubjectType'"),
        (line(nomenclatureCode="c2hvcnQ="), "'NomenclatureCode'"),
        (line(nomenclatureCode="no base64"), "'NomenclatureCode'"),
        (line(nomenclatureCode=7), "'NomenclatureCode'"),
        (line(additionalAttribute="x" * 65), "'AdditionalAttribute'"),
        (line(itemCode="04601234567890"), "'ItemCode' недопустимо в ФФД 1.05"),
        (line(quantityMeasurementUnit=0), "'QuantityMeasurementUnit' недопустимо в ФФД 1.05"),
        (newer(quantityMeasurementUnit=1), "'QuantityMeasurementUnit'"),
        (newer(nomenclatureCode="SQ4ETvO0tNI="), "'NomenclatureCode' недопустимо в ФФД 1.2"),
        (newer(itemCode="x" * 224), "'ItemCode'"),
        (newer(plannedStatus=7), "'PlannedStatus'"),
        (newer(industryAttribute={"foivId": "030"}), "'IndustryAttribute'"),
        (content(ffdVersion=4), "Не указано поле 'QuantityMeasurementUnit'"),
    ],
)
async def test_what_is_wrong_is_said_and_not_recorded(
    api: Api, document: object, said: str
) -> None:
    status, wrong = await api.post(document)
    assert status == 400
    assert any(said in each for each in wrong), wrong
    assert api.emulator.entries == {}
    assert await api.till.ledger() == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (correction(correctionType=2), "'CorrectionType'"),
        (correction(type=2), "'Type'"),
        (correction(causeDocumentDate="2026-11-20T10:00:00"), "'CauseDocumentDate'"),
        (correction(causeDocumentNumber=None), "Не указано поле 'CauseDocumentNumber'"),
        (correction(causeDocumentNumber="x" * 33), "'CauseDocumentNumber'"),
        (correction(totalSum=17.255), "'TotalSum'"),
        (correction(totalSum=17.24), "Сумма 'TotalSum' не равна сумме оплат"),
        (correction(tax2Sum="1"), "'Tax2Sum'"),
        (correction(automatNumber=None), "Не указано поле 'AutomatNumber'"),
    ],
)
async def test_what_is_wrong_with_a_correction_is_said(
    api: Api, document: object, said: str
) -> None:
    status, wrong = await api.post(document, "corrections")
    assert status == 400
    assert any(said in each for each in wrong), wrong
    assert await api.till.ledger() == []


async def test_all_that_is_wrong_is_said_at_once(api: Api) -> None:
    document = but(line(tax=0, text=""), "content", "type", value=9)
    assert await api.post(document) == (
        400,
        [f"Недопустимое значение поля '{name}'" for name in ("Type", "Tax", "Text")],
    )


async def test_a_total_may_be_rounded_down_to_a_rouble(api: Api) -> None:
    priced = but(content(totalSum=291), "content", "positions", 0, "price", value=145.75)
    assert await api.post(priced) == (201, [])
    await api.worked()
    (document,) = await api.till.ledger()
    assert document["total"] == 29100


# What is recorded. -------------------------------------------------------------------------------


async def test_a_receipt_is_recorded_with_its_tags(api: Api) -> None:
    await api.post()
    (code, told) = await api.worked()
    assert code == 200
    (document,) = await api.till.ledger()
    assert (document["total"], document["sign"], document["correction"]) == (29100, 1, False)
    assert document["tags"] == {
        "1018": INN,
        "1209": 2,
        "1008": "none",
        "1036": "000123",
        "1009": "г. Тверь",
        "1187": "Холл",
        "1030": "Латте <300> мл",
        "1023": 2,
        "1079": "145.50",
        "1199": 6,
        "1212": 1,
        "1214": 4,
        "1055": 32,
        "1031": "100.00",
        "1081": "200.00",
    }
    assert told["content"] == RECEIPT["content"]
    assert told["change"] == 9
    assert told["documentNumber"] == document["fd"] == 1
    assert len(told["fp"]) == 10
    assert f"&i=1&fp={int(told['fp'])}&n=1" in document["qr"]
    assert document["qr"].startswith(f"t={told['processedAt'].replace('-', '').replace(':', '')}&")


async def test_a_correction_of_sums_is_recorded_with_its_tags(api: Api) -> None:
    assert await api.post(SUMS, "corrections") == (201, [])
    assert (await api.worked(kind="corrections"))[0] == 200
    (document,) = await api.till.ledger()
    assert (document["total"], document["correction"]) == (1725, True)
    assert document["tags"] == {
        "1018": INN,
        "1209": 2,
        "1008": "none",
        "1036": "000123",
        "1009": "г. Тверь",
        "1187": "Холл",
        "1173": 1,
        "1178": "2026-11-20",
        "1179": "17-3",
        "1055": 1,
        "1199": 2,
        "1103": "1.57",
        "1031": "10.00",
        "1081": "7.25",
        "1215": "0.00",
        "1216": "0.00",
        "1217": "0.00",
    }


async def test_a_correction_of_positions_is_recorded_with_its_tags(api: Api) -> None:
    act = {
        "foivId": "030",
        "causeDocumentDate": "16.06.2022",
        "causeDocumentNumber": "174",
        "value": "mode=vend",
    }
    marked = newer(itemCode="04601234567890", plannedStatus=1, industryAttribute=act)
    cause = {"correctionType": 0, "causeDocumentDate": "2026-11-20"}
    document = but(marked, "content", value={**marked["content"], **cause})
    assert await api.post(document, "correction12") == (201, [])
    assert (await api.worked(kind="correction12"))[0] == 200
    tags = await api.till.tags()
    expected = {"1209": 4, "1173": 0, "1178": "2026-11-20", "2000": "04601234567890"}
    assert {**expected, "2003": 1, "2108": 0, "1260": act}.items() <= tags.items()
    assert "1179" not in tags


async def test_signs_that_the_code_page_lacks_are_dropped_in_silence(api: Api) -> None:
    told = line(text="Батончик «Мечта» — 50 г ☕ №1 ё")
    assert await api.post(but(told, "content", "settlementPlace", value="ТЦ “Ёж”")) == (201, [])
    await api.worked()
    tags = await api.till.tags()
    assert tags["1030"] == "Батончик Мечта  50 г  №1 ё"
    assert tags["1187"] == "ТЦ Ёж"


async def test_each_kind_has_a_status_of_its_own(api: Api) -> None:
    await api.post(SUMS, "corrections")
    assert (await api.worked(kind="corrections"))[0] == 200
    unknown = (400, {"errors": ["Документ s-1 не найден"]})
    assert await api.status() == unknown
    assert await api.status(kind="correction12") == unknown
    assert await api.get("/api/v2/corrections/7727401209/status/s-1") == unknown


@pytest.mark.parametrize("spelling", ["sample", "table"])
async def test_a_status_is_spelled_as_the_samples_or_as_the_table(
    made: Keys, signing: rsa.RSAPrivateKey, spelling: str
) -> None:
    async with an_api(made, signing, spelling=spelling) as api:
        await api.post()
        (_, told) = await api.worked()
    names = {"sample": {"ofdWebsite", "ofdinn"}, "table": {"odfWebsite", "ofdINN"}}
    assert told.keys() & {"ofdWebsite", "ofdinn", "odfWebsite", "ofdINN"} == names[spelling]


# The queue. --------------------------------------------------------------------------------------


async def test_what_is_not_worked_off_yet_is_202_and_its_page_says_so(
    made: Keys, signing: rsa.RSAPrivateKey
) -> None:
    async with an_api(made, signing, delay_s=3600) as api:
        await api.post()
        assert await api.status() == (202, "")
        code, page = await api.get(f"/{INN}/s-1")
        assert code == 200
        assert "обрабатывается" in page


async def test_the_page_of_a_receipt_shows_it_and_of_nothing_is_none(api: Api) -> None:
    await api.post()
    await api.worked()
    code, page = await api.get(f"/{INN}/s-1")
    assert code == 200
    assert "Латте &lt;300&gt; мл" in page
    assert (await api.get(f"/{INN}/s-2"))[0] == 404
    assert (await api.get("/7727401209/s-1"))[0] == 404


@pytest.mark.parametrize(("fault", "code"), [("expire", 524), ("fail", 422), ("lose", 400)])
async def test_what_came_to_nothing_has_a_status_of_its_own(
    api: Api, fault: str, code: int
) -> None:
    await api.till.fault(fault)
    assert await api.post() == (201, [])
    assert (await api.worked())[0] == code
    assert await api.till.ledger() == []


async def test_a_drive_that_is_full_fails(api: Api) -> None:
    await api.till.control({"drive": 0})
    await api.post()
    assert (await api.worked())[0] == 422


async def test_a_group_without_a_register_waits_in_silence_and_expires(
    made: Keys, signing: rsa.RSAPrivateKey
) -> None:
    async with an_api(made, signing, groups=("Main",), queue_s=0.2) as api:
        assert await api.post() == (201, [])
        assert (await api.worked())[0] == 524
        assert await api.post() == (409, [])
        assert await api.till.ledger() == []


async def test_a_register_issues_one_receipt_a_second(
    made: Keys, signing: rsa.RSAPrivateKey
) -> None:
    # The second one's turn comes after a second, and nobody waits for so long here.
    in_time = False
    while not in_time:  # a slow machine: both have to come within the second
        async with an_api(made, signing, registers=1, queue_s=0.3) as api:
            began = time.monotonic()
            await api.post()
            await api.post(but(RECEIPT, "id", value="s-2"))
            in_time = time.monotonic() - began < 0.5
            ends = [(await api.worked(number))[0] for number in ("s-1", "s-2")]
    assert ends == [200, 524]
    async with an_api(made, signing, registers=1000, queue_s=5) as api:
        await api.post()
        await api.post(but(RECEIPT, "id", value="s-2"))
        assert (await api.worked("s-2"))[0] == 200


async def test_a_queue_that_is_full_says_when_to_come_again(
    made: Keys, signing: rsa.RSAPrivateKey
) -> None:
    async with an_api(made, signing, delay_s=3600, registers=1, queue=1) as api:
        assert await api.post() == (201, [])
        assert await api.post(but(RECEIPT, "id", value="s-2")) == (
            503,
            ["Очередь документов переполнена"],
        )
        # What it has already is no new document.
        assert await api.post() == (409, [])


async def test_a_busy_provider_says_when_to_come_again(api: Api) -> None:
    await api.till.fault("busy")
    raw = json.dumps(RECEIPT).encode()
    async with api.till.http.post(f"{api.till.url}/api/v2/documents/", data=raw) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert await api.till.ledger() == []


@pytest.mark.parametrize(
    ("fault", "status"), [("refuse", 400), ("auth", 401), ("no_register", 400), ("5xx", 500)]
)
async def test_a_refusal_on_demand_records_nothing(api: Api, fault: str, status: int) -> None:
    await api.till.fault(fault)
    raw = json.dumps(RECEIPT).encode()
    async with api.till.http.post(f"{api.till.url}/api/v2/documents/", data=raw) as answer:
        assert answer.status == status
    assert (await api.status())[0] == 400
    assert await api.post() == (201, [])


async def test_a_connection_breaks_before_or_after_it_is_stored(api: Api) -> None:
    for fault, status in (("drop_before_store", 400), ("drop_after_store", 200)):
        await api.till.fault(fault)
        with pytest.raises(aiohttp.ClientError):
            await api.post()
        assert (await api.worked())[0] == status


# Registers and pushes. ---------------------------------------------------------------------------


async def test_registers_tell_their_drive_and_what_they_have_not_sent(api: Api) -> None:
    await api.post()
    await api.worked()
    api.emulator.unsent, api.emulator.unsent_since = 3, date(2026, 11, 1)
    code, told = await api.get(f"/api/v2/devices/status/{INN}/Vend")
    assert code == 200
    assert told["devices"] == [
        {
            "deviceSN": "0000000000001358",
            "fsNumber": api.emulator.drive.fn,
            "ofdName": "ОФД (эмулятор)",
            "ofdAddress": "ofd.example:7777",
            "unsentDocumentsCount": 3,
            "firstUnsentDocumentDate": "2026-11-01T12:00:00",
            "fsDocumentsCount": 1,
            "fsExpirationDate": f"{api.emulator.drive_until}T00:00:00",
        }
    ]
    assert await api.get(f"/api/v2/devices/status/{INN}/Kiosk") == (200, {"devices": []})
    assert (await api.get("/api/v2/devices/status/7727401209/Vend"))[0] == 400


async def test_a_push_is_the_body_of_the_status(api: Api) -> None:
    async with a_hook() as hook:
        asked = {**RECEIPT, "callbackUrl": f"{hook.url}/cb", "callbackApiKey": "k", "meta": "vm-1"}
        await api.post(asked)
        (_, told) = await api.worked()
        async with asyncio.timeout(10):
            while not hook.heard:
                await asyncio.sleep(0.005)
        body, headers = hook.heard[0]
        assert json.loads(body) == told
        assert told["meta"] == "vm-1"
        assert headers["X-Api-Key"] == "k"


async def test_a_spoiled_push_is_about_somebody_else_and_shows_no_key(api: Api) -> None:
    async with a_hook() as hook:
        await api.till.fault("bad_signature")
        await api.post({**RECEIPT, "callbackUrl": hook.url, "callbackApiKey": "k"})
        async with asyncio.timeout(10):
            while not hook.heard:
                await asyncio.sleep(0.005)
        body, headers = hook.heard[0]
        assert json.loads(body)["id"] == "s-1-of-somebody-else"
        assert "X-Api-Key" not in headers


async def test_a_push_may_come_before_the_answer(api: Api) -> None:
    async with a_hook() as hook:
        await api.till.fault("callback_first")
        assert await api.post({**RECEIPT, "callbackUrl": hook.url}) == (201, [])
        assert len(hook.heard) == 1


async def test_who_names_no_address_is_pushed_nothing(api: Api) -> None:
    await api.till.fault("callback_first")
    assert await api.post() == (201, [])
    assert (await api.status())[0] == 200


# The command line. -------------------------------------------------------------------------------


def arguments(*told: str, listen: str = "127.0.0.1:8085") -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add(parser)
    parsed = parser.parse_args(told)
    parsed.listen, parsed.delay = listen, 0.0
    return parsed


def test_keys_are_made_where_they_are_asked_for_and_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "keys"
    for _ in range(2):
        drive = Drive(None)
        emulator, lines = opened(arguments("--keys", str(folder), listen="[::1]:8085"), drive)
        drive.close()
        assert emulator.organisation.certificate == Keys(folder).client()
        assert emulator.tls is not None
        assert 'url = "https://[::1]:8085"' in lines
        assert f'signing_key = "{folder}/signing.key"' in lines


def test_options_say_how_it_is_worked_off(made: Keys) -> None:
    drive = Drive(None)
    told = ("--plain", "--registers", "2", "--queue", "7", "--expire", "60", "--key", "4010004")
    emulator, lines = opened(arguments("--keys", str(made.folder), *told), drive)
    drive.close()
    ours = emulator.organisation
    assert (ours.registers, ours.queue, ours.queue_s, ours.key) == (2, 7, 60, "4010004")
    assert (ours.certificate, emulator.tls) == (None, None)
    assert 'key = "4010004"' in lines
    assert not any("certificate" in each for each in lines)


@pytest.mark.parametrize("count", ["0", "-1", "many", "²"])
def test_a_number_of_registers_is_one_or_more(
    count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments(f"--registers={count}")
    assert "expected 1 or more" in capsys.readouterr().err


def test_a_folder_that_lacks_a_key_is_told(tmp_path: Path) -> None:
    drive = Drive(None)
    with pytest.raises(ConfigError, match="lacks"):
        opened(arguments("--keys", str(tmp_path)), drive)
    drive.close()

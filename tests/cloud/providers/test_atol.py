"""Our client against ATOL's emulator, over real HTTP: every row of the outcome table.

Where the emulator is too well-behaved, a small server says what it is told to.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from parts import free_port
from till import INN, KEY, MACHINE, RECEIPT, Till, a_hook, a_server, a_till, an_attempt, settled

from cloud.emulators import atol as emulators
from cloud.emulators.drive import Drive
from cloud.errors import ConfigError
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.providers import Attempt, Finding, Notice
from cloud.providers.atol import Atol, Settings
from cloud.receipt import Cause, Marking, MarkingMode, Purpose, Receipt, Subject, Taxation
from cloud.vat import VatRate
from edge.wire.settings import SettingsError, converted

LOGIN, PASSWORD, GROUP = "vend", "told to nobody", "coffee-ru_17"
UUID = "2ea26f17-0884-4f08-b120-306fc096a58f"
GTIN = "04601234567890"
CODE = "010460043993125621JgXJ5.\x1d91A1B2\x1d92c2lnbmF0dXJl"


def receipt(**told: object) -> Receipt:
    """The ordinary receipt, but for what is told."""
    return msgspec.structs.replace(RECEIPT, **told)


CORRECTION = receipt(
    purpose=Purpose.CORRECTION, cause=Cause(by_order=False, day="2026-11-01"), sender=""
)
RETURN = receipt(purpose=Purpose.INCOME_RETURN, basis="3141592653")
BY_GTIN = Marking(mode=MarkingMode.GTIN_VEND, gtin=GTIN)
BY_CODE = Marking(mode=MarkingMode.FULL_CODE, code=CODE)


@pytest.fixture(scope="session")
def password(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("atol") / "password"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    return str(file)


def settings(password: str, protocol: str = "v4", **told: Any) -> Settings:  # noqa: ANN401, keys of the settings
    ordinary = {
        "protocol": protocol,
        "ffd": {"v4": "1.05", "v5": "1.2"}[protocol],
        "login": LOGIN,
        "password_file": password,
        "group": GROUP,
        "email": "office@coffee.example",
    }
    return converted({**ordinary, **told}, Settings, "config.toml")


@pytest.fixture(scope="session")
def offline(password: str) -> Callable[..., Atol]:
    """The client where no request is made."""

    def make(protocol: str = "v4", **told: object) -> Atol:
        return Atol(None, settings(password, protocol, **told))  # type: ignore[arg-type]

    return make


def posted(provider: Atol, sold: Receipt = RECEIPT) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(provider.compose(sold, KEY).partition("\n")[2])
    return told


# The request. ------------------------------------------------------------------------------------

COMPANY = {
    "email": "checks@coffee.example",
    "sno": "usn_income",
    "inn": INN,
    "payment_address": "ТЦ «Ромашка», 1 этаж",
    "location": "г. Москва, ул. Примерная, д. 1",
}


def test_a_receipt_becomes_this_request(offline: Callable[..., Atol]) -> None:
    operation, _, body = offline().compose(RECEIPT, KEY).partition("\n")
    assert operation == "sell"
    assert json.loads(body) == {
        "external_id": KEY,
        "timestamp": "23.11.2026 18:42:10",
        "receipt": {
            "client": {"email": "checks@coffee.example"},
            "company": COMPANY,
            "items": [
                {
                    "name": "Капучино 200 мл",
                    "price": 120.10,
                    "quantity": 1,
                    "sum": 120.10,
                    "measurement_unit": "шт",
                    "payment_method": "full_payment",
                    "payment_object": "commodity",
                    "vat": {"type": "vat22", "sum": 21.66},
                }
            ],
            "payments": [{"type": 1, "sum": 120.10}],
            "total": 120.10,
            "device_number": MACHINE,
        },
    }


def test_v5_tells_numbers_and_the_zone(offline: Callable[..., Atol]) -> None:
    told = posted(offline("v5"))["receipt"]
    assert told["timezone"] == 2
    assert told["items"] == [
        {
            "name": "Капучино 200 мл",
            "price": 120.10,
            "quantity": 1,
            "sum": 120.10,
            "measure": 0,
            "payment_method": "full_payment",
            "payment_object": 1,
            "vat": {"type": "vat22", "sum": 21.66},
        }
    ]


def test_a_correction_of_v4_is_sums(offline: Callable[..., Atol]) -> None:
    provider = offline()
    assert provider.compose(CORRECTION, KEY).startswith('sell_correction\n{"external_id":')
    assert posted(provider, CORRECTION)["correction"] == {
        "client": {"email": "office@coffee.example"},
        "company": {**COMPANY, "email": "office@coffee.example"},
        "correction_info": {"type": "self", "base_date": "01.11.2026", "base_number": ""},
        "payments": [{"type": 1, "sum": 120.10}],
        "vats": [{"type": "vat22", "sum": 21.66}],
        "device_number": MACHINE,
    }


def test_a_correction_of_v5_names_the_goods(offline: Callable[..., Atol]) -> None:
    cause = Cause(by_order=True, day="2026-11-01", number="17-24/3")
    told = posted(offline("v5"), msgspec.structs.replace(CORRECTION, cause=cause))["correction"]
    assert told["items"][0]["name"] == "Капучино 200 мл"
    assert told["total"] == 120.10
    assert told["correction_info"] == {
        "type": "instruction",
        "base_date": "01.11.2026",
        "base_number": "17-24/3",
    }
    assert "vats" not in told


@pytest.mark.parametrize("protocol", ["v4", "v5"])
def test_a_correction_without_a_cause_is_of_the_day_of_its_sale(
    offline: Callable[..., Atol], protocol: str
) -> None:
    told = posted(offline(protocol), receipt(purpose=Purpose.CORRECTION))["correction"]
    assert told["correction_info"]["base_date"] == "23.11.2026"


@pytest.mark.parametrize("protocol", ["v4", "v5"])
@pytest.mark.parametrize("sold", [RECEIPT, RETURN, CORRECTION])
def test_the_same_receipt_is_the_same_bytes(
    offline: Callable[..., Atol], protocol: str, sold: Receipt
) -> None:
    again = msgspec.json.decode(msgspec.json.encode(sold), type=Receipt)
    assert offline(protocol).compose(again, KEY) == offline(protocol).compose(sold, KEY)


@pytest.mark.parametrize(
    ("changed", "written"),
    [
        ({"vat": VatRate.NONE}, '"vat":{"type":"none"}'),
        ({"vat": VatRate.VAT_0}, '"vat":{"type":"vat0"}'),
        ({"vat": VatRate.VAT_5}, '"vat":{"type":"vat5","sum":5.72}'),
        ({"vat": VatRate.VAT_7}, '"vat":{"type":"vat7","sum":7.86}'),
        ({"vat": VatRate.VAT_10}, '"vat":{"type":"vat10","sum":10.92}'),
        ({"vat": VatRate.VAT_20}, '"vat":{"type":"vat20","sum":20.02}'),
        ({"taxation": Taxation.OSN}, '"sno":"osn"'),
        ({"taxation": Taxation.USN_INCOME_OUTCOME}, '"sno":"usn_income_outcome"'),
        ({"taxation": Taxation.ESN}, '"sno":"esn"'),
        ({"taxation": Taxation.PATENT}, '"sno":"patent"'),
        ({"subject": Subject.EXCISABLE}, '"payment_object":"excise"'),
        ({"subject": Subject.SERVICE}, '"payment_object":"service"'),
        ({"subject": Subject.GOODS_MARKED}, '"payment_object":"commodity"'),
        ({"subject": Subject.EXCISABLE_MARKED}, '"payment_object":"excise"'),
        ({"internet": False}, '"internet":false'),
        ({"internet": True}, '"internet":true'),
        ({"basis": "3141592653"}, '"additional_check_props":"3141592653"'),
        ({"sender": ""}, '"client":{"email":"office@coffee.example"}'),
        (
            {"cash": 10000, "cashless": 2010},
            '"payments":[{"type":0,"sum":100.00},{"type":1,"sum":20.10}]',
        ),
        # Two decimals, by way of no float.
        ({"amount": 5}, '"price":0.05'),
        ({"amount": 900719925474099}, '"total":9007199254740.99'),
        ({"name": 'Кофе "со сливками"\\'}, '"name":"Кофе \\"со сливками\\"\\\\"'),
    ],
)
def test_each_field_is_written_as_atol_reads_it(
    offline: Callable[..., Atol], changed: dict[str, Any], written: str
) -> None:
    assert written in offline().compose(receipt(**changed), KEY)


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ({"source_id": 0}, '"source_id":0'),
        (
            {"callback_url": "https://gw.example/hook/a"},
            '"service":{"callback_url":"https://gw.example/hook/a"}',
        ),
    ],
)
def test_an_account_may_add_to_the_request(
    offline: Callable[..., Atol], told: dict[str, Any], written: str
) -> None:
    assert written in offline(**told).compose(RECEIPT, KEY)
    assert next(iter(told)) not in offline().compose(RECEIPT, KEY)


@pytest.mark.parametrize(
    ("rate", "amount"), [(VatRate.NONE, 120.10), (VatRate.VAT_0, 120.10), (VatRate.VAT_20, 20.02)]
)
def test_where_no_vat_is_charged_a_correction_tells_the_turnover(
    offline: Callable[..., Atol], rate: VatRate, amount: float
) -> None:
    told = posted(offline(), msgspec.structs.replace(CORRECTION, vat=rate))
    assert [each["sum"] for each in told["correction"]["vats"]] == [amount]


@pytest.mark.parametrize(
    ("marking", "code", "note"),
    [
        (BY_GTIN, "49 0E 04 2F 4E F3 B2 D2", "crpt=mrk&mode=vend"),
        (BY_CODE, "44 4D 04 2F 1F 96 81 78 4A 67 58 4A 35 2E", None),
        # ATOL says what is wrong with it.
        (Marking(mode=MarkingMode.FULL_CODE, code="no code"), "no code", None),
        (Marking(mode=MarkingMode.WITHDRAWN_BEFORE), None, None),
    ],
)
def test_v4_tells_marked_goods_by_tag_1162(
    offline: Callable[..., Atol], marking: Marking, code: str | None, note: str | None
) -> None:
    (item,) = posted(offline(), receipt(marking=marking))["receipt"]["items"]
    assert (item.get("nomenclature_code"), item.get("user_data")) == (code, note)


@pytest.mark.parametrize(
    ("marking", "told"),
    [
        (
            BY_GTIN,
            {
                "mark_code": {"unknown": GTIN},
                "mark_processing_mode": "0",
                "sectoral_item_props": [
                    {
                        "federal_id": "030",
                        "date": "16.06.2022",
                        "number": "174",
                        "value": "mode=vend",
                    }
                ],
            },
        ),
        (
            BY_CODE,
            {
                "mark_code": {"gs1m": base64.b64encode(CODE.encode()).decode()},
                "mark_processing_mode": "0",
                "planned_status": 1,
            },
        ),
        (Marking(mode=MarkingMode.WITHDRAWN_BEFORE), {}),
    ],
)
def test_v5_tells_marked_goods_by_their_code(
    offline: Callable[..., Atol], marking: Marking, told: dict[str, Any]
) -> None:
    plain = posted(offline("v5"))["receipt"]["items"][0]
    (item,) = posted(offline("v5"), receipt(marking=marking))["receipt"]["items"]
    assert item == plain | told


def test_a_marked_piece_that_comes_back_is_told_so(offline: Callable[..., Atol]) -> None:
    back = receipt(marking=BY_CODE, purpose=Purpose.INCOME_RETURN)
    assert posted(offline("v5"), back)["receipt"]["items"][0]["planned_status"] == 3


# The settings. -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "protocol", "url"),
    [
        ("atol", "v4", "https://online.atol.ru/possystem/v4"),
        ("atol", "v5", "https://online.atol.ru/possystem/v5"),
        ("evotor", "v5", "https://fiscalization.evotor.ru/possystem/v5"),
        ("ecom", "v5", "https://app.ecomkassa.ru/fiscalorder/v5"),
        ("initpro", "v4", "https://kassa.initpro.ru/lk/api/v1"),
    ],
)
def test_a_dialect_has_an_address(password: str, dialect: str, protocol: str, url: str) -> None:
    assert settings(password, protocol, dialect=dialect).url == url
    assert settings(password, protocol, dialect=dialect, url="http://127.0.0.1/x").url.endswith("x")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"ffd": "1.2"}, 'ffd: protocol "v4" is FFD 1.05, found "1.2"'),
        ({"protocol": "v5", "ffd": "1.05"}, 'ffd: protocol "v5" is FFD 1.2, found "1.05"'),
        ({"url": "https://online.atol.ru/possystem/v5/"}, 'url: the protocol is "v4", found http'),
        ({"email": "office"}, "email: "),
        ({"source_id": 10}, "source_id: "),
        ({"dialect": "komtet"}, "dialect: "),
    ],
)
def test_settings_that_do_not_agree_are_refused(
    password: str, told: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=r"^config\.toml: ") as refused:
        settings(password, **told)
    assert said in str(refused.value)


def test_a_password_that_cannot_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    file = tmp_path / "password"
    with pytest.raises(ConfigError, match=f"^password_file: {file} cannot be read: No such file"):
        Atol(None, settings(str(file)))  # type: ignore[arg-type]
    file.write_bytes(b"\xff")
    with pytest.raises(
        ConfigError, match=f"^password_file: {file} cannot be read: it is no UTF-8 text$"
    ):
        Atol(None, settings(str(file)))  # type: ignore[arg-type]


# Against the emulator. ---------------------------------------------------------------------------


@asynccontextmanager
async def emulated(
    password: str,
    protocol: str = "v4",
    dialect: str = "atol",
    **more: Any,  # noqa: ANN401, settings
) -> AsyncIterator[tuple[Till, Atol]]:
    served = emulators.Settings(LOGIN, PASSWORD, GROUP, protocol, dialect, **more)
    async with a_till(emulators.Atol(served, Drive(None))) as till:
        url = till.url + emulators.BASES[dialect].format(version=protocol)
        yield till, Atol(till.http, settings(password, protocol, dialect=dialect, url=url))


Emulated = tuple[Till, Atol]


@pytest.fixture
async def shop(password: str) -> AsyncIterator[Emulated]:
    async with emulated(password) as running:
        yield running


async def accepted(provider: Atol, attempt: Attempt) -> Attempt:
    """The attempt once the provider has accepted it."""
    outcome = await provider.submit(attempt)
    assert isinstance(outcome, Accepted), outcome
    return replace(attempt, provider_id=outcome.provider_id)


@pytest.mark.parametrize("protocol", ["v4", "v5"])
@pytest.mark.parametrize("dialect", ["atol", "evotor", "ecom", "initpro"])
async def test_a_receipt_is_issued_with_the_tags_of_a_machine(
    password: str, protocol: str, dialect: str
) -> None:
    async with emulated(password, protocol, dialect) as (till, provider):
        done = await settled(provider, an_attempt(provider))
        (document,) = await till.ledger()
    assert isinstance(done, Done)
    assert (done.document.qr, done.provider_id) == (document["qr"], document["id"])
    assert done.link == f"https://consumer.1-ofd.ru/v1?{document['qr']}"
    assert (done.document.rnm, done.document.ofd_inn) == ("0000000000000001", "7709364346")
    assert (document["key"], document["total"]) == (KEY, 12010)
    tags = document["tags"]
    assert (tags["1036"], tags["1214"], tags["1199"]) == (MACHINE, 4, 11)
    assert (tags["1009"], tags["1187"]) == (RECEIPT.address, RECEIPT.place)
    assert (tags["1117"], tags["1008"]) == (RECEIPT.sender, RECEIPT.sender)
    assert (tags["1209"], tags.get("1011")) == ((4, 2) if protocol == "v5" else (2, None))


@pytest.mark.parametrize(
    ("protocol", "sold", "tags"),
    [
        ("v4", RETURN, {"1192": "3141592653"}),
        ("v5", RETURN, {"1192": "3141592653"}),
        ("v4", CORRECTION, {"1173": 0, "1178": "01.11.2026", "1036": MACHINE}),
        ("v5", CORRECTION, {"1173": 0, "1178": "01.11.2026", "1030": RECEIPT.name}),
        ("v4", receipt(marking=BY_GTIN), {"1162": "490E042F4EF3B2D2"}),
        ("v4", receipt(marking=BY_CODE), {"1162": "444D042F1F9681784A67584A352E"}),
        ("v5", receipt(marking=BY_GTIN, subject=Subject.GOODS_MARKED), {"2000": GTIN, "1212": 33}),
        ("v5", receipt(marking=BY_CODE, subject=Subject.GOODS_MARKED), {"2003": 1, "2102": "0"}),
        ("v4", receipt(cash=12010, cashless=0), {"1031": "120.10", "1081": "0.00"}),
        ("v5", receipt(internet=False), {"1125": False}),
    ],
)
async def test_whatever_is_sold_atol_takes_it(
    password: str, protocol: str, sold: Receipt, tags: Mapping[str, object]
) -> None:
    async with emulated(password, protocol, inn=INN) as (till, provider):
        done = await settled(provider, an_attempt(provider, sold))
        (document,) = await till.ledger()
    assert isinstance(done, Done), done
    assert done.document.qr == document["qr"]
    assert done.document.sign == sold.purpose.sign
    assert document["correction"] is (sold.purpose is Purpose.CORRECTION)
    assert {tag: document["tags"].get(tag) for tag in tags} == tags


async def test_a_duplicate_is_the_first_receipt(shop: Emulated) -> None:
    till, provider = shop
    attempt = an_attempt(provider)
    first = await accepted(provider, attempt)
    assert await accepted(provider, attempt) == first
    assert isinstance(await settled(provider, attempt), Done)
    assert await accepted(provider, attempt) == first
    assert await till.keys() == [KEY]


@pytest.mark.parametrize(
    ("fault", "reason", "documents"),
    [
        ("drop_before_store", "the answer was lost: ", 0),
        ("drop_after_store", "the answer was lost: ", 1),
        ("5xx", "500 from the provider", 0),
        ("5xx_after_store", "500 from the provider", 1),
        ("nonsense", "200, neither accepted nor refused", 1),
    ],
)
async def test_a_lost_answer_is_unknown_and_its_repetition_is_the_same_receipt(
    shop: Emulated, fault: str, reason: str, documents: int
) -> None:
    till, provider = shop
    attempt = an_attempt(provider)
    await till.fault(fault)
    told = await provider.submit(attempt)
    assert isinstance(told, Unknown)
    assert told.reason.startswith(reason)
    assert not told.final
    async with asyncio.timeout(10):
        while len(await till.ledger()) != documents:
            await asyncio.sleep(0.005)
    assert isinstance(await settled(provider, attempt), Done)
    assert await till.keys() == [KEY]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (
            "refuse",
            Dead(
                "code 32: Ошибка валидации входного чека."
                " Ошибочные поля: PatternMismatch: #/receipt/company/inn"
            ),
        ),
        ("auth", Unsent("code 12: Неверный логин или пароль", Pause.AUTH)),
        (
            "no_register",
            Unsent(
                "code 21: Код группы не поддерживает данную версию протокола", Pause.NO_REGISTER
            ),
        ),
        ("busy", Unsent("429: too many requests")),
    ],
)
async def test_a_refusal_says_what_to_do(shop: Emulated, fault: str, outcome: Outcome) -> None:
    till, provider = shop
    await till.fault(fault)
    attempt = an_attempt(provider)
    assert await provider.submit(attempt) == outcome
    # The same key is free.
    assert isinstance(await settled(provider, attempt), Done)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (
            "expire",
            Dead(
                "it waited in the queue for too long: code 1: Превышено время ожидания чека в"
                " очереди",
                again=True,
            ),
        ),
        ("fail", Dead("the register failed: code 1: Соединение не установлено")),
    ],
)
async def test_what_fails_after_it_was_accepted_is_dead_and_its_key_is_burnt(
    shop: Emulated, fault: str, outcome: Outcome
) -> None:
    till, provider = shop
    await till.fault(fault)
    attempt = an_attempt(provider)
    assert await settled(provider, attempt) == outcome
    assert await settled(provider, attempt) == outcome
    anew = an_attempt(provider, key=f"{KEY}-1")
    assert isinstance(await settled(provider, anew), Done)
    assert await till.keys() == [f"{KEY}-1"]


async def test_a_full_drive_pauses_the_register(shop: Emulated) -> None:
    till, provider = shop
    await till.control({"drive": 0})
    told = await settled(provider, an_attempt(provider))
    reason = "the fiscal drive: code 121: Архив ФН переполнен"
    assert told == Dead(reason, again=True, pause=Pause.DRIVE)


async def test_another_companys_receipt_has_to_be_put_right(password: str) -> None:
    async with emulated(password, inn="7700000000") as (_, provider):
        told = await settled(provider, an_attempt(provider))
    assert isinstance(told, Dead)
    assert told.reason.startswith("the receipt has to be put right: code 2009: ИНН")
    assert (told.again, told.pause) == (False, None)


async def test_a_receipt_in_the_queue_is_accepted(password: str) -> None:
    async with emulated(password, delay_s=3600) as (_, provider):
        attempt = await accepted(provider, an_attempt(provider))
        assert await provider.ask(attempt) == Accepted(attempt.provider_id)


async def test_a_receipt_that_the_provider_lost_is_unknown(shop: Emulated) -> None:
    till, provider = shop
    await till.fault("lose")
    lost = await settled(provider, an_attempt(provider))
    assert isinstance(lost, Unknown)
    assert lost.reason.startswith("the provider lost a receipt that it had accepted: code 30")


async def test_nothing_is_asked_without_a_uuid(shop: Emulated) -> None:
    _, provider = shop
    assert provider.by_key is False
    assert isinstance(await provider.ask(an_attempt(provider)), Unknown)


async def test_our_memory_is_shorter_than_the_reports(shop: Emulated) -> None:
    till, provider = shop
    attempt = await accepted(provider, an_attempt(provider))
    assert isinstance(await settled(provider, attempt), Done)
    await till.control({"clock_s": provider.memory_s})
    assert isinstance(await provider.ask(attempt), Done)
    await till.control({"clock_s": provider.memory_s + 3 * 86_400})
    assert isinstance(await provider.ask(attempt), Unknown)


async def test_too_many_questions_change_nothing(password: str) -> None:
    async with emulated(password, limit_polls=True) as (_, provider):
        attempt = await accepted(provider, an_attempt(provider))
        await provider.ask(attempt)
        assert await provider.ask(attempt) == Unsent("asking failed: 429")


# The token. --------------------------------------------------------------------------------------


async def test_a_token_that_expires_amid_the_work_is_no_matter(shop: Emulated) -> None:
    till, provider = shop
    attempt = await accepted(provider, an_attempt(provider))
    for days in (1, 2):
        await till.control({"clock_s": days * 86_400})
        assert isinstance(await settled(provider, attempt), Done)
    await till.control({"clock_s": 3 * 86_400})
    assert isinstance(await provider.ask(attempt), Done)
    assert await till.keys() == [KEY]


async def test_a_wrong_password_sends_nothing(password: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guessed", "utf-8")
    async with emulated(password) as (till, provider):
        url = f"{till.url}/possystem/v4"
        stranger = Atol(till.http, settings(str(wrong), url=url))
        reason = "no token: 401, code 12: Неверный логин или пароль"
        attempt = replace(an_attempt(provider), provider_id=UUID)
        assert await stranger.submit(attempt) == Unsent(reason, Pause.AUTH)
        assert await stranger.ask(attempt) == Unsent(f"asking failed: {reason}", Pause.AUTH)
        assert await till.ledger() == []


@pytest.mark.parametrize(
    ("served", "code", "pause"),
    [
        ({"group": "tea-ru_18"}, 20, Pause.AUTH),
        ({"protocol": "v5"}, 21, Pause.NO_REGISTER),
    ],
)
async def test_a_foreign_group_takes_nothing(
    password: str, served: dict[str, str], code: int, pause: Pause
) -> None:
    told = {"login": LOGIN, "password": PASSWORD, "group": GROUP, **served}
    async with a_till(emulators.Atol(emulators.Settings(**told), Drive(None))) as till:
        provider = Atol(till.http, settings(password, url=f"{till.url}/possystem/v4"))
        attempt = an_attempt(provider, provider_id=UUID)
        for outcome in (await provider.submit(attempt), await provider.ask(attempt)):
            assert isinstance(outcome, Unsent)
            assert f"code {code}: " in outcome.reason
            assert outcome.pause is pause
        findings = await provider.check()
    assert [each.level for each in findings] == ["good", "bad", "warning"]
    assert f"code {code}: " in findings[1].text


# Against a server that says what it is told to. --------------------------------------------------

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
TOKEN = "fj45u923j59ju42395iu9423i59243u0"


@asynccontextmanager
async def answering(password: str, answer: Answering, timeout_s: float = 5) -> AsyncIterator[Atol]:
    """A client whose token is in order, and whose other questions are answered so."""

    async def all_of_it(request: web.Request) -> web.StreamResponse:
        if request.path == "/getToken":
            return web.json_response({"error": None, "token": TOKEN})
        return await answer(request)

    async with a_server(all_of_it) as url, aiohttp.ClientSession() as http:
        yield Atol(http, settings(password, url=url, timeout_s=timeout_s))


async def say(
    password: str,
    status: int,
    told: object,
    *,
    ask: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Outcome:
    """What a client makes of this answer to a receipt, or to a question."""

    async def answer(_request: web.Request) -> web.Response:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        return web.Response(status=status, body=body, headers=headers)

    async with answering(password, answer) as provider:
        attempt = an_attempt(provider, provider_id=UUID)
        return await (provider.ask(attempt) if ask else provider.submit(attempt))


def refusal(code: object, kind: str = "system", **more: object) -> dict[str, object]:
    error = {"error_id": "1", "code": code, "text": "why", "type": kind}
    return {"timestamp": "12.04.2017 06:15:06", "status": "fail", "error": error, **more}


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        (0, 400, Unknown("code 0: why")),
        (1, 400, Unknown("code 1: why")),
        (10, 401, Unsent("code 10: why")),
        (11, 401, Unsent("code 11: why")),
        (12, 401, Unsent("code 12: why", Pause.AUTH)),
        (13, 400, Dead("code 13: why")),
        (14, 403, Unsent("code 14: why", Pause.AUTH)),
        (20, 401, Unsent("code 20: why", Pause.AUTH)),
        (21, 401, Unsent("code 21: why", Pause.NO_REGISTER)),
        (30, 400, Unknown("code 30: why")),
        (31, 400, Dead("code 31: why")),
        (32, 400, Dead("code 32: why")),
        (33, 400, Unknown("code 33: why")),
        (34, 200, Unknown("code 34: why")),
        (40, 400, Dead("code 40: why")),
        (41, 415, Dead("code 41: why")),
        (99, 400, Unknown("code 99: why")),
        ("13", 400, Dead("code 13: why")),
        (True, 400, None),
        (None, 400, None),
    ],
)
async def test_each_code_of_the_service_means_this(
    password: str, code: object, status: int, outcome: Outcome | None
) -> None:
    told = await say(password, status, refusal(code))
    assert told == outcome if outcome else isinstance(told, Unknown)


async def test_a_fault_of_the_server_is_unknown_whatever_its_code(password: str) -> None:
    told = await say(password, 500, refusal(50))
    assert isinstance(told, Unknown)
    assert told.reason.startswith("500 from the provider: ")


@pytest.mark.parametrize("code", [33, 34])
@pytest.mark.parametrize("where", ["beside", "inside"])
async def test_the_uuid_of_a_duplicate_is_found_wherever_it_stands(
    password: str, code: int, where: str
) -> None:
    told: dict[str, Any] = refusal(code, status="wait")
    (told if where == "beside" else told["error"])["uuid"] = UUID
    assert await say(password, 400, told) == Accepted(UUID)


async def test_a_repetition_may_be_answered_like_the_first_time(password: str) -> None:
    told = {"uuid": UUID, "timestamp": "12.04.2017 06:15:06", "error": None, "status": "done"}
    assert await say(password, 200, told) == Accepted(UUID)


async def test_a_flat_error_is_an_error(password: str) -> None:
    assert await say(password, 200, {"code": 32, "text": "why"}) == Dead("code 32: why")
    told = {"code": 0, "text": "", "uuid": UUID}
    assert await say(password, 200, told) == Accepted(UUID)


NONSENSE = {
    "nothing": b"",
    "a page": b"<html>Bad gateway</html>",
    "half an answer": b'{"uuid":"2ea26f17',
    "a list": b"[]",
    "a number": b"1",
    "bytes that are no text": b'{"uuid":"\xff\xfe"}',
    "half a surrogate": b'{"uuid":"\\ud800"}',
    "a deep hole": b"[" * 100_000,
    "an empty object": b"{}",
    "no uuid": b'{"uuid":null,"error":null,"status":"wait"}',
    "an empty uuid": b'{"uuid":"","error":null}',
    "a uuid that is none": b'{"uuid":["x"],"error":null}',
    "an error that is none": b'{"uuid":"x","error":"yes"}',
    "lists everywhere": b'{"external_id":[],"status":[],"error":{"type":[],"code":[],"text":[]}}',
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("status", [200, 400, 404])
async def test_an_answer_that_makes_no_sense_is_unknown(
    password: str, status: int, body: bytes
) -> None:
    assert isinstance(await say(password, status, body), Unknown)
    if b"wait" not in body:
        assert isinstance(await say(password, status, body, ask=True), Unknown)


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (401, {}, Unsent("401: the token is not taken", Pause.AUTH)),
        (429, {}, Unsent("429: too many requests")),
        (429, {"Retry-After": "7"}, Unsent("429: too many requests", retry_after_s=7.0)),
        (500, {}, Unknown("500 from the provider: b'<html>'")),
        (503, {"Retry-After": "7"}, Unknown("503 from the provider: b'<html>'")),
        (403, {}, Unknown("403, neither accepted nor refused: b'<html>'")),
        (302, {"Location": "/"}, Unknown("302, neither accepted nor refused: b'<html>'")),
    ],
)
async def test_a_status_says_whether_it_arrived(
    password: str, status: int, headers: dict[str, str], outcome: Outcome
) -> None:
    assert await say(password, status, b"<html>", headers=headers) == outcome


@pytest.mark.parametrize(
    ("status", "told", "outcome"),
    [
        (401, b"<html>", Unsent("asking failed: 401: the token is not taken", Pause.AUTH)),
        (401, refusal(11), Unsent("asking failed: code 11: why")),
        (403, refusal(14), Unsent("asking failed: code 14: why", Pause.AUTH)),
        (429, b"", Unsent("asking failed: 429", retry_after_s=7.0)),
        (500, refusal(50), Unsent("asking failed: 500", retry_after_s=7.0)),
        (502, b"<html>", Unsent("asking failed: 502", retry_after_s=7.0)),
    ],
)
async def test_a_question_that_was_not_answered_says_nothing_of_the_receipt(
    password: str, status: int, told: object, outcome: Outcome
) -> None:
    assert await say(password, status, told, ask=True, headers={"Retry-After": "7"}) == outcome


async def test_a_provider_that_does_not_listen_was_sent_nothing(password: str) -> None:
    async with aiohttp.ClientSession() as http:
        gone = Atol(http, settings(password, url=f"http://127.0.0.1:{free_port()}"))
        attempt = an_attempt(gone, provider_id=UUID)
        told, asked, found = await gone.submit(attempt), await gone.ask(attempt), await gone.check()
    assert isinstance(told, Unsent)
    assert told.reason.startswith("no token: no connection: ")
    assert isinstance(asked, Unsent)
    assert asked.reason.startswith("asking failed: no token: no connection: ")
    assert [each.level for each in found] == ["warning"]


async def test_a_provider_that_never_answers_is_unknown(password: str) -> None:
    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with answering(password, never, timeout_s=0.2) as provider:
        while (await provider.check())[0].level != "good":
            pass  # a slow machine: the token, too, has to come within the time
        attempt = an_attempt(provider, provider_id=UUID)
        assert await provider.submit(attempt) == Unknown("the answer was lost: TimeoutError")
        lost = "asking failed: the answer was lost: TimeoutError"
        assert await provider.ask(attempt) == Unsent(lost)
        (_, group, _) = await provider.check()
        assert (group.level, "TimeoutError" in group.text) == ("warning", True)


# Reports. ----------------------------------------------------------------------------------------

PAYLOAD = {
    "total": 120.1,
    "fn_number": "9999078900000001",
    "receipt_datetime": "23.11.2026 18:42:59",
    "fiscal_document_number": 133,
    "fiscal_document_attribute": 3449555941,
    "ecr_registration_number": "0000111118041361",
}
QR = "t=20261123T184259&s=120.10&fn=9999078900000001&i=133&fp=3449555941&n=1"


def report(**payload: object) -> dict[str, Any]:
    told = {name: each for name, each in {**PAYLOAD, **payload}.items() if each is not None}
    return {"uuid": UUID, "external_id": KEY, "error": None, "status": "done", "payload": told}


async def test_a_report_holds_the_document(password: str) -> None:
    told = await say(password, 200, report(), ask=True)
    assert isinstance(told, Done)
    assert (told.document.qr, told.provider_id, told.link) == (QR, UUID, None)
    assert (told.document.rnm, told.document.ofd_inn) == ("0000111118041361", "")


async def test_numbers_may_come_as_padded_text(password: str) -> None:
    padded = report(
        total="120.10", fiscal_document_number="0133", fiscal_document_attribute="03449555941"
    )
    told = await say(password, 200, padded, ask=True)
    assert isinstance(told, Done)
    assert told.document.qr == QR


@pytest.mark.parametrize(
    "told",
    [
        *(report(**{name: None}) for name in PAYLOAD if name != "ecr_registration_number"),
        report(total=120.101),
        report(total=True),
        report(fn_number="99990789000000011"),
        report(fn_number="drive"),
        report(receipt_datetime="2026-11-23 18:42:59"),
        report(fiscal_document_number=-1),
        report(fiscal_document_number=0),
        report(fiscal_document_number=10**19),
        report(fiscal_document_attribute=2**32),
        report(total=1e11),
        report(total="1e3"),
    ],
)
async def test_a_report_that_is_not_whole_is_a_persons(password: str, told: dict[str, Any]) -> None:
    outcome = await say(password, 200, told, ask=True)
    assert isinstance(outcome, Unknown)
    assert outcome.final
    said = "it has been recorded, but the document in its report is incomplete: fn_number "
    assert outcome.reason.startswith(said)
    number = told["payload"].get("fiscal_document_number")
    assert f", fiscal_document_number {number}, " in outcome.reason
    assert outcome.reason.endswith("python -m cloud resolve ID --issued QR")


@pytest.mark.parametrize("payload", [None, [], {}, {"total": 120.1, "fn_number": None}])
async def test_a_report_without_its_numbers_is_asked_for_again(
    password: str, payload: object
) -> None:
    told = await say(password, 200, report() | {"payload": payload}, ask=True)
    assert told == Unsent("asking failed: done, but no document is told yet")


async def test_a_uuid_of_another_receipt_is_to_be_forgotten(password: str) -> None:
    told = await say(password, 200, report() | {"external_id": "another"}, ask=True)
    said = f"uuid {UUID}: the number is not this receipt's: 'another'"
    assert told == Unknown(said, misled=True)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"status": "fail", "error": {"code": 1, "text": "why", "type": "timeout"}},
        {"status": "fail", "error": {"code": 16, "text": "why", "type": "driver"}},
        {"status": "wait"},
    ],
)
async def test_a_report_of_another_uuid_tells_nothing_of_this_one(
    password: str, state: dict[str, object]
) -> None:
    another = "00000000-0884-4f08-b120-306fc096a58f"
    other = report() | state | {"uuid": another, "external_id": None}
    told = await say(password, 200, other, ask=True)
    assert told == Unknown(f"asked about uuid {UUID}, told of another: {another}")


async def test_a_uuid_is_the_same_in_capitals(password: str) -> None:
    told = await say(password, 200, report() | {"uuid": UUID.upper()}, ask=True)
    assert isinstance(told, Done)


@pytest.mark.parametrize("written", [f"{{{UUID}}}", UUID.replace("-", ""), "", None, 7])
async def test_a_report_that_names_the_key_is_its_own_however_its_uuid_is_written(
    password: str, written: object
) -> None:
    told = await say(password, 200, report() | {"uuid": written}, ask=True)
    assert isinstance(told, Done)
    assert told.provider_id == UUID


async def test_a_report_of_no_state_issues_nothing(password: str) -> None:
    told = await say(password, 200, report() | {"status": "ready"}, ask=True)
    assert isinstance(told, Unknown)
    assert (told.final, told.misled) == (False, False)


@pytest.mark.parametrize("kind", ["system", "unknown", None])
async def test_a_report_that_failed_for_no_known_reason_is_a_persons(
    password: str, kind: str | None
) -> None:
    error = {"code": 2004, "text": "why", "type": kind}
    told = await say(password, 200, refusal(2004, uuid=UUID, error=error), ask=True)
    assert isinstance(told, Unknown)
    assert told.final
    assert told.reason.startswith("whether it has been recorded is not told, and will not be: ")


FIX = [
    *(13, 16, 17, 23, 24, 27, 41, 48, 52, 53, 60, 66, 98, 110, 128, 143, 144, 145, 147, 161, 163),
    *(193, 215, 216, 217, 228, 231, 243, 244, 261, 265, 405, 408, 409, 412),
]
FAILURES: list[tuple[int, str, Dead]] = [
    *((code, "driver", Dead("the receipt has to be put right: ")) for code in FIX),
    *((code, "agent", Dead("the receipt has to be put right: ")) for code in (2003, 2006, 2007)),
    *(
        (code, "driver", Dead("the register's shift or clock: ", again=True))
        for code in (35, 36, 68, 141, 142, 179)
    ),
    *(
        (code, "driver", Dead("the fiscal drive: ", again=True, pause=Pause.DRIVE))
        for code in (*range(115, 125), *range(135, 141), 224, 225)
    ),
    *((code, "driver", Dead("the marking: ")) for code in (402, 404, 406, 410, 421)),
    # 30, 33 and 34 are the service's as well; of a driver they are other things.
    *((code, "driver", Dead("the register failed: ")) for code in (1, 30, 33, 34, 262, 502)),
    (2004, "agent", Dead("the register failed: ")),
]


async def test_each_code_of_a_register_means_this(password: str) -> None:
    codes = iter(FAILURES)

    async def answer(_request: web.Request) -> web.Response:
        code, kind, _ = current
        return web.json_response(refusal(code, kind, external_id=KEY))

    async with answering(password, answer) as provider:
        attempt = an_attempt(provider, provider_id=UUID)
        for current in codes:
            code, _, meant = current
            wanted = replace(meant, reason=f"{meant.reason}code {code}: why")
            assert await provider.ask(attempt) == wanted


@pytest.mark.parametrize("code", [1, -1, None])
async def test_a_timeout_is_known_by_its_type(password: str, code: object) -> None:
    told = await say(password, 200, refusal(code, "timeout"), ask=True)
    assert isinstance(told, Dead)
    assert (told.again, told.pause) == (True, None)


@pytest.mark.parametrize("kind", ["system", "unknown", "none", ""])
@pytest.mark.parametrize("code", [1, -1, 2005, 121, 32, 0])
async def test_a_failure_of_the_service_is_no_word_about_the_receipt(
    password: str, kind: str, code: int
) -> None:
    told = await say(password, 200, refusal(code, kind), ask=True)
    assert isinstance(told, Unknown)
    assert not told.final


@pytest.mark.parametrize("told", [refusal(121, "driver", status="wait"), refusal(34), refusal(33)])
async def test_a_report_that_is_not_ready_is_accepted(
    password: str, told: dict[str, object]
) -> None:
    assert await say(password, 200, told, ask=True) == Accepted(UUID)


@pytest.mark.parametrize("kind", ["timeout", "driver", "agent"])
async def test_only_a_failure_by_name_is_one(password: str, kind: str) -> None:
    told = refusal(121, kind) | {"status": None}
    assert isinstance(await say(password, 200, told, ask=True), Unknown)


# The token, oddly. -------------------------------------------------------------------------------


@asynccontextmanager
async def giving(
    password: str, give: Callable[[int], web.Response], code: int | None
) -> AsyncIterator[tuple[Atol, list[str]]]:
    """A client, and the paths it called; `code` is what its receipts are answered."""
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path.rpartition("/")[2])
        if request.path == "/getToken":
            return give(paths.count("getToken"))
        if code is None or request.headers["Token"] != "old":
            return web.json_response({"uuid": UUID, "error": None, "status": "wait"})
        return web.json_response(refusal(code), status=401)

    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        yield Atol(http, settings(password, url=url)), paths


def a_token(token: object) -> web.Response:
    return web.json_response({"error": None, "token": token, "timestamp": "30.11.2017 17:58:53"})


async def test_a_token_is_asked_for_once(password: str) -> None:
    async with giving(password, lambda _: a_token("good"), None) as (provider, paths):
        attempt = an_attempt(provider)
        assert (
            await asyncio.gather(*(provider.submit(attempt) for _ in range(8)))
            == [Accepted(UUID)] * 8
        )
        assert await provider.submit(attempt) == Accepted(UUID)
    assert paths.count("getToken") == 1
    assert paths.count("sell") == 9


@pytest.mark.parametrize("code", [10, 11])
async def test_many_that_find_it_expired_ask_for_one_token(password: str, code: int) -> None:
    def give(count: int) -> web.Response:
        return a_token("old" if count == 1 else "new")

    async with giving(password, give, code) as (provider, paths):
        attempt = an_attempt(provider)
        told = await asyncio.gather(*(provider.submit(attempt) for _ in range(8)))
    assert told == [Accepted(UUID)] * 8
    assert paths.count("getToken") == 2


@pytest.mark.parametrize(
    ("code", "calls"), [(10, ["getToken", "sell"] * 2), (20, ["getToken", "sell"])]
)
async def test_a_new_token_is_tried_once_and_for_no_other_reason(
    password: str, code: int, calls: list[str]
) -> None:
    async with giving(password, lambda _: a_token("old"), code) as (provider, paths):
        assert isinstance(await provider.submit(an_attempt(provider)), Unsent)
    assert paths == calls


@pytest.mark.parametrize(
    ("status", "told", "pause"),
    [
        (401, refusal(12), Pause.AUTH),
        (400, refusal(13), Pause.AUTH),
        (403, refusal(14), Pause.AUTH),
        (401, {}, Pause.AUTH),
        (403, {}, Pause.AUTH),
        (400, refusal(1), None),
        (500, refusal(50), None),
        (502, {}, None),
        (200, {}, None),
        (200, {"code": 12, "text": "why"}, Pause.AUTH),
        (200, {"token": "", "error": None}, None),
        (200, {"token": 1, "error": None}, None),
        (200, {"token": "two\r\nlines: x", "error": None}, None),
        (200, {"token": "ключ", "error": None}, None),
        (200, {"token": TOKEN, "error": {"code": 1}}, None),
    ],
)
async def test_without_a_token_nothing_was_sent(
    password: str, status: int, told: dict[str, object], pause: Pause | None
) -> None:
    def give(_: int) -> web.Response:
        return web.json_response(told, status=status)

    async with giving(password, give, None) as (provider, paths):
        outcome = await provider.submit(an_attempt(provider))
        found = await provider.check()
    assert isinstance(outcome, Unsent)
    assert outcome.reason.startswith(f"no token: {status}, ")
    assert outcome.pause is pause
    assert TOKEN not in outcome.reason
    assert "sell" not in paths
    assert [each.level for each in found] == ["bad" if pause else "warning"]


async def test_a_busy_door_is_knocked_at_later(password: str) -> None:
    def give(_: int) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "3"})

    async with giving(password, give, None) as (provider, _):
        told = await provider.submit(an_attempt(provider))
    assert told == Unsent("no token: 429, no reason given", retry_after_s=3.0)


@pytest.mark.parametrize("ask", [False, True])
async def test_a_token_that_is_told_back_is_not_told_on(password: str, ask: bool) -> None:  # noqa: FBT001, a parameter of the test
    error = {"code": 20, "text": f"token {TOKEN} of another group", "type": "system"}
    told = await say(password, 401, {"error": error}, ask=ask)
    assert isinstance(told, Unsent)
    assert told.reason.endswith("code 20: token … of another group")


async def test_the_token_is_sent_as_a_header_and_never_in_the_address(password: str) -> None:
    heard: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request)
        assert request.headers["Content-Type"] == "application/json; charset=utf-8"
        return web.json_response({"uuid": UUID, "error": None})

    async with answering(password, answer) as provider:
        attempt = an_attempt(provider)
        assert await provider.submit(attempt) == Accepted(UUID)
    (request,) = heard
    assert (request.path_qs, request.headers["Token"]) == (f"/{GROUP}/sell", TOKEN)


# Pushes and findings. ----------------------------------------------------------------------------


async def test_a_push_is_a_hint_of_which_receipt_to_ask(password: str) -> None:
    async with a_hook() as hook, emulated(password) as (till, quiet):
        url = f"{till.url}/possystem/v4"
        provider = Atol(till.http, settings(password, url=url, callback_url=f"{hook.url}/a"))
        done = await settled(provider, an_attempt(provider))
        assert isinstance(done, Done)
        assert await hook.notice(provider) == Notice(KEY, None, done.provider_id)
        # Whoever pushes something else only has us ask.
        await till.fault("bad_signature")
        await provider.submit(an_attempt(provider, key=f"{KEY}-1"))
        foreign = await hook.notice(quiet, 1)
    assert foreign is not None
    assert (foreign.key, foreign.outcome) == (f"not-{KEY}-1", None)


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b"{}",
        json.dumps(report() | {"external_id": ""}).encode(),
        json.dumps(report() | {"external_id": 1}).encode(),
        json.dumps(report() | {"group_code": "tea-ru_18"}).encode(),
        json.dumps(report() | {"group_code": [GROUP]}).encode(),
    ],
)
def test_a_push_about_nothing_of_ours_is_nothing(offline: Callable[..., Atol], told: bytes) -> None:
    assert offline().notice(told, {}) is None


def test_a_push_may_leave_out_the_group_and_the_uuid(offline: Callable[..., Atol]) -> None:
    assert offline().notice(json.dumps({"external_id": KEY}).encode(), {}) == Notice(KEY, None)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(report())), inner),
)


@given(st.one_of(st.binary(), ANYTHING.map(lambda told: json.dumps(told).encode())))
def test_whatever_is_pushed_it_is_a_hint_or_nothing(
    offline: Callable[..., Atol], body: bytes
) -> None:
    told = offline().notice(body, {})
    assert told is None or told.outcome is None


async def test_the_check_finds_login_and_group_in_order(shop: Emulated) -> None:
    till, provider = shop
    found = await provider.check()
    assert found[:2] == [
        Finding("good", "ATOL knows vend"),
        Finding("good", "group coffee-ru_17, protocol v4: open to this login"),
    ]
    assert found[2].level == "warning"
    assert "nothing of its registers" in found[2].text
    assert await till.ledger() == []


async def test_the_check_finds_a_wrong_password(password: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guessed", "utf-8")
    async with emulated(password) as (till, _):
        stranger = Atol(till.http, settings(str(wrong), url=f"{till.url}/possystem/v4"))
        assert await stranger.check() == [
            Finding("bad", "no token: 401, code 12: Неверный логин или пароль")
        ]

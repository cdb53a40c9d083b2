"""The emulator keeps to what is known of the real one; its ledger hides nothing."""

import argparse
import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from till import Hook, Till, a_hook, a_till

from cloud.emulators.atol import Atol, Settings, add, opened
from cloud.emulators.atol_checks import problems
from cloud.emulators.drive import Drive
from cloud.errors import ConfigError

LOGIN, PASSWORD, GROUP = "vend", "told to nobody", "coffee-ru_17"
WHO = {"login": LOGIN, "pass": PASSWORD}
SELL: dict[str, Any] = {
    "external_id": "s-1",
    "timestamp": "23.11.2026 18:42:10",
    "receipt": {
        "client": {"email": "buyer@coffee.example"},
        "company": {
            "email": "checks@coffee.example",
            "sno": "patent",
            "inn": "7708806062",
            "payment_address": "Холл",
            "location": "Тверь",
        },
        "items": [
            {
                "name": "Чай",
                "price": 0.1,
                "quantity": 3,
                "sum": 0.3,
                "payment_method": "full_payment",
                "vat": {"type": "none"},
            }
        ],
        "payments": [{"type": 0, "sum": 0.1}, {"type": 1, "sum": 0.2}],
        "total": 0.3,
        "device_number": "vm-1",
    },
}
CORRECTION: dict[str, Any] = {
    "external_id": "c-1",
    "timestamp": "23.11.2026 18:42:10",
    "correction": {
        "company": {"inn": "7708806062", "payment_address": "Холл"},
        "correction_info": {"type": "self", "base_date": "01.11.2026", "base_number": ""},
        "payments": [{"type": 1, "sum": 122.0}],
        "vats": [{"type": "vat22", "sum": 22.0}],
    },
}
SELL_V5 = copy.deepcopy(SELL)
SELL_V5["receipt"]["items"][0] |= {"measure": 0, "payment_object": 33}
ITEM = ("receipt", "items", 0)


def changed(told: dict[str, Any], *path: str | int, to: object) -> dict[str, Any]:
    """A copy with something else at this place; None takes the place away."""
    other: Any = copy.deepcopy(told)
    inner = other
    for step in path[:-1]:
        inner = inner[step]
    if to is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return other  # type: ignore[no-any-return]


@dataclass
class Client:
    """Somebody who knows ATOL's paths, and nothing of our client."""

    till: Till
    base: str = "/possystem/v4"
    group: str = GROUP
    token: str = ""

    async def log_in(self, who: object = WHO) -> tuple[int, dict[str, Any]]:
        async with self.till.http.post(f"{self.till.url}{self.base}/getToken", json=who) as answer:
            told: dict[str, Any] = await answer.json()
        self.token = told.get("token", self.token)
        return answer.status, told

    async def post(self, told: object, operation: str = "sell") -> tuple[int, dict[str, Any]]:
        url = f"{self.till.url}{self.base}/{self.group}/{operation}"
        async with self.till.http.post(url, json=told, headers={"Token": self.token}) as answer:
            return answer.status, await answer.json()

    async def report(self, uuid: str) -> tuple[int, dict[str, Any]]:
        url = f"{self.till.url}{self.base}/{self.group}/report/{uuid}"
        async with self.till.http.get(url, headers={"Token": self.token}) as answer:
            return answer.status, await answer.json(content_type=None)

    async def ended(self, uuid: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while (told := (await self.report(uuid))[1])["status"] == "wait":
                await asyncio.sleep(0.005)
        return told

    async def sold(self, told: object = SELL, operation: str = "sell") -> dict[str, Any]:
        status, answer = await self.post(told, operation)
        assert status == 200, answer
        return await self.ended(answer["uuid"])


@asynccontextmanager
async def serving(
    protocol: str = "v4",
    file: Path | None = None,
    **more: Any,  # noqa: ANN401, of the settings
) -> AsyncIterator[Client]:
    settings = Settings(LOGIN, PASSWORD, GROUP, protocol, **more)
    async with a_till(Atol(settings, Drive(file))) as till:
        client = Client(till, f"/possystem/{protocol}")
        await client.log_in()
        yield client


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with serving() as running:
        yield running


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with a_hook() as running:
        yield running


def read(told: dict[str, Any]) -> Any:  # noqa: ANN401, JSON as the emulator reads it
    return json.loads(json.dumps(told), parse_float=Decimal)


def code_in(told: dict[str, Any]) -> int:
    code: int = told["error"]["code"]
    return code


# Who asks. ---------------------------------------------------------------------------------------


async def test_a_token_is_for_who_knows_the_password(client: Client) -> None:
    for who in ({**WHO, "pass": "guessed"}, {**WHO, "login": "other"}, {}, []):
        status, told = await client.log_in(who)
        assert (status, code_in(told)) == (401, 12)
        assert "token" not in told
    status, told = await client.log_in()
    assert (status, told["error"]) == (200, None)
    assert len(told["token"]) > 8


async def test_a_token_may_be_asked_for_and_sent_in_the_query(client: Client) -> None:
    base = f"{client.till.url}{client.base}"
    async with client.till.http.get(f"{base}/getToken", params=WHO) as answer:
        token = (await answer.json())["token"]
    url = f"{base}/{GROUP}/sell"
    async with client.till.http.post(url, json=SELL, params={"token": token}) as answer:
        assert answer.status == 200


async def test_without_a_token_nothing_is_taken(client: Client) -> None:
    client.token = "made up"
    for status, told in (await client.post(SELL), await client.report("x")):
        assert (status, code_in(told)) == (401, 10)
    assert await client.till.ledger() == []


@pytest.mark.parametrize("order", [{"forget": True}, {"clock_s": 24 * 3600}])
async def test_a_token_comes_to_its_end(client: Client, order: dict[str, object]) -> None:
    await client.till.control(order)
    status, told = await client.post(SELL)
    assert (status, code_in(told)) == (401, 11)
    await client.log_in()
    assert (await client.post(SELL))[0] == 200


async def test_a_group_is_for_its_own_login(client: Client) -> None:
    client.group = "tea-ru_18"
    for status, told in (await client.post(SELL), await client.report("x")):
        assert (status, code_in(told)) == (401, 20)


async def test_a_group_speaks_one_protocol(client: Client) -> None:
    client.base = "/possystem/v5"
    status, told = await client.post(SELL_V5)
    assert (status, code_in(told)) == (401, 21)


# What is posted. ---------------------------------------------------------------------------------


async def test_a_receipt_waits_and_is_reported(client: Client) -> None:
    await client.till.control({"delay_s": 3600})
    status, told = await client.post(SELL)
    assert (status, told["status"], told["error"]) == (200, "wait", None)
    status, report = await client.report(told["uuid"])
    assert (status, report["status"], code_in(report)) == (200, "wait", 34)
    assert report["payload"] is None


async def test_a_report_has_the_numbers_of_the_document(client: Client) -> None:
    report = await client.sold()
    (document,) = await client.till.ledger()
    payload = report["payload"]
    day, clock = payload["receipt_datetime"].split()
    at = "".join(reversed(day.split("."))) + "T" + clock.replace(":", "")
    assert document["qr"] == (
        f"t={at}&s=0.30&fn={payload['fn_number']}&i={payload['fiscal_document_number']}"
        f"&fp={payload['fiscal_document_attribute']}&n=1"
    )
    assert (report["external_id"], report["group_code"]) == ("s-1", GROUP)
    assert (payload["total"], payload["fiscal_receipt_number"]) == (0.3, 1)
    assert payload["ofd_receipt_url"].endswith(document["qr"])


async def test_what_is_told_is_recorded_by_its_tags(client: Client) -> None:
    await client.sold()
    tags = await client.till.tags()
    assert tags == {
        "1209": 2,
        "1018": "7708806062",
        "1117": "checks@coffee.example",
        "1055": 32,
        "1187": "Холл",
        "1009": "Тверь",
        "1036": "vm-1",
        "1008": "buyer@coffee.example",
        "1031": "0.10",
        "1081": "0.20",
        "1030": "Чай",
        "1079": "0.10",
        "1023": "3",
        "1043": "0.30",
        "1199": 6,
        "1214": 4,
        "1212": 1,
    }


async def test_what_is_left_out_is_seen_in_the_ledger(client: Client) -> None:
    told = changed(SELL, "receipt", "device_number", to=None)
    told = changed(told, "receipt", "company", "location", to=None)
    told = changed(told, *ITEM, "payment_method", to=None)
    await client.sold(changed(told, "receipt", "payments", to=[{"type": 0}]))
    tags = await client.till.tags()
    assert (tags["1036"], tags["1009"], tags["1214"]) == ("KSR13.00-1-11", "г. Москва, ЦОД", 1)
    assert (tags["1031"], tags["1081"]) == ("0.00", "0.30")


async def test_a_correction_of_v4_is_sums(client: Client) -> None:
    await client.sold(CORRECTION, "sell_correction")
    (document,) = await client.till.ledger()
    assert (document["correction"], document["sign"], document["total"]) == (True, 1, 12200)
    tags = document["tags"]
    assert (tags["1173"], tags["1178"], tags["1199"], tags["1115"]) == (
        0,
        "01.11.2026",
        11,
        "22.00",
    )
    assert "1030" not in tags


@pytest.mark.parametrize(
    ("operation", "sign"), [("sell", 1), ("sell_refund", 2), ("buy", 3), ("buy_refund", 4)]
)
async def test_the_path_tells_the_kind_of_a_receipt(
    client: Client, operation: str, sign: int
) -> None:
    await client.sold(SELL, operation)
    assert [each["sign"] for each in await client.till.ledger()] == [sign]


async def test_v5_has_codes_of_marking() -> None:
    told = changed(SELL_V5, *ITEM, "quantity", to=1)
    told = changed(told, *ITEM, "sum", to=0.1)
    told = changed(told, "receipt", "total", to=0.1)
    told = changed(told, "receipt", "payments", to=[{"type": 1, "sum": 0.1}])
    told = changed(told, *ITEM, "mark_code", to={"gs1m": "MDEwNDYw"})
    told = changed(told, *ITEM, "mark_processing_mode", to="0")
    async with serving("v5") as client:
        status, refused = await client.post(told)
        assert (status, code_in(refused)) == (400, 32)
        assert refused["error"]["text"].endswith(
            "PatternMismatch: #/receipt/items/0/planned_status"
        )
        await client.sold(changed(told, *ITEM, "planned_status", to=1))
        tags = await client.till.tags()
    assert (tags["1209"], tags["1212"], tags["2108"], tags["2003"]) == (4, 33, 0, 1)
    assert tags["2000"] == tags["1305"] == "MDEwNDYw"


async def test_an_operation_that_is_none_is_refused(client: Client) -> None:
    status, told = await client.post(SELL, "sell_refund_correction")
    assert (status, code_in(told)) == (400, 31)


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, 40),
        (b"[" * 100_000, "application/json", 400, 40),
        (b"{}", "text/plain", 415, 41),
        (b"[]", "application/json", 400, 32),
    ],
)
async def test_what_is_no_request_is_refused(
    client: Client, body: bytes, kind: str, status: int, code: int
) -> None:
    url = f"{client.till.url}{client.base}/{GROUP}/sell"
    headers = {"Token": client.token, "Content-Type": kind}
    async with client.till.http.post(url, data=body, headers=headers) as answer:
        assert (answer.status, code_in(await answer.json())) == (status, code)


SCHEMA: list[tuple[dict[str, Any], str]] = [
    (changed(SELL, "timestamp", to="2026-11-23 18:42:10"), "#/timestamp"),
    (changed(SELL, "external_id", to="x" * 129), "#/external_id"),
    (changed(SELL, "source_id", to=10), "#/source_id"),
    (changed(SELL, "receipt", to=None), "#/receipt"),
    (changed(SELL, "receipt", "client", to={}), "#/receipt/client/email"),
    (changed(SELL, "receipt", "client", to={"email": "x" * 65}), "#/receipt/client/email"),
    (changed(SELL, "receipt", "company", "inn", to="77"), "#/receipt/company/inn"),
    (changed(SELL, "receipt", "company", "sno", to="usn"), "#/receipt/company/sno"),
    (changed(SELL, "receipt", "company", "email", to=None), "#/receipt/company/email"),
    (changed(SELL, "receipt", "company", "location", to=""), "#/receipt/company/location"),
    (changed(SELL, "receipt", "items", to=[]), "#/receipt/items"),
    (changed(SELL, *ITEM, "name", to="x" * 129), "#/receipt/items/0/name"),
    (changed(SELL, *ITEM, "price", to=0.105), "#/receipt/items/0/price"),
    (changed(SELL, *ITEM, "price", to="0.10"), "#/receipt/items/0/price"),
    (changed(SELL, *ITEM, "price", to=119.99999), "#/receipt/items/0/price"),
    (changed(SELL, *ITEM, "sum", to=True), "#/receipt/items/0/sum"),
    (changed(SELL, *ITEM, "sum", to=-0.3), "#/receipt/items/0/sum"),
    (changed(SELL, *ITEM, "quantity", to=0), "#/receipt/items/0/quantity"),
    (changed(SELL, *ITEM, "vat", "type", to="vat18"), "#/receipt/items/0/vat/type"),
    (changed(SELL, *ITEM, "payment_method", to="paid"), "#/receipt/items/0/payment_method"),
    (changed(SELL, *ITEM, "payment_object", to=1), "#/receipt/items/0/payment_object"),
    (changed(SELL, *ITEM, "nomenclature_code", to="490E"), "#/receipt/items/0/nomenclature_code"),
    (changed(SELL, "receipt", "payments", 0, "type", to=10), "#/receipt/payments/0/type"),
    (changed(SELL, "receipt", "payments", 0, "type", to=True), "#/receipt/payments/0/type"),
    (changed(SELL, "receipt", "device_number", to="x" * 21), "#/receipt/device_number"),
    (changed(SELL, "receipt", "internet", to="no"), "#/receipt/internet"),
]


@pytest.mark.parametrize(("told", "path"), SCHEMA, ids=[path for _, path in SCHEMA])
async def test_the_schema_names_what_is_wrong(
    client: Client, told: dict[str, Any], path: str
) -> None:
    status, answer = await client.post(told)
    assert (status, answer["status"], code_in(answer)) == (400, "fail", 32)
    assert answer["error"]["text"].endswith(f"Ошибочные поля: PatternMismatch: {path}")
    assert await client.till.ledger() == []


@pytest.mark.parametrize(
    ("protocol", "told", "paths"),
    [
        ("v4", changed(CORRECTION, "correction", "vats", to=None), ["#/correction/vats"]),
        (
            "v4",
            changed(CORRECTION, "correction", "correction_info", "base_number", to=None),
            ["#/correction/correction_info/base_number"],
        ),
        (
            "v4",
            changed(CORRECTION, "correction", "correction_info", "type", to="instruction"),
            ["#/correction/correction_info/base_number"],
        ),
        ("v4", changed(CORRECTION, "correction", "internet", to=True), ["#/correction/client"]),
        (
            "v5",
            CORRECTION,
            ["#/correction/items", "#/correction/total", "#/correction/company/email"],
        ),
    ],
)
def test_a_correction_has_a_schema_of_its_own(
    protocol: str, told: dict[str, Any], paths: list[str]
) -> None:
    assert sorted(problems(read(told), protocol, "correction")) == sorted(paths)


@pytest.mark.parametrize("name", ["measure", "payment_method", "payment_object"])
def test_v5_has_no_default_for_what_is_sold(name: str) -> None:
    assert problems(read(SELL_V5), "v5", "receipt") == []
    bare = read(changed(SELL_V5, *ITEM, name, to=None))
    assert problems(bare, "v5", "receipt") == [f"#/receipt/items/0/{name}"]


# The same key. -----------------------------------------------------------------------------------


async def test_an_external_id_is_taken_for_good(client: Client) -> None:
    uuid = (await client.sold())["uuid"]
    status, told = await client.post(changed(SELL, "receipt", "total", to=0.31))
    assert (status, told["status"], code_in(told), told["uuid"]) == (400, "wait", 33, uuid)
    assert await client.till.keys() == ["s-1"]


async def test_a_failure_does_not_free_the_external_id(client: Client) -> None:
    await client.till.fault("fail")
    failed = await client.sold()
    assert failed["status"] == "fail"
    assert (await client.post(SELL))[1]["uuid"] == failed["uuid"]


async def test_the_ledger_outlives_the_emulator(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    async with serving(file=file) as client:
        first = await client.sold()
    async with serving(file=file) as client:
        assert (await client.post(SELL))[1]["uuid"] == first["uuid"]
        assert (await client.report(first["uuid"]))[1]["payload"] == first["payload"]


# What comes of it. -------------------------------------------------------------------------------

REGISTER: list[tuple[dict[str, Any], str, int]] = [
    (changed(SELL, *ITEM, "sum", to=5), "driver", 16),
    (changed(SELL, "receipt", "total", to=5), "driver", 227),
    (changed(SELL, "receipt", "payments", 0, "sum", to=0), "driver", 66),
    (changed(SELL, "receipt", "payments", 1, "sum", to=0.31), "driver", 52),
    (changed(SELL, "receipt", "company", "inn", to="7700000000"), "agent", 2009),
]


@pytest.mark.parametrize(("told", "kind", "code"), REGISTER, ids=[str(c) for _, _, c in REGISTER])
async def test_a_register_refuses_what_the_schema_let_through(
    told: dict[str, Any], kind: str, code: int
) -> None:
    async with serving(inn="7708806062") as client:
        report = await client.sold(told)
        assert (report["status"], report["error"]["type"], code_in(report)) == ("fail", kind, code)
        assert await client.till.ledger() == []


@pytest.mark.parametrize(
    ("fault", "kind", "code"), [("expire", "timeout", 1), ("fail", "driver", 1)]
)
async def test_what_was_accepted_may_fail(client: Client, fault: str, kind: str, code: int) -> None:
    await client.till.fault(fault)
    report = await client.sold()
    assert (report["status"], report["error"]["type"], code_in(report)) == ("fail", kind, code)
    assert await client.till.ledger() == []


async def test_a_full_drive_stays_the_reason(client: Client) -> None:
    await client.till.control({"drive": 0})
    report = await client.sold()
    await client.till.control({"drive": None})
    assert (report["error"]["type"], code_in(report)) == ("driver", 121)
    assert code_in((await client.report(report["uuid"]))[1]) == 121


@pytest.mark.parametrize(
    ("fault", "status", "code"), [("refuse", 400, 32), ("auth", 401, 12), ("no_register", 401, 21)]
)
async def test_a_refusal_on_demand(client: Client, fault: str, status: int, code: int) -> None:
    await client.till.fault(fault)
    told = await client.post(SELL)
    assert (told[0], code_in(told[1])) == (status, code)
    assert (await client.post(SELL))[0] == 200


async def test_a_report_is_of_a_receipt_that_is_there(client: Client) -> None:
    status, told = await client.report("2ea26f17-0884-4f08-b120-306fc096a58f")
    assert (status, told["status"], code_in(told)) == (400, "fail", 30)


async def test_a_report_is_given_for_32_days(client: Client) -> None:
    uuid = (await client.sold())["uuid"]
    for days, status in ((31, 200), (33, 400)):
        await client.till.control({"clock_s": days * 86400})
        await client.log_in()
        assert (await client.report(uuid))[0] == status


async def test_a_second_question_within_a_second_is_refused_if_so_wished() -> None:
    async with serving(limit_polls=True) as client:
        uuid = (await client.post(SELL))[1]["uuid"]
        url = f"{client.till.url}{client.base}/{GROUP}/report/{uuid}"
        statuses = list[int]()
        async with asyncio.timeout(10):
            while 429 not in statuses:  # a slow machine: the second has to come within the second
                async with client.till.http.get(url, headers={"Token": client.token}) as answer:
                    statuses.append(answer.status)
    assert set(statuses[:-1]) == {200}


# Pushes. -----------------------------------------------------------------------------------------


async def pushed(hook: Hook, number: int = 0) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while len(hook.heard) <= number:
            await asyncio.sleep(0.005)
    told: dict[str, Any] = json.loads(hook.heard[number][0])
    return told


def calling(hook: Hook) -> dict[str, Any]:
    return changed(SELL, "service", to={"callback_url": f"{hook.url}/atol"})


@pytest.mark.parametrize("fault", ["", "expire", "callback_first"])
async def test_a_push_is_the_report(client: Client, hook: Hook, fault: str) -> None:
    if fault:
        await client.till.fault(fault)
    report = await client.sold(calling(hook))
    told = await pushed(hook)
    assert report["status"] == ("fail" if fault == "expire" else "done")
    for each in (report, told):
        each.pop("timestamp")
        (each["error"] or {}).pop("error_id", None)
    assert told == report


async def test_a_push_of_a_stranger_is_of_another_receipt(client: Client, hook: Hook) -> None:
    await client.till.fault("bad_signature")
    await client.sold(calling(hook))
    assert (await pushed(hook))["external_id"] == "not-s-1"


async def test_a_push_is_repeated_until_it_is_heard(client: Client, hook: Hook) -> None:
    hook.refuse = 1
    await client.sold(calling(hook))
    assert await pushed(hook, 1) == await pushed(hook, 0)


async def test_an_address_that_does_not_fit_is_warned_of_and_never_called(
    client: Client, hook: Hook
) -> None:
    odd = hook.url.replace("http", "HTTP")
    report = await client.sold(changed(SELL, "service", to={"callback_url": odd}))
    assert report["warnings"] == {"callback_url": "callback_url не соответствует маске"}
    await client.sold(calling(hook) | {"external_id": "s-2"})
    assert (await pushed(hook))["external_id"] == "s-2"


# The command line. -------------------------------------------------------------------------------


def started(*words: str, provider: str = "atol4") -> tuple[Atol, list[str]]:
    parser = argparse.ArgumentParser()
    add(parser)
    arguments = parser.parse_args(
        words, argparse.Namespace(provider=provider, delay=0.0, listen="127.0.0.1:8085")
    )
    drive = Drive(None)
    try:
        emulator, told = opened(arguments, drive)
    finally:
        drive.close()
    return emulator, list(told)


def test_a_password_is_made_and_told() -> None:
    (_, first), (_, second) = started(), started(provider="atol5")
    assert first[0] == "path /possystem/v4, group demo_1"
    assert second[0] == "path /possystem/v5, group demo_1"
    assert first[1].startswith("login demo, password ")
    assert first[1] != second[1]


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("atol", "/possystem/v4"),
        ("evotor", "/possystem/v4"),
        ("ecom", "/fiscalorder/v4"),
        ("initpro", "/lk/api/v1"),
    ],
)
async def test_a_dialect_has_paths_of_its_own(tmp_path: Path, dialect: str, path: str) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    words = ("--dialect", dialect, "--password-file", str(file), "--login", LOGIN)
    _, told = started(*words)
    assert told[0] == f"path {path}, group demo_1"
    assert f"--set url=http://127.0.0.1:8085{path} " in told[1]
    settings = Settings(LOGIN, PASSWORD, GROUP, "v4", dialect)
    async with a_till(Atol(settings, Drive(None))) as till:
        client = Client(till, path)
        await client.log_in()
        assert (await client.sold())["status"] == "done"


def test_a_password_that_cannot_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"--password-file: {tmp_path}"):
        started("--password-file", str(tmp_path))

"""The emulator keeps to what is known of the real Ferma; its ledger hides nothing.

Nothing here is our client's: what is asked is written from the reference.
"""

import argparse
import copy
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import eventually
from till import INN, Till, a_hook, a_till

from cloud.emulators.drive import Drive
from cloud.emulators.ferma import Ferma, Settings, add, opened
from cloud.emulators.ferma_checks import DATA_CENTRE, problem
from cloud.errors import ConfigError

GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
REQUEST: dict[str, Any] = {
    "Request": {
        "Inn": INN,
        "Type": "Income",
        "InvoiceId": "sale-1",
        "LocalDate": "2026-11-23T13:45:00",
        "CustomerReceipt": {
            "KktFA": True,
            "TaxationSystem": "SimpleIn",
            "Email": "checks@coffee.example",
            "PaymentType": 1,
            "AutomaticDeviceNumber": 123,
            "InstallmentPlace": "1 этаж",
            "InstallmentAddress": "г. Москва, ул. Примерная, д. 1",
            "BillAddress": "coffee.example",
            "Items": [
                {
                    "Label": "Капучино",
                    "Price": 60.25,
                    "Quantity": 2.0,
                    "Amount": 120.5,
                    "Vat": "Vat22",
                    "Measure": "PIECE",
                    "PaymentMethod": 4,
                    "PaymentType": 1,
                }
            ],
            "PaymentItems": [{"PaymentType": 1, "Sum": 100}, {"PaymentType": 0, "Sum": 20.5}],
        },
    }
}


def request_with(*path: str | int, value: object) -> dict[str, Any]:
    told = copy.deepcopy(REQUEST)
    inner: Any = told["Request"]
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return told


@dataclass
class Client:
    """Somebody with an account."""

    till: Till
    token: str = ""

    async def post(self, path: str, body: object, status: int = 200) -> dict[str, Any]:
        url = f"{self.till.url}/api/{path}"
        async with self.till.http.post(url, json=body) as answer:
            assert answer.status == status, await answer.text()
            told: dict[str, Any] = await answer.json()
            return told

    async def authorize(self, password: str = "pw") -> dict[str, Any]:
        body = {"Login": "demo", "Password": password}
        told = await self.post("Authorization/CreateAuthToken", body)
        self.token = told.get("Data", {}).get("AuthToken", "")
        return told

    async def sell(self, body: object = REQUEST, status: int = 200) -> dict[str, Any]:
        return await self.post(f"kkt/cloud/receipt?AuthToken={self.token}", body, status)

    async def number(self, body: object = REQUEST) -> str:
        told = await self.sell(body)
        assert told["Status"] == "Success", told
        assert re.fullmatch(GUID, told["Data"]["ReceiptId"])
        return str(told["Data"]["ReceiptId"])

    async def status(self, **asked: str) -> dict[str, Any]:
        body = {"Request": asked}
        return await self.post(f"kkt/cloud/status?AuthToken={self.token}", body)

    async def code(self, **asked: str) -> int:
        told = await self.status(**asked)
        return int(told["Data"]["StatusCode"])

    async def made(self, number: str) -> dict[str, Any]:
        """The status of a receipt that has left the queue."""

        async def left() -> bool:
            return await self.code(ReceiptId=number) != 0

        await eventually(left)
        told: dict[str, Any] = (await self.status(ReceiptId=number))["Data"]
        return told


@asynccontextmanager
async def a_client(**told: Any) -> AsyncIterator[Client]:  # noqa: ANN401, settings of many kinds
    async with a_till(Ferma(Settings("demo", "pw", **told), Drive(None))) as till:
        client = Client(till)
        await client.authorize()
        yield client


def failed(told: dict[str, Any]) -> tuple[int, str]:
    assert told["Status"] == "Failed"
    return told["Error"]["Code"], told["Error"]["Message"]


# Tokens. -----------------------------------------------------------------------------------------


async def test_a_token_is_given_for_login_and_password_with_its_end() -> None:
    async with a_client() as client:
        told = await client.authorize()
        until = datetime.fromisoformat(told["Data"]["ExpirationDateUtc"]).replace(tzinfo=UTC)
        assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)
        assert failed(await client.authorize("guessed")) == (1000, "Неверный логин или пароль")


async def test_nothing_is_answered_without_a_token_that_lives() -> None:
    async with a_client() as client:
        kept = client.token
        for token in ("", "guessed"):
            client.token = token
            assert failed(await client.sell())[0] == 1001
            assert failed(await client.status(ReceiptId="x"))[0] == 1001
        client.token = kept
        await client.number()
        await client.till.control({"forget": True})
        assert failed(await client.sell())[0] == 1001
        await client.authorize()
        await client.number(request_with("InvoiceId", value="sale-2"))


async def test_a_request_without_a_token_uses_up_no_fault() -> None:
    async with a_client() as client:
        await client.till.fault("refuse")
        kept, client.token = client.token, "guessed"
        assert failed(await client.sell())[0] == 1001
        client.token = kept
        assert failed(await client.sell())[0] == 1020


# Receipts. ---------------------------------------------------------------------------------------


async def test_a_receipt_is_new_then_made_then_confirmed() -> None:
    async with a_client(delay_s=3600) as client:
        number = await client.number()
        assert await client.code(ReceiptId=number) == 0
        assert (await client.status(ReceiptId=number))["Data"]["Device"] is None
    async with a_client() as client:
        made = await client.made(await client.number())
        assert (made["StatusCode"], made["StatusName"]) == (1, "PROCESSED")
        await client.till.control({"clock_s": 60})
        told = (await client.status(ReceiptId=made["ReceiptId"]))["Data"]
        assert (told["StatusCode"], told["StatusName"]) == (2, "CONFIRMED")
        assert told["Device"] == made["Device"]


async def test_a_status_holds_the_numbers_of_the_document() -> None:
    async with a_client() as client:
        made = await client.made(await client.number())
        (document,) = await client.till.ledger()
        device = made["Device"]
        qr = dict(each.split("=") for each in document["qr"].split("&"))
        assert (device["FN"], device["FDN"], device["FPD"].lstrip("0")) == (
            qr["fn"],
            qr["i"],
            qr["fp"],
        )
        at = datetime.strptime(qr["t"], "%Y%m%dT%H%M%S").isoformat()  # noqa: DTZ007, local by law
        # Local, whatever its name says: so it was seen.
        assert made["ReceiptDateUtc"] == at
        assert made["ReceiptDateTimeIso"] == f"{at}+03:00[Europe/Moscow]"
        async with client.till.http.get(device["OfdReceiptUrl"]) as page:
            assert "Капучино" in await page.text()


async def test_the_date_has_other_readings() -> None:
    told = {}
    for reading in ("local", "utc"):
        async with a_client(date=reading) as client:
            made = await client.made(await client.number())
            (document,) = await client.till.ledger()
            assert "ReceiptDateTimeIso" not in made
            at = datetime.strptime(document["qr"][2:17], "%Y%m%dT%H%M%S")  # noqa: DTZ007
            told[reading] = at - datetime.fromisoformat(made["ReceiptDateUtc"])
    assert told == {"local": timedelta(), "utc": timedelta(hours=3)}


async def test_the_ledger_shows_the_tags_of_the_format() -> None:
    async with a_client() as client:
        await client.made(await client.number())
        (document,) = await client.till.ledger()
    assert (document["key"], document["total"], document["sign"]) == ("sale-1", 12050, 1)
    assert document["request"] == REQUEST
    assert document["tags"] == {
        "1209": 4,
        "1018": INN,
        "1055": 2,
        "1036": "123",
        "1009": "г. Москва, ул. Примерная, д. 1",
        "1187": "1 этаж",
        "1030": "Капучино",
        "1023": 2.0,
        "1079": "60.25",
        "1043": "120.50",
        "1199": 11,
        "1212": 1,
        "1214": 4,
        "1031": "20.50",
        "1081": "100.00",
        "1008": "checks@coffee.example",
    }


async def test_what_a_request_leaves_out_is_the_registers_own() -> None:
    told = copy.deepcopy(REQUEST)
    receipt = told["Request"]["CustomerReceipt"]
    for name in ("AutomaticDeviceNumber", "InstallmentAddress", "InstallmentPlace"):
        del receipt[name]
    async with a_client() as client:
        await client.made(await client.number(told))
        tags = await client.till.tags()
    assert (tags["1036"], tags["1009"], tags["1187"]) == ("0", DATA_CENTRE, "coffee.example")


async def test_a_correction_and_a_mark_are_in_the_ledger() -> None:
    told = request_with("Type", value="IncomeCorrection")
    receipt = told["Request"]["CustomerReceipt"]
    cause = {"Type": "SELF", "Description": "сами", "ReceiptDate": "21.11.26"}
    receipt["CorrectionInfo"] = cause
    mark = {"Type": "GS1M", "Code": "01…", "PlannedStatus": "PIECE_PRODUCT_INCOME"}
    receipt["Items"][0]["MarkingCodeData"] = mark
    async with a_client() as client:
        await client.made(await client.number(told))
        (document,) = await client.till.ledger()
    tags = document["tags"]
    assert document["correction"]
    assert (tags["1173"], tags["1178"], tags["2000"], tags["2003"]) == (0, "21.11.26", "01…", 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], 1002),
        ({}, 1002),
        (request_with("CustomerReceipt", value=None), 1002),
        (request_with("CustomerReceipt", "Items", value=[{}]), 1002),
        (request_with("InvoiceId", value=""), 1003),
        (request_with("InvoiceId", value=7), 1003),
        (request_with("Type", value="Gift"), 1004),
        (request_with("Inn", value="7700000000"), 1005),
        (request_with("CustomerReceipt", "TaxationSystem", value="Simple"), 1006),
        (request_with("CustomerReceipt", "Items", value=[]), 1007),
        (request_with("Type", value="IncomeCorrection"), 1008),
        # It is a whole number, not a text.
        (request_with("CustomerReceipt", "AutomaticDeviceNumber", value="vm-1"), 1009),
        (request_with("CustomerReceipt", "AutomatNumber", value=1), 1009),
        (request_with("CustomerReceipt", "BillAddress", value="x" * 257), 1010),
        (request_with("CustomerReceipt", "Items", 0, "Label", value="x" * 129), 1011),
        (request_with("CustomerReceipt", "Items", 0, "Vat", value="Vat18"), 1012),
        (request_with("CustomerReceipt", "Items", 0, "Price", value=60.255), 1013),
        (request_with("CustomerReceipt", "Items", 0, "Amount", value=120), 1014),
        (request_with("CustomerReceipt", "Items", 0, "MarkingCodeData", value={}), 1015),
        (request_with("CustomerReceipt", "PaymentItems", value=[]), 1016),
        # What is rounded is not what was told, and a text is no number.
        (request_with("CustomerReceipt", "Items", 0, "Amount", value=120.501), 1013),
        (request_with("CustomerReceipt", "Items", 0, "PaymentMethod", value="4"), 1027),
        (request_with("CustomerReceipt", "PaymentItems", 0, "Sum", value=120.501), 1028),
        (request_with("CustomerReceipt", "PaymentItems", 0, "PaymentType", value="1"), 1028),
        (request_with("CustomerReceipt", "InstallmentAddress", value=""), 1010),
        (request_with("CustomerReceipt", "InstallmentPlace", value="x" * 257), 1010),
        (request_with("CustomerReceipt", "Timezone", value="2"), 1026),
        (request_with("LocalDate", value="23.11.2026 13:45"), 1017),
        (request_with("CustomerReceipt", "CorrectionInfo", value={"Type": "GIFT"}), 1002),
    ],
)
async def test_wrong_contents_are_refused_with_status_200(body: object, code: int) -> None:
    async with a_client(inn=INN) as client:
        assert failed(await client.sell(body))[0] == code
        assert await client.till.ledger() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
PLACES = [
    ("Request",),
    ("Request", "CustomerReceipt"),
    ("Request", "CustomerReceipt", "Items"),
    ("Request", "CustomerReceipt", "Items", 0),
    ("Request", "CustomerReceipt", "Items", 0, "Vat"),
    ("Request", "CustomerReceipt", "Items", 0, "Price"),
    ("Request", "CustomerReceipt", "PaymentItems"),
    ("Request", "CustomerReceipt", "TaxationSystem"),
    ("Request", "Type"),
]


@given(place=st.sampled_from(PLACES), value=JSON)
def test_whatever_stands_anywhere_is_refused_or_taken(
    place: tuple[str | int, ...], value: object
) -> None:
    told = copy.deepcopy(REQUEST)
    inner: Any = told
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    found = problem(told, None)
    assert found is None or isinstance(found[0], int)


# Repetitions and look-up. ------------------------------------------------------------------------


async def test_a_known_key_is_refused_with_the_number_of_before_in_dashes() -> None:
    async with a_client() as client:
        number = await client.number()
        code, message = failed(await client.sell(status=400))
        assert (code, re.findall(f"--({GUID})--", message)[0][0]) == (1019, number)
        await client.made(number)
        assert failed(await client.sell(status=400))[0] == 1019
        assert await client.till.keys() == ["sale-1"]


async def test_the_other_reading_answers_a_known_key_as_before() -> None:
    async with a_client(duplicate="same") as client:
        number = await client.number()
        assert await client.number() == number


async def test_a_forgotten_key_is_a_second_receipt() -> None:
    async with a_client() as client:
        number = await client.number()
        await client.made(number)
        await client.till.control({"forget": True})
        await client.authorize()
        assert await client.number() != number


async def test_the_status_is_told_by_the_key_too_unless_it_is_not() -> None:
    async with a_client(delay_s=3600) as client:
        number = await client.number()
        assert (await client.status(InvoiceId="sale-1"))["Data"]["ReceiptId"] == number
        assert failed(await client.status(InvoiceId="sale-2")) == (1024, "Чек не найден")
        assert failed(await client.status(ReceiptId="sale-1")) == (1024, "Чек не найден")
    async with a_client(look_up=False) as client:
        await client.number()
        assert failed(await client.status(InvoiceId="sale-1"))[0] == 1025


async def test_a_question_about_nothing_is_refused() -> None:
    async with a_client() as client:
        path = f"kkt/cloud/status?AuthToken={client.token}"
        for body in ([], {}, {"Request": []}):
            assert failed(await client.post(path, body))[0] == 1002


# Faults. -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("refuse", 200, 1020), ("auth", 403, 1021), ("busy", 429, 1022), ("no_register", 200, 1023)],
)
async def test_a_refusal_on_demand_records_nothing(fault: str, status: int, code: int) -> None:
    async with a_client() as client:
        await client.till.fault(fault)
        assert failed(await client.sell(status=status))[0] == code
        assert failed(await client.status(InvoiceId="sale-1"))[0] == 1024
        await client.number()


@pytest.mark.parametrize("fault", ["expire", "fail"])
async def test_a_receipt_may_come_to_nothing(fault: str) -> None:
    async with a_client() as client:
        await client.till.fault(fault)
        made = await client.made(await client.number())
        assert (made["StatusCode"], made["StatusName"]) == (3, "KKT_ERROR")
        assert made["Device"] is None
        assert await client.till.ledger() == []


async def test_a_full_drive_says_so() -> None:
    async with a_client() as client:
        await client.till.control({"drive": 0})
        made = await client.made(await client.number())
        assert made["StatusMessage"] == "Ресурс фискального накопителя исчерпан"


async def test_a_lost_receipt_is_not_found() -> None:
    async with a_client(delay_s=3600) as client:
        number = await client.number()
        await client.till.control({"lose": True})
        assert failed(await client.status(ReceiptId=number)) == (1024, "Чек не найден")


# Pushes. -----------------------------------------------------------------------------------------


async def test_a_push_goes_where_the_request_says_without_a_signature() -> None:
    async with a_hook() as hook, a_client() as client:
        number = await client.number(request_with("CallbackUrl", value=hook.url))
        await eventually(lambda: _heard(hook.heard))
        body, headers = hook.heard[0]
        told = json.loads(body)
        assert (told["ReceiptId"], told["InvoiceId"], told["StatusCode"]) == (number, "sale-1", 1)
        assert not [name for name in headers if "sign" in name.lower() or "hmac" in name.lower()]


async def test_a_spoiled_push_is_about_a_receipt_that_nobody_asked_for() -> None:
    async with a_hook() as hook, a_client() as client:
        await client.till.fault("bad_signature")
        number = await client.number(request_with("CallbackUrl", value=hook.url))
        await eventually(lambda: _heard(hook.heard))
        told = json.loads(hook.heard[0][0])
    assert number != told["ReceiptId"]
    assert told["InvoiceId"] != "sale-1"


async def _heard(heard: list[Any]) -> bool:
    return bool(heard)


# The command line. -------------------------------------------------------------------------------


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add(parser)
    return parser.parse_args(
        words, argparse.Namespace(provider="ferma", delay=0.0, listen="127.0.0.1:8085")
    )


def test_a_password_is_made_and_told_unless_there_is_one(tmp_path: Path) -> None:
    drive = Drive(None)
    try:
        _, (first, *_) = opened(arguments(), drive)
        _, (second, *_) = opened(arguments(), drive)
        assert first.startswith("login demo, password ")
        assert first != second
        file = tmp_path / "password"
        file.write_text("pw\n", "utf-8")
        (command,) = opened(arguments("--password-file", str(file)), drive)[1]
        assert f"--set password_file={file}" in command
        missing = str(tmp_path / "missing")
        with pytest.raises(
            ConfigError, match=f"--password-file: {missing} cannot be read: No such file"
        ):
            opened(arguments("--password-file", missing), drive)
    finally:
        drive.close()


async def test_the_options_choose_the_readings() -> None:
    words = ("--duplicate", "same", "--no-look-up", "--date", "utc", "--inn", INN)
    emulator, (told, *_) = opened(arguments(*words), Drive(None))
    async with a_till(emulator) as till:
        client = Client(till)
        await client.authorize(told.rpartition(" ")[2])
        number = await client.number()
        assert await client.number() == number
        assert failed(await client.status(InvoiceId="sale-1"))[0] == 1025
        assert failed(await client.sell(request_with("Inn", value="1")))[0] == 1005
        assert "ReceiptDateTimeIso" not in await client.made(number)

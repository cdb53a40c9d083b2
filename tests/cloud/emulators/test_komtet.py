"""The emulator keeps to what is known of the real Komtet Kassa; its ledger hides nothing.

Nothing here is our client's: what is asked is written from the reference.
"""

import argparse
import copy
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import eventually
from till import INN, Till, a_hook, a_till

from cloud.emulators.drive import Drive
from cloud.emulators.komtet import Komtet, Settings, add, opened
from cloud.emulators.komtet_checks import DATA_CENTRE, problem
from cloud.errors import ConfigError
from cloud.fiscal import read_qr

TASK: dict[str, Any] = {
    "external_id": "sale-1",
    "client": {"email": "checks@coffee.example"},
    "company": {
        "payment_address": "1 этаж",
        "place_address": "г. Москва, ул. Примерная, д. 1",
        "sno": 1,
        "inn": INN,
    },
    "print": False,
    "intent": "sell",
    "payments": [{"sum": 100, "type": "card"}, {"sum": 20.5, "type": "cash"}],
    "positions": [
        {
            "name": "Капучино",
            "price": 60.25,
            "quantity": 2,
            "total": 120.5,
            "measure": 0,
            "payment_method": "full_payment",
            "payment_object": "product",
            "vat": "22",
        }
    ],
}


def task_with(*path: str | int, value: object) -> dict[str, Any]:
    told = copy.deepcopy(TASK)
    inner: Any = told
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return told


def sign(text: bytes, key: str = "pw") -> str:
    return hmac.new(key.encode(), text, hashlib.md5).hexdigest()


@dataclass
class Client:
    """A shop with a queue, number 7."""

    till: Till
    shop: str = "demo"
    key: str = "pw"

    async def call(
        self, method: str, path: str, told: object = None, status: int = 200
    ) -> dict[str, Any]:
        url = f"{self.till.url}/api/shop/v2{path}"
        body = b"" if told is None else json.dumps(told, ensure_ascii=False).encode()
        signature = sign(f"{method}{url}".encode() + body, self.key)
        headers = {"Authorization": self.shop, "X-HMAC-Signature": signature}
        async with self.till.http.request(method, url, data=body, headers=headers) as answer:
            assert answer.status == status, await answer.text()
            heard: dict[str, Any] = await answer.json()
            return heard

    async def sell(self, told: object = TASK, status: int = 200) -> dict[str, Any]:
        return await self.call("POST", "/queues/7/task", told, status)

    async def task(self, number: int) -> dict[str, Any]:
        return await self.call("GET", f"/tasks/{number}")

    async def ended(self, number: int) -> dict[str, Any]:
        """A task that has left the queue."""

        async def left() -> bool:
            return (await self.task(number))["state"] != "new"

        await eventually(left)
        return await self.task(number)


@asynccontextmanager
async def a_client(**told: Any) -> AsyncIterator[Client]:  # noqa: ANN401, settings of many kinds
    async with a_till(Komtet(Settings("demo", "pw", queue=7, **told), Drive(None))) as till:
        yield Client(till)


# The signature. ----------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [{"shop": "other"}, {"key": "guessed"}])
async def test_a_stranger_is_forbidden_everything(told: dict[str, str]) -> None:
    async with a_client() as client:
        stranger = Client(client.till, **told)
        await stranger.sell(status=403)
        await stranger.call("GET", "/queues/7", status=403)
        await stranger.call("GET", "/tasks/1", status=403)
        assert await client.till.ledger() == []


async def test_a_signature_is_of_this_method_this_address_and_this_body() -> None:
    async with a_client() as client:
        url = f"{client.till.url}/api/shop/v2/queues/7/task"
        body = json.dumps(TASK).encode()
        texts = (
            f"GET{url}".encode() + body,
            f"POST{url}/".encode() + body,
            f"POST{url}".encode() + body + b" ",
            f"POST{url}".encode(),
        )
        for text in (*texts, None):
            headers = {"Authorization": "demo"}
            if text is not None:
                headers["X-HMAC-Signature"] = sign(text)
            async with client.till.http.post(url, data=body, headers=headers) as answer:
                assert answer.status == 403
        assert await client.till.ledger() == []


async def test_a_request_of_a_stranger_uses_up_no_fault() -> None:
    async with a_client() as client:
        await client.till.fault("refuse")
        await Client(client.till, key="guessed").sell(status=403)
        await client.sell(status=422)


# Queues and tasks. -------------------------------------------------------------------------------


async def test_a_queue_says_whether_it_is_active_and_takes_tasks_only_then() -> None:
    emulator = Komtet(Settings("demo", "pw", queue=7), Drive(None))
    async with a_till(emulator) as till:
        client = Client(till)
        assert await client.call("GET", "/queues/7") == {"id": 7, "state": "active"}
        emulator.active = False
        assert await client.call("GET", "/queues/7") == {"id": 7, "state": "passive"}
        assert (await client.sell(status=422))["description"] == "Очередь не активна"
        emulator.active = True
        await client.sell()


async def test_another_queue_is_not_found() -> None:
    async with a_client() as client:
        await client.call("GET", "/queues/8", status=404)
        await client.call("POST", "/queues/8/task", TASK, status=404)


async def test_a_task_is_new_and_then_done_with_the_fields_of_the_qr() -> None:
    async with a_client(delay_s=3600) as client:
        told = await client.sell()
        assert (told["external_id"], told["print_queue_id"], told["state"]) == ("sale-1", 7, "new")
        assert await client.task(told["id"]) == {
            "id": told["id"],
            "external_id": "sale-1",
            "state": "new",
            "error_description": None,
            "fiscal_data": None,
        }
    async with a_client() as client:
        told = await client.ended((await client.sell())["id"])
        (document,) = await client.till.ledger()
    assert told["state"] == "done"
    fiscal = told["fiscal_data"]
    qr = read_qr("&".join(f"{name}={fiscal[name]}" for name in ("t", "s", "fn", "i", "fp", "n")))
    whole = read_qr(document["qr"])
    assert qr is not None
    assert whole is not None
    assert (qr.fn, qr.fd, qr.fp, qr.total, qr.sign) == (
        whole.fn,
        whole.fd,
        whole.fp,
        whole.total,
        whole.sign,
    )
    assert qr.at == whole.at[:-2]


async def test_the_ledger_shows_the_tags_of_the_format() -> None:
    told = copy.deepcopy(TASK)
    told["additional_user_props"] = {"name": "Автомат №", "value": "vm-1"}
    async with a_client(automat="00000042") as client:
        await client.ended((await client.sell(told))["id"])
        (document,) = await client.till.ledger()
    assert (document["key"], document["total"], document["sign"]) == ("sale-1", 12050, 1)
    assert document["request"] == told
    # 1036 is the register's own: a task has no field for it.
    assert document["tags"] == {
        "1209": 4,
        "1018": INN,
        "1055": 2,
        "1036": "00000042",
        "1009": "г. Москва, ул. Примерная, д. 1",
        "1187": "1 этаж",
        "1030": "Капучино",
        "1023": 2,
        "1079": "60.25",
        "1043": "120.50",
        "1199": 11,
        "1212": 1,
        "1214": 4,
        "1031": "20.50",
        "1081": "100.00",
        "1008": "checks@coffee.example",
        "1085": "Автомат №",
        "1086": "vm-1",
        "2108": 0,
    }


async def test_an_address_that_is_left_out_is_the_registers_own() -> None:
    told = copy.deepcopy(TASK)
    del told["company"]["place_address"]
    async with a_client() as client:
        await client.ended((await client.sell(told))["id"])
        assert (await client.till.tags())["1009"] == DATA_CENTRE


async def test_a_correction_and_a_mark_are_in_the_ledger() -> None:
    told = task_with("intent", value="sellCorrection")
    told["correction_info"] = {"type": "instruction", "base_date": "21.11.2026", "base_number": "7"}
    told["positions"][0]["mark_code"] = {"gs1m": "01…"}
    rule = {"federal_id": "030", "date": "16.06.2022", "number": "174", "value": "mode=vend"}
    told["positions"][0]["sectoral_item_props"] = [rule]
    async with a_client() as client:
        await client.ended((await client.sell(told))["id"])
        (document,) = await client.till.ledger()
    tags = document["tags"]
    assert document["correction"]
    assert (tags["1173"], tags["1178"], tags["1179"]) == (1, "21.11.2026", "7")
    assert (tags["2000"], tags["1262"], tags["1265"]) == ("01…", "030", "mode=vend")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "Некорректный JSON"),
        ({}, "Некорректная структура"),
        (task_with("company", value=None), "Некорректная структура"),
        (task_with("external_id", value=""), "external_id"),
        (task_with("external_id", value=7), "external_id"),
        (task_with("intent", value="gift"), "intent"),
        (task_with("company", "sno", value=6), "company.sno"),
        (task_with("company", "payment_address", value=""), "company.payment_address"),
        (task_with("additional_check_props", value="x" * 17), "additional_check_props"),
        (task_with("intent", value="sellCorrection"), "correction_info"),
        (task_with("positions", value=[]), "positions"),
        (task_with("positions", 0, "name", value="x" * 129), "positions.name"),
        (task_with("positions", 0, "vat", value="18"), "positions.vat"),
        (task_with("positions", 0, "payment_object", value="gift"), "positions.payment_object"),
        (task_with("positions", 0, "payment_object", value="tm"), "positions.mark_code"),
        (task_with("positions", 0, "mark_code", value={"new": "x"}), "positions.mark_code"),
        (task_with("positions", 0, "price", value=60.255), "positions.price"),
        (task_with("positions", 0, "total", value=120), "positions.total"),
        (task_with("payments", value=[]), "payments"),
        # What is rounded is not what was told, and a text is no number.
        (task_with("positions", 0, "total", value=120.501), "positions.price"),
        (task_with("payments", 0, "sum", value=100.001), "payments.sum"),
        (task_with("positions", 0, "measure", value="0"), "positions.measure"),
        (task_with("company", "place_address", value=""), "company.place_address"),
        (task_with("company", "inn", value="77"), "company.inn"),
        (task_with("timezone", value="2"), "timezone"),
        (task_with("payments", 0, "type", value="gift"), "payments.type"),
        (task_with("positions", 0, "payment_method", value="gift"), "Некорректная структура"),
    ],
)
async def test_wrong_contents_are_refused_with_422(body: object, field: str) -> None:
    async with a_client() as client:
        told = await client.sell(body, status=422)
        assert told["description"].startswith(field)
        assert await client.till.ledger() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
PLACES = [
    ("company",),
    ("company", "sno"),
    ("intent",),
    ("payments",),
    ("positions",),
    ("positions", 0),
    ("positions", 0, "vat"),
    ("positions", 0, "price"),
    ("positions", 0, "mark_code"),
]


@given(place=st.sampled_from(PLACES), value=JSON)
def test_whatever_stands_anywhere_is_refused_or_taken(
    place: tuple[str | int, ...], value: object
) -> None:
    found = problem(task_with(*place, value=value))
    assert found is None or found


# Repetitions. ------------------------------------------------------------------------------------


async def test_a_known_key_is_refused_without_the_number_of_its_task() -> None:
    async with a_client() as client:
        number = (await client.sell())["id"]
        told = await client.sell(status=422)
        sentence = "external_id: Чек с внешним идентификатором sale-1 уже существует"
        assert told["description"] == sentence
        assert str(number) not in json.dumps(told)
        await client.ended(number)
        assert await client.sell(status=422) == told
        assert await client.till.keys() == ["sale-1"]


async def test_nothing_is_looked_up_by_the_key() -> None:
    async with a_client() as client:
        await client.sell()
        await client.call("GET", "/tasks/sale-1", status=404)


async def test_a_forgotten_key_is_a_second_receipt() -> None:
    async with a_client() as client:
        number = (await client.sell())["id"]
        await client.ended(number)
        await client.till.control({"forget": True})
        assert (await client.sell())["id"] != number


# Faults. -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status"), [("refuse", 422), ("auth", 403), ("busy", 429), ("no_register", 422)]
)
async def test_a_refusal_on_demand_records_nothing(fault: str, status: int) -> None:
    async with a_client() as client:
        await client.till.fault(fault)
        await client.sell(status=status)
        assert await client.till.ledger() == []
        await client.sell()


@pytest.mark.parametrize(
    ("fault", "said"), [("expire", "Истекло время ожидания кассы"), ("fail", "Ошибка кассы")]
)
async def test_a_task_may_come_to_nothing(fault: str, said: str) -> None:
    async with a_client() as client:
        await client.till.fault(fault)
        told = await client.ended((await client.sell())["id"])
        assert (told["state"], told["error_description"]) == ("error", said)
        assert told["fiscal_data"] is None
        assert await client.till.ledger() == []


async def test_a_full_drive_says_so() -> None:
    async with a_client() as client:
        await client.till.control({"drive": 0})
        told = await client.ended((await client.sell())["id"])
        assert told["error_description"] == "Ресурс фискального накопителя исчерпан"


async def test_a_lost_task_is_not_found() -> None:
    async with a_client(delay_s=3600) as client:
        number = (await client.sell())["id"]
        await client.till.control({"lose": True})
        await client.call("GET", f"/tasks/{number}", status=404)


# Pushes. -----------------------------------------------------------------------------------------


async def test_a_push_is_the_task_signed_over_the_address_it_goes_to() -> None:
    async with a_hook() as hook, a_client() as client:
        number = (await client.sell(task_with("callback_url", value=hook.url)))["id"]
        await eventually(lambda: _heard(hook.heard))
        body, headers = hook.heard[0]
        assert json.loads(body) == await client.task(number)
        assert headers["X-HMAC-Signature"] == sign(f"POST{hook.url}".encode() + body)


async def test_a_spoiled_push_is_signed_with_another_secret() -> None:
    async with a_hook() as hook, a_client() as client:
        await client.till.fault("bad_signature")
        await client.sell(task_with("callback_url", value=hook.url))
        await eventually(lambda: _heard(hook.heard))
        body, headers = hook.heard[0]
        assert headers["X-HMAC-Signature"] == sign(f"POST{hook.url}".encode() + body, "wrong")


async def test_the_other_reading_signs_no_push_and_spoils_what_it_is_about() -> None:
    async with a_hook() as hook, a_client(signs=False) as client:
        await client.till.fault("bad_signature")
        await client.sell(task_with("callback_url", value=hook.url))
        await eventually(lambda: _heard(hook.heard))
        body, headers = hook.heard[0]
        assert "X-HMAC-Signature" not in headers
        assert json.loads(body)["external_id"] != "sale-1"


async def _heard(heard: list[Any]) -> bool:
    return bool(heard)


# The command line. -------------------------------------------------------------------------------


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add(parser)
    return parser.parse_args(
        words, argparse.Namespace(provider="komtet", delay=0.0, listen="127.0.0.1:8085")
    )


def test_a_secret_is_made_and_told_unless_there_is_one(tmp_path: Path) -> None:
    drive = Drive(None)
    try:
        _, (first, *_) = opened(arguments(), drive)
        _, (second, *_) = opened(arguments(), drive)
        assert first.startswith("shop demo, queue 1, secret ")
        assert first != second
        file = tmp_path / "secret"
        file.write_text("pw\n", "utf-8")
        _, told = opened(arguments("--secret-file", str(file)), drive)
        assert told[0] == "shop demo, queue 1"
        assert f"--set secret_file={file}" in told[1]
        assert len(told) == 2
        missing = str(tmp_path / "missing")
        with pytest.raises(
            ConfigError, match=f"--secret-file: {missing} cannot be read: No such file"
        ):
            opened(arguments("--secret-file", missing), drive)
    finally:
        drive.close()


async def test_the_options_choose_the_shop_and_the_readings() -> None:
    words = ("--shop-id", "shop", "--queue", "7", "--automat", "42", "--unsigned")
    emulator, (told, *_) = opened(arguments(*words), Drive(None))
    async with a_hook() as hook, a_till(emulator) as till:
        client = Client(till, "shop", told.rpartition(" ")[2])
        await client.ended((await client.sell(task_with("callback_url", value=hook.url)))["id"])
        assert (await till.tags())["1036"] == "42"
        await eventually(lambda: _heard(hook.heard))
        assert "X-HMAC-Signature" not in hook.heard[0][1]

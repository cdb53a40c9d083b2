"""The contract's messages against files that are never edited once they are released."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import wire
from edge.wire import (
    Ack,
    CloudState,
    Fiscal,
    Health,
    MalformedMessageError,
    Receipt,
    ReceiptAck,
    Sale,
    Shown,
    State,
    Tender,
    decode,
    encode,
)
from edge.wire.messages import MAX_BYTES

GOLDEN = Path(__file__).parent / "v1"
SALE_ID = "0193a5d2-7c1e-7b54-9d0e-2f6f0a9c1b11"
BOOT = "0b6c1c9e-8d0f-4f4b-9d51-1f6f7c0f2a11"
Any_ = Sale | Ack | Receipt | ReceiptAck | Shown | State | Health | CloudState

MESSAGES: dict[str, Any_] = {
    "sale": Sale(
        sale_id=SALE_ID,
        machine="vm-000123",
        epoch="7f3a9c1e",
        seq=1041,
        sold_at="2026-11-23T15:42:10.512Z",
        clock="synced",
        boot_id=BOOT,
        boottime_ms=512345678,
        item="0001",
        kind="paid",
        amount=12510,
        currency="RUB",
        tenders=(Tender(by="cashless-1", amount=12510),),
        confidence="confirmed",
        raw={"price": 1251, "scale": 10, "decimals": 2},
        token="k7q2m9x4t8b3c5wz",
    ),
    "sale-unknown": Sale(
        sale_id=SALE_ID[:-1] + "2",
        machine="vm-000123",
        epoch="7f3a9c1e",
        seq=1042,
        sold_at="1970-01-01T00:00:12.000Z",
        clock="unsynced",
        boot_id=BOOT,
        boottime_ms=12000,
        item=None,
        kind="paid",
        amount=None,
        currency=None,
        tenders=(Tender(by="cash", amount=None),),
        confidence="presumed",
        raw={"item": "ffff", "approved": None},
        token="0000000000000000",
    ),
    "ack": Ack(
        epoch="7f3a9c1e",
        upto=1041,
        missing=(1039, 1040),
        time="2026-11-23T15:42:10.900Z",
        hold_s=5,
    ),
    "receipt": Receipt(
        sale_id=SALE_ID,
        rev=1,
        status="issued",
        qr="t=20261123T1842&s=125.10&fn=9999078900000000&i=12345&fp=1234567890&n=1",
        link="https://chek.example/r/k7q2m9x4t8b3c5wz",
        fiscal=Fiscal(
            fn="9999078900000000", fd=12345, fp=1234567890, at="2026-11-23T18:42", total=12510
        ),
    ),
    "receipt-refused": Receipt(sale_id=SALE_ID, rev=2, status="refused"),
    "receipt-ack": ReceiptAck(sale_id=SALE_ID, rev=1),
    "shown": Shown(
        sale_id=SALE_ID,
        rev=1,
        on="screen",
        shown_at="2026-11-23T15:42:11.700Z",
        hidden_at="2026-11-23T15:43:11.702Z",
        reason="timeout",
        frame_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    "state": State(
        online=True,
        boot_id=BOOT,
        epoch="7f3a9c1e",
        next_seq=1042,
        oldest_unacked=1041,
        version="0.1.0",
        clock="synced",
    ),
    "health": Health(uptime_s=86400, pending=3, sales=1041, bus_faults=7),
    "cloud-state": CloudState(online=True, instance="5d1f"),
}
LEAST: list[tuple[dict[str, object], Any_]] = [
    ({"epoch": "7f3a9c1e", "upto": 0, "time": ""}, Ack(epoch="7f3a9c1e", upto=0, time="")),
    (
        {"sale_id": SALE_ID, "rev": 1, "status": "pending"},
        Receipt(sale_id=SALE_ID, rev=1, status="pending"),
    ),
    ({"online": False}, State(online=False)),
    ({}, Health()),
    ({"online": False}, CloudState(online=False)),
]
GOLDENS = pytest.mark.parametrize("name", MESSAGES)


def golden(name: str) -> dict[str, Any]:
    written: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    return written


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


@GOLDENS
def test_a_golden_message_is_its_value(name: str) -> None:
    expected = MESSAGES[name]
    assert decode((GOLDEN / f"{name}.json").read_bytes(), type(expected)) == expected


@GOLDENS
def test_a_value_is_its_golden_message(name: str) -> None:
    assert json.loads(encode(MESSAGES[name])) == golden(name)


def test_every_message_has_a_golden_file_and_every_file_a_message() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(MESSAGES)
    parts = {"Tender", "Fiscal"}
    kinds = {name for name in wire.__all__ if hasattr(getattr(wire, name), "__struct_fields__")}
    assert {type(message).__name__ for message in MESSAGES.values()} == kinds - parts


@GOLDENS
def test_a_field_of_a_later_version_is_ignored(name: str) -> None:
    later = golden(name) | {"colour": {"of": ["the", "cup"]}}
    assert decode(as_bytes(later), type(MESSAGES[name])) == MESSAGES[name]


def test_a_field_of_a_later_version_is_ignored_inside_a_message_as_well() -> None:
    sale = golden("sale")
    sale["tenders"][0]["card"] = "2200"
    assert decode(as_bytes(sale), Sale) == MESSAGES["sale"]


@pytest.mark.parametrize(("written", "expected"), LEAST, ids=lambda each: type(each).__name__)
def test_what_was_added_has_a_default(written: dict[str, object], expected: Any_) -> None:
    assert decode(as_bytes(written), type(expected)) == expected


@pytest.mark.parametrize("field", sorted(set(golden("sale")) - {"raw"}))
def test_a_sale_without_one_of_its_fields_is_refused_by_name(field: str) -> None:
    sale = golden("sale")
    del sale[field]
    with pytest.raises(MalformedMessageError, match=f"missing required field `{field}`"):
        decode(as_bytes(sale), Sale)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("sale", "sale_id", "not-an-id"),
        ("sale", "sale_id", SALE_ID.upper()),
        ("sale", "sale_id", SALE_ID + "\n"),
        ("sale", "machine", "a/b"),
        ("sale", "machine", "vm+1"),
        ("sale", "machine", ""),
        ("sale", "machine", "vm-000123\n"),
        ("sale", "machine", "m" * 65),
        ("sale", "epoch", "7F3A9C1E"),
        ("sale", "epoch", "7f3a9c1e\n"),
        ("sale", "seq", 0),
        ("sale", "seq", 1041.5),
        ("sale", "seq", True),
        ("sale", "seq", 2**53 + 1),
        ("sale", "amount", -1),
        ("sale", "amount", 125.1),
        ("sale", "amount", "12510"),
        ("sale", "amount", 10**12 + 1),
        ("sale", "currency", "rub"),
        ("sale", "currency", "RUB\n"),
        ("sale", "kind", "stolen"),
        ("sale", "clock", "late"),
        ("sale", "confidence", "hoped"),
        ("sale", "tenders", [{"by": "cheque", "amount": 1}]),
        ("sale", "tenders", [{"by": "cash", "amount": 1}] * 9),
        ("sale", "token", "k7q2m9x4t8b3c5w"),
        ("sale", "token", "k7q2m9x4t8b3c5wi"),
        ("sale", "token", "k7q2m9x4t8b3c5wz\n"),
        ("sale", "item", "x" * 257),
        ("sale", "raw", {"price": 12.5}),
        ("ack", "upto", -1),
        ("ack", "missing", [1.5]),
        ("ack", "hold_s", 86401),
        ("receipt", "rev", 0),
        ("receipt", "status", "lost"),
        ("receipt", "qr", "q" * 257),
        ("receipt", "fiscal", {"fn": "12", "fd": 1, "fp": 1, "at": ""}),
        ("receipt", "fiscal", {"fn": "fn", "fd": 1, "fp": 1, "at": "", "total": 1}),
        ("receipt", "fiscal", {"fn": "١٢", "fd": 1, "fp": 1, "at": "", "total": 1}),
        ("receipt-ack", "rev", None),
        ("shown", "on", "wall"),
        ("shown", "frame_sha256", "9f86"),
        ("state", "online", 1),
        ("health", "pending", -1),
        ("cloud-state", "online", "yes"),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(name: str, field: str, value: object) -> None:
    with pytest.raises(MalformedMessageError, match=rf"\$\.{field}"):
        decode(as_bytes(golden(name) | {field: value}), type(MESSAGES[name]))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00",
        b"null",
        b"[]",
        b'"sale"',
        b"{",
        b"\xff\xfe{}",
        b"[" * 60000,
        b'{"online":"\\ud800"}',
    ],
)
def test_bytes_that_are_no_message_are_refused(payload: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        decode(payload, State)


def test_a_message_is_read_up_to_its_longest_and_no_further() -> None:
    written = as_bytes(golden("state"))
    assert decode(written.ljust(MAX_BYTES), State) == MESSAGES["state"]
    with pytest.raises(MalformedMessageError, match="65537 bytes; at most 65536 are read"):
        decode(written.ljust(MAX_BYTES + 1), State)


def test_money_keeps_every_digit() -> None:
    sale = decode(as_bytes(golden("sale") | {"amount": 999_999_999_999}), Sale)
    assert json.loads(encode(sale))["amount"] == 999_999_999_999


def test_a_message_is_frozen() -> None:
    with pytest.raises(AttributeError):
        MESSAGES["receipt-ack"].rev = 2  # type: ignore[union-attr, misc]


KINDS = st.sampled_from(sorted({type(each) for each in MESSAGES.values()}, key=str))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=5,
)


@given(st.binary(max_size=200), KINDS)
def test_random_bytes_raise_nothing_else(payload: bytes, kind: type[Any_]) -> None:
    try:
        decode(payload, kind)
    except MalformedMessageError:
        return


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_a_message_with_any_value_in_any_field_is_read_or_refused(
    name: str, data: st.DataObject
) -> None:
    written, kind = golden(name), type(MESSAGES[name])
    written[data.draw(st.sampled_from(sorted(written)))] = data.draw(JSON)
    try:
        message = decode(as_bytes(written), kind)
    except MalformedMessageError:
        return
    assert decode(encode(message), kind) == message


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_a_message_cut_anywhere_is_refused(name: str, data: st.DataObject) -> None:
    written = encode(MESSAGES[name])
    cut = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises(MalformedMessageError):
        decode(written[:cut], type(MESSAGES[name]))

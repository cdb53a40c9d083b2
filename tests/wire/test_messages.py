"""The contract's messages against files that are never edited once they are released."""

import json
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import wire
from edge.wire import (
    Ack,
    CloudState,
    Command,
    Desired,
    Fiscal,
    Health,
    Incident,
    MalformedMessageError,
    Noted,
    Receipt,
    ReceiptAck,
    Reported,
    Result,
    Sale,
    Shown,
    State,
    Tender,
    decode,
    encode,
    read_command,
)
from edge.wire.messages import MAX_BYTES
from edge.wire.orders import (
    MOST_PARTS,
    PART_BYTES,
    Capture,
    CollectLogs,
    Reprint,
    Restart,
    ShowLast,
    ShowText,
)

GOLDEN = Path(__file__).parent / "v1"
SALE_ID = "0193a5d2-7c1e-7b54-9d0e-2f6f0a9c1b11"
BOOT = "0b6c1c9e-8d0f-4f4b-9d51-1f6f7c0f2a11"
WISH = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
AT_NOON = "2026-11-23T12:00:00Z"
COMMANDS = typing.get_args(Command)
Told = Sale | Ack | Receipt | ReceiptAck | Shown | State | Health | CloudState
Ordered = Incident | Noted | Command | Desired | Reported | Result
Any_ = Told | Ordered

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
    "sale-bounded": Sale(
        sale_id=SALE_ID[:-1] + "3",
        machine="vm-000123",
        epoch="7f3a9c1e",
        seq=1043,
        sold_at="2026-11-22T06:00:00.000Z",
        clock="bounded",
        boot_id=BOOT,
        boottime_ms=9000,
        item="0002",
        kind="paid",
        amount=6000,
        currency="RUB",
        tenders=(Tender(by="cash", amount=6000),),
        confidence="confirmed",
        raw={"price": 600},
        token="k7q2m9x4t8b3c5w0",
        wall="2026-11-20T03:00:09.000Z",
        sold_after="2026-11-21T20:15:00.000Z",
        sold_before="2026-11-22T15:45:00.000Z",
    ),
    "ack-also": Ack(
        epoch="7f3a9c1e", upto=12, missing=(9,), time=AT_NOON, also=((512, 512), (1040, 1043))
    ),
    "ack-answers": Ack(
        epoch="7f3a9c1e", upto=1041, missing=(1039,), time=AT_NOON, answers="5d1f0c9a"
    ),
    "ack-stored": Ack(
        epoch="7f3a9c1e", upto=1041, time=AT_NOON, stored=(SALE_ID[:-1] + "2", SALE_ID)
    ),
    "state-nonce": State(
        online=True,
        boot_id=BOOT,
        epoch="7f3a9c1e",
        next_seq=1042,
        version="0.1.0",
        clock="unsynced",
        bus="heard",
        display="kiosk",
        nonce="5d1f0c9a",
    ),
    "shown-numbered": Shown(
        sale_id=SALE_ID,
        rev=1,
        on="paper",
        shown_at="2026-11-23T15:42:11.700Z",
        hidden_at="2026-11-23T15:42:11.700Z",
        reason="printed",
        frame_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        display="printer-1",
        clock="corrected",
        epoch="7f3a9c1e",
        number=77,
    ),
    "incident": Incident(
        epoch="7f3a9c1e",
        number=78,
        kind="outcome_unknown",
        at="2026-11-23T15:44:00.000Z",
        clock="synced",
        boot_id=BOOT,
        boottime_ms=512455678,
        text="the bus was silent after the approval",
        sale_id=SALE_ID,
        item="0001",
        amount=12510,
        currency="RUB",
    ),
    "noted": Noted(epoch="7f3a9c1e", numbers=(77, 78)),
    "health-whole": Health(
        uptime_s=86400,
        pending=3,
        sales=1041,
        bus_faults=7,
        oldest_s=40,
        notes=2,
        malformed=1,
        reconnects=5,
        disk_free_mb=12000,
        disk_refusals=1,
        late=4,
    ),
    "cmd-show-text": ShowText(expires_at=AT_NOON, text="Сдачи нет", for_s=30),
    "cmd-reprint": Reprint(expires_at=AT_NOON, sale_id=SALE_ID),
    "cmd-reprint-last": Reprint(expires_at=AT_NOON),
    "cmd-show-last": ShowLast(expires_at=AT_NOON),
    "cmd-restart": Restart(expires_at=AT_NOON),
    "cmd-capture": Capture(expires_at=AT_NOON, minutes=2.5),
    "cmd-collect-logs": CollectLogs(expires_at=AT_NOON, lines=200),
    "result": Result(status="failed", text="no display is connected"),
    "result-part": Result(
        status="done", text="9 lines", part=2, parts=3, body=bytes.fromhex("1f8b0800")
    ),
    "desired": Desired(
        version=7,
        receipts={"qr": "fiscal", "show_s": 90.5},
        products={"0001": "Капучино"},
    ),
    "reported": Reported(version=7, wish=WISH),
    "reported-refused": Reported(
        version=None, error="receipts.show_s: expected at least 40, found 10", wish=WISH
    ),
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
    ({"epoch": "7f3a9c1e", "numbers": []}, Noted(epoch="7f3a9c1e", numbers=())),
    (
        {"do": "show_text", "expires_at": "", "text": "!"},
        ShowText(expires_at="", text="!", for_s=60),
    ),
    ({"do": "collect_logs", "expires_at": ""}, CollectLogs(expires_at="", lines=1000)),
    ({"status": "done"}, Result(status="done")),
    ({"version": 0}, Desired(version=0)),
    ({"version": None}, Reported(version=None)),
]
STRICT = {"desired"}
"""Messages that are refused as a whole where a part of them is not known."""
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


def has(whole: object, part: object) -> bool:
    """Whether a message says all that another says; a later version says more, inside as well."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and has(whole[key], each) for key, each in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(has, whole, part))
    return type(part) is type(whole) and part == whole


@GOLDENS
def test_a_value_says_all_that_its_golden_message_says(name: str) -> None:
    assert has(json.loads(encode(MESSAGES[name])), golden(name))


@GOLDENS
def test_what_a_value_says_beyond_its_golden_message_is_what_silence_means(name: str) -> None:
    kind = type(MESSAGES[name])
    said = json.loads(encode(MESSAGES[name]))
    for field in said.keys() - golden(name).keys():
        silent = {key: each for key, each in said.items() if key != field}
        assert decode(as_bytes(silent), kind) == MESSAGES[name], field


def test_a_part_is_found_in_a_whole_and_nothing_else_is() -> None:
    whole = {"a": 1, "b": [{"c": None, "d": True}]}
    assert has(whole, {"b": [{"d": True}]})
    for other in ({"b": []}, {"b": [{"d": 1}]}, {"e": None}, {"a": 1.0}, {"b": [{"e": 1}]}):
        assert not has(whole, other)


def test_every_message_has_a_golden_file_and_every_file_a_message() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(MESSAGES)
    parts = {"Tender", "Fiscal"}
    kinds = {name for name in wire.__all__ if hasattr(getattr(wire, name), "__struct_fields__")}
    kinds |= {command.__name__ for command in COMMANDS}
    assert {type(message).__name__ for message in MESSAGES.values()} == kinds - parts


@pytest.mark.parametrize("name", [name for name in MESSAGES if name.startswith("cmd-")])
def test_a_command_is_read_without_knowing_which(name: str) -> None:
    assert read_command((GOLDEN / f"{name}.json").read_bytes()) == MESSAGES[name]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"do": "fly", "expires_at": AT_NOON}, "Invalid value 'fly'"),
        ({"expires_at": AT_NOON}, "missing required field `do`"),
        ({"do": "restart"}, "missing required field `expires_at`"),
        ({"do": "capture", "expires_at": AT_NOON, "minutes": 61}, r"\$\.minutes"),
    ],
)
def test_a_command_of_another_version_is_refused_by_name(
    written: dict[str, object], reason: str
) -> None:
    with pytest.raises(MalformedMessageError, match=reason):
        read_command(as_bytes(written))


def test_the_longest_part_of_an_answer_is_read() -> None:
    part = Result(status="done", text="\x01" * 1000, parts=MOST_PARTS, body=b"\xff" * PART_BYTES)
    written = encode(part)
    assert len(written) <= MAX_BYTES - 200, "no room for the topic in a packet of 64 KiB"
    assert decode(written, Result) == part


def test_a_wish_with_a_key_that_this_version_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(MalformedMessageError, match="unknown field `colour`"):
        decode(as_bytes(golden("desired") | {"colour": "red"}), Desired)


@pytest.mark.parametrize("name", sorted(MESSAGES.keys() - STRICT))
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
        ("ack-answers", "answers", "n" * 257),
        ("ack-answers", "answers", None),
        ("state-nonce", "nonce", 5),
        ("ack-also", "also", [[1, 2, 3]]),
        ("ack-also", "also", [[-1, 2]]),
        ("ack-also", "also", [[1, 1]] * 65),
        ("ack-stored", "stored", [SALE_ID, "1"]),
        ("ack-stored", "stored", [SALE_ID] * 1001),
        ("sale-bounded", "sold_after", 12),
        ("shown-numbered", "number", -1),
        ("shown-numbered", "epoch", "?"),
        ("incident", "number", 0),
        ("incident", "epoch", None),
        ("incident", "text", "x" * 1001),
        ("incident", "amount", 1.5),
        ("noted", "numbers", [1] * 1001),
        ("noted", "epoch", ""),
        ("health-whole", "late", None),
        ("cmd-show-text", "text", "x" * 201),
        ("cmd-show-text", "for_s", 0),
        ("cmd-reprint", "sale_id", "last"),
        ("cmd-capture", "minutes", 0),
        ("cmd-collect-logs", "lines", 0),
        ("result", "status", "maybe"),
        ("result", "parts", 0),
        ("result", "body", "no base64!"),
        ("desired", "version", "7"),
        ("desired", "receipts", []),
        ("reported", "wish", "7"),
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
        b'{"online":true,"a field of tomorrow":"\xff"}',
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


def test_a_part_beyond_the_last_is_refused() -> None:
    with pytest.raises(MalformedMessageError, match="part 4 of 3"):
        decode(as_bytes(golden("result-part") | {"part": 4}), Result)


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

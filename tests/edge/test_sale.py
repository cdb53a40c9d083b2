import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specimens import BOOT

from edge.clock import Moment
from edge.sale import ALPHABET, sale_id, sale_of, token
from edge.wire import Sale, decode, encode
from mdb import Sniffer, event, read_trace
from mdb.event import Confidence, Kind, Tender

TRACES = sorted((Path(__file__).parents[1] / "traces").glob("*.mdb"))
MOMENT = Moment(1_795_448_530_512, 512_345_678, BOOT, "synced")
CHANCE = bytes(range(20))
PAID = event.Sale(
    9.0,
    0x10,
    "0001",
    Kind.PAID,
    12510,
    "RUB",
    (Tender("cashless-1", 12510),),
    raw={"price": 1251, "scale": 10},
)
BACK = event.Return(9.0, 0x10, "0001", 500, "RUB", (Tender("cashless-1", 500),))


def named(vend: event.Sale | event.Return, moment: Moment = MOMENT, chance: bytes = CHANCE) -> Sale:
    return sale_of(vend, machine="vm-1", epoch="7f3a9c1e", seq=7, moment=moment, chance=chance)


def vends_of(trace: Path) -> list[event.Sale | event.Return]:
    sniffer = Sniffer()
    heard = [
        concluded
        for signal in read_trace(trace.read_text("utf-8").splitlines())
        for concluded in sniffer.feed(signal)
    ]
    heard += [concluded for each in sniffer.flush() for concluded in each.events]
    return [each for each in heard if isinstance(each, event.Sale | event.Return)]


def test_a_vend_becomes_a_sale_with_a_name_a_place_and_a_time() -> None:
    sale = named(PAID)
    assert (sale.machine, sale.epoch, sale.seq) == ("vm-1", "7f3a9c1e", 7)
    assert (sale.item, sale.kind, sale.amount, sale.currency) == ("0001", "paid", 12510, "RUB")
    assert [(each.by, each.amount) for each in sale.tenders] == [("cashless-1", 12510)]
    assert (sale.sold_at, sale.clock) == ("2026-11-23T15:42:10.512Z", "synced")
    assert (sale.boot_id, sale.boottime_ms) == (BOOT, 512_345_678)
    assert (sale.confidence, sale.raw) == ("confirmed", {"price": 1251, "scale": 10})


@pytest.mark.parametrize(
    ("vend", "kind", "confidence"),
    [
        *((event.Sale(0, 16, None, kind, 1, None, ()), kind.value, "confirmed") for kind in Kind),
        (
            event.Sale(0, 16, None, Kind.PAID, None, None, (), Confidence.PRESUMED),
            "paid",
            "presumed",
        ),
        (BACK, "return", "confirmed"),
    ],
)
def test_kind_and_confidence_are_the_bus_s(
    vend: event.Sale | event.Return, kind: str, confidence: str
) -> None:
    sale = named(vend)
    assert (sale.kind, sale.confidence) == (kind, confidence)


def test_what_the_bus_did_not_say_stays_unknown() -> None:
    vend = event.Sale(0, 0x10, None, Kind.PAID, None, None, (Tender("cash", None),))
    sale = decode(encode(named(vend)), Sale)
    assert (sale.item, sale.amount, sale.currency, sale.tenders[0].amount) == (None,) * 4


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_every_vend_of_every_trace_is_a_message_the_cloud_can_read(trace: Path) -> None:
    for vend in vends_of(trace):
        assert decode(encode(named(vend)), Sale) == named(vend)


def test_the_traces_hold_sales_and_returns() -> None:
    kinds = {type(vend) for trace in TRACES for vend in vends_of(trace)}
    assert kinds == {event.Sale, event.Return}


@pytest.mark.parametrize("amount", [-1, 10**12 + 1])
def test_an_amount_that_nothing_costs_is_unknown_and_kept_raw(amount: int) -> None:
    tender = Tender("cash", amount)
    vend = event.Sale(0, 0x10, None, Kind.PAID, amount, None, (tender,), raw={"price": amount})
    sale = decode(encode(named(vend)), Sale)
    assert (sale.amount, sale.tenders[0].amount, sale.raw) == (None, None, {"price": amount})


def test_what_the_clock_said_stands_beside_a_time_that_was_worked_out() -> None:
    told = sale_of(
        PAID, machine="vm-1", epoch="7f3a9c1e", seq=1, moment=MOMENT, chance=CHANCE, wall="1970"
    )
    assert (told.sold_at, told.wall) == (MOMENT.iso, "1970")
    assert named(PAID).wall is None


TIMES = st.integers(0, 2**48 - 1)
CHANCES = st.binary(min_size=10, max_size=10)


@given(TIMES, CHANCES)
def test_an_id_is_a_uuid_of_version_7_that_keeps_its_time(unix_ms: int, chance: bytes) -> None:
    named = uuid.UUID(sale_id(unix_ms, chance))
    assert (named.version, named.variant) == (7, uuid.RFC_4122)
    assert named.int >> 80 == unix_ms


@given(st.lists(TIMES, min_size=2, unique=True), CHANCES)
def test_ids_sort_by_their_time(times: list[int], chance: bytes) -> None:
    assert sorted(sale_id(each, chance) for each in times) == [
        sale_id(each, chance) for each in sorted(times)
    ]


def test_an_id_keeps_74_bits_of_chance() -> None:
    ids = {sale_id(0, (1 << bit).to_bytes(10, "big")) for bit in range(80)} - {
        sale_id(0, bytes(10))
    }
    assert len(ids) == 74


@given(CHANCES)
def test_a_token_keeps_every_bit_of_chance(chance: bytes) -> None:
    written = token(chance)
    value = 0
    for character in written:
        value = value * 32 + ALPHABET.index(character)
    assert len(written) == 16
    assert value.to_bytes(10, "big") == chance


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**42))
def test_any_chance_at_any_time_is_a_message_the_cloud_can_read(chance: bytes, ms: int) -> None:
    sale = named(PAID, Moment(ms, 0, BOOT, "unsynced"), chance)
    assert decode(encode(sale), Sale) == sale
    assert datetime.fromisoformat(sale.sold_at) == datetime.fromtimestamp(ms / 1000, UTC)


def test_the_id_tells_nothing_of_the_token() -> None:
    assert token(CHANCE[10:]) == named(PAID).token
    other = named(PAID, chance=CHANCE[:10] + bytes(10))
    assert other.sale_id == named(PAID).sale_id
    assert other.token != named(PAID).token

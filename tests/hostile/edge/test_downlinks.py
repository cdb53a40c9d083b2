"""What a stranger, or a cloud gone mad, sends down: nothing ends, nothing is lost, nothing foreign shows."""

import time
from pathlib import Path

import msgspec
import pytest
from hostile.edge.downlinks import SEEDS, hold
from hostile.edge.machine import EPOCH, MACHINE, a_life
from hostile.malice import garbage, tampered
from hypothesis import given, settings
from hypothesis import strategies as st
from specimens import receipt, sale

from edge.wire import CLOUD_STATE, Ack, Channel, Sale, decode, encode
from edge.wire.messages import MAX_BYTES

HONEST = {
    line.partition(b" ")[0]: msgspec.json.decode(line.partition(b" ")[2])
    for line in reversed(SEEDS)
    if line.endswith(b"}") and b"\n" not in line
}
TAILS = (*HONEST, b"cmd/a", b"cmd/../x", b"cmd/" + b"x" * 70, b"sale", b"../x/ack", b"", b"\xff")


@st.composite
def downlink(draw: st.DrawFn) -> bytes:
    """One line: a message of ours that was tampered with, or no message at all."""
    tail = draw(st.sampled_from(TAILS))
    honest = HONEST.get(tail)
    payload = draw(tampered(honest) if honest is not None else garbage)
    return tail + b" " + payload[:70_000].replace(b"\n", b" ")


@settings(max_examples=15, deadline=None)
@given(told=st.lists(st.sampled_from(SEEDS) | downlink(), min_size=1, max_size=8))
def test_nothing_that_comes_down_ends_an_agent_or_lets_a_sale_go(told: list[bytes]) -> None:
    hold(b"\n".join(told))


@pytest.mark.parametrize(
    "ack",
    [
        Ack(epoch=EPOCH, upto=2**53, time="2026-11-25T12:00:00Z"),
        Ack(epoch=EPOCH, upto=0, also=((1, 2**53),), time=""),
        Ack(epoch=EPOCH, upto=4, time="9999-12-31T23:59:59-14:00", hold_s=86400),
        Ack(epoch="0badcafe", upto=3, time="0001-01-01T00:00:00+14:00"),
    ],
)
async def test_an_ack_of_numbers_that_were_never_given_lets_nothing_go(
    ack: Ack, tmp_path: Path
) -> None:
    async with a_life(tmp_path) as life:
        sold = [await life.sold(item) for item in ("0001", "0002", "0003")]
        life.link.say(Channel.ACK.of(MACHINE), encode(ack))
        await life.taken(1)
        still = await life.disk.insist(life.outbox.open_sales, 0, 10)
        assert [decode(each.body, Sale) for each in still] == sold


async def test_an_ack_of_numbers_that_were_never_given_lets_nothing_go_however_often_it_comes(
    tmp_path: Path,
) -> None:
    """An old card was put back; the broker brings the cloud's word twice, and then come the answers."""
    async with a_life(tmp_path) as life:
        sold = [await life.sold(item) for item in ("0001", "0002", "0003")]
        for stored in ((), (), (sale(9).sale_id,), (sold[1].sale_id,)):
            ack = Ack(epoch=EPOCH, upto=10, time="2026-11-25T12:00:00Z", stored=stored)
            life.link.say(Channel.ACK.of(MACHINE), encode(ack))
        await life.taken(4)
        assert life.outbox.epoch != EPOCH
        still = await life.disk.insist(life.outbox.open_sales, 0, 10)
        assert [decode(each.body, Sale) for each in still] == [sold[0], sold[2]]


async def test_an_ack_that_misses_thirty_thousand_holds_up_nobody(tmp_path: Path) -> None:
    missing = tuple(range(4, 13_000))
    body = encode(Ack(epoch=EPOCH, upto=2, missing=missing, also=((1, 1),) * 64, time=""))
    assert MAX_BYTES // 2 < len(body) <= MAX_BYTES + 10_000
    async with a_life(tmp_path) as life:
        for item in ("0001", "0002", "0003"):
            await life.sold(item)
        began = time.process_time()
        for _ in range(5):
            life.link.say(Channel.ACK.of(MACHINE), body[:MAX_BYTES])
            life.link.say(
                Channel.ACK.of(MACHINE),
                encode(Ack(epoch=EPOCH, upto=0, missing=missing[:9000], time="")),
            )
        await life.taken(10)
        await life.sold("0004")
        # Its own time: what other processes have of the computer holds up nobody here.
        assert time.process_time() - began < 2


async def test_a_pause_that_was_asked_for_by_a_stranger_ends_with_the_next_word(
    tmp_path: Path,
) -> None:
    async with a_life(tmp_path) as life:
        await life.sold("0001")
        life.link.say(
            Channel.ACK.of(MACHINE), encode(Ack(epoch=EPOCH, upto=0, time="", hold_s=86400))
        )
        await life.taken(1)
        life.sell("0002")
        life.link.say(CLOUD_STATE, b'{"online":true,"instance":"another"}')
        await life.until("0002")


@pytest.mark.parametrize(
    "changes",
    [
        {"qr": "t=1&s=1"},
        {"qr": "x" * 257},
        {"qr": "\x1b[2J\0\u202e"},
        {"rev": 10**6},
        {"link": "https://evil.example/"},
    ],
)
async def test_a_receipt_of_a_sale_that_is_not_here_is_never_shown(
    changes: dict[str, object], tmp_path: Path
) -> None:
    async with a_life(tmp_path) as life:
        mine = await life.sold("0001")
        life.link.say(Channel.RECEIPT.of(MACHINE), encode(receipt(sale(7), **changes)))
        await life.taken(1)
        await life.sold("0002")
        codes = {each.code.text for each in life.screen.pictures if each.code is not None}
        tokens = {mine.token, life.sales["0002"].token}
        assert codes <= {f"https://chek.example/r/{token}" for token in tokens}
        assert not [*(tmp_path / "slips").glob("*.escpos")]

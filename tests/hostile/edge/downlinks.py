"""Whatever the broker may hand down to a machine, and what must hold all the same."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from hostile.edge.machine import EPOCH, MACHINE, PAGES, Life, a_life
from specimens import receipt, sale

from edge.wire import (
    CLOUD_STATE,
    Ack,
    Channel,
    MalformedMessageError,
    Receipt,
    Sale,
    decode,
    encode,
)
from edge.wire.topics import PREFIX

FIRST: Final = ("0001", "0002", "0003")
LAST: Final = "00ff"
STATE: Final = b"cloud"
"""Before a payload: it is of the cloud's own topic."""


def hold(told: bytes) -> None:
    """A line is a message: the end of its topic, a space, its payload."""
    messages = [line.partition(b" ")[::2] for line in told.split(b"\n") if line]
    with tempfile.TemporaryDirectory(prefix="chekomat-hostile-") as name:
        asyncio.run(_hold(Path(name), messages))


async def _hold(folder: Path, messages: list[tuple[bytes, bytes]]) -> None:
    async with a_life(folder) as life:
        sold = [await life.sold(item) for item in FIRST]
        named: set[int] = set()
        over = False
        for tail, written in messages:
            payload = written
            for each in sold:  # a hostile message may know the sales of this machine
                payload = payload.replace(b"SALE-%d" % each.seq, each.sale_id.encode())
            ack = _ack(tail, payload)
            if ack is not None and over and ack.stored is not None:
                named |= {each.seq for each in sold if each.sale_id in ack.stored}
            elif ack is not None and (over or not _doubtful(ack)):
                # Of an epoch that is over an older cloud's numbers count: there is nothing else.
                named |= _numbered(ack)
            over = over or (ack is not None and _doubtful(ack))
            life.link.say(_topic(tail), payload)
        await life.taken(len(messages))
        assert (life.outbox.epoch != EPOCH) == over
        open_now = await life.disk.insist(life.outbox.open_sales, 0, 100)
        still = {decode(each.body, Sale).sale_id for each in open_now}
        assert {each.sale_id for each in sold if each.seq not in named} <= still
        # And it goes on: what is sold now is kept, and told.
        life.sell(LAST)
        await _kept(life)
        life.link.say(CLOUD_STATE, b'{"online":true,"instance":"the true one, again"}')
        life.agent.uplink.begin_anew()
        await life.until(LAST)
        _judge_screen(life, {each.sale_id: each.token for each in life.sales.values()})


def _ack(tail: bytes, payload: bytes) -> Ack | None:
    """An ack of the epoch that the outbox began with, if it is one."""
    try:
        ack = decode(payload, Ack) if tail == b"ack" else None
    except MalformedMessageError:
        return None
    return ack if ack is not None and ack.epoch == EPOCH else None


def _doubtful(ack: Ack) -> bool:
    """Whether it says a number that was never given: the first such ack ends the epoch."""
    return max(ack.upto, *(last for _, last in ack.also), 0) > len(FIRST)


def _numbered(ack: Ack) -> set[int]:
    """Of the sales that were made, which it says by its numbers."""
    runs = [(1, ack.upto), *ack.also]
    given = range(1, len(FIRST) + 1)
    named = {seq for seq in given for first, last in runs if first <= seq <= last}
    return named - set(ack.missing)


def _topic(tail: bytes) -> str:
    return CLOUD_STATE if tail == STATE else f"{PREFIX}/{MACHINE}/{tail.decode('utf-8', 'replace')}"


async def _kept(life: Life) -> None:
    async with asyncio.timeout(10):
        while life.agent.keeper.waiting:
            assert not life.running.done(), life.running
            await asyncio.sleep(0.001)
    last = await life.disk.insist(life.outbox.last_sale)
    assert last is not None
    assert last[0].item == LAST


def _judge_screen(life: Life, tokens: dict[str, str]) -> None:
    """A code on the glass is the link of the sale beside it, or what its own receipt says."""
    for picture in life.screen.pictures:
        for words in (picture.title, picture.title_en, picture.product, picture.link or ""):
            assert words.isprintable(), words
        if picture.code is None:
            continue
        assert picture.sale_id in tokens
        own = {PAGES + tokens[picture.sale_id]}
        kept = life.outbox.receipt(picture.sale_id)
        if picture.kind in {"ready", "link"}:
            assert kept is not None
            assert kept.sale_id == picture.sale_id
        else:
            assert picture.code.text in own, picture


def _line(channel: Channel, message: Receipt | Ack) -> bytes:
    return channel.tail.encode() + b" " + encode(message)


def _issued(seq: int, **changes: object) -> bytes:
    whole = _line(Channel.RECEIPT, receipt(sale(seq), **changes))
    return whole.replace(sale(seq).sale_id.encode(), b"SALE-%d" % seq)


SEEDS: Final = [
    _line(
        Channel.ACK,
        Ack(
            epoch=EPOCH,
            upto=2,
            missing=(1,),
            time="2026-11-25T12:00:00Z",
            hold_s=1,
            stored=("SALE-2",),
        ),
    ),
    _line(Channel.ACK, Ack(epoch=EPOCH, upto=0, also=((2, 3),), time="9999-12-31T23:59:59-14:00")),
    _line(Channel.ACK, Ack(epoch="0badcafe", upto=99, time="", answers="x")),
    _line(Channel.ACK, Ack(epoch=EPOCH, upto=2**53, time="0001-01-01T00:00:00+14:00")),
    b"\n".join(
        _line(Channel.ACK, Ack(epoch=EPOCH, upto=10, time="", stored=stored))
        for stored in ((), (), ("SALE-2", "SALE-2"))
    ),
    _line(Channel.ACK, Ack(epoch="0badcafe", upto=10, time="", stored=("SALE-1", "SALE-3"))),
    _issued(1),
    _issued(2, rev=10**6, qr="\x1b[2J\x00\u202e" + "я" * 240, link="https://\x1b]0;x\x07\n/"),
    _issued(3, status="refused", qr=None),
    _issued(9),
    b'noted {"epoch":"7f3a9c1e","numbers":[1,2,3,9007199254740992]}',
    b'config/desired {"version":1,"receipts":{"show_s":90},"products":{"0001":"\\u202e\\u001b@"}}',
    b'config/desired {"version":2,"receipts":{"show_s":[[[[[1]]]]]},"products":{"x":{}}}',
    b'cmd/a1 {"do":"show_text","text":"\\u001b[2J","expires_at":"2099-01-01T00:00:00Z"}',
    b'cmd/a2 {"do":"reprint","expires_at":"9999-12-31T23:59:59-14:00"}',
    b'cmd/a3 {"do":"show_last","expires_at":"2099-01-01T00:00:00Z"}',
    b'cmd/a4 {"do":"collect_logs","lines":10,"expires_at":"2099-01-01T00:00:00Z"}',
    b'cmd/../../../etc {"do":"restart","expires_at":"2099-01-01T00:00:00Z"}',
    b'cmd/a5 {"do":"restart","expires_at":"2020-01-01T00:00:00Z"}',
    b'cmd/a6 {"do":"capture","minutes":0.0001,"expires_at":"2099-01-01T00:00:00Z"}',
    b'cloud {"online":true,"instance":"1"}\ncloud {"online":false}\ncloud {"online":true}',
    b"cloud \xff\xfe\x00",
]

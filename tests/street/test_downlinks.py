"""Whatever comes down may come twice, late, and in any order: it frees and shows what it may, once."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import Mosquitto, mosquitto, until
from specimens import receipt, sale
from street.living import MACHINE, OwnClock, Screen, a_life
from street.sink import Sink, a_sink

from edge.storage.outbox import Outbox
from edge.wire import CLOUD_STATE, Ack, Channel, CloudState, Noted, encode
from edge.wire.messages import Incident

pytestmark = pytest.mark.needs("mosquitto")
EPOCH, SALES = "7f3a9c1e", 12

acks = st.builds(
    lambda upto, missing, first, length: (
        Channel.ACK,
        Ack(
            epoch=EPOCH,
            upto=upto,
            missing=tuple(sorted({each for each in missing if each <= upto})),
            also=((upto + first + 1, min(SALES, upto + first + 1 + length)),)
            if upto + first + 1 <= SALES
            else (),
            time="2026-11-25T12:00:00Z",
        ),
    ),
    upto=st.integers(0, SALES),
    missing=st.lists(st.integers(1, SALES), max_size=3),
    first=st.integers(1, 4),
    length=st.integers(0, 3),
)
strangers = st.builds(
    lambda upto: (Channel.ACK, Ack(epoch="0badcafe", upto=upto, time="")), st.integers(0, 99)
)
receipts = st.builds(
    lambda seq, rev: (Channel.RECEIPT, receipt(sale(seq), rev)),
    seq=st.integers(1, SALES),
    rev=st.integers(1, 3),
)
noted = st.builds(
    lambda numbers: (Channel.NOTED, Noted(epoch=EPOCH, numbers=tuple(numbers))),
    st.lists(st.integers(1, 3), max_size=3),
)
clouds = st.builds(
    lambda online, instance: (None, CloudState(online=online, instance=instance)),
    online=st.booleans(),
    instance=st.sampled_from(["1", "2"]),
)
downlinks = st.lists(st.one_of(acks, acks, strangers, receipts, noted, clouds), max_size=25)


def stock(folder: Path) -> None:
    outbox = Outbox(folder / "outbox.sqlite", EPOCH)
    for seq in range(1, SALES + 1):
        outbox.put(sale(seq))
    for number in range(1, 4):
        outbox.notes.put_incident(
            Incident(
                epoch="00000000",
                number=1,
                kind="printer",
                at="2026-11-25T12:00:00Z",
                clock="synced",
                boot_id="x",
                boottime_ms=1,
                text=str(number),
            )
        )
    outbox.close()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(told=downlinks)
def test_downlinks_in_any_order_and_number_free_what_they_name_and_nothing_else(
    told: list[tuple[Channel | None, object]],
) -> None:
    with TemporaryDirectory(prefix="chekomat-down-") as name, mosquitto(Path(name)) as broker:
        asyncio.run(_hold(Path(name), broker, told))


async def _hold(folder: Path, broker: Mosquitto, told: list[tuple[Channel | None, object]]) -> None:
    stock(folder)
    named: set[int] = set()
    newest: dict[str, int] = {}
    count = 0
    async with a_sink(MACHINE, broker.port) as sink:
        sink.answers = False
        async with a_life(folder, broker.port, OwnClock(), Screen()) as life:
            await until(lambda: len(sink.sales) == SALES)
            for channel, message in told:
                body = encode(message)  # type: ignore[type-var]
                if channel is None:
                    sink.link.publish(CLOUD_STATE, body, 1)
                else:
                    sink.say(channel, body)
                if isinstance(message, Ack) and message.epoch == EPOCH:
                    for first, last in ((1, message.upto), *message.also):
                        named |= set(range(first, last + 1)) - set(message.missing)
                elif channel is Channel.RECEIPT:
                    count += 1
                    key = message.sale_id  # type: ignore[attr-defined]
                    newest[key] = max(newest.get(key, 0), message.rev)  # type: ignore[attr-defined]
            await _heard_all(sink, count)
            still = {place for place, *_ in life.outbox.open_sales(0, 100)}
            assert still == set(range(1, SALES + 1)) - named
            for sale_id, rev in newest.items():
                kept = life.outbox.receipt(sale_id)
                assert kept is not None
                assert kept.rev == rev
            # And then it goes on as ever.
            sink.answers = True
            sink.link.publish(CLOUD_STATE, encode(CloudState(online=True, instance="3")), 1)
            sink.acknowledge()
            await until(lambda: life.outbox.pending()[0] == 0)
    assert all(bodies == {encode(sale(seq))} for seq, bodies in sink.bodies.items())


async def _heard_all(sink: Sink, count: int) -> None:
    """A receipt behind all of it is acknowledged when all before it was taken."""
    sink.say(Channel.RECEIPT, encode(receipt(sale(99))))
    await until(lambda: len(sink.receipt_acks) == count + 1)

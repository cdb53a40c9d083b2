"""What machines say through a real broker: stored once, committed, then acknowledged."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from parts import Mosquitto, until
from shop import (
    EPOCH,
    MACHINE,
    MACHINE_AT_WORK,
    SHELVES,
    Peer,
    Thing,
    a_cloud,
    a_document,
    a_fleet,
    a_machine,
    a_sale,
    eventually,
    hear,
    id_of,
    incidents,
    leave,
    rows,
    sell,
    states,
    stock,
    stocked,
    token_of,
    write,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from cloud.bell import Bell
from cloud.inbox import BATCH, Inbox
from cloud.outcome import Done
from cloud.sequence import MOST_ALSO, MOST_MISSING
from cloud.store import Store, replies
from cloud.store.schema import incident, note, presence, receipt, reply, sale, showing, stream
from edge.wire import (
    CLOUD_STATE,
    Ack,
    Channel,
    Incident,
    Noted,
    ReceiptAck,
    Sale,
    Shown,
    State,
    decode,
    encode,
)
from edge.wire.link import Incoming, Link
from edge.wire.settings import Broker

pytestmark = pytest.mark.needs("mosquitto")

SALE_TOPIC = Channel.SALE.of(MACHINE)
STATE_TOPIC = Channel.STATE.of(MACHINE)


@pytest.fixture
async def machine(broker: Mosquitto) -> AsyncIterator[Peer]:
    async with a_machine(broker) as connected:
        yield connected


def a_showing(number: int, **told: object) -> Shown:
    ordinary = Shown(
        sale_id=id_of(1),
        rev=1,
        on="screen",
        shown_at=f"2026-11-23T15:42:{number % 60:02d}Z",
        hidden_at="2026-11-23T15:43:11Z",
        reason="next sale",
        frame_sha256="0" * 64,
        display="kiosk",
        clock="synced",
        epoch=EPOCH,
        number=number,
    )
    return msgspec.structs.replace(ordinary, **told)


def an_incident(number: int, **told: object) -> Incident:
    ordinary = Incident(
        epoch=EPOCH,
        number=number,
        kind="outcome_unknown",
        at="2026-11-23T15:42:11Z",
        clock="synced",
        boot_id="0b6c",
        boottime_ms=1,
        item="0001",
        amount=12010,
        currency="RUB",
    )
    return msgspec.structs.replace(ordinary, **told)


def noted(machine: Peer, epoch: str = EPOCH) -> set[int]:
    """What the machine may let go of."""
    told = [each for each in machine.heard(Noted) if each.epoch == epoch]
    return {number for each in told for number in each.numbers}


def last_ack(machine: Peer) -> tuple[int, tuple[int, ...]] | None:
    acks = machine.heard(Ack)
    return (acks[-1].upto, acks[-1].missing) if acks else None


async def kept(store: Store) -> list[int]:
    return [row.seq for row in await rows(store, sa.select(sale.c.seq).order_by(sale.c.seq))]


async def test_a_sale_is_stored_and_then_acknowledged(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await stocked(store)
    async with a_cloud(store, broker):
        machine.say(a_sale())
        await until(lambda: machine.heard(Ack))
        assert await states(store) == {id_of(1): "waiting"}
    (ack,) = machine.heard(Ack)
    assert (ack.epoch, ack.upto, ack.missing, ack.hold_s) == (EPOCH, 1, (), 0)
    assert ack.stored == (id_of(1),)
    assert ack.time.endswith("Z")


async def test_repeated_and_reordered_sales_are_each_stored_once(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await stocked(store)
    numbers = [3, 1, 1, 5, 2, 3, 4, 4, 1, 5]
    async with a_cloud(store, broker):
        for number in numbers:
            machine.say(a_sale(number))
        await until(lambda: last_ack(machine) == (5, ()))
        for number in reversed(numbers):
            machine.say(a_sale(number))
        machine.say(a_sale(6))
        await until(lambda: last_ack(machine) == (6, ()))
    assert await kept(store) == [1, 2, 3, 4, 5, 6]
    assert len(await states(store)) == 6
    assert await incidents(store) == []


async def test_a_gap_is_named_until_it_is_filled(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        for number in (1, 2, 5, 7):
            machine.say(a_sale(number))
        await until(lambda: last_ack(machine) == (7, (3, 4, 6)))
        for number in (4, 3):
            machine.say(a_sale(number))
        await until(lambda: last_ack(machine) == (7, (6,)))
        machine.say(a_sale(6))
        await until(lambda: last_ack(machine) == (7, ()))


async def test_a_new_epoch_is_acknowledged_by_itself(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        machine.say(a_sale(1))
        machine.say(a_sale(2, seq=1, epoch="00000001"))
        await until(lambda: {ack.epoch for ack in machine.heard(Ack)} == {EPOCH, "00000001"})
    assert all((ack.upto, ack.missing) == (1, ()) for ack in machine.heard(Ack))


async def test_the_same_id_with_another_body_is_an_incident_and_both_are_kept(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await stocked(store)
    async with a_cloud(store, broker):
        for told in (a_sale(), a_sale(amount=1), a_sale(amount=1), a_sale(2)):
            machine.say(told)
        await until(lambda: last_ack(machine) == (2, ()))
    first, _ = await rows(store, sa.select(sale.c.body).order_by(sale.c.seq))
    assert decode(first.body.encode(), Sale) == a_sale()
    (beside,) = await rows(store, sa.select(incident))
    assert (beside.kind, beside.machine, beside.sale_id) == ("conflict", MACHINE, id_of(1))
    assert decode(beside.body, Sale) == a_sale(amount=1)
    assert len(await states(store)) == 2


def sale_json(**told: object) -> bytes:
    return json.dumps({**json.loads(encode(a_sale())), **told}).encode()


QUARANTINED = {
    "bytes that are no text": b"\x00\xff\xfe\x80" * 9,
    "nothing": b"",
    "half a sale": encode(a_sale())[:-20],
    "a list": b"[]",
    "a deep hole": b"[" * 60_000,
    "too long": b" " * 65_537 + encode(a_sale()),
    "no id": sale_json(sale_id="1"),
    "a sequence that begins at zero": sale_json(seq=0),
    "a float as money": sale_json(amount=1.5),
    "less than nothing": sale_json(amount=-1),
    "half a surrogate": sale_json(item="\ud800"),
    "no text in a field of tomorrow": encode(a_sale())[:-1] + b',"mood":"\xff"}',
}


@pytest.mark.parametrize("payload", QUARANTINED.values(), ids=QUARANTINED)
async def test_what_makes_no_sense_is_quarantined_and_the_next_goes_on(
    store: Store, broker: Mosquitto, machine: Peer, payload: bytes
) -> None:
    async with a_cloud(store, broker):
        machine.send(SALE_TOPIC, payload)
        machine.say(a_sale(2))
        await until(lambda: machine.heard(Ack))
    assert last_ack(machine) == (2, (1,))
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.machine, told.body) == ("malformed", MACHINE, payload[:65536])
    assert told.detail.startswith(f"{SALE_TOPIC}: ")
    # It was acknowledged to the broker: it does not come again.
    async with a_cloud(store, broker):
        machine.say(a_sale(3))
        await until(lambda: last_ack(machine) == (3, (1,)))
    assert await incidents(store) == ["malformed"]


STRANGE = {
    "the end of time": sale_json(sold_at="9999-12-31T23:59:59Z"),
    "before all time": sale_json(sold_at="0001-01-01T00:00:00+14:00"),
    "a number beyond all numbers": sale_json(raw={"price": 10**40}),
    "a zero byte": sale_json(item="00\x0001"),
    "a field of tomorrow": sale_json(mood="good"),
    "the last of all places": sale_json(seq=2**53),
}


@pytest.mark.parametrize("payload", STRANGE.values(), ids=STRANGE)
async def test_what_is_strange_but_right_is_stored(
    store: Store, broker: Mosquitto, machine: Peer, payload: bytes
) -> None:
    async with a_cloud(store, broker):
        machine.send(SALE_TOPIC, payload)
        await until(lambda: machine.heard(Ack))
    (stored,) = await kept(store)
    assert stored in {1, 2**53}
    assert await incidents(store) == []


@pytest.mark.parametrize(
    "channel", [Channel.RECEIPT_ACK, Channel.SHOWN, Channel.STATE, Channel.INCIDENT]
)
async def test_other_messages_are_quarantined_too(
    store: Store, broker: Mosquitto, machine: Peer, channel: Channel
) -> None:
    async with a_cloud(store, broker):
        machine.send(channel.of(MACHINE), b"{")
        machine.say(a_sale())
        await until(lambda: machine.heard(Ack))
    (told,) = await rows(store, sa.select(incident))
    assert told.detail.startswith(f"{channel.of(MACHINE)}: ")


async def test_a_name_that_no_machine_may_have_is_quarantined(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        machine.send("vend/v1/ /sale", encode(a_sale()))
        machine.send(CLOUD_STATE, b"whatever the cloud says of itself")
        machine.say(a_sale(2))
        await until(lambda: machine.heard(Ack))
    (told,) = await rows(store, sa.select(incident))
    assert (told.machine, told.detail) == (None, "vend/v1/ /sale: no topic of a machine")


UNNAMED = {
    "machine": ([MACHINE_AT_WORK], "unknown_machine", f"unknown machine {MACHINE}: "),
    "slot": (SHELVES, "unknown_slot", "unknown slot 0001 of planogram hot on 2026-11-23: "),
}


@pytest.mark.parametrize(("missing", "cause", "reason"), UNNAMED.values(), ids=UNNAMED)
async def test_an_unnamed_sale_is_kept_and_goes_on_when_it_is_named(
    store: Store,
    broker: Mosquitto,
    machine: Peer,
    *,
    missing: list[Thing],
    cause: str,
    reason: str,
) -> None:
    await stock(store, *(each for each in a_fleet() if each not in missing))
    async with a_cloud(store, broker) as cloud:
        machine.say(a_sale())
        await until(lambda: last_ack(machine) == (1, ()))
        ((disposition, of, why),) = await rows(
            store, sa.select(sale.c.disposition, sale.c.cause, sale.c.reason)
        )
        assert (disposition, of, await states(store)) == ("attention", cause, {})
        assert why.startswith(reason)
        await stock(store, *missing)
        await eventually(lambda: states(store))
        assert await states(store) == {id_of(1): "waiting"}
        machine.say(a_sale())
        await until(lambda: len(machine.heard(Ack)) == 2)
        assert not cloud.work.done()
    assert len(await states(store)) == 1


async def test_goods_that_came_back_are_settled_by_the_receipt_of_their_sale(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await sell(store, a_sale(1))
    await leave(store)
    await hear(store, Done(a_document()))
    async with a_cloud(store, broker):
        machine.say(a_sale(2, kind="return"))

        async def asked_for() -> bool:
            return len(await rows(store, sa.select(receipt))) == 2

        await eventually(asked_for)
        await until(lambda: last_ack(machine) == (2, ()))
    wanted = [("income", "issued"), ("income_return", "waiting")]
    found = await rows(
        store, sa.select(receipt.c.purpose, receipt.c.state).order_by(receipt.c.purpose)
    )
    assert [tuple(row) for row in found] == wanted


async def test_a_skipped_sale_is_acknowledged_like_any_other(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        machine.say(a_sale(kind="test"))
        await until(lambda: last_ack(machine) == (1, ()))
    assert await states(store) == {}


class Unwritable(Store):
    """Every transaction is lost at its commit."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with super().transaction() as connection:
            yield connection
            # Only what the inbox stores; the placer looks for unplaced sales before.
            for table in (sale, note):
                if await connection.scalar(sa.select(sa.func.count()).select_from(table)):
                    raise OSError("no space left on device")


async def test_what_was_not_committed_is_not_acknowledged_and_comes_again(
    store: Store, database: str, broker: Mosquitto, machine: Peer
) -> None:
    full = Unwritable(database)
    async with a_cloud(full, broker) as cloud:
        machine.say(a_sale())
        await asyncio.wait([cloud.work])
        assert isinstance(cloud.work.exception(), OSError)
    await full.close()
    assert await kept(store) == []
    assert machine.heard(Ack) == []
    # Nobody sends it again but the broker.
    async with a_cloud(store, broker):
        await until(lambda: last_ack(machine) == (1, ()))
    assert await kept(store) == [1]


async def test_a_broker_that_lost_everything_loses_no_sale(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        machine.say(a_sale(1))
        await until(lambda: last_ack(machine) == (1, ()))
        broker.kill()
        broker.start()
        await until(lambda: machine.link.connected and machine.connections == 2)
        # The machine goes on from what was acknowledged, whenever the cloud is back as well.

        async def acknowledged() -> bool:
            machine.say(a_sale(2))
            await asyncio.sleep(0.05)
            return last_ack(machine) == (2, ())

        await eventually(acknowledged)
    assert await kept(store) == [1, 2]


async def test_presence_and_evidence_are_kept(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    shown = Shown(
        sale_id=id_of(1),
        rev=1,
        on="screen",
        shown_at="2026-11-23T15:42:11Z",
        hidden_at="2026-11-23T15:43:11Z",
        reason="next sale",
        frame_sha256="0" * 64,
    )
    async with a_cloud(store, broker):
        machine.send(Channel.STATE.of(MACHINE), encode(State(online=True)))
        machine.send(Channel.SHOWN.of(MACHINE), encode(shown))
        machine.send(Channel.SHOWN.of(MACHINE), encode(shown))
        machine.say(a_sale())
        await until(lambda: machine.heard(Ack))
    ((online,),) = await rows(store, sa.select(presence.c.online))
    assert online is True
    ((on, token),) = await rows(
        store,
        sa.select(showing.c.machine, sale.c.token).join(sale, sale.c.sale_id == showing.c.sale_id),
    )
    assert (on, token) == (MACHINE, token_of(1))


async def test_an_answer_to_a_receipt_is_believed_of_ones_own_alone(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        machine.say(a_sale())
        await until(lambda: machine.heard(Ack))
        async with store.transaction() as connection:
            await replies.revise(connection, id_of(1), MACHINE)
        ours = encode(ReceiptAck(sale_id=id_of(1), rev=1))
        machine.send(Channel.RECEIPT_ACK.of("vm-9"), ours)
        machine.say(a_sale(2))
        await until(lambda: last_ack(machine) == (2, ()))
        assert await acked(store) == 0
        machine.send(Channel.RECEIPT_ACK.of(MACHINE), ours)
        machine.say(a_sale(3))
        await until(lambda: last_ack(machine) == (3, ()))
        assert await acked(store) == 1


async def acked(store: Store) -> int:
    ((rev,),) = await rows(store, sa.select(reply.c.acked_rev))
    return int(rev)


async def test_a_sale_of_another_machine_needs_a_person_and_wedges_nobody(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await stocked(store)
    async with a_cloud(store, broker):
        machine.send(SALE_TOPIC, sale_json(machine="vm-9"))
        machine.say(a_sale(2))
        await until(lambda: machine.heard(Ack) and last_ack(machine) == (2, ()))
    ((body, reason),) = await rows(
        store, sa.select(sale.c.body, sale.c.reason).where(sale.c.disposition == "attention")
    )
    assert '"vm-9"' in body
    assert reason == f"it says that vm-9 sold it, and it came from {MACHINE}"


async def test_a_birth_that_knows_of_sales_we_never_saw_is_an_incident_and_wedges_nobody(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    """The database was replaced: 150 sales were acknowledged by one that is no more."""
    births = [
        State(online=True, epoch=EPOCH, next_seq=152, oldest_unacked=151, nonce=nonce)
        for nonce in ("first", "second")
    ]
    async with a_cloud(store, broker):
        machine.send(STATE_TOPIC, encode(births[0]))
        machine.say(a_sale(151))
        await until(lambda: machine.heard(Ack) and machine.heard(Ack)[-1].also == ((151, 151),))
        machine.send(STATE_TOPIC, encode(births[1]))
        await until(lambda: last_ack(machine) == (151, ()))
    assert await incidents(store) == ["gap"]


def a_birth(nonce: str, oldest_unacked: int) -> bytes:
    return encode(
        State(online=True, epoch=EPOCH, next_seq=3, nonce=nonce, oldest_unacked=oldest_unacked)
    )


async def test_the_ack_of_a_birth_names_its_nonce_and_the_ack_of_a_sale_names_none(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        machine.say(a_sale(1))
        await until(lambda: len(machine.heard(Ack)) == 1)
        machine.send(STATE_TOPIC, a_birth("one", oldest_unacked=2))
        await until(lambda: len(machine.heard(Ack)) == 2)
        machine.say(a_sale(2))
        await until(lambda: len(machine.heard(Ack)) == 3)
        machine.send(STATE_TOPIC, encode(State(online=False, nonce="death")))
        machine.say(a_sale(3))
        await until(lambda: len(machine.heard(Ack)) == 4)
    assert [ack.answers for ack in machine.heard(Ack)] == ["", "one", "", ""]


@asynccontextmanager
async def a_batch(
    store: Store, link: Link, messages: list[tuple[str, bytes]]
) -> AsyncIterator[list[str]]:
    """All of them come at once; the topics of those that the broker may forget."""
    inbox, forgotten = Inbox(store, link, Bell(), Bell(), Bell()), list[str]()
    for topic, payload in messages:  # before it runs: all of them are one batch
        inbox.take(Incoming(topic, payload, partial(forgotten.append, topic)))
    with capture_logs():
        work = asyncio.ensure_future(inbox.run())
        try:
            yield forgotten
            assert not work.done(), work
        finally:
            work.cancel()
            await asyncio.wait([work])


@pytest.mark.parametrize("first", ["the sale", "the birth"])
async def test_in_one_batch_one_ack_answers_the_later_birth_and_the_sales(
    store: Store, link: Link, machine: Peer, first: str
) -> None:
    births = [(STATE_TOPIC, a_birth(nonce, oldest_unacked=1)) for nonce in ("one", "two")]
    said = [(SALE_TOPIC, encode(a_sale(number))) for number in (1, 2)]
    messages = births + said if first == "the birth" else said + births
    async with a_batch(store, link, messages):
        await until(lambda: machine.heard(Ack))
    (ack,) = machine.heard(Ack)
    assert (ack.upto, ack.missing, ack.answers) == (2, (), "two")
    assert ack.stored == (id_of(1), id_of(2))


async def test_an_ack_names_each_sale_that_it_answers_once_new_or_not_and_no_other(
    store: Store, link: Link, machine: Peer
) -> None:
    """Of an old card's epoch a machine believes no number: each time, all it sent has to be named."""
    await stock(store, *a_fleet())
    said = [
        a_sale(3),
        a_sale(1),
        a_sale(3),
        a_sale(1, amount=1),
        a_sale(2, seq=1, epoch="00000001"),
    ]
    messages = [(SALE_TOPIC, encode(each)) for each in said]
    for _ in range(2):
        machine.messages.clear()
        async with a_batch(store, link, [*messages, (SALE_TOPIC, b"{")]) as forgotten:
            await until(lambda forgotten=forgotten: len(forgotten) == len(messages) + 1)
            await until(lambda: len(machine.heard(Ack)) == 2)
        told = {ack.epoch: ack.stored for ack in machine.heard(Ack)}
        assert told == {EPOCH: (id_of(3), id_of(1)), "00000001": (id_of(2),)}
    machine.messages.clear()
    async with a_batch(store, link, [(STATE_TOPIC, a_birth("one", oldest_unacked=1))]):
        await until(lambda: machine.heard(Ack))
    assert [(ack.upto, ack.stored) for ack in machine.heard(Ack)] == [(3, ())]


def test_the_longest_ack_is_read() -> None:
    last = 2**53
    ack = Ack(
        epoch=EPOCH,
        upto=last,
        missing=(last,) * MOST_MISSING,
        time="2026-11-23T15:42:10.900Z",
        also=((last, last),) * MOST_ALSO,
        answers="n" * 256,
        stored=tuple(id_of(number) for number in range(BATCH)),
    )
    assert decode(encode(ack), Ack) == ack


async def test_showings_and_incidents_are_stored_once_and_noted_every_time(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    told = [
        (Channel.SHOWN, encode(a_showing(1))),
        (Channel.SHOWN, encode(a_showing(2, display="png"))),
        (Channel.INCIDENT, encode(an_incident(3))),
    ]
    async with a_cloud(store, broker):
        for _ in range(2):
            for channel, body in told:
                machine.send(channel.of(MACHINE), body)
            await until(lambda: noted(machine) == {1, 2, 3})
            machine.messages.clear()
    assert [(row.machine, row.epoch, row.number, row.body) for row in await notes(store)] == [
        (MACHINE, EPOCH, number, body.decode()) for number, (_, body) in enumerate(told, 1)
    ]
    shown = await rows(store, sa.select(showing.c.display, showing.c.clock).order_by("display"))
    assert [tuple(row) for row in shown] == [("kiosk", "synced"), ("png", "synced")]
    assert await incidents(store) == ["outcome_unknown"]


async def notes(store: Store) -> Any:  # noqa: ANN401, rows
    return await rows(store, sa.select(note).order_by(note.c.epoch, note.c.number))


async def test_many_notes_are_noted_together(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        for number in range(1, 101):
            epoch = EPOCH if number % 2 else "00000001"
            machine.send(Channel.SHOWN.of(MACHINE), encode(a_showing(number, epoch=epoch)))
        await until(lambda: len(noted(machine) | noted(machine, "00000001")) == 100)
    assert noted(machine) == set(range(1, 101, 2))
    assert len(machine.heard(Noted)) < 100
    assert len(await notes(store)) == 100


async def test_two_screens_may_show_at_one_moment(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        for number, display in ((1, "kiosk"), (2, "png")):
            shown = a_showing(number, display=display, shown_at="2026-11-23T15:42:11Z")
            machine.send(Channel.SHOWN.of(MACHINE), encode(shown))
        await until(lambda: noted(machine) == {1, 2})
    assert len(await rows(store, sa.select(showing))) == 2


async def test_another_note_at_a_place_is_an_incident_and_both_are_kept_and_noted(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    first = a_showing(1)
    other = encode(a_showing(1, shown_at="2026-11-23T15:59:00Z"))
    lost = encode(an_incident(1))
    async with a_cloud(store, broker):
        for body in (encode(first), other, other):
            machine.send(Channel.SHOWN.of(MACHINE), body)
        machine.send(Channel.INCIDENT.of(MACHINE), lost)
        machine.send(Channel.SHOWN.of(MACHINE), encode(a_showing(2)))
        await until(lambda: noted(machine) == {1, 2})
    assert len(await notes(store)) == 2
    told = await rows(store, sa.select(incident).order_by(incident.c.id))
    assert [(row.kind, row.body) for row in told] == [
        ("conflict", other),
        ("conflict", lost),
        ("outcome_unknown", lost),
    ]
    assert told[0].detail == f"epoch {EPOCH} note 1 came with another body"
    assert len(await rows(store, sa.select(showing))) == 3


async def test_a_showing_without_a_number_is_kept_and_not_noted(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        for older in (a_showing(0), a_showing(7, epoch=None)):
            machine.send(Channel.SHOWN.of(MACHINE), encode(older))
        machine.send(Channel.SHOWN.of(MACHINE), encode(a_showing(8)))
        await until(lambda: noted(machine))
    assert noted(machine) == {8}
    assert len(await rows(store, sa.select(showing))) == 3
    assert [row.number for row in await notes(store)] == [8]


async def test_an_incident_is_told_in_words_with_its_sale(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        machine.send(Channel.INCIDENT.of(MACHINE), encode(an_incident(5, sale_id=id_of(1))))
        await until(lambda: noted(machine))
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.machine, told.sale_id) == ("outcome_unknown", MACHINE, id_of(1))
    assert told.detail.startswith("a vend of item 0001 for 120.10 RUB was approved, and its end")
    assert decode(told.body, Incident).number == 5


async def test_a_note_that_was_not_committed_is_not_noted_and_comes_again(
    store: Store, database: str, broker: Mosquitto, machine: Peer
) -> None:
    full = Unwritable(database)
    async with a_cloud(full, broker) as cloud:
        machine.send(Channel.INCIDENT.of(MACHINE), encode(an_incident(1)))
        await asyncio.wait([cloud.work])
        assert isinstance(cloud.work.exception(), OSError)
    await full.close()
    assert await notes(store) == []
    assert noted(machine) == set()
    # Nobody sends it again but the broker.
    async with a_cloud(store, broker):
        await until(lambda: noted(machine) == {1})
    assert await incidents(store) == ["outcome_unknown"]


async def test_sales_that_overtook_a_backlog_are_acknowledged_beyond_it(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    async with a_cloud(store, broker):
        for number in (1, 500, 502, 501):
            machine.say(a_sale(number))
        await until(lambda: machine.heard(Ack) and machine.heard(Ack)[-1].also == ((500, 502),))
    ack = machine.heard(Ack)[-1]
    assert (ack.upto, ack.missing) == (101, tuple(range(2, 102)))


async def test_another_outbox_is_an_incident_once(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    first = State(online=True, epoch=EPOCH, next_seq=1)
    other = State(online=True, epoch="00000001", next_seq=1)
    async with a_cloud(store, broker):
        for birth in (first, first, other, other, first, other):
            machine.send(STATE_TOPIC, encode(birth))
        machine.say(a_sale(1, epoch="00000001"))
        await until(lambda: ("00000001", 1) in {(a.epoch, a.upto) for a in machine.heard(Ack)})
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.machine) == ("another outbox", MACHINE)
    assert told.detail.startswith("epoch 00000001: the machine counts its sales in a new outbox")
    known = await rows(store, sa.select(stream.c.epoch).order_by(stream.c.epoch))
    assert [epoch for (epoch,) in known] == ["00000001", EPOCH]


# What spoils a batch. ----------------------------------------------------------------------------


@pytest.fixture
async def link(broker: Mosquitto) -> AsyncIterator[Link]:
    speaking = Link(Broker(port=broker.port), "batch", (), (CLOUD_STATE, b""))
    speaking.start()
    # What is said before is dropped: whoever says it would say it again.
    await until(lambda: speaking.connected)
    yield speaking
    await speaking.stop()


NOWHERE = """
CREATE TRIGGER refuses BEFORE INSERT ON sale WHEN new.seq IN (2, 5) BEGIN
  SELECT RAISE(ABORT, 'such a sale cannot be'); END
"""
NOWHERE_ON_A_SERVER = """
ALTER TABLE sale ADD CONSTRAINT refuses CHECK (seq NOT IN (2, 5))
"""


@asynccontextmanager
async def refusing(store: Store) -> AsyncIterator[None]:
    """A database that, for a reason of its own, does not take the sales 2 and 5."""
    on_a_server = store.address.file is None
    await write(store, sa.text(NOWHERE_ON_A_SERVER if on_a_server else NOWHERE))
    try:
        yield
    finally:
        order = (
            "ALTER TABLE sale DROP CONSTRAINT refuses" if on_a_server else "DROP TRIGGER refuses"
        )
        await write(store, sa.text(order))


async def test_what_the_store_cannot_keep_spoils_nothing_else_and_is_set_aside(
    store: Store, link: Link, machine: Peer
) -> None:
    await stock(store, *a_fleet())
    messages = [(SALE_TOPIC, encode(a_sale(number))) for number in range(1, 7)]
    messages.insert(3, (STATE_TOPIC, encode(State(online=True))))
    async with refusing(store), a_batch(store, link, messages) as forgotten:
        await until(lambda: len(forgotten) == len(messages))
        await until(lambda: last_ack(machine) == (6, (2, 5)))
    assert await kept(store) == [1, 3, 4, 6]
    named = {sale_id for ack in machine.heard(Ack) for sale_id in ack.stored or ()}
    assert named == {id_of(number) for number in (1, 3, 4, 6)}
    assert len(await states(store)) == 4
    assert len(await rows(store, sa.select(presence))) == 1
    aside = await rows(store, sa.select(incident).order_by(incident.c.id))
    assert [decode(row.body, Sale).seq for row in aside] == [2, 5]
    assert {(row.kind, row.machine) for row in aside} == {("malformed", MACHINE)}
    assert aside[0].detail.startswith(f"{SALE_TOPIC}: it cannot be stored: ")
    # Its machine was not told that it is stored, and says it until it is.
    async with a_batch(store, link, [messages[1], messages[5]]) as forgotten:
        await until(lambda: last_ack(machine) == (6, ()))
    assert await kept(store) == [1, 2, 3, 4, 5, 6]


async def test_a_message_that_cannot_be_stored_is_set_aside_once_however_often_it_comes(
    store: Store, link: Link
) -> None:
    await stock(store, *a_fleet())
    messages = [(SALE_TOPIC, encode(a_sale(2)))] * 3
    async with refusing(store), a_batch(store, link, messages) as forgotten:
        await until(lambda: len(forgotten) == 3)
    assert await incidents(store) == ["malformed"]


NUMBERS_TOO_LARGE = {
    "a receipt's revision": (Channel.RECEIPT_ACK, encode(ReceiptAck(sale_id=id_of(1), rev=2**53))),
    "a showing's revision": (Channel.SHOWN, encode(a_showing(1, rev=2**53))),
    "a showing's number": (Channel.SHOWN, encode(a_showing(2**53))),
    "an incident's number": (Channel.INCIDENT, encode(an_incident(2**53))),
    "a birth's place": (
        Channel.STATE,
        encode(State(online=True, epoch=EPOCH, next_seq=2**53, oldest_unacked=2**53)),
    ),
}


@pytest.mark.parametrize(("channel", "payload"), NUMBERS_TOO_LARGE.values(), ids=NUMBERS_TOO_LARGE)
async def test_a_number_as_large_as_the_wire_allows_wedges_nobody(
    store: Store, link: Link, machine: Peer, channel: Channel, payload: bytes
) -> None:
    await sell(store, a_sale())
    await write(store, sa.insert(reply).values(sale_id=id_of(1), machine=MACHINE, rev=1))
    messages = [
        (SALE_TOPIC, encode(a_sale(2))),
        (channel.of(MACHINE), payload),
        (SALE_TOPIC, encode(a_sale(3))),
    ]
    async with a_batch(store, link, messages) as forgotten:
        await until(lambda: len(forgotten) == 3)
        await until(lambda: machine.heard(Ack))
    assert await kept(store) == [1, 2, 3]
    assert await acked(store) == 0


@pytest.mark.needs("postgres")
async def test_two_inboxes_that_store_the_same_sales_at_once_store_each_once(
    postgres_store: Store, postgres_database: str, link: Link, machine: Peer
) -> None:
    """For the moment in which a seat goes from one to another."""
    await stock(postgres_store, *a_fleet())
    messages = [(SALE_TOPIC, encode(a_sale(number))) for number in range(1, 60)]
    other = Store(postgres_database)
    async with (
        a_batch(postgres_store, link, messages) as mine,
        a_batch(other, link, messages[::-1]) as theirs,
    ):
        await until(lambda: len(mine) == len(theirs) == len(messages), 30)
        await until(lambda: last_ack(machine) == (59, ()))
    await other.close()
    assert await kept(postgres_store) == list(range(1, 60))
    assert len(await states(postgres_store)) == 59
    assert await incidents(postgres_store) == []

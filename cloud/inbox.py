"""The inbox: what machines say, stored once, committed, and only then acknowledged.

    take what has come -> INSERT … ON CONFLICT DO NOTHING -> COMMIT -> PUBACK -> ack, noted

A message that makes no sense is kept with its bytes and acknowledged: it may not come for ever.
A machine speaks for itself alone: a sale that names another machine than its topic needs a person.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud import metrics
from cloud.bell import Bell
from cloud.clock import now_ms, utc_now
from cloud.fleet import Site
from cloud.intake import Attention, Cause, Disposition, ReturnOf
from cloud.placer import where
from cloud.store import BUSY, Store, births, notes, quarantine, replies, sales, streams
from cloud.store.sales import Arrival, Kept
from cloud.store.sites import Sites
from edge.wire import (
    Ack,
    Channel,
    Incident,
    MalformedMessageError,
    Noted,
    ReceiptAck,
    Sale,
    Shown,
    State,
    decode,
    encode,
    parse,
)
from edge.wire.link import Incoming, Link

log = structlog.get_logger(__name__)

BATCH: Final = 200
RETRY_S: Final = 1.0
Stream = tuple[str, str]
T = TypeVar("T")

SUBSCRIPTIONS: Final = tuple(
    channel.of_all
    for channel in (
        *(Channel.SALE, Channel.RECEIPT_ACK, Channel.SHOWN, Channel.INCIDENT, Channel.STATE),
    )
)


@dataclass(slots=True)
class _Batch:
    """What came at once: taken apart, and what machines are to be told once it is committed."""

    sales: list[tuple[str, Sale, str]] = field(default_factory=list)
    """Machine, sale, and its body as it came."""
    told: list[tuple[str, str, int]] = field(default_factory=list)
    """Machine, sale and revision of receipts that are on a machine's disk."""
    answers: dict[Stream, str] = field(default_factory=dict)
    """Whose sequence is to be acknowledged; and which birth's nonce that answers, or none."""
    stored: dict[Stream, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Whose sales are stored, by their ids, in their order."""
    noted: dict[Stream, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Which notes are stored."""


class Inbox:
    """Takes messages from the link and stores them in batches."""

    def __init__(self, store: Store, link: Link, due: Bell, news: Bell, stuck: Bell) -> None:
        self._store = store
        self._sites = Sites()
        self._link = link
        self._due = due
        self._news = news
        self._stuck = stuck
        self._waiting: asyncio.Queue[Incoming] = asyncio.Queue()

    def take(self, incoming: Incoming) -> None:
        """Hand a message in."""
        self._waiting.put_nowait(incoming)

    async def run(self) -> None:
        """Store what comes, as much at once as has come."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._insist(batch)

    async def _insist(self, messages: list[Incoming]) -> None:
        """Until the store takes them: nobody is acknowledged before. What spoils it goes alone."""
        try:
            batch, acks = await _patiently(lambda: self._store_batch(messages))
        except OSError:
            raise
        except Exception:
            log.exception("together they cannot be stored; now one after the other")
            for incoming in messages:
                await self._alone(incoming)
        else:
            for incoming in messages:
                incoming.acknowledge()
            self._answer(batch, acks)

    async def _alone(self, incoming: Incoming) -> None:
        """Store one message, or set it aside.

        A sale that is set aside is acknowledged to the broker alone: its machine keeps it, and says
        it again.
        """
        try:
            batch, acks = await _patiently(lambda: self._store_batch([incoming]))
        except OSError:
            raise
        except Exception as error:
            log.exception("a message cannot be stored", topic=incoming.topic[:200])
            # The first line: what follows may be of this moment, and it would be another incident.
            why = str(getattr(error, "orig", None) or repr(error)).split("\n", 1)[0]
            said = f"it cannot be stored: {why}"
            await _patiently(lambda: self._set_aside(incoming, said))
            incoming.acknowledge()
        else:
            incoming.acknowledge()
            self._answer(batch, acks)

    async def _set_aside(self, incoming: Incoming, reason: str) -> None:
        async with self._store.transaction() as connection:
            await self._quarantine(connection, incoming, reason)

    async def _store_batch(self, messages: list[Incoming]) -> tuple[_Batch, Mapping[Stream, Ack]]:
        batch = _Batch()
        async with self._store.transaction() as connection:
            for incoming in messages:
                try:
                    await self._keep(connection, incoming, batch)
                except MalformedMessageError as error:
                    await self._quarantine(connection, incoming, str(error))
            await self._keep_sales(connection, batch)
            await replies.told_all(connection, batch.told)
            acks = {
                stream: await _ack(connection, stream, nonce, batch.stored[stream])
                for stream, nonce in batch.answers.items()
            }
        return batch, acks

    def _answer(self, batch: _Batch, acks: Mapping[Stream, Ack]) -> None:
        """It is committed: tell the machines, and wake whoever goes on with it."""
        if batch.sales:
            self._due.ring()
        if any(sale.kind == "return" for _, sale, _ in batch.sales):
            self._stuck.ring()
        for (machine, _), ack in acks.items():
            self._link.publish(Channel.ACK.of(machine), encode(ack), Channel.ACK.qos)
        for (machine, epoch), numbers in batch.noted.items():
            noted = Noted(epoch=epoch, numbers=tuple(sorted(numbers)))
            self._link.publish(Channel.NOTED.of(machine), encode(noted), Channel.NOTED.qos)
        self._news.ring()

    async def _keep(self, connection: AsyncConnection, incoming: Incoming, batch: _Batch) -> None:
        """Take one message apart; store it, unless it is stored with its likes."""
        addressed = parse(incoming.topic)
        if addressed is None:
            if incoming.topic.startswith("vend/v1/cloud/"):
                return
            raise MalformedMessageError("no topic of a machine")
        machine, channel = addressed
        match channel:
            case Channel.SALE:
                sale = decode(incoming.payload, Sale)
                batch.sales.append((machine, sale, incoming.payload.decode()))
                batch.answers.setdefault((machine, sale.epoch), "")
                batch.stored[machine, sale.epoch].append(sale.sale_id)
            case Channel.RECEIPT_ACK:
                ack = decode(incoming.payload, ReceiptAck)
                batch.told.append((machine, ack.sale_id, ack.rev))
            case Channel.SHOWN | Channel.INCIDENT:
                await _keep_note(connection, machine, channel, incoming.payload, batch)
            case Channel.STATE:
                state = decode(incoming.payload, State)
                await replies.note_presence(connection, machine, now_ms(), online=state.online)
                if state.online:
                    await replies.hurry(connection, machine)
                    if state.epoch is not None and state.next_seq:
                        await self._settle(connection, machine, state.epoch, state)
                        batch.answers[machine, state.epoch] = state.nonce

    async def _keep_sales(self, connection: AsyncConnection, batch: _Batch) -> None:
        if not batch.sales:
            return
        sites = await self._sites.of_all(connection, {machine for machine, _, _ in batch.sales})
        arrived = utc_now()
        arrivals = [
            Arrival(
                machine,
                sale,
                body,
                _placed(machine, sale, sites.get(machine), arrived),
                _operator(sites.get(machine)),
            )
            for machine, sale, body in batch.sales
        ]
        kept = await sales.keep(connection, arrivals, now_ms())
        for each, how in zip(arrivals, kept, strict=True):
            metrics.SALES.labels(how.value).inc()
            sale = each.sale
            if how is Kept.NEW:
                log.info("sale stored", sale_id=sale.sale_id, machine=each.machine, seq=sale.seq)
            elif how is Kept.CONFLICT:
                log.error(
                    "sale conflicts", sale_id=sale.sale_id, machine=each.machine, seq=sale.seq
                )

    async def _settle(
        self, connection: AsyncConnection, machine: str, epoch: str, state: State
    ) -> None:
        """A birth says how far the machine was acknowledged; it is told where we stand."""
        claimed = (state.oldest_unacked or state.next_seq) - 1
        await births.meet(connection, machine, epoch, now_ms())
        await births.settle(connection, machine, epoch, claimed, state.nonce, now_ms())

    async def _quarantine(
        self, connection: AsyncConnection, incoming: Incoming, reason: str
    ) -> None:
        metrics.MALFORMED.inc()
        addressed = parse(incoming.topic)
        machine = addressed[0] if addressed else None
        # Of whatever characters a topic is made: what cannot be kept must not end the inbox.
        topic = incoming.topic[:200].encode("utf-8", "replace").decode()
        said = f"{topic}: {reason[:500]}"
        await quarantine.keep(connection, machine, said, incoming.payload, now_ms())
        log.warning("message quarantined", topic=topic, reason=reason[:500])


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """What it gives, once the store is not busy."""
    while True:
        try:
            return await work()
        except BUSY as error:
            log.warning("the store is busy", reason=str(error))
            await asyncio.sleep(RETRY_S)


def _operator(site: Site | None) -> str | None:
    return site.operator.id if site else None


def _placed(machine: str, sale: Sale, site: Site | None, arrived: datetime) -> Disposition:
    """Where a sale goes; goods that came back are settled by the placer."""
    goes = where(machine, sale, site, arrived)
    return Attention(Cause.RETURN, "goods came back") if isinstance(goes, ReturnOf) else goes


async def _keep_note(
    connection: AsyncConnection, machine: str, channel: Channel, payload: bytes, batch: _Batch
) -> None:
    """A showing or an incident; what conflicts is kept as well, and noted: it may not come for ever."""
    if channel is Channel.INCIDENT:
        incident = decode(payload, Incident)
        kept = await notes.keep_incident(connection, machine, incident, payload, now_ms())
        batch.noted[machine, incident.epoch].add(incident.number)
        log.warning("incident", machine=machine, kind=incident.kind, kept=kept.value)
        return
    shown = decode(payload, Shown)
    await notes.keep_shown(connection, machine, shown, payload, now_ms())
    if shown.epoch is not None and shown.number:
        batch.noted[machine, shown.epoch].add(shown.number)


async def _ack(
    connection: AsyncConnection, stream: Stream, answers: str, stored: Sequence[str]
) -> Ack:
    """Where a sequence stands, and the time of day: of use to a machine if it `answers` its birth.

    It names what is `stored` with it, each once: of an epoch that is over its machine believes no
    number.
    """
    machine, epoch = stream
    now = await streams.sequence(connection, machine, epoch)
    stamp = utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Ack(
        epoch=epoch,
        upto=now.upto,
        missing=now.missing,
        time=stamp,
        also=now.also,
        answers=answers,
        stored=tuple(dict.fromkeys(stored)),
    )

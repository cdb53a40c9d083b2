"""Mutants: bugs that are put in on purpose, to see that the simulation finds them.

Each is one that somebody might well write. `within` is in how many days, from day 0 on, it has to be
found; `tests/simulation/test_mutants.py` holds it to that.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch

from msgspec import structs

from cloud import inbox, lane
from cloud.outcome import Dead, Unknown
from cloud.store import replies, sales, streams
from cloud.store.lanes import Lease
from cloud.store.sales import Kept
from edge import keeper, uplink, window
from edge.buyer import presenter
from edge.storage import file
from edge.storage.outbox import Outbox
from edge.wire import Ack, Channel, ReceiptAck, Sale, decode, encode

Patch = AbstractContextManager[object]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug, and within how many days, of which, it must be found."""

    put_in: Callable[[], Patch]
    within: int
    days: str = "any"


def _ack_before_commit() -> Patch:
    async def store(self: Any, messages: Any) -> Any:
        batch = inbox._Batch()
        async with self._store.transaction() as connection:
            for incoming in messages:
                await self._keep(connection, incoming, batch)
            await self._keep_sales(connection, batch)
            await replies.told_all(connection, batch.told)
            acks = {
                stream: await inbox._ack(connection, stream, nonce, batch.stored[stream])
                for stream, nonce in batch.answers.items()
            }
            for incoming in messages:  # or the broker would say it again
                incoming.acknowledge()
            self._answer(batch, acks)
        return batch, {}

    return patch.object(inbox.Inbox, "_store_batch", store)


def _new_key_on_time_out() -> Patch:
    def weighed(self: Any, job: Any, do: Any, outcome: Any) -> Any:
        if isinstance(outcome, Unknown) and not outcome.final:
            return Dead(outcome.reason)
        return plain(self, job, do, outcome)

    plain = lane.Lane._weighed
    return patch.object(lane.Lane, "_weighed", weighed)


def _dedupe_by_time() -> Patch:
    """Two sales of one machine in one minute are one."""

    async def keep(connection: Any, arrivals: Any, now: int) -> Any:
        for each in arrivals:
            seen.setdefault(_minute(each.sale), each.sale.sale_id)
        twice = [each for each in arrivals if seen[_minute(each.sale)] != each.sale.sale_id]
        for each in twice:
            place = (each.machine, each.sale.epoch, each.sale.seq, each.sale.seq)
            await streams.reach(connection, *place)
        others = [each for each in arrivals if each not in twice]
        kept = iter(await plain(connection, others, now))
        return [Kept.AGAIN if each in twice else next(kept) for each in arrivals]

    seen: dict[tuple[str, str], str] = {}
    plain = sales.keep
    return patch.object(inbox.sales, "keep", keep)


def _minute(sale: Sale) -> tuple[str, str]:
    return sale.machine, sale.sold_at[:16]


def _delete_on_puback() -> Patch:
    def send(self: Any, kept: Any, now: float, *, overtaking: bool = False) -> None:
        sale = decode(kept.body, Sale)
        done = self._publish(Channel.SALE, kept.body)
        self._window.sent(kept.place, now, overtaking=overtaking)
        ack = Ack(epoch=sale.epoch, upto=0, missing=(), time="", also=((sale.seq, sale.seq),))

        def published(future: Any) -> None:
            if not future.cancelled() and future.exception() is None:
                self._disk.later(self._outbox.acknowledge, ack, None, ())

        done.add_done_callback(published)

    return patch.object(uplink.Uplink, "_send_sale", send)


@contextmanager
def _no_epoch() -> Iterator[None]:
    """A machine's numbers are taken to be unique, whatever card they were given on."""

    def begun(self: Any, path: Any, _epoch: str, *more: Any) -> None:
        plain(self, path, "00000001", *more)

    plain = Outbox.__init__
    with (
        patch.object(Outbox, "__init__", begun),
        patch.object(Outbox, "knows", lambda _self, _ack: True),
    ):
        yield


@contextmanager
def _lease_without_fencing() -> Iterator[None]:
    """Who had the lane once goes on with it, whoever has it now."""

    async def lease(connection: Any, register: str, owner: str, now: int) -> Any:
        held = await plain(connection, register, owner, now)
        if held is not None:
            mine.setdefault((register, owner), held)
        return held or mine.get((register, owner))

    async def check(_connection: Any, _held: Lease) -> None:
        return None

    plain, mine = lane.lanes.lease, dict[tuple[str, str], Lease]()
    with (
        patch.object(lane.lanes, "lease", lease),
        patch.object(lane.lanes, "check", check),
        patch.object(lane, "_slept", lambda _then, _now: False),
    ):
        yield


def _show_late_receipt() -> Patch:
    """A receipt that comes late takes the screen, as if it were this buyer's."""

    def answered(state: Any, sale: Any, receipt: Any, now: float, policy: Any) -> Any:
        screen = presenter.ready(sale, receipt, policy, late=False)
        if screen is None:
            return plain(state, sale, receipt, now, policy)
        return replace(state, screen=screen, ends=now + policy.show_s)

    plain = presenter._answered
    return patch.object(presenter, "_answered", answered)


def _synchronous_off() -> Patch:
    return patch.dict(file.PRAGMAS, {"synchronous": 0})


def _an_ack_is_one_number() -> Patch:
    """An ack is one number: all below it is taken for stored, as it mostly is."""

    async def ack(connection: Any, stream: Any, answers: str, _stored: Any) -> Ack:
        told = await plain(connection, stream, answers, ())
        upto = max((told.upto, *(last for _, last in told.also)))
        return structs.replace(told, upto=upto, missing=(), also=(), stored=None)

    plain = inbox._ack
    return patch.object(inbox, "_ack", ack)


def _told_once() -> Patch:
    """A receipt is sent down, and taken for received."""

    async def said(connection: Any, them: Any) -> None:
        told = list(them)
        await plain(connection, told)
        for sale_id, rev, _, _ in told:
            table = replies.reply
            mine = (table.c.sale_id == sale_id, table.c.rev == rev)
            await connection.execute(table.update().where(*mine).values(acked_rev=rev))

    plain = replies.said
    return patch.object(replies, "said", said)


def _receipt_acked_unkept() -> Patch:
    """The machine says that it has a receipt, and then writes it down."""

    async def take(self: Any, incoming: Any) -> None:
        if incoming.topic.endswith("/receipt"):
            receipt = decode(incoming.payload, uplink.Receipt)
            answer = ReceiptAck(sale_id=receipt.sale_id, rev=receipt.rev)
            self._publish(Channel.RECEIPT_ACK, encode(answer))
            self._answers.receipt(receipt)
            self._disk.later(self._outbox.put_receipt, receipt)
            return
        await plain(self, incoming)

    plain = uplink.Uplink._take
    return patch.object(uplink.Uplink, "_take", take)


def _never_say_again() -> Patch:
    return patch.multiple(
        window.Window, due=lambda _self, _now: [], next_deadline=lambda _self, _now: None
    )


def _approvals_unkept() -> Patch:
    """An approval is not on the disk before the goods fall."""

    async def follow(self: Any, told: Any, moment: Any) -> None:
        if type(told).__name__ != "VendApproved":
            await plain(self, told, moment)

    plain = keeper.Keeper._follow
    return patch.object(keeper.Keeper, "_follow", follow)


MUTANTS: Final[Mapping[str, Mutant]] = {
    "ack before commit": Mutant(_ack_before_commit, 100),
    "new key on time-out": Mutant(_new_key_on_time_out, 20),
    "dedupe by time": Mutant(_dedupe_by_time, 20),
    "delete on PUBACK": Mutant(_delete_on_puback, 60),
    "no epoch": Mutant(_no_epoch, 10, days="replaced"),
    "show late receipt": Mutant(_show_late_receipt, 20),
    "synchronous off": Mutant(_synchronous_off, 40),
    "an ack is one number": Mutant(_an_ack_is_one_number, 100),
    "a receipt is told once": Mutant(_told_once, 60),
    "a receipt is acknowledged before it is kept": Mutant(_receipt_acked_unkept, 60),
    "never said again": Mutant(_never_say_again, 60),
    "approvals are not kept": Mutant(_approvals_unkept, 150),
    # One key is sent by two: that breaks nothing before the provider has forgotten it.
    "lease without fencing": Mutant(_lease_without_fencing, 60, days="contested"),
}
"""By name."""


@contextmanager
def in_force(name: str | None) -> Iterator[None]:
    """With this bug, or with none."""
    if name is None:
        yield
        return
    with MUTANTS[name].put_in():
        yield

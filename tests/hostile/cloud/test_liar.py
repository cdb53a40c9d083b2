"""A machine that lies beside one that does not: whatever it says, it harms itself alone.

Both are one operator's, at one register, with one inbox, placer, lane and voice of the cloud. The
emulator's ledger is the judge.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from hostile.cloud.intray import HONEST, LIAR, Mailbox, Mouth, a_mailbox, two_machines
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from shop import EPOCH, Register, a_config, a_register, a_sale, eventually, id_of, rows, token_of

from cloud.bell import Bell
from cloud.desk.story import story
from cloud.placer import Placer
from cloud.replies import Replies
from cloud.store import Store, attention
from cloud.store.schema import incident, receipt, reply, sale, stream
from edge.wire import Ack, Channel, Incident, Receipt, ReceiptAck, Sale, Shown, State, encode

OF_THE_LIAR = 5000
BIG = st.sampled_from([1, 2, 3, 10**6, 2**31, 2**53 - 1, 2**53])
KINDS_OF_OURS = ("duplicate receipt", "gap", "conflict", "malformed", "lost by the provider", "x")
seqs = st.integers(1, 8) | BIG
numbers = st.integers(1, 8)


def amount_of(number: int) -> int:
    """Another for each of the honest sales, so that the ledger tells them apart."""
    return 10_000 + number


class Side(RuleBasedStateMachine):
    """Both machines, side by side."""

    migrated: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.sold = 0
        self.lies = OF_THE_LIAR

    def do(self, work: Coroutine[None, None, None]) -> None:
        self.runner.run(work)

    @initialize()
    def opens(self) -> None:
        self.do(self._open())

    async def _open(self) -> None:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="chekomat-liar-"))
        self.store = Store(Path(shutil.copy(self.migrated, folder)))
        self.stack.push_async_callback(self.store.close)
        self.register: Register = await self.stack.enter_async_context(
            a_register(self.store, pushes=True)
        )
        await two_machines(self.store)
        self.mailbox: Mailbox = await self.stack.enter_async_context(a_mailbox(self.store))
        self.mouth: Mouth = self.mailbox.mouth
        await self._birth_of(HONEST, State(online=True, epoch=EPOCH, next_seq=1, nonce="n"))

    async def _birth_of(self, machine: str, birth: State) -> None:
        await self.mailbox.take((Channel.STATE.of(machine), encode(birth)))

    # The honest one. -----------------------------------------------------------------------------

    def honest(self, number: int) -> Sale:
        return a_sale(number, amount=amount_of(number))

    def sells(self, *sold: Sale, machine: str = HONEST) -> None:
        said = [(Channel.SALE.of(machine), encode(each)) for each in sold]
        self.do(self.mailbox.take(*said))

    @rule(count=st.integers(1, 3))
    def it_sells(self, count: int) -> None:
        new = [self.honest(self.sold + each) for each in range(1, count + 1)]
        self.sold += count
        self.mouth.said.clear()
        self.sells(*new)
        acks = self.mailbox.heard(HONEST, Channel.ACK, Ack)
        assert [(ack.upto, ack.missing, ack.also) for ack in acks] == [(self.sold, (), ())]
        assert self.mailbox.spoken_to() == {HONEST}

    @rule()
    def it_says_all_of_them_again(self) -> None:
        if self.sold:
            self.sells(*(self.honest(each) for each in range(1, self.sold + 1)))

    @rule()
    def it_comes_back(self) -> None:
        birth = State(online=True, epoch=EPOCH, next_seq=self.sold + 1, nonce=f"n{self.sold}")
        self.do(self._birth_of(HONEST, birth))

    # The other one. ------------------------------------------------------------------------------

    def lie(self, channel: Channel, body: bytes) -> None:
        self.mouth.said.clear()
        self.do(self.mailbox.take((channel.of(LIAR), body)))
        assert self.mailbox.spoken_to() <= {LIAR}

    def invented(self, **told: object) -> Sale:
        self.lies += 1
        return a_sale(self.lies, **{"machine": LIAR, "seq": self.lies - OF_THE_LIAR, **told})

    @rule(
        machine=st.sampled_from([HONEST, LIAR, "vm-nobody"]),
        seq=seqs,
        epoch=st.sampled_from([EPOCH, "0" * 8]),
    )
    def it_invents_a_sale(self, machine: str, seq: int, epoch: str) -> None:
        self.lie(Channel.SALE, encode(self.invented(machine=machine, seq=seq, epoch=epoch)))

    @rule(
        number=numbers,
        machine=st.sampled_from([HONEST, LIAR]),
        amount=st.sampled_from([None, 1, 10**12]),
    )
    def it_repeats_a_sale_of_the_other(self, number: int, machine: str, amount: int | None) -> None:
        if number <= self.sold:
            told = self.honest(number)
            changed = {"machine": machine, **({"amount": amount} if amount else {})}
            self.lie(Channel.SALE, encode(msgspec.structs.replace(told, **changed)))

    @rule(ahead=st.integers(-3, 2))
    def it_shows_a_token_of_the_other(self, ahead: int) -> None:
        """One that it read off the screen; perhaps before the cloud heard of the sale."""
        number = max(1, self.sold + ahead)
        self.lie(Channel.SALE, encode(self.invented(token=token_of(number))))

    @rule(number=numbers, machine=st.sampled_from([HONEST, LIAR]))
    def it_says_that_the_goods_came_back(self, number: int, machine: str) -> None:
        self.lie(
            Channel.SALE,
            encode(self.invented(kind="return", machine=machine, amount=amount_of(number))),
        )

    @rule(number=numbers, rev=BIG)
    def it_acknowledges_a_receipt_of_the_other(self, number: int, rev: int) -> None:
        self.lie(Channel.RECEIPT_ACK, encode(ReceiptAck(sale_id=id_of(number), rev=rev)))

    @rule(
        epoch=st.sampled_from([EPOCH, "0" * 8]),
        next_seq=BIG,
        oldest=st.none() | BIG,
        nonce=st.sampled_from("ab"),
    )
    def it_is_born(self, epoch: str, next_seq: int, oldest: int | None, nonce: str) -> None:
        birth = State(
            online=True, epoch=epoch, next_seq=next_seq, oldest_unacked=oldest, nonce=nonce
        )
        self.lie(Channel.STATE, encode(birth))

    @rule(kind=st.sampled_from(KINDS_OF_OURS), number=numbers, note=BIG)
    def it_speaks_in_our_name(self, kind: str, number: int, note: int) -> None:
        told = Incident(
            epoch=EPOCH, number=note, kind=kind, at="", clock="synced", boot_id="", boottime_ms=0,
            sale_id=id_of(number),
        )  # fmt: skip
        self.lie(Channel.INCIDENT, encode(told))

    @rule(number=numbers, note=BIG, rev=st.sampled_from([0, 1, 2**31, 2**53]))
    def it_says_what_the_other_has_shown(self, number: int, note: int, rev: int) -> None:
        told = Shown(
            sale_id=id_of(number), rev=rev, on="screen", shown_at="", hidden_at="", reason="",
            frame_sha256="0" * 64, epoch=EPOCH, number=note,
        )  # fmt: skip
        self.lie(Channel.SHOWN, encode(told))

    @rule()
    def the_lane_works(self) -> None:
        self.do(self._settle())

    async def _settle(self) -> None:
        """Until every receipt has come to an end."""
        await Placer(self.store, Bell(), Bell()).sweep()
        await self.register.settle(self.store, "issued", "attention")

    # The end of the story. -----------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if hasattr(self, "mailbox"):
                self.do(self._judge())
        finally:
            self.do(self.stack.aclose())
            self.runner.close()

    async def _judge(self) -> None:
        await self._settle()
        ours = {id_of(number): amount_of(number) for number in range(1, self.sold + 1)}
        made = [(each["key"], each["total"]) for each in await self.register.ledger()]
        keys = [key for key, _ in made]
        assert len(keys) == len(set(keys))
        assert {key: total for key, total in made if key[:36] in ours} == ours
        kept = sa.select(sale.c.sale_id).where(sale.c.machine == HONEST)
        assert {each for (each,) in await rows(self.store, kept)} == set(ours)
        told = sa.select(incident.c.kind).where(incident.c.machine == HONEST)
        # That somebody took its token is no fault of its sequence.
        assert {each for (each,) in await rows(self.store, told)} <= {"another machine's token"}
        known = sa.select(stream.c.epoch).where(stream.c.machine == HONEST)
        assert await rows(self.store, known) == [(EPOCH,)]
        await self._is_told(set(ours))
        await self._has_its_own_story(set(ours))

    async def _has_its_own_story(self, ours: set[str]) -> None:
        """What the other says of a sale is neither evidence, nor a reason to return its receipt."""
        async with self.store.reading() as connection:
            assert not await attention.duplicates(connection)
            for each in ours:
                told = await story(connection, each)
                assert told.shown == []
                assert {one.kind for one in told.incidents} <= {"another machine's token"}

    async def _is_told(self, ours: set[str]) -> None:
        """Each of the honest ones' receipts goes to its machine, and to no other."""
        self.mouth.said.clear()
        self.mouth.connected = True
        voice = asyncio.ensure_future(Replies(a_config(), self.store, self.mouth, Bell()).run())

        async def said() -> bool:
            never = sa.select(reply.c.sale_id).where(reply.c.told_times == 0)
            settled = never.join(receipt, receipt.c.sale_id == reply.c.sale_id)
            return not await rows(self.store, settled)

        try:
            await eventually(said)
        finally:
            voice.cancel()
            await asyncio.wait([voice])
        heard = self.mailbox.heard(HONEST, Channel.RECEIPT, Receipt)
        assert {each.sale_id for each in heard} == ours
        assert {each.status for each in heard} <= {"issued"}
        others = {each.sale_id for each in self.mailbox.heard(LIAR, Channel.RECEIPT, Receipt)}
        assert not others & ours
        acked = sa.select(reply.c.acked_rev).where(reply.c.machine == HONEST)
        assert {each for (each,) in await rows(self.store, acked)} <= {0}


@pytest.mark.timeout(600)  # of which making a story that fails shorter takes nearly all
def test_a_machine_that_lies_harms_itself_alone(migrated: Path) -> None:
    class Migrated(Side):
        pass

    Migrated.migrated = migrated
    run_state_machine_as_test(
        Migrated,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

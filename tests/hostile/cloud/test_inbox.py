"""Whatever is said to the inbox: acknowledged once, and nobody else's row is another for it."""

from collections.abc import Sequence

import msgspec
from hostile.cloud.intray import (
    HONEST,
    LIAR,
    Mailbox,
    Message,
    a_mailbox,
    honest_sale,
    of_machine,
    two_machines,
)
from hostile.malice import garbage, tampered, texts
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from shop import EPOCH, a_document, a_sale, hear, id_of, leave, rows
from sqlalchemy import select

from cloud.outcome import Done
from cloud.store import Store
from cloud.store.schema import sale
from edge.wire import Ack, Channel, Incident, ReceiptAck, Reported, Shown, State, encode

OF_THE_LIAR = 1000
"""The numbers of its sales, tokens and ids begin here."""
WORDS = {
    Channel.SALE: a_sale(OF_THE_LIAR, machine=LIAR, seq=1),
    Channel.RECEIPT_ACK: ReceiptAck(sale_id=id_of(1), rev=1),
    Channel.SHOWN: Shown(
        sale_id=id_of(1),
        rev=1,
        on="screen",
        shown_at="",
        hidden_at="",
        reason="",
        frame_sha256="0" * 64,
        epoch=EPOCH,
        number=1,
    ),
    Channel.INCIDENT: Incident(
        epoch=EPOCH,
        number=1,
        kind="printer",
        at="",
        clock="synced",
        boot_id="",
        boottime_ms=1,
        sale_id=id_of(1),
    ),
    Channel.STATE: State(online=True, epoch=EPOCH, next_seq=5, oldest_unacked=3, nonce="a"),
    Channel.REPORTED: Reported(version=1),
}
TOPICS = (
    "", "vend", "vend/v1", "vend/v1/", f"vend/v1/{LIAR}", f"vend/v1/{LIAR}/", "vend/v1//sale",
    "vend/v1/cloud/state", "vend/v1/cloud/sale", "vend/v1/+/sale", "vend/v1/#", "vend/v2/x/sale",
    f"vend/v1/{LIAR}/sale/", f"vend/v1/{LIAR}/cmd/x/result", f"vend/v1/{LIAR}/receipt/ack/ack",
    f"vend/v1/{LIAR}\n/sale", f"vend/v1/{LIAR}\0/sale", "vend/v1/../vm-000123/sale",
    "vend/v1/\udcff/sale", "vend/v1/" + "a" * 60_000 + "/sale", "vend/v1/\u202e/sale",
)  # fmt: skip
honestly_shaped = st.sampled_from(list(WORDS)).flatmap(
    lambda channel: st.tuples(
        st.just(channel.of(LIAR)), tampered(msgspec.to_builtins(WORDS[channel]))
    )
)
nonsense = st.tuples(
    st.sampled_from([*(channel.of(LIAR) for channel in Channel), *TOPICS]) | texts,
    garbage | tampered(msgspec.to_builtins(WORDS[Channel.SALE])),
).filter(lambda message: not message[0].startswith(f"vend/v1/{HONEST}/"))
messages = st.lists(honestly_shaped | nonsense, min_size=1, max_size=6)


async def an_honest_past(store: Store, mailbox: Mailbox) -> None:
    """Sales of a machine that never lied, one of them with its document."""
    await two_machines(store)
    birth = encode(State(online=True, epoch=EPOCH, next_seq=1, nonce="n"))
    await mailbox.take((Channel.STATE.of(HONEST), birth), honest_sale(1), honest_sale(2))
    (key, _) = await leave(store)
    await hear(store, Done(a_document()), key)


async def nobody_else_is_harmed(
    store: Store, mailbox: Mailbox, said: Sequence[Message], number: int
) -> None:
    """All of it is taken; then an honest sale is, as if nothing had been."""
    before = await of_machine(store, HONEST)
    mailbox.mouth.said.clear()
    await mailbox.take(*said)
    assert await of_machine(store, HONEST) == before
    assert mailbox.spoken_to() <= {LIAR}
    mailbox.mouth.said.clear()
    await mailbox.take(honest_sale(number))
    assert [
        (ack.upto, ack.missing, ack.also) for ack in mailbox.heard(HONEST, Channel.ACK, Ack)
    ] == [(number, (), ())]
    assert mailbox.spoken_to() == {HONEST}


async def numbers_of(store: Store, machine: str) -> int:
    return len(await rows(store, select(sale.c.seq).where(sale.c.machine == machine)))


@settings(
    max_examples=60,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=messages)
@example(said=[("vend/v1/\udcff/sale", b"half a character in its topic")])
async def test_whatever_a_machine_says_is_taken_once_and_harms_no_other(
    store: Store, said: Sequence[Message]
) -> None:
    async with a_mailbox(store) as mailbox:
        if not await numbers_of(store, HONEST):
            await an_honest_past(store, mailbox)
        await nobody_else_is_harmed(store, mailbox, said, 1 + await numbers_of(store, HONEST))

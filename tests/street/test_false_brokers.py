"""A broker may forget, may lie for days, may be away: what was sold arrives once each, in order."""

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from parts import Mosquitto, mosquitto, until
from specimens import receipt, sale
from street.living import DAY_S, MACHINE, OwnClock, Screen, Watched, a_life, sell
from street.sink import Sink, a_sink

from edge.storage.outbox import OpenSale
from edge.window import LONGEST_S, PATIENCE_S, SIZE
from edge.wire import Channel, Shown, encode

SHOWN = Shown(
    sale_id=sale().sale_id,
    rev=1,
    on="screen",
    shown_at="",
    hidden_at="",
    reason="timeout",
    frame_sha256="a" * 64,
)
pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[Mosquitto]:
    """It takes every message, says so, and delivers none."""
    with (
        # Started by root, mosquitto becomes another user before it reads this.
        TemporaryDirectory(prefix="chekomat-acl-") as name,
        mosquitto(tmp_path) as running,
    ):
        Path(name).chmod(0o755)
        acl = Path(name) / "acl"
        acl.write_text("topic write #\n", "utf-8")
        acl.chmod(0o644)
        running.kill()
        honest = running.config.read_text("utf-8")
        running.config.write_text(f"{honest}acl_file {acl}\n", "utf-8")
        running.start()
        running.config.write_text(honest, "utf-8")  # for its next start
        yield running


def once_each(sink: Sink, count: int) -> None:
    assert sorted(sink.sales) == list(range(1, count + 1))
    assert {len(bodies) for bodies in sink.bodies.values()} == {1}
    assert len({each.sale_id for each in sink.sales.values()}) == count


async def test_a_broker_that_takes_and_never_delivers_is_not_flooded_and_not_believed(
    liar: Mosquitto, tmp_path: Path
) -> None:
    clock = OwnClock()
    async with a_life(tmp_path, liar.port, clock) as life:
        watched, uplink = Watched(life.link), life.agent.uplink
        await until(lambda: life.link.connected)
        for _ in range(60):
            sell(life)
        await until(lambda: life.agent.keeper.waiting == 0)
        await until(lambda: watched.published >= SIZE)
        assert uplink.in_flight == SIZE
        # A minute after each time it was due: by boot time, whatever the wall says.
        sent = [watched.published]
        clock.wrong_s = -DAY_S
        for patience in (1, 2, 4, 8, 16, 32, 64):
            clock.forward_s += min(LONGEST_S, PATIENCE_S * patience)
            uplink.look()
            await until(lambda: watched.published >= sent[-1] + SIZE)
            await life.disk.do(bool)
            sent.append(watched.published)
        assert [after - before for before, after in pairwise(sent)] == [SIZE] * 7
        assert uplink.in_flight == SIZE
        assert life.outbox.pending()[0] == 60
        liar.kill()
        liar.start()
        async with a_sink(MACHINE, liar.port) as sink:
            await until(lambda: life.outbox.pending()[0] == 0, 20)
            once_each(sink, 60)


async def test_a_broker_that_forgets_everything_again_and_again_costs_nothing(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with (
        a_sink(MACHINE, broker.port) as sink,
        a_life(tmp_path, broker.port, OwnClock()) as life,
    ):
        await until(lambda: life.agent.uplink.cloud_online)
        for number in range(4):
            sink.answers = number % 2 == 0
            for _ in range(5):
                sell(life)
            await until(lambda: life.agent.keeper.waiting == 0)
            broker.kill()
            await until(lambda: not life.link.connected)
            for _ in range(5):
                sell(life)
            await until(lambda: life.agent.keeper.waiting == 0)
            broker.start()
            await until(lambda: life.agent.uplink.cloud_online, 20)
        sink.answers = True
        sink.acknowledge()
        await until(lambda: len(sink.sales) == 40 and life.outbox.pending()[0] == 0, 20)
        once_each(sink, 40)


async def test_three_days_offline_go_up_in_order_behind_who_buys_now(
    broker: Mosquitto, tmp_path: Path
) -> None:
    """Boot time goes on by three days; hundreds of sales are made in them."""
    clock, screen = OwnClock(), Screen()
    async with a_life(tmp_path, broker.port, clock, screen) as life:
        await until(lambda: life.link.connected)
        broker.kill()
        await until(lambda: not life.link.connected)
        watched = Watched(life.link)
        for _ in range(72):
            clock.forward_s += DAY_S / 24
            shown = len(screen.pictures)
            for _ in range(6):
                sell(life)
            await until(lambda: life.agent.keeper.waiting == 0)
            await until(lambda shown=shown: len(screen.pictures) > shown)  # type: ignore[misc]
        assert life.outbox.pending()[0] == 72 * 6
        assert watched.published == 0
        there, before, offer = threading.Event(), list[int](), life.agent.uplink.offer
        life.disk.later(
            there.wait, 60
        )  # nothing goes up before there is somebody to hear all of it
        broker.start()
        async with a_sink(MACHINE, broker.port) as sink:
            there.set()
            await until(lambda: sink.arrivals, 20)

            def offered(kept: OpenSale) -> None:
                before.append(len(sink.arrivals))
                offer(kept)

            life.agent.uplink.offer = offered  # type: ignore[method-assign]
            sell(life)
            live = 72 * 6 + 1
            await until(lambda: live in sink.sales)
            assert sink.arrivals.index(live) - before[0] <= 2 * SIZE
            sink.say(Channel.RECEIPT, encode(receipt(sink.sales[live])))
            await until(lambda: screen.kinds[-1] == "ready")
            await until(lambda: life.outbox.pending()[0] == 0, 20)
            once_each(sink, live)
            in_turn = [seq for seq in dict.fromkeys(sink.arrivals) if seq != live]
            assert in_turn == list(range(1, live))


async def test_evidence_that_another_commit_made_safe_goes_up_without_a_further_sale(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What commits an approval tells nobody; who looks after the riders does."""
    monkeypatch.setattr("edge.agent.RIDE_S", 0.05)
    async with (
        a_sink(MACHINE, broker.port) as sink,
        a_life(tmp_path, broker.port, OwnClock()) as life,
    ):
        await until(lambda: life.agent.uplink.cloud_online)
        sell(life)
        await until(lambda: sink.sales and life.outbox.pending()[0] == 0)

        def in_one_turn() -> None:
            life.outbox.notes.put_showing(SHOWN)
            life.outbox.memory.put_context({})

        await life.disk.do(in_one_turn)
        await until(lambda: sink.showings)

"""The disk is full, or takes nothing any more, while people buy: no sale is lost, and it is said."""

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from parts import Mosquitto
from street.cloud_process import CloudProcess
from street.counter import Counter, Port
from street.deals import Deal, End, judge
from street.gateway import STOP_S, Gateway
from street.mounts import Card, small_disk

from edge.wire import Channel, Health, decode
from edge.wire.link import Incoming, Link
from edge.wire.settings import Broker

pytestmark = pytest.mark.needs("mosquitto", "mount")


class Filler:
    """Somebody else's file: takes all the room there is, again and again."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "somebody-elses"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._file.unlink()

    def _fill(self) -> None:
        descriptor, size = os.open(self._file, os.O_WRONLY | os.O_CREAT), 1 << 20
        try:
            while not self._stop.is_set():
                try:
                    os.write(descriptor, bytes(size))
                    size = min(2 * size, 1 << 20)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size = max(1, size // 2)
                    self._stop.wait(0.001 if size > 1 else 0.02)
        finally:
            os.close(descriptor)


class Street:
    """A gateway on a disk, a counter, a broker and a cloud."""

    def __init__(self, folder: Path, disk: Path, broker: Mosquitto) -> None:
        self.port = Port()
        self.counter = Counter(self.port, 1)
        tap = f"lines:{self.port.name}"
        self.gateway = Gateway(folder, tap, f"port = {broker.port}", disk / "edge")
        self.cloud = CloudProcess(folder, broker.port)
        self.cloud.start()
        self.cloud.wait()

    def open_up(self) -> None:
        self.gateway.start()
        self.gateway.until(lambda: self.port.listened_to_by(self.gateway.pid), "it does not listen")
        self.counter.power_on()

    def until(self, condition: Callable[[], object], what: str) -> None:
        self.gateway.until(condition, what)

    def logged(self, text: str) -> bool:
        return text in self.gateway.log.read_text("utf-8", "replace")

    @property
    def refused(self) -> bool:
        """Whether the disk took nothing though the ballast was gone."""
        _, gone, since = self.gateway.log.read_text("utf-8", "replace").partition(
            "the ballast is let go. Make room"
        )
        return bool(gone) and "the disk refuses: database or disk is full" in since

    def sold(self, count: int) -> None:
        """Wait until so many more were sold at the counter."""
        before = len(self.vends)
        self.until(lambda: len(self.vends) >= before + count, "nobody buys")

    @property
    def vends(self) -> list[Deal]:
        return [deal for deal in self.counter.deals if deal.end is End.SOLD and deal.over]

    @property
    def kept(self) -> int:
        return len(self.gateway.rows("SELECT 1 FROM sale"))

    def fall_silent(self) -> None:
        self.counter.cut(heard=True)
        self.until(lambda: self.port.is_heard, "the bus is not read")

    def close(self) -> None:
        self.gateway.close()
        self.cloud.close()
        if self.counter.is_on:
            self.counter.cut()
        self.port.close()

    def check(self) -> None:
        books = self.cloud.books
        verdict = judge(self.counter.deals, books.sales, books.incidents)
        assert verdict.holds, "\n".join([*verdict.broken, self.gateway.last_lines()])
        assert verdict.in_inbox == verdict.vends > 0
        assert not books.complaints


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 96) as place:
        yield place


@pytest.fixture
def street(tmp_path: Path, disk: Path, broker: Mosquitto) -> Iterator[Street]:
    opened = Street(tmp_path, disk, broker)
    try:
        yield opened
    finally:
        opened.close()


def test_a_full_disk_costs_its_ballast_and_then_time_but_no_sale(
    street: Street, disk: Path, broker: Mosquitto
) -> None:
    street.open_up()
    ballast = disk / "edge" / "ballast"
    street.until(lambda: street.kept >= 2, "nothing is kept")
    assert ballast.exists()
    filler = Filler(disk)
    filler.start()
    street.until(lambda: street.refused, "the disk is not full, or nobody says so")
    assert not ballast.exists()
    street.sold(5)
    broker.kill()
    broker.start()  # health is said on every connection, and once a minute
    assert asyncio.run(refusals(broker.port)) > 0
    assert street.gateway.process is not None
    assert street.gateway.process.poll() is None
    filler.stop()
    street.until(lambda: street.kept >= len(street.vends) - 2, "not all is kept")
    street.sold(2)
    street.fall_silent()
    assert street.gateway.stop() == 0
    street.open_up()  # and what was not sent goes up
    street.fall_silent()
    street.until(lambda: len(street.cloud.books.sales) >= len(street.vends), "not all arrive")
    assert street.gateway.stop() == 0
    street.check()


def test_told_to_stop_while_the_disk_refuses_it_ends_and_its_log_holds_the_sales(
    street: Street, disk: Path
) -> None:
    street.open_up()
    street.until(lambda: street.kept >= 2, "nothing is kept")
    filler = Filler(disk)
    filler.start()
    street.until(lambda: street.refused, "the disk takes all")
    street.sold(3)
    street.fall_silent()
    began = time.monotonic()
    code = street.gateway.stop()
    assert time.monotonic() - began < STOP_S
    filler.stop()
    assert_kept_or_logged(street)
    assert code == 0, street.gateway.last_lines()


def test_a_card_that_takes_nothing_any_more_is_told_of_and_gives_back_what_it_had(
    tmp_path: Path, broker: Mosquitto
) -> None:
    card = Card(tmp_path, 128)
    street = Street(tmp_path, card.place, broker)
    try:
        street.open_up()
        street.until(lambda: street.kept >= 3, "nothing is kept")
        card.fail()
        street.until(lambda: street.logged("the disk refuses"), "the card takes all")
        street.sold(2)
        street.fall_silent()
        street.gateway.stop()
        assert_kept_or_logged(street)
        kept = street.gateway.copied("SELECT sale_id FROM sale", tmp_path)
        card.take_out()
        card.repair()
        card.put_in()
        street.open_up()
        again = street.gateway.rows("SELECT sale_id FROM sale")
        assert set(kept) <= set(again)
        street.sold(1)
        street.fall_silent()
        assert street.gateway.stop() == 0
    finally:
        street.close()
        card.close()


async def refusals(port: int) -> int:
    """What the machine's health tells of its disk."""
    link = Link(Broker(port=port), "ear", [Channel.HEALTH.of_all], ("x", b""))
    link.start()
    try:
        async with asyncio.timeout(20):
            async for happening in link:
                if isinstance(happening, Incoming):
                    return decode(happening.payload, Health).disk_refusals
    finally:
        await link.stop()
    return 0


def assert_kept_or_logged(street: Street) -> None:
    """A person who reads the journal can enter by hand what no disk took."""
    rows = street.gateway.copied(
        "SELECT json_extract(CAST(body AS TEXT), '$.item') FROM sale", street.gateway.folder
    )
    kept = {item for (item,) in rows}
    lines = [
        line
        for line in street.gateway.log.read_text("utf-8").splitlines()
        if "not kept: " in line and "Sale(" in line
    ]
    missing = [
        deal
        for deal in street.vends
        if deal.item not in kept and not any(f"item='{deal.item}'" in line for line in lines)
    ]
    assert not missing, "\n".join([*map(str, missing), street.gateway.last_lines()])
    assert lines

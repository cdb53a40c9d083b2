"""An agent in this process that lives as long as its test, under a clock that is the test's."""

import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from parts import until
from specimens import BOOT
from street.mortal import Fuse, Mortal, RightClock
from street.sink import Sink

from edge.buyer.picture import Picture
from edge.clock import Clock, Moment
from edge.displays import Painted
from edge.keeper import Concluded
from edge.wire import Channel
from edge.wire.link import Link
from edge.wire.messages import Quality
from edge.wire.settings import Broker
from mdb import event

MACHINE: Final = "vm-000123"
DAY_S: Final = 86400
YEAR_S: Final = 365 * DAY_S
_ITEMS = itertools.count(1)


class OwnClock:
    """Never the system's: the test puts it on, back and right. `forward` moves boot time as well."""

    def __init__(
        self, boot: str = BOOT, *, quality: Quality = "synced", wrong_s: float = 0
    ) -> None:
        self.boot = boot
        self.quality: Quality = quality
        self.wrong_s = wrong_s
        """How far the time of day is from the truth."""
        self.forward_s = 0.0
        self._began = time.monotonic()

    def boottime(self) -> float:
        return 10 + self.forward_s + time.monotonic() - self._began

    def truth_ms(self) -> int:
        return round(1000 * (time.time() + self.forward_s))

    def now(self) -> Moment:
        wall = self.truth_ms() + round(1000 * self.wrong_s)
        return Moment(wall, round(1000 * self.boottime()), self.boot, self.quality)


class Screen:
    """A display that is seen at once, and remembers."""

    panel = None

    def __init__(self) -> None:
        self.pictures: list[Picture] = []

    def show(self, picture: Picture, painted: Painted) -> None:
        self.pictures.append(picture)
        painted(f"{len(self.pictures):064x}")

    @property
    def kinds(self) -> list[str]:
        return [picture.kind for picture in self.pictures]

    def close(self) -> None:
        """It is only a list."""


class Watched:
    """Counts the sales that a link is given to publish."""

    def __init__(self, link: Link) -> None:
        self.published = 0
        self._publish = link.publish
        link.publish = self._listen  # type: ignore[method-assign]

    def _listen(self, topic: str, payload: bytes, qos: int, *, retain: bool = False) -> object:
        self.published += topic == Channel.SALE.of(MACHINE)
        self.happened()
        return self._publish(topic, payload, qos, retain=retain)

    def happened(self) -> None:
        """For a test that wants to look at each."""


def sell(life: Mortal) -> str:
    """A vend, as the listener hands it to the keeper; its item."""
    item = f"{next(_ITEMS):04x}"
    tender = event.Tender("cashless-1", 1000)
    vend = event.Sale(0.0, 0x10, item, event.Kind.PAID, 1000, "RUB", (tender,))
    life.agent.keeper.take(Concluded(vend, *life.agent.timeline.look()))
    return item


async def hears(life: Mortal, sink: Sink) -> None:
    """Wait until it has heard of the cloud: all begins anew with that, and what was sold comes twice.

    An incident goes up behind it; the first may have gone with what was under way before.
    """
    await until(lambda: life.agent.uplink.cloud_online)
    for _ in range(2):
        before = len(sink.incidents)
        life.agent.alarms.raise_one("printer", "a word of the test's")
        await until(lambda before=before: len(sink.incidents) > before)  # type: ignore[misc]


@asynccontextmanager
async def a_life(
    folder: Path, port: int, clock: Clock | None = None, screen: Screen | None = None
) -> AsyncIterator[Mortal]:
    """From a start to an orderly end."""
    displays = {} if screen is None else {"screen": screen}
    fuse = Fuse(folder, folder / "never")
    broker = Broker(port=port)
    life = Mortal(folder, MACHINE, broker, clock or RightClock(), fuse, displays=displays)
    try:
        yield life
        assert not life.running.done(), life.running
    finally:
        await life.bury()

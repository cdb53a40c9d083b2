"""The machine's side: one Raspberry Pi after the other life of its agent, on one card after the other.

What runs is `edge.agent.Agent`, whole, with a real outbox in a real file. Simulated are what it is
joined to: tap, link, clock, thread, glass.
"""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from simulation.card import Card
from simulation.checker import Death
from simulation.clocks import OwnClock
from simulation.clockwork import Clockwork
from simulation.onlooker import Onlooker
from simulation.process import Computer, Process
from simulation.vending import Vending

from edge.agent import Agent, Parts
from edge.buyer.policy import Policy
from edge.errors import StartError
from edge.keeper import EPOCH_BYTES
from edge.printers.print_queue import PrintQueue
from edge.stage import Stage
from edge.storage.ballast import Ballast
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.uplink import subscriptions
from edge.wire import Channel, Sale, State, decode, encode
from edge.wire.settings import Broker

AGAIN_S: Final = 5.0
"""systemd: `RestartSec=`."""
POLICY: Final = Policy(link="https://receipts.example/r/")


class Room(Ballast):
    """Ballast on a card whose room is a number."""

    def __init__(self, card: Card, folder: Path) -> None:
        super().__init__(folder)
        self._card = card
        self._laid = True

    def lay_down(self) -> None:
        self._laid = self._laid or not self._card.full

    def let_go(self) -> bool:
        """Room for some commits more."""
        laid, self._laid = self._laid, False
        if laid and self._card.full:
            self._card.room_bytes = LAST_BYTES
        return laid

    def free(self) -> int:
        return 0 if self._card.full else 1 << 30


LAST_BYTES: Final = 60_000
MANY: Final = 1_000_000


@dataclass
class Pi:
    """The computer in one machine, its card, and whatever runs on it."""

    loop: Clockwork
    chance: Random
    vending: Vending
    onlooker: Onlooker
    link: Callable[..., Any]
    folder: Path
    computer: Computer
    died: list[Death] = field(default_factory=list)
    refusing_since: float | None = None
    """Since when its card takes nothing, or takes its time."""
    process: Process | None = None
    agent: Agent | None = None
    epochs: list[str] = field(default_factory=list)
    """Of every outbox that was begun, in order."""
    gone: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    """Sales that went with a card."""
    _cards: int = 0
    _image: Path | None = None
    _starting: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.card = self._fresh_card()

    @property
    def name(self) -> str:
        return self.vending.name

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.alive

    def start(self) -> None:
        """Begin a life, unless there is one."""
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None
        if not self.runs:
            self.process = Process(self.name, self.computer)
            self.process.begin(self._live)

    def start_in(self, seconds: float) -> None:
        if self._starting is not None:
            self._starting.cancel()
        self._starting = self.loop.by_the_world(seconds, self.start)

    def kill(self, again_s: float = AGAIN_S) -> None:
        """SIGKILL; what it had written is there. systemd starts it again."""
        if self._dies():
            self._turn_to(self.card.copied)
        self.start_in(again_s)

    def lose_power(self, away_s: float) -> None:
        """What was not synced may be gone, and the computer begins anew."""
        self._dies()
        self._turn_to(partial(self.card.pulled, chance=self.chance))
        self.start_in(away_s)
        self.computer.reboot(self.loop.time() + away_s)

    def replace_card(self, away_s: float, other: Path | None = None) -> None:
        """Another card, with nothing on it, or with what is there."""
        self.gone = self.unsent()
        lost = frozenset(price for _, price in self.gone.values() if price is not None)
        if not self._dies(lost, card_gone=True):
            self.died.append(Death(self.name, self.loop.time(), None, lost, card_gone=True))
        self._let_go()
        self.card = self._fresh_card() if other is None else Card(other)
        self.start_in(away_s)
        self.computer.reboot(self.loop.time() + away_s)

    def take_image(self) -> None:
        """Somebody keeps a copy of the card."""
        self._image = self._next_folder()
        self.card.copied(self._image)

    def put_back(self, away_s: float) -> None:
        """The copy is put in instead of the card, and what happened since is not on it."""
        if self._image is not None:
            image, self._image = self._image, None
            self.replace_card(away_s, image)

    def _dies(self, lost: frozenset[int] = frozenset(), *, card_gone: bool = False) -> bool:
        if not self.runs or self.process is None:
            return False
        refusing = self.refusing_since
        self.died.append(Death(self.name, self.loop.time(), refusing, lost, card_gone))
        self.loop.remembered.append((self.process, self.agent))
        self.process.kill()
        return True

    def unsent(self) -> dict[str, tuple[str, int | None]]:
        """Sales that only this card has, or had one before it: machine and price of each."""
        copy = self._next_folder()
        self.card.copied(copy)
        outbox = Outbox(copy / "outbox.sqlite", "0" * 8)
        bodies = [each.body for each in outbox.open_sales(0, MANY)]
        outbox.close()
        shutil.rmtree(copy)
        sales = [decode(each, Sale) for each in bodies]
        return self.gone | {each.sale_id: (self.name, each.amount) for each in sales}

    def _turn_to(self, made: Callable[[Path], object]) -> None:
        """On with a copy: the dead have the old files open for ever."""
        new = self._next_folder()
        made(new)
        self._let_go()
        self.card = Card(new)

    def _let_go(self) -> None:
        self.card.released()
        shutil.rmtree(self.card.folder)

    def _fresh_card(self) -> Card:
        return Card(self._next_folder())

    def _next_folder(self) -> Path:
        self._cards += 1
        new = self.folder / f"{self.name}-{self._cards}"
        new.mkdir()
        return new

    def _drawn(self, count: int) -> bytes:
        drawn = self.chance.randbytes(count)
        if count == EPOCH_BYTES:
            self.epochs.append(drawn.hex())
        return drawn

    async def _live(self) -> None:
        """As `edge.assembly` puts it together."""
        process = self.process
        clock = OwnClock(self.loop, self.computer)
        ballast = Room(self.card, self.card.folder)
        try:
            outbox = Outbox(
                self.card.folder / "outbox.sqlite", f"{self.chance.getrandbits(32):08x}"
            )
        except StartError:  # the disk is full, or fails
            process.alive = False
            self.start_in(AGAIN_S)
            return
        if outbox.epoch not in self.epochs:
            self.epochs.append(outbox.epoch)
        disk = Disk(ballast.let_go, lambda: ballast.is_needed)
        agent = Agent(
            Parts(
                machine=self.name,
                tap=self.vending.tap(),
                outbox=outbox,
                disk=disk,
                ballast=ballast,
                link=self.link(
                    Broker(),
                    client_id=f"chekomat-{self.name}",
                    subscriptions=subscriptions(self.name),
                    will=(Channel.STATE.of(self.name), encode(State(online=False))),
                ),
                clock=clock,
                chance=self._drawn,
            )
        )
        self.agent = agent
        displays = {"screen": self.onlooker.glass(process)}
        stage = Stage(displays, POLICY, {}, agent.timeline, agent.keep_showing)
        printing = PrintQueue({}, clock, agent.keep_showing, lambda _name, _word: None)
        await agent.run(stage, printing)

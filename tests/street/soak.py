"""Rounds of sudden death: the bus's truth is the cloud's inbox, once each.

A real gateway process, a real broker, a real cloud and a machine on a pseudo-terminal. In each round
power is cut at a random instant, for the machine and the gateway at once; the broker, which forgets
everything, and the cloud are killed at random as well. In the end everybody is left alone, and the
cloud's books are held against the machine's.

The long run is `make soak`.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from parts import Mosquitto, mosquitto
from street.cloud_process import CloudProcess
from street.counter import Counter, Port
from street.deals import Verdict, judge
from street.gateway import STOP_S, Gateway

from edge.wire import Sale, decode

LONGEST_S: Final = 1.2
"""From the first byte of a machine that was switched on to the end of its round."""


class Street:
    """Everybody, and what was done to them."""

    def __init__(self, folder: Path, broker: Mosquitto, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.chance = random.Random(seed)
        self.broker = broker
        self.port = Port()
        self.counter = Counter(self.port, seed)
        self.gateway = Gateway(folder, f"lines:{self.port.name}", f"port = {broker.port}")
        self.cloud = CloudProcess(folder, broker.port)
        self.story: list[str] = []
        self.bodies: dict[str, bytes] = {}
        """Each sale as it was first found on the disk."""
        self.broken: list[str] = []

    def round(self) -> None:
        """Start, sell, and come to a sudden end."""
        way = self.chance.choices(("cut", "moment", "early", "stop"), (36, 36, 18, 10))[0]
        self.tell(f"round: {way}")
        self.gateway.start()
        if way == "early":
            time.sleep(self.chance.random() * 0.8)
            self.gateway.kill()
        else:
            self.listen()
            self.counter.power_on()
            self.sell()
            if way == "cut":
                self.counter.cut(self.gateway.kill)
            elif way == "moment":
                number = self.chance.randint(1, 4)
                self.counter.cut_at_moment(number, self.gateway.kill, LONGEST_S)
            else:
                self.stop()
        self.look()

    def listen(self) -> None:
        gateway = self.gateway
        gateway.until(
            lambda: self.port.listened_to_by(gateway.pid), "the gateway does not listen to the bus"
        )

    def sell(self) -> None:
        """For a random time, with a blow to the broker or the cloud in some rounds."""
        end = time.monotonic() + self.chance.random() * LONGEST_S
        blow = self.chance.choices(("none", "broker", "cloud"), (80, 15, 5))[0]
        if blow != "none":
            time.sleep(self.chance.random() * LONGEST_S / 2)
            self.tell(f"the {blow} is killed")
        if blow == "broker":
            self.broker.kill()
            self.broker.start()
        elif blow == "cloud":
            self.cloud.kill()
            self.cloud.start()
        time.sleep(max(0.0, end - time.monotonic()))

    def stop(self) -> None:
        """The machine falls silent, what it said is read, and only then the gateway is stopped."""
        self.counter.cut(heard=True)
        self.gateway.until(lambda: self.port.is_heard, "the gateway does not read the bus")
        began = time.monotonic()
        code = self.gateway.stop()
        took = time.monotonic() - began
        if code or took > STOP_S:
            self.broken.append(f"SIGTERM: exit {code} after {took:.1f} s")

    def look(self) -> None:
        """Between two rounds: what was on the disk is there, as it was."""
        rows = self.gateway.copied("SELECT coalesce(told, body) FROM sale", self.folder)
        found = {decode(body, Sale).sale_id: body for (body,) in rows}
        for sale_id, body in self.bodies.items():
            if found.get(sale_id) != body:
                self.broken.append(f"{sale_id} was on the disk, and is not, or is another")
        self.bodies = found

    def settle(self) -> Verdict:
        """Nobody is killed any more; what is owed arrives. Then the books are compared."""
        self.tell("settling")
        self.gateway.start()
        self.listen()
        self.counter.power_on()
        time.sleep(LONGEST_S)
        self.counter.close_up()
        self.gateway.until(self._arrived, "not all arrive")
        self.stop()
        while not self._arrived():  # what was heard last came to the disk only now
            self.gateway.start()
            self.listen()
            self.gateway.until(self._arrived, "not all arrive")
            self.stop()
        verdict = judge(self.counter.deals, self.cloud.books.sales, self.cloud.books.incidents)
        verdict.broken += self.broken
        verdict.broken += [
            f"the cloud: {kind}: {what}" for kind, what in self.cloud.books.complaints
        ]
        self.look()
        stored = {each.sale_id: each for each in self.cloud.books.sales}
        for sale_id, body in self.bodies.items():
            if stored.get(sale_id) != decode(body, Sale):
                verdict.broken.append(f"{sale_id} is on the disk, and not so in the inbox")
        return verdict

    def _arrived(self) -> bool:
        """Acknowledgements ride along for a while: the cloud's books are asked, not the file."""
        sales = {row for (row,) in self.gateway.rows("SELECT sale_id FROM sale")}
        incidents = self.gateway.rows("SELECT body FROM note WHERE channel = 'incident'")
        stored = {row for (row,) in self.cloud.books.rows("SELECT sale_id FROM sale")}
        noted = {body.encode() for (body,) in self.cloud.books.rows("SELECT body FROM note")}
        nobody_waits = self.counter.is_idle and not self.port.unread
        return nobody_waits and sales <= stored and {body for (body,) in incidents} <= noted

    def tell(self, what: str) -> None:
        self.story.append(f"turn {len(self.story)}, deal {len(self.counter.deals)}: {what}")

    def close(self) -> None:
        self.gateway.close()
        self.cloud.close()
        if self.counter.is_on:
            self.counter.cut()
        self.port.close()


@contextmanager
def street(folder: Path, seed: int) -> Iterator[Street]:
    """All of them, the gateway and the machine still off."""
    with mosquitto(folder) as broker:
        there = Street(folder, broker, seed)
        try:
            there.cloud.start()
            there.cloud.wait()
            yield there
        finally:
            there.close()

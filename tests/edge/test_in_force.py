"""The settings in force: a real outbox, a real stage, and wishes as they come from the cloud."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from specimens import StillClock, receipt, sale

from edge.buyer.event import Answered, Sold, Tick
from edge.buyer.picture import Picture
from edge.config import Config, Receipts
from edge.displays import Painted
from edge.in_force import InForce
from edge.stage import Stage
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.wire import Reported

FILE = Config(
    machine="vm-000123",
    tap="virtual:",
    receipts=Receipts(link="https://chek.example/r/", show_s=60),
    products={"0001": "Эспрессо", "0002": "Чай"},
)


def wish(version: int, **tables: object) -> bytes:
    return json.dumps({"version": version, **tables}).encode()


def answer(version: int | None, payload: bytes, error: str | None = None) -> Reported:
    digest = sha256(payload).hexdigest() if payload else None
    return Reported(version=version, error=error, wish=digest)


class Screen:
    """A display that is seen at once."""

    panel = None

    def __init__(self) -> None:
        self.pictures: list[Picture] = []

    def show(self, picture: Picture, painted: Painted) -> None:
        self.pictures.append(picture)
        painted("0" * 64)

    def close(self) -> None:
        """It is only a list."""


class Machine:
    """The settings of one outbox, and a stage that goes by them."""

    def __init__(self, folder: Path, file: Config = FILE) -> None:
        self._folder = folder
        self._open(file)

    def _open(self, file: Config) -> None:
        self.outbox = Outbox(self._folder / "outbox.sqlite", "7f3a9c1e")
        self.disk = Disk()
        self.clock = StillClock()
        self.in_force = InForce(file, self.outbox, self.disk)
        self.screen = Screen()
        policy, products = self.in_force.policy, self.in_force.config.products
        self.stage = Stage({"screen": self.screen}, policy, products, self.clock, lambda _: None)
        self.in_force.follow(self.stage.change)

    def show_receipt(self, seq: int) -> Picture:
        """A sale and its receipt, from now on on the screen."""
        sold = sale(seq, boot_id=self.clock.now().boot_id)
        self.stage.happen(Sold(sold))
        self.stage.happen(Answered(sold, receipt(sold)))
        return self.screen.pictures[-1]

    def pass_time(self, seconds: float) -> str:
        """What is shown then."""
        self.clock.seconds += seconds
        self.stage.happen(Tick())
        return self.screen.pictures[-1].kind

    def restart(self, file: Config = FILE) -> None:
        self.close()
        self._open(file)

    def close(self) -> None:
        self.disk.close()
        self.outbox.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    opened = Machine(tmp_path)
    yield opened
    opened.close()


async def test_without_a_wish_the_file_is_in_force(machine: Machine) -> None:
    assert machine.in_force.config == FILE
    assert (machine.in_force.version, machine.in_force.words) == (None, "")
    assert machine.in_force.policy.show_s == 60
    assert machine.in_force.policy.link == "https://chek.example/r/"


async def test_a_wish_changes_how_long_the_next_receipt_stays_and_not_this_one(
    machine: Machine,
) -> None:
    machine.show_receipt(1)
    payload = wish(7, receipts={"show_s": 100})
    assert await machine.in_force.wished(payload) == answer(7, payload)
    assert machine.pass_time(59) == "ready"
    assert machine.pass_time(2) == "idle"
    machine.show_receipt(2)
    assert machine.pass_time(99) == "ready"
    assert machine.pass_time(2) == "idle"
    assert machine.in_force.words == "7"


async def test_a_wish_names_products_on_the_next_picture(machine: Machine) -> None:
    assert "Эспрессо" in str(machine.show_receipt(1))
    await machine.in_force.wished(wish(1, products={"0001": "  Флэт\n уайт "}))
    assert "Флэт уайт" in str(machine.show_receipt(2))
    assert machine.in_force.product("0001") == "Флэт уайт"
    assert machine.in_force.product("0002") == "Чай"  # the file's
    assert machine.in_force.product("0009") == "0009"
    assert machine.in_force.product(None) == ""


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"receipts": {"show_s": 5}}, "receipts.show_s: expected at least 40, found 5"),
        ({"receipts": {"colour": "red"}}, "colour"),
        ({"receipts": {"link": None}}, "receipts.link: missing"),
        ({"products": {"1": "Чай"}}, "products"),
        ({"broker": {"port": 1}}, "broker"),
        (
            {"receipts": {"profile": "none", "show_s": 5}},
            'receipts.profile: expected "ru", as in the file; found "none"',
        ),
    ],
)
async def test_a_wrong_wish_is_refused_as_a_whole_and_what_is_in_force_stays(
    machine: Machine, tables: dict[str, object], told: str
) -> None:
    await machine.in_force.wished(wish(1, receipts={"show_s": 90}))
    before = machine.in_force.config
    payload = wish(2, **({"products": {"0001": "Раф"}} | tables))
    reported = await machine.in_force.wished(payload)
    assert reported.error is not None
    assert told in reported.error
    assert reported == answer(1, payload, reported.error)
    assert machine.in_force.config == before
    assert machine.outbox.memory.wish() == wish(1, receipts={"show_s": 90})


async def test_no_wish_changes_whose_law_it_is_or_the_machine_might_not_start_again(
    tmp_path: Path,
) -> None:
    """Where the file says "none", a panel may be too small for "ru"; it is looked at at the start."""
    none = msgspec.structs.replace(
        FILE, receipts=Receipts(link="https://x.example/", profile="none")
    )
    machine = Machine(tmp_path, none)
    reported = await machine.in_force.wished(wish(1, receipts={"profile": "ru"}))
    assert reported.error is not None
    assert 'expected "none", as in the file; found "ru"' in reported.error
    machine.restart(none)
    assert machine.in_force.config.receipts.profile == "none"
    machine.close()


async def test_the_same_wish_again_changes_nothing_and_is_answered(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    payload = wish(3, receipts={"show_s": 90})
    first = await machine.in_force.wished(payload)
    caplog.clear()
    assert await machine.in_force.wished(payload) == first
    assert caplog.text == ""


async def test_one_version_says_one_thing(machine: Machine) -> None:
    await machine.in_force.wished(wish(3, receipts={"show_s": 90}))
    reported = await machine.in_force.wished(wish(3, receipts={"show_s": 91}))
    assert reported.error is not None
    assert reported.version == 3
    assert machine.in_force.policy.show_s == 90


async def test_a_wish_is_kept_over_a_restart(machine: Machine) -> None:
    await machine.in_force.wished(wish(3, receipts={"show_s": 90}, products={"0001": "Раф"}))
    machine.restart()
    assert (machine.in_force.version, machine.in_force.policy.show_s) == (3, 90)
    assert "Раф" in str(machine.show_receipt(1))


async def test_a_wish_that_is_withdrawn_leaves_the_file_alone_also_after_a_restart(
    machine: Machine,
) -> None:
    await machine.in_force.wished(wish(3, receipts={"show_s": 90}, products={"0001": "Раф"}))
    assert await machine.in_force.wished(b"") == answer(None, b"")
    assert machine.in_force.config == FILE
    assert "Эспрессо" in str(machine.show_receipt(1))
    assert machine.pass_time(61) == "idle"
    machine.restart()
    assert machine.in_force.config == FILE


async def test_a_kept_wish_that_the_file_has_made_wrong_is_refused_at_the_start(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """The wish lives by the file's link; then somebody takes that out of the file."""
    payload = wish(3, receipts={"qr": "link_then_fiscal", "show_s": 90})
    await machine.in_force.wished(payload)
    changed = msgspec.structs.replace(FILE, receipts=Receipts(qr="fiscal", show_s=45))
    machine.restart(changed)
    assert machine.in_force.config == changed
    assert (machine.in_force.version, machine.in_force.policy.show_s) == (None, 45)
    assert "the kept wish is refused, the file stands: config/desired: receipts.link" in caplog.text
    reported = await machine.in_force.wished(payload)  # it is retained, and comes again
    assert reported == answer(None, payload, reported.error)
    assert reported.error is not None


async def test_a_wish_refused_at_the_start_and_withdrawn_does_not_come_back_with_the_old_file(
    machine: Machine,
) -> None:
    await machine.in_force.wished(wish(3, receipts={"qr": "link", "show_s": 90}))
    changed = msgspec.structs.replace(FILE, receipts=Receipts(qr="fiscal"))
    machine.restart(changed)
    assert machine.in_force.version is None
    await machine.in_force.wished(b"")
    machine.restart()
    assert machine.in_force.config == FILE

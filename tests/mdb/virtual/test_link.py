"""The link of the virtual bus: who repeats what when a block was lost, damaged or not heard."""

from collections.abc import Iterable
from random import Random

import pytest

from mdb.byte import Break, BusByte, Line, Signal
from mdb.virtual.noise import Noise
from mdb.virtual.peripheral import Messages, Peripheral
from mdb.virtual.vmc import Habits, Retort, UnansweredError, Vmc
from mdb.virtual.wire import LOSSES, Fate, Unreliable, Wire

POLL = (0x12,)


HABITS = Habits()


class Echo(Peripheral):
    """Acknowledges everything and keeps what it did."""

    def __init__(self, *, at_once: bool = False) -> None:
        super().__init__(0x10, at_once=at_once)
        self.done: list[bytes] = []

    def act(self, command: bytes) -> bytes | None:
        self.done.append(command)
        if command[0] == 0x13:
            self.say(b"\x05")
        return None


class Bus:
    """A VMC and one peripheral; the fates of the blocks, in order, and then all is well."""

    def __init__(self, *fates: Fate, habits: Habits = HABITS, at_once: bool = False) -> None:
        self._fates = list(fates)
        self.wire = Wire(fates=lambda _line, _values: self._next())
        self.vmc = Vmc(self.wire, habits)
        self.device = Echo(at_once=at_once)

    def _next(self) -> Fate:
        return self._fates.pop(0) if self._fates else Fate.HEARD

    def tell(self, *command: int) -> Messages:
        return self.vmc.tell(self.device, *command)

    def said(self) -> list[str]:
        told = []
        for block in self.wire.take():
            values = [each for each in block if isinstance(each, BusByte)]
            told.append(values[0].line.value + bytes(each.value for each in values).hex())
        return told


@pytest.mark.parametrize("fate", [Fate.LOST_TO_RECEIVER, Fate.DAMAGED_TO_RECEIVER])
def test_a_command_the_peripheral_did_not_hear_is_said_again_and_done_once(fate: Fate) -> None:
    bus = Bus(fate)
    assert bus.tell(0x14, 0x01) == ()
    assert bus.said() == [">140115", ">140115", "<00"]
    assert bus.device.done == [b"\x14\x01"]


def test_a_command_whose_ack_was_lost_is_said_again_and_done_once() -> None:
    bus = Bus(Fate.HEARD, Fate.LOST_TO_RECEIVER)
    bus.tell(0x14, 0x01)
    assert bus.said() == [">140115", "<00", ">140115", "<00"]
    assert bus.device.done == [b"\x14\x01"]


def test_the_same_command_after_a_poll_is_another_one() -> None:
    bus = Bus()
    for command in ((0x14, 0x01), POLL, (0x14, 0x01)):
        bus.tell(*command)
    assert len(bus.device.done) == 2


@pytest.mark.parametrize("fate", [Fate.LOST_TO_RECEIVER, Fate.LOST, Fate.DAMAGED])
def test_an_answer_whose_ack_was_lost_comes_again_at_the_next_poll(fate: Fate) -> None:
    bus = Bus(Fate.HEARD, Fate.HEARD, fate)
    bus.device.say(b"\x04")
    assert bus.tell(*POLL) == (b"\x04",)
    assert bus.tell(*POLL) == (b"\x04",)
    assert bus.tell(*POLL) == ()


@pytest.mark.parametrize(
    ("retort", "said"),
    [
        ("nak", [">1212", "<0404", ">ff", ">1212", "<0404", ">00"]),
        ("silence", [">1212", "<0404", ">1212", "<0404", ">00"]),
        ("ret", [">1212", "<0404", ">aa", "<0404", ">00"]),
    ],
)
def test_a_damaged_answer_is_asked_for_again(retort: Retort, said: list[str]) -> None:
    bus = Bus(Fate.HEARD, Fate.DAMAGED_TO_RECEIVER, habits=Habits(retort=retort))
    bus.device.say(b"\x04")
    assert bus.tell(*POLL) == (b"\x04",)
    assert bus.said() == said


def test_what_was_answered_at_once_and_came_damaged_is_fetched_by_a_poll() -> None:
    bus = Bus(Fate.HEARD, Fate.DAMAGED_TO_RECEIVER, at_once=True)
    assert bus.tell(0x13, 0x00) == (b"\x05",)
    assert bus.said() == [">130013", "<0505", ">ff", ">1212", "<0505", ">00"]


def test_what_was_not_acknowledged_comes_again_even_after_another_command() -> None:
    bus = Bus(Fate.HEARD, Fate.HEARD, Fate.LOST_TO_RECEIVER)
    bus.device.say(b"\x04")
    bus.tell(*POLL)
    bus.tell(0x14, 0x01)
    assert bus.tell(*POLL) == (b"\x04",)


def test_just_reset_is_settled_by_whatever_the_vmc_says_next() -> None:
    bus = Bus(*([Fate.HEARD] * 4), Fate.LOST_TO_RECEIVER)
    bus.tell(0x10)
    assert bus.tell(*POLL) == (b"\x00",)
    bus.tell(0x14, 0x01)
    assert bus.tell(*POLL) == ()


def test_a_silent_peripheral_is_given_up_after_its_time() -> None:
    bus = Bus()
    bus.device.silences = 10_000
    with pytest.raises(UnansweredError, match="10 does not answer 12"):
        bus.tell(*POLL)
    assert 5.0 <= bus.wire.now < 5.1


def test_several_messages_share_an_answer_where_that_is_allowed() -> None:
    bus = Bus()
    bus.device.say(b"\x06", b"\x0a\x07", b"\x04")
    bus.tell(*POLL)
    assert bus.said()[1] == "<060a07041b"  # the standard's own example
    modest = Peripheral(0x10, several=False)
    modest.say(b"\x06", b"\x04")
    assert modest.hear(b"\x12") == (b"\x06",)


@pytest.mark.parametrize(
    ("fate", "receiver", "tap"),
    [
        (Fate.HEARD, b"\x12\x12", b"\x12\x12"),
        (Fate.LOST_TO_RECEIVER, None, b"\x12\x12"),
        (Fate.DAMAGED_TO_RECEIVER, b"\x02\x12", b"\x12\x12"),
        (Fate.LOST, None, b""),
        (Fate.DAMAGED, b"\x02\x12", b"\x02\x12"),
        (Fate.MISSED_BY_TAP, b"\x12\x12", b""),
    ],
)
def test_a_fate_says_who_heard_what(fate: Fate, receiver: bytes | None, tap: bytes) -> None:
    wire = Wire(fates=lambda _line, _values: fate)
    assert wire.carry(Line.VMC, b"\x12\x12") == receiver
    assert values(each for block in wire.take() for each in block) == tap
    assert wire.missed == (fate is Fate.MISSED_BY_TAP)


def test_bus_time_passes_at_eleven_bits_a_byte() -> None:
    wire = Wire(now=100.0, turnaround_s=0.001)
    wire.carry(Line.VMC, b"\x12\x12")
    assert wire.now == pytest.approx(100.0 + 0.001 + 2 * 11 / 9600, abs=1e-5)
    wire.hold()
    assert wire.now > 100.3


def test_luck_never_leaves_a_block_unheard_for_ever() -> None:
    fates = Unreliable(Random(1), 0.9, in_a_row=2)
    drawn = [fates(Line.VMC, b"\x12\x12") for _ in range(3000)]
    assert set(drawn) == {Fate.HEARD, *LOSSES}
    assert all(Fate.HEARD in drawn[at : at + 3] for at in range(len(drawn) - 3))


def test_noise_is_counted_and_leaves_the_rest_alone() -> None:
    clean: list[Signal] = [BusByte(0x55, False, Line.VMC, at / 1000) for at in range(4000)]
    quiet = Noise(Random(1), 0.0)
    assert list(quiet.over(clean)) == clean
    noise = Noise(Random(1), 0.01)
    heard = list(noise.over([*clean, Break(9.0)]))
    spoiled = [each for each in heard if each not in clean]
    assert 20 <= noise.hits <= 60
    assert heard[-1] == Break(9.0)
    assert 0 < len(spoiled) <= noise.hits + 1


def values(heard: Iterable[Signal]) -> bytes:
    return bytes(each.value for each in heard if isinstance(each, BusByte))

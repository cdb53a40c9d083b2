"""What can happen at a machine, by name: the steps of a scenario, and what each needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mdb.virtual import card_dialogues as card
from mdb.virtual import cash_dialogues as cash
from mdb.virtual.card_reader import TOKEN, Media, ReaderMake
from mdb.virtual.machine import Machine, Make
from mdb.virtual.truth import Kind


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens. Fields that a step does not use keep their defaults."""

    do: str
    item: str = ""
    items: tuple[str, ...] = ()
    reader: int | None = None
    media: str = "normal"
    kind: str = "free"
    how: str = "command"
    amount: int = 0
    charged: int | None = None
    refunded: bool = True
    accepted: bool = True
    commands: int = 3
    seconds: float = 1.0
    times: int = 1

    @property
    def bought(self) -> tuple[str, ...]:
        """The items of a session."""
        return self.items or ((self.item,) if self.item else ())


@dataclass(frozen=True, slots=True)
class Deed:
    """A kind of step: what plays it, which fields it must and may have, what it needs."""

    play: Callable[[Machine, Step], None]
    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _vend(machine: Machine, step: Step) -> None:
    media = Media[step.media.upper()]
    card.buy(machine, machine.reader(step.reader), step.bought, media, step.charged)


def _reset(machine: Machine, step: Step) -> None:
    reader = machine.reader(step.reader)
    card.reset_after_approval(machine, reader, step.item, HOWS[step.how])


def _return(machine: Machine, step: Step) -> None:
    reader = machine.reader(step.reader)
    card.taken_back(machine, reader, step.item, accepted=step.accepted)


def _revalue(machine: Machine, step: Step) -> None:
    reader = machine.reader(step.reader)
    card.revalued(machine, reader, step.amount, accepted=step.accepted)


def _gift(machine: Machine, step: Step) -> None:
    cash.without_money(machine, step.item, KINDS[step.kind])


HOWS: Final[dict[str, card.Reset]] = {
    "command": "command",
    "break": "break",
    "power": "power",
    "silence": "silence",
}
MEDIA: Final = ("normal", "free", "test")
KINDS: Final[dict[str, Kind]] = {"free": "free", "test": "test", "token": "token"}

DEEDS: Final[dict[str, Deed]] = {
    "vend": Deed(_vend, (), ("item", "items", "reader", "media", "charged"), ("reader",)),
    "token": Deed(
        lambda m, s: card.buy(m, m.reader(s.reader), s.bought, verdict=TOKEN),
        ("item",),
        ("reader",),
        ("reader",),
    ),
    "deny": Deed(
        lambda m, s: card.denied(m, m.reader(s.reader), s.item), ("item",), ("reader",), ("reader",)
    ),
    "cancel": Deed(
        lambda m, s: card.cancelled(m, m.reader(s.reader), s.item),
        ("item",),
        ("reader",),
        ("reader",),
    ),
    "fail": Deed(
        lambda m, s: card.failed(m, m.reader(s.reader), s.item, refunded=s.refunded),
        ("item",),
        ("reader", "refunded"),
        ("reader",),
    ),
    "time-out": Deed(
        lambda m, s: card.timed_out(m, m.reader(s.reader), s.item, s.seconds),
        ("item",),
        ("reader", "seconds"),
        ("reader",),
    ),
    "reset": Deed(_reset, ("item",), ("reader", "how"), ("reader",)),
    "return": Deed(_return, ("item",), ("reader", "accepted"), ("negative_vend",)),
    "revalue": Deed(_revalue, ("amount",), ("reader", "accepted"), ("reader", "level 2")),
    "race": Deed(
        lambda m, s: card.first_of_two(m, s.item, m.reader(s.reader)),
        ("item", "reader"),
        (),
        ("two always idle",),
    ),
    "out-of-sequence": Deed(
        lambda m, s: card.out_of_sequence(m, m.reader(s.reader)), (), ("reader",), ("reader",)
    ),
    "silent": Deed(
        lambda m, s: card.silent(m, m.reader(s.reader), s.commands),
        (),
        ("reader", "commands"),
        ("reader",),
    ),
    "cash": Deed(lambda m, s: cash.buy(m, s.item, s.amount), ("item",), ("amount",), ("cash",)),
    "mixed": Deed(
        lambda m, s: cash.mixed(m, m.reader(s.reader), s.item, s.amount),
        ("item", "amount"),
        ("reader",),
        ("cash", "cash_sale"),
    ),
    "coins-beside-card": Deed(
        lambda m, s: cash.coins_beside_card(m, m.reader(s.reader), s.item, s.amount),
        ("item", "amount"),
        ("reader",),
        ("reader", "changer"),
    ),
    "lever": Deed(lambda m, s: cash.lever(m, s.amount), ("amount",), (), ("changer",)),
    "cash-return": Deed(
        lambda m, s: cash.taken_back(m, s.item), ("item",), (), ("changer", "any cash_sale")
    ),
    "bill-back": Deed(lambda m, _: cash.bill_given_back(m), (), (), ("validator",)),
    "coin-rejected": Deed(lambda m, _: cash.coin_rejected(m), (), (), ("changer",)),
    "gift": Deed(_gift, ("item", "kind"), (), ("any cash_sale",)),
    "wait": Deed(lambda m, s: m.wait(s.seconds), ("seconds",)),
}


def play(machine: Machine, step: Step) -> None:
    """Let it happen, as often as it says."""
    for _ in range(step.times):
        DEEDS[step.do].play(machine, step)


def lacking(make: Make, step: Step) -> str | None:
    """What the machine would need for a step and has not; None if it can be done."""
    addressed = [each for each in make.readers if step.reader in {None, each.address}]
    reader = addressed[0] if addressed else None
    for need in DEEDS[step.do].needs:
        if not _has(make, reader, need):
            return _SAID[need]
    return None


def _has(make: Make, reader: ReaderMake | None, need: str) -> bool:
    idle = [each for each in make.readers if each.always_idle and each.level == 3]
    return {
        "cash": make.changer is not None or make.validator is not None,
        "changer": make.changer is not None,
        "validator": make.validator is not None,
        "reader": reader is not None,
        "level 2": reader is not None and min(reader.level, make.habits.level) > 1,
        "cash_sale": reader is not None and reader.cash_sale,
        "any cash_sale": any(each.cash_sale for each in make.readers),
        "negative_vend": reader is not None and reader.negative_vend and reader.level == 3,
        "two always idle": len(idle) == 2 and make.habits.level == 3,
    }[need]


_SAID: Final = {
    "cash": "a [changer] or a [validator]",
    "changer": "a [changer]",
    "validator": "a [validator]",
    "reader": "a [[reader]] of that address",
    "level 2": "a reader and a VMC of level 2 or 3",
    "cash_sale": "a reader with cash_sale = true",
    "any cash_sale": "a reader with cash_sale = true",
    "negative_vend": "a reader of level 3 with negative_vend = true",
    "two always idle": "two readers of level 3 with always_idle = true",
}

"""Days on which something was found, as they were: they are lived through in every test run.

A seed means another day when the table of troubles changes; these stay.
"""

from collections.abc import Mapping
from typing import Final

from simulation.plan import Plan
from simulation.troubles import Trouble
from simulation.vending import Visit

ONE, TWO = "vm-000001", "vm-000002"


def _in_a_row(*times: float) -> tuple[Visit, ...]:
    return tuple(Visit(at, "card", "0001") for at in times)


DAYS: Final[Mapping[str, Plan]] = {
    # The mark that the cloud has a note rides along with the next commit. The card refused that
    # one, the mark was gone, and the window took the note for done until the next connection.
    "a note went with a commit that failed": Plan(
        seed=93,
        kind="atol5",
        pushes=False,
        clouds=2,
        visits={ONE: _in_a_row(40, 200, 290, 318, 330, 350), TWO: _in_a_row(60, 310)},
        troubles=(Trouble(313.2, "card full", ONE, for_s=80),),
    ),
    # A sale that the card did not take was not told to the screen: the last buyer's code stood in
    # front of the next one.
    "the next sale is concluded, and not kept": Plan(
        seed=73,
        kind="cloudkassir",
        pushes=True,
        clouds=1,
        visits={TWO: _in_a_row(20, 33, 62, 120)},
        troubles=(Trouble(30.6, "card fails", TWO, for_s=120),),
    ),
    # Numbers of the epoch on an old card are given a second time. The cloud's number for it let go
    # of sales that the cloud never had.
    "an old card is put back, and sells before it connects": Plan(
        seed=10,
        kind="orange",
        pushes=False,
        clouds=2,
        visits={ONE: _in_a_row(30, 70, 90, 105, 150, 165, 180, 200)},
        troubles=(
            Trouble(60, "card put back", ONE, for_s=60),
            Trouble(121, "machine's line dead", ONE, for_s=120),
            Trouble(235, "broker takes and never delivers", "broker", for_s=150, how=0.6),
        ),
    ),
    # A reply was put off under the time of the day after, and the time of day was set right.
    "the cloud's clock was a day ahead": Plan(
        seed=2615,
        kind="cloudkassir",
        pushes=True,
        clouds=1,
        visits={ONE: _in_a_row(155.1, 166.2, 298.4, 305.7), TWO: _in_a_row(79.7, 89.5, 94.2)},
        troubles=(
            Trouble(92.7, "cloud's clock jumps", "cloud", how=86_400),
            Trouble(300.2, "broker takes and never delivers", "broker", for_s=120, how=0.5),
        ),
    ),
    # What left under the time of the day after, and did not arrive, was asked for until that day had
    # come, and no person was told: "not found" was the answer of somebody who is not there.
    "what is not found was sent when the cloud's clock was a day ahead": Plan(
        seed=60022,
        kind="orange",
        pushes=True,
        clouds=1,
        visits={ONE: _in_a_row(296.5, 301.2, 311.5), TWO: _in_a_row(10.3, 44.2)},
        troubles=(
            Trouble(130.7, "provider: drop_before_store", "provider", how=4),
            Trouble(298.4, "cloud's clock jumps", "cloud", how=86_400),
            Trouble(299.1, "provider: no_register", "provider", how=4),
        ),
    ),
    # The provider did not know us while the time of day was that of the day after: its register was
    # left alone until then.
    "a register was held when the cloud's clock was a day ahead": Plan(
        seed=7239,
        kind="atol5",
        pushes=False,
        clouds=2,
        visits={ONE: _in_a_row(20, 100.9)},
        troubles=(
            Trouble(34.7, "cloud's clock jumps", "cloud", how=86_400),
            Trouble(94.9, "provider: auth", "provider", how=1),
        ),
    ),
    # The agent died behind an approval, and came back amid the next vend. Its failure was taken for
    # the end of the one before: nobody was asked whether those goods fell.
    "the next vend fails, and nobody heard it begin": Plan(
        seed=13573,
        kind="atol4",
        pushes=True,
        clouds=1,
        visits={ONE: (Visit(68.6, "card", "0001"), Visit(74.6, "failed", "0005"))},
        troubles=(Trouble(52.0, "agent killed", ONE, for_s=5, how=120),),
    ),
    # The next buyer came, and went without buying, in the second before a sale that the card does
    # not take is told to the screen. When the card took it, it was shown to him.
    "the next buyer comes before the sale is missed": Plan(
        seed=5526,
        kind="cloudkassir",
        pushes=True,
        clouds=1,
        visits={ONE: (*_in_a_row(60.9, 69.3), Visit(72.5, "denied", "0002"))},
        troubles=(Trouble(67.7, "card fails", ONE, for_s=12),),
    ),
}
"""By what was wrong."""

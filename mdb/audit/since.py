"""What a machine counted between two reads: counters since initialisation, one less the other.

What was not there in the earlier read began at zero: machines tell a means of payment, or a
selection, once it was first used. Whether that was so the balance of the difference tells.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeVar

from mdb.audit.audit import Audit
from mdb.audit.counts import Counter, Counts, Selection

_ZERO: Final = Counter(0, 0)
_Name = TypeVar("_Name")


class NoComparisonError(ValueError):
    """Nothing can be said of what was sold between two reads; the reason, and what to do."""


def counts_since(earlier: Audit, later: Audit) -> Counts:
    """What was counted between them, never negative; None where either does not tell it.

    Raises:
        NoComparisonError: a file is damaged, they are of two machines or in the other order, or a
            counter fell: the machine was initialised, or its board replaced.
    """
    for which, audit in (("earlier", earlier), ("later", later)):
        if not audit.whole:
            why = "is cut off" if not audit.complete else "has a wrong checksum"
            raise NoComparisonError(f"the {which} read {why}; read the machine again")
    one, other = (f"{each.serial}/{each.board}" for each in (earlier, later))
    if one != other:
        raise NoComparisonError(
            f"these are two machines, or one that got another board: {one!r} and {other!r}"
            " (ID101/CB101)"
        )
    if earlier.scaling != later.scaling:
        raise NoComparisonError("the machine counts in another currency, or other units (ID4)")
    if earlier.read_at and later.read_at and earlier.read_at > later.read_at:
        raise NoComparisonError(
            f"by the machine's clock the first was read at {earlier.read_at}, and the second before"
            f" that, at {later.read_at}; name the earlier one first"
        )
    return _difference(earlier.counts, later.counts)


def _difference(earlier: Counts, later: Counts) -> Counts:
    cash = {
        where: _less(earlier.cash.get(where, 0), told, f"cash {where}")
        for where, told in later.cash.items()
    }
    selections = {
        number: _selection(number, earlier.selections.get(number, Selection()), selection)
        for number, selection in later.selections.items()
    }
    return Counts(_counters(earlier.totals, later.totals, "vends"), cash, selections)


def _selection(number: str, earlier: Selection, later: Selection) -> Selection:
    what = f"selection {number}"
    return replace(
        later,
        vends=_counters(earlier.vends, later.vends, what),
        by=_counters(earlier.by, later.by, what),
    )


def _counters(
    earlier: Mapping[_Name, Counter], later: Mapping[_Name, Counter], what: str
) -> dict[_Name, Counter]:
    return {
        name: Counter(
            _less(earlier.get(name, _ZERO).count, counter.count, what),
            _less(earlier.get(name, _ZERO).value, counter.value, what),
        )
        for name, counter in later.items()
    }


def _less(before: int | None, after: int | None, what: str) -> int | None:
    if before is None or after is None:
        return None
    if before > after:
        raise NoComparisonError(
            f"a counter fell from {before} to {after} ({what}): the machine was initialised or got"
            " another board between the reads; count from a read after that"
        )
    return after - before

"""What a machine counted between two reads: counters since initialisation, one less the other.

Machines tell a selection, a means of payment, or a kind of vend of a selection, once it was first
used; so one that the earlier read does not have began at zero. Any other counter that it does not
have, or has without a number, is not known, and neither is the difference.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final, NoReturn, TypeVar

from mdb.audit.audit import Audit
from mdb.audit.counts import NOT_TOLD, Counter, Counts, Selection
from mdb.audit.segment import plain

ONCE_USED: Final = frozenset({"cashless-1", "cashless-2", "token", "value token"})
"""Totals that a machine need not tell before there is something to tell."""
_ZERO: Final = Counter(0, 0)
_Name = TypeVar("_Name")


class NoComparisonError(ValueError):
    """Nothing can be said of what was sold between two reads; the reason, and what to do."""


class _FellError(Exception):
    """A counter is lower than it was, or is not told any more; which, and how."""


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
        if not audit.serial and not audit.board:
            raise NoComparisonError(f"the {which} read does not say of which machine it is (ID101)")
    if earlier.identity != later.identity:
        raise NoComparisonError(
            f"these are two machines, or one that got another board: {_named(earlier)} and"
            f" {_named(later)} (ID101, CB101, ID102, ID106)"
        )
    if earlier.scaling != later.scaling:
        raise NoComparisonError("the machine counts in another currency, or other units (ID4)")
    try:
        return _difference(earlier.counts, later.counts)
    except _FellError as fell:
        _refuse(earlier, later, str(fell))


def _refuse(earlier: Audit, later: Audit, fell: str) -> NoReturn:
    if earlier.read_at and later.read_at and earlier.read_at > later.read_at:
        raise NoComparisonError(
            f"{fell}, and by the machine's clock the first was read at {earlier.read_at}, after the"
            f" second at {later.read_at}; name the earlier one first"
        )
    raise NoComparisonError(
        f"{fell}: the machine was initialised or got another board between the reads; count from a"
        " read after that"
    )


def _named(audit: Audit) -> str:
    return repr(" ".join(filter(None, audit.identity)))


def _difference(earlier: Counts, later: Counts) -> Counts:
    cash = {
        where: _less(earlier.cash.get(where), told, f"cash {where}")
        for where, told in later.cash.items()
    }
    selections = {
        number: _selection(number, earlier.selections.get(number, Selection()), selection)
        for number, selection in later.selections.items()
    }
    totals = _counters(earlier.totals, later.totals, "vends", ONCE_USED)
    return Counts(totals, cash, selections)


def _selection(number: str, earlier: Selection, later: Selection) -> Selection:
    what = f"selection {number}"
    return replace(
        later,
        vends=_counters(earlier.vends, later.vends, what, later.vends),
        by=_counters(earlier.by, later.by, what, later.by),
    )


def _counters(
    earlier: Mapping[_Name, Counter],
    later: Mapping[_Name, Counter],
    what: str,
    once_used: Collection[_Name],
) -> dict[_Name, Counter]:
    """The differences; of those `once_used` one that was not there began at zero."""
    if any(counter.used and name not in later for name, counter in earlier.items()):
        raise _FellError(f"a counter is not told any more ({plain(what)})")
    told = {}
    for name, counter in later.items():
        before = earlier.get(name, _ZERO if name in once_used else NOT_TOLD)
        told[name] = Counter(
            _less(before.count, counter.count, what), _less(before.value, counter.value, what)
        )
    return told


def _less(before: int | None, after: int | None, what: str) -> int | None:
    if before is None or after is None:
        return None
    if before > after:
        raise _FellError(f"a counter fell from {before} to {after} ({plain(what)})")
    return after - before

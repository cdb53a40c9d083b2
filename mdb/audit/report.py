"""An audit, or what was counted between two, for a person to read and as JSON."""

from collections.abc import Iterator
from typing import Any, Final

from mdb.audit.audit import Audit
from mdb.audit.balance import Imbalance, imbalances
from mdb.audit.counts import OF_SELECTION, Counter, Counts, Selection
from mdb.audit.dts import Checksum
from mdb.audit.segment import plain

BY: Final = {"CA": "cash", "DA": "cashless-1", "DB": "cashless-2", "TA": "token"}
"""Our words for the devices of PA7; all others are one."""
_WIDEST: Final = 40
"""Letters of a name; the standard's are of twenty."""
_CHECKSUMS: Final = {
    Checksum.RIGHT: "the checksum is right",
    Checksum.SWAPPED: "the checksum is right, its bytes are swapped",
    Checksum.WRONG: "THE CHECKSUM IS WRONG: the file was damaged or changed",
    Checksum.ABSENT: "there is no checksum",
}
_ZERO: Final = Counter(0, 0)


def as_json(audit: Audit, counts: Counts, since: Audit | None = None) -> dict[str, Any]:
    """The object of ``audit --json``; `counts` are the audit's, or those since another read."""
    return {
        "machine": {
            "serial": audit.serial or None,
            "model": audit.model or None,
            "asset": audit.asset or None,
            "board": audit.board or None,
        },
        "since": {"read_at": since.read_at} if since else None,
        "read_at": audit.read_at,
        "currency": audit.scaling.currency if audit.scaling else None,
        "checksum": audit.checksum.value,
        "complete": audit.complete,
        "totals": {name: _counter(audit, told) for name, told in counts.totals.items()},
        "cash": {name: _minor(audit, told) for name, told in counts.cash.items()},
        "selections": [_selection(audit, *each) for each in counts.selections.items()],
        "imbalances": [_imbalance(audit, each) for each in imbalances(counts)],
    }


def lines(audit: Audit, counts: Counts, since: Audit | None = None) -> Iterator[str]:
    """The same as text."""
    names = (audit.serial, audit.model, audit.asset and f"asset {audit.asset}")
    yield f"machine   {' '.join(filter(None, map(plain, names))) or 'does not say who it is'}"
    clock = f"{audit.read_at} by the machine's clock" if audit.read_at else "when is not told"
    yield f"read      {clock}; {_CHECKSUMS[audit.checksum]}"
    if not audit.complete:
        yield "          THE FILE IS CUT OFF: what would follow is not counted"
    if since:
        yield f"counted   since {since.read_at or 'the other read'}"
    else:
        yield "counted   since the machine was initialised"
    yield ""
    for name, told in counts.totals.items():
        yield f"  {name:<12}{_vends(told.count):>10} vends  {_money(audit, told.value):>16}"
    for name, sum_ in counts.cash.items():
        yield f"  {f'cash {name}':<28} {_money(audit, sum_):>16}"
    yield ""
    yield from _table(audit, counts)
    for each in imbalances(counts):
        yield f"DOES NOT COME OUT: {_told(audit, each)}"


def _table(audit: Audit, counts: Counts) -> Iterator[str]:
    """A row a selection that was used, with the vends of each kind and means that occur."""
    used = {number: each for number, each in counts.selections.items() if _used(each)}
    kinds = [kind for kind in OF_SELECTION if any(_of(each, kind).used for each in used.values())]
    devices = {_by(means.device): None for each in used.values() for means in each.by}
    rows = [["selection", "price", *kinds, "value", *devices]]
    for number, each in used.items():
        name = f"{number} {each.name}" if each.name else number
        vends = [_vends(_of(each, kind).count) for kind in kinds]
        value = _money(audit, _of(each, "paid").value)
        by = [_vends(_by_device(each, device)) for device in devices]
        rows.append([name, _money(audit, each.price), *vends, value, *by])
    rows = [[plain(cell[:_WIDEST]) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows if used else []:
        cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join(("", f"{first:<{widths[0]}}", *cells))


def _used(selection: Selection) -> bool:
    return any(each.used for each in (*selection.vends.values(), *selection.by.values()))


def _of(selection: Selection, kind: str) -> Counter:
    return selection.vends.get(kind, _ZERO)


def _by_device(selection: Selection, device: str) -> int | None:
    counts = [each.count for means, each in selection.by.items() if _by(means.device) == device]
    told = [count for count in counts if count is not None]
    return sum(told) if len(told) == len(counts) else None


def _by(device: str) -> str:
    return BY.get(device, "other")


def _vends(count: int | None) -> str:
    return "?" if count is None else str(count)


def _money(audit: Audit, value: int | None) -> str:
    return str(audit.money(value) or "?") if value is not None else "?"


def _told(audit: Audit, each: Imbalance) -> str:
    one, other = (_money(audit, told) if each.of_money else told for told in (each.one, each.other))
    return f"{plain(each.what)} {one}, but {plain(each.other_is)} {other}"


def _imbalance(audit: Audit, each: Imbalance) -> dict[str, Any]:
    one, other = (_minor(audit, told) if each.of_money else told for told in (each.one, each.other))
    of = "amount" if each.of_money else "count"
    return {"what": each.what, of: one, "other_is": each.other_is, f"other_{of}": other}


def _selection(audit: Audit, number: str, selection: Selection) -> dict[str, Any]:
    return {
        "selection": number,
        "name": selection.name or None,
        "price": _minor(audit, selection.price),
        **{kind: _counter(audit, told) for kind, told in selection.vends.items()},
        "by": [
            {"by": _by(means.device), **means._asdict(), **_counter(audit, told)}
            for means, told in selection.by.items()
        ],
    }


def _counter(audit: Audit, told: Counter) -> dict[str, int | None]:
    return {"count": told.count, "amount": _minor(audit, told.value)}


def _minor(audit: Audit, value: int | None) -> int | None:
    money = audit.money(value)
    return money.minor if money else None

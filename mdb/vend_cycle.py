"""The vend cycle: one vend that several devices are told of is one sale.

A VMC may tell a CASH SALE to both readers, take part of a price by card and part in cash, and
report the whole to a gateway once more. Nothing on the bus says that these are the same, so here
stand the rules that do:

* **Told to both readers**: the same CASH SALE at the other reader within 1.5 s of bus time. A
  reader that does not answer is told again for seconds; the time counts from the nearest telling.
* **Told again**: whoever hears no answers cannot know that a reader gave none. Then the same CASH
  SALE at the same reader within 1.5 s of the last telling is that one, whatever was said between.
* **Mixed payment**: a card's VEND SUCCESS and a CASH SALE of the same item within 1.5 s of bus
  time, in any order, are one sale with two tenders. A sale by card is held back so long where cash
  may be in play, or until the next vend begins; what is concluded meanwhile waits behind it, so the
  order stays. Told for seconds, it is so only of a vend that the card was asked for before.
* **Reported**: a gateway's transaction and the oldest vend of that item, paid by the same means,
  that has not been reported yet. Reports come one a transaction, so no clock is needed; only where
  the report came first, the vend must be told before the next begins, and within 10 s.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from mdb.event import Confidence, Event, Kind, Return, Sale, SessionBegan, VendRequested

ONE_CYCLE_S: Final = 1.5
"""Bus time within which two tellings are of the same vend. Without it two equal purchases, each
told to one reader in turn, would be taken for one."""
UNDER_WAY_S: Final = 6.0
"""Bus time in which a VMC has repeated itself often enough, and a second."""
REPORT_FIRST_S: Final = 10.0
"""Bus time within which a vend that was reported first is told of elsewhere."""
KEPT: Final = 16
"""A reader that does not answer is given up seconds later, and other sales may come between."""
MOST_WAITING: Final = 256
"""No bus says as much in 1.5 s: its clock stands still, and nothing is held back."""

BEGINS_ANOTHER: Final = (SessionBegan, VendRequested)
"""A vend cycle is over when the next begins."""

Told = Sale | Return
Span = tuple[float, float]
"""From when until when a vend was told, and told again."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An event in its turn; a sale that is held back until a time of the bus.

    `told_until` is of one that was told to the other reader as well, and for long.
    """

    event: Event
    until: float | None = None
    told_until: float = 0.0


@dataclass(slots=True)
class _Reported:
    """A vend that only a gateway was told of, and the means of payment not told elsewhere yet.

    What happens at the bus after `until` is of another vend; it may be settled later.
    """

    vend: Told
    means: set[str]
    until: float


class VendCycle:
    """Takes conclusions in the order of the bus and gives them back, each vend once."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._cash_sales: deque[tuple[Told, Span]] = deque(maxlen=KEPT)
        self._last_told: dict[int, tuple[Told, float]] = {}
        """By reader: the last CASH SALE, and when it was last said."""
        self._asked: dict[int, float] = {}
        """By reader: when it was last asked for a vend."""
        self._unreported: deque[Told] = deque(maxlen=KEPT)
        self._only_reported: deque[_Reported] = deque(maxlen=KEPT)

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return bool(self._waiting)

    def conclude(self, event: Event) -> list[Event]:
        """An event that is no sale, or one that needs no second telling."""
        if isinstance(event, BEGINS_ANOTHER):
            for each in self._only_reported:
                each.until = min(each.until, event.at)
        if isinstance(event, VendRequested):
            self._asked[event.address] = event.at
        if not self._waiting:
            return [event]
        if isinstance(event, VendRequested) and self._waiting[0].event.address == event.address:
            return [*self.flush(), event]
        self._waiting.append(_Waiting(event))
        return []

    def paid_by_card(self, sale: Sale, *, cash_in_play: bool) -> list[Event]:
        """A reader's own sale; with cash in play its other part may follow."""
        if self._was_reported(sale):
            return []
        for index, each in enumerate(self._waiting):
            if _parts_of_one(sale, each, self._asked):
                return self._put_together(index, sale, each.event)
        self._unreported.append(sale)
        plain = sale.kind is Kind.PAID and sale.confidence is Confidence.CONFIRMED
        return self._sold(sale, wait=cash_in_play and plain)

    def paid_in_cash(
        self, told: Told, *, card_in_play: bool, span: Span | None = None
    ) -> list[Event]:
        """A CASH SALE; with a card's vend of the same item under way it is the other part."""
        if self._was_reported(told):
            return []
        for index, each in enumerate(self._waiting):
            if isinstance(told, Sale) and _parts_of_one(told, each, self._asked, span):
                return self._put_together(index, each.event, told)
        self._unreported.append(told)
        paid = isinstance(told, Sale) and told.kind is Kind.PAID
        return self._sold(told, wait=card_in_play and paid)

    def expect(self, at: float) -> None:
        """A CASH SALE is being told that nobody has acknowledged yet: what is held waits for it."""
        for index, each in enumerate(self._waiting):
            if each.until is not None:
                self._waiting[index] = replace(each, until=max(each.until, at + UNDER_WAY_S))

    def told_of(self, reported: Told) -> bool:
        """Whether a vend that a gateway was told of is the oldest such that a reader was told of."""
        for each in self._unreported:
            if _same_vend(each, reported):
                self._unreported.remove(each)
                return True
        return False

    def only_reported(self, vend: Told) -> list[Event]:
        """A vend that only a gateway was told of, so far."""
        means = {each.by for each in vend.tenders}
        self._only_reported.append(_Reported(vend, means, vend.at + REPORT_FIRST_S))
        return self._sold(vend, wait=False)

    def until(self, at: float) -> list[Event]:
        """The bus has come to a time: what need not wait any longer."""
        released: list[Event] = []
        while self._waiting:
            until = self._waiting[0].until
            if until is not None and at <= until and len(self._waiting) <= MOST_WAITING:
                break
            released.append(self._waiting.popleft().event)
        return released

    def flush(self) -> list[Event]:
        """Nothing is waited for: another vend begins, or the capture ended."""
        released = [each.event for each in self._waiting]
        self._waiting.clear()
        return released

    def _sold(self, told: Told, *, wait: bool) -> list[Event]:
        """A vend that is no part of those before it: their cycle is over."""
        before = self.flush()
        if not wait:
            return [*before, told]
        self._waiting.append(_Waiting(told, told.at + ONE_CYCLE_S))
        return before

    def _put_together(self, index: int, card: Event, cash: Event) -> list[Event]:
        """Both parts of a mixed payment are there: one sale, and nothing to wait for."""
        assert isinstance(card, Sale)  # noqa: S101, `_parts_of_one` has said so
        assert isinstance(cash, Sale)  # noqa: S101
        known = card.amount is not None and cash.amount is not None
        whole = replace(
            card,
            item=card.item or cash.item,
            amount=card.amount + cash.amount if known else None,  # type: ignore[operator]
            currency=card.currency or cash.currency,
            tenders=card.tenders + cash.tenders,
            raw={**card.raw, "cash": cash.raw["price"]},
        )
        parts = [each for each in self._unreported if each in (card, cash)]
        for part in parts:
            self._unreported.remove(part)
        if parts:  # else it has been reported already
            self._unreported.append(whole)
        self._waiting[index] = _Waiting(whole)
        return self.until(card.at)

    def told_before(self, told: Told, span: Span | None = None) -> bool:
        """Whether this CASH SALE was told to the other reader already; it is remembered."""
        span = span or (told.at, told.at)
        for each in self._cash_sales:
            first, when = each
            near = _apart(when, span) <= ONE_CYCLE_S
            if near and first.address != told.address and _same_cash_sale(first, told):
                self._cash_sales.remove(each)
                for index, waiting in enumerate(self._waiting):
                    if waiting.event is first:
                        self._waiting[index] = replace(waiting, told_until=span[1])
                return True
        self._cash_sales.append((told, span))
        return False

    def told_again(self, told: Told) -> bool:
        """Whether it is the CASH SALE that this reader was told last; for who hears no answers."""
        last = self._last_told.get(told.address)
        if last is not None and _said_twice(told, *last):
            self.keep_telling(told.address, told.at)
            return True
        self._last_told[told.address] = told, told.at
        return False

    def keep_telling(self, address: int, at: float) -> None:
        """The last CASH SALE is said once more."""
        if address in self._last_told:
            last, _ = self._last_told[address]
            self._last_told[address] = last, at
            for index, (told, (since, _)) in enumerate(self._cash_sales):
                if told is last:
                    self._cash_sales[index] = told, (since, at)

    def _was_reported(self, told: Told) -> bool:
        """Whether it is a vend, or the part of one, that was sold as it was reported."""
        for each in self._only_reported:
            in_time = told.at <= each.until
            if in_time and _same_vend(told, each.vend) and _left(each, told):
                each.means.discard(_by(told))
                if not each.means or not _both_paid(told, each.vend):
                    self._only_reported.remove(each)
                return True
        return False


def _left(reported: _Reported, told: Told) -> bool:
    """Whether this part of a vend that was reported has not been told elsewhere."""
    return not reported.means or _by(told) in reported.means or not _both_paid(told, reported.vend)


def _parts_of_one(
    told: Sale, other: _Waiting, asked: Mapping[int, float], span: Span | None = None
) -> bool:
    """Whether a sale that is held back is the other part of this one.

    `asked` is when each reader was last asked for a vend.
    """
    held = other.event
    if other.until is None or not isinstance(held, Sale):
        return False
    its, others = span or (told.at, told.at), (held.at, max(held.at, other.told_until))
    if _apart(its, others) > ONE_CYCLE_S:
        return False
    card, since = (told, others[0]) if _by(held) == "cash" else (held, its[0])
    if abs(told.at - held.at) > ONE_CYCLE_S and asked.get(card.address, since) > since:
        return False  # the cash was for a vend before the card's
    one_in_cash = [_by(held), _by(told)].count("cash") == 1
    same_item = held.item == told.item or held.item is None or told.item is None
    sure = card.confidence is Confidence.CONFIRMED
    return same_item and one_in_cash and sure and _plain(held) and _plain(told)


def _apart(one: Span, other: Span) -> float:
    """Seconds between the end of the earlier and the beginning of the later; 0 if they overlap."""
    return max(0.0, one[0] - other[1], other[0] - one[1])


def _plain(sale: Sale) -> bool:
    return sale.kind is Kind.PAID and len(sale.tenders) == 1


def _by(sale: Told) -> str:
    return sale.tenders[0].by if sale.tenders else ""


def _said_twice(told: Told, last: Told, at: float) -> bool:
    return told.raw == last.raw and told.at - at <= ONE_CYCLE_S


def _same_cash_sale(one: Told, other: Told) -> bool:
    """The readers may differ in scaling and in what they acknowledged, not in what was sold.

    Where one's scaling is not known the amounts cannot be compared; the item must do.
    """
    if type(one) is not type(other):
        return False
    items = {one.raw["item"], other.raw["item"]} - {None}
    if len(items) > 1:  # with their flags
        return False
    return one.amount is None or other.amount is None or one.amount == other.amount


def _same_vend(told: Told, reported: Told) -> bool:
    """A vend as a reader was told of it, and as a gateway was.

    The gateway may know of a cash part that no reader was told of, and whether media were free or
    for tests though their session's beginning was lost: only of two paid vends the means must fit.
    """
    unnamed = None in (told.item, reported.item) and told.amount in {None, reported.amount}
    same_item = told.item == reported.item or unnamed
    if type(told) is not type(reported) or not same_item:
        return False
    means = {each.by for each in reported.tenders}
    plain = isinstance(told, Return) or _both_paid(told, reported)
    return not means or not plain or means >= {each.by for each in told.tenders}


def _both_paid(told: Told, reported: Told) -> bool:
    return all(isinstance(each, Sale) and each.kind is Kind.PAID for each in (told, reported))

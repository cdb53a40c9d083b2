"""Who listens to whatever is said, and holds against it what the bus itself had on it."""

import json
from collections.abc import Iterable, Iterator, Mapping

from mdb import event
from mdb.block import Address, Block
from mdb.byte import Break, Line, Signal
from mdb.context import Context
from mdb.conversation import lines
from mdb.event import Confidence, Event, as_json
from mdb.framing import Framer
from mdb.sniffer import Heard, Sniffer

READERS = (Address.CASHLESS_1, Address.CASHLESS_2)
VEND, SUCCESS, CASH_SALE, RESET = 3, 0x02, 0x05, 0
ABSURD = 2 * (2**32 - 1) * 255 * 10**3
"""More than a price of four bytes can say, times any scale and currency, paid in two parts."""
AMOUNTS = (
    *(event.Sale, event.Return, event.VendRequested, event.VendApproved, event.VendFailed),
    *(event.VendUncertain, event.Revalue, event.TransactionReported, event.SatelliteVended),
)


def heard_of(
    signals: Iterable[Signal], *, known: Mapping[int, Context] | None = None, vmc_only: bool = False
) -> Iterator[Heard]:
    """All that is concluded, to the capture's end."""
    sniffer = Sniffer(known, vmc_only=vmc_only)
    for signal in signals:
        yield from sniffer.listen(signal)
    yield from sniffer.flush()
    Sniffer(sniffer.context)  # what is kept of it can be begun with


def judged(
    signals: Iterable[Signal], *, known: Mapping[int, Context] | None = None, vmc_only: bool = False
) -> list[Event]:
    """What was concluded, if it could be; every promise that holds whatever was said is asserted."""
    said = list(signals)
    concluded: list[Event] = []
    for heard in heard_of(said, known=known, vmc_only=vmc_only):
        assert all(isinstance(each, str) for each in lines(heard, colour=True))
        concluded += heard.events
    for each in concluded:
        json.dumps(as_json(each))
        if isinstance(each, AMOUNTS):
            amount = each.amount
            assert amount is None or 0 <= amount <= ABSURD, each
    sure, all_told = _vends(said, vmc_only=vmc_only)
    vends = [each for each in concluded if isinstance(each, event.Sale | event.Return)]
    confirmed = [each for each in vends if each.confidence is Confidence.CONFIRMED]
    assert len(confirmed) <= sure, (confirmed, sure)
    assert len(vends) <= all_told, (vends, all_told)
    return concluded


def _vends(said: list[Signal], *, vmc_only: bool) -> tuple[int, int]:
    """How many vends the bus can have told of for certain, and with those a reset lets presume."""
    framer = Framer(vmc_only=vmc_only)
    framed = [each for signal in said for each in framer.feed(signal)]
    sure = presumed = 0
    for each in [*framed, *framer.flush()]:
        if isinstance(each, Break):
            presumed += len(READERS)
        elif isinstance(each, Block) and each.line is Line.VMC:
            code, told = each.data[0] & 7, each.data[1:2]
            if each.address in READERS:
                sure += code == VEND and told in {bytes([SUCCESS]), bytes([CASH_SALE])}
                presumed += code == RESET
            sure += each.address == Address.GATEWAY
        elif isinstance(each, Block):
            presumed += each.data[:1] == b"\0"  # JUST RESET
    return sure, sure + presumed

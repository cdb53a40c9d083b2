"""The bus: a few seconds of listening, put into words. Nothing is ever said to it."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from edge.checks import Finding, as_words
from edge.checks.agent import Agent
from mdb.block import Address
from mdb.byte import Signal
from mdb.money import Money
from mdb.scaling import Scaling
from mdb.sniffer import Sniffer
from mdb.taps import Tap, VirtualMachine, open_tap
from mdb.tools.listening import telling
from mdb.tools.tally import Tally, sorted_money

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

NAME: Final = "bus"
LISTEN_S: Final = 5.0
BREATHE_EVERY: Final = 256
"""A capture played at once must not keep everything else from running."""
MANY_FAULTS: Final = 0.05
"""Of all that was said; below that a VMC repeats, and nothing is lost."""
ENOUGH_FAULTS: Final = 8
NAMES: Final = {each.value: each.name.lower().replace("_", " ") for each in Address}


@dataclass(frozen=True, slots=True)
class Voice:
    """A peripheral that the VMC speaks to, and how often it did and was answered."""

    name: str
    asked: int
    answered: int
    scaling: Scaling | None = None


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard; `told` is what the tap itself said, of a port that was lost for instance.

    `doubt` says what looks wrong with the wires. `sold` is money a currency, in words.
    """

    tap: str
    seconds: float
    bytes: int = 0
    polls: int = 0
    exchanges: int = 0
    faults: int = 0
    voices: tuple[Voice, ...] = ()
    sold: tuple[str, ...] = ()
    sales: int = 0
    doubt: str = ""
    told: tuple[str, ...] = ()
    vmc_only: bool = False

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.bytes / self.seconds if self.seconds else 0.0


async def hear(name: str, tap: Tap, seconds: float) -> Hearing:
    """Listen for so long, or until the tap ends."""
    sniffer, tally = Sniffer(vmc_only=tap.vmc_only), Tally(vmc_only=tap.vmc_only)
    loop, told = asyncio.get_running_loop(), list[str]()
    began = loop.time()
    with telling(told.append):
        try:
            async with asyncio.timeout(seconds):
                signals = cast("AsyncGenerator[Signal, None]", aiter(tap))
                async with aclosing(signals):
                    await _take_all(signals, sniffer, tally)
        except TimeoutError:
            pass
        except OSError as error:
            told.append(as_words(error))
    for heard in sniffer.flush():
        tally.hear(heard)
    rows = sorted(tally.census.rows.items())
    return Hearing(
        tap=name,
        seconds=max(loop.time() - began, 0.001),
        bytes=tally.bytes.total(),
        polls=sum(row.polls for _, row in rows),
        exchanges=sum(row.exchanges for _, row in rows),
        faults=tally.census.faults.total(),
        voices=tuple(
            Voice(
                row.name if address in NAMES else f"{address:02X}",
                row.exchanges,
                row.answers,
                context.scaling if (context := sniffer.context.get(address)) else None,
            )
            for address, row in rows
        ),
        sold=tuple(str(Money(amount, each)) for each, amount in sorted_money(tally.money)),
        sales=tally.sales,
        doubt=tally.doubt() or "",
        told=tuple(told),
        vmc_only=tap.vmc_only,
    )


async def _take_all(
    signals: "AsyncGenerator[Signal, None]", sniffer: Sniffer, tally: Tally
) -> None:
    count = 0
    async for signal in signals:
        tally.take(signal)
        for heard in sniffer.listen(signal):
            tally.hear(heard)
        count += 1
        if not count % BREATHE_EVERY:
            await asyncio.sleep(0)


async def check(name: str, agent: Agent, listen_s: float = LISTEN_S) -> Finding:
    """The bus behind a configured tap, or what the running agent hears of it."""
    if agent.runs:
        return judge_told(agent)
    try:
        tap = open_tap(name)
    except (ValueError, OSError) as error:
        return Finding(NAME, "fail", f"{name}: {as_words(error)}", wiring(name))
    return judge(await hear(name, tap, listen_s), virtual=isinstance(tap, VirtualMachine))


def judge(heard: Hearing, *, virtual: bool = False) -> Finding:
    """Whether that is how a machine sounds."""
    if heard.told and not heard.exchanges:
        return Finding(NAME, "fail", heard.told[0], wiring(heard.tap))
    if not heard.bytes:
        return Finding(
            NAME,
            "fail",
            f"nothing heard for {heard.seconds:.0f} s",
            f"is the machine on, and is the tap on the right pins? {wiring(heard.tap)}",
        )
    told = in_words(heard)
    if heard.doubt:
        return Finding(NAME, "fail", f"{told}; {heard.doubt}", wiring(heard.tap))
    if heard.faults >= ENOUGH_FAULTS and heard.faults > MANY_FAULTS * heard.exchanges:
        return Finding(
            NAME,
            "warn",
            told,
            "much of it is broken: is the ground connected, the cable short and away from motors?",
        )
    if virtual:
        return Finding(NAME, "ok", f"a machine in memory; {told}")
    if heard.told:
        return Finding(NAME, "warn", f"{told}; {heard.told[-1]}", wiring(heard.tap))
    advice = ""
    if not any(voice.scaling for voice in heard.voices):
        advice = (
            "what prices are worth is told only when the machine starts: switch it off and on once"
            " while the agent runs, which keeps it"
        )
    return Finding(NAME, "ok", told, advice)


def judge_told(agent: Agent) -> Finding:
    """What the running agent hears."""
    if agent.status is None:
        return Finding(
            NAME,
            "skipped",
            "the running agent listens to it, and cannot be asked",
            "stop it to test the bus: sudo systemctl stop chekomat-edge",
        )
    bus = agent.status.bus
    if not bus.alive:
        return Finding(NAME, "fail", f"the agent has lost its tap {bus.tap}", wiring(bus.tap))
    if bus.last_byte_s is None or bus.last_byte_s > LISTEN_S:
        silence = "since it started" if bus.last_byte_s is None else f"for {bus.last_byte_s:.0f} s"
        return Finding(
            NAME,
            "fail",
            f"the running agent has heard nothing {silence}",
            f"is the machine on, and is the tap on the right pins? {wiring(bus.tap)}",
        )
    rate = "" if bus.bytes_per_s is None else f"{bus.bytes_per_s:.0f} B/s"
    names = ", ".join(each.name or f"{each.address:02X}" for each in bus.peripherals)
    heard = "; ".join(each for each in (rate, names, f"{bus.faults} blocks broken") if each)
    return Finding(NAME, "ok", f"the running agent hears it: {heard}")


def in_words(heard: Hearing) -> str:
    """What was heard, in one line."""
    parts = [f"{heard.rate:.0f} B/s, {heard.polls} polls in {heard.seconds:.0f} s"]
    present = [voice for voice in heard.voices if voice.answered]
    absent = [voice.name for voice in heard.voices if not voice.answered]
    if heard.vmc_only:
        parts.append(f"the VMC speaks to {', '.join(absent + [each.name for each in present])}")
    else:
        if present:
            parts.append(f"there are: {', '.join(each.name for each in present)}")
        if absent:
            parts.append(f"asked in vain: {', '.join(absent)}")
    parts += [
        f"{voice.name} counts in {money(voice.scaling)}" for voice in present if voice.scaling
    ]
    if heard.sales:
        parts.append(f"{heard.sales} sales ({', '.join(heard.sold) or 'of unknown amount'})")
    if heard.faults:
        parts.append(f"{heard.faults} blocks broken")
    return "; ".join(parts)


def money(scaling: Scaling) -> str:
    """The smallest amount that a peripheral can say: ``0.10 RUB``."""
    unit = scaling.money(1)
    return str(unit) if unit else f"{scaling.scale}·10^-{scaling.decimals}"


def wiring(tap: str) -> str:
    """Where to read on."""
    scheme = tap.partition(":")[0]
    known = f" {scheme}" if scheme in {"qibixx", "uart", "lines"} else ""
    return f"how it is connected: python -m mdb wiring{known}"

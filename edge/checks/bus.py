"""The bus: a few seconds of listening, put into words. Nothing is ever said to it."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from edge.checks import NOTHING, Finding, as_is, as_words, both, joined
from edge.checks.adapter import not_opened
from edge.checks.agent import Agent
from edge.technician.words import Text, duration
from mdb.block import Address
from mdb.byte import Line, Signal
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
DEVICES: Final[Mapping[str, Text]] = {
    "changer": Text("монетоприёмник", "coin changer"),
    "cashless 1": Text("картридер 1", "cashless 1"),
    "cashless 2": Text("картридер 2", "cashless 2"),
    "gateway": Text("модем", "communications gateway"),
    "display": Text("дисплей", "display"),
    "energy": Text("управление питанием", "energy management"),
    "validator": Text("купюроприёмник", "bill validator"),
    "age": Text("проверка возраста", "age verification"),
}
"""By the standard's names (section 2.3)."""
SCALE: Final = both(
    "масштаб цен автомат называет только при запуске: выключите и включите его один раз при"
    " работающем агенте, тот запомнит",
    "what prices are worth is told only when the machine starts: switch it off and on once while"
    " the agent runs, which keeps it",
)


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
    doubt: Text = NOTHING
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
        doubt=_doubt(tally, vmc_only=tap.vmc_only),
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
        why = both("{tap}: {why}", "{tap}: {why}", tap=name, why=not_opened(name, error))
        return Finding(NAME, "fail", why, wiring(name))
    return judge(await hear(name, tap, listen_s), virtual=isinstance(tap, VirtualMachine))


def judge(heard: Hearing, *, virtual: bool = False) -> Finding:
    """Whether that is how a machine sounds."""
    if heard.told and not heard.exchanges:
        return Finding(NAME, "fail", as_is(heard.told[0]), wiring(heard.tap))
    if not heard.bytes:
        silent = both(
            "{seconds:.0f} с ничего не слышно",
            "nothing heard for {seconds:.0f} s",
            seconds=heard.seconds,
        )
        return Finding(NAME, "fail", silent, _pins(heard.tap))
    told = in_words(heard)
    if heard.doubt != NOTHING:
        return Finding(NAME, "fail", joined("; ", (told, heard.doubt)), wiring(heard.tap))
    if heard.faults >= ENOUGH_FAULTS and heard.faults > MANY_FAULTS * heard.exchanges:
        return Finding(
            NAME,
            "warn",
            told,
            both(
                "много помех: подключена ли земля, короткий ли кабель и далеко ли он от моторов?",
                "much of it is broken: is the ground connected, the cable short and away from"
                " motors?",
            ),
        )
    if virtual:
        return Finding(
            NAME, "ok", both("автомат в памяти; {told}", "a machine in memory; {told}", told=told)
        )
    if heard.told:
        lost = joined("; ", (told, as_is(heard.told[-1])))
        return Finding(NAME, "warn", lost, wiring(heard.tap))
    if not any(voice.scaling for voice in heard.voices):
        return Finding(NAME, "ok", told, SCALE)
    return Finding(NAME, "ok", told)


def judge_told(agent: Agent) -> Finding:
    """What the running agent hears."""
    if agent.status is None:
        return Finding(
            NAME,
            "skipped",
            both(
                "её слушает работающий агент, а он не отвечает",
                "the running agent listens to it, and cannot be asked",
            ),
            both(
                "чтобы проверить шину, остановите его: sudo systemctl stop chekomat-edge",
                "stop it to test the bus: sudo systemctl stop chekomat-edge",
            ),
        )
    bus = agent.status.bus
    if not bus.alive:
        lost = both("агент потерял адаптер {tap}", "the agent has lost its tap {tap}", tap=bus.tap)
        return Finding(NAME, "fail", lost, wiring(bus.tap))
    if bus.last_byte_s is None:
        never = both(
            "работающий агент с запуска ничего не слышал",
            "the running agent has heard nothing since it started",
        )
        return Finding(NAME, "fail", never, _pins(bus.tap))
    if bus.last_byte_s > LISTEN_S:
        silent = both(
            "работающий агент ничего не слышит {age}",
            "the running agent has heard nothing for {age}",
            age=duration(bus.last_byte_s),
        )
        return Finding(NAME, "fail", silent, _pins(bus.tap))
    parts = []
    if bus.bytes_per_s is not None:
        parts.append(both("{rate:.0f} байт/с", "{rate:.0f} B/s", rate=bus.bytes_per_s))
    if bus.peripherals:
        parts.append(
            joined(", ", (device(each.name or f"{each.address:02X}") for each in bus.peripherals))
        )
    parts.append(_broken(bus.faults))
    hears = both(
        "работающий агент её слышит: {heard}",
        "the running agent hears it: {heard}",
        heard=joined("; ", parts),
    )
    return Finding(NAME, "ok", hears)


def in_words(heard: Hearing) -> Text:
    """What was heard, in one line."""
    parts = [
        both(
            "{rate:.0f} байт/с, опросов за {seconds:.0f} с: {polls}",
            "{rate:.0f} B/s, {polls} polls in {seconds:.0f} s",
            rate=heard.rate,
            polls=heard.polls,
            seconds=heard.seconds,
        )
    ]
    present = [voice for voice in heard.voices if voice.answered]
    absent = [voice for voice in heard.voices if not voice.answered]
    if heard.vmc_only:
        names = _names([*absent, *present])
        parts.append(
            both("автомат обращается к: {names}", "the VMC speaks to {names}", names=names)
        )
    else:
        if present:
            parts.append(both("отвечают: {names}", "there are: {names}", names=_names(present)))
        if absent:
            parts.append(
                both("не отвечают: {names}", "asked in vain: {names}", names=_names(absent))
            )
    parts += [
        both(
            "{name} считает по {unit}",
            "{name} counts in {unit}",
            name=device(voice.name),
            unit=money(voice.scaling),
        )
        for voice in present
        if voice.scaling
    ]
    if heard.sales:
        parts.append(
            both(
                "продаж: {count} ({sum})",
                "{count} sales ({sum})",
                count=heard.sales,
                sum=as_is(", ".join(heard.sold))
                if heard.sold
                else both("сумма неизвестна", "of unknown amount"),
            )
        )
    if heard.faults:
        parts.append(_broken(heard.faults))
    return joined("; ", parts)


def money(scaling: Scaling) -> str:
    """The smallest amount that a peripheral can say: ``0.10 RUB``."""
    unit = scaling.money(1)
    return str(unit) if unit else f"{scaling.scale}·10^-{scaling.decimals}"


def device(name: str) -> Text:
    """A peripheral by its name on the bus; one that seldom is in a machine keeps that name."""
    return DEVICES.get(name, as_is(name))


def wiring(tap: str) -> Text:
    """Where to read on."""
    scheme = tap.partition(":")[0]
    return both(
        "как это подключается: python -m mdb wiring{known} --lang ru",
        "how it is connected: python -m mdb wiring{known}",
        known=f" {scheme}" if scheme in {"qibixx", "uart", "lines"} else "",
    )


def _pins(tap: str) -> Text:
    return both(
        "включён ли автомат, те ли контакты? {wiring}",
        "is the machine on, and is the tap on the right pins? {wiring}",
        wiring=wiring(tap),
    )


def _names(voices: Sequence[Voice]) -> Text:
    return joined(", ", (device(voice.name) for voice in voices))


def _broken(count: int) -> Text:
    return both("искажённых блоков: {count}", "{count} blocks broken", count=count)


def _doubt(tally: Tally, *, vmc_only: bool) -> Text:
    """What looks wrong with the wires. The tally says whether; which line is mute says what."""
    english = tally.doubt()
    if english is None:
        return NOTHING
    if not tally.bytes[Line.PERIPHERAL] and not vmc_only:
        russian = (
            "слышен только автомат: подключена ли линия устройств (контакт 4, Master Receive)? Без"
            " неё большая часть разговора останется неизвестной"
        )
    elif not tally.bytes[Line.VMC]:
        russian = (
            "слышны только устройства: подключена ли линия автомата (контакт 5, Master Transmit)?"
        )
    else:
        russian = (
            "байты идут, но ничего не значат: не перепутаны ли контакты 4 и 5, не перевёрнут ли"
            " сигнал, не теряется ли девятый бит (бит режима)?"
        )
    return Text(russian, english)

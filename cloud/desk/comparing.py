"""Comparing: a day's attempts held against what their providers say of them now.

No provider of ours lists its documents, so each attempt that left is asked about, at the pace of its
register. Nothing is written down: what is news, the fiscaliser finds by itself or a person resolves.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import aiohttp

from cloud.desk.reconciling import Line
from cloud.desk.words import COMMAND, counted
from cloud.errors import ConfigError
from cloud.fiscal import FiscalDocument
from cloud.fiscalization import SENT, State
from cloud.fleet import Register
from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown
from cloud.pace import Pace
from cloud.providers import Attempt
from cloud.registers import Opened, opened
from cloud.store.day import Tried

NOTE_EVERY: Final = 20
_UNDER_WAY: Final = {State.WAITING, *SENT}


def verdict(tried: Tried, outcome: Outcome) -> Line | None:
    """What the provider says beside what is written here; None where they agree. Pure."""
    issued, dead = tried.state is State.ISSUED, tried.verdict == "dead"
    reason = getattr(outcome, "reason", "")
    match outcome:
        case Done(document):
            return _done(tried, document)
        case Accepted():
            agreed, explained = _open(tried), not (issued or dead)
            said = f"it is {tried.state.value} here, and the provider still has it in its queue"
        case Dead():
            agreed, explained = dead or _open(tried), not (issued and tried.current)
            said = f"it is {tried.state.value} here, and dead for the provider: {reason}"
        case Unknown():
            agreed, explained = dead or _open(tried), not issued
            said = f"it is not compared, the provider does not know it: {reason}"
        case _:
            agreed, explained = dead or _open(tried), not issued
            said = f"it is not compared, the provider was not to be asked: {reason}"
    if agreed:
        return None
    return Line(explained=explained, sale_id=tried.sale_id, text=f"{tried.key}: {said}")


def _open(tried: Tried) -> bool:
    return tried.verdict is None and tried.state in _UNDER_WAY


def _done(tried: Tried, document: FiscalDocument) -> Line | None:
    """The provider has a document."""
    here = (tried.fn, tried.fd, tried.fp, tried.total)
    there = (document.fn, document.fd, document.fp, document.total)
    if tried.state is State.ISSUED and here == there:
        return None
    if tried.state is State.ISSUED and here[:2] == there[:2]:
        text = f"{tried.key}: here fp {tried.fp}, {tried.total} kopecks; there {document.qr}"
    elif tried.state is State.ISSUED:
        text = f"{tried.key} is recorded as {document.qr}, beside fn {tried.fn} fd {tried.fd}"
    elif _open(tried):
        text = f"{tried.key} is recorded as {document.qr}; it is asked for, and will be known"
        return Line(explained=True, sale_id=tried.sale_id, text=text)
    else:
        text = (
            f"{tried.key} is recorded as {document.qr}, and {tried.state.value} here:"
            f" {COMMAND}resolve {tried.sale_id} --issued '{document.qr}'"
        )
    return Line(explained=False, sale_id=tried.sale_id, text=text)


async def compare(
    http: aiohttp.ClientSession,
    registers: Mapping[str, Register],
    tried: Sequence[Tried],
    note: Callable[[str], None],
) -> list[Line]:
    """Ask about all of them, each register at its own pace; the differences."""
    by_register: dict[str, list[Tried]] = defaultdict(list)
    for each in tried:
        by_register[each.register].append(each)
    asked = _Counted(len(tried), note)
    told = await asyncio.gather(
        *(_of_register(http, registers.get(name), name, them, asked.one)
          for name, them in sorted(by_register.items()))
    )  # fmt: skip
    return [line for each in told for line in each]


class _Counted:
    """The progress of all registers together."""

    def __init__(self, total: int, note: Callable[[str], None]) -> None:
        self._total = total
        self._done = 0
        self._note = note

    def one(self) -> None:
        self._done += 1
        if self._done % NOTE_EVERY == 0 or self._done == self._total:
            self._note(f"asked for {self._done} of {self._total}")


async def _of_register(
    http: aiohttp.ClientSession,
    register: Register | None,
    name: str,
    tried: Sequence[Tried],
    one: Callable[[], None],
) -> list[Line]:
    try:
        account = opened(_there(register, name), http)
    except ConfigError as error:
        not_compared = counted(len(tried), "attempt is", "attempts are")
        return [Line(explained=False, text=f"{not_compared} not compared: {error}")]
    lines, loop = list[Line](), asyncio.get_running_loop()
    pace = Pace.full(account.account.rate_per_s, loop.time())
    for each in tried:
        if account.provider.by_key or each.provider_id:
            pace = pace.filled(loop.time())
            if not pace.ready:
                await asyncio.sleep(pace.wait_s)
                pace = pace.filled(loop.time())
            pace = pace.taken(1)
        said = await _ask(account, each)
        one()
        if said is not None:
            lines.append(said)
    return lines


def _there(register: Register | None, name: str) -> Register:
    if register is None:
        raise ConfigError(f"there is no register {name} any more")
    return register


async def _ask(account: Opened, tried: Tried) -> Line | None:
    if not account.provider.by_key and tried.provider_id is None:
        text = f"{tried.key} cannot be compared: the provider looks nothing up by our key"
        open_ended = tried.state is not State.ISSUED and tried.verdict != "dead"
        return Line(explained=not open_ended, sale_id=tried.sale_id, text=text)
    attempt = Attempt(tried.key, tried.body, tried.provider_id)
    return verdict(tried, await account.provider.ask(attempt))

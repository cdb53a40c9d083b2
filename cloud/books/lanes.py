"""A register's lane by hand: paused, so that nothing is sent to it, resumed, and doubted."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.books import archive
from cloud.breaker import Circuit
from cloud.errors import FleetError
from cloud.fleet import Register
from cloud.outcome import Pause
from cloud.store import Store, fleet, restored
from cloud.store.dialect import clock_of
from cloud.store.lanes import Standing, circuit, holder, set_circuit

Say = Callable[[str], None]


async def paused(store: Store, name: str, reason: str, now_ms: int, say: Say) -> None:
    """Nothing is sent to the register until somebody resumes it.

    Raises:
        FleetError: there is no such register, or no reason.
    """
    if not reason.strip():
        raise FleetError("say why: whoever reads the list tomorrow has to know")
    async with store.transaction() as connection:
        await _there(connection, name)
        by_hand = Circuit(pause=Pause.BY_HAND, reason=" ".join(reason.split()))
        await set_circuit(connection, name, by_hand, now_ms)
        waiting = (await archive.waiting(connection)).get(name, 0)
    say(f"register {name}: paused; {_receipts(waiting)}")
    say(f"next: python -m cloud register resume {name}")


async def resumed(store: Store, name: str, now_ms: int, say: Say) -> None:
    """The register is tried again at once, whatever held it.

    Raises:
        FleetError: there is no such register.
    """
    async with store.transaction() as connection:
        await _there(connection, name)
        held = (await circuit(connection, name)) != Circuit()
        if held:
            await set_circuit(connection, name, Circuit(), now_ms)
        waiting = (await archive.waiting(connection)).get(name, 0)
    word = "resumed" if held else "nothing holds it"
    say(f"register {name}: {word}; {_receipts(waiting)}")


async def doubted(store: Store, name: str, who: str, now_ms: int, say: Say) -> None:
    """The database was restored: what waits there may be recorded already, and is looked for first.

    Raises:
        FleetError: there is no such register, or it is being worked at.
    """
    async with store.transaction() as connection:
        await _there(connection, name)
        if await holder(connection, name, await clock_of(connection)) is not None:
            raise FleetError(
                f"register {name}: a fiscaliser works at it; stop it first, or what waits is sent"
                " meanwhile: systemctl stop chekomat-cloud"
            )
        count = await restored.doubt(connection, name, who, now_ms)
    looked = "1 receipt has" if count == 1 else f"{count} receipts have"
    say(f"register {name}: {looked} to be looked for in the provider's cabinet")
    say("next: python -m cloud attention")


async def _there(connection: AsyncConnection, name: str) -> None:
    if await fleet.get(connection, Register, name) is None:
        raise FleetError(f"there is no register {name}: see python -m cloud register list")


def _receipts(count: int) -> str:
    return "1 receipt waits" if count == 1 else f"{count} receipts wait"


def state(standing: Standing | None) -> str:
    """Whether it is sent to, in a word or two."""
    if standing is None or not standing.circuit.is_open():
        return "open"
    pause = standing.circuit.pause
    return "no answer" if pause is None else f"paused: {pause.value}"


def moment(at_ms: int | None) -> str:
    """A moment of the past for people: ``2026-11-23 15:42 UTC``."""
    if at_ms is None:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")

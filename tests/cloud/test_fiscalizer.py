"""The fiscaliser: its lanes follow the fleet, and one wrong register stops no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from parts import until
from postgres import Cluster
from shop import (
    SETTINGS,
    Account,
    Register,
    Thing,
    a_fleet,
    a_register,
    a_sale,
    eventually,
    hurry,
    id_of,
    now_ms,
    placed,
    rows,
    sell,
    states,
    stock,
    write,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from cloud.breaker import Circuit
from cloud.fiscalizer import Fiscalizer
from cloud.outcome import Pause
from cloud.store import Store, fleet, lanes, sales
from cloud.store.lanes import Standing
from cloud.store.schema import lane, receipt

HOUR_MS = 3_600_000


@asynccontextmanager
async def at_work(
    store: Store, mute: Register, owner: str = "one", *, work: bool = True
) -> AsyncIterator[Fiscalizer]:
    """A process that works all registers there are, and looks at the fleet all the time."""
    fiscalizer = Fiscalizer(store, mute.http, owner, mute.due, mute.news, look_s=0.02)
    task = asyncio.ensure_future(fiscalizer.run(work=work))
    try:
        yield fiscalizer
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), task.exception()


def an_account(mute: Register, name: str = "main", **told: object) -> Account:
    """A register at the emulator, opened as the fleet's are: from its settings."""
    secret = mute.folder / "its.secret"
    if not secret.exists():
        secret.write_text("tell nobody", "utf-8")
    settings = {**SETTINGS, "url": mute.url, "secret_file": str(secret), "poll_s": [0.01], **told}
    return Account(id=name, operator="coffee", provider="cloudkassir", settings=settings)


def with_main(account: Account) -> list[Thing]:
    return [account if isinstance(each, Account) else each for each in a_fleet()]


async def sold(store: Store, *told: tuple[int, str]) -> None:
    async with store.transaction() as connection:
        arrivals = [placed(a_sale(number), register) for number, register in told]
        await sales.keep(connection, arrivals, now_ms())


async def standing(store: Store, name: str = "main") -> Standing | None:
    async with store.reading() as connection:
        told = await lanes.standings(connection)
    return next((each for each in told if each.register == name), None)


async def becomes(store: Store, mute: Register, wanted: dict[int, str]) -> None:
    async def there() -> bool:
        mute.due.ring()
        return await states(store) == {id_of(number): state for number, state in wanted.items()}

    await eventually(there)


async def pauses(store: Store, name: str, pause: Pause | None) -> str:
    """Wait until a register stands so; the reason."""

    async def there() -> bool:
        it = await standing(store, name)
        return it is not None and it.circuit.pause is pause

    await eventually(there)
    it = await standing(store, name)
    assert it is not None
    return it.circuit.reason


async def test_without_registers_there_is_nothing_to_do(store: Store, mute: Register) -> None:
    async with at_work(store, mute) as fiscalizer:
        assert fiscalizer.opened == {}
        await stock(store, *with_main(an_account(mute)))
        await eventually(lambda: standing(store))
        assert set(fiscalizer.opened) == {"main"}


async def test_each_register_has_a_lane_of_its_own(store: Store, mute: Register) -> None:
    await stock(store, *with_main(an_account(mute)), an_account(mute, "side"))
    await sold(store, (1, "main"), (2, "side"))
    async with at_work(store, mute):
        await becomes(store, mute, {1: "issued", 2: "issued"})
    held = await rows(store, sa.select(lane.c.register, lane.c.owner).order_by(lane.c.register))
    assert [tuple(row) for row in held] == [("main", "one"), ("side", "one")]


async def test_a_register_that_is_new_gets_its_lane_while_the_others_go_on(
    store: Store, mute: Register
) -> None:
    await stock(store, *with_main(an_account(mute)))
    async with at_work(store, mute) as fiscalizer:
        await sold(store, (1, "main"))
        await becomes(store, mute, {1: "issued"})
        main = fiscalizer.opened["main"]
        await stock(store, an_account(mute, "side"))
        await sold(store, (2, "side"))
        await becomes(store, mute, {1: "issued", 2: "issued"})
        assert fiscalizer.opened["main"] is main


@pytest.mark.usefixtures("patient")
async def test_a_register_that_is_taken_away_is_spoken_to_no_more(
    store: Store, mute: Register
) -> None:
    await stock(store, *with_main(an_account(mute)), an_account(mute, "side"))
    async with at_work(store, mute) as fiscalizer:
        await eventually(lambda: standing(store, "side"))
        async with store.transaction() as connection:
            await fleet.take_away(connection, Account, ["side"], "olga", now_ms())

        async def gone() -> bool:
            it = await standing(store, "side")
            return "side" not in fiscalizer.opened and it is not None and it.lease_until == 0

        await eventually(gone)
        await sold(store, (1, "main"))
        await becomes(store, mute, {1: "issued"})


# A register whose settings are wrong. ------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"secret_file": "/nonexistent/secret"}, "secret_file"),
        ({"nonsense": 1}, "unknown field `nonsense`"),
        ({"url": "http://register.example"}, "https"),
        ({"url": "http://["}, "http://["),
    ],
)
async def test_a_register_whose_settings_are_wrong_is_paused_and_stops_nothing_else(
    store: Store, mute: Register, settings: dict[str, object], why: str
) -> None:
    await stock(store, *with_main(an_account(mute)), an_account(mute, "side", **settings))
    await sold(store, (1, "main"), (2, "side"))
    async with at_work(store, mute) as fiscalizer:
        reason = await pauses(store, "side", Pause.AUTH)
        assert reason.startswith("register side: ")
        assert why in reason
        await becomes(store, mute, {1: "issued", 2: "waiting"})
        assert set(fiscalizer.opened) == {"main"}


async def test_a_register_that_is_mended_goes_on_at_once(store: Store, mute: Register) -> None:
    await stock(store, *with_main(an_account(mute, nonsense=1)))
    await sold(store, (1, "main"), (2, "main"))
    async with at_work(store, mute):
        await pauses(store, "main", Pause.AUTH)
        await stock(store, an_account(mute))
        assert await pauses(store, "main", None) == ""
        await becomes(store, mute, {1: "issued", 2: "issued"})


async def test_a_register_that_becomes_wrong_stops_and_says_why(
    store: Store, mute: Register
) -> None:
    await stock(store, *with_main(an_account(mute)))
    async with at_work(store, mute) as fiscalizer:
        await eventually(lambda: standing(store))
        await stock(store, an_account(mute, nonsense=1))
        assert "nonsense" in await pauses(store, "main", Pause.AUTH)
        assert fiscalizer.opened == {}
        await sold(store, (1, "main"))
    assert await states(store) == {id_of(1): "waiting"}


async def test_a_secret_that_is_laid_down_later_is_noticed_without_a_change_of_the_fleet(
    store: Store, mute: Register
) -> None:
    file = mute.folder / "late.secret"
    await stock(store, *with_main(an_account(mute, secret_file=str(file))))
    await sold(store, (1, "main"))
    async with at_work(store, mute) as fiscalizer:
        assert "secret_file" in await pauses(store, "main", Pause.AUTH)
        assert fiscalizer.opened == {}
        file.write_text("tell nobody", "utf-8")
        await becomes(store, mute, {1: "issued"})
        assert await pauses(store, "main", None) == ""


async def test_a_persons_pause_stands_while_a_register_is_wrong_and_mended(
    store: Store, mute: Register
) -> None:
    by_hand = Circuit(pause=Pause.BY_HAND, reason="the drive is changed today")
    await stock(store, *with_main(an_account(mute)))
    async with store.transaction() as connection:
        await lanes.set_circuit(connection, "main", by_hand, now_ms())
    async with at_work(store, mute) as fiscalizer:

        async def known(*names: str) -> None:
            await eventually(lambda: asyncio.sleep(0, set(fiscalizer.opened) == set(names)))

        await known("main")
        await stock(store, an_account(mute, secret_file="/nowhere"))
        await known()
        await stock(store, an_account(mute))
        await known("main")
        await sold(store, (1, "main"))
    it = await standing(store)
    assert it is not None
    assert (it.circuit, await states(store)) == (by_hand, {id_of(1): "waiting"})


async def test_a_persons_pause_stands_whatever_the_settings_are(
    store: Store, mute: Register
) -> None:
    by_hand = Circuit(pause=Pause.BY_HAND, reason="the drive is changed today")
    await stock(store, *with_main(an_account(mute, nonsense=1)), an_account(mute, "side", x=1))
    async with store.transaction() as connection:
        await lanes.set_circuit(connection, "main", by_hand, now_ms())
    async with at_work(store, mute):
        await pauses(store, "side", Pause.AUTH)
        await stock(store, an_account(mute), an_account(mute, "side"))
        await pauses(store, "side", None)
        it = await standing(store)
        assert it is not None
        assert it.circuit == by_hand


# A register that was changed. --------------------------------------------------------------------


async def test_a_changed_registers_lane_begins_anew(store: Store, mute: Register) -> None:
    """It was held for a quarter of an hour; who changed its settings may have mended that."""
    wrong = mute.folder / "wrong.secret"
    wrong.write_text("guessed", "utf-8")
    await stock(store, *with_main(an_account(mute, secret_file=str(wrong))))
    await sold(store, (1, "main"))
    async with at_work(store, mute) as fiscalizer:
        assert "401" in await pauses(store, "main", Pause.AUTH)
        before = fiscalizer.opened["main"]
        await stock(store, an_account(mute))
        await becomes(store, mute, {1: "issued"})
        assert fiscalizer.opened["main"] is not before
    # What surely never left is written anew, as the settings are now: under the next key.
    assert await mute.keys() == [f"{id_of(1)}-1"]


async def test_a_change_elsewhere_in_the_fleet_leaves_a_lane_alone(
    store: Store, mute: Register
) -> None:
    await stock(store, *with_main(an_account(mute)))
    async with at_work(store, mute) as fiscalizer:
        await eventually(lambda: standing(store))
        before = fiscalizer.opened["main"]
        await stock(store, an_account(mute, "side"))
        await eventually(lambda: standing(store, "side"))
        assert fiscalizer.opened["main"] is before
    ((fence,),) = await rows(store, sa.select(lane.c.fence).where(lane.c.register == "main"))
    assert fence == 1


# Processes. --------------------------------------------------------------------------------------


async def test_a_process_that_only_listens_knows_the_registers_and_works_none(
    store: Store, mute: Register
) -> None:
    """It has to know whose a push is; where a secret is missing there, others may have it."""
    wrong = an_account(mute, "side", secret_file="/nonexistent/secret")
    await stock(store, *with_main(an_account(mute)), wrong)
    await sold(store, (1, "main"))
    async with at_work(store, mute, work=False) as fiscalizer:

        async def known() -> bool:
            return set(fiscalizer.opened) == {"main"}

        await eventually(known)
        await stock(store, an_account(mute, "third"))

        async def followed() -> bool:
            return set(fiscalizer.opened) == {"main", "third"}

        await eventually(followed)
    assert await states(store) == {id_of(1): "waiting"}
    assert await rows(store, sa.select(lane)) == []


async def test_what_was_known_before_it_is_worked_gets_its_lane(
    store: Store, mute: Register
) -> None:
    await stock(store, *with_main(an_account(mute)))
    await sold(store, (1, "main"))
    fiscalizer = Fiscalizer(store, mute.http, "one", mute.due, mute.news, look_s=0.02)
    await fiscalizer.look()
    assert set(fiscalizer.opened) == {"main"}
    task = asyncio.ensure_future(fiscalizer.run())
    await becomes(store, mute, {1: "issued"})
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.usefixtures("patient")
async def test_a_process_that_ends_lets_all_its_lanes_go(store: Store, mute: Register) -> None:
    await stock(store, *with_main(an_account(mute)), an_account(mute, "side"))
    async with at_work(store, mute):
        await eventually(lambda: standing(store))
        await eventually(lambda: standing(store, "side"))
    assert {row.lease_until for row in await rows(store, sa.select(lane))} == {0}


class Fatal(Store):
    """The ground under a lane gives way: once, and not by an error that a lane could hear of."""

    def __init__(self, inner: Store, error: BaseException) -> None:
        self._inner = inner
        self._error: BaseException | None = error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        task = asyncio.current_task()
        error = self._error
        if error is not None and task is not None and task.get_name().startswith("Task"):
            self._error = None
            raise error
        async with self._inner.transaction() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._inner.reading() as connection:
            yield connection


class DeathError(BaseException):
    """None that anybody catches."""


@pytest.mark.parametrize("error", [DeathError("gone"), asyncio.CancelledError()], ids=repr)
async def test_a_lane_that_ends_by_itself_is_worked_again(
    store: Store, mute: Register, error: BaseException
) -> None:
    await stock(store, *with_main(an_account(mute)), an_account(mute, "side"))
    await sold(store, (1, "main"), (2, "side"))
    with capture_logs() as logged:
        async with at_work(Fatal(store, error), mute):
            await becomes(store, mute, {1: "issued", 2: "issued"})
    ended = [each for each in logged if each["event"] == "a lane ended by itself"]
    assert [each["register"] in {"main", "side"} for each in ended] == [True]


async def test_a_lane_whose_turns_fail_stops_no_other_and_goes_on_when_it_is_mended(
    store: Store, mute: Register
) -> None:
    await stock(store, *with_main(an_account(mute)), an_account(mute, "side"))
    await sold(store, (1, "main"), (2, "side"))
    of_one = sa.update(receipt).where(receipt.c.sale_id == id_of(1))
    ((request,),) = await rows(
        store, sa.select(receipt.c.request).where(receipt.c.sale_id == id_of(1))
    )
    await write(store, of_one.values(request="{}"))
    with capture_logs() as logged:
        async with at_work(store, mute):
            await becomes(store, mute, {1: "waiting", 2: "issued"})
            await until(lambda: "a turn failed" in [each["event"] for each in logged])
            await write(store, of_one.values(request=request))
            await becomes(store, mute, {1: "issued", 2: "issued"})


async def test_nothing_is_sent_twice_when_a_lane_is_changed_in_the_middle(
    store: Store, mute: Register
) -> None:
    await stock(store, *with_main(an_account(mute)))
    numbers = range(1, 31)
    await sell(store, *(a_sale(number) for number in numbers))
    async with at_work(store, mute):
        for rate in range(5):
            await stock(store, an_account(mute, rate_per_s=5000 + rate))
            await hurry(store)
            await asyncio.sleep(0.03)

        async def there() -> bool:
            await hurry(store)
            mute.due.ring()
            return set((await states(store)).values()) == {"issued"}

        await eventually(there)
    assert sorted(await mute.keys()) == [id_of(number) for number in numbers]


# Races. ------------------------------------------------------------------------------------------


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("before", [True, False])
async def test_a_persons_pause_stands_that_is_said_at_the_moment_at_which_a_register_is_wrong(
    postgres_store: Store, postgres: Cluster, *, before: bool
) -> None:
    """Whether there was a lane before or not; the register after it is told of as well."""
    store = postgres_store
    wrong = {"secret_file": "/nowhere/its.secret"}
    async with a_register(store, pushes=False) as mute:
        await stock(store, *with_main(an_account(mute, **wrong)), an_account(mute, "side", **wrong))
        if before:
            async with store.transaction() as connection:
                await lanes.set_circuit(connection, "main", Circuit(), now_ms())
        by_hand = Circuit(pause=Pause.BY_HAND, reason="the drive is changed today")
        async with store.transaction() as connection:
            await lanes.set_circuit(connection, "main", by_hand, now_ms())
            working = asyncio.ensure_future(hold_on(store, mute))
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            await until(lambda: postgres.execute(waiting) == [(1,)])
        await working
    it = await standing(store)
    assert it is not None
    assert it.circuit == by_hand


async def hold_on(store: Store, mute: Register) -> None:
    """A process works all registers until the last of them is paused."""
    async with at_work(store, mute):
        await pauses(store, "side", Pause.AUTH)

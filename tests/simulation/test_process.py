"""A process ends at any step, with nothing said and nothing closed; or stands still, and goes on."""

import asyncio
from collections.abc import Callable

import pytest
from simulation.clockwork import Clockwork
from simulation.process import PROCESS, Computer, Process

STEPS = 12


class Life:
    """A process that writes down what it does: one line a step, a `finally`, and a child."""

    def __init__(self, loop: Clockwork) -> None:
        self.loop = loop
        self.lines: list[str] = []
        self.process = Process("one", Computer("pi"))

    async def work(self) -> None:
        child = asyncio.create_task(self._child())
        try:
            for number in range(STEPS // 2):
                self.lines.append(f"step {number}")
                await asyncio.sleep(1)
            await child
        finally:
            self.lines.append("finally")

    async def _child(self) -> None:
        try:
            for number in range(STEPS // 2):
                self.lines.append(f"child {number}")
                await asyncio.sleep(1)
        finally:
            self.lines.append("the child's finally")

    def run(self, *at: tuple[float, Callable[[], object]], until: float = 100) -> list[str]:
        """What it had written by then."""

        async def story() -> list[str]:
            self.loop.remembered.append(self.process.begin(self.work))
            for when, do in at:
                self.loop.call_at(when, do)
            await asyncio.sleep(until)
            return list(self.lines)

        return self.loop.run_until_complete(story())


def test_steps_of_a_process_and_of_what_it_begins_are_its_own(loop: Clockwork) -> None:
    whose: list[object] = []
    process = Process("one", Computer("pi"))

    async def note() -> None:
        whose.append(PROCESS.get())

    async def work() -> None:
        await note()
        await asyncio.create_task(note())
        loop.call_later(1, lambda: whose.append(PROCESS.get()))

    async def story() -> None:
        await process.begin(work)
        await asyncio.sleep(2)
        await note()

    loop.run_until_complete(story())
    assert whose == [process, process, process, None]
    assert len(process.tasks) == 2


def test_its_end_is_its_tasks_and_what_it_raises_is_told(loop: Clockwork) -> None:
    async def work() -> int:
        return 1 // 0

    async def story() -> None:
        with pytest.raises(ZeroDivisionError):
            await Process("one", Computer("pi")).begin(work)

    loop.run_until_complete(story())


def test_killed_before_any_step_it_does_no_more_and_no_finally(loop: Clockwork) -> None:
    whole = Life(loop)
    lines = whole.run()
    assert lines[-2:] == ["the child's finally", "finally"]
    lengths = set()
    for step in range(1, whole.process.steps + 1):
        life = Life(loop)
        life.process.after(step, life.process.kill)
        left = life.run()
        assert left == lines[: len(left)]
        assert "finally" not in left
        lengths.add(len(left))
    assert lengths >= set(range(STEPS))


def test_a_kill_between_steps_is_as_good(loop: Clockwork) -> None:
    life = Life(loop)
    assert life.run((2.5, life.process.kill)) == [
        *("step 0", "child 0", "step 1", "child 1", "step 2", "child 2")
    ]
    assert not life.process.alive


def test_its_death_is_told_once_and_in_the_order_it_was_asked_for(loop: Clockwork) -> None:
    told: list[str] = []
    process = Process("one", Computer("pi"))
    process.at_death += [lambda: told.append("files"), lambda: told.append("ports")]
    process.kill()
    process.kill()
    assert told == ["files", "ports"]
    assert loop.time() == 0


def test_a_step_that_kills_its_own_process_is_its_last(loop: Clockwork) -> None:
    lines: list[str] = []
    process = Process("one", Computer("pi"))

    async def work() -> None:
        process.kill()
        lines.append("on the stack")
        try:
            await asyncio.sleep(0)
        finally:
            lines.append("finally")

    async def story() -> list[str]:
        loop.remembered.append(process.begin(work))
        await asyncio.sleep(5)
        return list(lines)

    assert loop.run_until_complete(story()) == ["on the stack"]


def test_nothing_that_the_world_brings_wakes_the_dead(loop: Clockwork) -> None:
    lines: list[object] = []
    process = Process("one", Computer("pi"))

    async def story() -> list[object]:
        news = loop.create_future()

        async def work() -> None:
            loop.call_later(1, lines.append, "a timer")
            lines.append(await news)

        loop.remembered.append(process.begin(work))
        await asyncio.sleep(0.5)
        process.kill()
        news.set_result("news")
        await asyncio.sleep(5)
        return list(lines)

    assert loop.run_until_complete(story()) == []


def test_one_dies_and_the_others_live(loop: Clockwork) -> None:
    one, other = Life(loop), Life(loop)

    async def story() -> None:
        loop.remembered.append(one.process.begin(one.work))
        end = other.process.begin(other.work)
        loop.call_later(1.5, one.process.kill)
        await end
        assert len(one.lines) == 4

    loop.run_until_complete(story())
    assert other.lines[-1] == "finally"


def test_who_stands_does_nothing_and_then_all_of_it_in_order(loop: Clockwork) -> None:
    life = Life(loop)
    seen: list[list[str]] = []
    lines = life.run(
        (1.5, life.process.stand),
        (50, lambda: seen.append(list(life.lines))),
        (60, life.process.go_on),
    )
    assert seen == [["step 0", "child 0", "step 1", "child 1"]]
    assert lines == Life(loop).run()


def test_what_was_due_while_it_stood_comes_in_order_and_before_what_is_due_now(
    loop: Clockwork,
) -> None:
    came: list[str] = []
    process = Process("one", Computer("pi"))

    async def work() -> None:
        for when in ("7", "3", "5"):
            loop.call_at(float(when), came.append, when)
        loop.call_at(4, came.append, "cancelled").cancel()
        late = loop.call_at(6, came.append, "cancelled by another process")
        loop.by_the_world(8, late.cancel)
        loop.call_at(30, came.append, "30, as it goes on")
        loop.call_at(31, came.append, "31")

    async def story() -> None:
        loop.call_at(2, process.stand)
        loop.call_at(30, process.go_on)
        await process.begin(work)
        await asyncio.sleep(40)

    loop.run_until_complete(story())
    assert came == ["3", "5", "7", "30, as it goes on", "31"]


def test_who_is_killed_while_standing_does_nothing_when_it_is_told_to_go_on(
    loop: Clockwork,
) -> None:
    life = Life(loop)
    lines = life.run((1.5, life.process.stand), (5, life.process.kill), (6, life.process.go_on))
    assert lines == ["step 0", "child 0", "step 1", "child 1"]


def test_a_fuse_counts_from_now_burns_once_and_can_be_anything(loop: Clockwork) -> None:
    life = Life(loop)
    burnt: list[float] = []

    def lay() -> None:
        life.process.after(3, lambda: burnt.append(loop.time()))

    lines = life.run((2.5, lay))
    assert burnt == [3]
    assert lines == Life(loop).run()


def test_a_commit_can_be_the_last_or_the_last_for_a_while() -> None:
    process = Process("serve", Computer("cloud"))
    told: list[str] = []

    def commit() -> None:
        if process.may_commit():
            told.append("committed")
            process.committed()

    process.behind_commit(2, lambda: told.append("behind"))
    process.before_commit(4, process.kill)
    for _ in range(6):
        commit()
    assert told == ["committed", "committed", "behind", "committed"]


def test_the_last_fuse_is_the_one_that_counts(loop: Clockwork) -> None:
    life = Life(loop)
    life.process.after(3, life.process.kill)
    life.process.after(STEPS * 10, life.process.kill)
    assert life.run()[-1] == "finally"


def test_each_boot_of_a_computer_has_a_name_and_a_beginning() -> None:
    computer, other = Computer("pi"), Computer("cloud")
    boots = [computer.boot_id, other.boot_id]
    for now in (10.0, 20.0):
        computer.reboot(now)
        boots.append(computer.boot_id)
        assert computer.booted_at == now
    assert len(set(boots)) == 4

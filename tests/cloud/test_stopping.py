"""Work that was told to stop ends, in a process of its own: gladly, or by force."""

import signal
import subprocess
import sys

import pytest
from parts import ROOT

from cloud.stopping import SIGNALS

WORKS = """\
import asyncio, sys, time
from cloud.stopping import run

async def gladly():
    try:
        print("at work", flush=True)
        await asyncio.sleep(3600)
    finally:
        print("tidied up", flush=True)

async def never():
    print("at work", flush=True)
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            print("no", flush=True)

async def in_a_thread():
    print("at work", flush=True)
    await asyncio.to_thread(time.sleep, 3600)

async def done():
    return 7

sys.exit(run({work}(), by_force={by_force}))
"""


def at_work(work: str, *, by_force: bool = True) -> subprocess.Popen[str]:
    program = WORKS.replace("{work}", work).replace("{by_force}", str(by_force))
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    return process


@pytest.mark.parametrize("number", SIGNALS)
def test_work_that_was_told_to_stop_tidies_up_and_that_is_no_fault(number: signal.Signals) -> None:
    with at_work("gladly") as process:
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("tidied up\n", "")
    assert process.returncode == 0


@pytest.mark.parametrize(("work", "said"), [("never", "no\n"), ("in_a_thread", "")])
def test_work_that_does_not_end_is_left(work: str, said: str) -> None:
    with at_work(work) as process:
        process.terminate()
        left = "chekomat-cloud: did not end in 4 s; left as it was\n"
        try:
            assert process.communicate(timeout=30) == (said, left)
        finally:
            process.kill()
    assert process.returncode == 0


def test_work_that_has_more_to_end_than_itself_is_never_left() -> None:
    with at_work("never", by_force=False) as process:
        assert process.stdout is not None
        for _ in range(2):  # told again, it hears again
            process.terminate()
            assert process.stdout.readline() == "no\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()


def test_work_that_ends_by_itself_has_its_own_exit_status() -> None:
    program = WORKS.replace("{work}", "done").replace("{by_force}", "True")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=30, check=False)
    assert done.returncode == 7

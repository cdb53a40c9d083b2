import asyncio

from cloud.bell import Bell


async def test_a_ring_between_listening_and_waiting_is_not_missed() -> None:
    bell = Bell()
    heard = bell.listen()
    bell.ring()
    async with asyncio.timeout(10):
        await bell.wait(heard, 3600)


async def test_everybody_who_waits_is_woken() -> None:
    bell = Bell()
    waiting = [asyncio.ensure_future(bell.wait(bell.listen(), 3600)) for _ in range(3)]
    await asyncio.sleep(0)
    bell.ring()
    async with asyncio.timeout(10):
        await asyncio.gather(*waiting)


async def test_a_ring_of_the_past_wakes_nobody() -> None:
    bell = Bell()
    bell.ring()
    heard = bell.listen()
    waiting = asyncio.ensure_future(bell.wait(heard, 3600))
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.ring()
    async with asyncio.timeout(10):
        await waiting


async def test_silence_ends_the_wait_too() -> None:
    bell = Bell()
    async with asyncio.timeout(10):
        await bell.wait(bell.listen(), 0.01)

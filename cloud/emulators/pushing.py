"""Pushes of an emulator: what a provider sends by itself, on good days and on bad ones."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import web

from cloud.emulators.faults import Fault

log = logging.getLogger(__name__)

REPEATS_S: Final = (1, 2, 5, 10, 30, 60, 300)
LATE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Push:
    """One push: where to, the bytes, the headers. `heard` tells from the answer that it arrived."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    heard: Callable[[int, str], bool] = lambda status, _: status == web.HTTPOk.status_code


async def push(
    http: aiohttp.ClientSession, good: Push | None, spoiled: Push | None, fault: Fault | None
) -> None:
    """Push until it is heard, in the way the fault says; `spoiled` is signed wrongly."""
    if good is None or fault is Fault.NO_CALLBACK:
        return
    if fault is Fault.BAD_SIGNATURE:
        if spoiled is not None:
            await _once(http, spoiled)
        return
    if fault is Fault.CALLBACK_LATE:
        await asyncio.sleep(LATE_S)
    for repeat_s in (0, *REPEATS_S):
        await asyncio.sleep(repeat_s)
        if await _once(http, good):
            break
    if fault is Fault.CALLBACK_TWICE:
        await _once(http, good)


async def _once(http: aiohttp.ClientSession, told: Push) -> bool:
    try:
        async with http.post(told.url, data=told.body, headers=told.headers) as response:
            return told.heard(response.status, await response.text())
    except (aiohttp.ClientError, TimeoutError) as error:
        log.info("the push was not taken: %s", error)
        return False

"""Anchors: both clocks at one instant when the time of day was known. Pure.

A Raspberry Pi without a network does not know the time of day, but it knows how long it has been
on. One anchor is enough to date everything of its boot, before it and after. A sale of a boot
that never had one lies between the last anchor before it and the first after.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from edge.clock import Moment, iso, unix_ms
from edge.wire import Sale

JUMP_MS: Final = 2_000
"""More than a clock drifts between two anchors: it was set."""
CLOUD_MS: Final = 10_000
"""The cloud's time comes over a network; it is no reason to move by less."""
OFTEN_MS: Final = 3_600_000
"""The last anchor before a power cut is at most so old."""
SANE_MS: Final = 1_735_689_600_000
"""2025-01-01: whoever says that it is earlier does not know the time."""
LAST_MS: Final = 7_258_118_400_000
"""2200-01-01: nor whoever says that it is later; no calendar goes on for ever."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """At `boottime_ms` of this boot it was `unix_ms`. `after`: the place of the last sale before."""

    boot_id: str
    boottime_ms: Annotated[int, Meta(ge=0)]
    unix_ms: Annotated[int, Meta(ge=SANE_MS, le=LAST_MS)]
    source: Literal["kernel", "cloud"]
    after: int = 0


def from_kernel(moment: Moment, anchors: Sequence[Anchor]) -> Anchor | None:
    """A new anchor where the clock is right: the boot's first, after a jump, or an hour later."""
    if moment.quality != "synced" or not SANE_MS <= moment.unix_ms <= LAST_MS:
        return None
    mine = [each for each in anchors if each.boot_id == moment.boot_id and each.source == "kernel"]
    if mine:
        last = mine[-1]
        since = moment.boottime_ms - last.boottime_ms
        jumped = abs(last.unix_ms + since - moment.unix_ms) > JUMP_MS
        if not jumped and since < OFTEN_MS:
            return None
    return _anchor(moment, moment.unix_ms, "kernel")


def from_cloud(time: str, moment: Moment, anchors: Sequence[Anchor]) -> Anchor | None:
    """A new anchor from what the cloud says the time is, where the machine does not know better."""
    told = unix_ms(time)
    if moment.quality == "synced" or told is None or not SANE_MS <= told <= LAST_MS:
        return None
    known = time_at(moment.boot_id, moment.boottime_ms, anchors)
    if known is not None and abs(known - told) < CLOUD_MS:
        return None
    return _anchor(moment, told, "cloud")


def time_at(boot_id: str, boottime_ms: int, anchors: Sequence[Anchor]) -> int | None:
    """Unix milliseconds at an instant of a boot, by its nearest anchor; the kernel's before a cloud's."""
    mine = [each for each in anchors if each.boot_id == boot_id]
    mine = [each for each in mine if each.source == "kernel"] or mine
    if not mine:
        return None
    nearest = min(reversed(mine), key=lambda each: abs(each.boottime_ms - boottime_ms))
    return nearest.unix_ms + boottime_ms - nearest.boottime_ms


def corrected(moment: Moment, anchors: Sequence[Anchor]) -> Moment:
    """The same instant with the time of day that the boot's anchors tell, if the clock is wrong."""
    known = time_at(moment.boot_id, moment.boottime_ms, anchors)
    if moment.quality == "synced" or known is None:
        return moment
    return replace(moment, unix_ms=known, quality="corrected")


def retimed(sale: Sale, place: int, anchors: Sequence[Anchor]) -> Sale:
    """How a sale that was made under a wrong clock is told, by what is known now."""
    known = time_at(sale.boot_id, sale.boottime_ms, anchors)
    if known is not None:
        return msgspec.structs.replace(
            sale, sold_at=iso(known), clock="corrected", wall=sale.sold_at
        )
    after = next((each.unix_ms for each in reversed(anchors) if each.after < place), None)
    before = next((each.unix_ms for each in anchors if each.after >= place), None)
    if after is not None and before is not None and after > before:
        after = before = None  # one of them is wrong, and nobody knows which
    at = said = unix_ms(sale.sold_at) or 0
    if before is not None:
        at = min(at, before)
    if after is not None:
        at = max(at, after)
    return msgspec.structs.replace(
        sale,
        sold_at=iso(at),
        clock="unsynced" if after is None or before is None else "bounded",
        wall=sale.sold_at if at != said else None,
        sold_after=None if after is None else iso(after),
        sold_before=None if before is None else iso(before),
    )


def _anchor(moment: Moment, told: int, source: Literal["kernel", "cloud"]) -> Anchor:
    return Anchor(
        boot_id=moment.boot_id, boottime_ms=moment.boottime_ms, unix_ms=told, source=source
    )

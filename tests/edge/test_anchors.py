"""Anchors against clocks that jump: what is told of a time is right, or says how wrong it may be."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specimens import sale

from edge.anchors import (
    CLOUD_MS,
    JUMP_MS,
    LAST_MS,
    OFTEN_MS,
    SANE_MS,
    Anchor,
    corrected,
    from_cloud,
    from_kernel,
    retimed,
    time_at,
    unix_ms,
)
from edge.clock import Moment, iso
from edge.wire import Sale, decode, encode

NOW = 1_795_448_530_512
FAR = 10 * 365 * 86_400_000


def anchor(boot: str, at: int, unix: int, after: int = 0, source: str = "kernel") -> Anchor:
    return Anchor(boot_id=boot, boottime_ms=at, unix_ms=unix, after=after, source=source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("moment", "anchors", "made"),
    [
        (Moment(NOW, 5000, "a", "synced"), [], True),
        (Moment(NOW, 5000, "a", "unsynced"), [], False),
        (Moment(SANE_MS - 1, 5000, "a", "synced"), [], False),
        (Moment(LAST_MS + 1, 5000, "a", "synced"), [], False),
        (Moment(NOW, 5000, "a", "synced"), [anchor("a", 4000, NOW - 1000)], False),
        (Moment(NOW, 5000, "a", "synced"), [anchor("a", 4000, NOW - 1000 - JUMP_MS)], False),
        (Moment(NOW, 5000, "a", "synced"), [anchor("a", 4000, NOW - 1001 - JUMP_MS)], True),
        (Moment(NOW, 5000, "a", "synced"), [anchor("a", 4000, NOW - FAR)], True),
        (Moment(NOW, 5000, "a", "synced"), [anchor("b", 4000, NOW - 1000)], True),
        (Moment(NOW, 5000, "a", "synced"), [anchor("a", 4000, NOW, source="cloud")], True),
        (Moment(NOW + OFTEN_MS, OFTEN_MS, "a", "synced"), [anchor("a", 0, NOW)], True),
        (Moment(NOW + OFTEN_MS - 1, OFTEN_MS - 1, "a", "synced"), [anchor("a", 0, NOW)], False),
    ],
)
def test_the_kernel_s_time_is_an_anchor_at_first_after_a_jump_and_each_hour(
    moment: Moment, anchors: list[Anchor], *, made: bool
) -> None:
    told = from_kernel(moment, anchors)
    assert (told is not None) is made
    if told is not None:
        assert (told.boot_id, told.boottime_ms, told.unix_ms) == (
            *(moment.boot_id, moment.boottime_ms, moment.unix_ms),
        )


UNSYNCED = Moment(5, 5000, "a", "unsynced")


@pytest.mark.parametrize(
    ("time", "moment", "anchors", "made"),
    [
        (iso(NOW), UNSYNCED, [], True),
        (iso(NOW), replace(UNSYNCED, quality="synced"), [], False),
        ("", UNSYNCED, [], False),
        ("2026-11-23T15:42:10", UNSYNCED, [], False),
        ("0001-01-01T00:00:00+23:59", UNSYNCED, [], False),
        ("9999-12-31T23:59:59.999Z", UNSYNCED, [], False),
        (iso(SANE_MS - 1), UNSYNCED, [], False),
        (iso(NOW), UNSYNCED, [anchor("a", 5000, NOW + CLOUD_MS - 1)], False),
        (iso(NOW), UNSYNCED, [anchor("a", 5000, NOW + CLOUD_MS)], True),
        (iso(NOW), UNSYNCED, [anchor("b", 5000, NOW)], True),
    ],
)
def test_the_cloud_s_time_is_an_anchor_where_the_machine_does_not_know_better(
    time: str, moment: Moment, anchors: list[Anchor], *, made: bool
) -> None:
    assert (from_cloud(time, moment, anchors) is not None) is made


def test_the_kernel_s_word_goes_before_a_nearer_one_of_the_cloud() -> None:
    anchors = [anchor("a", 1000, NOW), anchor("a", 9000, NOW + 99_000, source="cloud")]
    assert time_at("a", 9000, anchors) == NOW + 8000
    assert time_at("a", 9000, anchors[1:]) == NOW + 99_000
    assert time_at("b", 9000, anchors) is None


@pytest.mark.parametrize(
    ("time", "ms"),
    [
        ("2026-11-23T15:42:10.512Z", NOW),
        ("2026-11-23T18:42:10.512+03:00", NOW),
        ("no time", None),
        ("2026-11-23", None),
    ],
)
def test_a_time_of_day_is_read_with_its_zone_or_not_at_all(time: str, ms: int | None) -> None:
    assert unix_ms(time) == ms


def made(moment: Moment) -> Sale:
    return sale(
        sold_at=moment.iso,
        clock=moment.quality,
        boot_id=moment.boot_id,
        boottime_ms=moment.boottime_ms,
    )


@pytest.mark.parametrize(
    ("anchors", "clock", "bounds", "at"),
    [
        ([], "unsynced", (None, None), 5),
        ([anchor("b", 0, NOW, after=4)], "unsynced", (NOW, None), NOW),
        ([anchor("b", 0, NOW, after=5)], "unsynced", (None, NOW), 5),
        (  # the nearest count: one that was wrong long ago does not spoil what is known since
            [
                *(anchor("b", 0, NOW + FAR, after=1), anchor("c", 0, NOW, after=4)),
                *(anchor("d", 0, NOW + 9, after=5), anchor("e", 0, NOW - FAR, after=6)),
            ],
            *("bounded", (NOW, NOW + 9), NOW),
        ),
        (
            [anchor("b", 0, NOW, after=4), anchor("c", 0, NOW + 9, after=5)],
            *("bounded", (NOW, NOW + 9), NOW),
        ),
        (
            [anchor("b", 0, NOW, after=4), anchor("c", 0, NOW - 9, after=5)],
            *("unsynced", (None, None), 5),
        ),
        ([anchor("a", 0, NOW, after=9)], "corrected", (None, None), NOW + 5000),
    ],
)
def test_a_sale_without_a_time_gets_what_can_be_known_of_it(
    anchors: list[Anchor], clock: str, bounds: tuple[int | None, int | None], at: int
) -> None:
    told = retimed(made(UNSYNCED), 5, anchors)
    assert (told.clock, told.sold_at) == (clock, iso(at))
    assert (told.sold_after, told.sold_before) == tuple(each and iso(each) for each in bounds)
    assert told.wall == (None if at == 5 else iso(5))
    assert (told.boot_id, told.boottime_ms) == ("a", 5000)
    assert decode(encode(told), Sale) == told


# A life: boots, sales and clocks, beside the true time. --------------------------------------------

BOOTS = st.lists(
    st.tuples(
        st.integers(1, 10**8),  # how long it was off before, ms
        st.sampled_from([0, -FAR, 86_400_000, -86_400_000, 3]),  # how wrong its clock is
        st.lists(
            st.tuples(
                st.integers(0, 10**6),
                st.sampled_from(["sale", "sale", "sync", "cloud", "lose"]),
                st.integers(0, 900),  # how late the cloud's word comes, ms
            ),
            max_size=8,
        ),
    ),
    min_size=1,
    max_size=5,
)


@given(BOOTS)
def test_what_is_told_of_a_time_is_true(
    boots: list[tuple[int, int, list[tuple[int, str, int]]]],
) -> None:
    true, place = NOW, 0
    anchors = list[Anchor]()
    sales = list[tuple[int, int, Sale]]()
    for number, (off, wrong, story) in enumerate(boots):
        true += off
        boot, start, synced = str(number), true, False
        for wait, what, late in story:
            true += wait
            synced = (synced or what == "sync") and what != "lose"
            raw = Moment(
                true if synced else max(0, true + wrong),
                *(true - start, boot, "synced" if synced else "unsynced"),
            )
            new = from_kernel(raw, anchors)
            if what == "cloud":
                new = new or from_cloud(iso(true - late), raw, anchors)
            if new is not None:
                anchors.append(Anchor(**{**_fields(new), "after": place}))
            moment = corrected(raw, anchors)
            assert (moment.boottime_ms, moment.boot_id) == (raw.boottime_ms, raw.boot_id)
            if moment.quality != "unsynced":
                assert abs(moment.unix_ms - true) <= 2000
            if what == "sale":
                place += 1
                sales.append((true, place, made(moment)))
    known = {each.boot_id for each in anchors}
    for true_ms, at, each in sales:
        if each.clock == "unsynced":
            expect_true(each, retimed(each, at, anchors), true_ms, exact=each.boot_id in known)


def expect_true(raw: Sale, told: Sale, true_ms: int, *, exact: bool) -> None:
    """What was recorded is not touched; what is told is right, or an interval that is."""
    assert (told.boot_id, told.boottime_ms, told.sale_id) == (
        *(raw.boot_id, raw.boottime_ms, raw.sale_id),
    )
    said = unix_ms(told.sold_at)
    assert said is not None
    assert told.wall == (None if not exact and told.sold_at == raw.sold_at else raw.sold_at)
    if exact:
        assert told.clock == "corrected"
        assert abs(said - true_ms) <= 2000
        return
    assert told.clock in {"bounded", "unsynced"}
    if told.sold_after is not None:
        assert (unix_ms(told.sold_after) or 0) <= true_ms
    if told.sold_before is not None:
        assert true_ms <= (unix_ms(told.sold_before) or 0) + 2000


def _fields(of: Anchor) -> dict[str, object]:
    return {name: getattr(of, name) for name in of.__struct_fields__}

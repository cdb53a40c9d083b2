"""No sale is made of noise: whatever is said on a bus, and whatever its clock does meanwhile."""

import tracemalloc
from collections.abc import Iterator

import pytest
from hostile.bus import speech
from hostile.bus.ears import judged
from hypothesis import given, settings
from hypothesis import strategies as st

from mdb.byte import Break, BusByte, Line, Signal
from mdb.sniffer import Sniffer

times = st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 100)
signals = st.lists(
    st.one_of(
        st.builds(Break, times),
        st.builds(
            BusByte,
            st.integers(0, 255) | st.sampled_from([0x10, 0x13, 0x14, 0x60, 0x63, 2, 5, 0, 0xFF]),
            st.booleans(),
            st.sampled_from(Line),
            times,
        ),
    ),
    max_size=120,
)


@st.composite
def spoilt(draw: st.DrawFn) -> list[Signal]:
    """A trace in which bytes, mode bits, lines and times are others, gone, twice or elsewhere."""
    told = list(speech.signals_of(draw(st.sampled_from(speech.SEEDS))))
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(told) - 1))
        each = told[place]
        match draw(st.sampled_from(("value", "mode", "line", "time", "gone", "twice", "other"))):
            case "value" if isinstance(each, BusByte):
                told[place] = each._replace(value=draw(st.integers(0, 255)))
            case "mode" if isinstance(each, BusByte):
                told[place] = each._replace(mode=not each.mode)
            case "line" if isinstance(each, BusByte):
                told[place] = each._replace(line=draw(st.sampled_from(Line)))
            case "time":
                told[place] = each._replace(at=draw(times))
            case "gone" if len(told) > 1:
                del told[place]
            case "twice":
                told[place:place] = told[place : place + draw(st.integers(1, 40))]
            case _:
                told[place:place] = draw(signals)[:5]
    return told


@settings(max_examples=150, deadline=None)
@given(said=signals, vmc_only=st.booleans())
def test_noise_raises_nothing_and_sells_nothing(said: list[Signal], *, vmc_only: bool) -> None:
    judged(said, vmc_only=vmc_only)


@settings(max_examples=150, deadline=None)
@given(said=spoilt(), vmc_only=st.booleans())
def test_a_spoilt_conversation_has_no_more_sales_than_words_for_them(
    said: list[Signal], *, vmc_only: bool
) -> None:
    judged(said, vmc_only=vmc_only)


@settings(max_examples=200, deadline=None)
@given(told=st.binary(max_size=400))
def test_any_words_with_right_checksums_have_no_more_sales_than_there_are_words_for(
    told: bytes,
) -> None:
    judged(speech.signals_of(told))


@pytest.mark.parametrize("trace", speech.TRACES, ids=lambda each: each.stem)
def test_a_clock_that_stands_still_or_is_no_number_makes_no_sale(trace: object) -> None:
    seed = speech.SEEDS[speech.TRACES.index(trace)]  # type: ignore[arg-type]
    for at in (0.0, float("nan"), float("inf"), float("-inf"), -1.0, 1e300):
        judged([each._replace(at=at) for each in speech.signals_of(seed)])


def endless() -> Iterator[Signal]:
    """Noise of each kind that a listener might keep: for ever open blocks, files, sessions, sums."""
    lives = [list(speech.signals_of(each)) for each in speech.SEEDS]
    for number in range(120):
        for line in Line:
            yield from (BusByte(0x55, mode=False, line=line, at=number) for _ in range(100))
        yield from lives[number % len(lives)][: 7 * number]


def test_an_hour_of_noise_is_not_kept() -> None:
    sniffer = Sniffer()
    for signal in endless():  # what is remembered of readings is there by now
        sniffer.listen(signal)
    tracemalloc.start()
    try:
        for _ in range(2):
            for signal in endless():
                sniffer.listen(signal)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 300_000

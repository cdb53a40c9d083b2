"""What a peripheral told once: kept, saved as JSON and given back."""

from collections.abc import Callable

import msgspec
import pytest
from dialogue import ask
from hypothesis import given
from hypothesis import strategies as st

from mdb import Event, Sale, Sniffer, read_trace
from mdb.context import TOKEN, UNHEARD, Context
from mdb.event import CashMovement
from mdb.scaling import Scaling

Hear = Callable[..., list[Event]]
RUB = Scaling(10, 2, "RUB", "1643")

texts = st.none() | st.text("0123456789abcdef", min_size=4, max_size=4)
scalings = st.builds(
    Scaling,
    st.integers(0, 65535),
    st.integers(0, 255),
    st.sampled_from([None, "RUB", "EUR"]),
    texts,
)
small = st.none() | st.integers(0, 255)
contexts = st.builds(
    Context,
    vmc_level=small,
    reader_level=small,
    scaling=st.none() | scalings,
    display=st.none() | st.integers(0, 65025),
    features=small,
    options=st.integers(0, 0xFFFFFFFF),
    expanded=st.sampled_from([None, False, True]),
    credits=st.lists(st.integers(0, 255), max_size=16).map(tuple),
)


@given(contexts)
def test_saved_as_json_and_given_back_it_is_the_same(context: Context) -> None:
    assert msgspec.json.decode(msgspec.json.encode(context), type=Context) == context


@pytest.mark.parametrize(
    ("saved", "context"),
    [
        (
            b"""{"vmc_level":3,"reader_level":1,
            "scaling":{"scale":10,"decimals":2,"currency":"RUB"},"display":16}""",
            Context(3, 1, Scaling(10, 2, "RUB"), 16),
        ),
        (b'{"vmc_level":null,"reader_level":null,"scaling":null,"display":null}', UNHEARD),
        (b"{}", UNHEARD),
    ],
)
def test_what_an_older_version_saved_is_still_read(saved: bytes, context: Context) -> None:
    assert msgspec.json.decode(saved, type=Context) == context


def test_what_a_newer_version_adds_is_let_pass() -> None:
    saved = b'{"vmc_level":3,"something_new":[1]}'
    assert msgspec.json.decode(saved, type=Context) == Context(vmc_level=3)


@pytest.mark.parametrize(
    ("vmc", "reader", "level"), [(3, 1, 1), (1, 3, 1), (3, 3, 3), (None, 3, None), (3, None, None)]
)
def test_the_level_is_the_lower_of_both(
    vmc: int | None, reader: int | None, level: int | None
) -> None:
    assert Context(vmc, reader).level == level


@pytest.mark.parametrize(
    ("expanded", "units", "unknown"),
    [
        (None, 0xFFFF, True),
        (False, 0xFFFF, True),
        (True, 0xFFFF, False),
        (True, 0xFFFFFFFF, True),
        (False, 0xFFFE, False),
        (True, 0, False),
    ],
)
def test_all_ones_are_unknown_money(*, expanded: bool | None, units: int, unknown: bool) -> None:
    assert Context(expanded=expanded).unknown(units) is unknown


def test_a_reset_ends_the_options_and_nothing_else() -> None:
    context = Context(3, 3, RUB, 16, 9, 0x26, expanded=True, credits=(1, 2))
    after = context.after_reset()
    assert after == Context(3, 3, RUB, 16, 9, 0, expanded=False, credits=(1, 2))
    assert after.after_reset() is after
    assert UNHEARD.after_reset().expanded is False


@pytest.mark.parametrize(
    ("options", "longer"), [(0, False), (0x3F, False), (0x40, True), (0x400, True), (0x22, False)]
)
def test_mdb_4_3_is_told_by_its_options(options: int, *, longer: bool) -> None:
    assert Context(options=options).longer is longer


def test_a_type_is_worth_what_setup_told() -> None:
    context = Context(scaling=RUB, credits=(1, 5, TOKEN, 0))
    assert [context.worth(kind) for kind in range(5)] == [10, 50, 0, 0, None]
    assert context.worth(1, 3) == 150
    assert Context(credits=(1,)).worth(0) is None
    assert Context(scaling=RUB).worth(0) is None
    assert context.units(7) == 70
    assert UNHEARD.units(7) is None


def test_units_that_come_out_in_parts_are_not_known() -> None:
    assert Context(scaling=Scaling(1, 3, "RUB")).units(5) is None


READER = ask("11 00 03 10 01 01", "01 03 1643 0A 02 07 09") + ask("17 04 00000022")
CHANGER = ask("09", "02 1643 64 02 0017 01 02 05")
VALIDATOR = ask("31", "01 1643 0064 02 00C8 001F FF 01 05 0A")
HOPPER = ask("59", f"01 1643 64 02 05 0000 0000 01 02 {'00' * 14}")
GATEWAY = ask("19 03 0A 02", "01 03 0005")
SATELLITE = ask("41 03 000A 02 1E", "04 03 0541 000A 1E")
START = READER + CHANGER + VALIDATOR + HOPPER + GATEWAY + SATELLITE
WIDE_VEND = ask("13 00 0000FFFF 000A") + ask("12", "05 0000FFFF") + ask("13 02 000A")
COIN = ask("0B", "42 00")


def learned(story: str) -> dict[int, Context]:
    sniffer = Sniffer()
    lines = [each.strip() for each in story.splitlines() if each.strip()]
    for signal in read_trace(f"{at / 10} {each}" for at, each in enumerate(lines)):
        sniffer.feed(signal)
    sniffer.flush()
    saved = msgspec.json.encode(dict(sniffer.context))
    return msgspec.json.decode(saved, type=dict[int, Context])


def test_what_each_peripheral_told_is_learned() -> None:
    known = learned(START)
    assert known == {
        0x10: Context(3, 3, RUB, 16, 9, 0x22, expanded=True),
        0x08: Context(None, 2, Scaling(100, 2, "RUB", "1643"), credits=(1, 2, 5)),
        0x30: Context(None, 1, Scaling(100, 2, "RUB", "1643"), credits=(1, 5, 10)),
        0x58: Context(None, 1, Scaling(100, 2, "RUB", "1643"), credits=(1, 2, *[0] * 14)),
        0x18: Context(3, None, Scaling(10, 2, None)),
        0x40: Context(3, None, Scaling(10, 2, None)),
    }


def test_a_listener_that_starts_late_knows_the_money_from_the_context(hear: Hear) -> None:
    events = hear(WIDE_VEND + COIN, learned(START))
    (sale,) = [each for each in events if isinstance(each, Sale)]
    (cash,) = [each for each in events if isinstance(each, CashMovement)]
    assert (sale.kind.value, sale.amount, sale.currency) == ("paid", 655350, "RUB")
    assert (cash.amount, cash.currency) == (500, "RUB")


def test_without_the_context_the_amount_is_null_and_the_bus_s_numbers_are_kept(hear: Hear) -> None:
    events = hear(WIDE_VEND + COIN)
    (sale,) = [each for each in events if isinstance(each, Sale)]
    (cash,) = [each for each in events if isinstance(each, CashMovement)]
    assert (sale.amount, sale.currency, sale.raw["approved"]) == (None, None, 0xFFFF)
    assert (sale.raw["scale"], sale.raw["decimals"], sale.raw["currency"]) == (None, None, None)
    assert cash.amount is None


def test_a_context_saved_in_expanded_mode_is_no_trap_after_the_machine_was_restarted(
    hear: Hear,
) -> None:
    """The listener was off; the VMC reset the reader and did not agree on wide money again."""
    story = ask("13 00 0096 000A") + ask("12", "05 0096") + ask("13 02 000A")
    (sale,) = [each for each in hear(story, learned(START)) if isinstance(each, Sale)]
    assert (sale.amount, sale.raw["approved"]) == (1500, 150)

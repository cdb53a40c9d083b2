"""Calling: what was never sent, and numbers as providers write them."""

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import free_port

from cloud.calling import Line, kopecks, roubles
from cloud.fiscal import FiscalDocument, plausible
from cloud.outcome import Unsent


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://:80",
        "https:///api",
        "http://[::1",
        "http://cash..example",
        f"http://{'a' * 64}.example",
    ],
)
async def test_an_address_that_nobody_can_be_at_was_sent_nothing(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        line = Line(http, url, 5)
        for told in (await line.get("/status?token=secret"), await line.post("/receipt", b"{}")):
            assert isinstance(told, Unsent)
            assert told.reason.startswith("no such address can be called: ")
            assert "secret" not in told.reason


async def test_an_address_with_a_name_or_a_number_can_be_called() -> None:
    async with aiohttp.ClientSession() as http:
        for host in ("localhost", "127.0.0.1", "[::1]"):
            told = await Line(http, f"http://{host}:{free_port()}", 5).get("/")
            assert isinstance(told, Unsent)
            assert told.reason.startswith("no connection: ")


@given(st.integers(-(10**12), 10**12))
def test_kopecks_are_read_back_exactly(sum_: int) -> None:
    told = bytes(roubles(sum_)).decode()
    assert kopecks(told) == sum_
    if abs(sum_) < 10**12:
        assert kopecks(float(told)) == sum_


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (120, 12000),
        ("120", 12000),
        (" 120.1 ", 12010),
        ("120.1000", 12010),
        (-1.5, -150),
        # What a sum of floats is printed as.
        (0.1 + 0.2, 30),
        ("9007199254740.93", 900719925474093),
    ],
)
def test_plain_decimals_are_kopecks(told: object, read: int) -> None:
    assert kopecks(told) == read


@pytest.mark.parametrize(
    "told",
    [
        *("1e30", "1E2", 1e30, "1_000", "+1", ".5", "5.", "1,5", "٣", "nan", "inf", "", "1 0"),
        *(float("nan"), float("inf"), 10**400, True, None, [], "120.101", 120.101, 0.001),
        "0.0100000000000000000000001",
    ],
)
def test_what_is_no_plain_decimal_or_no_whole_kopeck_is_none(told: object) -> None:
    assert kopecks(told) is None


MOST = 2**32 - 1
ABSURD = [
    *({"fd": each} for each in (0, -1, MOST + 1, 10**19)),
    *({"fp": each} for each in (0, -1, MOST + 1)),
    *({"total": each} for each in (-1, 10**12 + 1)),
    *({"fn": each} for each in ("", "9" * 17, "9 1", "٣", "9\n")),
    *({"sign": each} for each in (0, 3)),
]


def a_document(**told: object) -> FiscalDocument:
    ordinary = {"fn": "9999078900000001", "fd": 1, "fp": 1, "at": "20261123T1542", "total": 0}
    return FiscalDocument(**{**ordinary, **told})  # type: ignore[arg-type]


@pytest.mark.parametrize("told", ABSURD)
def test_numbers_that_no_drive_has_make_no_document(told: dict[str, object]) -> None:
    assert not plausible(a_document(**told))


def test_the_least_and_the_most_numbers_make_a_document() -> None:
    assert plausible(a_document())
    assert plausible(a_document(fn="9" * 16, fd=MOST, fp=MOST, total=10**12, sign=2))

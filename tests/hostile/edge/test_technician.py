"""The technician's page and the agent's socket bear any bytes, and let nobody in by them."""

import pytest
from hostile.edge.technician import PAGE_SEEDS, SOCKET_SEEDS, page, unix_socket
from hypothesis import given, settings
from hypothesis import strategies as st

HEADS = (b"Content-Encoding: gzip", b"Content-Length: 12", b"Content-Length: -1", b"Expect: x")


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request with parts of others, and bytes changed."""
    told = draw(st.sampled_from(PAGE_SEEDS))
    for _ in range(draw(st.integers(0, 2))):
        told = told.replace(b"\r\n", b"\r\n" + draw(st.sampled_from(HEADS)) + b"\r\n", 1)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(told)))
        told = told[:place] + draw(st.binary(max_size=6)) + told[place + draw(st.integers(0, 3)) :]
    return told


@settings(max_examples=40, deadline=None)
@given(told=requests() | st.binary(max_size=200))
def test_no_request_is_our_fault_or_lets_anybody_in(told: bytes) -> None:
    page(told)


@pytest.mark.parametrize("seed", PAGE_SEEDS)
def test_no_request_that_is_known_for_trouble_makes_any(seed: bytes) -> None:
    page(seed)


@settings(max_examples=20, deadline=None)
@given(told=st.binary(max_size=300) | st.sampled_from(SOCKET_SEEDS))
def test_what_is_written_into_the_socket_changes_nothing(told: bytes) -> None:
    unix_socket(told)

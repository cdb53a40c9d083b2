"""An audit file from anywhere: read, or refused in one line, and no more of it is kept than it is."""

import pytest
from hostile.bus_targets import SEEDS, audit
from hypothesis import given, settings
from hypothesis import strategies as st

LINES = [line for seed in SEEDS["audit"] for line in seed.splitlines(keepends=True)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(LINES) | st.binary(max_size=30), max_size=30))
def test_segments_in_any_order_are_read_or_refused(lines: list[bytes]) -> None:
    audit(b"".join(lines))


@pytest.mark.parametrize(
    "told",
    [
        b"ST*1*1\nVA1*" + b"9" * 5000 + b"*" + b"9" * 12 + b"\n",
        b"ST*1*1\nID4*999999999999*1643\nVA1*1*1\n",
        b"ST*1*1\nID4*6*1643\nVA1*1*1\n",
        b"ST*1*1\nPA1*\x1b[2J*1*\x9b\xff\nPA2*1*1\n",
        b"ST*1*1\n" + b"*" * 999_999 + b"\n",
        b"ST*1*1\nPA1*" + b"A" * 999_999 + b"\nPA2*1*1\n",
        b"ST*1*1\n" + b"".join(b"PA7*%d*%d*0*0*1*1\n" % (n, n) for n in range(10_000)),
        b"ST*1*1\nPA1*1\n" + b"".join(b"PA7*1*%d*0*0*1*1\n" % n for n in range(10_000)),
    ],
    ids=["digits", "decimals", "cents", "escapes", "stars", "a name", "products", "devices"],
)
def test_what_no_machine_says_does_no_harm(told: bytes) -> None:
    audit(told)

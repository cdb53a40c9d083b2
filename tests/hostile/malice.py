"""What somebody hostile may write: texts, numbers, JSON, and honest messages that were tampered with."""

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

TEXTS = (
    "",
    "\0",
    "a\0b",
    "\x1b[2J\x07",
    "\r\nX-Injected: 1",
    "\u202e\u2066gnp.exe",
    "\ufeff\u200b\u2028",
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "{{ 7*7 }}{% raw %}",
    "'; DROP TABLE sale; --",
    "=cmd|'/c calc'!A1",
    "%00%ff%c0%af",
    "../../../../etc/passwd",
    "\U0010ffff",
    "e\u0301" * 200,
    "Z" * 257,
    "я" * 1500,
    "NaN",
    "-0",
    "1e400",
    "٣",
    "None",
)
NUMBERS = (
    *(0, -1, 1, 2**31 - 1, 2**31, 2**32, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1),
    *(10**12, 10**12 + 1, 10**30, -(10**30), 10**400),
)
SURROGATE = r'"\ud800"'
"""Half a character: JSON can write it, UTF-8 cannot."""
RAW = (
    *(b"", b"\0", b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbb\xbf{}", b"null", b"[]"),
    *(b'"\\ud800"', b"{", b"{}", b"1e999", b"-", b"NaN", b"9" * 5000, b"true", b'{"a":1}garbage'),
    *(b"[" * 30_000, b'{"a":' * 10_000, b'{"x":' + b"[" * 2000 + b"]" * 2000 + b"}"),
    *(b" " * 70_000, b"<html><body>502</body></html>", b"\x1f\x8b\x08\0broken"),
)
"""Bytes that are no message of anybody's."""

texts = st.sampled_from(TEXTS) | st.text(max_size=40)
numbers = st.sampled_from(NUMBERS) | st.integers()
scalars = st.none() | st.booleans() | numbers | texts | st.floats()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
garbage = st.sampled_from(RAW) | st.binary(max_size=60)


def written(told: object) -> bytes:
    """As JSON; what is no text in UTF-8 is told by escapes, and NaN as Python has it."""
    return json.dumps(told).encode()


@st.composite
def tampered(draw: st.DrawFn, honest: Mapping[str, Any]) -> bytes:
    """An honest object with some fields of another kind, left out, twice or more; or cut off."""
    told = dict(honest)
    for name in draw(st.sets(st.sampled_from(sorted(told)), max_size=3)):
        match draw(st.sampled_from(("value", "value", "gone", "like"))):
            case "gone":
                del told[name]
            case "like" if isinstance(told[name], int):
                told[name] = draw(numbers)
            case "like":
                told[name] = draw(texts)
            case _:
                told[name] = draw(values)
    told.update(draw(st.dictionaries(texts, values, max_size=2)))
    raw = written(told)
    match draw(st.sampled_from(("whole",) * 6 + ("cut", "twice", "bytes", "spaces", "deep"))):
        case "cut":
            return raw[: draw(st.integers(0, len(raw)))]
        case "twice" if told:
            name = draw(st.sampled_from(sorted(told)))
            again = written({name: draw(values)})
            return raw[:-1] + b"," + again[1:]
        case "bytes":
            place = draw(st.integers(0, len(raw)))
            return raw[:place] + draw(st.binary(min_size=1, max_size=4)) + raw[place:]
        case "spaces":
            return raw + b" " * 70_000
        case "deep":
            return raw[:-1] + b',"deep":' + b"[" * 5000 + b"]" * 5000 + b"}"
    return raw

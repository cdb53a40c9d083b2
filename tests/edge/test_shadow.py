"""Wishes of the cloud: applied as a whole, or refused as a whole, in words."""

import json
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Config, Receipts
from edge.shadow import Applied, Refused, apply
from edge.wire import Desired, Reported, encode

LINK = "https://chek.example/r/"
FILE = Config(
    machine="vm-000123",
    tap="virtual:0001=12000",
    receipts=Receipts(link=LINK, patience_s=20),
    products={"0001": "Эспрессо", "0002": "Чай"},
)


def wish(version: int = 7, **told: object) -> bytes:
    return encode(Desired(version=version, **told))  # type: ignore[arg-type]


def applied(desired: bytes, in_force: bytes = b"") -> Applied:
    outcome = apply(FILE, desired, in_force)
    assert isinstance(outcome, Applied), outcome
    return outcome


def refused(desired: bytes, in_force: bytes = b"") -> Refused:
    outcome = apply(FILE, desired, in_force)
    assert isinstance(outcome, Refused), outcome
    return outcome


def test_a_wish_goes_over_the_file_and_what_it_does_not_name_stays() -> None:
    desired = wish(receipts={"show_s": 90, "qr": "fiscal"}, products={"0002": "Чай чёрный"})
    outcome = applied(desired)
    assert outcome.config == msgspec.structs.replace(
        FILE,
        receipts=Receipts(link=LINK, patience_s=20, show_s=90, qr="fiscal"),
        products={"0001": "Эспрессо", "0002": "Чай чёрный"},
    )
    assert (outcome.version, outcome.wish) == (7, desired)
    digest = sha256(desired).hexdigest()
    assert outcome.reported == Reported(version=7, error=None, wish=digest)


def test_a_wish_of_nothing_is_in_force_and_changes_nothing() -> None:
    outcome = applied(wish())
    assert (outcome.config, outcome.version) == (FILE, 7)


def test_a_wish_that_is_withdrawn_leaves_the_file_alone() -> None:
    outcome = applied(b"", wish(receipts={"show_s": 90}))
    assert outcome == Applied(FILE, None, b"")
    assert outcome.reported == Reported(version=None, error=None, wish=None)


def test_the_wish_in_force_comes_again_and_changes_nothing() -> None:
    desired = wish(receipts={"show_s": 90})
    assert applied(desired, desired) == applied(desired)


@pytest.mark.parametrize("version", [0, 6, 8, 2**53])
def test_another_version_is_applied_whether_greater_or_less(version: int) -> None:
    in_force = wish(7, receipts={"show_s": 90, "late_s": 0})
    outcome = applied(wish(version, receipts={"show_s": 50}), in_force)
    assert (outcome.version, outcome.config.receipts.show_s) == (version, 50)
    # It goes over the file, and not over the wish before it.
    assert outcome.config.receipts.late_s == FILE.receipts.late_s


def test_two_wishes_of_one_version_are_not_taken_for_each_other() -> None:
    outcome = refused(wish(7, receipts={"show_s": 50}), wish(7, receipts={"show_s": 90}))
    assert outcome.version == 7
    assert outcome.error == (
        "config/desired: version: 7 is in force, and says other things; give a new one"
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"receipts": {"show_s": 39.9}}, "receipts.show_s: expected at least 40, found 39.9"),
        ({"receipts": {"show_s": "long"}}, "receipts.show_s: Expected `float`, found 'long'"),
        ({"receipts": {"show_s": 1e6}}, "receipts.show_s: Expected `float` <= 86400"),
        ({"receipts": {"show_s": None}}, "receipts.show_s: Expected `float`, found None"),
        ({"receipts": {"colour": "red"}}, "receipts: there is no key `colour`"),
        ({"receipts": {"link": None}}, "receipts.link: missing"),
        ({"receipts": {"link": "chek.example"}}, "receipts.link: Expected `str` matching regex"),
        ({"products": {"1": "Чай"}}, "products"),
        ({"products": {"0001": 1}}, "Expected `str`"),
    ],
)
def test_a_wish_with_one_mistake_is_refused_as_a_whole_by_key(
    told: dict[str, dict[str, object]], words: str
) -> None:
    good: dict[str, dict[str, object]] = {
        "receipts": {"patience_s": 5},
        "products": {"0009": "Сок"},
    }
    whole = {table: {**good[table], **told.get(table, {})} for table in good}
    outcome = refused(wish(8, **whole), wish(7))
    assert outcome.version == 8
    assert outcome.error.startswith("config/desired: ")
    assert words in outcome.error
    digest = sha256(outcome.wish).hexdigest()
    assert outcome.reported(7) == Reported(version=7, error=outcome.error, wish=digest)


@pytest.mark.parametrize(
    ("desired", "words"),
    [
        (b"{", "truncated"),
        (b"\xff", "utf-8"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field `version`"),
        (b'{"version":-1}', "$.version"),
        (b'{"version":8,"tap":"virtual:"}', "unknown field `tap`"),
        (b'{"version":8,"receipts":7}', "$.receipts"),
        (json.dumps({"version": 8, "receipts": {"x" * 300: 1}}).encode(), "length <= 256"),
    ],
)
def test_what_is_no_wish_is_refused_in_words(desired: bytes, words: str) -> None:
    outcome = refused(desired)
    assert outcome.version is None
    assert words in outcome.error
    assert outcome.reported(None).error == outcome.error


def test_a_law_that_is_not_theirs_lets_a_wish_be_shorter() -> None:
    outcome = applied(wish(receipts={"profile": "none", "show_s": 5}))
    assert outcome.config.receipts.show_s == 5


def test_the_words_of_a_refusal_fit_into_its_message() -> None:
    outcome = refused(wish(8, receipts={"link": "x" * 10_000}))
    assert len(outcome.error) <= 1000
    encode(outcome.reported(None))


def test_a_kept_wish_that_a_later_version_refuses_leaves_the_file_in_force() -> None:
    """At the start it is applied like a new one; the version before may have known more."""
    kept = b'{"version":7,"receipts":{"a_key_of_the_past":1}}'
    outcome = refused(kept, kept)
    assert outcome.reported(None).version is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(Receipts.__struct_fields__) | st.text()


@given(st.dictionaries(KEYS, JSON, max_size=3), st.binary(max_size=50))
def test_any_wish_is_applied_within_the_law_or_refused(
    receipts: dict[str, object], noise: bytes
) -> None:
    for desired in (json.dumps({"version": 1, "receipts": receipts}).encode(), noise):
        outcome = apply(FILE, desired)
        if isinstance(outcome, Refused):
            assert 0 < len(outcome.error) <= 1000
        else:
            shown = outcome.config.receipts
            assert shown.profile == "none" or shown.show_s >= 40
            assert (outcome.config.machine, outcome.config.tap) == (FILE.machine, FILE.tap)

"""Marks, by the vectors of the reference: section 1.8."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stall import CODE, GTIN, gtins

from cloud.marking import (
    Code,
    Industry,
    identifier,
    industry,
    is_gtin,
    nomenclature,
    read_code,
    requisite,
)
from cloud.receipt import Marking, MarkingMode

NONE = Marking(mode=MarkingMode.NONE)
WITHDRAWN = Marking(mode=MarkingMode.WITHDRAWN_BEFORE)
KIND = Marking(mode=MarkingMode.GTIN_VEND, gtin="04601234567890")
PIECE = Marking(mode=MarkingMode.FULL_CODE, code="010460043993125621JgXJ5.")


@pytest.mark.parametrize(
    ("marking", "told"),
    [
        (KIND, "49 0E  04 2F 4E F3 B2 D2"),
        (PIECE, "44 4D  04 2F 1F 96 81 78  4A 67 58 4A 35 2E"),
        (Marking(mode=MarkingMode.FULL_CODE, code=CODE), "444D042F1F9681784A67584A352E"),
        (Marking(mode=MarkingMode.GTIN_VEND, gtin="99999999999997"), "490E 5AF3107A3FFD"),
        (NONE, ""),
        (WITHDRAWN, ""),
    ],
)
def test_the_code_of_goods_is_bytes(marking: Marking, told: str) -> None:
    assert nomenclature(marking) == bytes.fromhex(told)


@pytest.mark.parametrize(
    ("marking", "code", "words", "act"),
    [
        (
            KIND,
            "04601234567890",
            "crpt=mrk&mode=vend",
            Industry("030", "16.06.2022", "174", "mode=vend"),
        ),
        (Marking(mode=MarkingMode.FULL_CODE, code=CODE), CODE, "", None),
        (NONE, "", "", None),
        (WITHDRAWN, "", "", None),
    ],
)
def test_only_a_kind_is_said_to_be_sold_by_a_machine(
    marking: Marking, code: str, words: str, act: Industry | None
) -> None:
    assert identifier(marking) == code
    assert requisite(marking) == words
    assert industry(marking) == act


@pytest.mark.parametrize(
    "marking",
    [
        Marking(mode=MarkingMode.GTIN_VEND),
        Marking(mode=MarkingMode.GTIN_VEND, gtin="4601234567890"),
        Marking(mode=MarkingMode.FULL_CODE),
        Marking(mode=MarkingMode.FULL_CODE, code="0104600439931256"),
    ],
)
def test_a_mark_that_is_not_there_is_not_made_up(marking: Marking) -> None:
    for value in (nomenclature, identifier):
        with pytest.raises(ValueError, match="is no"):
            value(marking)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("010460043993125621JgXJ5.", Code(GTIN, "JgXJ5.")),
        (CODE, Code(GTIN, "JgXJ5.")),
        (f"\x1d{CODE}", Code(GTIN, "JgXJ5.")),
        (
            f"01{GTIN}215!\"%&'()*+,-./:;<=>?\x1d91EE06\x1d92sgn==",
            Code(GTIN, "5!\"%&'()*+,-./:;<=>?"),
        ),
        # The serial number may look like anything, even like the next part.
        (f"01{GTIN}21930121\x1d93abcd", Code(GTIN, "930121")),
        ("", None),
        (GTIN, None),
        (f"01{GTIN}", None),
        (f"01{GTIN}21", None),
        (f"01{GTIN[:-1]}721JgXJ5.", None),
        (f"02{GTIN}21JgXJ5.", None),
        (f"01{GTIN}10JgXJ5.", None),
        (f"01{GTIN}21JgXJ5.\x1d", None),
        (f"01{GTIN}21JgXJ5.\x1d\x1d93dGVz", None),
        (f"01{GTIN}21JgXJ5. ", None),
        (f"01{GTIN}21JgXJ5.\n", None),
        (f"01{GTIN}21JgXЁ5.", None),
        (f"01{GTIN}21Jg#J5.", None),
        # The separators were lost on the way, as some scanners do.
        (f"01{GTIN}215Jgx5.aBcD93dGVz91EE06", None),
        (f"(01){GTIN}(21)JgXJ5.", None),
    ],
)
def test_a_code_is_read_as_it_was_scanned(text: str, code: Code | None) -> None:
    assert read_code(text) == code


@given(st.text())
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    assert read_code(text) is None


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (GTIN, True),
        ("04600439931257", False),
        ("00012345600012", True),
        ("4600439931256", False),
        ("046004399312560", False),
        ("٠٤٦٠٠٤٣٩٩٣١٢٥٦", False),
        (f"{GTIN}\n", False),
        ("00000000000000", False),
        ("", False),
    ],
)
def test_a_gtin_has_fourteen_digits_and_the_last_is_their_check(text: str, right: bool) -> None:  # noqa: FBT001, a table's column
    assert is_gtin(text) is right


@given(gtins, st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(gtin: str, place: int, more: int) -> None:
    assert is_gtin(gtin)
    wrong = str((int(gtin[place]) + more) % 10)
    assert not is_gtin(gtin[:place] + wrong + gtin[place + 1 :])


@given(gtins)
def test_the_bytes_of_a_kind_are_its_number(gtin: str) -> None:
    told = nomenclature(Marking(mode=MarkingMode.GTIN_VEND, gtin=gtin))
    assert len(told) == 8
    assert int.from_bytes(told[2:], "big") == int(gtin)

"""What a trace says at its head, and what a stranger's comment may not do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb import Sniffer, read_trace
from mdb.context import Context
from mdb.heading import Heading, read_heading
from mdb.scaling import Scaling

KNOWN = {
    0x10: Context(3, 1, Scaling(10, 2, "RUB", "1643"), 16, 9, 6, expanded=True),
    0x08: Context(None, 2, Scaling(100, 2, None, "0972"), credits=(1, 2, 255)),
}


def test_what_is_written_reads_back() -> None:
    heading = Heading(KNOWN, vmc_only=True)
    assert read_heading(heading.lines()) == heading


def test_of_a_peripheral_that_told_nothing_nothing_is_written() -> None:
    assert Heading({0x10: Context(expanded=False)}).lines() == []


def test_to_whoever_reads_the_blocks_it_is_a_comment() -> None:
    lines = [*Heading(KNOWN, vmc_only=True).lines(), "1.0 > 12 12"]
    assert len(list(read_trace(lines))) == 2


def test_a_field_that_a_later_version_added_is_left_out() -> None:
    told = read_heading(['# context 10 {"vmc_level": 3, "colour": "red"}'])
    assert told.context == {0x10: Context(3)}


@pytest.mark.parametrize(
    "line",
    [
        *("# context", "# context zz {}", "# context 10 3", "# context 10 {", "# vmc"),
        *('# context 10 {"scaling": 3}', '# context 10 {"vmc_level": "3"}'),
        *('# context 10 {"credits": ["1"]}', '# context 10 {"credits": 1}'),
        *('# context 10 {"scaling": {"scale": -1, "decimals": 2}}', "# context 10 [" + "[" * 9999),
    ],
)
def test_what_cannot_be_understood_is_a_comment(line: str) -> None:
    assert read_heading([line]) == Heading()


@given(st.text(max_size=60))
def test_no_comment_trips_it(text: str) -> None:
    told = read_heading([f"# context 10 {text}", f"# {text}"])
    Sniffer(told.context)

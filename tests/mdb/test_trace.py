import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.byte import Break, BusByte, Line, Signal
from mdb.trace import BYTE_S, NotATraceError, Transcript, parse_line, read_trace

V, P = Line.VMC, Line.PERIPHERAL


def words(signals: list[Signal] | None) -> str | None:
    """In nine bits: the mode bit, then the byte."""
    if signals is None:
        return None
    told = [
        f"{each.mode:d}{each.value:02X}" if isinstance(each, BusByte) else "BREAK"
        for each in signals
    ]
    return " ".join(told)


LINES = {
    "12.5 > 12 12": "112 012",
    "12.5 > 13 00 0096 000A B3": "113 000 000 096 000 00A 0B3",
    "12.5 > 1300 0096 000a b3": "113 000 000 096 000 00A 0B3",
    "12.5 < 05 00 96 9B": "005 000 096 19B",
    "12.5 < 00 00": "000 100",
    "12 < 00": "100",
    "12. > 00": "000",
    "0 > AA": "0AA",
    "12.5 > BREAK": "BREAK",
    "12.5 >> 13* 00": "113 000",
    "12.5 >> 13 00*": "013 100",
    "12.5 << 05 00": "005 000",
}


@pytest.mark.parametrize(("line", "nine_bits"), LINES.items())
def test_the_mode_bit_is_implied(line: str, nine_bits: str) -> None:
    assert words(parse_line(line)) == nine_bits


@pytest.mark.parametrize(
    "line",
    [
        *("12.5 < BREAK", "12.5 > 1", "12.5 > 1 2", "12.5 > ", "12.5 12 12", "> 12 12"),
        *("-1 > 12 12", "12.5 > 12 GG", "12.5 = 12 12", "12,5 > 12 12", "12.5 > 12 12 BREAK"),
    ],
)
def test_what_is_no_line_is_none(line: str) -> None:
    assert parse_line(line) is None


def test_every_byte_has_its_own_time() -> None:
    first, second = parse_line("12.5 > 12 12") or []
    assert (first.at, second.at) == (12.5, 12.5 + BYTE_S)


def test_comments_and_empty_lines_are_skipped() -> None:
    trace = ["# a machine", "", "   ", "1.0 > 12 12   # POLL", "#1.1 < 00", "1.2 < 00"]
    assert words(list(read_trace(trace))) == "112 012 100"


def test_half_a_line_is_skipped_once_it_is_a_trace() -> None:
    assert (
        words(list(read_trace(["1.0 > 12 12", "1.1 < 0", "\0\0\0", "1.2 < 00"]))) == "112 012 100"
    )


def test_nothing_is_a_trace_of_nothing() -> None:
    assert list(read_trace([])) == []
    assert list(read_trace(["# only a comment"])) == []


@pytest.mark.parametrize("first", ["hello", "<html>", "12:00 > 12 12", "x,00,0006528766"])
def test_a_file_that_is_no_trace_is_refused_with_its_line(first: str) -> None:
    with pytest.raises(
        NotATraceError, match=r"line 2 is no line of a trace: .*expected"
    ) as refused:
        list(read_trace(["# a comment", first, "1.0 > 12 12"]))
    assert first[:20] in str(refused.value)


def test_qibixx_lines_are_recognised_by_themselves() -> None:
    assert words(list(read_trace(["# sniffed", "x,00,0000010000,12,"]))) == "112 012"


@given(
    line=st.sampled_from(Line),
    values=st.binary(min_size=1, max_size=36),
    tenths=st.integers(0, 10**8),
)
def test_every_block_of_a_line_is_read_as_it_stands(line: Line, values: bytes, tenths: int) -> None:
    signals = parse_line(f"{tenths / 10_000:.4f} {line.value} {values.hex(' ')}")
    assert signals is not None
    assert bytes(each.value for each in signals if isinstance(each, BusByte)) == values
    assert {each.line for each in signals if isinstance(each, BusByte)} == {line}
    assert signals[0].at == pytest.approx(tenths / 10_000)


@given(st.text(max_size=60))
def test_any_text_is_a_line_or_none(text: str) -> None:
    for signal in parse_line(text) or []:
        assert isinstance(signal, BusByte | Break)


def test_a_trace_cut_anywhere_is_still_one() -> None:
    text = "1.0 > 13 02 00 0A 1F # sold\n1.1 < 00\n1.2 > BREAK\n"
    whole = words(list(read_trace(text.splitlines()))) or ""
    for cut in range(text.index("1F") + 2, len(text)):
        assert whole.startswith(words(list(read_trace(text[:cut].splitlines()))) or "nothing")


heard = st.builds(
    BusByte, st.integers(0, 255), st.booleans(), st.sampled_from(Line), st.just(1.0)
) | st.just(Break(1.0))


@given(st.lists(heard, max_size=90))
def test_what_is_written_reads_back_as_heard(signals: list[Signal]) -> None:
    transcript = Transcript()
    lines = [line for each in signals for line in transcript.feed(each)] + transcript.flush()
    assert words(list(read_trace(lines))) == words(signals)


def test_a_clean_block_is_written_as_a_person_would() -> None:
    lines = ["12.500000 > 13 00 00 96 00 0A B3", "12.510000 < 00", "12.700000 > BREAK"]
    transcript = Transcript()
    written = [line for each in read_trace(lines) for line in transcript.feed(each)]
    assert written + transcript.flush() == lines

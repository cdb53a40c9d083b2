"""Every trace beside what the standard says it means."""

import json
from pathlib import Path

import pytest

from mdb.__main__ import main

TRACES = sorted((Path(__file__).parents[1] / "traces").glob("*.mdb"))


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_a_trace_means_what_stands_beside_it(
    trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", str(trace), "--json"]) == 0
    heard = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = trace.with_suffix(".jsonl").read_text("utf-8").splitlines()
    assert heard == [json.loads(line) for line in expected]


def test_the_real_machine_sold_one_item_for_125_10(capsys: pytest.CaptureFixture[str]) -> None:
    (trace,) = [each for each in TRACES if each.stem == "ap113-single-vend"]
    assert main(["decode", str(trace), "--json"]) == 0
    heard = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (sale,) = [each for each in heard if each["event"] == "sale"]
    assert (sale["item"], sale["amount"], sale["kind"]) == ("0001", 12510, "paid")


def test_no_expectation_stands_alone() -> None:
    expectations = {each.stem for each in TRACES[0].parent.glob("*.jsonl")}
    assert expectations == {each.stem for each in TRACES}

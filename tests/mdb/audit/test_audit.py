from pathlib import Path

import pytest
from bookkeeper import Books, Vend

from mdb.audit import Audit, Checksum, read_audit
from mdb.money import Money

VISION_BOX = Path(__file__).with_name("vision-box.dts")


def told(*lines: str) -> Audit:
    return read_audit("\r\n".join(["ST*001*0001", *lines, "SE*1*0001", ""]).encode())


def test_a_real_machine_is_read() -> None:
    audit = read_audit(VISION_BOX.read_bytes())
    assert (audit.serial, audit.model, audit.board) == ("JOF", "", "JSD006556")
    assert (audit.asset, audit.read_at) == ("4294967295", "2024-04-15T15:04:21")
    assert (audit.checksum, audit.complete, audit.whole) == (Checksum.RIGHT, True, True)
    by = [each for selection in audit.counts.selections.values() for each in selection.by.values()]
    assert sum(each.count or 0 for each in by) == 423
    assert sum(each.value or 0 for each in by) == 143500
    assert audit.money(143500) == Money(143500, "EUR")


@pytest.mark.parametrize(
    ("told_in", "one"),
    [
        ("ID4*2*1643", Money(1, "RUB")),
        ("ID4**643", Money(1, None)),
        ("ID4*0*1643*RUB", Money(100, "RUB")),
        ("ID4*2*1978*RUB", Money(1, "RUB")),
        ("ID4*0*1392", Money(1, "JPY")),
        ("ID4*2*001*1", Money(1, None)),
        ("ID4*2*0007*USD", Money(1, "USD")),
        ("ID4*3*1643", None),
        ("ID4*7*1643", None),
        ("ID4*x", None),
        ("ID2*1", Money(1, None)),
    ],
)
def test_a_value_is_worth_what_the_file_says(told_in: str, one: Money | None) -> None:
    assert told(told_in).money(1) == one
    assert told(told_in).money(None) is None


@pytest.mark.parametrize(
    ("told_in", "moment"),
    [
        ("ID5*20261126*0930", "2026-11-26T09:30:00"),
        ("ID5*261126*093015", "2026-11-26T09:30:15"),
        ("ID5*20261126", None),
        ("ID5*20261131*0930", None),
        ("ID5*20261126*9930", None),
        ("ID5*²02611*0930", None),
        ("ID5**0930", None),
        ("ID1*A", None),
    ],
)
def test_the_machines_clock_is_believed_where_it_tells_a_time(
    told_in: str, moment: str | None
) -> None:
    assert told(told_in).read_at == moment


def test_a_file_is_whole_unless_something_says_it_is_not() -> None:
    books = Books(vends=[Vend("10", 750)])
    whole = books.dts()
    assert read_audit(whole).whole
    assert told("VA1*1*1").whole
    assert not read_audit(whole[: whole.index(b"SE*")]).whole
    assert not read_audit(books.dts(checksum="0000")).whole


def test_what_is_told_first_of_the_machine_stands() -> None:
    audit = told("CB1*B1", "CB1*B2", "ID4*2*1643", "ID4*0*1978", "ID5*20261126*0930", "ID5*1*1")
    assert (audit.board, audit.money(1)) == ("B1", Money(1, "RUB"))
    assert audit.read_at == "2026-11-26T09:30:00"


def test_an_identity_is_all_that_it_says_of_itself() -> None:
    assert told("ID1*A*M***X*42", "CB1*B").identity == ("A", "B", "M", "42")
    assert told("ID2*A").identity == ("", "", "", "")

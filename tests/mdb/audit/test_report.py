import json
from pathlib import Path

from bookkeeper import Books, Vend

from mdb.audit import counts_since, read_audit
from mdb.audit.report import as_json, lines

VISION_BOX = Path(__file__).with_name("vision-box.dts")
MORNING = read_audit(Books(vends=[Vend("10", 15000)], clock="261126*0600").dts())
EVENING = read_audit(
    Books(
        vends=[
            Vend("10", 15000),
            Vend("10", 15000, "DA"),
            Vend("10", 15000, "DB", price_list="1"),
            Vend("11", 9000, "XA"),
            Vend("11", 0, kind="PA4"),
        ]
    ).dts()
)


def test_a_day_of_a_machine_is_read_in_a_few_lines() -> None:
    told = list(lines(EVENING, counts_since(MORNING, EVENING), MORNING))
    assert told == [
        "machine   ABC1234567 BOX",
        "read      2026-11-26T09:30:00 by the machine's clock; the checksum is right",
        "counted   since 2026-11-26T06:00:00",
        "",
        "  paid                 3 vends        390.00 RUB",
        "  test                 0 vends          0.00 RUB",
        "  free                 1 vends          0.00 RUB",
        "  cash                 0 vends          0.00 RUB",
        "  cashless-1           1 vends        150.00 RUB",
        "  cashless-2           1 vends        150.00 RUB",
        "",
        "  selection       price  paid  free       value  cash  cashless-1  cashless-2  other",
        "  10 CUP     150.00 RUB     2     0  300.00 RUB     0           1           1      0",
        "  11 CUP       0.00 RUB     1     1   90.00 RUB     0           0           0      1",
        "DOES NOT COME OUT: paid vends 390.00 RUB, but paid by each means 300.00 RUB",
    ]


def test_the_same_as_json_has_our_words_and_the_machines() -> None:
    told = as_json(EVENING, counts_since(MORNING, EVENING), MORNING)
    assert json.loads(json.dumps(told)) == told
    assert told["machine"] == {"serial": "ABC1234567", "model": "BOX", "asset": None, "board": "B1"}
    assert told["since"] == {"read_at": "2026-11-26T06:00:00"}
    assert told["read_at"] == "2026-11-26T09:30:00"
    assert (told["currency"], told["checksum"], told["complete"]) == ("RUB", "right", True)
    assert told["totals"]["paid"] == {"count": 3, "amount": 39000}
    ten, eleven = told["selections"]
    assert ten["by"][2] == {
        "by": "cashless-2",
        "device": "DB",
        "price_list": "1",
        "count": 1,
        "amount": 15000,
    }
    assert (ten["selection"], ten["name"], ten["price"]) == ("10", "CUP", 15000)
    assert eleven["free"] == {"count": 1, "amount": 0}
    assert eleven["by"][0]["by"] == "other"
    assert told["imbalances"] == [
        {
            "what": "paid vends",
            "amount": 39000,
            "other_is": "paid by each means",
            "other_amount": 30000,
        }
    ]


def test_a_life_is_told_since_the_machine_was_initialised() -> None:
    audit = read_audit(VISION_BOX.read_bytes())
    told = list(lines(audit, audit.counts))
    assert told[0] == "machine   JOF asset 4294967295"
    assert told[2] == "counted   since the machine was initialised"
    assert "  paid               423 vends       1435.00 EUR" in told
    assert sum(line.startswith(("  1", "  2", "  3")) for line in told) == 20
    assert as_json(audit, audit.counts)["since"] is None


def test_what_is_wrong_with_a_file_is_said_first() -> None:
    told = b"ST*001*0001\nVA1*1*?\nPA1*7*x\nPA2*?\nPA7*7*CA*0*1*?*1\nID4*9\nG85*0000\n"
    audit = read_audit(told)
    machine, read, cut, *rest = lines(audit, audit.counts)
    assert machine == "machine   does not say who it is"
    assert read.endswith("THE CHECKSUM IS WRONG: the file was damaged or changed")
    assert cut.strip().startswith("THE FILE IS CUT OFF")
    assert "  paid                 ? vends                 ?" in rest
    assert rest[-1].split() == ["7", "?", "?", "?", "?"]


def test_a_machine_that_sold_nothing_has_no_table() -> None:
    told = list(lines(MORNING, counts_since(MORNING, MORNING), MORNING))
    assert told[-1] == ""


def test_a_name_cannot_move_the_cursor_nor_fill_the_screen() -> None:
    esc = b"\x1b[2J"
    audit = read_audit(
        b"ST*001*0001\nID1*"
        + esc
        + b"*"
        + esc
        + b"\nPA1*"
        + esc
        + b"*1*"
        + b"X" * 5000
        + b"\nPA2*1*1\nPA7*"
        + esc
        + b"*CA*0*1*2*2\n"
    )
    assert max(map(len, lines(audit, audit.counts))) < 100
    assert "\x1b" not in "".join(lines(audit, audit.counts))
    assert sum("\\x1b[2J" in line for line in lines(audit, audit.counts)) == 4

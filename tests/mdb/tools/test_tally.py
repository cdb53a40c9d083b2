from mdb import Line, Sniffer, read_trace
from mdb.byte import BusByte
from mdb.event import Kind, Sale
from mdb.sniffer import Heard
from mdb.tools.tally import Tally


def heard(*story: str) -> Tally:
    sniffer, tally = Sniffer(), Tally()
    for signal in read_trace(story):
        tally.take(signal)
        for each in sniffer.listen(signal):
            tally.hear(each)
    for each in sniffer.flush():
        tally.hear(each)
    return tally


def sold(amount: int | None, currency: str | None) -> Heard:
    sale = Sale(1.0, 0x10, "0001", Kind.PAID, amount, currency, ())
    return Heard(None, (), (sale,))


def test_the_words_count_what_was_heard() -> None:
    tally = heard("1 > 12 12", "1.1 < 00", "2 > 12 13", "3 > BREAK")
    assert tally.words() == "bytes 5, exchanges 1, faults 1, sales 0"


def test_money_is_summed_by_currency() -> None:
    tally = Tally()
    for amount, currency in [(12510, "RUB"), (12000, "RUB"), (150, "EUR"), (None, None)]:
        tally.hear(sold(amount, currency))
    assert tally.words().endswith("sales 4, 1.50 EUR + 245.10 RUB + 1 of unknown amount")


def test_the_rate_is_of_lately() -> None:
    tally = Tally()
    assert tally.rate(10.0) == 0.0
    for _ in range(100):
        tally.take(BusByte(0, True, Line.VMC, 0.0))
    assert tally.rate(12.0) == 50.0
    for now in range(20, 60):
        last = tally.rate(now)
    assert last == 0.0


def test_few_bytes_raise_no_doubt() -> None:
    assert heard("1 > 12 12").doubt() is None


def test_a_good_bus_raises_no_doubt() -> None:
    story = [line for at in range(200) for line in (f"{at} > 12 12", f"{at}.1 < 00")]
    assert heard(*story).doubt() is None


def test_one_line_alone_is_doubted_once() -> None:
    tally = heard(*(f"{at} > 12 12" for at in range(200)))
    doubt = tally.doubt()
    assert doubt is not None
    assert "pin 4" in doubt
    assert tally.doubt() is None
    other = heard(*(f"{at} < 00" for at in range(300))).doubt()
    assert other is not None
    assert "pin 5" in other


def test_a_tap_of_one_line_is_not_doubted() -> None:
    tally = Tally(vmc_only=True)
    for at in range(300):
        tally.take(BusByte(0x12, at % 2 == 0, Line.VMC, float(at)))
    assert tally.doubt() is None


def test_nothing_but_faults_is_doubted() -> None:
    story = [line for at in range(100) for line in (f"{at} > 12 13", f"{at}.1 < 01 02")]
    doubt = heard(*story).doubt()
    assert doubt is not None
    assert "swapped" in doubt

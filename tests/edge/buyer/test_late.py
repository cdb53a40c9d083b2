import random

from specimens import BOOT, receipt, sale

from edge.buyer.late import MOST_LATE, Waiting, dated, fresh, joined, of_sale, without
from edge.buyer.screen import Ready
from edge.wire import Sale


def late(of: Sale, rev: int = 1) -> Ready:
    return Ready(of, rev, receipt(of).qr or "", None, statutory=True, late=True)


def waiting(seq: int, since: float | None = None, until: float = 100) -> Waiting:
    return Waiting(late(sale(seq)), float(seq) if since is None else since, until)


def numbers(queue: tuple[Waiting, ...]) -> list[int]:
    return [each.screen.sale.seq for each in queue]


def test_in_whatever_order_they_come_the_newest_three_wait_and_the_oldest_of_them_is_first() -> (
    None
):
    chance = random.Random(1)
    for _ in range(50):
        queue: tuple[Waiting, ...] = ()
        for seq in chance.sample(range(1, 8), 7):
            queue = joined(queue, waiting(seq))
            assert len(queue) <= MOST_LATE
        assert numbers(queue) == [5, 6, 7]


def test_a_sale_waits_once_with_its_last_word() -> None:
    queue = joined(joined((), waiting(1)), waiting(2))
    queue = joined(queue, Waiting(late(sale(1), rev=2), 9, 100))
    assert numbers(queue) == [2, 1]
    assert queue[-1].screen.rev == 2


def test_a_sale_is_found_and_taken_out() -> None:
    queue = joined(joined((), waiting(1)), waiting(2))
    found = of_sale(queue, sale(2).sale_id)
    assert found == queue[1]
    assert of_sale(queue, sale(3).sale_id) is None
    assert numbers(without(queue, sale(1).sale_id)) == [2]
    assert without(queue, sale(3).sale_id) == queue


def test_what_has_waited_too_long_is_gone() -> None:
    queue = (waiting(1, until=10), waiting(2, until=20))
    assert numbers(fresh(queue, 9.9)) == [1, 2]
    assert numbers(fresh(queue, 10)) == [2]
    assert fresh(queue, 20) == ()


def test_how_long_ago_is_told_by_boot_time_alone() -> None:
    screen = late(sale(boottime_ms=1_000_500, sold_at="2001-01-01T00:00:00Z"))
    assert dated(screen, BOOT, 1060.5).ago_s == 60
    assert dated(screen, BOOT, 1060.4).ago_s == 59
    assert dated(screen, BOOT, 999).ago_s == 0
    assert dated(screen, "another", 1060.5).ago_s is None


def test_the_receipt_of_who_stands_there_needs_no_date() -> None:
    screen = Ready(sale(), 1, "qr", None, statutory=True, late=False)
    assert dated(screen, BOOT, 10**6) == screen

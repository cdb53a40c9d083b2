import pytest
from specimens import sale

from edge.buyer.screen import (
    Idle,
    Making,
    Notice,
    Offline,
    OutOfOrder,
    Ready,
    Refused,
    Screen,
    is_late,
    is_of,
    rev_on,
    sale_on,
)

A, B = sale(1), sale(2)


@pytest.mark.parametrize("screen", [Idle(), Offline(), OutOfOrder(), Notice("Привет")])
def test_a_resting_screen_is_nobody_s(screen: Screen) -> None:
    assert sale_on(screen) is None
    assert rev_on(screen) == 0
    assert not is_of(screen, A)
    assert not is_late(screen)


@pytest.mark.parametrize(
    ("screen", "rev", "late"),
    [
        (Making(A, None), 0, False),
        (Refused(A, 2), 2, False),
        (Ready(A, 3, "qr", None, statutory=True, late=False), 3, False),
        (Ready(A, 4, "qr", None, statutory=False, late=True), 4, True),
    ],
)
def test_a_picture_of_a_sale_is_of_that_sale_alone(screen: Screen, rev: int, late: bool) -> None:  # noqa: FBT001
    assert sale_on(screen) == A
    assert is_of(screen, A)
    assert not is_of(screen, B)
    assert (rev_on(screen), is_late(screen)) == (rev, late)


def test_the_same_sale_read_from_the_disk_again_is_the_same_sale() -> None:
    assert is_of(Making(A, None), sale(1, sold_at="2026-11-23T15:42:11Z"))

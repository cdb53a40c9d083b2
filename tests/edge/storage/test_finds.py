"""The finds: whatever order sales are found in, they come out in that in which they were made."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.storage.finds import Finds, FoundSale

OLD, OTHER, NEW = "ffffffff", "00000001", "7f3a9c1e"


@pytest.fixture
def finds(tmp_path: Path) -> Iterator[Finds]:
    with closing(Finds(tmp_path / "finds.sqlite")) as made:
        yield made


def found(epoch: str, seq: int, place: int | None = None, body: bytes = b"") -> FoundSale:
    return FoundSale(f"{epoch}-{seq}", epoch, seq, body or f"{epoch}-{seq}".encode(), place)


def names(finds: Finds, newest: str | None = NEW) -> list[str]:
    return [each.sale_id for each in finds.in_order(newest)]


def test_epochs_come_as_they_were_begun_and_the_newest_last(finds: Finds) -> None:
    """One of which no row is left came before all others, for all that is known."""
    finds.take_text(found(NEW, 3), final=True)
    finds.take_text(found(OTHER, 2), final=True)
    for each in (found(OLD, 2, 2), found(OLD, 1, 1), found(NEW, 1, 3), found(NEW, 2, 4)):
        assert finds.take_row(each)
    finds.take_text(found(OLD, 3), final=True)
    new = [f"{NEW}-{seq}" for seq in (1, 2, 3)]
    assert names(finds) == [f"{OTHER}-2", *(f"{OLD}-{seq}" for seq in (1, 2, 3)), *new]
    assert names(finds, None)[-3:] == new


def test_all_that_is_known_of_a_row_comes_out(finds: Finds) -> None:
    row = FoundSale("a", NEW, 1, b"body", 7, b"told", True, True, 1_795_000_000)
    finds.take_row(row)
    assert list(finds.in_order(NEW)) == [row]


def test_a_sale_is_taken_once_and_a_row_s_number_never_twice(finds: Finds) -> None:
    assert finds.take_row(found(NEW, 1, 1))
    assert not finds.take_row(found(NEW, 1, 9))
    finds.take_text(FoundSale("another", NEW, 1, b""), final=True)
    finds.take_text(found(NEW, 1, None, b"changed"), final=True)
    assert list(finds.in_order(NEW)) == [found(NEW, 1, 1)]


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        ([(b"open", False), (b"told", True)], b"told"),
        ([(b"told", True), (b"open", False)], b"told"),
        ([(b"told", True), (b"other", True)], b"told"),
        ([(b"open", False), (b"told", True), (b"open", False)], b"told"),
    ],
)
def test_of_two_texts_of_a_sale_the_final_one_was_published(
    finds: Finds, texts: list[tuple[bytes, bool]], kept: bytes
) -> None:
    for body, final in texts:
        finds.take_text(found(NEW, 1, None, body), final=final)
    assert [each.body for each in finds.in_order(NEW)] == [kept]


def test_the_last_of_an_epoch_and_of_a_place_are_those_of_rows(finds: Finds) -> None:
    finds.take_row(found(OLD, 4, 10))
    finds.take_row(found(NEW, 1, 12))
    finds.take_text(found(NEW, 9), final=True)
    assert [finds.last_seq(epoch) for epoch in (OLD, NEW, OTHER, None)] == [4, 1, 0, 0]
    assert [finds.before(place) for place in (9, 10, 11, 12, 99)] == [
        *(None, f"{OLD}-4", f"{OLD}-4"),
        *(f"{NEW}-1", f"{NEW}-1"),
    ]

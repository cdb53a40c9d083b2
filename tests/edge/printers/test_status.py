import pytest

from edge.printers.status import ABSENT, READY, SILENT, Status, status_of

FINE = {1: 0x12, 2: 0x12, 3: 0x12, 4: 0x12}
BYTES = range(256)
ANSWERS = [each for each in BYTES if not each & 0x81 and each & 0x12 == 0x12]


def bit(value: int, number: int) -> bool:
    return bool(value >> number & 1)


def test_sixteen_bytes_are_answers_and_the_others_are_not() -> None:
    assert len(ANSWERS) == 16


@pytest.mark.parametrize("question", [1, 2, 3, 4])
def test_a_byte_with_wrong_fixed_bits_is_silence(question: int) -> None:
    for value in set(BYTES) - set(ANSWERS):
        assert status_of(FINE | {question: value}) == status_of(FINE | {question: None})


@pytest.mark.parametrize("value", ANSWERS)
def test_the_first_answer_says_whether_it_is_online(value: int) -> None:
    assert status_of(FINE | {1: value}) == Status(
        online=not bit(value, 3), paper="ok", cover_open=False, error=False
    )


@pytest.mark.parametrize("value", ANSWERS)
def test_the_second_says_cover_and_error_and_that_paper_stopped_it(value: int) -> None:
    assert status_of(FINE | {2: value}) == Status(
        online=True,
        paper="out" if bit(value, 5) else "ok",
        cover_open=bit(value, 2),
        error=bit(value, 6),
    )


@pytest.mark.parametrize("value", ANSWERS)
def test_the_third_says_that_there_is_an_error(value: int) -> None:
    broken = any(bit(value, each) for each in (2, 3, 5, 6))
    assert status_of(FINE | {3: value}) == Status(
        online=True, paper="ok", cover_open=False, error=broken
    )


@pytest.mark.parametrize("value", ANSWERS)
def test_the_fourth_says_how_much_paper_there_is(value: int) -> None:
    out, low = bit(value, 5) or bit(value, 6), bit(value, 2) or bit(value, 3)
    paper = status_of(FINE | {4: value}).paper
    assert paper == ("out" if out else "low" if low else "ok")


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        (FINE, "ready"),
        (FINE | {4: 0x1E}, "ready"),  # nearly out is not out
        (FINE | {4: 0x72}, "paper_out"),
        (FINE | {1: 0x1A, 2: 0x32, 4: 0x7E}, "paper_out"),
        (FINE | {1: 0x1A, 2: 0x16}, "cover_open"),
        (FINE | {1: 0x1A}, "offline"),
        (FINE | {1: 0x1A, 3: 0x1A}, "offline"),
        (FINE | {3: 0x1A}, "offline"),
        ({}, "unknown"),
        ({1: 0x12}, "unknown"),  # paper was not said to be there
        ({2: 0x12, 3: 0x12, 4: 0x12}, "unknown"),  # it was not said to be online
        ({1: 0x12, 4: 0x12}, "ready"),  # a cheap head, with all that counts
        ({4: 0x72}, "paper_out"),
        ({1: 0xFF, 2: 0xFF, 3: 0xFF, 4: 0xFF}, "unknown"),
        ({1: 0x00, 2: 0x00, 3: 0x00, 4: 0x00}, "unknown"),
    ],
)
def test_one_word_says_what_to_do(answers: dict[int, int], word: str) -> None:
    assert status_of(answers).word == word


def test_silence_is_unknown_and_absence_is_offline() -> None:
    assert status_of(dict.fromkeys((1, 2, 3, 4))) == SILENT
    assert (SILENT.word, SILENT.paper) == ("unknown", "unknown")
    assert ABSENT.word == "offline"
    assert READY.word == "ready"
    assert status_of(FINE) == READY


def test_ready_is_said_only_of_a_printer_that_is_online_and_has_paper() -> None:
    every = [None, *ANSWERS]
    for online in every:
        for paper in every:
            status = status_of({1: online, 2: None, 3: None, 4: paper})
            sure = online is not None and paper is not None
            good = sure and not bit(online or 0, 3) and not (paper or 0) & 0x60
            assert (status.word == "ready") is good

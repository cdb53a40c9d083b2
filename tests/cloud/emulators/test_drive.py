"""The drive numbers without gaps, signs, knows shifts, and forgets nothing over a restart."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from cloud.emulators.drive import Document, Drive, DriveFullError, Told
from cloud.fiscal import read_qr

MOSCOW = timezone(timedelta(hours=3))
MORNING = datetime(2026, 11, 23, 9, 0, 30, tzinfo=MOSCOW)


def record(drive: Drive, number: int, now: datetime = MORNING, total: int = 12010) -> Document:
    told = Told(f"sc_{number}", f"k-{number}", total, 1, {"1030": "Чай"}, {"InvoiceId": number})
    return drive.record(told, now)


def test_documents_count_from_one_without_gaps() -> None:
    drive = Drive(None)
    assert [record(drive, number).fd for number in range(1, 6)] == [1, 2, 3, 4, 5]
    assert [each.fd for each in drive.documents()] == [1, 2, 3, 4, 5]
    drive.close()


def test_a_document_is_what_was_recorded() -> None:
    drive = Drive(None)
    made = record(drive, 1)
    assert drive.document("sc_1") == made
    assert drive.document("sc_2") is None
    drive.close()


def test_the_text_of_its_qr_is_read_by_our_client() -> None:
    drive = Drive(None)
    document = record(drive, 1, total=5)
    read = read_qr(document.qr)
    assert read is not None
    assert (read.fn, read.fd, read.fp, read.total) == (drive.fn, 1, document.fp, 5)
    assert read.at == "20261123T090030"
    assert read.qr == document.qr
    drive.close()


def test_signs_differ_and_fit_their_tag() -> None:
    drive = Drive(None)
    signs = {record(drive, number).fp for number in range(1, 50)}
    assert len(signs) == 49
    assert max(signs) < 2**32
    drive.close()


def test_a_shift_lasts_a_day_at_most_and_numbers_begin_anew_in_it() -> None:
    drive = Drive(None)
    hours = [0, 1, 23.9, 24, 25, 49]
    told = [
        (document.shift, document.number_in_shift)
        for number, hour in enumerate(hours, 1)
        for document in [record(drive, number, MORNING + timedelta(hours=hour))]
    ]
    assert told == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1)]
    drive.close()


@pytest.mark.parametrize(("age_s", "known"), [(10, True), (3599, True), (3600, False)])
def test_a_key_is_remembered_since_then(age_s: int, known: bool) -> None:  # noqa: FBT001
    drive = Drive(None)
    record(drive, 1)
    since = (MORNING + timedelta(seconds=age_s)).timestamp() - 3600
    assert (drive.remembered("k-1", since) is not None) is known
    assert drive.remembered("k-2", 0) is None
    drive.close()


def test_the_ledger_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    drive = Drive(file)
    first = record(drive, 1)
    drive.close()
    again = Drive(file)
    assert again.fn == first.fn
    assert again.documents() == [first]
    assert record(again, 2).fd == 2
    again.close()


def test_what_is_recorded_is_in_the_file_at_once(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    drive, reader = Drive(file), Drive(file)
    made = record(drive, 1)
    assert reader.documents() == [made]
    drive.close()
    reader.close()


def test_a_new_ledger_is_another_test_drive() -> None:
    drives = [Drive(None), Drive(None)]
    assert drives[0].fn != drives[1].fn
    assert all(drive.fn.startswith("9999") and len(drive.fn) == 16 for drive in drives)
    for drive in drives:
        drive.close()


def test_a_drive_takes_as_many_documents_as_it_has_room_for() -> None:
    drive = Drive(None)
    drive.room = 2
    assert [record(drive, number).fd for number in (1, 2)] == [1, 2]
    with pytest.raises(DriveFullError):
        record(drive, 3)
    drive.room = None
    assert record(drive, 3).fd == 3
    drive.close()


def test_a_correction_and_its_tags_are_in_the_ledger_as_they_were_told() -> None:
    drive = Drive(None)
    told = Told("sc_1", "k-1", 5, 1, {"1178": "2026-11-20", "1199": 6}, {"a": [1]}, correction=True)
    drive.record(told, MORNING)
    (document,) = drive.documents()
    assert document.told == told
    drive.close()

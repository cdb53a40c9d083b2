import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.fiscal import FiscalDocument, read_qr, stamp

# The law's form, as the reference quotes it.
FORM = re.compile(
    r"^t=\d{8}T\d{4}(\d{2})?&s=\d+\.\d{2}&fn=\d{1,16}&i=\d{1,10}&fp=\d{1,10}&n=[1-4]$", re.ASCII
)
SAMPLE = "t=20180518T220500&s=975.88&fn=8710000101125654&i=99456&fp=1250448795&n=1"

documents = st.builds(
    FiscalDocument,
    fn=st.from_regex(r"[0-9]{1,16}", fullmatch=True),
    fd=st.integers(0, 10**10 - 1),
    fp=st.integers(0, 10**10 - 1),
    at=st.datetimes(
        min_value=datetime(1000, 1, 1)  # noqa: DTZ001, local by law
    ).map(lambda when: when.strftime(f"%Y%m%dT%H%M{'%S' if when.second % 2 else ''}")),
    total=st.integers(0, 10**12 - 1),
    sign=st.sampled_from([1, 2]),
)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        (
            SAMPLE,
            FiscalDocument("8710000101125654", 99456, 1250448795, "20180518T220500", 97588),
        ),
        (
            "t=20150720T1638&s=9999999.00&fn=000110000105&i=12345678&fp=123456&n=2",
            FiscalDocument("000110000105", 12345678, 123456, "20150720T1638", 999999900, sign=2),
        ),
    ],
)
def test_the_sample_of_the_law_is_read_and_written(text: str, document: FiscalDocument) -> None:
    assert read_qr(text) == document
    assert document.qr == text


@given(documents)
def test_what_is_written_has_the_lawful_form_and_is_read_back(document: FiscalDocument) -> None:
    assert FORM.match(document.qr)
    assert read_qr(document.qr) == document


def test_padded_numbers_lose_their_zeros() -> None:
    assert "&i=99456&" in SAMPLE
    padded = read_qr(SAMPLE.replace("i=99456", "i=0000099456"))
    assert padded is not None
    assert padded.qr == SAMPLE


@pytest.mark.parametrize(
    "text",
    [
        "",
        SAMPLE.replace("n=1", "n=3"),
        SAMPLE.replace("n=1", "n=5"),
        SAMPLE.replace("975.88", "975"),
        SAMPLE.replace("975.88", "975,88"),
        SAMPLE.replace("975.88", "-975.88"),
        SAMPLE.replace("975.88", f"{10**30}.00"),
        SAMPLE.replace("975.88", "9" * 5000 + ".00"),
        SAMPLE.replace("220500", "22:05"),
        SAMPLE.replace("20180518", "20181318"),
        SAMPLE.replace("220500", "2460"),
        SAMPLE.replace("99456", "99456000000"),
        SAMPLE.replace("99456", "٩٩٤٥٦"),
        SAMPLE + "&",
        SAMPLE + "\n",
        " " + SAMPLE,
        "https://qr.example/?q=" + SAMPLE,
        "s=975.88&t=20180518T220500&fn=8710000101125654&i=99456&fp=1250448795&n=1",
    ],
)
def test_anything_else_is_no_document(text: str) -> None:
    assert read_qr(text) is None


@given(st.text())
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    assert read_qr(text) is None


def test_what_the_qr_does_not_say_is_not_in_it() -> None:
    document = FiscalDocument("9", 1, 2, "20260101T0000", 100, rnm="0000000400054952", ofd_inn="1")
    assert document.qr == "t=20260101T0000&s=1.00&fn=9&i=1&fp=2&n=1"


@pytest.mark.parametrize(
    ("when", "form", "at"),
    [
        ("23.11.2026 18:42:10", "%d.%m.%Y %H:%M:%S", "20261123T184210"),
        ("2026-11-23T18:42:10", "%Y-%m-%dT%H:%M:%S", "20261123T184210"),
        ("23.11.2026 18:42", "%d.%m.%Y %H:%M", "20261123T184200"),
        # Of a register whose clock says so; its year has four digits in the QR as any other.
        ("0262-11-23T18:42:10", "%Y-%m-%dT%H:%M:%S", "02621123T184210"),
        ("2026-11-23T18:42:10Z", "%Y-%m-%dT%H:%M:%S", None),
        ("31.11.2026 18:42:10", "%d.%m.%Y %H:%M:%S", None),
        ("23.11.2026 24:00:00", "%d.%m.%Y %H:%M:%S", None),
        ("", "%d.%m.%Y %H:%M:%S", None),
    ],
)
def test_a_providers_time_becomes_the_qrs(when: str, form: str, at: str | None) -> None:
    assert stamp(when, form) == at

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from specimens import FISCAL, read

from edge.buyer.qr import Matrix, encode

# The payloads of the display reference, section 1.1, that it gives in full, and others like them.
PAYLOADS = [
    (FISCAL, 4, "M"),
    ("t=20261123T154210&s=12345.67&fn=9999078900000000&i=1234567&fp=1234567890&n=1", 4, "L"),
    ("https://check.ofd.example/9999078900000000/123456/1234567890", 3, "L"),
    ("https://e.vm.example/r/7Kq2Xb9fTz", 3, "M"),
    ("HTTPS://E.VM.EXAMPLE/R/7KQ2XB9FTZ", 2, "M"),
    ("0", 1, "M"),
]
NUMBERS = st.integers(1, 9_999_999)
FISCALS = st.builds(
    "t={:08d}T{}&s={}.{:02d}&fn={:016d}&i={}&fp={}&n={}".format,
    st.integers(20170101, 20991231),
    st.one_of(
        st.integers(0, 2359).map("{:04d}".format), st.integers(0, 235959).map("{:06d}".format)
    ),
    st.integers(0, 99_999),
    st.integers(0, 99),
    st.integers(10**15, 10**16 - 1),
    NUMBERS,
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
)
USUAL = FISCALS.filter(lambda fiscal: len(fiscal) >= 65)  # to the longest there is, 76


def drawn(code: Matrix, module: int = 4) -> Image.Image:
    """Drawn by the test itself: a quiet zone of four, `module` pixels a module."""
    image = Image.new("L", (code.size + 8,) * 2, 255)
    for y, row in enumerate(code.rows):
        for x, dark in enumerate(row):
            image.putpixel((x + 4, y + 4), 0 if dark else 255)
    return image.resize((image.width * module,) * 2, Image.Resampling.NEAREST)


@pytest.mark.parametrize(("text", "version", "correction"), PAYLOADS)
def test_a_code_is_as_small_as_the_reference_says(text: str, version: int, correction: str) -> None:
    code = encode(text)
    assert (code.version, code.correction) == (version, correction)
    assert code.size == 17 + 4 * version
    assert {len(row) for row in code.rows} == {code.size}


@pytest.mark.parametrize("text", [text for text, *_ in PAYLOADS])
def test_a_phone_reads_what_was_encoded(text: str) -> None:
    code = encode(text)
    assert code.text == text
    assert read(drawn(code)) == text


@settings(max_examples=60, deadline=None)
@given(USUAL)
def test_a_fiscal_string_is_always_version_4(fiscal: str) -> None:
    code = encode(fiscal)
    assert code.version == 4
    assert read(drawn(code)) == fiscal


@settings(max_examples=30, deadline=None)
@given(FISCALS)
def test_the_shortest_fiscal_string_needs_no_more_than_that(fiscal: str) -> None:
    assert encode(fiscal).version <= 4


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=120)
    | st.from_regex(r"[0-9A-Z:/.a-z=&]{1,120}", fullmatch=True)
)
def test_any_text_is_read_back(text: str) -> None:
    assert read(drawn(encode(text))) == text


@settings(max_examples=40, deadline=None)
@given(st.from_regex(r"([0-9]{1,20}|[A-Z]{1,9}|[a-z]{1,9}){1,8}", fullmatch=True))
def test_segments_never_make_a_code_larger_than_one_segment_of_bytes(text: str) -> None:
    bits = 4 + 8 + 8 * len(text)  # the header of one byte segment, versions 1 to 9
    room = {1: 152, 2: 272, 3: 440, 4: 640, 5: 864, 6: 1088, 7: 1248, 8: 1552, 9: 1856}
    plain = min(version for version, most in room.items() if bits <= most)
    assert encode(text).version <= plain


def test_the_longest_code_is_made_and_a_longer_text_is_refused() -> None:
    assert encode("9" * 7089).version == 40
    with pytest.raises(ValueError, match="7090 characters do not fit a QR code"):
        encode("9" * 7090)
    with pytest.raises(ValueError, match="2954 characters do not fit a QR code"):
        encode("a" * 2954)

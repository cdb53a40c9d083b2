import gzip
import io
from pathlib import Path

import pytest

from mdb.tools.source import Source, opened

TEXT = "".join(f"{at} > 12 12\n" for at in range(20_000))
PACKED = gzip.compress(TEXT.encode(), mtime=0)


def read(file: Path) -> tuple[str, Source]:
    with opened(file) as (source, text):
        return text.read(), source


def written(folder: Path, content: bytes) -> Path:
    file = folder / "capture"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("content", [TEXT.encode(), PACKED], ids=["plain", "gzip"])
def test_gzip_is_known_by_its_bytes(tmp_path: Path, content: bytes) -> None:
    text, source = read(written(tmp_path, content))
    assert text == TEXT
    assert source.cut is None
    assert source.taken == source.size == len(content)


@pytest.mark.parametrize("kept", [len(PACKED) - 1, len(PACKED) - 8, len(PACKED) // 2])
def test_a_gzip_that_was_cut_off_gives_what_stands_before_the_cut(
    tmp_path: Path, kept: int
) -> None:
    text, source = read(written(tmp_path, PACKED[:kept]))
    assert TEXT.startswith(text)
    assert text
    assert source.cut == "the gzip is cut off"


def test_a_gzip_that_was_damaged_gives_what_stands_before_the_damage(tmp_path: Path) -> None:
    text, source = read(written(tmp_path, PACKED[:-8] + bytes(8)))  # its checksum
    assert text == TEXT
    assert source.cut is not None
    assert source.cut.startswith("the gzip is damaged")
    text, source = read(written(tmp_path, PACKED[:-2000] + bytes(2000)))
    half = len(TEXT) // 2  # where damage begins is not where it is noticed
    assert text[:half] == TEXT[:half]
    assert source.cut is not None


def test_a_gzip_that_gives_nothing_is_an_error(tmp_path: Path) -> None:
    file = written(tmp_path, b"\x1f\x8bhello, world")
    with pytest.raises(OSError, match="no gzip that can be read"), opened(file):
        pytest.fail("opened")


def test_a_gzip_cut_off_in_its_head_is_empty(tmp_path: Path) -> None:
    text, source = read(written(tmp_path, PACKED[:2]))
    assert (text, source.cut) == ("", "the gzip is cut off")


def test_recordings_that_were_joined_are_read_one_after_the_other(tmp_path: Path) -> None:
    parts = [gzip.compress(f"{at} > 12 12\n".encode(), mtime=0) for at in range(3)]
    text, source = read(written(tmp_path, b"".join(parts) + bytes(64)))
    assert text == "0 > 12 12\n1 > 12 12\n2 > 12 12\n"
    assert source.cut is None


class Dripping(io.BytesIO):
    """A pipe that gives one byte at a time and has no size."""

    def read1(self, _size: int | None = -1, /) -> bytes:
        return super().read1(1)

    def tell(self) -> int:
        raise OSError("a pipe")


@pytest.mark.parametrize(
    "content", [b"1 > 12 12\n", gzip.compress(b"1 > 12 12\n", mtime=0) * 2, b"1", b""]
)
def test_a_pipe_may_drip(content: bytes) -> None:
    source = Source(Dripping(content))
    assert source.size is None
    expected = gzip.decompress(content) if content.startswith(b"\x1f") else content
    assert io.BufferedReader(source).read() == expected
    assert source.cut is None


def test_a_byte_order_mark_and_bad_bytes_are_no_matter(tmp_path: Path) -> None:
    text, _ = read(written(tmp_path, b"\xef\xbb\xbf1 > 12 12\r\n\xff\xfe\n"))
    assert text == "1 > 12 12\n\ufffd\ufffd\n"


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), opened(tmp_path / "none"):
        pytest.fail("opened")

from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.technician.pin import read_pin


def written(folder: Path, content: bytes, mode: int = 0o640) -> Path:
    file = folder / "technician.pin"
    file.write_bytes(content)
    file.chmod(mode)
    return file


@pytest.mark.parametrize(
    ("content", "pin"),
    [(b"4071", "4071"), (b"407155\n", "407155"), (b" 123456789012 \r\n", "123456789012")],
)
def test_it_is_four_to_twelve_digits(tmp_path: Path, content: bytes, pin: str) -> None:
    assert read_pin(written(tmp_path, content)) == pin


@pytest.mark.parametrize(
    "content", [b"", b"407", b"1234567890123", b"40 71", b"abcd", b"4071\n4072"]
)
def test_anything_else_is_refused_without_being_repeated(tmp_path: Path, content: bytes) -> None:
    file = written(tmp_path, content)
    with pytest.raises(ConfigError, match=f"technician.pin_file: {file}: expected 4 to 12") as told:
        read_pin(file)
    if content:
        assert content.decode() not in str(told.value).replace(str(file), "")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="something else than digits"):
        read_pin(written(tmp_path, b"\xff\xfe4071"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path}/nothing: cannot be read: No such file"):
        read_pin(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_pin(tmp_path)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o642])
def test_a_file_that_everybody_may_read_is_refused_with_the_command(
    tmp_path: Path, mode: int
) -> None:
    file = written(tmp_path, b"4071", mode)
    with pytest.raises(ConfigError, match=f"everybody.*chmod 640 {file}"):
        read_pin(file)

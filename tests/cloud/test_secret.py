"""A secret is a file's content; what is wrong with it is said by its setting's name."""

from pathlib import Path

import pytest

from cloud.errors import ConfigError
from cloud.secret import secret_in


def test_a_secret_is_what_stands_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" tell nobody\n", "utf-8")
    assert secret_in("secret_file", str(file)) == "tell nobody"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read: No such file"), (b"\xff\xfe", "it is no UTF-8"), (b" \n", "is empty")],
)
def test_a_file_without_a_secret_is_named_with_its_setting(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"secret_file: .*{said}"):
        secret_in("secret_file", file)

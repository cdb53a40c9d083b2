"""cloud.toml as somebody hostile, or tired, has left it: refused as a whole, in one line that says where."""

from pathlib import Path

import pytest
from hostile.malice import garbage, texts
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cloud.config import Config, load
from cloud.errors import ConfigError

HONEST = """\
database = "cloud.sqlite"
public_url = "https://receipts.example"
listen = "127.0.0.1:8080"
[broker]
host = "mqtt.example"
port = 8883
mqtt = "5"
"""
VALUES = (
    *("0", "-1", "1e400", "nan", "inf", "99999999999999999999999999", "0x1_0", "true", "''", "[]"),
    *("{}", "[[1]]", "{a = 1}", "1979-05-27", "07:32:00", '"\\u0000"', '"\\ud800"', "'''\nx\n'''"),
    *('"127.0.0.1:99999"', '"[::1]:80"', '":"', '"https://"', '"https://x/\\n"', '"postgresql://"'),
    *('"postgresql://u:p@h:x/db"', '"mysql://x"', '"\\u202e"', "[" * 2000, "{a=" * 500, "9" * 5000),
)
KEYS = (
    "database",
    "public_url",
    "listen",
    "cabinet",
    "api_token_file",
    "broker",
    "broker.port",
    "x",
)
keys = st.sampled_from(KEYS) | st.sampled_from(
    ['"a.b"', '"broker.[...]"', "'$'", '"\\u0000"', "a.b.c.d"]
)
lines = st.tuples(keys, st.sampled_from(VALUES) | texts.map(repr)).map(" = ".join)
tables = st.sampled_from(
    ["[broker]", "[[broker]]", "[operator]", "[a.b.c]", "[", '["a.b"]', "[broker.x]"]
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """The honest lines, some taken away, strange ones between them."""
    told = [line for line in HONEST.splitlines() if draw(st.integers(0, 9)) > 1]
    for more in draw(st.lists(lines | tables, max_size=3)):
        told.insert(draw(st.integers(0, len(told))), more)
    return "\n".join(told).encode("utf-8", draw(st.sampled_from(["replace", "surrogatepass"])))


def is_read_or_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        assert isinstance(load(file), Config)
    except ConfigError as error:
        said = str(error)
        assert said.startswith(f"{file}: ")
        assert len(said.splitlines()) == 1, said


@settings(
    max_examples=200,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=files() | garbage)
@example(content=HONEST.encode())
def test_a_configuration_is_whole_or_refused(tmp_path: Path, content: bytes) -> None:
    is_read_or_refused(tmp_path / "cloud.toml", content)


@pytest.mark.parametrize("place", ["a folder", "none", "a name with \n and \u202e"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    if place == "a folder":
        file.mkdir()
    with pytest.raises(ConfigError):
        load(file)

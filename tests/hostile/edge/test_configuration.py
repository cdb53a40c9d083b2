"""A file with anything in it is a configuration, or a message: file, key, expected, found; exit 2."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hostile.edge.configuration import LONGEST, MINIMAL, SECRET, SEEDS, WHOLE, hold
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.__main__ import main
from edge.config import load
from edge.errors import ConfigError

TABLES = ("receipts", "broker", "technician", "[display]", "[printer]", "products")
KEYS = sorted(
    {*tomllib.loads(WHOLE.decode()), *("kind", "file", "listen", "port", "0001", "header")}
)
VALUES = st.one_of(
    st.integers(),
    st.floats().map(lambda each: f"{each:.3e}" if abs(each) < 1e300 else "nan"),
    st.sampled_from(["true", "[]", "{}", "[[[1]]]", "1979-05-27T07:32:00Z", "0x" + "f" * 4000]),
    st.text(max_size=30).map(
        lambda text: '"' + "".join(f"\\U{ord(each):08x}" for each in text) + '"'
    ),
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Ours with keys of another kind, in another table, twice; then with bytes changed."""
    told = draw(st.sampled_from(SEEDS))[:5000]
    for _ in range(draw(st.integers(0, 3))):
        table, key = draw(st.sampled_from(TABLES)), draw(st.sampled_from(KEYS))
        told += f"\n[{table}]\n{key} = {draw(VALUES)}\n".encode()
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(told)))
        told = told[:place] + draw(st.binary(max_size=3)) + told[place + draw(st.integers(0, 3)) :]
    return told


@settings(max_examples=150, deadline=None)
@given(told=files())
def test_any_file_is_a_configuration_or_a_message_of_one_line(told: bytes) -> None:
    hold(told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("machine = " + "1" * 5000, "no TOML"),
        ("machine = " + "[" * 5000, "no TOML"),
        ("machine = 0x" + "f" * 5000, "machine: Expected `str`, found a value of type int"),
        ('machine = "' + "A" * 100_000 + '"', "machine: Expected letters"),
        ('machine = "a"\ntap = "qibixx:\\u0000"', "tap: expected text without a NUL"),
        ('machine = "a"\ntap = "x"\ndata = "a\\u0000"', "data: expected text without a NUL"),
        ('machine = "a"\ntap = "x"\n[broker]\nca = "\\u0000"', "broker.ca: expected text without"),
        ('machine = "a"\ntap = "x"\n"\\u001b[2J\\n" = 1', "there is no key `\\x1b[2J\\n`"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_that_a_terminal_can_show(
    line: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(line, "utf-8")
    assert main(["run", "--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert f"{file}: " in said
    assert told in said
    assert said.removesuffix("\n").isprintable()
    assert len(said) < LONGEST + len(str(file))


@pytest.mark.parametrize("content", [b"\xff\xfe" + SECRET.encode(), SECRET.encode() + b"\x80\n"])
def test_a_password_that_is_no_text_is_refused_and_not_told(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "mqtt.password"
    secret.write_bytes(content)
    file = tmp_path / "edge.toml"
    broker = f'[broker]\nusername = "vm-000123"\npassword_file = "{secret}"\n'
    file.write_bytes(MINIMAL + broker.encode())
    assert main(["run", "--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert f"{file}: broker" in said
    assert f"{secret}: it is no UTF-8 text" in said
    assert SECRET not in said


@pytest.mark.parametrize("table", ["", "[broker]", "[receipts]", "[technician]", "[[printer]]"])
@pytest.mark.parametrize("key", ["password", "pin", "token"])
def test_a_secret_that_was_written_where_it_does_not_belong_is_not_told(
    table: str, key: str, tmp_path: Path
) -> None:
    extra: dict[str, Any] = {"[technician]": 'pin_file = "/x"', "[[printer]]": 'kind = "usb"'}
    file = tmp_path / "edge.toml"
    head, rest = MINIMAL.decode().split("[receipts]")
    lines = f'{extra.get(table, "")}\n{key} = "{SECRET}"\n'
    if table == "":
        file.write_text(f"{lines}{head}[receipts]{rest}", "utf-8")
    elif table == "[receipts]":
        file.write_text(f"{head}[receipts]{rest}{lines}", "utf-8")
    else:
        file.write_text(f"{head}[receipts]{rest}{table}\n{lines}", "utf-8")
    with pytest.raises(ConfigError, match=key) as caught:
        load(file)
    assert SECRET not in str(caught.value)

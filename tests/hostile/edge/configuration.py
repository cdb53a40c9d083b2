"""A machine's file with anything in it: a configuration, or one line that says what is wrong."""

import tempfile
from pathlib import Path
from typing import Final

from edge.config import load
from edge.errors import ConfigError
from mdb.taps import open_tap

SECRET: Final = "hunter2-hunter2"
LONGEST: Final = 2000


def hold(told: bytes) -> None:
    """The file, as it is read at a start."""
    with tempfile.TemporaryDirectory(prefix="chekomat-hostile-") as name:
        file = Path(name) / "edge.toml"
        file.write_bytes(told)
        try:
            config = load(file)
        except ConfigError as error:
            words = str(error)
            assert words.startswith(f"{file}: "), words
            assert words.isprintable(), words
            assert len(words) <= LONGEST + len(str(file))
            return
        assert all(wrong.startswith("broker.") for wrong in config.broker.unreadable())
        if config.tap.startswith("virtual:"):
            try:
                open_tap(config.tap)
            except ValueError as error:
                str(error).encode()


MINIMAL: Final = b"""\
machine = "vm-000123"
tap = "virtual:0001=12000"
[receipts]
link = "https://chek.example/r/"
"""
WHOLE: Final = (Path(__file__).parents[3] / "deploy/edge/config.toml").read_bytes()
SEEDS: Final = [
    MINIMAL,
    WHOLE,
    MINIMAL + b'[broker]\nhost = "mqtt.chek.example"\nport = 8883\nca = "/no/ca.crt"\n',
    MINIMAL + b'[[display]]\nkind = "png"\nfile = "/x.png"\nwidth = 800\nheight = 480\n',
    MINIMAL + b'[[display]]\nkind = "kiosk"\n[[printer]]\nkind = "usb"\nheader = ["a", "b"]\n',
    MINIMAL + b'[technician]\npin_file = "/no/pin"\n[products]\n0001 = "x"\n',
    b"machine = " + b"1" * 5000,
    MINIMAL + b"[broker]\nport = 0x" + b"f" * 5000,
    b"machine = " + b"[" * 5000,
    b"machine = " + b"{a = " * 3000,
    b'machine = "a"\ntap = "x\\u0000"\n' + MINIMAL.partition(b"\n")[2],
    MINIMAL.replace(b'0001=12000"', b'0001=12000"\ndata = "\\u0000"'),
    MINIMAL + b'[broker]\nhost = "\\u0000"\n',
    MINIMAL + b'[broker]\nhost = "' + b"a." * 5000 + b'"\n',
    b'"\\u001b[2J\\n" = 1\n' + MINIMAL,
    b'machine = "' + b"A" * 100_000 + b'"\n',
    b'"' + b"k" * 100_000 + b'" = 1\n' + MINIMAL,
    b"\xff\xfe" + MINIMAL,
    MINIMAL + b"\0",
    b"machine = nan\n",
]

"""The configurations that the demo's parts run with; written as an operator would write them."""

from pathlib import Path
from typing import Final

from cloud.demo.places import Places

PUBLIC_ID: Final = "demo"
MACHINE: Final = "vm-000001"
DRINKS: Final = {
    "0001": ("Эспрессо", 9000),
    "0002": ("Американо 200 мл", 11000),
    "0003": ("Капучино 200 мл", 12000),
    "0004": ("Латте 300 мл", 14500),
    "0005": ("Горячий шоколад", 13000),
    "0006": ("Чай чёрный", 6000),
}


def cloud(database: str | Path, ports: Places, mqtt: str) -> str:
    """`cloud.toml`."""
    return f"""\
database = "{database}"
listen = "127.0.0.1:{ports.public}"
cabinet = "127.0.0.1:{ports.cabinet}"
public_url = "http://127.0.0.1:{ports.public}"

[broker]
port = {ports.broker}
mqtt = "{mqtt}"
"""


def edge(folder: Path, ports: Places, mqtt: str) -> str:
    """`edge.toml`."""
    menu = ",".join(f"{item}={price}" for item, (_, price) in DRINKS.items())
    products = "\n".join(f'"{item}" = "{name}"' for item, (name, _) in DRINKS.items())
    return f"""\
machine = "{MACHINE}"
tap = "virtual:{menu}"
data = "{folder}/edge"

[broker]
port = {ports.broker}
mqtt = "{mqtt}"

[receipts]
link = "http://127.0.0.1:{ports.public}/r/"

[[display]]
kind = "kiosk"
listen = "127.0.0.1:{ports.kiosk}"

[products]
{products}
"""

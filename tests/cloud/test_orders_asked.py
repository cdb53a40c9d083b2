"""What is asked of a machine on the command line; the wall clock stands where the test puts it."""

import argparse
from pathlib import Path

import pytest
from freezegun import freeze_time

from cloud.errors import ConfigError
from cloud.orders import asked
from cloud.orders.arguments import add_tell
from cloud.orders.tell import Order

CONFIG = """\
database = "cloud.sqlite"
public_url = "https://receipts.example"
api_token_file = "api.word"

[broker]
host = "127.0.0.1"
"""


def ordered(words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Order:
    """The order that a command line makes, as it would be sent."""
    config = tmp_path / "cloud.toml"
    config.write_text(CONFIG, "utf-8")
    parser = argparse.ArgumentParser()
    add_tell(parser.add_subparsers().add_parser, config)
    orders: list[Order] = []
    monkeypatch.setattr(asked, "tell", lambda _broker, order, *_: orders.append(order))
    asked.told(parser.parse_args(["tell", "vm-000123", *words]), print, print)
    (order,) = orders
    return order


@pytest.mark.parametrize(
    ("now", "expires"),
    [
        ("2026-12-31T23:59:50Z", "2027-01-01T00:00:20.000+00:00"),
        ("2028-02-28T23:59:59.999Z", "2028-02-29T00:00:29.999+00:00"),
        ("2027-01-01T02:59:50+03:00", "2027-01-01T00:00:20.000+00:00"),
    ],
)
def test_an_order_expires_so_long_from_now_wherever_the_year_ends(
    now: str, expires: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with freeze_time(now):
        order = ordered(["restart", "--expires-s", "30"], monkeypatch, tmp_path)
    assert (order.command.expires_at, order.wait_s) == (expires, 30)


def test_an_order_is_another_each_time_unless_its_name_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with freeze_time("2026-11-26T12:00:00Z"):
        one, two, again = (
            ordered(["show-last", *more], monkeypatch, tmp_path)
            for more in ((), (), ("--id", "a1"))
        )
    assert one.command == two.command == again.command
    assert one.command_id != two.command_id
    assert again.command_id == "a1"


def test_what_the_contract_refuses_is_a_mistake_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="show-text"):
        ordered(["show-text", "X" * 201], monkeypatch, tmp_path)

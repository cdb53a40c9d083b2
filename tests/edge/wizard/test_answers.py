"""Each answer alone: from a flag, from the file before, by default."""

import argparse
import io

import pytest

from edge.checks import as_is
from edge.checks.adapter import Adapter
from edge.config import read_text
from edge.errors import ConfigError
from edge.tools.setup import add_arguments
from edge.wizard import answers
from edge.wizard.person import Person
from edge.wizard.written import document

KEY = "/run/credentials/chekomat-edge.service/mqtt.key"


@pytest.fixture
def person() -> Person:
    return Person("en", asks=False, out=io.StringIO())


def flags(*said: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([*said, "--no-picture", "--no-slip", "--no-listen"])


def test_two_uarts_of_the_pi_are_offered_as_the_two_lines_of_a_bus() -> None:
    found = [
        Adapter("/dev/ttyAMA0", "uart"),
        Adapter("/dev/q", "qibixx", as_is("4")),
        Adapter("/dev/ttyAMA3", "uart"),
        Adapter("/dev/silent", "silent"),
        Adapter("/dev/bad", "unusable", as_is("in use")),
    ]
    assert answers.taps_of(found) == [
        "qibixx:/dev/q",
        "uart:/dev/ttyAMA0,/dev/ttyAMA3",
        "uart:/dev/ttyAMA0",
        "uart:/dev/ttyAMA3",
    ]


@pytest.mark.parametrize(
    ("said", "tree"),
    [
        (
            ["--broker", "b.example"],
            {
                "host": "b.example",
                "port": 8883,
                "ca": "/etc/chekomat/ca.crt",
                "certificate": "/etc/chekomat/mqtt.crt",
                "key": KEY,
            },
        ),
        (
            ["--broker", "b:1883"],
            {"host": "b", "port": 1883, "ca": None, "certificate": None, "key": None},
        ),
        (
            ["--broker", "b", "--ca", "system", "--username", "vm-1", "--password-file", "/p"],
            {
                "host": "b",
                "port": 8883,
                "ca": "system",
                "certificate": None,
                "key": None,
                "username": "vm-1",
                "password_file": "/p",
            },
        ),
        (
            ["--broker", "b:9", "--ca", "/a", "--certificate", "/c", "--key", "/k"],
            {"host": "b", "port": 9, "ca": "/a", "certificate": "/c", "key": "/k"},
        ),
    ],
)
async def test_a_broker_is_an_address_and_what_proves_us(
    person: Person, said: list[str], tree: dict[str, object]
) -> None:
    assert await answers.broker(flags(*said), person, {}) == tree


async def test_the_broker_before_is_kept(person: Person) -> None:
    before = {"host": "b", "port": 1884, "ca": "/x"}
    tree = await answers.broker(flags(), person, before)
    assert (tree["host"], tree["port"], tree["ca"]) == ("b", 1884, "/x")


async def test_without_receipt_pages_only_fiscal_codes_are_shown(person: Person) -> None:
    tree = await answers.receipts(flags("--link", "none"), person, {})
    assert tree == {"link": None, "qr": "fiscal"}
    again = await answers.receipts(flags("--link", "https://c/r/"), person, {"qr": "fiscal"})
    assert again == {"link": "https://c/r/", "qr": None}


async def test_a_display_is_the_kiosk_and_a_printer_is_none_unless_said(person: Person) -> None:
    assert await answers.displays(flags(), person, None) == [{"kind": "kiosk"}]
    assert await answers.printers(flags(), person, None) == []
    before = [{"kind": "file", "folder": "x"}]
    assert await answers.printers(flags(), person, before) == before
    assert await answers.printers(flags("--printer", "none"), person, before) == []


async def test_several_devices_may_be_said(person: Person) -> None:
    said = flags("--display", "terminal", "--display", "kiosk", "--printer", "usb")
    assert await answers.displays(said, person, None) == [{"kind": "terminal"}, {"kind": "kiosk"}]
    assert await answers.printers(said, person, None) == [{"kind": "usb"}]


async def test_a_computer_s_own_name_is_nobody_s_answer(person: Person) -> None:
    with pytest.raises(ConfigError, match="--machine is missing"):
        await answers.machine(flags(), person, None)
    assert await answers.machine(flags(), person, "vm-1") == "vm-1"


async def test_answers_make_a_configuration(person: Person) -> None:
    said = flags("--broker", "b", "--link", "https://c/r/", "--machine", "vm-1")
    tree = {
        "machine": await answers.machine(said, person, None),
        "tap": "virtual:0001=12000",
        "broker": await answers.broker(said, person, {}),
        "receipts": await answers.receipts(said, person, {}),
        "display": await answers.displays(said, person, None),
    }
    assert read_text(document(tree), "x").broker.key == KEY


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["--machine", "автомат"], "--machine: нужны латинские буквы"),
        (["--machine", "cloud"], "--machine: 'cloud' - имя самого облака"),
        (["--broker", "b:x"], "--broker: нужен АДРЕС:ПОРТ"),
        (["--broker", "b:70000"], "--broker: нужны имя или адрес брокера и порт от 1 до 65535"),
        (["--link", "chek"], "--link: нужен адрес, как https://chek.example/r/"),
        (["--tap", "wall:1"], "--tap: wall:1: такого источника нет; есть replay:FILE"),
        (["--tap", "qibixx:/dev/none"], "--tap: qibixx:/dev/none: такого порта нет"),
    ],
)
async def test_a_wrong_answer_is_told_in_russian(said: list[str], told: str) -> None:
    person, given = Person("ru", asks=False, out=io.StringIO()), flags(*said)
    asked = {
        "--machine": answers.machine(given, person, None),
        "--tap": answers.tap(given, person, None),
        "--broker": answers.broker(given, person, {}),
        "--link": answers.receipts(given, person, {}),
    }
    asking = asked.pop(said[0])
    for each in asked.values():
        each.close()
    with pytest.raises(ConfigError) as caught:
        await asking
    assert str(caught.value).startswith(told)

import re

import pytest

from mdb.__main__ import main
from mdb.tools.wiring import LANGUAGES, UNWIRED, WIRED, language

NEXT = {"en": "NEXT", "ru": "ДАЛЬШЕ"}


@pytest.fixture
def wiring(capsys: pytest.CaptureFixture[str]) -> "Wiring":
    return Wiring(capsys)


class Wiring:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> str:
        assert main(["wiring", *arguments]) == 0
        told = self._capsys.readouterr()
        assert told.err == ""
        return told.out


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("tap", WIRED)
def test_every_tap_says_pins_safety_and_what_to_do_next(
    wiring: Wiring, tap: str, spoken: str
) -> None:
    told = wiring(tap, "--lang", spoken)
    for pin in (
        "34 VDC",
        "DC return",
        "Master Receive",
        "Master Transmit",
        "Communications common",
    ):
        assert pin in told
    assert told.endswith(f"{NEXT[spoken]}\n  python -m mdb watch {WIRED[tap]}\n")
    assert {"en": "isolated", "ru": "развяз"}[spoken] in told


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_without_a_tap_everything_is_told(wiring: Wiring, spoken: str) -> None:
    told = wiring("--lang", spoken)
    for example in WIRED.values():
        assert f"python -m mdb watch {example}" in told
    for line in ("dtoverlay=disable-bt", "dtoverlay=uart3", "PL011", "TLV3202", "enable_uart=1"):
        assert line in told


def test_both_languages_say_the_same_facts(wiring: Wiring) -> None:
    def facts(spoken: str) -> set[str]:
        told = wiring("--lang", spoken)
        return set(re.findall(r"dtoverlay=\S+|/dev/\S+[A-Z0-9]|GPIO\d+|[A-Z]+\d{3,}\w*", told))

    assert facts("en") == facts("ru")


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_it_fits_a_printed_page(wiring: Wiring, spoken: str) -> None:
    assert max(map(len, wiring("--lang", spoken).splitlines())) <= 100


def test_the_tap_that_was_named_is_the_one_to_watch(wiring: Wiring) -> None:
    assert wiring("uart:/dev/ttyAMA3").endswith("python -m mdb watch uart:/dev/ttyAMA3\n")


@pytest.mark.parametrize("tap", UNWIRED)
def test_a_tap_without_wires_says_so(wiring: Wiring, tap: str) -> None:
    told = wiring(tap, "--lang", "en")
    assert told.startswith("NO WIRES")
    assert told.endswith(f"python -m mdb watch {UNWIRED[tap]}\n")


def test_an_unknown_tap_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wiring", "telepathy"]) == 2
    told = capsys.readouterr().err
    assert told == "no tap is called 'telepathy'; known are qibixx, uart, lines\n"


@pytest.mark.parametrize(
    ("environment", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru", "LC_ALL": ""}, "ru"),
    ],
)
def test_the_language_is_the_person_s(environment: dict[str, str], spoken: str) -> None:
    assert language(environment) == spoken


def test_the_environment_is_looked_at(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    assert "РАЗЪЁМ" in wiring()
    assert "CONNECTOR" in wiring("--lang", "en")

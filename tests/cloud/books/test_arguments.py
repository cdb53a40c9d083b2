import argparse

import pytest
from clerk import Clerk

from cloud.books.arguments import reads
from cloud.books.kinds import KINDS
from cloud.books.needed import EXPLAINED, NEEDED
from cloud.books.values import slot

DEEDS = {
    "operator": ["add", "list", "show", "remove", "import"],
    "register": ["add", "list", "show", "remove", "import", "pause", "resume", "restored"],
    "product": ["add", "list", "show", "remove", "import"],
    "planogram": ["add", "list", "show", "remove", "import", "set"],
    "machine": ["add", "list", "show", "remove", "import"],
}


@pytest.mark.parametrize("word", KINDS)
def test_every_command_and_deed_explains_itself(
    clerk: Clerk,
    capsys: pytest.CaptureFixture[str],
    word: str,
) -> None:
    for deed in ("", *DEEDS[word]):
        with pytest.raises(SystemExit) as ended:
            clerk.parsed(f"{word} {deed} --help")
        assert ended.value.code == 0
        told = capsys.readouterr().out
        assert "usage: " in told
        if deed in {"", "add"}:
            assert f"  python -m cloud {word} add " in told
        if deed == "import":
            assert "columns:\n" in told


def test_what_every_provider_needs_stands_in_the_help(
    clerk: Clerk, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        clerk.parsed("register add --help")
    told = capsys.readouterr().out
    for provider, keys in NEEDED.items():
        assert f"  {provider:12}{', '.join(keys)}\n" in told
    assert EXPLAINED in told


@pytest.mark.parametrize("word", ["operator", "machine"])
def test_every_policy_is_an_option(
    clerk: Clerk,
    capsys: pytest.CaptureFixture[str],
    word: str,
) -> None:
    with pytest.raises(SystemExit):
        clerk.parsed(f"{word} add --help")
    told = capsys.readouterr().out
    for option in ("--cash, --no-cash", "--cashless, --no-cashless", "--presumed", "--qr",
                   "--late-after-h HOURS", "--late {", "--most ROUBLES", "--unset"):  # fmt: skip
        assert option in told


def test_what_is_not_said_is_not_there(clerk: Clerk) -> None:
    told = vars(clerk.parsed("machine add vm-1 --no-cash --most 120.50"))
    assert told["cash"] is False
    assert told["most"] == 12050
    assert "cashless" not in told
    assert "address" not in told


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("planogram set hot 00001 tea", "argument SLOT: '00001' is no slot; expected up to four"),
        ("planogram set hot 1 tea --price-min 1.005", "'1.005' is no amount; expected roubles"),
        ("planogram set hot 1 tea --from yesterday", "'yesterday' is no day; expected such as"),
        ("operator add c --inn 7708806063", "'7708806063' is no INN; expected 10 or 12 digits"),
        ("machine add vm-1 --late never", "expected one of receipt, correction, by_hand"),
        ("machine add vm-1 --unset address", "'address' is no policy; expected one of cash, "),
        ("machine add автомат", "is no machine's id; expected Latin letters"),
    ],
)
def test_a_wrong_value_is_exit_2_and_says_what_was_expected(
    clerk: Clerk,
    capsys: pytest.CaptureFixture[str],
    line: str,
    said: str,
) -> None:
    with pytest.raises(SystemExit) as ended:
        clerk.parsed(line)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_reader_s_words_are_argparse_s() -> None:
    assert reads(slot)("1") == "0001"
    with pytest.raises(argparse.ArgumentTypeError, match="'x' is no slot"):
        reads(slot)("x")

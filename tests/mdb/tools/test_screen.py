import io

import pytest

from mdb.tools.screen import PLAIN, REVERSE, WIPE, Screen


class Console(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setenv("NO_COLOR", "1")
    return Console()


def test_a_pipe_has_lines_and_no_status() -> None:
    pipe = io.StringIO()
    screen = Screen(pipe)
    screen.status("bytes 1")
    screen.say("one")
    screen.status("")
    assert pipe.getvalue() == "one\n"
    assert not screen.colour


def test_the_status_stays_below_what_scrolls(console: Console) -> None:
    screen = Screen(console)
    screen.say("one")
    screen.status("bytes 1")
    screen.say("two")
    screen.status("bytes 2")
    screen.status("")
    assert console.getvalue() == (
        f"one\n{WIPE}bytes 1{WIPE}two\nbytes 1{WIPE}bytes 2{WIPE}"  # and nothing is left of it
    )


def test_the_status_is_never_longer_than_a_line(console: Console) -> None:
    Screen(console).status("x" * 500)
    assert console.getvalue() == f"{WIPE}{'x' * 79}"


def test_a_warning_does_not_mix_with_the_status(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen(console)
    screen.status("bytes 1")
    screen.warn("beware")
    assert capsys.readouterr().err == "beware\n"
    assert console.getvalue() == f"{WIPE}bytes 1{WIPE}{WIPE}bytes 1"


def test_colour_is_left_out_if_nobody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    console = Console()
    Screen(console).status("bytes 1")
    assert console.getvalue() == f"{WIPE}{REVERSE}bytes 1{PLAIN}"
    monkeypatch.setenv("NO_COLOR", "")
    assert not Screen(console).colour

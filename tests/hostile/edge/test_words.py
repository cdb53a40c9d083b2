"""Names on glass and paper: nothing in them fails a display, commands a printer or breaks a page."""

import pytest
from hostile.edge.words import POLICY, SEEDS, SOLD, glass, hold, paper
from hypothesis import given, settings
from hypothesis import strategies as st
from specimens import receipt

from edge.buyer.picture import picture_of
from edge.buyer.policy import ready
from edge.displays import terminal
from edge.displays.pole import rows_of
from edge.printers.paper import LINE, Roll
from edge.printers.profiles import PROFILES
from edge.printers.slip import render, slip_of

names = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.text(alphabet="\x1b\x1d\x10\x1c\0\n\r@!VvJ(k\u202e\u2066\u0301 ", max_size=20),
        st.sampled_from([each.decode("utf-8", "replace") for each in SEEDS]),
    ),
    max_size=3,
).map("".join)


@settings(max_examples=8, deadline=None)
@given(name=names)
def test_no_name_fails_what_shows_or_prints_it(name: str) -> None:
    hold(name.encode("utf-8", "replace"))


@settings(max_examples=25, deadline=None)
@given(name=names)
def test_no_name_is_a_command_to_a_printer(name: str) -> None:
    paper(name)


def test_a_name_without_an_end_is_not_metres_of_paper() -> None:
    slip = slip_of(SOLD, receipt(SOLD), "Кофе " * 2000)
    assert slip is not None
    roll = Roll(PROFILES["generic-58"])
    roll.print(render(slip, PROFILES["generic-58"]))
    assert roll.image.height < 40 * LINE


def test_a_sum_or_a_day_that_is_wider_than_the_paper_is_broken() -> None:
    for qr in (f"t={'9' * 200}&s=1&fn=1&i=1&fp=1", f"t=1&s={'9' * 200}&fn=1&i=1&fp=1"):
        slip = slip_of(SOLD, receipt(SOLD, qr=qr, fiscal=None))
        assert slip is not None
        roll = Roll(PROFILES["generic-80"])
        roll.print(render(slip, PROFILES["generic-80"]))
        assert "9" * 200 in "".join(roll.text).replace(" ", "").replace("руб.", "")


@pytest.mark.parametrize(
    "link", ["https://x/\x1b]0;owned\x07/", "https://x/\x1b@\x0c\x1fC/", "\n\r\0"]
)
def test_an_address_commands_no_terminal_and_no_pole(link: str) -> None:
    screen = ready(SOLD, receipt(SOLD, link=link), POLICY, late=False)
    assert screen is not None
    picture = picture_of(screen, {})
    told = [*rows_of(picture, 40, 4), *(picture.link or "").split("\n")]
    said = [line for line in terminal.render(picture).split("\n") if "█" not in line]
    assert all(line.isprintable() for line in told)
    assert not any("owned" in line and not line.isprintable() for line in said)
    glass(screen, "x")

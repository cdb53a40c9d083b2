"""A pseudo serial port: whose its link is, and when it waits for nobody."""

import os
import pty
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from console import wait_until

from mdb import BusByte, Line
from mdb.tools.mistake import MistakeError
from mdb.tools.pseudo_port import PseudoPort
from mdb.virtual.speech import Lines

MORE_THAN_A_TERMINAL_HOLDS = 50_000


class Button:
    """An ear that has heard enough once it was pressed."""

    def __init__(self) -> None:
        self.switched_off = False
        self._heard, self._pressed = os.pipe()

    def press(self) -> None:
        os.write(self._pressed, b"!")

    def fileno(self) -> int:
        return self._heard

    def ready(self) -> None:
        self.switched_off = bool(os.read(self._heard, 1))

    def close(self) -> None:
        os.close(self._heard)
        os.close(self._pressed)


@pytest.fixture
def button() -> Iterator[Button]:
    made = Button()
    yield made
    made.close()


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "tap"


def test_a_link_is_made_and_taken_away(link: Path) -> None:
    with PseudoPort(Lines(), link) as port:
        assert str(link.readlink()) == port.path
    assert not link.is_symlink()


def test_a_link_that_leads_nowhere_is_taken_over(link: Path) -> None:
    link.symlink_to("/dev/pts/nobody")
    with PseudoPort(Lines(), link) as port:
        assert str(link.readlink()) == port.path


def test_a_link_of_a_killed_port_whose_number_we_got_is_taken_over(link: Path) -> None:
    port = PseudoPort(Lines(), link)
    link.symlink_to(port.path)
    with port:
        assert str(link.readlink()) == port.path
    assert not link.is_symlink()


def test_a_link_in_use_is_refused_and_left_alone(link: Path) -> None:
    end, other = pty.openpty()
    used = os.ttyname(other)
    link.symlink_to(used)
    with pytest.raises(MistakeError, match=rf"{link} leads to {used}, which is in use; name"):
        PseudoPort(Lines(), link).__enter__()
    assert str(link.readlink()) == used
    os.close(end)
    os.close(other)


def test_two_ports_do_not_take_each_other_s_link(link: Path) -> None:
    with PseudoPort(Lines(), link) as first:
        with pytest.raises(MistakeError, match="which is in use"):
            PseudoPort(Lines(), link).__enter__()
        assert str(link.readlink()) == first.path


def test_a_port_that_is_switched_off_waits_for_no_reader_that_stopped_reading_and_left(
    button: Button,
) -> None:
    said = [
        BusByte(0x12, False, (Line.VMC, Line.PERIPHERAL)[at % 2], at / 1000)
        for at in range(MORE_THAN_A_TERMINAL_HOLDS)
    ]
    with PseudoPort(Lines(), ear=button) as port:
        playing = threading.Thread(target=lambda: list(port.play([said], 0.0)), daemon=True)
        reader = os.open(port.path, os.O_RDWR | os.O_NOCTTY)
        playing.start()
        wait_until(port.listening)
        wait_until(port._unread)  # noqa: SLF001, it speaks, and is not read
        os.close(reader)
        button.press()
        playing.join(20)
        assert not playing.is_alive()

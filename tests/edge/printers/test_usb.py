import os
import tty
from pathlib import Path

import pytest

from edge.printers.usb import open_usb


def test_a_device_file_is_opened_for_both_ways() -> None:
    far, near = os.openpty()
    tty.setraw(near)
    port = open_usb(os.ttyname(near))
    port.write(b"out", 1)
    os.write(far, b"in")
    assert (os.read(far, 10), port.read(1)) == (b"out", b"in")
    port.close()
    os.close(far)
    os.close(near)


def test_a_printer_of_the_usb_class_may_read_nothing_and_is_there() -> None:
    port = open_usb("/dev/null")  # like usblp it is no terminal, and reads nothing
    assert port.read(0.05) == b""
    port.close()


def test_one_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_usb(str(tmp_path / "lp0"))

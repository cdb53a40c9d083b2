import os
import termios
from pathlib import Path

import pytest

from edge.config.printers import SerialPrinter
from edge.printers.serial_port import open_serial


@pytest.mark.parametrize(("baud", "code"), [(9600, termios.B9600), (115200, termios.B115200)])
def test_the_port_is_raw_at_the_speed_of_the_table(baud: int, code: int) -> None:
    far, near = os.openpty()
    path = os.ttyname(near)
    port = open_serial(SerialPrinter(port=path, baud=baud))  # type: ignore[arg-type]
    iflag, oflag, cflag, lflag, _, speed, _ = termios.tcgetattr(near)
    assert speed == code
    assert not lflag & (termios.ICANON | termios.ECHO)
    assert not oflag & termios.OPOST
    assert not iflag & termios.IXON
    assert cflag & termios.CSIZE == termios.CS8
    port.write(b"\n\x11\x13\xff", 1)
    assert os.read(far, 10) == b"\n\x11\x13\xff"
    port.close()
    os.close(far)
    os.close(near)


def test_flow_control_is_as_the_table_says() -> None:
    far, near = os.openpty()
    path = os.ttyname(near)
    port = open_serial(SerialPrinter(port=path, flow="xonxoff"))
    assert termios.tcgetattr(near)[0] & termios.IXON
    port.close()
    port = open_serial(SerialPrinter(port=path, flow="rtscts"))
    assert termios.tcgetattr(near)[2] & termios.CRTSCTS
    port.close()
    os.close(far)
    os.close(near)


def test_one_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        open_serial(SerialPrinter(port=str(tmp_path / "ttyUSB0")))


def test_a_file_that_is_no_port_is_an_error_of_the_system(tmp_path: Path) -> None:
    file = tmp_path / "ttyUSB0"
    file.touch()
    with pytest.raises(OSError, match="Could not configure port"):
        open_serial(SerialPrinter(port=str(file)))

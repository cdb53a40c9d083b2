from pathlib import Path

from boards.thermal import Thermal, Tty, switched_on
from parts import until

from edge.printers import Printer
from edge.printers._blueprint import blueprint
from edge.printers.profiles import PROFILES


async def test_a_copy_of_the_blueprint_is_a_printer(tmp_path: Path) -> None:
    cable = Tty(Thermal(), tmp_path / "lp")
    printer: Printer = blueprint(str(tmp_path / "lp"), PROFILES["generic-58"])
    assert (await printer.status()).word == "offline"
    with switched_on(cable) as board:
        assert (await printer.status()).word == "ready"
        await printer.send(b"W\n")
        await until(lambda: bytes(board.printed) == b"W\n")
        await printer.close()

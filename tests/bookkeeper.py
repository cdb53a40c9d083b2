"""A machine's books, kept apart from what reads them: vends go in, an EVA-DTS file comes out.

It is written from the standard and shares nothing with `mdb.audit`, its checksum included.
"""

from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import NamedTuple


class Vend(NamedTuple):
    """A vend of a selection; `device` CA, DA, DB for a paid one, `kind` PA2 paid, PA3, PA4."""

    selection: str
    price: int
    device: str = "CA"
    kind: str = "PA2"
    price_list: str = "0"


TOTAL = {"PA2": "VA1", "PA3": "VA2", "PA4": "VA3"}


@dataclass
class Books:
    serial: str = "ABC1234567"
    decimals: str = ""
    vends: list[Vend] = field(default_factory=list)
    board: str = "B1"
    clock: str = "20261126*093000"
    more: tuple[str, ...] = ()
    """Segments that it tells besides."""

    def dts(self, line_end: bytes = b"\r\n", checksum: str | None = None) -> bytes:
        """The file as a machine tells it now; since the last reset it has counted nothing."""
        told = ["ST*001*0001", f"ID1*{self.serial}*BOX", f"CB1*{self.board}"]
        told += [f"ID4*{self.decimals}*1643", f"ID5*{self.clock}", *self.more]
        told += [*self._totals(), *self._selections()]
        crc = checksum or f"{bitwise(told):04X}"
        whole = ["DXS*CHK0000000*VA*V0/6*1", *told, f"G85*{crc}"]
        whole += [f"SE*{len(told) + 2}*0001", "DXE*1*1"]
        return b"".join(line.encode() + line_end for line in whole)

    def _totals(self) -> list[str]:
        lines = [
            f"{name}*{sum(v.price for v in of)}*{len(of)}*0*0"
            for kind, name in TOTAL.items()
            for of in [[v for v in self.vends if v.kind == kind]]
        ]
        paid = [v for v in self.vends if v.kind == "PA2"]
        for device in sorted({v.device for v in paid}):
            of = [v for v in paid if v.device == device]
            lines.append(f"{device}2*{sum(v.price for v in of)}*{len(of)}*0*0")
        return lines

    def _selections(self) -> list[str]:
        lines = []
        for selection in sorted({v.selection for v in self.vends}):
            of = [v for v in self.vends if v.selection == selection]
            lines.append(f"PA1*{selection.replace('*', '^2A^')}*{of[-1].price}*CUP")
            for kind in TOTAL:
                some = [v.price for v in of if v.kind == kind]
                lines.append(f"{kind}*{len(some)}*{sum(some)}*0*0")
            by = Tally((v.device, v.price_list) for v in of if v.kind == "PA2")
            for (device, price_list), count in sorted(by.items()):
                prices = [v.price for v in of if v[2:] == (device, "PA2", price_list)]
                shown = selection.replace("*", "^2A^")
                lines.append(
                    f"PA7*{shown}*{device}*{price_list}*{of[-1].price}*{count}*{sum(prices)}*0*0"
                )
        return lines


def bitwise(lines: list[str]) -> int:
    """The checksum of G85, a bit at a time as a shift register makes it."""
    register = 0
    for byte in "".join(f"{line}\r\n" for line in lines).encode():
        for bit in range(8):
            carry = (register ^ byte >> bit) & 1
            register = register >> 1 ^ 0xA001 * carry
    return register

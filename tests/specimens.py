"""A sale, a receipt and a clock, each as a test wants it; and an eye that reads QR codes."""

from dataclasses import dataclass, field

import msgspec
import zxingcpp
from PIL import Image

from edge.clock import Moment
from edge.wire import Fiscal, Receipt, Sale, Tender

FISCAL = "t=20261123T1542&s=60.00&fn=9999078900000000&i=12345&fp=1234567890&n=1"
BOOT = "0b6c1c9e-8d0f-4f4b-9d51-1f6f7c0f2a11"
SALE = Sale(
    sale_id="0193a5d2-7c1e-7b54-9d0e-000000000001",
    machine="vm-000123",
    epoch="7f3a9c1e",
    seq=1,
    sold_at="2026-11-23T15:42:10.512Z",
    clock="synced",
    boot_id=BOOT,
    boottime_ms=512_345_678,
    item="0001",
    kind="paid",
    amount=12510,
    currency="RUB",
    tenders=(Tender(by="cashless-1", amount=12510),),
    confidence="confirmed",
    token="k7q2m9x4t8b3c5wz",
)


def sale(seq: int = 1, **changes: object) -> Sale:
    """The sale of that number; its id carries the number."""
    named = {"seq": seq, "sale_id": f"0193a5d2-7c1e-7b54-9d0e-{seq:012x}"}
    return msgspec.structs.replace(SALE, **(named | changes))


def receipt(of: Sale, rev: int = 1, **changes: object) -> Receipt:
    """Its receipt, issued; the fiscal string carries the sale's number."""
    fiscal = Fiscal(
        fn="9999078900000000", fd=of.seq, fp=1234567890, at="2026-11-23T18:42", total=6000
    )
    qr = FISCAL.replace("i=12345", f"i={of.seq}")
    issued = Receipt(sale_id=of.sale_id, rev=rev, status="issued", qr=qr, fiscal=fiscal)
    return msgspec.structs.replace(issued, **changes)


@dataclass
class StillClock:
    """A clock that goes on only when it is told to; it counts how often it was asked."""

    seconds: float = 1000.0
    asked: int = field(default=0)

    def now(self) -> Moment:
        return Moment(1_795_448_530_512 + self._ms, self._ms, BOOT, "synced")

    def boottime(self) -> float:
        self.asked += 1
        return self.seconds

    @property
    def _ms(self) -> int:
        return round(self.seconds * 1000)


def read(image: Image.Image) -> str:
    """What a phone reads: exactly one code, by a decoder that knows nothing of our encoder."""
    codes = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    assert len(codes) == 1
    return codes[0].bytes.decode()

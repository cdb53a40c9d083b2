"""A machine on which all is well."""

import pytest

from edge.technician.status import (
    BusStatus,
    ClockStatus,
    DisplayStatus,
    IncidentStatus,
    LastReceipt,
    LastSale,
    LinkStatus,
    Oldest,
    OutboxStatus,
    Peripheral,
    PrinterStatus,
    Status,
)


@pytest.fixture
def well() -> Status:
    return Status(
        machine="vm-000123",
        version="0.1.0",
        started="2026-11-23T06:00:00.000Z",
        uptime_s=35_000.0,
        clock=ClockStatus(quality="synced", now="2026-11-23T15:43:20.000Z"),
        bus=BusStatus(
            tap="qibixx:/dev/ttyACM0",
            last_byte_s=0.1,
            bytes_per_s=41.7,
            peripherals=(
                Peripheral(address=0x08, name="changer", currency="RUB", scale=100),
                Peripheral(address=0x10, name="cashless 1", currency="RUB", scale=10),
            ),
        ),
        outbox=OutboxStatus(
            epoch="7f3a9c1e",
            next_seq=1042,
            pending=1,
            oldest=Oldest(seq=1041, sold_at="2026-11-23T15:42:10.512Z", age_s=69.0),
            disk_free_mb=11_812,
        ),
        link=LinkStatus(
            broker="mqtt.chek.example:8883",
            connected=True,
            since_s=34_990.0,
            cloud_online=True,
            in_flight=1,
            cert_days=200,
        ),
        last_sale=LastSale(
            seq=1041,
            item="0001",
            product="Капучино",
            amount=12_510,
            currency="RUB",
            sold_at="2026-11-23T15:42:10.512Z",
            age_s=69.0,
        ),
        last_receipt=LastReceipt(
            sale_id="0193a5d2-7c1e-7b54-9d0e-2f6f0a9c1b11",
            status="issued",
            rev=1,
            fn="9999078900012345",
            fd=4711,
            fp=2_345_678_901,
            age_s=310.0,
            latency_s=1.9,
        ),
        displays=(DisplayStatus(name="1-framebuffer", panel="480 x 320 px", showing="idle"),),
        printers=(PrinterStatus(name="1-escpos", status="ready"),),
        incidents=(
            IncidentStatus(kind="display_failed", at="2026-11-22T08:00:00.000Z", words="no reply"),
        ),
    )

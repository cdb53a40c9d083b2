"""What the settings of a CloudKassir account may say."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from cloud.providers import Account, File, Url
from edge.wire.messages import END


class Settings(Account, frozen=True, kw_only=True):
    """``[registers.NAME]`` with ``provider = "cloudkassir"``."""

    url: Url = "https://api.cloudpayments.ru"
    public_id: Annotated[str, Meta(pattern=rf"^[^:\x00-\x1f]+{END}")]
    """HTTP Basic ends it at the first colon (RFC 7617, section 2)."""
    secret_file: File
    """The API secret: of requests and of pushes."""
    extra_receipt_fields: dict[str, Any] = field(default_factory=dict)
    """Put into `CustomerReceipt` as they stand; ``{machine} {address} {place}`` are filled in."""
    device_number: str = ""
    """`DeviceNumber` of corrections; some accounts need it."""
    zone_field: Literal["TimeZoneCode", "RussiaTimeZone"] | None = None
    """The name of tag 1011; None: the register's own zone."""
    correction_vat: Literal["scale", "percent"] = "scale"
    """What a correction's `VatRate` counts in."""
    hours_ahead: Annotated[int, Meta(ge=2, le=12)] | None = None
    """The register's time, hours ahead of UTC, once it is sure that `DateTime` is UTC."""

"""What the settings of a Ferma account may say."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, field

from cloud.providers import Account, File, Url

Fault = Literal["auth", "billing", "drive", "no_register", "busy", "receipt", "unknown"]
"""Whose fault a refusal is: the account's, its registers', the moment's, or the receipt's. Of
`unknown` it is not sure that it is a refusal."""


class Settings(Account, frozen=True, kw_only=True):
    """``[registers.NAME]`` with ``provider = "ferma"``."""

    url: Url = "https://ferma.ofd.ru/api"
    ffd: Literal["1.05", "1.2"] = "1.2"
    """Its documents of 2024 speak of 1.1 and 1.2 alone; 1.05 is written as 1.1 is."""
    login: Annotated[str, Meta(min_length=1)]
    password_file: File
    callback_url: Url | None = None
    """Where Ferma pushes to."""
    machine_field: Literal["AutomaticDeviceNumber", "AutomatNumber"] = "AutomaticDeviceNumber"
    """Tag 1036: a whole number, or the newer interface's text."""
    vat_names: dict[Literal["none", "0", "5", "7", "10", "20", "22"], str] = field(
        default_factory=dict
    )
    """Names of rates that differ from ours: ``{"20" = "ObsoleteVat20"}``."""
    codes: dict[str, Fault] = field(default_factory=dict)
    """What codes of refusals mean, by their number; overrules the words."""
    look_up: bool = True
    """Whether the status is told by `InvoiceId`, too."""
    timezone: str = "Europe/Moscow"
    """Where the registers' local time is, tag 1012."""
    receipt_date: Literal["local", "utc"] = "local"
    """What `ReceiptDateUtc` is where no time with an offset stands beside it. In answers that were
    seen it is local, whatever its name says."""

    def __post_init__(self) -> None:
        """The zone has to exist."""
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"timezone: no zone is called {self.timezone!r}") from None

"""What the settings of an account at ATOL, or at one of its dialects, may say."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from cloud.providers import Account, File, Url

DIALECTS: Final = {
    "atol": "https://online.atol.ru/possystem/{protocol}",
    "evotor": "https://fiscalization.evotor.ru/possystem/{protocol}",
    "ecom": "https://app.ecomkassa.ru/fiscalorder/{protocol}",
    "initpro": "https://kassa.initpro.ru/lk/api/v1",
}
"""Where each of them is. What comes after it is the same path everywhere."""
FFD: Final = {"v4": "1.05", "v5": "1.2"}
"""Tag 1209 by protocol."""


class Settings(Account, frozen=True, kw_only=True):
    """``[registers.NAME]`` with ``provider = "atol"``."""

    url: Url = ""
    """Where the API is, with its path and version; left out, the dialect's own."""
    ffd: Literal["1.05", "1.2"] = ""  # type: ignore[assignment]  # until the protocol is known
    """Tag 1209; left out, the protocol's own."""
    protocol: Literal["v4", "v5"]
    dialect: Literal["atol", "evotor", "ecom", "initpro"] = "atol"
    login: Annotated[str, Meta(min_length=1, max_length=100)]
    password_file: File
    group: Annotated[str, Meta(min_length=1, max_length=128)]
    """The code of the group of registers."""
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=64)]
    """Tags 1117 and 1008 where the receipt names no sender: ATOL demands a buyer's contact."""
    callback_url: Annotated[Url, Meta(max_length=256)] | None = None
    """Where reports are pushed to."""
    source_id: Annotated[int, Meta(ge=0, le=9)] | None = None

    def __post_init__(self) -> None:
        """What one key alone cannot tell."""
        if not self.ffd:
            msgspec.structs.force_setattr(self, "ffd", FFD[self.protocol])
        if self.ffd != FFD[self.protocol]:
            raise ValueError(
                f'ffd: protocol "{self.protocol}" is FFD {FFD[self.protocol]}, found "{self.ffd}"'
            )
        if not self.url:
            own = DIALECTS[self.dialect].format(protocol=self.protocol)
            msgspec.structs.force_setattr(self, "url", own)
        version = self.url.rstrip("/").rpartition("/")[2]
        if self.dialect != "initpro" and version in FFD and version != self.protocol:
            raise ValueError(f'url: the protocol is "{self.protocol}", found {self.url}')

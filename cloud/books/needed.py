"""What has to be said of an account at each provider; loads no provider, as every help shows it."""

from collections.abc import Mapping
from typing import Final

NEEDED: Final[Mapping[str, Mapping[str, str]]] = {
    "cloudkassir": {
        "public_id": "the site's Public ID in the cabinet",
        "secret_file": "a file with the site's API secret",
    },
    "orange": {
        "inn": "INN of the account's owner",
        "signing_key": "a file with the RSA key that documents are signed with",
    },
    "atol": {
        "protocol": "v4 for FFD 1.05, v5 for FFD 1.2",
        "login": "the login of the file of settings in the cabinet",
        "password_file": "a file with its password",
        "group": "the code of the group of registers",
        "email": "an address for receipts whose operator names no sender",
    },
    "ferma": {
        "login": "the login for the API",
        "password_file": "a file with its password",
    },
    "komtet": {
        "shop_id": "the shop's number",
        "secret_file": "a file with the shop's secret",
        "queue": "the number of the queue of registers",
    },
}
"""What has to be said of every account, by key."""
EXPLAINED: Final = "cloud/providers/README.md"
"""Where every key of every provider stands."""

"""What a register at Orange Data is told, and the files it names."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Meta, field

from cloud.errors import ConfigError
from cloud.providers import Account, File, Url
from edge.wire.messages import END

Rate = Literal["none", "0", "5", "7", "10", "20", "22"]
"""A rate of VAT as a person writes it: percent, or none at all."""


class Settings(Account, frozen=True, kw_only=True):
    """``[registers.NAME]`` with ``provider = "orange"``. Keys and certificates are PEM files."""

    url: Url = "https://api.orangedata.ru:12003"
    inn: Annotated[str, Meta(pattern=rf"^([0-9]{{10}}|[0-9]{{12}}){END}")]
    key: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    """The name of the public key at the provider; else the INN."""
    group: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    """The group of registers; else `Vend`, or `Vend_2` for FFD 1.2."""
    certificate: File | None = None
    certificate_key: File | None = None
    signing_key: File
    """RSA, 2048 bits: its public half is in the provider's cabinet."""
    callback_url: Annotated[str, Meta(pattern=rf"^https?://\S+{END}", max_length=1024)] | None = (
        None
    )
    callback_api_key_file: File | None = None
    customer_contact: Annotated[
        str, Meta(pattern=rf"^(none|\+[0-9]+|[^@\s]+@[^@\s]+){END}", max_length=64)
    ] = "none"
    """Tag 1008, which the protocol demands; `none` is its word for an anonymous buyer."""
    vat_codes: dict[Rate, Annotated[int, Meta(ge=1, le=99)]] = field(default_factory=dict)
    """`tax` by rate, where the provider numbers it otherwise than tag 1199."""
    total_sum: bool = True
    """`totalSum` in a receipt: mandatory in the protocol's table, absent from its samples."""
    automat_fields: bool = True
    """Tags 1036, 1009, 1187: demanded in groups for automatic devices, forbidden in others."""
    page: bool = True
    """Buyers may open the receipt's page: it is switched on in the cabinet."""
    page_url: Url = "https://cheques-lk.orangedata.ru"

    def __post_init__(self) -> None:
        """What one key alone cannot tell."""
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key belong together")
        if self.certificate is None and self.url.startswith("https:"):
            raise ValueError("certificate and certificate_key are missing: https asks for them")
        if self.callback_api_key_file is not None and self.callback_url is None:
            raise ValueError("callback_api_key_file without callback_url: nothing would be pushed")


def rsa_key(key: str, file: str) -> rsa.RSAPrivateKey:
    """The private key in a file; `key` is the setting that names it.

    Raises:
        ConfigError: it cannot be read, or is no RSA key.
    """
    pem, private = _read(key, file), None
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        private = load_pem_private_key(pem, password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise ConfigError(f"{key}: {file}: expected an RSA private key in PEM, without a password")
    return private


def certificate(key: str, file: str | None) -> x509.Certificate | None:
    """The certificate in a file, if one is set.

    Raises:
        ConfigError: it cannot be read, or is no certificate.
    """
    if file is None:
        return None
    try:
        return x509.load_pem_x509_certificate(_read(key, file))
    except ValueError as error:
        raise ConfigError(f"{key}: {file}: expected a certificate in PEM") from error


def secret(key: str, file: str | None) -> str | None:
    """The one line in a file, if one is set.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    if file is None:
        return None
    told = _read(key, file).decode("utf-8", "replace").strip()
    if not told or "\N{REPLACEMENT CHARACTER}" in told:
        raise ConfigError(f"{key}: {file}: expected one line of text")
    return told


def _read(key: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"{key}: {file}: {error.strerror or error}") from error

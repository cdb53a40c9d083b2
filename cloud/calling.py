"""Calling a provider over HTTP: an answer as it came, or the outcome that there is none.

What can be told without knowing the provider is told here: a connection that was never made sent
nothing; one that broke, or a time-out, may have sent everything.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import aiohttp
import msgspec
from yarl import URL

from cloud.errors import ConfigError
from cloud.outcome import Unknown, Unsent

MOST_BYTES: Final = 1 << 20
"""An answer that is longer is none."""
_QUOTED: Final = 80
_DIGITS: Final = 20
"""No number of a provider has more."""
_PLAIN: Final = re.compile(r"-?\d{1,13}(?:\.\d{1,12})?", re.ASCII)
"""Roubles; 27 digits with their kopecks, which a Decimal holds exactly."""
_NOISE: Final = 10
"""What a float has beyond so many decimals, the sum was not told with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def object(self) -> dict[str, Any] | None:
        """The JSON object in the body; None if it is anything else."""
        return object_in(self.body)

    @property
    def quoted(self) -> str:
        """Its beginning, for a reason."""
        return repr(self.body[:_QUOTED])

    @property
    def retry_after_s(self) -> float | None:
        """`Retry-After` in seconds, at most a day; None if it says no number."""
        told = self.headers.get("Retry-After", "")
        return min(float(told), 86_400.0) if told.isdecimal() else None


class Line:
    """One account's line to a provider."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        timeout_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._tls: ssl.SSLContext | bool = tls or True

    async def get(
        self, path: str, headers: Mapping[str, str] | None = None
    ) -> Answer | Unsent | Unknown:
        """GET `path`, which is as it stands: what has to be escaped is escaped already."""
        return await self._call("GET", path, None, headers or {})

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> Answer | Unsent | Unknown:
        """POST these bytes; JSON unless a header says otherwise."""
        typed = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        return await self._call("POST", path, body, typed)

    async def _call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer | Unsent | Unknown:
        try:
            address = _address(self._url + path)
        except ValueError as error:
            return Unsent(f"no such address can be called: {_in_words(error)}")
        try:
            async with self._http.request(
                method,
                address,
                data=body,
                headers=headers,
                timeout=self._timeout,
                ssl=self._tls,
                allow_redirects=False,
            ) as response:
                raw = await response.content.read(MOST_BYTES + 1)
                while not response.content.at_eof() and len(raw) <= MOST_BYTES:
                    raw += await response.content.read(MOST_BYTES)
                return Answer(response.status, raw[:MOST_BYTES], response.headers)
        except aiohttp.ClientConnectorError as error:
            return Unsent(f"no connection: {error}")
        except aiohttp.InvalidURL as error:
            return Unsent(f"no such address can be called: {_in_words(error)}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Unknown(f"the answer was lost: {_in_words(error)}")


def _address(text: str) -> URL:
    """The address of a call.

    Raises:
        ValueError: nobody can be there: a port over 65535, a host with an empty part.
    """
    url = URL(text, encoded=True)
    # The resolver would trip over it as well, but its word is not told from a lost answer's.
    (url.host or "").encode("idna")
    return url


def _in_words(error: Exception) -> str:
    """What went wrong; never the address, which may carry a token."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.message.partition("\n")[0].rstrip(":") or type(error).__name__
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return type(error).__name__
    return str(error) or type(error).__name__


def object_in(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in these bytes; None if they are anything else."""
    try:
        told = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def tls(
    ca: str | None, certificate: str | None = None, key: str | None = None
) -> ssl.SSLContext | None:
    """Whose certificate is believed and which one is shown; None: as every browser does.

    Raises:
        ConfigError: a file cannot be read, or is no certificate or key.
    """
    if ca is None and certificate is None:
        return None
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(each for each in (ca, certificate, key) if each)
        raise ConfigError(f"{files}: {error}") from error
    return context


def roubles(kopecks: int) -> msgspec.Raw:
    """Kopecks as a JSON number with two decimals; never by way of a float."""
    sign, whole = ("-", -kopecks) if kopecks < 0 else ("", kopecks)
    return msgspec.Raw(f"{sign}{whole // 100}.{whole % 100:02d}".encode())


def kopecks(told: object) -> int | None:
    """A provider's roubles, a number or a text, as kopecks; None if they are none, or not whole.

    Digits alone count, with a point or without: neither ``1e30`` nor ``1_000``.
    """
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        return None
    text = repr(round(told, _NOISE)) if isinstance(told, float) else str(told).strip()
    if not _PLAIN.fullmatch(text):
        return None
    amount = Decimal(text) * 100
    return int(amount) if amount == int(amount) else None


def number(told: object) -> int | None:
    """A number that may come as text, padded with zeros; None if it is none."""
    if isinstance(told, bool) or not isinstance(told, int | str):
        return None
    text = str(told).strip()
    fits = len(text) <= _DIGITS and text.isascii() and text.isdecimal()
    return int(text) if fits else None

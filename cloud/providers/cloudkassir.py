"""CloudKassir, the online cash register of CloudPayments.

Authority: HTTP Basic, public id and API secret. The key is `X-Request-ID`, remembered for one hour;
`InvoiceId` carries it as well, as a label that comes back in the push. There is no look-up by it,
so a receipt whose answer was lost for longer than that waits for the push, and then for a person.

Assumed, as no source tells: the machine's number (1036) and address (1009) belong to the register
at this provider, so a machine has a register of its own. The number also goes into the additional
lines of the receipt, the place (1187) into `CalculationPlace`.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, unquote_plus, urlsplit

import aiohttp
import msgspec

from cloud.fiscal import FiscalDocument, read_qr
from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown, Unsent
from cloud.providers import BadSignatureError, Notice
from cloud.receipt import Purpose, Receipt

TYPES: Final = {Purpose.INCOME: "Income", Purpose.INCOME_RETURN: "IncomeReturn"}
PAID_IN_FULL: Final = 4
PIECE: Final = 0
UNDEFINED_ERROR: Final = -1
FAILED: Final = "Error"
NO_ACCESS: Final = 401
BUSY: Final = 429
BUSY_CODES: Final = {8, 22}
"""The drive is full, the day's test receipts are used up: later, under the same key."""
SERVER_FAULT: Final = 500


class CloudKassir:
    """One CloudKassir account."""

    memory_s = 3540.0
    """An hour, less a minute: two clocks need not agree."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, public_id: str, secret: str, timeout_s: float
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._auth = aiohttp.encode_basic_auth(public_id, secret)
        self._secret = secret.encode()
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    def compose(self, receipt: Receipt) -> str:
        """The body of `/kkt/receipt`."""
        line = {
            "Label": receipt.name,
            "Price": _roubles(receipt.amount),
            "Quantity": _roubles(100),
            "Amount": _roubles(receipt.amount),
            "Vat": receipt.vat.percent,
            "Method": PAID_IN_FULL,
            "Object": receipt.subject.value,
            "MeasurementUnit": "шт",
            "UnitCode": PIECE,
        }
        body = {
            "Inn": receipt.inn,
            "Type": TYPES[receipt.purpose],
            "InvoiceId": receipt.sale_id,
            "AccountId": receipt.machine,
            "CustomerReceipt": {
                "Items": [line],
                "TaxationSystem": receipt.taxation.value,
                "Amounts": {
                    "Electronic": _roubles(receipt.cashless),
                    "Cash": _roubles(receipt.cash),
                },
                "CalculationPlace": receipt.place,
                "AdditionalReceiptInfos": [f"Автомат № {receipt.machine}", receipt.address],
            },
        }
        return msgspec.json.encode(body).decode()

    async def submit(self, key: str, body: str) -> Outcome:
        """POST `/kkt/receipt` under `X-Request-ID`."""
        answer = await self._post("/kkt/receipt", body, key)
        if isinstance(answer, Outcome):
            return answer
        model = answer.get("Model")
        if not isinstance(model, dict):
            return Unknown(f"an answer without a model: {_said(answer)}")
        if answer.get("Success") is True and model.get("Id"):
            return Accepted(str(model["Id"]))
        if answer.get("Success") is not False:
            return Unknown(f"neither accepted nor refused: {_said(answer)}")
        return _refusal(model.get("ErrorCode"), _said(answer))

    async def ask(self, provider_id: str) -> Outcome:
        """`/kkt/receipt/status/get`, and once it is processed `/kkt/receipt/get`."""
        body = json.dumps({"Id": provider_id})
        status = await self._post("/kkt/receipt/status/get", body)
        if isinstance(status, Outcome):
            return Unsent(f"asking failed: {getattr(status, 'reason', '')}")
        match status.get("Model"):
            case "Queued":
                return Accepted(provider_id)
            case "Processed":
                return await self._details(provider_id, body)
            case "Error":
                return Dead(f"the register failed: {_said(status)}")
            case other:
                return Unknown(f"the provider says {other!r} of a receipt that it had accepted")

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        """The Receipt push: form fields, or JSON."""
        self._check_signature(body, headers)
        fields = _fields(body, headers.get("Content-Type", ""))
        key, document = fields.get("InvoiceId"), _document(fields)
        if not key or document is None:
            return None
        done = Done(document, provider_id=fields.get("Id"), link=fields.get("Url"))
        return Notice(key, done)

    async def _details(self, provider_id: str, body: str) -> Outcome:
        answer = await self._post("/kkt/receipt/get", body)
        if isinstance(answer, Outcome):
            return Unsent(f"asking failed: {getattr(answer, 'reason', '')}")
        model = answer.get("Model")
        told = model.get("AdditionalData") if isinstance(model, dict) else None
        document = _document(told) if isinstance(told, dict) else None
        if document is None:
            return Unknown(f"processed, but without a document: {_said(answer)}")
        link = told.get("OfdReceiptUrl") if told else None
        return Done(document, provider_id, link if isinstance(link, str) else None)

    async def _post(self, path: str, body: str, key: str | None = None) -> dict[str, Any] | Outcome:
        """The answer's object, or the outcome that there is none."""
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": self._auth}
        if key:
            headers["X-Request-ID"] = key
        try:
            async with self._http.post(
                self._url + path, data=body.encode(), headers=headers, timeout=self._timeout
            ) as response:
                if response.status == NO_ACCESS:
                    return Unsent("401: the provider does not know public_id and secret")
                if response.status == BUSY:
                    return Unsent("429: too many requests")
                raw = await response.read()
                if response.status >= SERVER_FAULT:
                    return Unknown(f"{response.status} from the provider")
        except aiohttp.ClientConnectorError as error:
            return Unsent(f"no connection: {error}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Unknown(f"the answer was lost: {str(error) or type(error).__name__}")
        answer = _object(raw)
        if answer is None:
            return Unknown(f"an answer that is no object: {raw[:80]!r}")
        return answer

    def _check_signature(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Base64 HMAC-SHA256; one header may be of the raw body and one of the decoded text."""
        texts = (body, unquote_plus(body.decode("utf-8", "replace")).encode())
        right = [_sign(self._secret, text) for text in texts]
        told = [headers.get(name, "") for name in ("X-Content-HMAC", "Content-HMAC")]
        if not any(
            hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
            for one in told
            for other in right
        ):
            raise BadSignatureError


def _refusal(code: object, said: str) -> Outcome:
    """Every numbered refusal says that nothing was recorded; the undefined one says nothing."""
    if not isinstance(code, int) or (code == UNDEFINED_ERROR and "ИНН" not in said):
        return Unknown(f"undefined error: {said}")
    if code in BUSY_CODES:
        return Unsent(f"code {code}: {said}")
    return Dead(f"code {code}: {said}")


def _said(answer: Mapping[str, Any]) -> str:
    return str(answer.get("Message") or answer.get("Warning") or "no message")


def _object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in these bytes; None if they are anything else."""
    try:
        told = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _fields(body: bytes, content_type: str) -> dict[str, str]:
    if content_type.startswith("application/json"):
        return {key: str(value) for key, value in (_object(body) or {}).items()}
    pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {key: values[-1] for key, values in pairs.items()}


def _document(told: Mapping[str, Any]) -> FiscalDocument | None:
    """The document in the QR's address, held against the numbers beside it."""
    try:
        query = parse_qs(urlsplit(str(told.get("QrCodeUrl", ""))).query)
    except ValueError:
        return None
    document = read_qr(query.get("q", [""])[0])
    if document is None:
        return None
    beside = (str(told.get("FiscalNumber")), str(told.get("DocumentNumber")))
    return document if beside == (document.fn, str(document.fd)) else None


def _roubles(kopecks: int) -> msgspec.Raw:
    """Kopecks as a JSON number with two decimals; never by way of a float."""
    return msgspec.Raw(f"{Decimal(kopecks).scaleb(-2):.2f}".encode())


def _sign(secret: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()

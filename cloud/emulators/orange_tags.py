"""The tags of an Orange Data document, by their numbers, as the drive records them.

Texts are cut down to CP866, as the provider does it: a sign that the code page does not have is
dropped, and nobody says so. Of several positions the first is told.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

from cloud.emulators.drive import Told
from cloud.emulators.orange_checks import lines_total

_OF_CONTENT: Final = {
    "automatNumber": "1036",
    "settlementAddress": "1009",
    "settlementPlace": "1187",
    "customerContact": "1008",
    "senderEmail": "1117",
    "additionalAttribute": "1192",
    "isInternetStore": "1125",
    "timeZone": "1011",
    "correctionType": "1173",
    "causeDocumentNumber": "1179",
}
_OF_POSITION: Final = {
    "text": "1030",
    "quantity": "1023",
    "tax": "1199",
    "paymentMethodType": "1214",
    "paymentSubjectType": "1212",
    "additionalAttribute": "1191",
    "itemCode": "2000",
    "plannedStatus": "2003",
    "quantityMeasurementUnit": "2108",
    "industryAttribute": "1260",
}
_PAYMENTS: Final = {1: "1031", 2: "1081", 14: "1215", 15: "1216", 16: "1217"}
_OF_SUMS: Final = {
    "cashSum": "1031",
    "eCashSum": "1081",
    "prepaymentSum": "1215",
    "postpaymentSum": "1216",
    "otherPaymentTypeSum": "1217",
}
_VATS: Final = {1: "1102", 2: "1103", 3: "1104", 4: "1105", 5: "1106", 6: "1107"}
"""Where `taxNSum` goes by its N; the newer rates share one tag."""
_RATES: Final = {1: 1, 2: 2, 3: 5, 4: 6, 5: 3, 6: 4}
"""Tag 1199 by the same N, which is no tag 1199 itself; from 7 on it is."""

Json = Mapping[str, Any]


def kind(request: Json) -> str:
    """The last word of the address that a document belongs to."""
    content = request["content"]
    if "correctionType" not in content:
        return "documents"
    return "correction12" if "positions" in content else "corrections"


def told(request: Json) -> Told:
    """What the drive records of a document that was taken."""
    content = request["content"]
    of_sums = kind(request) == "corrections"
    tags = {
        "1018": request["inn"],
        "1209": content.get("ffdVersion") or 2,
        **{tag: content[name] for name, tag in _OF_CONTENT.items() if name in content},
        "1178": content.get("causeDocumentDate", "")[:10] or None,
        **(_sums(content) if of_sums else _lines(content)),
    }
    # The total of a receipt may be told rounded down to a rouble.
    whole = content.get("totalSum")
    return Told(
        id=request["id"],
        key=request["id"],
        total=lines_total(content) if whole is None else round(whole * 100),
        sign=content["type"],
        tags={tag: _cp866(value) for tag, value in tags.items() if value is not None},
        request=request,
        correction="correctionType" in content,
    )


def _lines(content: Json) -> dict[str, Any]:
    """Of the first position, and of how it was paid."""
    line, close = content["positions"][0], content["checkClose"]
    paid = {"1031": 0.0, "1081": 0.0}
    for each in close["payments"]:
        tag = _PAYMENTS[each["type"]]
        paid[tag] = paid.get(tag, 0) + each["amount"]
    tags = {tag: line[name] for name, tag in _OF_POSITION.items() if line.get(name) is not None}
    if "nomenclatureCode" in line:
        tags["1162"] = base64.b64decode(line["nomenclatureCode"]).hex().upper()
    return {
        "1214": 4,
        "1212": 1,
        **tags,
        "1055": 1 << close["taxationSystem"],
        "1079": _roubles(line["price"]),
        **{tag: _roubles(amount) for tag, amount in paid.items()},
    }


def _sums(content: Json) -> dict[str, Any]:
    vats = {number: content.get(f"tax{number}Sum") for number in range(1, 13)}
    charged = {number: amount for number, amount in vats.items() if amount}
    paid = {tag: content.get(name) for name, tag in _OF_SUMS.items()}
    return {
        "1055": 1 << content["taxationSystem"],
        "1199": next((_RATES.get(number, number) for number in charged), None),
        **{_VATS.get(number, "1115"): _roubles(amount) for number, amount in charged.items()},
        **{tag: _roubles(amount or 0) for tag, amount in paid.items()},
    }


def _roubles(amount: float) -> str:
    return f"{amount:.2f}"


def _cp866(value: Any) -> Any:  # noqa: ANN401, a tag's value of whatever kind
    if not isinstance(value, str):
        return value
    return value.encode("cp866", "ignore").decode("cp866")

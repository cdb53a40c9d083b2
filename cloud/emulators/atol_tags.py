"""What ATOL has its drive record of a request: tags of the fiscal data format."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from cloud.emulators.atol_checks import MARK_CODES, METHODS, OBJECTS, TAXATIONS

SIGNS: Final = {
    "sell": 1,
    "sell_refund": 2,
    "buy": 3,
    "buy_refund": 4,
    "sell_correction": 1,
    "sell_refund_correction": 2,
    "buy_correction": 3,
    "buy_refund_correction": 4,
}
INNER_NUMBER: Final = "KSR13.00-1-11"
"""Tag 1036 of who tells no `device_number`: the register's number inside of ATOL."""
DATA_CENTRE: Final = "г. Москва, ЦОД"
"""Tag 1009 of who tells no `location`."""
_FFD: Final = {"v4": 2, "v5": 4}
_OLDER: Final = ("vat20", "vat10", "vat120", "vat110", "vat0", "none")
_NEWER: Final = ("vat5", "vat7", "vat105", "vat107", "vat22", "vat122")
_VATS: Final = {name: tag for tag, name in enumerate((*_OLDER, *_NEWER), 1)}
"""Tag 1199."""
_OF_ALL: Final = {"vat20": "1102", "vat10": "1103", "vat0": "1104", "none": "1105"}
"""Where a correction's sum of VAT goes; the newer rates share one tag."""
_PAID: Final = ("1031", "1081", "1215", "1216", "1217")
_CODES: Final = {kind: str(tag) for tag, kind in enumerate(MARK_CODES, 1300)}

Json = Mapping[str, Any]


def total(content: Json) -> int:
    """Kopecks: the register adds the lines up by itself, and a correction's payments."""
    lines = content.get("items", content["payments"])
    return int(sum(Decimal(each["sum"]) for each in lines) * 100)


def tags(content: Json, protocol: str) -> dict[str, Any]:
    """The tags of a receipt or a correction, its first line among them."""
    company, cause = content["company"], content.get("correction_info", {})
    told = {
        "1209": _FFD[protocol],
        "1018": company["inn"],
        "1117": company.get("email"),
        "1055": TAXATIONS[company["sno"]] if "sno" in company else None,
        "1187": company["payment_address"],
        "1009": company.get("location", DATA_CENTRE),
        "1036": content.get("device_number", INNER_NUMBER),
        "1008": _contact(content.get("client", {})),
        "1011": content.get("timezone") if protocol == "v5" else None,
        "1125": content.get("internet"),
        "1192": content.get("additional_check_props"),
        "1173": {"self": 0, "instruction": 1}.get(cause.get("type")),
        "1178": cause.get("base_date"),
        "1179": cause.get("base_number") or None,
        **_payments(content),
        **{_OF_ALL.get(each["type"], "1115"): _roubles(each["sum"]) for each in _vats(content)},
        **_line(content, protocol),
    }
    return {tag: each for tag, each in told.items() if each is not None}


def _contact(client: Json) -> str | None:
    return client.get("email") or client.get("phone")


def _vats(content: Json) -> list[Json]:
    return list(content.get("vats", ()))


def _payments(content: Json) -> dict[str, str]:
    paid: dict[str, Decimal] = {tag: Decimal(0) for tag in _PAID[:2]}
    for each in content["payments"]:
        tag = _PAID[min(each["type"], 4)]
        # A payment without a sum is the whole, and cashless.
        tag, amount = (tag, each["sum"]) if "sum" in each else ("1081", content["total"])
        paid[tag] = paid.get(tag, Decimal(0)) + amount
    return {tag: _roubles(amount) for tag, amount in paid.items()}


def _line(content: Json, protocol: str) -> dict[str, Any]:
    if "items" not in content:
        vats = _vats(content)
        return {"1199": _VATS[vats[0]["type"]]} if vats else {}
    item = content["items"][0]
    vat = item["vat"]
    subject = item.get("payment_object", OBJECTS[0])
    told = {
        "1030": item["name"],
        "1079": _roubles(item["price"]),
        "1023": str(item["quantity"]),
        "1043": _roubles(item["sum"]),
        "1199": _VATS[vat["type"]],
        "1200": _roubles(vat["sum"]) if "sum" in vat else None,
        "1214": METHODS.index(item.get("payment_method", METHODS[0])) + 1,
        "1212": subject if isinstance(subject, int) else OBJECTS.index(subject) + 1,
        "1191": item.get("user_data"),
    }
    if protocol == "v4":
        code = item.get("nomenclature_code")
        spaced = code.replace(" ", "").upper() if code else None
        return {**told, "1197": item.get("measurement_unit"), "1162": spaced}
    codes = item.get("mark_code", {})
    return {
        **told,
        "2108": item["measure"],
        **{_CODES[kind]: code for kind, code in codes.items()},
        "2000": next(iter(codes.values()), None),
        "2102": item.get("mark_processing_mode"),
        "2003": item.get("planned_status"),
        "1260": item.get("sectoral_item_props"),
    }


def _roubles(amount: Decimal) -> str:
    return f"{amount:.2f}"

"""Orders: what POST /control takes; faults.py tells what comes of them."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from cloud.emulators.faults import Fault

_AGES_S: Final = 1e9
"""Some thirty years; no calendar ends within them."""


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One order, or several. What is not said stays as it is."""

    fault: Fault | UnsetType = UNSET
    times: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    clear: bool = False
    forget: bool = False
    lose: bool = False
    delay_s: Annotated[float, Meta(ge=0, le=_AGES_S)] | UnsetType = UNSET
    drive: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET
    clock_s: Annotated[float, Meta(ge=-_AGES_S, le=_AGES_S)] | UnsetType = UNSET


def order_in(raw: bytes) -> Order:
    """The order in a body.

    Raises:
        ValueError: it is none; says why, and which there are.
    """
    try:
        return msgspec.json.decode(raw, type=Order)
    except (ValueError, RecursionError) as error:
        orders, faults = ", ".join(Order.__struct_fields__), ", ".join(each.value for each in Fault)
        raise ValueError(f"{error}; known orders: {orders}; known faults: {faults}") from None

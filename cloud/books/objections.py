"""Objections: what one value alone cannot tell, and what would make every sale wait for a person.

The finished receipt is checked by `cloud.validator`; what it would say of each is said here, before
the first sale.
"""

from collections.abc import Iterator

from cloud.books.kinds import Thing
from cloud.books.roubles import roubles
from cloud.ffd.device import LONGEST_NUMBER
from cloud.fleet import Machine, Operator, Product, Shelf

_SIMPLIFIED = {"usn_income", "usn_income_outcome"}


def objections(thing: Thing, operator: Operator | None = None) -> Iterator[tuple[str, str]]:
    """Each with the column that it is about; `operator` is whose it is."""
    match thing:
        case Machine():
            yield from _of_machine(thing)
        case Product():
            yield from _of_product(thing, operator)
        case Shelf():
            yield from _of_shelf(thing)


def _of_machine(machine: Machine) -> Iterator[tuple[str, str]]:
    if not machine.number and len(machine.id) > LONGEST_NUMBER:
        reason = (
            f"is empty, and the id {machine.id} has {len(machine.id)} characters; expected a number"
            f" of at most {LONGEST_NUMBER}, which is what tag 1036 has"
        )
        yield "number", reason


def _of_product(product: Product, operator: Operator | None) -> Iterator[tuple[str, str]]:
    if product.marking == "gtin_vend" and not product.gtin:
        yield "gtin", "is empty; expected the bar code, as the marking is gtin_vend"
    if product.marking != "none" and product.subject == "service":
        yield "marking", f"is {product.marking}; expected none, as a service is not marked"
    if operator and product.vat in {"5", "7"} and operator.taxation not in _SIMPLIFIED:
        reason = (
            f"'{product.vat}' is of the simplified system alone, and {operator.id} is on"
            f" {operator.taxation}; expected none, 0, 10 or standard"
        )
        yield "vat", reason


def _of_shelf(shelf: Shelf) -> Iterator[tuple[str, str]]:
    if shelf.valid_until is not None and shelf.valid_until <= shelf.valid_from:
        yield "valid_until", f"{shelf.valid_until} is not after {shelf.valid_from}"
    if shelf.price_min is not None and shelf.price_max is not None:
        low, high = shelf.price_min, shelf.price_max
        if low > high:
            yield "price_min", f"{roubles(low)} is more than price_max, {roubles(high)}"

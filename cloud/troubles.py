"""What a machine's incident says to its operator: what happened, and what to do. Pure."""

from collections.abc import Mapping
from typing import Final

from edge.wire import Incident
from mdb.money import Money

WORDS: Final[Mapping[str, str]] = {
    "outcome_unknown": (
        "a vend of {item} for {amount} was approved, and its end was not heard;"
        " no sale was made of it: check the machine's counter and the acquirer"
    ),
    "outbox_salvaged": (
        "its outbox was damaged; what could be read was taken over into a new one:"
        " check that no sale is missing, and replace the card"
    ),
    "outbox_refused": "its disk took nothing for a while: check its card and the room on it",
    "display_failed": "a screen failed: buyers may not have seen their receipts",
    "printer": "a printer needs a hand",
}


def kind_of(incident: Incident) -> str:
    """The contract's kinds as they are; any other is marked as what the machine calls it.

    The cloud has kinds of its own, and asks people to act on them: no machine may speak in its name.
    """
    return incident.kind if incident.kind in WORDS else f"machine says: {incident.kind}"


def in_words(incident: Incident) -> str:
    """One line for the operator; a kind of a later version is told by its name."""
    item = f"item {incident.item}" if incident.item else "an item it did not name"
    amount = "a price it did not name"
    if incident.amount is not None:
        amount = str(Money(incident.amount, incident.currency))
    known = WORDS.get(incident.kind)
    words = known.format(item=item, amount=amount) if known else incident.kind
    said = f" ({incident.text})" if incident.text else ""
    trust = "" if incident.clock == "synced" else f", by a clock that is {incident.clock}"
    return f"{words}{said}; at {incident.at}{trust}"

"""Showing: the story of a sale as text. Pure."""

from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import Final

import msgspec

from cloud.desk.story import AttemptTold, ReceiptTold, Story
from cloud.desk.words import age, moment, printable, roubles
from cloud.sale_day import zone_of

_MARGIN: Final = 12


def lines(told: Story, page: str, now_ms: int) -> list[str]:
    """For a person; `page` is the address of the buyer's page."""
    zone = (told.timezone and zone_of(told.timezone)) or UTC
    return [
        *_sale(told, page, zone, now_ms),
        *(line for each in told.receipts for line in _receipt(each, zone, now_ms)),
        *_machine(told),
        "",
        "history",
        *(
            f"  {moment(each.at, zone)}  {each.who}: "
            + (f"receipt of {each.purpose} " if each.purpose else "sale ")
            + f"{each.state}{f': {printable(each.detail)}' if each.detail else ''}"
            for each in told.history
        ),
        *(
            f"  {moment(each.at, zone)}  incident: {each.kind}: {printable(each.detail)}"
            for each in told.incidents
        ),
    ]


def _sale(told: Story, page: str, zone: tzinfo, now_ms: int) -> Iterator[str]:
    sale = told.sale
    amount = "not told" if sale.amount is None else roubles(sale.amount)
    tenders = ", ".join(
        f"{each.by} {'?' if each.amount is None else roubles(each.amount)}" for each in sale.tenders
    )
    yield f"sale {told.sale_id}"
    yield _row("machine", f"{told.machine}, epoch {sale.epoch} seq {sale.seq}")
    yield _row("sold at", f"{printable(sale.sold_at)}, clock {sale.clock}")
    yield _row(
        "arrived",
        f"{moment(told.received_at, zone)}, {age(told.received_at, now_ms)} ago",
    )
    yield _row("slot", printable(sale.item or "not told"))
    currency = sale.currency or "currency not told"
    paid = f"; {tenders}" if tenders else ""
    yield _row("amount", f"{amount} {currency}, {sale.kind}, {sale.confidence}{paid}")
    answers = msgspec.to_builtins(told.answers)
    if answers:
        said = ", ".join(f"{name} {value}" for name, value in answers.items())
        yield _row("answers", printable(said))
    why = f" ({told.cause}): {printable(told.reason or '')}" if told.cause else ""
    yield _row("goes", f"{told.disposition}{why}")
    yield _row("page", page)


def _receipt(each: ReceiptTold, zone: tzinfo, now_ms: int) -> Iterator[str]:
    asked = each.request
    yield ""
    yield f"receipt of {each.purpose}{', of a second document' if asked.duplicate else ''}"
    why = f": {printable(each.error)}" if each.error else ""
    yield _row("state", f"{each.state}{why}")
    yield _row("register", each.register)
    vat = "no VAT" if asked.vat.percent is None else f"VAT {asked.vat.percent} %"
    yield _row("goods", f"{asked.name}, {roubles(asked.amount)}, {vat}, FFD {asked.ffd}")
    yield _row("place", f"{asked.machine}, {asked.address}, {asked.place}")
    if asked.cause is not None:
        order = f", by order {asked.cause.number}" if asked.cause.by_order else ""
        yield _row("corrects", f"{asked.cause.day}{order}")
    yield _row("key", each.key)
    if each.state in {"waiting", "submitted", "unknown", "accepted"}:
        wait_s = max(0, each.next_at - now_ms) // 1000
        yield _row("next", f"in {wait_s} s" if wait_s else "as soon as its turn comes")
    for attempt in each.attempts:
        yield _row("attempt", _attempt(attempt, zone))
    if each.document is not None and each.issued_at is not None:
        document = each.document
        yield _row("document", f"fn {document.fn} fd {document.fd} fp {document.fp}")
        yield _row("recorded", f"{document.at}, known since {moment(each.issued_at, zone)}")
        yield _row("QR", document.qr)
    if each.link:
        yield _row("link", printable(each.link))


def _attempt(each: AttemptTold, zone: tzinfo) -> str:
    left = f"sent {moment(each.first_sent_at, zone)}" if each.first_sent_at else "never left"
    named = f", provider's number {printable(each.provider_id)}" if each.provider_id else ""
    verdict = each.verdict or "open"
    reason = f": {printable(each.reason)}" if each.reason else ""
    return f"{each.key} at {each.register}, {left}{named}, {verdict}{reason}"


def _machine(told: Story) -> Iterator[str]:
    """What the machine has been told, and what it showed."""
    yield ""
    if told.reply is None:
        yield _row("machine", "there is nothing to tell it yet")
    elif told.reply.acked_rev == told.reply.rev:
        yield _row("machine", f"it has revision {told.reply.rev}, the last one")
    else:
        times = told.reply.told_times
        yield _row(
            "machine",
            f"it has not confirmed revision {told.reply.rev}; told {times} times",
        )
    for shown in told.shown:
        yield _row(
            "shown",
            f"on {shown.on}, {printable(shown.shown_at)} to {printable(shown.hidden_at)},"
            f" revision {shown.rev}: {printable(shown.reason)}",
        )


def _row(name: str, text: str) -> str:
    return f"  {name:{_MARGIN}}{text}"

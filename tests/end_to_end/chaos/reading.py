"""Reads what each party wrote down: files and the database, beside those who write them."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from end_to_end.chaos.ledgers import Asked, Document, Ledgers, Noticed, Stored
from end_to_end.chaos.town import Corner, Town

from cloud.demo.selling import SALE_ID
from edge.wire import Incident, Receipt, Sale, decode

OPEN: Final = """\
SELECT 'receipt ' || sale_id || ': ' || state || ', ' || coalesce(error, '') FROM receipt
WHERE state NOT IN ('issued', 'attention')
UNION ALL SELECT 'sale ' || sale_id || ': ' || disposition || ', ' || coalesce(reason, '') FROM sale
WHERE disposition <> 'receipt'
UNION ALL SELECT 'reply to ' || machine || ' of ' || sale_id FROM reply WHERE acked_rev < rev
"""


def left_open(town: Town) -> list[str]:
    """What has not come to its end yet, wherever it is."""
    open_ = [told for (told,) in town.rows(OPEN)]
    sales = {row for (row,) in town.rows("SELECT sale_id FROM sale")}
    notes = {body.encode() for (body,) in town.rows("SELECT body FROM note")}
    for corner in town.corners:
        if not corner.buyers.is_idle or corner.port.unread:
            open_.append(f"{corner.id}: somebody buys")
        kept = {row for (row,) in rows(corner.outbox, "SELECT sale_id FROM sale")}
        told = {body for (body,) in rows(corner.outbox, "SELECT body FROM note")}
        open_ += [f"{corner.id}: sale {each} is not stored" for each in kept - sales]
        open_ += [f"{corner.id}: note {each!r} is not stored" for each in told - notes]
    return open_


def read(town: Town, still_open: list[str]) -> Ledgers:
    """All ledgers, once everything has settled, or did not."""
    numbers = {each.id: each.number for each in town.corners}
    stored = [
        (numbers[machine], decode(body.encode(), Sale))
        for machine, body in town.rows("SELECT machine, body FROM sale")
    ]
    notes = [
        (numbers[machine], decode(body.encode(), Incident))
        for machine, body in town.rows("SELECT machine, body FROM note")
        if '"kind"' in body
    ]
    return Ledgers(
        deals={each.number: each.buyers.deals for each in town.corners},
        documents=[document for each in town.corners for document in _documents(each)],
        sales=[
            Stored(number, sale.epoch, sale.seq, sale.sale_id, sale.item, sale.amount)
            for number, sale in stored
        ],
        asked=[
            Asked(number, each.item, each.amount)
            for number, each in notes
            if each.kind == "outcome_unknown"
        ],
        refused=dict(town.rows("SELECT sale_id, error FROM receipt WHERE state = 'attention'")),
        ordered=dict(town.ordered),
        incidents=[
            Noticed(kind, numbers.get(machine, machine), detail)
            for kind, machine, detail in town.rows("SELECT kind, machine, detail FROM incident")
        ],
        on_machines={
            sale_id: fd for each in town.corners for sale_id, fd in _receipts(each.outbox)
        },
        left_open=still_open,
    )


def rows(file: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as reader:
        return reader.execute(query).fetchall()


def _documents(corner: Corner) -> Iterator[Document]:
    query = "SELECT fd, key, total, sign, correction, tags FROM document ORDER BY fd"
    for fd, key, total, sign, correction, told in rows(corner.account.ledger, query):
        tags = json.loads(told)
        yield Document(
            machine=str(tags["1036"]),
            fd=fd,
            sale_id=key[:SALE_ID],
            product=tags["1030"],
            total=total,
            cash=_kopecks(tags.get("1031")),
            card=_kopecks(tags.get("1081")),
            is_income=sign == 1 and not correction,
        )


def _kopecks(roubles: object) -> int:
    return round(float(str(roubles or 0)) * 100)


def _receipts(outbox: Path) -> Iterator[tuple[str, int]]:
    for (body,) in rows(outbox, "SELECT body FROM receipt"):
        told = decode(body, Receipt)
        if told.fiscal is not None:
            yield told.sale_id, told.fiscal.fd

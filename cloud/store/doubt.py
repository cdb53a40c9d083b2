"""Doubt: whether something of a receipt left, and nobody knows yet what became of it."""

from typing import Final

import sqlalchemy as sa

from cloud.store.schema import attempt, receipt

IN_DOUBT: Final = (
    sa.exists()
    .where(
        attempt.c.sale_id == receipt.c.sale_id,
        attempt.c.purpose == receipt.c.purpose,
        attempt.c.verdict.is_(None),
        attempt.c.first_sent_at.is_not(None),
    )
    .correlate(receipt)
)
"""Of a receipt's row: it may be recorded, or will be."""

"""A machine's sequence is kept as its runs; a stream remembers what its last birth said.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# Within an unbroken run, a seq less its rank is always the same. What is whole up to `contiguous`
# counts as a seq of its own, whose run begins with 1.
RUNS = """
INSERT INTO run (machine, epoch, first, last)
SELECT machine, epoch, CASE WHEN max(whole) = 1 THEN 1 ELSE min(seq) END, max(seq)
FROM (
    SELECT machine, epoch, seq, whole,
        seq - row_number() OVER (PARTITION BY machine, epoch ORDER BY seq) AS island
    FROM (
        SELECT machine, epoch, contiguous AS seq, 1 AS whole FROM stream WHERE contiguous > 0
        UNION ALL
        SELECT DISTINCT sale.machine, sale.epoch, sale.seq, 0
        FROM sale LEFT JOIN stream
            ON stream.machine = sale.machine AND stream.epoch = sale.epoch
        WHERE sale.seq > coalesce(stream.contiguous, 0)
    ) AS place
) AS ranked
GROUP BY machine, epoch, island
"""


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "run",
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("1 <= first AND first <= last", name="ascending"),
        sa.PrimaryKeyConstraint("machine", "epoch", "first"),
    )
    op.execute(RUNS)
    with op.batch_alter_table("stream", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("nonce", sa.Text(), server_default=sa.text("''"), nullable=False)
        )
        batch_op.add_column(
            sa.Column("claimed", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.drop_column("contiguous")

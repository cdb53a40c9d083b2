"""The first slice.

Revision ID: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "incident",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=True),
        sa.Column("sale_id", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "lane",
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("register"),
    )
    op.create_table(
        "presence",
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("machine"),
    )
    op.create_table(
        "sale",
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("disposition = 'receipt' OR reason IS NOT NULL", name="reasoned"),
        sa.CheckConstraint(
            "disposition IN ('receipt', 'skipped', 'attention')", name="disposition"
        ),
        sa.PrimaryKeyConstraint("sale_id"),
        sa.UniqueConstraint("token"),
    )
    with op.batch_alter_table("sale", schema=None) as batch_op:
        batch_op.create_index(
            "sale_attention",
            ["received_at"],
            unique=False,
            sqlite_where=sa.text("disposition = 'attention'"),
        )
        batch_op.create_index("sale_latest", ["received_at"], unique=False)
        batch_op.create_index("sale_place", ["machine", "epoch", "seq"], unique=False)

    op.create_table(
        "showing",
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=False),
        sa.Column("shown_at", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("hidden_at", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("frame_sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sale_id", "rev", "medium", "shown_at"),
    )
    op.create_table(
        "stream",
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("contiguous", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("machine", "epoch"),
    )
    op.create_table(
        "receipt",
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Integer(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("first_sent_at", sa.BigInteger(), nullable=True),
        sa.Column("first_sent_boot", sa.Text(), nullable=True),
        sa.Column("first_sent_boottime", sa.BigInteger(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("fn", sa.Text(), nullable=True),
        sa.Column("fd", sa.BigInteger(), nullable=True),
        sa.Column("fp", sa.BigInteger(), nullable=True),
        sa.Column("registered_at", sa.Text(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("issued_at", sa.BigInteger(), nullable=True),
        sa.Column("rev", sa.Integer(), server_default="0", nullable=False),
        sa.Column("acked_rev", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tell_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("told_times", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("(state = 'issued') = (fd IS NOT NULL)", name="documented"),
        sa.CheckConstraint(
            "state = 'waiting' OR (body IS NOT NULL AND first_sent_at IS NOT NULL)", name="frozen"
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'submitted', 'unknown', 'accepted', 'issued', 'attention')",
            name="state",
        ),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"]),
        sa.PrimaryKeyConstraint("sale_id", "purpose"),
        sa.UniqueConstraint("fn", "fd", name="document"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.create_index(
            "receipt_open",
            ["register", "next_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('waiting', 'submitted', 'unknown', 'accepted')"),
        )
        batch_op.create_index(
            "receipt_untold", ["tell_at"], unique=False, sqlite_where=sa.text("rev > acked_rev")
        )

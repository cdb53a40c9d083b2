"""Notes of machines; a showing says on which screen.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "note",
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("machine", "epoch", "number"),
    )
    # SQLite changes no primary key in place.
    op.rename_table("showing", "showing_before")
    op.create_table(
        "showing",
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=False),
        sa.Column("shown_at", sa.Text(), nullable=False),
        sa.Column("display", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("hidden_at", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("frame_sha256", sa.Text(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("sale_id", "rev", "medium", "shown_at", "display"),
    )
    columns = "sale_id, rev, medium, shown_at, machine, hidden_at, reason, frame_sha256"
    op.execute(
        f"INSERT INTO showing ({columns}, display) SELECT {columns}, '' FROM showing_before"  # noqa: S608
    )
    op.drop_table("showing_before")

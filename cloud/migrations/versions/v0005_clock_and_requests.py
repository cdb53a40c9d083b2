"""A lane keeps the latest that its server's clock has said, an attempt what it asked for.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    latest = sa.Column("latest_at", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("lane", latest)
    op.add_column("attempt", sa.Column("request", sa.Text(), nullable=True))

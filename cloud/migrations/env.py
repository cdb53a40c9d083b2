"""Alembic's entry: runs the migrations against one database."""

import sqlalchemy as sa
from alembic import context

from cloud.store.schema import metadata

engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url") or "sqlite://")
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()

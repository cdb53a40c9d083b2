"""Alembic's entry: runs the migrations in the transaction that `cloud.store.migrate` began."""

from alembic import context

from cloud.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's entry: runs the migrations in the transaction that `cloud.store.migrate` began."""

from alembic import context

from cloud.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # Of SQLite, Alembic believes that it cannot; it can, once its driver begins nothing by itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

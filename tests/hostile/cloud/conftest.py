"""A store of its own for every test, as the cloud's own tests have it."""

from stores import (
    database,
    kept_open,
    migrated,
    postgres,
    postgres_database,
    postgres_store,
    sqlite_database,
    sqlite_store,
    store,
)

__all__ = [
    "database",
    "kept_open",
    "migrated",
    "postgres",
    "postgres_database",
    "postgres_store",
    "sqlite_database",
    "sqlite_store",
    "store",
]

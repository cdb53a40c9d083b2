"""Why a database cannot be opened, in the words of who has to do something about it."""

import re
import sqlite3
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from cloud.errors import StartError
from cloud.store.address import Address

_OF_A_FILE: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_NOTADB: "this file is not a database of SQLite; name another one",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from its last copy",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: is it a folder, or another user's file?",
    sqlite3.SQLITE_READONLY: "it cannot be written: give it and its folder to the user who serves",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another process keeps it locked; end that one first",
    sqlite3.SQLITE_IOERR: "the disk does not obey",
}
"""By the low byte of SQLite's result code."""

# Without a connection there is no SQLSTATE, only words; a server may say them in Russian.
_OF_A_SERVER: Final[Mapping[str, str]] = {
    r'database ".*" does not exist|база данных ".*" не существует': (
        "the server has no such database; make it: createdb --encoding UTF8{owner} {database}"
    ),
    r'role ".*" does not exist|роль ".*" не существует': (
        "the server does not know this user; make it: createuser {user}"
    ),
    r"no password supplied|password authentication failed|не прошёл проверку подлинности": (
        "the server does not believe that it is {user}; write the password into a passfile"
        " (~/.pgpass, mode 0600), or put PGPASSFILE into the environment"
    ),
    r"no pg_hba\.conf entry|нет записи .*pg_hba\.conf": (
        "the server lets {user} in from elsewhere only: add a line to its pg_hba.conf"
    ),
    r"Connection refused|No such file or directory|timeout|timed out|starting up|shutting down": (
        "no server answers there; is PostgreSQL running, and are host and port right?"
    ),
    r"resolve|Name or service not known|nodename": "there is no such host",
}


def refused(where: Address, error: Exception) -> StartError:
    """The error to raise; the library's words stand in it where they say more, a password never."""
    original = getattr(error, "orig", None) or error
    words = " ".join(str(original).split())
    if where.file is not None:
        code = getattr(original, "sqlite_errorcode", 0) & 0xFF
        plain = _OF_A_FILE.get(code)
        return StartError(f"database {where}: {f'{plain} ({words})' if plain else words}")
    secrets = (where.url.password, where.url.query.get("password"))
    for secret in secrets:
        if isinstance(secret, str) and secret:
            words = words.replace(secret, "***")
    user = where.url.username or where.url.query.get("user")
    names = {
        "user": user or "the user of this process",
        "owner": f" --owner {user}" if user else "",
        "database": where.url.database or user or "NAME",
    }
    plain = next(
        (text.format(**names) for said, text in _OF_A_SERVER.items() if re.search(said, words)),
        None,
    )
    if isinstance(original, ModuleNotFoundError):  # pragma: no cover, the extra has it
        plain = "psycopg is not installed"
    return StartError(f"database {where}: {f'{plain} ({words})' if plain else words}")


def is_locked(error: sa.exc.OperationalError) -> bool:
    """Whether another holds SQLite's write lock."""
    code: int = getattr(error.orig, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY

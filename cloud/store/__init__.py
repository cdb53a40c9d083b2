"""The store: one database, verbs on it by what they are about.

    schema      tables and their constraints
    engine      transactions; BUSY
    migration   the schema of an older version becomes today's
    dialect     what SQLite and PostgreSQL say differently
    fleet       operators, registers, planograms, machines; who changed them
    sites       what intake has to know of a machine, remembered
    sales       what arrived
    streams     how far each machine's sequence is here
    births      what machines say of their outboxes when they connect
    receipts    what is asked of providers, and what became of it
    replies     what machines have still to be told
    notes       what machines wrote down beside their sales
    journal     what people look at
    ringing     bells, heard by the other processes of a PostgreSQL

A verb takes a connection and is one query or a few; a caller joins verbs into one transaction.
"""

from cloud.store.dialect import insert
from cloud.store.engine import BUSY, Store
from cloud.store.lock import alone
from cloud.store.migration import migrate

__all__ = ["BUSY", "Store", "alone", "insert", "migrate"]

"""The store: one database, verbs on it by what they are about.

    schema      tables and their constraints
    engine      transactions; BUSY
    migration   the schema of an older version becomes today's
    dialect     what SQLite and PostgreSQL say differently
    fleet       operators, registers, planograms, machines; who changed them
    sites       what intake has to know of a machine, remembered
    sales       what arrived
    placing     sales that need a hand, what people said of them, and where they go then
    streams     how far each machine's sequence is here
    births      what machines say of their outboxes when they connect
    receipts    what is asked of providers; an outcome finds its receipt
    recording   what an outcome makes of it
    claims      what a lane does next, and the intent that is written down before it
    lanes       who works a register's queue, and how its last requests went
    returns     receipts that follow another
    decisions   what a person settles about a receipt
    doubt       what may have been recorded, and nobody knows
    accounts    what a change of a register's settings may not take along
    history     every change of a state, by whom and why
    incidents   what the operator has to know
    quarantine  what makes no sense, kept, and how much of it
    replies     what machines have still to be told
    notes       what machines wrote down beside their sales
    journal     what people look at
    attention   what needs a hand
    day         one day's sales and receipts, for the accountant
    ringing     bells, heard by the other processes of a PostgreSQL

A verb takes a connection and is one query or a few; a caller joins verbs into one transaction.
"""

from cloud.store.dialect import insert
from cloud.store.engine import BUSY, Store
from cloud.store.lock import alone
from cloud.store.migration import migrate

__all__ = ["BUSY", "Store", "alone", "insert", "migrate"]

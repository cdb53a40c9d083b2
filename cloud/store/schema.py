"""The schema, for SQLite and PostgreSQL. Guarantees are constraints; each says what it prevents.

Times are milliseconds of Unix time, recorded and shown, never a key. Money is kopecks. Indexes hold
open rows only: what is finished costs nothing but its place, however much of it there is.
"""

from typing import Final

import sqlalchemy as sa

from cloud.fiscalization import SENT, State
from cloud.receipt import Purpose

metadata: Final = sa.MetaData()
_Number: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A number that the database gives."""


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _open(
    name: str,
    *columns: sa.ColumnElement[object],
    where: sa.ColumnElement[bool],
    unique: bool = False,
) -> None:
    """An index of the rows that are open, and of no others."""
    sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


# --- The fleet ------------------------------------------------------------------------------------

operator: Final = sa.Table(
    "operator",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("inn", sa.Text, nullable=False),
    sa.Column("taxation", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("policies", sa.Text, nullable=False),
)

register: Final = sa.Table(
    "register",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("operator", sa.Text, sa.ForeignKey("operator.id"), nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    # So that no machine can be given the register of another operator.
    sa.UniqueConstraint("operator", "id", name="register_of_operator"),
)

product: Final = sa.Table(
    "product",
    metadata,
    sa.Column("operator", sa.Text, sa.ForeignKey("operator.id"), primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("vat", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("marking", sa.Text, nullable=False),
    sa.Column("gtin", sa.Text, nullable=False),
)

planogram: Final = sa.Table(
    "planogram",
    metadata,
    sa.Column("operator", sa.Text, sa.ForeignKey("operator.id"), primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
)

shelf: Final = sa.Table(
    "shelf",
    metadata,
    sa.Column("operator", sa.Text, primary_key=True),
    sa.Column("planogram", sa.Text, primary_key=True),
    sa.Column("slot", sa.Text, primary_key=True),
    # Days as ISO text: they sort as they follow.
    sa.Column("valid_from", sa.Text, primary_key=True),
    sa.Column("valid_until", sa.Text),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("price_min", sa.BigInteger),
    sa.Column("price_max", sa.BigInteger),
    sa.ForeignKeyConstraint(["operator", "planogram"], ["planogram.operator", "planogram.id"]),
    sa.ForeignKeyConstraint(["operator", "product"], ["product.operator", "product.id"]),
    sa.CheckConstraint("valid_until IS NULL OR valid_from < valid_until", name="shelf_days"),
    sa.CheckConstraint("price_min <= price_max", name="shelf_prices"),
)

machine: Final = sa.Table(
    "machine",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("register", sa.Text, nullable=False),
    sa.Column("planogram", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("internet", sa.Boolean),
    sa.Column("policies", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["operator", "register"], ["register.operator", "register.id"]),
    sa.ForeignKeyConstraint(["operator", "planogram"], ["planogram.operator", "planogram.id"]),
)

change: Final = sa.Table(
    "change",
    metadata,
    # What was changed in the fleet, and by whom; the last id is the fleet's version.
    sa.Column("id", _Number, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

# --- Sales and their receipts ---------------------------------------------------------------------

sale: Final = sa.Table(
    "sale",
    metadata,
    # The same sale again is the same row, whatever place it claims.
    sa.Column("sale_id", sa.Text, primary_key=True),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("epoch", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    # One receipt page, one sale.
    sa.Column("token", sa.Text, nullable=False, unique=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    # Whose the machine was when it came: a machine may be sold, its sales are not.
    sa.Column("operator", sa.Text),
    sa.Column("disposition", sa.Text, nullable=False),
    # Why it is skipped or needs a hand: a word for programs, and the reason for people.
    sa.Column("cause", sa.Text),
    sa.Column("reason", sa.Text),
    # No sale ends nowhere: it has a receipt, or a reason.
    sa.CheckConstraint("disposition IN ('receipt', 'skipped', 'attention')", name="disposition"),
    sa.CheckConstraint(
        "disposition = 'receipt' OR (reason IS NOT NULL AND cause IS NOT NULL)", name="reasoned"
    ),
)
# Two sales at one place are both kept: a card that forgot its last sale made the second.
sa.Index("sale_place", sale.c.machine, sale.c.epoch, sale.c.seq)
sa.Index("sale_latest", sale.c.received_at)
_open("sale_attention", sale.c.received_at, where=sale.c.disposition == "attention")

answer: Final = sa.Table(
    "answer",
    metadata,
    # What people said of a sale, joined: the last word on each thing.
    sa.Column("sale_id", sa.Text, sa.ForeignKey("sale.sale_id"), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

receipt: Final = sa.Table(
    "receipt",
    metadata,
    # One sale, at most one receipt of each purpose.
    sa.Column("sale_id", sa.Text, sa.ForeignKey("sale.sale_id"), primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True),
    sa.Column("machine", sa.Text, nullable=False),
    # A register that receipts went to, or wait for, cannot be taken away.
    sa.Column("register", sa.Text, sa.ForeignKey("register.id"), nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    # Keys that were used before the one in use, or to be used next.
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("born_at", sa.BigInteger, nullable=False),
    sa.Column("next_at", sa.BigInteger, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("fn", sa.Text),
    sa.Column("fd", sa.BigInteger),
    sa.Column("fp", sa.BigInteger),
    sa.Column("registered_at", sa.Text),
    sa.Column("total", sa.BigInteger),
    sa.Column("rnm", sa.Text),
    sa.Column("ofd_inn", sa.Text),
    sa.Column("link", sa.Text),
    sa.Column("issued_at", sa.BigInteger),
    sa.CheckConstraint(
        f"purpose IN ({_listed(tuple(each.value for each in Purpose))})", name="purpose"
    ),
    sa.CheckConstraint(f"state IN ({_listed(tuple(each.value for each in State))})", name="state"),
    # An issued receipt has a document, and only that.
    sa.CheckConstraint("(state = 'issued') = (fd IS NOT NULL)", name="documented"),
    # What a person has to look at, or has closed, says why.
    sa.CheckConstraint(
        "state NOT IN ('attention', 'closed') OR error IS NOT NULL", name="explained"
    ),
    # One fiscal document belongs to one receipt.
    sa.UniqueConstraint("fn", "fd", name="document"),
)
_open("receipt_waiting", receipt.c.register, receipt.c.born_at, where=receipt.c.state == "waiting")
_open(
    "receipt_sent",
    receipt.c.register,
    receipt.c.next_at,
    where=receipt.c.state.in_([each.value for each in SENT]),
)
_open("receipt_attention", receipt.c.born_at, where=receipt.c.state == "attention")
# A sale is settled by its receipt or by a correction, never by both.
_open(
    "receipt_settles",
    receipt.c.sale_id,
    where=receipt.c.purpose.in_(["income", "correction"]) & (receipt.c.state != "closed"),
    unique=True,
)

attempt: Final = sa.Table(
    "attempt",
    metadata,
    # A provider's key is used for one attempt, ever.
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("sale_id", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("register", sa.Text, nullable=False),
    # Frozen: what is repeated under the key is this, byte for byte.
    sa.Column("body", sa.Text, nullable=False),
    # The receipt that it asked for, where a later one asks for another.
    sa.Column("request", sa.Text),
    # When the provider's memory of the key began: on the wall, and since which boot. NULL: it
    # surely never left.
    sa.Column("first_sent_at", sa.BigInteger),
    sa.Column("first_sent_boot", sa.Text),
    sa.Column("first_sent_boottime", sa.BigInteger),
    sa.Column("provider_id", sa.Text),
    sa.Column("verdict", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("ended_at", sa.BigInteger),
    # Somebody who cannot prove it said that there is news of this key: the provider is asked once.
    sa.Column("hinted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.ForeignKeyConstraint(["sale_id", "purpose"], ["receipt.sale_id", "receipt.purpose"]),
    sa.UniqueConstraint("sale_id", "purpose", "number", name="attempt_number"),
    # The key is the sale's id, and what follows from purpose and number: nobody can invent another.
    sa.CheckConstraint(
        "key = sale_id"
        " || CASE purpose WHEN 'income' THEN '' WHEN 'income_return' THEN '-r' ELSE '-c' END"
        " || CASE WHEN number = 0 THEN ''"
        " ELSE CASE purpose WHEN 'income' THEN '-' ELSE '' END || CAST(number AS TEXT) END",
        name="attempt_key",
    ),
    sa.CheckConstraint("verdict IN ('done', 'dead', 'withdrawn')", name="attempt_verdict"),
    # Only what surely never left can be taken back.
    sa.CheckConstraint(
        "verdict IS NULL OR verdict <> 'withdrawn' OR first_sent_at IS NULL",
        name="attempt_withdrawn",
    ),
)
# A new key only after the one before is dead, or never left.
_open(
    "attempt_once",
    attempt.c.sale_id,
    attempt.c.purpose,
    where=attempt.c.verdict.is_(None) | (attempt.c.verdict == "done"),
    unique=True,
)

_open("attempt_hinted", attempt.c.register, where=attempt.c.hinted)

history: Final = sa.Table(
    "history",
    metadata,
    # Every change of a sale's or a receipt's state. Nothing in it is changed or taken away: triggers
    # of the migrations refuse it.
    sa.Column("id", _Number, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("sale_id", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
    sqlite_autoincrement=True,
)
sa.Index("history_sale", history.c.sale_id)

reply: Final = sa.Table(
    "reply",
    metadata,
    # How much of a sale's fate its machine has been told.
    sa.Column("sale_id", sa.Text, sa.ForeignKey("sale.sale_id"), primary_key=True),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("rev", sa.Integer, nullable=False),
    sa.Column("acked_rev", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tell_at", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("told_times", sa.Integer, nullable=False, server_default="0"),
    sa.CheckConstraint("0 <= acked_rev AND acked_rev <= rev", name="reply_acked"),
)
_open("reply_untold", reply.c.tell_at, where=reply.c.rev > reply.c.acked_rev)
_open("reply_of_machine", reply.c.machine, where=reply.c.rev > reply.c.acked_rev)

lane: Final = sa.Table(
    "lane",
    metadata,
    # A register's queue; or a seat that one process of many holds, by a name with an "@".
    sa.Column("register", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("lease_until", sa.BigInteger, nullable=False),
    # Grows with every lease: who holds an older one can write nothing any more.
    sa.Column("fence", sa.BigInteger, nullable=False),
    # The latest that the server's clock has said in it: what says less now was set back, or, if by
    # more than a month, was ahead before.
    sa.Column("latest_at", sa.BigInteger, nullable=False, server_default="0"),
    # The circuit: failures in a row, and until when nothing is sent.
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("hold_until", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("pause", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("since", sa.BigInteger),
    sa.CheckConstraint("pause IS NULL OR reason IS NOT NULL", name="lane_paused"),
)

# --- What machines said beside their sales --------------------------------------------------------

stream: Final = sa.Table(
    "stream",
    metadata,
    sa.Column("machine", sa.Text, primary_key=True),
    sa.Column("epoch", sa.Text, primary_key=True),
    # What its last birth said, which is believed once another birth says it too.
    sa.Column("nonce", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("claimed", sa.BigInteger, nullable=False, server_default="0"),
)

run: Final = sa.Table(
    "run",
    metadata,
    # An unbroken run of a machine's sequence: all of it was stored, or is answered for. Whatever
    # lies behind a hole is one row, so that an ack costs the same however long the hole stays.
    sa.Column("machine", sa.Text, primary_key=True),
    sa.Column("epoch", sa.Text, primary_key=True),
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.CheckConstraint("1 <= first AND first <= last", name="ascending"),
)

showing: Final = sa.Table(
    "showing",
    metadata,
    sa.Column("sale_id", sa.Text, primary_key=True),
    sa.Column("rev", sa.Integer, primary_key=True),
    sa.Column("medium", sa.Text, primary_key=True),
    sa.Column("shown_at", sa.Text, primary_key=True),
    # Two screens of a machine may show it at one moment.
    sa.Column("display", sa.Text, primary_key=True),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("hidden_at", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("frame_sha256", sa.Text, nullable=False),
    sa.Column("clock", sa.Text),
)

note: Final = sa.Table(
    "note",
    metadata,
    # A showing or an incident of a machine is kept once, however often it is told.
    sa.Column("machine", sa.Text, primary_key=True),
    sa.Column("epoch", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
)

presence: Final = sa.Table(
    "presence",
    metadata,
    sa.Column("machine", sa.Text, primary_key=True),
    sa.Column("online", sa.Boolean, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)

incident: Final = sa.Table(
    "incident",
    metadata,
    sa.Column("id", _Number, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("machine", sa.Text),
    sa.Column("sale_id", sa.Text),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary),
    # Said again, it is the same incident.
    sa.Column("digest", sa.Text, nullable=False, unique=True),
)

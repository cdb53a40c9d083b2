"""The schema. Guarantees are constraints; each says what it prevents.

Times are milliseconds of Unix time, recorded and shown, never a key. Money is kopecks.
"""

from typing import Final

import sqlalchemy as sa

from cloud.fiscalization import OPEN, State

metadata: Final = sa.MetaData()


def _states() -> str:
    return ", ".join(f"'{state.value}'" for state in State)


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
    sa.Column("disposition", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    # No sale ends nowhere: it has a receipt, or a reason.
    sa.CheckConstraint("disposition IN ('receipt', 'skipped', 'attention')", name="disposition"),
    sa.CheckConstraint("disposition = 'receipt' OR reason IS NOT NULL", name="reasoned"),
)
# Two sales at one place are both kept: a card that forgot its last sale made the second.
sa.Index("sale_place", sale.c.machine, sale.c.epoch, sale.c.seq)
sa.Index("sale_latest", sale.c.received_at)
sa.Index("sale_attention", sale.c.received_at, sqlite_where=sale.c.disposition == "attention")

receipt: Final = sa.Table(
    "receipt",
    metadata,
    # One sale, at most one receipt of each purpose.
    sa.Column("sale_id", sa.Text, sa.ForeignKey("sale.sale_id"), primary_key=True),
    sa.Column("purpose", sa.Integer, primary_key=True),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("register", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_at", sa.BigInteger, nullable=False),
    # A provider's key is used for one receipt, ever.
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("body", sa.Text),
    # When the provider's memory of the key began: on the wall, and since which boot.
    sa.Column("first_sent_at", sa.BigInteger),
    sa.Column("first_sent_boot", sa.Text),
    sa.Column("first_sent_boottime", sa.BigInteger),
    sa.Column("provider_id", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("fn", sa.Text),
    sa.Column("fd", sa.BigInteger),
    sa.Column("fp", sa.BigInteger),
    sa.Column("registered_at", sa.Text),
    sa.Column("total", sa.BigInteger),
    sa.Column("link", sa.Text),
    sa.Column("issued_at", sa.BigInteger),
    sa.Column("rev", sa.Integer, nullable=False, server_default="0"),
    sa.Column("acked_rev", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tell_at", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("told_times", sa.Integer, nullable=False, server_default="0"),
    sa.CheckConstraint(f"state IN ({_states()})", name="state"),
    # Nothing leaves before its body is frozen and its departure written down.
    sa.CheckConstraint(
        "state = 'waiting' OR (body IS NOT NULL AND first_sent_at IS NOT NULL)", name="frozen"
    ),
    # An issued receipt has a document, and only that.
    sa.CheckConstraint("(state = 'issued') = (fd IS NOT NULL)", name="documented"),
    # One fiscal document belongs to one sale.
    sa.UniqueConstraint("fn", "fd", name="document"),
)
_OPEN = receipt.c.state.in_([state.value for state in OPEN])
sa.Index("receipt_open", receipt.c.register, receipt.c.next_at, sqlite_where=_OPEN)
sa.Index(
    "receipt_untold",
    receipt.c.tell_at,
    sqlite_where=receipt.c.rev > receipt.c.acked_rev,
)

lane: Final = sa.Table(
    "lane",
    metadata,
    sa.Column("register", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("lease_until", sa.BigInteger, nullable=False),
    # Grows with every lease: who holds an older one can write nothing any more.
    sa.Column("fence", sa.BigInteger, nullable=False),
)

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
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("machine", sa.Text),
    sa.Column("sale_id", sa.Text),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary),
    # Said again, it is the same incident.
    sa.Column("digest", sa.Text, nullable=False, unique=True),
)

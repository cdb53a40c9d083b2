"""The fleet moves into the database, and a receipt's keys become attempts.

A sale that needs a hand or is skipped has a cause: of the old ones it is `other`. A receipt's purpose
is a word, and `born_at` is when its sale was received. Its key, body and first sending become its
attempt number 0, if there was a body; `done` if it is issued. One that stands in attention may have
been sent, and nobody knows what became of it: its attempt has no verdict. What a machine was told
moves from the receipts to one reply a sale.

The operator and the registers stood in the configuration. What receipts refer to has to exist: so
there is one operator, `main`, with the INN and the taxation of the newest receipt; and every register
that a receipt names, at CloudKassir (there was no other) without settings. Machines and products are
in no receipt. All is to be put right by `python -m cloud operator | register | …`.

PostgreSQL has no database of an older version: there is nothing to move.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

OPERATOR = """
INSERT INTO operator (id, name, inn, taxation, email, policies)
SELECT 'main', json_extract(request, '$.inn'), json_extract(request, '$.inn'),
    CASE json_extract(request, '$.taxation') WHEN 0 THEN 'osn' WHEN 1 THEN 'usn_income'
        WHEN 2 THEN 'usn_income_outcome' WHEN 4 THEN 'esn' ELSE 'patent' END, '', '{}'
FROM receipt_before JOIN sale USING (sale_id) ORDER BY received_at DESC LIMIT 1
"""
REGISTERS = """
INSERT INTO register (id, operator, provider, settings)
SELECT DISTINCT register, 'main', 'cloudkassir', '{}' FROM receipt_before
"""
SALES = """
INSERT INTO sale_now (sale_id, machine, epoch, seq, token, body, received_at, disposition, reason,
    cause)
SELECT sale_id, machine, epoch, seq, token, body, received_at, disposition, reason,
    CASE WHEN disposition <> 'receipt' THEN 'other' END
FROM sale
"""
PURPOSE = "CASE purpose WHEN 1 THEN 'income' ELSE 'income_return' END"
RECEIPTS = f"""
INSERT INTO receipt (sale_id, purpose, machine, register, request, state, tries, born_at, next_at,
    error, fn, fd, fp, registered_at, total, link, issued_at)
SELECT old.sale_id, {PURPOSE}, old.machine, old.register,
    json_set(old.request, '$.purpose', {PURPOSE}), old.state, old.tries, sale.received_at,
    old.next_at,
    CASE old.state WHEN 'attention' THEN coalesce(old.error, 'no reason was kept')
        ELSE old.error END,
    old.fn, old.fd, old.fp, old.registered_at, old.total, old.link, old.issued_at
FROM receipt_before AS old JOIN sale ON sale.sale_id = old.sale_id
"""  # noqa: S608, a constant
ATTEMPTS = f"""
INSERT INTO attempt (key, sale_id, purpose, number, register, body, first_sent_at, first_sent_boot,
    first_sent_boottime, provider_id, verdict, ended_at)
SELECT key, sale_id, {PURPOSE}, 0, register, body, first_sent_at, first_sent_boot,
    first_sent_boottime, provider_id, CASE state WHEN 'issued' THEN 'done' END, issued_at
FROM receipt_before WHERE body IS NOT NULL
"""  # noqa: S608, a constant
REPLIES = """
INSERT INTO reply (sale_id, machine, rev, acked_rev, tell_at, told_times)
SELECT sale_id, max(machine), max(rev), min(max(acked_rev), max(rev)), min(tell_at),
    max(told_times)
FROM receipt_before WHERE rev > 0 GROUP BY sale_id
"""
LANES = """
INSERT INTO lane (register, owner, lease_until, fence)
SELECT register, owner, lease_until, fence FROM lane_before
"""
APPEND_ONLY = ("history", "change")


def upgrade() -> None:
    """Apply."""
    moving = op.get_bind().dialect.name == "sqlite"
    _fleet()
    if moving:
        for index in ("receipt_open", "receipt_untold"):
            op.drop_index(index, table_name="receipt")
        op.rename_table("receipt", "receipt_before")
        op.rename_table("lane", "lane_before")
        _sale("sale_now")
        op.execute(SALES)
        op.drop_table("sale")
        op.rename_table("sale_now", "sale")
    else:
        for table in ("receipt", "lane", "sale"):
            op.drop_table(table)
        _sale("sale")
    _index_sale()
    _receipt()
    _attempt()
    _beside()
    if moving:
        for move in (OPERATOR, REGISTERS, RECEIPTS, ATTEMPTS, REPLIES, LANES):
            op.execute(move)
        op.drop_table("receipt_before")
        op.drop_table("lane_before")
        _refuse_on_sqlite()
    else:
        _refuse_on_postgresql()


def _fleet() -> None:
    op.create_table(
        "operator",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("inn", sa.Text(), nullable=False),
        sa.Column("taxation", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("policies", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "register",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["operator"], ["operator.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("operator", "id", name="register_of_operator"),
    )
    op.create_table(
        "product",
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("vat", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("marking", sa.Text(), nullable=False),
        sa.Column("gtin", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["operator"], ["operator.id"]),
        sa.PrimaryKeyConstraint("operator", "id"),
    )
    op.create_table(
        "planogram",
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["operator"], ["operator.id"]),
        sa.PrimaryKeyConstraint("operator", "id"),
    )
    op.create_table(
        "shelf",
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("planogram", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("valid_until", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("price_min", sa.BigInteger(), nullable=True),
        sa.Column("price_max", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("valid_until IS NULL OR valid_from < valid_until", name="shelf_days"),
        sa.CheckConstraint("price_min <= price_max", name="shelf_prices"),
        sa.ForeignKeyConstraint(["operator", "planogram"], ["planogram.operator", "planogram.id"]),
        sa.ForeignKeyConstraint(["operator", "product"], ["product.operator", "product.id"]),
        sa.PrimaryKeyConstraint("operator", "planogram", "slot", "valid_from"),
    )
    op.create_table(
        "machine",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("planogram", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("internet", sa.Boolean(), nullable=True),
        sa.Column("policies", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["operator", "register"], ["register.operator", "register.id"]),
        sa.ForeignKeyConstraint(["operator", "planogram"], ["planogram.operator", "planogram.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "change",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )


def _sale(name: str) -> None:
    op.create_table(
        name,
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "disposition IN ('receipt', 'skipped', 'attention')", name="disposition"
        ),
        sa.CheckConstraint(
            "disposition = 'receipt' OR (reason IS NOT NULL AND cause IS NOT NULL)",
            name="reasoned",
        ),
        sa.PrimaryKeyConstraint("sale_id"),
        sa.UniqueConstraint("token"),
    )


def _index_sale() -> None:
    op.create_index("sale_place", "sale", ["machine", "epoch", "seq"])
    op.create_index("sale_latest", "sale", ["received_at"])
    _open("sale_attention", "sale", ["received_at"], "disposition = 'attention'")
    op.create_table(
        "answer",
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"]),
        sa.PrimaryKeyConstraint("sale_id"),
    )


def _open(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    """An index of some rows."""
    rows = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=rows, postgresql_where=rows)


def _receipt() -> None:
    op.create_table(
        "receipt",
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("born_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("fn", sa.Text(), nullable=True),
        sa.Column("fd", sa.BigInteger(), nullable=True),
        sa.Column("fp", sa.BigInteger(), nullable=True),
        sa.Column("registered_at", sa.Text(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("rnm", sa.Text(), nullable=True),
        sa.Column("ofd_inn", sa.Text(), nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("issued_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("purpose IN ('income', 'income_return', 'correction')", name="purpose"),
        sa.CheckConstraint(
            "state IN ('waiting', 'submitted', 'unknown', 'accepted', 'issued', 'attention',"
            " 'closed')",
            name="state",
        ),
        sa.CheckConstraint("(state = 'issued') = (fd IS NOT NULL)", name="documented"),
        sa.CheckConstraint(
            "state NOT IN ('attention', 'closed') OR error IS NOT NULL", name="explained"
        ),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"]),
        sa.ForeignKeyConstraint(["register"], ["register.id"]),
        sa.PrimaryKeyConstraint("sale_id", "purpose"),
        sa.UniqueConstraint("fn", "fd", name="document"),
    )
    _open("receipt_waiting", "receipt", ["register", "born_at"], "state = 'waiting'")
    _open(
        "receipt_sent",
        "receipt",
        ["register", "next_at"],
        "state IN ('submitted', 'unknown', 'accepted')",
    )
    _open("receipt_attention", "receipt", ["born_at"], "state = 'attention'")
    _open(
        "receipt_settles",
        "receipt",
        ["sale_id"],
        "purpose IN ('income', 'correction') AND state != 'closed'",
        unique=True,
    )


def _attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("first_sent_at", sa.BigInteger(), nullable=True),
        sa.Column("first_sent_boot", sa.Text(), nullable=True),
        sa.Column("first_sent_boottime", sa.BigInteger(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("hinted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint(
            "key = sale_id"
            " || CASE purpose WHEN 'income' THEN '' WHEN 'income_return' THEN '-r' ELSE '-c' END"
            " || CASE WHEN number = 0 THEN ''"
            " ELSE CASE purpose WHEN 'income' THEN '-' ELSE '' END || CAST(number AS TEXT) END",
            name="attempt_key",
        ),
        sa.CheckConstraint("verdict IN ('done', 'dead', 'withdrawn')", name="attempt_verdict"),
        sa.CheckConstraint(
            "verdict IS NULL OR verdict <> 'withdrawn' OR first_sent_at IS NULL",
            name="attempt_withdrawn",
        ),
        sa.ForeignKeyConstraint(["sale_id", "purpose"], ["receipt.sale_id", "receipt.purpose"]),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("sale_id", "purpose", "number", name="attempt_number"),
    )
    _open(
        "attempt_once",
        "attempt",
        ["sale_id", "purpose"],
        "verdict IS NULL OR verdict = 'done'",
        unique=True,
    )
    _open("attempt_hinted", "attempt", ["register"], "hinted")


def _beside() -> None:
    op.create_table(
        "history",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("history_sale", "history", ["sale_id"])
    op.create_table(
        "reply",
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("acked_rev", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tell_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("told_times", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("0 <= acked_rev AND acked_rev <= rev", name="reply_acked"),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"]),
        sa.PrimaryKeyConstraint("sale_id"),
    )
    _open("reply_untold", "reply", ["tell_at"], "rev > acked_rev")
    _open("reply_of_machine", "reply", ["machine"], "rev > acked_rev")
    op.create_table(
        "lane",
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("hold_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pause", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("pause IS NULL OR reason IS NOT NULL", name="lane_paused"),
        sa.PrimaryKeyConstraint("register"),
    )


def _refuse_on_sqlite() -> None:
    for table in APPEND_ONLY:
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, 'what is written in {table} stays as it is'); END"
            )


def _refuse_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'what is written in % stays as it is', TG_TABLE_NAME"
        " USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
        )

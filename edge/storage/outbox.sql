-- The outbox: every sale this machine made, until the cloud has it and long after.
-- Guarantees are constraints; the code above them cannot break them by mistake.

-- schema --

CREATE TABLE IF NOT EXISTS identity (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL                -- made with this file: another card is another epoch
) STRICT;

CREATE TABLE IF NOT EXISTS sale (
    seq          INTEGER PRIMARY KEY CHECK (seq > 0),
    sale_id      TEXT NOT NULL UNIQUE,
    body         BLOB NOT NULL,        -- as it is published, byte for byte, every time
    acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1))
) STRICT;

CREATE INDEX IF NOT EXISTS sale_open ON sale (seq) WHERE acknowledged = 0;

CREATE TRIGGER IF NOT EXISTS sale_without_gap BEFORE INSERT ON sale
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM sale)
BEGIN SELECT RAISE(ABORT, 'a gap in the sequence'); END;

CREATE TRIGGER IF NOT EXISTS sale_is_kept BEFORE DELETE ON sale
WHEN OLD.acknowledged = 0
BEGIN SELECT RAISE(ABORT, 'the cloud does not have this sale yet'); END;

CREATE TRIGGER IF NOT EXISTS sale_keeps_the_place BEFORE DELETE ON sale
WHEN OLD.seq = (SELECT max(seq) FROM sale)
BEGIN SELECT RAISE(ABORT, 'the last sale tells the place of the next'); END;

CREATE TRIGGER IF NOT EXISTS sale_is_frozen BEFORE UPDATE OF seq, sale_id, body ON sale
BEGIN SELECT RAISE(ABORT, 'a sale is never rewritten'); END;

CREATE TABLE IF NOT EXISTS receipt (
    sale_id TEXT PRIMARY KEY,          -- may be of an earlier epoch: no foreign key
    rev     INTEGER NOT NULL,
    body    BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS showing (
    id        INTEGER PRIMARY KEY,
    body      BLOB NOT NULL,
    published INTEGER NOT NULL DEFAULT 0 CHECK (published IN (0, 1))
) STRICT;

CREATE INDEX IF NOT EXISTS showing_open ON showing (id) WHERE published = 0;

CREATE TABLE IF NOT EXISTS context (
    address INTEGER PRIMARY KEY,
    body    BLOB NOT NULL
) STRICT;

-- make_identity --
INSERT INTO identity (one, epoch) VALUES (1, :epoch) ON CONFLICT DO NOTHING;

-- epoch --
SELECT epoch FROM identity;

-- next_seq --
SELECT coalesce(max(seq), 0) + 1 FROM sale;

-- put_sale --
INSERT INTO sale (seq, sale_id, body) VALUES (:seq, :sale_id, :body);

-- open_sales --
SELECT seq, body FROM sale WHERE acknowledged = 0 AND seq > :after ORDER BY seq LIMIT :most;

-- count_open --
SELECT count(*), min(seq) FROM sale WHERE acknowledged = 0;

-- sale --
SELECT body FROM sale WHERE sale_id = :sale_id;

-- acknowledge --
UPDATE sale SET acknowledged = 1
WHERE acknowledged = 0 AND seq <= :upto AND seq NOT IN (SELECT value FROM json_each(:missing));

-- last_sale --
SELECT sale.body, receipt.body FROM sale LEFT JOIN receipt USING (sale_id)
ORDER BY seq DESC LIMIT 1;

-- put_receipt --
INSERT INTO receipt (sale_id, rev, body) VALUES (:sale_id, :rev, :body)
ON CONFLICT (sale_id) DO UPDATE SET rev = :rev, body = :body WHERE receipt.rev < :rev
RETURNING rev;

-- put_showing --
INSERT INTO showing (body) VALUES (:body);

-- open_showings --
SELECT id, body FROM showing WHERE published = 0 AND id > :after ORDER BY id LIMIT :most;

-- showing_published --
UPDATE showing SET published = 1 WHERE id = :id;

-- put_context --
INSERT INTO context (address, body) VALUES (:address, :body)
ON CONFLICT (address) DO UPDATE SET body = :body;

-- contexts --
SELECT address, body FROM context;

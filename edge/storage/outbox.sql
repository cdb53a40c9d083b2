-- The outbox: every sale this machine made, until the cloud has it and long after.
-- Guarantees are constraints; the code above them cannot break them by mistake.

-- schema --

CREATE TABLE identity (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,               -- made with this file: another card is another epoch
    base  INTEGER NOT NULL,            -- how many sales were salvaged from a damaged file before it
    salvaged TEXT                      -- how that went, until it is an incident
) STRICT;

CREATE TRIGGER identity_is_frozen BEFORE UPDATE OF one, epoch, base ON identity
BEGIN SELECT RAISE(ABORT, 'an outbox keeps its epoch'); END;

CREATE TRIGGER identity_is_kept BEFORE DELETE ON identity
BEGIN SELECT RAISE(ABORT, 'an outbox keeps its epoch'); END;

CREATE TRIGGER identity_is_given_once BEFORE INSERT ON identity
WHEN EXISTS (SELECT 1 FROM identity)
BEGIN SELECT RAISE(ABORT, 'an outbox keeps its epoch'); END;

CREATE TABLE sale (
    place        INTEGER PRIMARY KEY CHECK (place > 0),
    epoch        TEXT NOT NULL,
    seq          INTEGER NOT NULL CHECK (seq > 0),
    sale_id      TEXT NOT NULL UNIQUE,
    body         BLOB NOT NULL,        -- as it was made
    untimed      INTEGER NOT NULL CHECK (untimed IN (0, 1)), -- the clock was not right then
    told         BLOB CHECK (told IS NULL OR untimed), -- published instead, its time worked out
    acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1)),
    acknowledged_at INTEGER CHECK (acknowledged_at IS NULL OR acknowledged) -- the cloud's clock, s
) STRICT;

CREATE INDEX sale_open ON sale (place) WHERE acknowledged = 0;
CREATE INDEX sale_untimed ON sale (place) WHERE untimed = 1 AND told IS NULL;
CREATE INDEX sale_undated ON sale (place) WHERE acknowledged = 1 AND acknowledged_at IS NULL;

CREATE TRIGGER sale_without_gap BEFORE INSERT ON sale
WHEN NEW.place <> (SELECT coalesce(max(place), 0) + 1 FROM sale)
BEGIN SELECT RAISE(ABORT, 'a gap in the sequence'); END;

CREATE TRIGGER sale_is_kept_once BEFORE INSERT ON sale -- or "OR REPLACE" would delete the first
WHEN EXISTS (SELECT 1 FROM sale WHERE sale_id = NEW.sale_id)
BEGIN SELECT RAISE(ABORT, 'this sale is kept already'); END;

CREATE TRIGGER sale_in_its_place BEFORE INSERT ON sale
WHEN EXISTS (SELECT 1 FROM identity WHERE (NEW.epoch = epoch) <> (NEW.place > base)
             OR NEW.epoch = epoch AND NEW.seq <> NEW.place - base)
BEGIN SELECT RAISE(ABORT, 'a sale of another epoch, or out of its place'); END;

CREATE TRIGGER sale_is_kept BEFORE DELETE ON sale
WHEN OLD.acknowledged = 0
BEGIN SELECT RAISE(ABORT, 'the cloud does not have this sale yet'); END;

CREATE TRIGGER sale_keeps_the_place BEFORE DELETE ON sale
WHEN OLD.place = (SELECT max(place) FROM sale)
BEGIN SELECT RAISE(ABORT, 'the last sale tells the place of the next'); END;

CREATE TRIGGER sale_is_frozen BEFORE UPDATE OF place, epoch, seq, sale_id, body, untimed ON sale
BEGIN SELECT RAISE(ABORT, 'a sale is never rewritten'); END;

CREATE TRIGGER sale_stays_acknowledged BEFORE UPDATE OF acknowledged ON sale
WHEN OLD.acknowledged = 1 AND NEW.acknowledged = 0
BEGIN SELECT RAISE(ABORT, 'the cloud has this sale, for good'); END;

CREATE TRIGGER sale_is_told_one_way BEFORE UPDATE OF told ON sale
WHEN OLD.told IS NOT NULL OR OLD.untimed = 0
BEGIN SELECT RAISE(ABORT, 'a sale is always told the same way'); END;

CREATE TABLE receipt (
    id      INTEGER PRIMARY KEY,
    sale_id TEXT NOT NULL UNIQUE,      -- may be of an earlier epoch: no foreign key
    rev     INTEGER NOT NULL,
    body    BLOB NOT NULL,
    stray   INTEGER NOT NULL CHECK (stray IN (0, 1)) -- its sale is not here
) STRICT;

CREATE INDEX receipt_stray ON receipt (id) WHERE stray = 1;

CREATE TRIGGER sale_takes_its_receipt_along AFTER DELETE ON sale
BEGIN DELETE FROM receipt WHERE sale_id = OLD.sale_id; END;

CREATE TABLE note (                    -- showings and incidents
    number   INTEGER PRIMARY KEY CHECK (number > 0),
    channel  TEXT NOT NULL CHECK (channel IN ('shown', 'incident')),
    body     BLOB NOT NULL,
    noted    INTEGER NOT NULL DEFAULT 0 CHECK (noted IN (0, 1)), -- the cloud has it
    noted_at INTEGER CHECK (noted_at IS NULL OR noted)           -- the cloud's clock, s
) STRICT;

CREATE INDEX note_open ON note (number) WHERE noted = 0;
CREATE INDEX note_undated ON note (number) WHERE noted = 1 AND noted_at IS NULL;

CREATE TRIGGER note_without_gap BEFORE INSERT ON note
WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM note)
BEGIN SELECT RAISE(ABORT, 'a gap in the numbers'); END;

CREATE TRIGGER note_is_kept BEFORE DELETE ON note
WHEN OLD.noted = 0
BEGIN SELECT RAISE(ABORT, 'the cloud does not have this note yet'); END;

CREATE TRIGGER note_keeps_the_place BEFORE DELETE ON note
WHEN OLD.number = (SELECT max(number) FROM note)
BEGIN SELECT RAISE(ABORT, 'the last note tells the number of the next'); END;

CREATE TRIGGER note_stays_noted BEFORE UPDATE OF noted ON note
WHEN OLD.noted = 1 AND NEW.noted = 0
BEGIN SELECT RAISE(ABORT, 'the cloud has this note, for good'); END;

CREATE TRIGGER note_is_frozen BEFORE UPDATE OF number, channel, body ON note
BEGIN SELECT RAISE(ABORT, 'a note is never rewritten'); END;

CREATE TABLE intent (                  -- approved, and not out yet
    address INTEGER PRIMARY KEY,
    body    BLOB NOT NULL
) STRICT;

CREATE TABLE context (
    address INTEGER PRIMARY KEY,
    body    BLOB NOT NULL
) STRICT;

CREATE TABLE anchor (                  -- both clocks at one instant when the time of day was known
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE answer (                  -- to a command: it is not done twice
    command TEXT PRIMARY KEY,
    id      INTEGER NOT NULL,
    body    BLOB NOT NULL
) STRICT;

CREATE TABLE wish (                    -- what the cloud wants set
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    body BLOB NOT NULL
) STRICT;

-- objects --
SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%';

-- make_identity --
INSERT INTO identity (one, epoch, base, salvaged) SELECT 1, :epoch, :base, :salvaged
WHERE NOT EXISTS (SELECT 1 FROM identity);

-- nobody --
SELECT EXISTS (SELECT 1 FROM sale) AND NOT EXISTS (
    SELECT 1 FROM identity, (SELECT * FROM sale ORDER BY place DESC LIMIT 1) AS last
    WHERE (last.epoch = identity.epoch) = (last.place > base)
    AND (last.epoch <> identity.epoch OR last.seq = last.place - base));

-- identity --
SELECT epoch, base, salvaged FROM identity;

-- salvage_told --
UPDATE identity SET salvaged = NULL WHERE salvaged = :story;

-- last_place --
SELECT coalesce(max(place), 0) FROM sale;

-- put_sale --
INSERT INTO sale (place, epoch, seq, sale_id, body, untimed)
VALUES (:place, :epoch, :seq, :sale_id, :body, :untimed);

-- put_salvaged --
INSERT INTO sale (place, epoch, seq, sale_id, body, untimed, told, acknowledged, acknowledged_at)
VALUES (:place, :epoch, :seq, :sale_id, :body, :untimed, :told, :acknowledged, :acknowledged_at);

-- open_sales --
SELECT place, coalesce(told, body), untimed AND told IS NULL FROM sale
WHERE acknowledged = 0 AND place > :after ORDER BY place LIMIT :most;

-- count_open --
SELECT count(*), min(place) FROM sale WHERE acknowledged = 0;

-- sale_at --
SELECT body FROM sale WHERE place = :place;

-- place_of --
SELECT place, coalesce(told, body), untimed AND told IS NULL FROM sale WHERE sale_id = :sale_id;

-- sale --
SELECT coalesce(told, body) FROM sale WHERE sale_id = :sale_id;

-- acknowledge --
UPDATE sale SET acknowledged = 1, acknowledged_at = :at
WHERE acknowledged = 0 AND place BETWEEN :base + max(1, :first) AND :base + :last
AND seq NOT IN (SELECT value FROM json_each(:missing));

-- acknowledge_salvaged --
UPDATE sale SET acknowledged = 1, acknowledged_at = :at
WHERE acknowledged = 0 AND place <= :base AND epoch = :epoch AND seq BETWEEN :first AND :last
AND seq NOT IN (SELECT value FROM json_each(:missing));

-- acknowledge_place --
UPDATE sale SET acknowledged = 1, acknowledged_at = :at WHERE place = :place AND acknowledged = 0;

-- acknowledge_by_id --
UPDATE sale SET acknowledged = 1, acknowledged_at = :at
WHERE acknowledged = 0 AND epoch = :epoch
AND sale_id IN (SELECT value FROM json_each(:stored));

-- still_open --
SELECT place, epoch, seq FROM sale
WHERE acknowledged = 0 AND place IN (SELECT value FROM json_each(:places));

-- forgotten --
SELECT EXISTS (SELECT 1 FROM sale WHERE acknowledged = 1
AND place IN (SELECT :base + value FROM json_each(:missing) WHERE type = 'integer' AND value > 0));

-- untimed --
SELECT place, sale_id, body FROM sale WHERE untimed = 1 AND told IS NULL
ORDER BY place LIMIT :most;

-- tell --
UPDATE sale SET told = :told
WHERE place = :place AND sale_id = :sale_id AND untimed = 1 AND told IS NULL;

-- tell_as_it_is --
UPDATE sale SET told = body WHERE place = :place AND untimed = 1 AND told IS NULL;

-- last_sale --
SELECT coalesce(sale.told, sale.body), receipt.body FROM sale LEFT JOIN receipt USING (sale_id)
ORDER BY place DESC LIMIT 1;

-- last_receipts --
SELECT coalesce(sale.told, sale.body), receipt.body FROM sale JOIN receipt USING (sale_id)
WHERE place > (SELECT max(place) FROM sale) - :most ORDER BY place;

-- last_showings --
SELECT body FROM note
WHERE channel = 'shown' AND number > (SELECT max(number) FROM note) - :most;

-- receipt --
SELECT body FROM receipt WHERE sale_id = :sale_id;

-- put_receipt --
INSERT INTO receipt (sale_id, rev, body, stray)
VALUES (:sale_id, :rev, :body, NOT EXISTS (SELECT 1 FROM sale WHERE sale_id = :sale_id))
ON CONFLICT (sale_id) DO UPDATE SET rev = :rev, body = :body WHERE receipt.rev < :rev
RETURNING stray;

-- forget_strays --
DELETE FROM receipt WHERE stray = 1 AND id <= (
    SELECT id FROM receipt WHERE stray = 1 ORDER BY id DESC LIMIT 1 OFFSET :most);

-- date --
UPDATE sale SET acknowledged_at = :now WHERE place IN (
    SELECT place FROM sale WHERE acknowledged = 1 AND acknowledged_at IS NULL LIMIT :most);

-- date_notes --
UPDATE note SET noted_at = :now WHERE number IN (
    SELECT number FROM note WHERE noted = 1 AND noted_at IS NULL LIMIT :most);

-- forget --
DELETE FROM sale WHERE place IN (
    SELECT place FROM sale
    WHERE acknowledged = 1 AND acknowledged_at < :before AND place < (SELECT max(place) FROM sale)
    ORDER BY place LIMIT :most);

-- last_note --
SELECT coalesce(max(number), 0) FROM note;

-- put_note --
INSERT INTO note (number, channel, body) VALUES (:number, :channel, :body);

-- open_notes --
SELECT number, channel, body FROM note
WHERE noted = 0 AND number > :after AND (:before IS NULL OR number < :before)
ORDER BY number LIMIT :most;

-- count_notes --
SELECT count(*) FROM note WHERE noted = 0;

-- noted --
UPDATE note SET noted = 1, noted_at = :at
WHERE noted = 0 AND number IN (SELECT value FROM json_each(:numbers));

-- incidents --
SELECT body FROM note WHERE channel = 'incident' ORDER BY number DESC LIMIT :most;

-- forget_notes --
DELETE FROM note WHERE number IN (
    SELECT number FROM note
    WHERE noted = 1 AND noted_at < :before AND number < (SELECT max(number) FROM note)
    ORDER BY number LIMIT :most);

-- put_intent --
INSERT INTO intent (address, body) VALUES (:address, :body)
ON CONFLICT (address) DO UPDATE SET body = :body;

-- intents --
SELECT address, body FROM intent;

-- drop_intent --
DELETE FROM intent WHERE address = :address;

-- put_context --
INSERT INTO context (address, body) VALUES (:address, :body)
ON CONFLICT (address) DO UPDATE SET body = :body;

-- contexts --
SELECT address, body FROM context;

-- put_anchor --
INSERT INTO anchor (body) VALUES (:body);

-- anchors --
SELECT body FROM anchor ORDER BY id;

-- forget_anchors --
DELETE FROM anchor WHERE id <= (SELECT max(id) FROM anchor) - :most;

-- put_answer --
INSERT INTO answer (command, id, body)
VALUES (:command, (SELECT coalesce(max(id), 0) + 1 FROM answer), :body)
ON CONFLICT (command) DO UPDATE SET body = :body;

-- forget_answers --
DELETE FROM answer WHERE id <= (SELECT max(id) FROM answer) - :most;

-- answer --
SELECT body FROM answer WHERE command = :command;

-- put_wish --
INSERT INTO wish (one, body) VALUES (1, :body) ON CONFLICT (one) DO UPDATE SET body = :body;

-- drop_wish --
DELETE FROM wish;

-- wish --
SELECT body FROM wish;

-- Each file of this folder brings the schema from the version before to its own number.
PRAGMA application_id = 1382905714; -- the bytes "Rmwr"

-- The log of all rooms. One row of `log` says which incarnation this is.
CREATE TABLE log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL
);
INSERT INTO log (one, epoch) VALUES (1, lower(hex(randomblob(5))));

CREATE TABLE rooms (
    room_id INTEGER PRIMARY KEY,
    room TEXT NOT NULL UNIQUE,
    last_id INTEGER NOT NULL,
    messages INTEGER NOT NULL -- ever kept, trimmed ones included
);
CREATE INDEX rooms_by_last_id ON rooms (last_id);

-- Ids are given by the broker's plugin: rising over all rooms, so also within each.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    room_id INTEGER NOT NULL REFERENCES rooms (room_id),
    prev INTEGER NOT NULL,
    date_ms INTEGER NOT NULL,
    sender TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX messages_by_room ON messages (room_id); -- and by id: a row's id ends each entry

-- Idempotency keys: a repeat within their lifetime is answered with the first id.
CREATE TABLE keys (
    room_id INTEGER NOT NULL REFERENCES rooms (room_id),
    sender TEXT NOT NULL,
    key TEXT NOT NULL,
    id INTEGER NOT NULL,
    date_ms INTEGER NOT NULL,
    PRIMARY KEY (room_id, sender, key)
) WITHOUT ROWID;
CREATE INDEX keys_by_date ON keys (date_ms);

-- How far each numbered source of rows (the spool, the tallies) is stored.
CREATE TABLE sources (
    name TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) WITHOUT ROWID;

PRAGMA user_version = 1;

-- What the gateway has yet to tell webhooks. Each file of this folder brings the schema from the
-- version before to its own number.
PRAGMA application_id = 1382901867; -- the bytes "Rmhk"

-- Which incarnation of the log the ids below belong to; empty before the log was first seen.
CREATE TABLE log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL
);
INSERT INTO log (one, epoch) VALUES (1, '');

-- One row for each URL. Ids are never given again: idempotency keys of what a hook publishes are
-- made from them.
CREATE TABLE hooks (
    hook_id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL UNIQUE,
    since_id INTEGER NOT NULL -- it is told of the messages after this one; -1: of none
);

-- How far each room is delivered to a hook: the messages behind it wait in the log itself. A room
-- without a row is delivered up to the hook's since_id.
CREATE TABLE positions (
    hook_id INTEGER NOT NULL REFERENCES hooks (hook_id),
    room TEXT NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (hook_id, room)
) WITHOUT ROWID;

-- Connects and disconnects that wait, which nobody else keeps; in order for each client.
CREATE TABLE events (
    event_id INTEGER PRIMARY KEY AUTOINCREMENT,
    hook_id INTEGER NOT NULL REFERENCES hooks (hook_id),
    client TEXT NOT NULL,
    kind INTEGER NOT NULL, -- 0 connect, 1 disconnect
    name TEXT NOT NULL, -- what the request's webhook-id says
    date_ms INTEGER NOT NULL,
    json TEXT NOT NULL
);
CREATE INDEX events_by_client ON events (hook_id, client); -- and by event_id
-- While one gateway takes another's place both hear of the same event.
CREATE UNIQUE INDEX events_by_name ON events (hook_id, name);

PRAGMA user_version = 1;

-- What was metered: one counter per UTC hour, room, subject, face and direction.
CREATE TABLE traffic (
    hour INTEGER NOT NULL, -- since 1970
    room TEXT NOT NULL,    -- empty outside the rooms
    subject TEXT NOT NULL,
    face INTEGER NOT NULL,
    direction INTEGER NOT NULL, -- 0 in, 1 out
    messages INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (hour, room, subject, face, direction)
) WITHOUT ROWID;

PRAGMA user_version = 2;

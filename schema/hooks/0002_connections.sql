-- The connections whose begin is told and whose end is not: what will be said when it is found out
-- that one ended while nobody listened.
CREATE TABLE connections (
    version INTEGER PRIMARY KEY, -- the broker's versionNumber: rises from one to the next
    client TEXT NOT NULL,
    session TEXT NOT NULL, -- the sessionIdentifier, from which the event's name is made
    principal TEXT NOT NULL,
    source_ip TEXT NOT NULL -- empty if there is none
);
CREATE INDEX connections_by_client ON connections (client); -- and by version

PRAGMA user_version = 2;

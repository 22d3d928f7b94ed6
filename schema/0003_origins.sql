-- Where messages came from, for their webhooks alone: there only while messages have a webhook, and
-- gone once none of them can be delivered any more.
CREATE TABLE origins (
    id INTEGER PRIMARY KEY, -- of the message
    date_ms INTEGER NOT NULL,
    origin TEXT NOT NULL -- one JSON object
);

PRAGMA user_version = 3;

-- What is known of restores, and what all processes must count together.

-- When this database was restored from a backup, and of when that was. Receipts issued between the two are in the world and
-- not in the books: the numbers of later ones begin another series.
CREATE TABLE restoration (
    restored_at     timestamptz PRIMARY KEY DEFAULT now(),
    backup_begun_at timestamptz NOT NULL
);

GRANT SELECT ON restoration TO testkase_app;

-- How often of late somebody tried to sign in, and which codes of a second step were used: counted here, so that another
-- process is not another budget, and a code opens one door once. Keys are hashes: no address is in them. UNLOGGED: after a
-- crash of the server it is empty, and nobody waits for its disk.
CREATE UNLOGGED TABLE throttle (
    key        bytea PRIMARY KEY CHECK (length(key) = 32),
    value      text COLLATE "C" NOT NULL CHECK (length(value) <= 1000000),
    expires_at timestamptz NOT NULL
);

CREATE INDEX throttle_expires ON throttle (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON throttle TO testkase_app;

-- Codes that were mailed to users: of each user and purpose the newest, as a hash. How many were given out, and since when,
-- bounds how many more may be.
CREATE TABLE codes (
    user_id     INTEGER NOT NULL REFERENCES users,
    purpose     TEXT NOT NULL CHECK (purpose IN ('verification', 'reset')),
    hash        BLOB NOT NULL,
    tries       INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    given       INTEGER NOT NULL,
    given_since INTEGER NOT NULL,
    PRIMARY KEY (user_id, purpose)
) STRICT, WITHOUT ROWID;

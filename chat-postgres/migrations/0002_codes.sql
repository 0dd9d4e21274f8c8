-- Codes that were mailed to users: of each user and purpose the newest, as a hash. How many were given out, and since when,
-- bounds how many more may be.
CREATE TABLE main.codes (
    user_id     BIGINT NOT NULL REFERENCES main.users,
    purpose     TEXT NOT NULL CHECK (purpose IN ('verification', 'reset')),
    hash        BYTEA NOT NULL,
    tries       BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    given       BIGINT NOT NULL,
    given_since BIGINT NOT NULL,
    PRIMARY KEY (user_id, purpose)
);

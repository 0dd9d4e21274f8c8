-- Everything the engine keeps. Times are Unix seconds, flags are 0 or 1.

-- Marks the file as ours: 'chat' in ASCII.
PRAGMA application_id = 0x63686174;

-- One row. Users and conversations draw from last_id; activity of conversations and joining of members from last_rank.
-- The epoch names this history, in which a seq has its meaning.
CREATE TABLE counters (
    only_row        INTEGER PRIMARY KEY CHECK (only_row = 1),
    last_id         INTEGER NOT NULL,
    last_message_id INTEGER NOT NULL,
    last_rank       INTEGER NOT NULL,
    epoch           TEXT NOT NULL
) STRICT;
INSERT INTO counters VALUES (1, 0, 0, 0, lower(hex(randomblob(16))));

-- The *_key columns hold the form by which the column before is compared. A deleted user keeps the row, under the name that
-- their traces carry, and nothing personal.
CREATE TABLE users (
    id              INTEGER PRIMARY KEY,
    username        TEXT NOT NULL,
    username_key    TEXT NOT NULL,
    fullname        TEXT NOT NULL,
    fullname_key    TEXT NOT NULL,
    email           TEXT,
    email_key       TEXT,
    email_verified  INTEGER NOT NULL DEFAULT 0,
    profile_picture TEXT,
    public_key      TEXT,
    password        TEXT,
    is_admin        INTEGER NOT NULL DEFAULT 0,
    last_online     INTEGER,
    created_at      INTEGER NOT NULL,
    deleted         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX users_by_username ON users (username_key);
CREATE UNIQUE INDEX users_by_email ON users (email_key) WHERE email_key IS NOT NULL;

-- Two rows for each pair.
CREATE TABLE contacts (
    user_id    INTEGER NOT NULL REFERENCES users,
    contact_id INTEGER NOT NULL REFERENCES users,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, contact_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE logins (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id      INTEGER NOT NULL REFERENCES users,
    refresh      BLOB NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX logins_by_user ON logins (user_id);

-- Of each login the newest ones, by rising id.
CREATE TABLE spent_tokens (
    id       INTEGER PRIMARY KEY,
    refresh  BLOB NOT NULL UNIQUE,
    login_id INTEGER NOT NULL REFERENCES logins ON DELETE CASCADE
) STRICT;
CREATE INDEX spent_tokens_by_login ON spent_tokens (login_id);

-- activity rises with every message sent anywhere: lists of conversations are ordered by it.
CREATE TABLE conversations (
    id           INTEGER PRIMARY KEY,
    kind         TEXT NOT NULL CHECK (kind IN ('direct', 'group')),
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    visibility   TEXT NOT NULL CHECK (visibility IN ('private', 'public')),
    created_at   INTEGER NOT NULL,
    last_seq     INTEGER NOT NULL,
    member_count INTEGER NOT NULL,
    activity     INTEGER NOT NULL,
    direct_low   INTEGER REFERENCES users,
    direct_high  INTEGER REFERENCES users
) STRICT;
CREATE UNIQUE INDEX conversations_direct ON conversations (direct_low, direct_high) WHERE direct_low IS NOT NULL;
CREATE INDEX conversations_public ON conversations (id) WHERE visibility = 'public';

-- read_seq and read_message_id are the place and the id of the message that the read mark stands at.
CREATE TABLE members (
    conversation_id INTEGER NOT NULL REFERENCES conversations,
    user_id         INTEGER NOT NULL REFERENCES users,
    role            TEXT NOT NULL CHECK (role IN ('member', 'admin', 'owner')),
    join_rank       INTEGER NOT NULL,
    joined_at       INTEGER NOT NULL,
    read_seq        INTEGER NOT NULL,
    read_message_id INTEGER,
    PRIMARY KEY (conversation_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX members_by_rank ON members (conversation_id, join_rank);
CREATE INDEX members_by_user ON members (user_id);

-- A message is its own event of being sent, at seq. A deleted one has no content, and the seq of its deletion.
CREATE TABLE messages (
    id              INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL REFERENCES conversations,
    seq             INTEGER NOT NULL,
    sender_id       INTEGER NOT NULL REFERENCES users,
    content         TEXT NOT NULL,
    reply_id        INTEGER,
    nonce           TEXT,
    sent_at         INTEGER NOT NULL,
    edited_at       INTEGER,
    deleted_seq     INTEGER
) STRICT;
-- Order, and all that an unread count reads. One index instead of two, since every message of a busy minute goes to another
-- page of each: that is what a batch costs.
CREATE INDEX messages_by_seq ON messages (conversation_id, seq, sender_id, deleted_seq);
CREATE UNIQUE INDEX messages_by_nonce ON messages (sender_id, nonce);

-- What took a seq besides sending. Never holds words of a message.
CREATE TABLE events (
    conversation_id INTEGER NOT NULL REFERENCES conversations,
    seq             INTEGER NOT NULL,
    kind            TEXT NOT NULL,
    actor_id        INTEGER NOT NULL REFERENCES users,
    subject_id      INTEGER REFERENCES users,
    message_id      INTEGER,
    name            TEXT,
    visibility      TEXT,
    role            TEXT,
    PRIMARY KEY (conversation_id, seq)
) STRICT, WITHOUT ROWID;

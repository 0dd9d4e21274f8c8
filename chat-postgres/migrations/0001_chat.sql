-- Everything the engine keeps. Times are Unix seconds. The schema is called main here; the real name takes its place.

-- Users and conversations draw from ids; messages, and conversations in the order of their activity, from message_ids.
CREATE SEQUENCE main.ids;
CREATE SEQUENCE main.message_ids;
CREATE SEQUENCE main.join_ranks;

-- One row. Its epoch names this history, in which a seq has its meaning.
CREATE TABLE main.history (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    epoch    TEXT NOT NULL
);
INSERT INTO main.history (epoch) VALUES (replace(gen_random_uuid()::text, '-', ''));

-- The *_key columns hold the form by which the column before is compared, byte by byte. A deleted user keeps the row, under
-- the name that their traces carry, and nothing personal.
CREATE TABLE main.users (
    id              BIGINT PRIMARY KEY,
    username        TEXT NOT NULL,
    username_key    TEXT COLLATE "C" NOT NULL,
    fullname        TEXT NOT NULL,
    fullname_key    TEXT COLLATE "C" NOT NULL,
    email           TEXT,
    email_key       TEXT COLLATE "C",
    email_verified  BOOLEAN NOT NULL DEFAULT FALSE,
    profile_picture TEXT,
    public_key      TEXT,
    password        TEXT,
    is_admin        BOOLEAN NOT NULL DEFAULT FALSE,
    last_online     BIGINT,
    created_at      BIGINT NOT NULL,
    deleted         BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX users_by_username ON main.users (username_key);
CREATE UNIQUE INDEX users_by_email ON main.users (email_key) WHERE email_key IS NOT NULL;

-- Two rows for each pair.
CREATE TABLE main.contacts (
    user_id    BIGINT NOT NULL REFERENCES main.users,
    contact_id BIGINT NOT NULL REFERENCES main.users,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, contact_id)
);

CREATE TABLE main.logins (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      BIGINT NOT NULL REFERENCES main.users,
    refresh      BYTEA NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX logins_by_user ON main.logins (user_id);

-- Of each login the newest ones, by rising id.
CREATE TABLE main.spent_tokens (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    refresh  BYTEA NOT NULL UNIQUE,
    login_id BIGINT NOT NULL REFERENCES main.logins ON DELETE CASCADE
);
CREATE INDEX spent_tokens_by_login ON main.spent_tokens (login_id);

-- No table from here on refers to others by foreign keys. Users stay as rows for ever, and whoever writes here holds the lock
-- on the row of the conversation; the checks would take locks on users at a point where the order of locks allows none, and
-- cost the server as much again as the messages themselves.

-- activity rises with every message sent anywhere: lists of conversations are ordered by it. Each message changes last_seq and
-- activity, which are in no index; room is left on each page, so that a change stays on it.
CREATE TABLE main.conversations (
    id           BIGINT PRIMARY KEY,
    kind         TEXT NOT NULL CHECK (kind IN ('direct', 'group')),
    name         TEXT NOT NULL,
    name_key     TEXT COLLATE "C" NOT NULL,
    visibility   TEXT NOT NULL CHECK (visibility IN ('private', 'public')),
    created_at   BIGINT NOT NULL,
    last_seq     BIGINT NOT NULL,
    member_count BIGINT NOT NULL,
    activity     BIGINT NOT NULL,
    direct_low   BIGINT,
    direct_high  BIGINT
) WITH (fillfactor = 60);
CREATE UNIQUE INDEX conversations_direct ON main.conversations (direct_low, direct_high) WHERE direct_low IS NOT NULL;
CREATE INDEX conversations_public ON main.conversations (id) WHERE visibility = 'public';

-- read_seq and read_message_id are the place and the id of the message that the read mark stands at.
CREATE TABLE main.members (
    conversation_id BIGINT NOT NULL,
    user_id         BIGINT NOT NULL,
    role            TEXT NOT NULL CHECK (role IN ('member', 'admin', 'owner')),
    join_rank       BIGINT NOT NULL,
    joined_at       BIGINT NOT NULL,
    read_seq        BIGINT NOT NULL,
    read_message_id BIGINT,
    PRIMARY KEY (conversation_id, user_id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX members_by_rank ON main.members (conversation_id, join_rank);
CREATE INDEX members_by_user ON main.members (user_id);

-- A message is its own event of being sent, at seq. A deleted one has no content, and the seq of its deletion.
CREATE TABLE main.messages (
    id              BIGINT PRIMARY KEY,
    conversation_id BIGINT NOT NULL,
    seq             BIGINT NOT NULL,
    sender_id       BIGINT NOT NULL,
    content         TEXT NOT NULL,
    reply_id        BIGINT,
    nonce           TEXT COLLATE "C",
    sent_at         BIGINT NOT NULL,
    edited_at       BIGINT,
    deleted_seq     BIGINT
);
-- Order, and all that an unread count reads.
CREATE UNIQUE INDEX messages_by_seq ON main.messages (conversation_id, seq) INCLUDE (sender_id, deleted_seq);
-- Those without a nonce, too: what a user wrote is found by it when the user is deleted.
CREATE UNIQUE INDEX messages_by_nonce ON main.messages (sender_id, nonce);

-- What took a seq besides sending. Never holds words of a message.
CREATE TABLE main.events (
    conversation_id BIGINT NOT NULL,
    seq             BIGINT NOT NULL,
    kind            TEXT NOT NULL,
    actor_id        BIGINT NOT NULL,
    subject_id      BIGINT,
    message_id      BIGINT,
    name            TEXT,
    visibility      TEXT,
    role            TEXT,
    PRIMARY KEY (conversation_id, seq)
);

-- Who is to be left alone by whom. A row that names its own user stands for all who are no contacts.
CREATE TABLE blocks (
    user_id    INTEGER NOT NULL REFERENCES users,
    blocked_id INTEGER NOT NULL REFERENCES users,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_blocked ON blocks (blocked_id);

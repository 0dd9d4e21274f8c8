-- Who is to be left alone by whom. A row that names its own user stands for all who are no contacts.
CREATE TABLE main.blocks (
    user_id    BIGINT NOT NULL REFERENCES main.users,
    blocked_id BIGINT NOT NULL REFERENCES main.users,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
);
CREATE INDEX blocks_by_blocked ON main.blocks (blocked_id);

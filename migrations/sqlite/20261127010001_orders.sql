-- What was ordered under a name of the client's choice, so that an order which arrives twice counts once. Forgotten after
-- a day.
CREATE TABLE orders (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the name, and of what was ordered.
    name BLOB NOT NULL,
    content BLOB NOT NULL,
    -- The call, search or batch that it became.
    subject BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, name)
);
CREATE INDEX orders_by_age ON orders (created_at);

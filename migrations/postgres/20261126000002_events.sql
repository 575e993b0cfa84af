-- What pages and programs are told of a user's changes: topic and id, never content. A hint to read again.
CREATE TABLE user_events (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Counts up by one for each user, in the order of the commits.
    seq BIGINT NOT NULL,
    topic TEXT NOT NULL,
    -- A provider or a search; empty for the account.
    subject TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (user_id, seq)
);

-- The last event of each user. Kept when the events themselves are forgotten, so that a number is never used twice.
CREATE TABLE user_event_heads (
    user_id UUID PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX user_event_heads_by_time ON user_event_heads (at);

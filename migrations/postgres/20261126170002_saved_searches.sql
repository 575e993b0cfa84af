-- Searches that their user keeps under a name, to run them again.
CREATE TABLE saved_searches (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    request JSONB NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, name)
);

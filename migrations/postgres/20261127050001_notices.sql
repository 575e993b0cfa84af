-- What users are told of. Those that are over are kept for 90 days.
CREATE TABLE notices (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    -- The provider whose key it is about.
    provider TEXT NOT NULL,
    -- The word of the reason, and what was left of the allowance.
    reason TEXT,
    detail TEXT,
    opened_at BIGINT NOT NULL,
    resolved_at BIGINT,
    -- How often it came back soon after it was over, the first time included.
    times BIGINT NOT NULL,
    read_at BIGINT
);
-- A user is told once.
CREATE UNIQUE INDEX notices_open ON notices (user_id, provider, kind) WHERE resolved_at IS NULL;
CREATE INDEX notices_unread ON notices (user_id) WHERE read_at IS NULL;
CREATE INDEX notices_by_user ON notices (user_id, id);
CREATE INDEX notices_by_end ON notices (resolved_at);

-- What a user does not want to be told of.
CREATE TABLE notice_settings (
    user_id UUID PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- The words of the kinds.
    off JSONB NOT NULL,
    -- The hours in which nothing is sent that people read, and in which time zone; none where there are none.
    quiet JSONB
);

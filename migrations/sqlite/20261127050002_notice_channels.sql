-- Where users are told of their notices, besides the pages.
CREATE TABLE notice_channels (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    -- The receiver's host, or the e-mail address: what may be shown.
    label TEXT NOT NULL,
    -- The address and the secrets that sign, sealed; none for e-mail.
    dek_id BLOB REFERENCES deks (id),
    sealed BLOB,
    -- Raised by every new secret; part of the sealing context.
    version BIGINT NOT NULL,
    rotating_until BIGINT,
    -- SHA-256 of the code that proves an e-mail address, until it was used.
    confirm_hash BLOB,
    confirmed_at BIGINT,
    failing_since BIGINT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX notice_channels_by_user ON notice_channels (user_id, id);

-- Messages to those places, sent or to be sent. Kept for 30 days.
CREATE TABLE notice_messages (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    channel_id BLOB NOT NULL REFERENCES notice_channels (id) ON DELETE CASCADE,
    -- What it tells of; none for tests.
    notice_id BLOB REFERENCES notices (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    -- How often it was taken up; also the fencing token of whoever sends it.
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- Until when whoever took it up may take to send it.
    leased_until BIGINT,
    http_status BIGINT,
    fault TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX notice_messages_due ON notice_messages (due_at) WHERE state = 'waiting';
CREATE INDEX notice_messages_leased ON notice_messages (user_id) WHERE leased_until IS NOT NULL;
CREATE INDEX notice_messages_by_channel ON notice_messages (channel_id, id);
CREATE INDEX notice_messages_by_notice ON notice_messages (notice_id);
CREATE INDEX notice_messages_by_end ON notice_messages (ended_at);

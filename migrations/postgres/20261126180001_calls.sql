-- Calls that were ordered here.
CREATE TABLE calls (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Whom, from which number, and what is said.
    request JSONB NOT NULL,
    to_number TEXT NOT NULL,
    from_number TEXT NOT NULL,
    state TEXT NOT NULL,
    -- How far that is. A call never goes back, so reports may come late, twice and out of order.
    stage BIGINT NOT NULL,
    notice TEXT,
    -- Twilio's name of the call. Between sent_at and this, only Twilio knows whether it has the call.
    sid TEXT,
    sent_at BIGINT,
    -- What it was placed with: the account, and the credential as it was then.
    account TEXT,
    key_id UUID,
    key_version BIGINT,
    -- Twilio was asked to report.
    reported BOOLEAN NOT NULL,
    -- The number of the last report.
    sequence BIGINT NOT NULL,
    -- Its owner wants it to end.
    hang_up BOOLEAN NOT NULL,
    seconds BIGINT,
    price TEXT,
    price_unit TEXT,
    created_at BIGINT NOT NULL,
    answered_at BIGINT,
    ended_at BIGINT
);
CREATE INDEX calls_by_user ON calls (user_id, id);
CREATE UNIQUE INDEX calls_by_sid ON calls (user_id, sid) WHERE sid IS NOT NULL;
CREATE INDEX calls_open ON calls (user_id) WHERE ended_at IS NULL;

-- What was heard of a call. A report that is repeated finds its row here, and has no effect.
CREATE TABLE call_events (
    call_id UUID NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    -- report, answer or recording: told by Twilio, asked for, or about a recording.
    source TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    word TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (call_id, source, sequence, word)
);

CREATE TABLE call_recordings (
    call_id UUID NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    sid TEXT NOT NULL,
    seconds BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (call_id, sid)
);

-- From here on a replaced credential's copy stays while calls live that were placed with it.
ALTER TABLE webhook_secrets RENAME TO webhook_secrets_before;
CREATE TABLE webhook_secrets (
    key_id UUID NOT NULL REFERENCES user_api_keys (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    -- The credential's version, and the fields beside the envelope, which say where the copy belongs.
    version BIGINT NOT NULL,
    config JSONB NOT NULL,
    dek_id UUID NOT NULL REFERENCES deks (id),
    sealed BYTEA NOT NULL,
    PRIMARY KEY (key_id, version)
);
INSERT INTO webhook_secrets (key_id, user_id, version, config, dek_id, sealed)
SELECT w.key_id, w.user_id, k.credential_version, k.config, w.dek_id, w.sealed
FROM webhook_secrets_before w JOIN user_api_keys k ON k.id = w.key_id;
DROP TABLE webhook_secrets_before;

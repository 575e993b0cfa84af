-- Times are microseconds since 1970-01-01T00:00:00Z, given by the application's clock.

CREATE TABLE installation (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    demo BOOLEAN NOT NULL,
    -- The last known setting of ENABLE_API_KEY_VALIDATION, and when it was last switched on again.
    checking BOOLEAN NOT NULL,
    checking_on_since BIGINT,
    created_at BIGINT NOT NULL
);

-- A constant sealed under each KEK: tells a wrong KEK from a damaged row.
CREATE TABLE kek_checks (
    kek_id TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

-- Owner is a user's id, or 'instance'.
CREATE TABLE deks (
    id BLOB PRIMARY KEY,
    owner TEXT NOT NULL,
    version BIGINT NOT NULL,
    kek_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner, version)
);

CREATE TABLE instance_secrets (
    name TEXT PRIMARY KEY,
    dek_id BLOB NOT NULL REFERENCES deks (id),
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id BLOB PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    plan TEXT NOT NULL,
    -- Raised by a password change and the like; sessions and tokens of an earlier epoch are dead.
    epoch BIGINT NOT NULL,
    disabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE invitations (
    code_hash BLOB PRIMARY KEY,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,
    epoch BIGINT NOT NULL,
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE user_api_keys (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    slot TEXT NOT NULL DEFAULT 'default',
    encrypted_key BLOB NOT NULL,
    dek_id BLOB NOT NULL REFERENCES deks (id),
    config TEXT NOT NULL,
    metadata TEXT NOT NULL,
    hint TEXT NOT NULL,
    status TEXT NOT NULL,
    status_reason TEXT,
    -- The reason of the last check where it gave no definite answer.
    last_result TEXT,
    undecryptable BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    last_validated BIGINT,
    -- Doubles as the end of a lease while a check is under way.
    next_check_at BIGINT NOT NULL,
    -- Since when a definite answer is due.
    due_since BIGINT,
    -- Checks in a row with the same kind of result: the step on the ladder of waiting times.
    check_step BIGINT NOT NULL,
    -- Raised by every claim and every change; the fencing token of a check's result.
    revision BIGINT NOT NULL,
    credential_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (user_id, provider, slot)
);
CREATE INDEX user_api_keys_due ON user_api_keys (next_check_at);

-- The Twilio auth token, sealed a second time for the verifier of webhooks.
CREATE TABLE webhook_secrets (
    key_id BLOB PRIMARY KEY REFERENCES user_api_keys (id) ON DELETE CASCADE,
    user_id BLOB NOT NULL,
    dek_id BLOB NOT NULL REFERENCES deks (id),
    sealed BLOB NOT NULL
);

CREATE TABLE retired_credentials (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_id BLOB NOT NULL REFERENCES user_api_keys (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    slot TEXT NOT NULL,
    encrypted_key BLOB NOT NULL,
    dek_id BLOB NOT NULL REFERENCES deks (id),
    config TEXT NOT NULL,
    hint TEXT NOT NULL,
    credential_version BIGINT NOT NULL,
    retired_at BIGINT NOT NULL,
    destroy_after BIGINT NOT NULL
);
CREATE INDEX retired_credentials_due ON retired_credentials (destroy_after);

-- One chain of security events for each owner.
CREATE TABLE audit_log (
    owner TEXT NOT NULL,
    seq BIGINT NOT NULL,
    prev BLOB NOT NULL,
    mac BLOB NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (owner, seq)
);

CREATE TABLE usage_events (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_id BLOB,
    provider TEXT NOT NULL,
    service TEXT,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    latency_us BIGINT NOT NULL,
    units BIGINT NOT NULL,
    source TEXT NOT NULL,
    key_source TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX usage_events_by_user ON usage_events (user_id, at);

CREATE TABLE rate_limits (
    bucket BLOB PRIMARY KEY,
    window_start BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    forget_after BIGINT NOT NULL
);

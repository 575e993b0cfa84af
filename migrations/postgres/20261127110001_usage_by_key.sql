-- Calls are counted apart by whose key they were made with and by the version of a stored one, so that all that is known of
-- calls is known of those with each version. Of older calls neither is known: they count as made with a key of the user's
-- that is not stored (zeros). What was counted by version alone knew neither outcome nor latency, and is given up.
ALTER TABLE usage_hours RENAME TO usage_hours_before;
CREATE TABLE usage_hours (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hour BIGINT NOT NULL,
    provider TEXT NOT NULL,
    key_source TEXT NOT NULL DEFAULT 'user',
    key_id UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    key_version BIGINT NOT NULL DEFAULT 0,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    latency_le_us BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    units BIGINT NOT NULL,
    -- Not known of older calls.
    first_at BIGINT,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, hour, provider, key_source, key_id, key_version, service, operation, outcome, latency_le_us)
);
INSERT INTO usage_hours (user_id, hour, provider, service, operation, outcome, latency_le_us, calls, units, last_at)
SELECT user_id, hour, provider, service, operation, outcome, latency_le_us, calls, units, last_at FROM usage_hours_before;
DROP TABLE usage_hours_before;
CREATE INDEX usage_hours_by_time ON usage_hours (hour);
ALTER TABLE usage_days RENAME TO usage_days_before;
CREATE TABLE usage_days (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    key_source TEXT NOT NULL DEFAULT 'user',
    key_id UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    key_version BIGINT NOT NULL DEFAULT 0,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    latency_le_us BIGINT NOT NULL,
    day BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    units BIGINT NOT NULL,
    first_at BIGINT,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, provider, key_source, key_id, key_version, service, operation, outcome, latency_le_us, day)
);
INSERT INTO usage_days (user_id, provider, service, operation, outcome, latency_le_us, day, calls, units, last_at)
SELECT user_id, provider, service, operation, outcome, latency_le_us, day, calls, units, last_at FROM usage_days_before;
DROP TABLE usage_days_before;
CREATE INDEX usage_days_by_time ON usage_days (day);
DROP TABLE usage_versions;
-- Calls that were called off tell nothing of the provider.
ALTER TABLE usage_providers ADD COLUMN cancelled BIGINT NOT NULL DEFAULT 0;
UPDATE usage_providers SET cancelled = (
    SELECT COALESCE(SUM(h.calls), 0) FROM usage_hours h
    WHERE h.user_id = usage_providers.user_id AND h.hour = usage_providers.hour
        AND h.provider = usage_providers.provider AND h.outcome = 'cancelled');
-- What is kept for two years is found by its time, and not by reading all of it.
CREATE INDEX usage_totals_by_time ON usage_totals (hour);
CREATE INDEX usage_providers_by_time ON usage_providers (hour);

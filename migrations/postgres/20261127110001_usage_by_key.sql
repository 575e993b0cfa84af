-- Calls are counted apart by whose key they were made with and by the version of a stored one, so that all that is known of
-- calls is known of those with each version. Of older calls neither is known: they count as made with a key of the user's
-- that is not stored (zeros). What was counted by version alone knew neither outcome nor latency, and is given up.
ALTER TABLE usage_hours
    ADD COLUMN key_source TEXT NOT NULL DEFAULT 'user',
    ADD COLUMN key_id UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    ADD COLUMN key_version BIGINT NOT NULL DEFAULT 0,
    -- Not known of older calls.
    ADD COLUMN first_at BIGINT,
    DROP CONSTRAINT usage_hours_pkey,
    ADD PRIMARY KEY
        (user_id, hour, provider, key_source, key_id, key_version, service, operation, outcome, latency_le_us);
ALTER TABLE usage_days
    ADD COLUMN key_source TEXT NOT NULL DEFAULT 'user',
    ADD COLUMN key_id UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    ADD COLUMN key_version BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN first_at BIGINT,
    DROP CONSTRAINT usage_days_pkey,
    ADD PRIMARY KEY
        (user_id, provider, key_source, key_id, key_version, service, operation, outcome, latency_le_us, day);
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

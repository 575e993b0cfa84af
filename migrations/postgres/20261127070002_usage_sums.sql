-- The calls to a provider of an hour, for charts of one provider and for the days of any zone: `unreachable` counts
-- those that failed for the provider's sake.
CREATE TABLE usage_providers (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    hour BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    unreachable BIGINT NOT NULL,
    PRIMARY KEY (user_id, hour, provider)
);
INSERT INTO usage_providers (user_id, provider, hour, calls, failed, unreachable)
SELECT user_id, provider, hour, SUM(calls), SUM(CASE WHEN outcome IN ('done', 'cancelled') THEN 0 ELSE calls END),
    SUM(CASE WHEN outcome = 'unreachable' THEN calls ELSE 0 END)
FROM usage_hours GROUP BY 1, 2, 3;
-- The calls made with each version of a stored credential. Calls from before this table do not know theirs. It stays
-- when the key is deleted.
CREATE TABLE usage_versions (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_id UUID NOT NULL,
    version BIGINT NOT NULL,
    provider TEXT NOT NULL,
    calls BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, key_id, version)
);

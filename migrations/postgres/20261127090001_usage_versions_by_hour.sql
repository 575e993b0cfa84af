-- The calls made with each version of a stored credential are counted by the hour. What was counted before stands in the
-- hour of the last of those calls.
ALTER TABLE usage_versions RENAME TO usage_versions_in_all;
CREATE TABLE usage_versions (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hour BIGINT NOT NULL,
    key_id UUID NOT NULL,
    version BIGINT NOT NULL,
    provider TEXT NOT NULL,
    calls BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, hour, key_id, version)
);
INSERT INTO usage_versions (user_id, hour, key_id, version, provider, calls, failed, first_at, last_at)
SELECT user_id, last_at - last_at % 3600000000, key_id, version, provider, calls, failed, first_at, last_at
FROM usage_versions_in_all;
DROP TABLE usage_versions_in_all;

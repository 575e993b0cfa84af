-- Outbound calls by the hour, in the buckets of a histogram: how many took at most so many microseconds, and more
-- than the bucket before. Counts of hours and buckets add up to those of any longer time.
CREATE TABLE usage_hours (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hour BIGINT NOT NULL,
    provider TEXT NOT NULL,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    latency_le_us BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    units BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, hour, provider, service, operation, outcome, latency_le_us)
) WITHOUT ROWID;
INSERT INTO usage_hours
WITH bounds (le) AS (
    VALUES (1000), (1500), (2000), (3000), (5000), (7000), (10000), (15000), (20000), (30000), (50000),
        (70000), (100000), (150000), (200000), (300000), (500000), (700000), (1000000), (1500000),
        (2000000), (3000000), (5000000), (7000000), (10000000), (15000000), (20000000), (30000000),
        (50000000), (70000000), (100000000)
)
SELECT user_id, at / 3600000000 * 3600000000, provider, COALESCE(service, ''), operation, outcome,
    COALESCE((SELECT MIN(le) FROM bounds WHERE le >= latency_us), 100000000), COUNT(*), SUM(units), MAX(at)
FROM usage_events GROUP BY 1, 2, 3, 4, 5, 6, 7;
-- Old events are forgotten, their hours stay.
CREATE INDEX usage_events_by_time ON usage_events (at);

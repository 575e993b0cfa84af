-- The hours of a day of UTC, added up, so that a long time is read quickly. A user's rows lie in the order in which
-- they are added up.
CREATE TABLE usage_days (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    latency_le_us BIGINT NOT NULL,
    day BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    units BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, provider, service, operation, outcome, latency_le_us, day)
);
INSERT INTO usage_days (user_id, provider, service, operation, outcome, latency_le_us, day, calls, units, last_at)
SELECT user_id, provider, service, operation, outcome, latency_le_us, hour / 86400000000 * 86400000000,
    SUM(calls), SUM(units), MAX(last_at)
FROM usage_hours GROUP BY 1, 2, 3, 4, 5, 6, 7;
-- All calls of an hour, for the charts.
CREATE TABLE usage_totals (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hour BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    PRIMARY KEY (user_id, hour)
);
INSERT INTO usage_totals (user_id, hour, calls, failed)
SELECT user_id, hour, SUM(calls), SUM(CASE WHEN outcome IN ('done', 'cancelled') THEN 0 ELSE calls END)
FROM usage_hours GROUP BY 1, 2;

-- What providers charged for calls, once they have said so: a row for each, counted in the hour in which it was ordered.
-- It stays when what was ordered is deleted from its history.
CREATE TABLE usage_costs (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What was paid for, such as a call.
    subject UUID NOT NULL,
    hour BIGINT NOT NULL,
    provider TEXT NOT NULL,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    -- Who supplied the key, and so who pays.
    key_source TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Whole units of the currency, and billionths of one: sums of both are exact.
    whole BIGINT NOT NULL,
    billionths BIGINT NOT NULL,
    PRIMARY KEY (user_id, subject)
);
CREATE INDEX usage_costs_by_hour ON usage_costs (user_id, hour);
CREATE INDEX usage_costs_by_age ON usage_costs (hour);
INSERT INTO usage_costs
SELECT user_id, id, COALESCE(sent_at, created_at) / 3600000000 * 3600000000, 'twilio', 'calling', 'create_call',
    CASE WHEN key_id IS NULL THEN 'platform' ELSE 'user' END, price_unit,
    CAST('0' || split_part(ltrim(price, '-'), '.', 1) AS BIGINT) * CASE WHEN price LIKE '-%' THEN -1 ELSE 1 END,
    CAST(substr(split_part(price, '.', 2) || '000000000', 1, 9) AS BIGINT) * CASE WHEN price LIKE '-%' THEN -1 ELSE 1 END
FROM calls
WHERE price IS NOT NULL AND price_unit IS NOT NULL AND price NOT LIKE '%.%.%'
    AND length(split_part(ltrim(price, '-'), '.', 1)) <= 12 AND length(split_part(price, '.', 2)) <= 9;

-- What the last check rests on: outcome, reason, HTTP status, the provider's own code, time. Absent before the first.
ALTER TABLE user_api_keys ADD COLUMN evidence JSONB;
